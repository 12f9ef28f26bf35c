/**
 * An Oracle session on one connection to PostgreSQL: sorts statements by what they are and answers each as Oracle would.
 * Queries and changes are here; definitions, transactions, settings and blocks have files of their own.
 * Invariant: one statement at a time, as the wire's session sends them; `cancel` is the only call beside it.
 * Over 300 lines because queries, changes and their cancelling share what is under way.
 */
import { OraError } from '../backend.js';
import type { BindSpec, Column, SessionInfo, SqlRequest, SqlResult, SqlRow, SqlSession, SqlValue } from '../backend.js';
import { parseStatement } from '../sql-scan.js';
import type { ParsedStatement } from '../sql-scan.js';
import { T } from '../values.js';
import { runArray } from './array-changes.js';
import { describeFields } from './column-dictionary.js';
import { paramOf, valuesOf } from './column-types.js';
import { EngineDefinitions } from './engine-definitions.js';
import type { EngineShared } from './engine-shared.js';
import { EngineTransaction } from './engine-transaction.js';
import type { Params } from './engine-transaction.js';
import { EngineError } from './pg-link.js';
import type { EngineField, EngineResult, PgLink } from './pg-link.js';
import { runBlock } from './plsql-run.js';
import type { Translated } from './rewriter.js';
import { SessionSettings } from './session-settings.js';
import type { SessionAttribute } from './session-settings.js';
import { toOraError } from './sqlstates.js';
import { TemporaryTables } from './temporary-tables.js';
import { commitTransaction, rollBackBy, savepoint, setConstraints, setTransaction } from './transaction-control.js';

/** PostgreSQL could not tell the type of a parameter: indeterminate, ambiguous, or inconsistent. */
const UNTYPED = new Set(['42P18', '42725', '42P08']);
/** Between two attempts to cancel: the first may come before the statement does. */
const CANCEL_AGAIN_MS = 50;
const CANCEL_STEP_MS = 5;
const KILLED = 28;
/** Of the client library's names. */
const ATTRIBUTES: Readonly<Record<string, SessionAttribute>> = {
  module: 'module',
  action: 'action',
  clientId: 'client_identifier',
  clientInfo: 'client_info',
};

export class EngineSession implements SqlSession {
  readonly info: SessionInfo;
  readonly shared: EngineShared;
  readonly transaction: EngineTransaction;
  readonly settings: SessionSettings;
  readonly temporary: TemporaryTables;
  /** DBMS_OUTPUT's lines. */
  readonly output: string[] = [];
  readonly #link: PgLink;
  readonly #onClosed: () => Promise<void>;
  readonly #definitions: EngineDefinitions;
  readonly #names = new Map<string, string>();
  #prepared = 0;
  #isReadOnly = false;
  #isKilled = false;
  #isRunning = false;
  #isCancelled = false;
  #cancelling: Promise<void> | undefined;

  constructor(link: PgLink, shared: EngineShared, info: SessionInfo, onClosed: () => Promise<void>) {
    this.#link = link;
    this.#onClosed = onClosed;
    this.shared = shared;
    this.info = info;
    this.settings = new SessionSettings((text) => this.transaction.run(text));
    this.temporary = new TemporaryTables(shared, (text) => this.transaction.run(text, [], { changes: true }));
    this.transaction = new EngineTransaction(link, async () => {
      this.temporary.forget();
      await this.settings.restore();
    });
    this.#definitions = new EngineDefinitions(this, link);
  }

  get inTransaction(): boolean {
    return this.transaction.isOpen && !this.#isKilled;
  }

  get processId(): number {
    return this.#link.processId;
  }

  /** PostgreSQL's name of the current schema. */
  get schema(): string {
    return /^"((?:[^"]|"")*)"/.exec(this.settings.get('search_path') ?? '')?.[1]?.replaceAll('""', '"') ?? '';
  }

  async execute(request: SqlRequest): Promise<SqlResult> {
    return this.#guarded(() => this.run(request));
  }

  async describe(statement: ParsedStatement): Promise<Column[]> {
    return this.#guarded(async () => {
      if (statement.kind !== 'query' && statement.kind !== 'dml') return [];
      const binds = statement.binds.map((name): BindSpec => ({
        name,
        type: T.VARCHAR,
        maxSize: 4_000,
        csfrm: 1,
        isArray: false,
        isReturn: false,
      }));
      await this.temporary.prepare(statement, this.schema);
      const translated = this.shared.translate(statement, binds, false);
      const before = statement.kind === 'query' ? 'SELECT * FROM (' : 'EXPLAIN ';
      const text =
        statement.kind === 'query'
          ? `${before}${translated.text.replace(/FOR UPDATE.*$/i, '')}) q LIMIT 0`
          : `${before}${translated.text}`;
      try {
        const result = await this.transaction.run(
          text,
          translated.params.map(() => null),
        );
        return statement.kind === 'query' ? await this.columnsOf(result.fields) : [];
      } catch (error) {
        const positions = translated.positions.map(([at, original]) => [at + before.length, original] as const);
        throw this.toError(error, statement, { ...translated, positions });
      }
    });
  }

  async commit(): Promise<void> {
    await this.#guarded(() => commitTransaction(this.transaction, this.shared.version));
  }

  async rollback(): Promise<void> {
    await this.#guarded(() => this.transaction.rollback());
  }

  /** Ends what runs, and nothing that comes after it: what runs waits for the last cancel before it answers. */
  async cancel(): Promise<void> {
    if (!this.#isRunning) return;
    this.#isCancelled = true;
    this.#cancelling ??= this.#keepCancelling();
    await this.#cancelling;
  }

  /** For loops of blocks, between two statements. */
  throwIfCancelled(): void {
    if (this.#isKilled) throw new OraError(KILLED, 'your session has been killed');
    if (this.#isCancelled) throw new OraError(1013, 'user requested cancel of current operation');
  }

  throwIfReadOnly(): void {
    if (this.#isReadOnly) throw new OraError(16000, 'database or pluggable database open for read-only access');
  }

  /** ALTER SYSTEM KILL SESSION: whatever it does or is told next ends with ORA-00028. */
  kill(): void {
    this.#isKilled = true;
  }

  async setReadOnly(on: boolean): Promise<void> {
    this.#isReadOnly = on;
  }

  setTimeZone(zone: string): void {
    void this.settings.setTimeZone(zone, this.transaction.isOpen).catch(() => undefined);
  }

  /** With a call of the client, in front of its statement. */
  async setTracing(values: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, value] of Object.entries(values)) {
      const attribute = ATTRIBUTES[name];
      if (attribute !== undefined) await this.setAttribute(attribute, value);
    }
  }

  /** Module, action and the like, as they are seen in V$SESSION and by SYS_CONTEXT. */
  async setAttribute(name: SessionAttribute, value: string): Promise<void> {
    await this.settings.set(`ora.${name}`, value, this.transaction.isOpen);
    await this.shared.owner.query(`UPDATE ora.sessions SET ${name} = $1 WHERE sid = $2`, [
      value,
      String(this.info.sid),
    ]);
  }

  async close(): Promise<void> {
    if (!this.#isKilled) await this.transaction.rollback().catch(() => undefined);
    await this.#link.close();
    await this.#onClosed();
  }

  /** A statement, of the client or of a block. */
  async run(request: SqlRequest): Promise<SqlResult> {
    const { statement } = request;
    switch (statement.kind) {
      case 'query':
        return this.#select(request);
      case 'dml':
      case 'lock':
        return this.#change(request);
      case 'ddl':
        return this.#definitions.run(statement);
      case 'plsql':
        return runBlock(this, request);
      case 'commit':
        await this.commit();
        return { rowCounts: [0] };
      case 'rollback':
        return rollBackBy(statement, this.transaction);
      case 'savepoint':
        return savepoint(statement, this.transaction);
      case 'alter_session':
        return this.settings.alter(statement, this.transaction.isOpen, (name) => this.#hasSchema(name));
      case 'set_txn':
        return setTransaction(statement, this.transaction);
      default:
        if (/^\s*set\s+constraints?\b/i.test(statement.sql))
          return setConstraints(statement, this.transaction, this.shared.version);
        if (statement.verb === 'EXPLAIN' || statement.verb === 'SET') return { rowCounts: [0] };
        throw new OraError(900, 'invalid SQL statement');
    }
  }

  /** For blocks: a statement with its own values. */
  async runText(sql: string, binds: readonly BindSpec[], values: readonly SqlValue[]): Promise<SqlResult> {
    this.throwIfCancelled();
    const statement = parseStatement(sql);
    return this.run({ statement, binds: [...binds], rows: [[...values]], autoCommit: false, batchErrors: false });
  }

  toError(error: unknown, { verb, sql }: ParsedStatement, translated?: Translated): OraError {
    const isReadOnlyTransaction = this.transaction.isReadOnly;
    return toOraError(error, { verb, sql, translated, version: this.shared.version, isReadOnlyTransaction });
  }

  columnsOf(fields: readonly EngineField[]): Promise<Column[]> {
    return describeFields(fields, this.shared, (text) => this.transaction.run(text));
  }

  async #select(request: SqlRequest): Promise<SqlResult> {
    const {
      statement,
      binds,
      rows: [values = []],
      autoCommit,
    } = request;
    await this.temporary.prepare(statement, this.schema);
    return this.#withTypes(request, async (translated) => {
      const { forUpdate } = translated;
      if (forUpdate) await this.#beginChange();
      const params = paramsOf(translated, binds, values);
      try {
        const result = await this.#waiting(translated, () =>
          this.transaction.run(translated.text, params, { changes: forUpdate, name: this.#nameFor(translated.text) }),
        );
        const columns = await this.columnsOf(result.fields);
        if (forUpdate && autoCommit) await this.commit();
        return { columns, rows: valuesOf(result.rows, result.fields, columns) };
      } catch (raised) {
        const error = this.toError(raised, statement, translated);
        if (!(raised instanceof EngineError) || raised.rows.length === 0) throw error;
        // Oracle would have delivered them before it came to the one that fails.
        const columns = await this.columnsOf(raised.fields);
        return { columns, rows: followedBy(valuesOf(raised.rows, raised.fields, columns), error) };
      }
    });
  }

  async #change(request: SqlRequest): Promise<SqlResult> {
    const { statement, binds, rows, autoCommit, batchErrors } = request;
    this.throwIfReadOnly();
    await this.temporary.prepare(statement, this.schema);
    return this.#withTypes(request, async (translated) => {
      const wasOpen = this.transaction.isOpen;
      const isSingle = rows.length === 1 && !batchErrors;
      const isAlone = isSingle && autoCommit && !wasOpen && statement.kind === 'dml';
      if (!isAlone) await this.#beginChange();
      const sets = rows.map((values) => paramsOf(translated, binds, values));
      const toError = (error: unknown): OraError => this.toError(error, statement, translated);
      const returned = (result: EngineResult): Promise<SqlValue[][]> => this.#returned(statement, result);
      try {
        const name = this.#nameFor(translated.text, rows.length > 1);
        if (isSingle) {
          const result = await this.#waiting(translated, () =>
            this.transaction.run(translated.text, sets[0], { changes: true, name }),
          );
          const returning = [await returned(result)];
          if (autoCommit && !isAlone) await this.commit();
          return { rowCounts: [result.affected], returning };
        }
        const change = {
          text: translated.text,
          sets,
          name: name ?? '',
          collectsErrors: batchErrors,
          toError,
          returned,
        };
        const result = await runArray(this.transaction, change);
        // Whoever collects errors decides by himself.
        if (autoCommit && result.batchErrors === undefined && result.partial === undefined) await this.commit();
        return result;
      } catch (error) {
        // A change that failed has begun nothing.
        if (!wasOpen && this.transaction.isOpen) await this.transaction.rollback().catch(() => undefined);
        throw toError(error);
      }
    });
  }

  /** SERIALIZABLE of ALTER SESSION holds for every transaction that begins by itself. */
  async #beginChange(): Promise<void> {
    const level = this.settings.get('ora.isolation_level') ?? '';
    await this.transaction.begin(/serializable/i.test(level) ? ' ISOLATION LEVEL REPEATABLE READ' : '');
  }

  async #returned({ returnBinds }: ParsedStatement, { fields, rows }: EngineResult): Promise<SqlValue[][]> {
    if (returnBinds.size === 0) return [];
    const columns = await this.columnsOf(fields);
    const values = [...valuesOf(rows, fields, columns)];
    return [...returnBinds].map((_, column) => values.map((row) => row[column] ?? null));
  }

  /** Binds of text have no type, so that PostgreSQL converts them where they stand; where it cannot tell, they get one. */
  async #withTypes<R>({ statement, binds }: SqlRequest, run: (translated: Translated) => Promise<R>): Promise<R> {
    const untyped = (error: unknown): boolean =>
      error instanceof OraError && UNTYPED.has(/engine (\w{5})\]/.exec(error.message)?.[1] ?? '');
    try {
      return await run(this.shared.translate(statement, binds, false));
    } catch (error) {
      if (!untyped(error)) throw error;
      return run(this.shared.translate(statement, binds, true));
    }
  }

  /** WAIT n. */
  async #waiting<R>({ lockTimeoutMs }: Translated, run: () => Promise<R>): Promise<R> {
    if (lockTimeoutMs === undefined) return run();
    await this.transaction.run(`SET LOCAL lock_timeout = ${lockTimeoutMs}`, [], { changes: true });
    try {
      return await run();
    } finally {
      if (this.transaction.isOpen) await this.transaction.run('SET LOCAL lock_timeout = 0').catch(() => undefined);
    }
  }

  /** A text that comes again is prepared; the same text means the same types. */
  #nameFor(text: string, isCertain = false): string | undefined {
    const key = `${this.shared.epoch}|${text}`;
    const known = this.#names.get(key);
    if (known === undefined && !isCertain) {
      this.#names.set(key, '');
      return undefined;
    }
    if (known !== undefined && known !== '') return known;
    this.#prepared += 1;
    const name = `ora_${this.#prepared}`;
    this.#names.set(key, name);
    return name;
  }

  async #hasSchema(name: string): Promise<boolean> {
    const { rows } = await this.transaction.run('SELECT 1 FROM pg_namespace WHERE nspname = $1', [name]);
    return rows.length > 0;
  }

  async #guarded<R>(run: () => Promise<R>): Promise<R> {
    // A block's COMMIT comes from inside.
    if (this.#isRunning) return run();
    this.#isRunning = true;
    this.#isCancelled = false;
    this.#link.sawCancel = false;
    try {
      this.throwIfCancelled();
      return await run();
    } catch (error) {
      const ora = toOraError(error, { verb: '', version: this.shared.version });
      throw this.#isKilled || ora.code === KILLED ? new OraError(KILLED, 'your session has been killed') : ora;
    } finally {
      this.#isRunning = false;
      await this.#cancelling;
      this.#cancelling = undefined;
    }
  }

  async #keepCancelling(): Promise<void> {
    while (this.#isRunning && !this.#link.sawCancel) {
      await this.shared.owner.cancel(this.#link.processId).catch(() => undefined);
      // The client waits for the answer of its break, and not for long.
      for (let waited = 0; waited < CANCEL_AGAIN_MS && !this.#link.sawCancel; waited += CANCEL_STEP_MS) {
        await new Promise((resolve) => setTimeout(resolve, CANCEL_STEP_MS));
      }
    }
  }
}

const paramsOf = (
  { params }: Translated,
  binds: readonly BindSpec[],
  values: readonly (SqlValue | SqlValue[])[],
): Params => params.map((bind) => paramOf(values[bind] as SqlValue, binds[bind]));

function* followedBy(rows: Iterable<SqlRow>, error: OraError): Generator<SqlRow> {
  yield* rows;
  throw error;
}
