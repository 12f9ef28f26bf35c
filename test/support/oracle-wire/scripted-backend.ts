/**
 * A backend that knows its lines: what SQL is expected, and what it gives. The first choice for tests, as there is no
 * engine and no dialect to doubt. Two ways, which may be mixed: `expect` in order (any other statement is an error), and
 * `when`, for any statement that matches, as often as it comes. Expected lines go first. Transactions are kept account of:
 * DML opens one, COMMIT, ROLLBACK and DDL end it.
 */
import type {
  Column,
  SessionInfo,
  SqlBackend,
  SqlRequest,
  SqlResult,
  SqlRow,
  SqlSession,
  SqlValue,
} from './backend.js';
import { OraError } from './backend.js';
import type { ParsedStatement } from './sql-scan.js';
import { T } from './values.js';

export type Answer =
  SqlResult | OraError | ((request: SqlRequest, session: ScriptedSession) => SqlResult | Promise<SqlResult>);

/** A text matches as a whole, white space aside; a pattern anywhere. */
export type Pattern = string | RegExp;

export interface ScriptedSession {
  readonly info: SessionInfo;
  /** Aborted when the client breaks: an answer that takes its time ends by it. */
  readonly cancelled: AbortSignal;
}

interface Line {
  readonly pattern: Pattern;
  readonly answer: Answer;
}

/** What every client asks, one way or another. */
const ALWAYS: readonly Line[] = [
  { pattern: /^\s*SELECT\s+1\s+FROM\s+DUAL\s*$/i, answer: { columns: [{ name: '1', type: T.NUMBER }], rows: [[1]] } },
  { pattern: /^\s*ALTER\s+SESSION\b/i, answer: {} },
  { pattern: /^\s*(SAVEPOINT|ROLLBACK\s+TO|SET\s+TRANSACTION|LOCK|COMMIT|ROLLBACK)\b/i, answer: {} },
];

export class ScriptedBackend implements SqlBackend {
  /** Statements that nobody expected; they were answered with ORA-00900. */
  readonly unexpected: string[] = [];
  readonly #script: Line[] = [];
  readonly #rules: Line[] = [];

  /** The next statement must be this one. */
  expect(pattern: Pattern, answer: Answer): this {
    this.#script.push({ pattern, answer });
    return this;
  }

  /** Any such statement, as often as it comes; a later rule goes before an earlier one. */
  when(pattern: Pattern, answer: Answer): this {
    this.#rules.unshift({ pattern, answer });
    return this;
  }

  /** What is still expected. */
  get pending(): readonly Pattern[] {
    return this.#script.map(({ pattern }) => pattern);
  }

  async openSession(info: SessionInfo): Promise<SqlSession> {
    return new Session(info, (sql) => this.#answerTo(sql));
  }

  async close(): Promise<void> {
    this.#script.length = 0;
  }

  #answerTo(sql: string): Answer {
    const [next] = this.#script;
    if (next !== undefined && matches(next.pattern, sql)) {
      this.#script.shift();
      return next.answer;
    }
    const rule = [...this.#rules, ...ALWAYS].find(({ pattern }) => matches(pattern, sql));
    if (rule !== undefined) return rule.answer;
    this.unexpected.push(sql);
    const wanted = next === undefined ? '' : `; ${String(next.pattern)} was`;
    return new OraError(900, `invalid SQL statement: ${sql} was not expected${wanted}`);
  }
}

class Session implements SqlSession {
  readonly #info: SessionInfo;
  readonly #answerTo: (sql: string) => Answer;
  #cancel: AbortController | null = null;
  #inTransaction = false;
  #isReadOnly = false;

  constructor(info: SessionInfo, answerTo: (sql: string) => Answer) {
    this.#info = info;
    this.#answerTo = answerTo;
  }

  get inTransaction(): boolean {
    return this.#inTransaction;
  }

  async execute(request: SqlRequest): Promise<SqlResult> {
    const { kind } = request.statement;
    if (this.#isReadOnly && kind === 'dml') {
      throw new OraError(16000, 'database or pluggable database open for read-only access');
    }
    const result = await this.#answer(request);
    if (kind === 'dml' || kind === 'lock') this.#inTransaction = !request.autoCommit;
    else if (kind === 'commit' || kind === 'rollback' || kind === 'ddl' || request.autoCommit)
      this.#inTransaction = false;
    return result;
  }

  async describe(statement: ParsedStatement): Promise<Column[]> {
    const request = { statement, binds: [], rows: [[]], autoCommit: false, batchErrors: false };
    return (await this.#answer(request)).columns ?? [];
  }

  async commit(): Promise<void> {
    this.#inTransaction = false;
  }

  async rollback(): Promise<void> {
    this.#inTransaction = false;
  }

  async cancel(): Promise<void> {
    this.#cancel?.abort();
  }

  async setReadOnly(on: boolean): Promise<void> {
    this.#isReadOnly = on;
  }

  async close(): Promise<void> {
    this.#cancel?.abort();
    this.#inTransaction = false;
  }

  async #answer(request: SqlRequest): Promise<SqlResult> {
    const answer = this.#answerTo(request.statement.sql);
    if (answer instanceof OraError) throw answer;
    if (typeof answer !== 'function') return { ...answer };
    const controller = new AbortController();
    this.#cancel = controller;
    try {
      const work = Promise.resolve(answer(request, { info: this.#info, cancelled: controller.signal }));
      return await Promise.race([work, whenAborted(controller.signal)]);
    } finally {
      this.#cancel = null;
    }
  }
}

async function whenAborted(signal: AbortSignal): Promise<never> {
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  throw new OraError(1013, 'user requested cancel of current operation');
}

function matches(pattern: Pattern, sql: string): boolean {
  return typeof pattern === 'string' ? folded(pattern) === folded(sql) : pattern.test(sql);
}

function folded(sql: string): string {
  return sql.replace(/\s+/g, ' ').trim();
}

/** A query's answer from names and types: `rows({ ID: T.NUMBER, NAME: T.VARCHAR }, [[1, 'a']])`. */
export function rows(
  columns: Readonly<Record<string, number>>,
  data: Iterable<SqlRow> | AsyncIterable<SqlRow>,
): SqlResult {
  return { columns: Object.entries(columns).map(([name, type]) => ({ name, type })), rows: data };
}

/** DML that touched so many rows, in each iteration. */
export function touched(count = 1): Answer {
  return ({ rows: iterations }) => ({ rowCounts: iterations.map(() => count) });
}

/** A PL/SQL block: the values of its OUT binds by their names; what is not named is IN. */
export function outBinds(values: Readonly<Record<string, SqlValue | SqlValue[]>>): Answer {
  return ({ binds, rows: iterations }) => ({
    outDirs: binds.map(({ name }) => (name in values ? 'out' : 'in')),
    outValues: iterations.map(() => binds.map(({ name }) => values[name] ?? null)),
  });
}
