/**
 * The syntax of small PL/SQL: blocks with declarations and handlers, IF, LOOP, WHILE, FOR over numbers and queries, SELECT
 * INTO, OPEN FOR, EXECUTE IMMEDIATE, calls. Expressions and SQL stay lists of tokens, for the engine to run. Packages, types,
 * collections and nested subprograms are not understood: they answer PLS-00103.
 * Over 300 lines because the statements of a block nest in each other: one parser reads all of them.
 */
import { OraError } from '../backend.js';
import { tokenize } from '../sql-scan.js';
import type {
  Argument,
  Block,
  Branch,
  Declaration,
  Handler,
  Parameter,
  PlsqlStatement,
  StatementFacts,
  StoredProcedure,
  Target,
  Tokens,
} from './plsql-tree.js';
import { TokenReader } from './token-reader.js';

const SQL_VERBS = ['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'COMMIT', 'ROLLBACK', 'SAVEPOINT', 'LOCK', 'SET'];

export function parseBlock(source: string): Block {
  const parser = new PlsqlParser(source);
  return parser.block();
}

/** CREATE [OR REPLACE] PROCEDURE. */
export function parseProcedure(source: string): StoredProcedure {
  return new PlsqlParser(source).procedure();
}

class PlsqlParser {
  readonly #source: string;
  readonly #reader: TokenReader;
  #at: number;

  constructor(source: string) {
    this.#source = source;
    this.#reader = new TokenReader(tokenize(source));
    this.#at = this.#reader.solid(0);
  }

  procedure(): StoredProcedure {
    while (!this.#is('PROCEDURE')) this.#advance();
    this.#advance();
    const name = this.#qualifiedName();
    const parameters = this.#is('(') ? this.#parameters() : [];
    if (!this.#take('IS') && !this.#take('AS')) throw this.#unexpected();
    const declarations = this.#declarations();
    return { name, parameters, block: this.#body(declarations), source: this.#source };
  }

  block(): Block {
    if (this.#take('CALL')) {
      const { at, ...call } = this.#call(this.#reader.length);
      return { declarations: [], codes: new Map(), body: [{ ...call, at }], handlers: [] };
    }
    return this.#body(this.#take('DECLARE') ? this.#declarations() : { declarations: [], codes: new Map() });
  }

  #parameters(): Parameter[] {
    const open = this.#at;
    const found = this.#reader.arguments(open).map(([from, to]): Parameter => {
      this.#at = this.#reader.solid(from);
      const name = this.#name();
      const isIn = this.#take('IN');
      const isOut = this.#take('OUT');
      this.#take('NOCOPY');
      const byDefault = this.#reader.find(this.#at, to, ':=', 'DEFAULT');
      const type = this.#words(this.#at, byDefault < 0 ? to : byDefault);
      return {
        name,
        isIn: isIn || !isOut,
        isOut,
        type,
        value: byDefault < 0 ? undefined : this.#slice(byDefault + 1, to),
      };
    });
    this.#at = this.#reader.next(this.#reader.close(open));
    return found;
  }

  #declarations(): Pick<Block, 'declarations' | 'codes'> {
    const declarations: Declaration[] = [];
    const codes = new Map<string, number>();
    while (!this.#is('BEGIN')) {
      const end = this.#reader.find(this.#at, this.#reader.length, ';');
      if (end < 0 || this.#is('TYPE', 'PROCEDURE', 'FUNCTION', 'SUBTYPE')) throw this.#unexpected();
      if (this.#take('PRAGMA')) {
        const [name, code] = this.#reader.arguments(this.#reader.next(this.#at));
        if (name !== undefined && code !== undefined) {
          codes.set(this.#words(...name), Number(this.#reader.text(...code).replaceAll(/\s/g, '')));
        }
      } else if (this.#take('CURSOR')) {
        const cursor = this.#name();
        const is = this.#reader.find(this.#at, end, 'IS');
        declarations.push({ name: cursor, type: 'CURSOR', value: this.#slice(is + 1, end) });
      } else {
        const name = this.#name();
        this.#take('CONSTANT');
        const byDefault = this.#reader.find(this.#at, end, ':=', 'DEFAULT');
        const type = this.#words(this.#at, byDefault < 0 ? end : byDefault);
        declarations.push({ name, type, value: byDefault < 0 ? undefined : this.#slice(byDefault + 1, end) });
      }
      this.#at = this.#reader.next(end);
    }
    return { declarations, codes };
  }

  #body(declared: Pick<Block, 'declarations' | 'codes'>): Block {
    if (!this.#take('BEGIN')) throw this.#unexpected();
    const body = this.#statements('EXCEPTION', 'END');
    const handlers: Handler[] = [];
    if (this.#take('EXCEPTION')) {
      while (this.#take('WHEN')) {
        const then = this.#reader.find(this.#at, this.#reader.length, 'THEN');
        const names = this.#words(this.#at, then).split(/\s+OR\s+/);
        this.#at = this.#reader.next(then);
        handlers.push({ names, body: this.#statements('WHEN', 'END') });
      }
    }
    this.#endOf();
    return { ...declared, body, handlers };
  }

  #statements(...ends: readonly string[]): PlsqlStatement[] {
    const found: PlsqlStatement[] = [];
    while (!this.#is(...ends)) {
      if (this.#at >= this.#reader.length) throw this.#unexpected();
      found.push(this.#statement());
    }
    return found;
  }

  #statement(): PlsqlStatement {
    const at = this.#reader.at(this.#at)?.pos ?? 0;
    while (this.#is('<')) this.#label();
    if (this.#take('IF')) return { ...this.#if(), at };
    if (this.#take('LOOP')) return { kind: 'loop', condition: undefined, body: this.#loopBody(), at };
    if (this.#take('WHILE')) {
      const condition = this.#until('LOOP');
      return { kind: 'loop', condition, body: this.#loopBody(), at };
    }
    if (this.#take('FOR')) return { ...this.#for(), at };
    if (this.#is('BEGIN', 'DECLARE')) return { kind: 'block', block: this.block(), at };
    const end = this.#reader.find(this.#at, this.#reader.length, ';');
    if (end < 0) throw this.#unexpected();
    const statement = this.#simple(end);
    this.#at = this.#reader.next(end);
    return { ...statement, at };
  }

  #simple(end: number): StatementFacts {
    const reader = this.#reader;
    if (this.#take('NULL')) return { kind: 'null' };
    if (this.#is('EXIT', 'CONTINUE')) {
      const isExit = this.#is('EXIT');
      const when = reader.find(this.#at, end, 'WHEN');
      return { kind: 'leave', isExit, condition: when < 0 ? undefined : this.#slice(when + 1, end) };
    }
    if (this.#take('RETURN')) return { kind: 'return', value: this.#slice(this.#at, end) };
    if (this.#take('RAISE')) return { kind: 'raise', name: this.#at >= end ? undefined : this.#words(this.#at, end) };
    if (this.#is('SELECT', 'WITH')) return this.#select(end);
    if (this.#take('OPEN')) {
      const cursor = this.#target();
      const query = this.#take('FOR') ? this.#slice(this.#at, end) : [];
      return { kind: 'open', cursor, query };
    }
    if (this.#take('EXECUTE')) return this.#execute(end);
    if (this.#is('CLOSE')) return { kind: 'null' };
    if (this.#is(...SQL_VERBS)) return { kind: 'sql', text: this.#slice(this.#at, end) };
    const start = this.#at;
    if (reader.at(start)?.kind === 'bind' || reader.isName(start)) {
      const chain = reader.chain(start);
      const behind = reader.next(chain.at(-1) ?? start);
      if (reader.is(behind, ':=')) {
        const target = this.#target();
        return { kind: 'assign', target, value: this.#slice(behind + 1, end) };
      }
    }
    return this.#call(end);
  }

  #call(end: number): PlsqlStatement & { kind: 'call' } {
    const at = this.#reader.at(this.#at)?.pos ?? 0;
    if (!this.#reader.isName(this.#at)) throw this.#unexpected();
    const name = this.#qualifiedName();
    const isCalled = this.#is('(');
    if (!isCalled && this.#at < end && !this.#is(';')) throw this.#unexpected();
    const values = isCalled ? this.#reader.arguments(this.#at) : [];
    return { kind: 'call', name, arguments: values.map(([from, to]) => this.#argument(from, to)), at };
  }

  #argument(from: number, to: number): Argument {
    const start = this.#reader.solid(from);
    const arrow = this.#reader.next(start);
    if (!this.#reader.is(arrow, '=>')) return { name: undefined, value: this.#slice(from, to) };
    return { name: this.#reader.at(start)?.value, value: this.#slice(arrow + 1, to) };
  }

  #select(end: number): StatementFacts {
    const into = this.#reader.find(this.#at, end, 'INTO');
    if (into < 0) throw compileError('PLS-00428: an INTO clause is expected in this SELECT statement', this.#line());
    const bulk = this.#reader.previous(this.#reader.previous(into));
    if (this.#reader.is(bulk, 'BULK')) throw this.#unexpected();
    const from = this.#reader.find(into, end, 'FROM');
    const stop = from < 0 ? end : from;
    const query = [...this.#slice(this.#at, into), ...this.#slice(stop, end)];
    return { kind: 'select', query, into: this.#targets(into + 1, stop) };
  }

  #execute(end: number): StatementFacts {
    if (!this.#take('IMMEDIATE')) throw this.#unexpected();
    const into = this.#reader.find(this.#at, end, 'INTO');
    const using = this.#reader.find(this.#at, end, 'USING');
    const textEnd = Math.min(...[into, using, end].filter((index) => index >= 0));
    const values = using < 0 ? [] : this.#reader.split(using + 1, end);
    return {
      kind: 'execute',
      text: this.#slice(this.#at, textEnd),
      into: into < 0 ? [] : this.#targets(into + 1, using < 0 ? end : using),
      using: values.map(([from, to]) =>
        this.#slice(this.#reader.is(this.#reader.solid(from), 'IN') ? this.#reader.solid(from) + 1 : from, to),
      ),
    };
  }

  #if(): StatementFacts {
    const branches: Branch[] = [{ condition: this.#until('THEN'), body: this.#statements('ELSIF', 'ELSE', 'END') }];
    while (this.#take('ELSIF')) {
      branches.push({ condition: this.#until('THEN'), body: this.#statements('ELSIF', 'ELSE', 'END') });
    }
    const otherwise = this.#take('ELSE') ? this.#statements('END') : [];
    this.#endOf('IF');
    return { kind: 'if', branches, otherwise };
  }

  #for(): StatementFacts {
    const variable = this.#name();
    if (!this.#take('IN')) throw this.#unexpected();
    const isReverse = this.#take('REVERSE');
    const loop = this.#reader.find(this.#at, this.#reader.length, 'LOOP');
    const dots = this.#reader.find(this.#at, loop, '..');
    if (dots >= 0) {
      const [from, to] = [this.#slice(this.#at, dots), this.#slice(dots + 1, loop)];
      this.#at = this.#reader.next(loop);
      return { kind: 'range', variable, from, to, isReverse, body: this.#loopBody() };
    }
    const query = this.#is('(') ? this.#slice(this.#at + 1, this.#reader.close(this.#at)) : this.#slice(this.#at, loop);
    this.#at = this.#reader.next(loop);
    return { kind: 'rows', variable, query, body: this.#loopBody() };
  }

  #loopBody(): PlsqlStatement[] {
    const body = this.#statements('END');
    this.#endOf('LOOP');
    return body;
  }

  /** END [IF | LOOP] [name]; */
  #endOf(...words: readonly string[]): void {
    if (!this.#take('END')) throw this.#unexpected();
    for (const word of words) if (!this.#take(word)) throw this.#unexpected();
    if (this.#reader.isName(this.#at)) this.#advance();
    this.#take(';');
  }

  #label(): void {
    while (!this.#is('>')) this.#advance();
    while (this.#is('>')) this.#advance();
  }

  #until(word: string): Tokens {
    const end = this.#reader.find(this.#at, this.#reader.length, word);
    if (end < 0) throw this.#unexpected();
    const tokens = this.#slice(this.#at, end);
    this.#at = this.#reader.next(end);
    return tokens;
  }

  #targets(from: number, to: number): Target[] {
    return this.#reader.split(from, to).map(([start]) => {
      this.#at = this.#reader.solid(start);
      return this.#target();
    });
  }

  #target(): Target {
    const token = this.#reader.at(this.#at);
    if (token?.kind === 'bind') {
      this.#advance();
      return { kind: 'bind', name: token.value };
    }
    return { kind: 'variable', name: this.#qualifiedName() };
  }

  #qualifiedName(): string {
    const chain = this.#reader.chain(this.#at);
    this.#at = this.#reader.next(chain.at(-1) ?? this.#at);
    return chain.map((index) => this.#reader.at(index)?.value ?? '').join('.');
  }

  #name(): string {
    const token = this.#reader.at(this.#at);
    if (token === undefined || !this.#reader.isName(this.#at)) throw this.#unexpected();
    this.#advance();
    return token.value;
  }

  #words(from: number, to: number): string {
    return this.#slice(from, to)
      .map(({ kind, value }) => (kind === 'space' ? ' ' : value))
      .join('')
      .trim();
  }

  #slice(from: number, to: number): Tokens {
    return this.#reader.tokens.slice(from, to);
  }

  #is(...values: readonly string[]): boolean {
    return this.#reader.is(this.#at, ...values);
  }

  #take(value: string): boolean {
    if (!this.#is(value)) return false;
    this.#advance();
    return true;
  }

  #advance(): void {
    if (this.#at >= this.#reader.length) throw this.#unexpected();
    this.#at = this.#reader.next(this.#at);
  }

  #line(): number {
    return lineOf(this.#source, this.#reader.at(this.#at)?.pos ?? this.#source.length);
  }

  #unexpected(): OraError {
    const symbol = this.#reader.at(this.#at)?.text ?? 'end-of-file';
    return compileError(
      `PLS-00103: Encountered the symbol "${symbol}" (or something that this server does not know)`,
      this.#line(),
    );
  }
}

export const lineOf = (source: string, offset: number): number => source.slice(0, offset).split('\n').length;

export const compileError = (message: string, line: number): OraError =>
  new OraError(6550, `line ${line}, column 1:\n${message}`);
