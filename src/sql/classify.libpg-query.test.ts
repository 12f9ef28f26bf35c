/**
 * The classification against PostgreSQL's own parser (libpg-query 18): a text in whose tree there is a call of a function
 * that is no built-in, an INTO, a row lock or a statement that changes data is never a 'read'.
 * Statements are made from a tape of numbers, each of which chooses one way in a small grammar; most names in them are
 * keywords. fast-check prints the seed and the tape when one fails.
 */
import fc from 'fast-check';
import { loadModule, parseSync } from 'libpg-query';
import { beforeAll, describe, expect, it } from 'vitest';
import { classify } from './classify.js';
import { functionEffect } from './known-functions.js';
import { GRAMMAR_WORDS } from './reserved-words.js';

beforeAll(() => loadModule());

/** Names that tell the parser from a reader of words; more than half are plain. */
const ODD_NAMES = [
  ...['as', 'into', 'for', 'update', 'delete', 'insert', 'merge', 'values', 'select', 'with', 'table', 'by', 'join'],
  ...['over', 'filter', 'within', 'cube', 'rollup', 'sets', 'grouping', 'materialized', 'recursive', 'search', 'cycle'],
  ...['next', 'first', 'fetch', 'value', 'key', 'share', 'no', 'partition', 'order', 'group', 'sample', 'use', 'dump'],
  ...[
    'left',
    'inner',
    'like',
    'ilike',
    'similar',
    'overlaps',
    'isnull',
    'system',
    'bernoulli',
    'repeatable',
    'columns',
  ],
  ...[
    'passing',
    'zone',
    'time',
    'varying',
    'character',
    'ordinality',
    'escape',
    'path',
    'rows',
    'range',
    'lock',
    'set',
  ],
  ...['execute', 'analyze', 'explain', 'keep', 'when', 'case', 'distinct', 'on', 'operator', 'treat', 'window', 'all'],
  ...['"w"', '"coalesce"', '"as"', '"for"', 'U&"w"', 'U&"w" uescape \'!\'', 'nextval', 'pg_catalog', 'coalesce', 'ALL'],
] as const;

/** The hardest of them, taken more often. */
const HARD_NAMES = ['as', 'over', 'values', 'filter', 'rollup', 'ilike', 'join', '"abs"'] as const;

class Maker {
  readonly #tape: readonly number[];
  #at = 0;
  /** How deep a thing lies in others; what is too deep is plain. */
  #depth = 0;

  constructor(tape: readonly number[]) {
    this.#tape = tape;
  }

  #next(count: number): number {
    const value = this.#tape[this.#at] ?? 0;
    this.#at += 1;
    return value % count;
  }

  #one<T>(...ways: readonly (() => T)[]): T {
    const way = ways[this.#depth > 4 ? 0 : this.#next(ways.length)] as () => T;
    this.#depth += 1;
    const made = way();
    this.#depth -= 1;
    return made;
  }

  #word(...words: readonly string[]): string {
    return words[this.#next(words.length)] ?? '';
  }

  #maybe(make: () => string, often = 3): string {
    return this.#next(often) === often - 1 ? ` ${make()} ` : ' ';
  }

  name(): string {
    const kind = this.#next(9);
    if (kind < 5) return this.#word('a', 'b', 't');
    return kind < 7 ? this.#word(...HARD_NAMES) : this.#word(...ODD_NAMES);
  }

  names(): string {
    return this.name() + this.#maybe(() => `, ${this.name()}`);
  }

  exprs(): string {
    return this.expr() + this.#maybe(() => `, ${this.expr()}`);
  }

  call(): string {
    const name = this.#one(
      () => this.#word('abs', 'count', 'lower', 'coalesce'),
      () => this.#word(...ODD_NAMES),
      () => this.#word(...HARD_NAMES),
      () => this.#word('w', 'W', 'a.w', 'pg_catalog.abs', 'pg_catalog.w', 'a.b.abs', '"abs"', 'pg_catalog."abs"'),
      () => `${this.name()}.${this.name()}`,
    );
    const inside = this.#one(
      () => this.exprs(),
      () => '',
      () => this.#word('*', 'distinct a', 'variadic a', 'a => 1', 'a order by b', 'all w(1)'),
      () => this.query(),
    );
    const behind = this.#one(
      () => '',
      () =>
        `over (${this.#maybe(() => `partition by ${this.exprs()}`)} ${this.#maybe(() => `order by ${this.exprs()}`)})`,
      () => `filter (where ${this.expr()}) over ${this.name()}`,
      () => `within group (order by ${this.exprs()})`,
    );
    return `${name}${this.#word('', ' ')}(${inside}) ${behind}`;
  }

  type(): string {
    return this.#word(
      ...[
        'int',
        'numeric(10, 2)',
        'character varying(3)',
        'a.b(3)',
        'w(1)',
        'timestamp(3) with time zone',
        'int[]',
        'pg_sleep',
      ],
    );
  }

  expr(): string {
    const inner = (): string => this.expr();
    return this.#one(
      () => this.#word('a', '1', "'x'", '$1', 'null', 'a.b'),
      () => this.name(),
      () => this.call(),
      () => this.call(),
      () => `${this.name()}.${this.name()}`,
      () => `(${this.exprs()})${this.#maybe(() => `.${this.name()}`)}`,
      () =>
        `${inner()} ${this.#word('+', '=', '||', 'and', 'or', '->>', 'is distinct from', 'like', 'ilike', 'similar to')} ${inner()}`,
      () => `${inner()} ${this.#word('like', 'ilike', 'not ilike')} ${this.#word('', '(')}${inner()} escape ${inner()}`,
      () => `${inner()} operator(${this.#word('pg_catalog.+', '+')}) ${inner()}`,
      () => `${inner()} at time zone ${inner()}`,
      () => `${inner()} between ${this.#word('', 'symmetric')} ${inner()} and ${inner()}`,
      () =>
        `${inner()} in (${this.#one(
          () => this.exprs(),
          () => this.query(),
        )})`,
      () => `${inner()} = ${this.#word('any', 'all', 'some')} (${this.#one(inner, () => this.query())})`,
      () => `case ${this.#maybe(inner)} when ${inner()} then ${inner()} ${this.#maybe(() => `else ${inner()}`)} end`,
      () => `${this.#word('exists', 'array', '')} (${this.query()})`,
      () =>
        `${this.#word('cast', 'treat')}(${inner()} as ${this.#one(
          () => this.type(),
          () => this.name(),
        )})`,
      () => `${inner()}::${this.type()}`,
      () => `${this.#word('array[', 'row(', 'not ', '- ', '@ ', 'a[1:')}${inner()}`,
      () => `array[${this.exprs()}]`,
      () => `xmlelement(name ${this.name()}, ${this.exprs()})`,
      () => `xmlforest(${inner()} as ${this.name()})`,
      () => `json_object(${this.#word('', 'key')} ${inner()} ${this.#word('value', ':')} ${inner()})`,
      () => `substring(${inner()} from ${inner()} for ${inner()})`,
      () => `extract(year from ${inner()})`,
      () => `interval '1' ${this.#word('second(3)', 'day', '')}`,
      () => `(${inner()}, ${inner()}) overlaps (${inner()}, ${inner()})`,
      () => `collation for (${inner()})`,
      () => `json_query(${inner()}, '$' passing ${inner()} as ${this.name()} returning ${this.type()})`,
    );
  }

  alias(): string {
    return this.#one(
      () => '',
      () => this.name(),
      () => `as ${this.name()} (${this.names()})`,
      () => `${this.name()} (${this.names()})`,
      () => `as ${this.name()} (a ${this.type()}, b ${this.type()})`,
    );
  }

  from(): string {
    return this.#one(
      () => `t ${this.alias()}`,
      () => `${this.name()} ${this.alias()}`,
      () => `${this.#word('', 'lateral')} (${this.query()}) ${this.alias()}`,
      () => `${this.#word('', 'lateral')} ${this.call()} ${this.#maybe(() => 'with ordinality')} ${this.alias()}`,
      () => `${this.from()} ${this.#word('', 'left', 'inner', 'full outer')} join ${this.from()} on ${this.expr()}`,
      () => `${this.from()} join ${this.from()} using (${this.names()}) ${this.#maybe(() => `as ${this.name()}`)}`,
      () => `${this.from()} ${this.#word('cross join', 'natural join', ',')} ${this.from()}`,
      () => `(${this.from()}) ${this.alias()}`,
      () => `rows from (${this.call()}, ${this.call()}) ${this.alias()}`,
      () => `t tablesample ${this.name()}(${this.expr()}) ${this.#maybe(() => `repeatable (${this.expr()})`)}`,
      () =>
        `json_table(${this.expr()}, '$' passing ${this.expr()} as a columns (a int path '$', nested path '$' columns (b int)))`,
      () => `xmltable('/x' passing ${this.expr()} columns ${this.name()} for ordinality, b int path ${this.expr()})`,
    );
  }

  target(): string {
    return this.#one(
      () => this.expr(),
      () => `${this.expr()} as ${this.name()}`,
      () => `${this.expr()} ${this.name()}`,
      () => '*',
    );
  }

  select(): string {
    const clause = (make: () => string): string => this.#maybe(make, 5);
    const distinct = this.#word('', '', '', 'distinct', 'all', 'on');
    const into = this.#next(12) === 11 ? `into ${this.name()}` : '';
    return [
      'select',
      distinct === 'on' ? `distinct on (${this.exprs()})` : distinct,
      this.target() + this.#maybe(() => `, ${this.target()}`),
      into,
      clause(() => `from ${this.from()}`),
      clause(() => `where ${this.expr()}`),
      clause(
        () =>
          `group by ${this.#one(
            () => this.exprs(),
            () => `${this.expr()}, ${this.#word('rollup', 'cube', 'grouping sets')} (${this.exprs()})`,
          )}`,
      ),
      clause(() => `having ${this.expr()}`),
      clause(() => `window ${this.name()} as (order by ${this.exprs()})`),
      this.tail(),
    ].join(' ');
  }

  tail(): string {
    const clause = (make: () => string): string => this.#maybe(make, 6);
    return [
      clause(() => `order by ${this.exprs()} ${this.#word('', 'desc nulls last', 'using <')}`),
      clause(() => `limit ${this.expr()}`),
      clause(() => `offset ${this.expr()}`),
      clause(() => `fetch ${this.#word('first', 'next')} (${this.expr()}) rows only`),
      this.#next(12) === 11 ? `for ${this.#word('update', 'share', 'no key update', 'key share')}` : '',
    ].join(' ');
  }

  with(): string {
    const one = (): string =>
      [
        this.name(),
        this.#maybe(() => `(${this.names()})`),
        'as',
        this.#word('', '', 'materialized', 'not materialized'),
        `(${this.#one(
          () => this.query(),
          () => this.query(),
          () => this.query(),
          () => this.change(),
        )})`,
        this.#maybe(() => `search depth first by ${this.names()} set ${this.name()}`, 6),
        this.#maybe(() => `cycle ${this.names()} set ${this.name()} using ${this.name()}`, 6),
      ].join(' ');
    return `with ${this.#word('', 'recursive')} ${one()} ${this.#maybe(() => `, ${one()}`)}`;
  }

  change(): string {
    return `${this.#maybe(() => this.with(), 6)} ${this.#word(
      'insert into t (a) select 1',
      'insert into t as update (delete) values (1)',
      'update t set a = 1',
      'delete from t returning *',
      'merge into t using b on true when matched then delete',
    )}`;
  }

  query(): string {
    return this.#one(
      () => this.select(),
      () => this.select(),
      () => `${this.with()} ${this.query()}`,
      () => `(${this.query()}) ${this.tail()}`,
      () => `values (${this.exprs()}) ${this.tail()}`,
      () => `table ${this.name()}`,
      () => `${this.query()} ${this.#word('union', 'union all', 'except', 'intersect')} ${this.query()}`,
    );
  }

  statement(): string {
    return this.#one(
      () => this.query(),
      () => this.query(),
      () => this.query(),
      () => this.query(),
      () => `${this.with()} ${this.change()}`,
      () =>
        `explain ${this.#word('', 'analyze', 'verbose', '(analyze)', '("analyze")', '(costs off, format json)', '(timing off, "analyze" true)')} ${this.#one(
          () => this.query(),
          () => this.change(),
          () => 'execute s',
        )}`,
    );
  }
}

type Tree = Readonly<Record<string, unknown>>;

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null;
}

const CHANGES = new Set(['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt', 'ExecuteStmt']);

/** What in `tree` keeps its text from being a 'read'; `undefined` when nothing does. */
function hindrance(tree: unknown, isRun: boolean): string | undefined {
  if (!isTree(tree)) return undefined;
  for (const [key, value] of Object.entries(tree)) {
    if (key === 'FuncCall' && isTree(value) && !isKnownCall(value))
      return `a call of ${JSON.stringify(value.funcname)}`;
    if (key === 'RangeTableSample' && isTree(value) && !isKnownName(value.method)) return 'a way to sample';
    if (key === 'ExecuteStmt' || (isRun && (CHANGES.has(key) || key === 'LockingClause' || key === 'intoClause')))
      return key;
    const isRunInside = key === 'ExplainStmt' ? JSON.stringify(value).includes('"defname":"analyze"') : isRun;
    const found = hindrance(value, isRunInside);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The grammar's own calls are marked, but for these two and `treat(a as w)`, which calls `pg_catalog.w`. */
const UNMARKED = /"pg_catalog".*"(?:like|similar_to)_escape"/;

function isKnownCall(call: Tree): boolean {
  if (call.funcformat === 'COERCE_SQL_SYNTAX' || UNMARKED.test(JSON.stringify(call.funcname))) return true;
  return isKnownName(call.funcname);
}

/** Functions that are also words of the grammar; all other reserved words are called in quotes alone. */
const CALLABLE_WORDS = new Set(['substring', 'overlay', 'position', 'xmlexists', 'timestamp', 'time', 'json']);

function isKnownName(parts: unknown): boolean {
  const names = (parts as { String: { sval: string } }[]).map(({ String: { sval } }) => sval);
  const name = names.at(-1) ?? '';
  if (names.length > 2 || (names.length === 2 && names[0] !== 'pg_catalog')) return false;
  if (names.length === 1 && GRAMMAR_WORDS.postgres.reserved.has(name) && !CALLABLE_WORDS.has(name)) return false;
  return ['bernoulli', 'system'].includes(name) || functionEffect('postgres', name) === 'pure';
}

function parsed(text: string): unknown {
  try {
    return parseSync(text);
  } catch {
    return undefined;
  }
}

/** Half a second's worth; FLUXOR_CLASSIFY_RUNS=200000 searches for longer. */
const RUNS = Number(process.env.FLUXOR_CLASSIFY_RUNS ?? 1500);

describe('for any statement that PostgreSQL’s parser accepts, the classification', () => {
  it('says read of none that calls what nobody knows, locks, keeps its rows or changes data', () => {
    let accepted = 0;
    let reads = 0;
    fc.assert(
      fc.property(fc.array(fc.nat(9999), { minLength: 60, maxLength: 60 }), (tape) => {
        const text = new Maker(tape).statement().replace(/\s+/g, ' ').trim();
        const tree = parsed(text);
        if (tree === undefined) return;
        accepted += 1;
        const kind = classify('postgres', text);
        const found = hindrance(tree, true);
        if (kind === 'read') reads += 1;
        if (found !== undefined) expect(kind, `${text}\nholds ${found}`).not.toBe('read');
      }),
      { numRuns: RUNS },
    );
    expect(accepted).toBeGreaterThan(RUNS / 10);
    expect(reads).toBeGreaterThan(accepted / 20);
  });
});
