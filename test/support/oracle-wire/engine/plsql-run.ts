/**
 * Runs small PL/SQL: walks the tree of plsql-syntax.ts, lets the session run the SQL in it and evaluate its expressions, and
 * keeps variables and binds. Invariant: a block that ends with an error has undone what it did since its last COMMIT, as any
 * statement does. Over 300 lines because every kind of statement changes the same binds and counters.
 */
import { OraError } from '../backend.js';
import type { BindSpec, SqlCursor, SqlRequest, SqlResult, SqlRow, SqlValue } from '../backend.js';
import { T } from '../values.js';
import type { EngineSession } from './engine-session.js';
import { PACKAGE_CONSTANTS, PACKAGES } from './plsql-packages.js';
import type { CallContext } from './plsql-packages.js';
import { handles, located, raised, UNSTOPPABLE, USER_EXCEPTION } from './plsql-exceptions.js';
import { parseBlock } from './plsql-syntax.js';
import { bindsWritten, keyword, sqlText, targetOf } from './plsql-text.js';
import type { BlockFacts } from './plsql-text.js';
import type { Argument, Block, PlsqlStatement, StoredProcedure, Target, Tokens } from './plsql-tree.js';
import { fit, NULL, Scope, specOf, textOf, typeNamed } from './plsql-values.js';
import type { TypedValue } from './plsql-values.js';

/** How a statement leaves the list that it stands in. */
type Way = 'next' | 'exit' | 'continue' | 'return';

/** It names the transaction, and makes one to name. */
const BEGINS_TRANSACTION = /^DBMS_TRANSACTION\.LOCAL_TRANSACTION_ID\((?:CREATE_TRANSACTION=>)?TRUE\)$/;

export async function runBlock(session: EngineSession, request: SqlRequest): Promise<SqlResult> {
  const { statement, binds, rows, autoCommit } = request;
  const block = parseBlock(statement.sql);
  const run = new BlockRun(session, statement.sql, statement.binds, binds);
  const outValues: (SqlValue | SqlValue[])[][] = [];
  let affected = 0;
  for (const values of rows) {
    affected += await undoneTogether(session, () => run.once(block, values));
    outValues.push([...run.values]);
  }
  if (autoCommit) await session.commit();
  const implicit = run.context.implicitResults;
  const results = { rowCounts: [affected], ...(implicit.length > 0 && { implicitResults: implicit }) };
  return binds.length === 0 ? results : { ...results, outDirs: run.directions(), outValues };
}

/** Undoes what was done since the call began, or since its last COMMIT. */
async function undoneTogether<R>(session: EngineSession, run: () => Promise<R>): Promise<R> {
  const { transaction } = session;
  const wasOpen = transaction.isOpen;
  if (wasOpen) await transaction.savepoint('ora block');
  try {
    return await run();
  } catch (error) {
    if (wasOpen && transaction.isOpen) await transaction.rollbackTo('ora block').catch(() => transaction.rollback());
    else if (transaction.isOpen) await transaction.rollback().catch(() => undefined);
    throw error;
  }
}

class BlockRun {
  readonly context: CallContext;
  values: (SqlValue | SqlValue[])[] = [];
  readonly #session: EngineSession;
  readonly #source: string;
  readonly #names: readonly string[];
  readonly #binds: readonly BindSpec[];
  readonly #written = new Set<string>();
  readonly #read = new Set<string>();
  #affected = 0;
  #lastCount = 0;
  #error: OraError | undefined;

  constructor(session: EngineSession, source: string, names: readonly string[], binds: readonly BindSpec[]) {
    this.#session = session;
    this.#source = source;
    this.#names = names;
    this.#binds = binds;
    this.context = { session, source, output: session.output, implicitResults: [] };
  }

  async once(block: Block, values: readonly (SqlValue | SqlValue[])[]): Promise<number> {
    this.values = [...values];
    this.#affected = 0;
    await this.#block(block, new Scope());
    return this.#affected;
  }

  /** What a bind was used for; a branch that did not run counts as well. */
  directions(): ('in' | 'out' | 'inout')[] {
    return this.#names.map((name) => {
      if (!this.#written.has(name)) return 'in';
      return this.#read.has(name) ? 'inout' : 'out';
    });
  }

  async #block(block: Block, around: Scope): Promise<Way> {
    const scope = new Scope(around);
    for (const { name, type, value } of block.declarations) {
      if (type === 'EXCEPTION')
        scope.codes.set(name, block.codes.get(name) === undefined ? USER_EXCEPTION : -(block.codes.get(name) ?? 0));
      else if (type === 'CURSOR') scope.declare(name, { value: null, type: T.CURSOR });
      else {
        const initial = value === undefined ? null : (await this.#evaluate(value, scope)).value;
        scope.declare(name, { value: initial, type: typeNamed(type) });
      }
    }
    for (const name of bindsWritten(block.body)) this.#written.add(name);
    try {
      return await this.#statements(block.body, scope);
    } catch (error) {
      if (!(error instanceof OraError) || UNSTOPPABLE.has(error.code)) throw error;
      const handler = block.handlers.find((candidate) => handles(candidate, error, scope));
      if (handler === undefined) throw error;
      const before = this.#error;
      this.#error = error;
      const way = await this.#statements(handler.body, scope);
      this.#error = before;
      return way;
    }
  }

  async #statements(statements: readonly PlsqlStatement[], scope: Scope): Promise<Way> {
    for (const statement of statements) {
      this.#session.throwIfCancelled();
      let way: Way;
      try {
        way = await this.#statement(statement, scope);
      } catch (error) {
        throw located(error, this.#source, statement.at);
      }
      if (way !== 'next') return way;
    }
    return 'next';
  }

  async #statement(statement: PlsqlStatement, scope: Scope): Promise<Way> {
    switch (statement.kind) {
      case 'null':
        return 'next';
      case 'assign':
        this.#assign(statement.target, await this.#evaluate(statement.value, scope), scope);
        return 'next';
      case 'sql':
        await this.#sql(statement.text, scope);
        return 'next';
      case 'select':
        this.#into(statement.into, await this.#query(statement.query, scope), scope);
        return 'next';
      case 'open':
        this.#assign(statement.cursor, { value: await this.#cursor(statement.query, scope), type: T.CURSOR }, scope);
        return 'next';
      case 'execute':
        await this.#executeImmediate(statement.text, statement.into, statement.using, scope);
        return 'next';
      case 'call':
        await this.#call(statement.name, statement.arguments, scope);
        return 'next';
      case 'if': {
        for (const { condition, body } of statement.branches) {
          if (await this.#isTrue(condition, scope)) return this.#statements(body, scope);
        }
        return this.#statements(statement.otherwise, scope);
      }
      case 'loop':
        return this.#repeat(
          statement.body,
          scope,
          async () => statement.condition === undefined || this.#isTrue(statement.condition, scope),
        );
      case 'range': {
        const [from, to] = [await this.#evaluate(statement.from, scope), await this.#evaluate(statement.to, scope)];
        const [first, last] = [Number(from.value), Number(to.value)];
        let at = statement.isReverse ? last + 1 : first - 1;
        const inner = new Scope(scope);
        return this.#repeat(statement.body, inner, async () => {
          at += statement.isReverse ? -1 : 1;
          inner.declare(statement.variable, { value: String(at), type: T.NUMBER });
          return statement.isReverse ? at >= first : at <= last;
        });
      }
      case 'rows': {
        const { columns = [], rows } = await this.#query(statement.query, scope);
        const found = [...rows];
        let at = -1;
        const inner = new Scope(scope);
        return this.#repeat(statement.body, inner, async () => {
          const row = found[++at];
          for (const [index, { name, type }] of columns.entries()) {
            inner.declare(`${statement.variable}.${name}`, { value: row?.[index] ?? null, type });
          }
          return row !== undefined;
        });
      }
      case 'leave':
        if (statement.condition !== undefined && !(await this.#isTrue(statement.condition, scope))) return 'next';
        return statement.isExit ? 'exit' : 'continue';
      case 'return':
        return 'return';
      case 'raise':
        throw raised(statement.name, scope, this.#error);
      case 'block':
        return this.#block(statement.block, scope);
    }
  }

  async #repeat(body: readonly PlsqlStatement[], scope: Scope, goesOn: () => Promise<boolean>): Promise<Way> {
    while (await goesOn()) {
      const way = await this.#statements(body, scope);
      if (way === 'exit') break;
      if (way === 'return') return way;
    }
    return 'next';
  }

  /** `SELECT` the expression, unless it is a value as it stands. */
  async #evaluate(tokens: Tokens, scope: Scope): Promise<TypedValue> {
    const solid = tokens.filter(({ kind }) => kind !== 'space');
    const [only, ...more] = solid;
    if (only === undefined) return NULL;
    if (more.length === 0) {
      if (only.kind === 'bind') return this.#bindValue(only.value);
      if (only.kind === 'string') return { value: only.value === '' ? null : only.value, type: T.VARCHAR };
      if (only.kind === 'number') return { value: only.value, type: T.NUMBER };
      if (only.value === 'TRUE' || only.value === 'FALSE') return { value: only.value === 'TRUE', type: T.BOOLEAN };
      if (only.value === 'NULL') return NULL;
    }
    const name = solid.map(({ value }) => value).join('');
    const known = scope.get(name);
    if (known !== undefined) return known;
    if (BEGINS_TRANSACTION.test(name)) await this.#session.transaction.begin();
    const constant = PACKAGE_CONSTANTS[name];
    if (constant !== undefined) return { value: constant, type: T.NUMBER };
    const { columns = [], rows } = await this.#query([keyword('SELECT '), ...tokens, keyword(' FROM DUAL')], scope);
    return { value: [...rows][0]?.[0] ?? null, type: columns[0]?.type ?? T.VARCHAR };
  }

  async #isTrue(condition: Tokens, scope: Scope): Promise<boolean> {
    const { rows } = await this.#query(
      [keyword('SELECT CASE WHEN '), ...condition, keyword(' THEN 1 END FROM DUAL')],
      scope,
    );
    return [...rows][0]?.[0] === '1';
  }

  async #query(tokens: Tokens, scope: Scope): Promise<SqlResult & { rows: Iterable<SqlRow> }> {
    const result = await this.#send(tokens, scope);
    const rows = result.rows as Iterable<SqlRow> | undefined;
    return { ...result, rows: rows ?? [] };
  }

  async #cursor(tokens: Tokens, scope: Scope): Promise<SqlCursor> {
    const isQuery = tokens.some(({ kind, value }) => kind === 'word' && (value === 'SELECT' || value === 'WITH'));
    if (isQuery) {
      const { columns = [], rows } = await this.#query(tokens, scope);
      return { columns, rows };
    }
    const text = await this.#evaluate(tokens, scope);
    const { columns = [], rows = [] } = await this.#session.runText(textOf(text.value), [], []);
    return { columns, rows };
  }

  async #sql(tokens: Tokens, scope: Scope): Promise<void> {
    const result = await this.#send(tokens, scope);
    this.#counted(result);
    const into = tokens.findIndex(({ kind, value }) => kind === 'word' && value === 'RETURNING');
    if (into < 0) return;
    const targets = tokens
      .slice(tokens.findIndex(({ value }, index) => index > into && value === 'INTO'))
      .filter(({ kind }) => kind === 'bind');
    for (const [index, { value: name }] of targets.entries()) {
      this.#assign(
        { kind: 'bind', name },
        { value: result.returning?.[0]?.[index]?.[0] ?? null, type: T.VARCHAR },
        scope,
      );
    }
  }

  async #executeImmediate(
    text: Tokens,
    into: readonly Target[],
    using: readonly Tokens[],
    scope: Scope,
  ): Promise<void> {
    const sql = textOf((await this.#evaluate(text, scope)).value);
    const values: TypedValue[] = [];
    for (const one of using) values.push(await this.#evaluate(one, scope));
    const result = await this.#session.runText(
      sql,
      values.map(specOf),
      values.map(({ value }) => value),
    );
    this.#counted(result);
    if (into.length > 0)
      this.#into(into, { ...result, rows: (result.rows as Iterable<SqlRow> | undefined) ?? [] }, scope);
  }

  #counted(result: SqlResult): void {
    if (result.partial !== undefined) throw result.partial.error;
    this.#lastCount = (result.rowCounts ?? []).reduce((sum, count) => sum + count, 0);
    this.#affected += this.#lastCount;
  }

  #into(
    targets: readonly Target[],
    { columns = [], rows }: SqlResult & { rows: Iterable<SqlRow> },
    scope: Scope,
  ): void {
    const [row, second] = [...rows];
    if (row === undefined) throw new OraError(1403, 'no data found');
    if (second !== undefined) throw new OraError(1422, 'exact fetch returns more than requested number of rows');
    this.#lastCount = 1;
    for (const [index, target] of targets.entries()) {
      this.#assign(target, { value: row[index] ?? null, type: columns[index]?.type ?? T.VARCHAR }, scope);
    }
  }

  /** A statement of the block: variables become binds, the client's binds stay. */
  async #send(tokens: Tokens, scope: Scope): Promise<SqlResult> {
    const facts: BlockFacts = {
      lastCount: this.#lastCount,
      error: this.#error,
      bindValue: (name) => this.#bindValue(name),
    };
    const { sql, values } = sqlText(tokens, scope, facts);
    return this.#session.runText(
      sql,
      values.map(specOf),
      values.map(({ value }) => value),
    );
  }

  async #call(name: string, given: readonly Argument[], scope: Scope): Promise<void> {
    const packaged = PACKAGES[name];
    const stored = this.#storedProcedure(name);
    if (stored !== undefined) return this.#callStored(stored, given, scope);
    if (packaged === undefined) {
      const message = `PLS-00201: identifier '${name}' must be declared\nORA-06550: line 1, column 1:\nPL/SQL: Statement ignored`;
      throw new OraError(6550, `line 1, column 1:\n${message}`);
    }
    const values: SqlValue[] = [];
    const named = new Map<string, SqlValue>();
    for (const argument of given) {
      const { value } = await this.#evaluate(argument.value, scope);
      if (argument.name === undefined) values.push(value);
      else named.set(argument.name, value);
    }
    // By position where the packages name them in that order: nobody here needs more.
    const out = await packaged(values.length > 0 ? values : [...named.values()], this.context, named);
    for (const [index, value] of (out ?? []).entries()) {
      const target = targetOf(given[index]?.value ?? []);
      if (target !== undefined && value !== undefined) this.#assign(target, { value, type: T.VARCHAR }, scope);
    }
  }

  #storedProcedure(name: string): StoredProcedure | undefined {
    const { procedures } = this.#session.shared;
    return procedures.get(name) ?? procedures.get(`${this.#session.schema.toUpperCase()}.${name}`);
  }

  async #callStored(
    { name, parameters, block }: StoredProcedure,
    given: readonly Argument[],
    scope: Scope,
  ): Promise<void> {
    const inside = new Scope();
    const targets: (readonly [string, Target])[] = [];
    for (const [index, parameter] of parameters.entries()) {
      const argument =
        given.find((one) => one.name === parameter.name) ??
        (given[index]?.name === undefined ? given[index] : undefined);
      if (argument === undefined && parameter.value === undefined) {
        throw new OraError(
          6550,
          `line 1, column 1:\nPLS-00306: wrong number or types of arguments in call to '${name}'`,
        );
      }
      const target = targetOf(argument?.value ?? []);
      if (parameter.isOut && target !== undefined) targets.push([parameter.name, target]);
      const initial = parameter.isIn ? await this.#evaluate(argument?.value ?? parameter.value ?? [], scope) : NULL;
      inside.declare(parameter.name, { value: initial.value, type: typeNamed(parameter.type) });
    }
    await this.#block(block, inside);
    for (const [parameter, target] of targets) this.#assign(target, inside.get(parameter) ?? NULL, scope);
  }

  #bindValue(name: string): TypedValue {
    this.#read.add(name);
    const index = this.#names.indexOf(name);
    return { value: (this.values[index] ?? null) as SqlValue, type: this.#binds[index]?.type ?? T.VARCHAR };
  }

  #assign(target: Target, value: TypedValue, scope: Scope): void {
    if (target.kind === 'variable') return scope.set(target.name, value);
    this.#written.add(target.name);
    const index = this.#names.indexOf(target.name);
    const spec = this.#binds[index];
    if (spec !== undefined) this.values[index] = fit(value, spec);
  }
}
