/**
 * One statement with many sets of values, as one unit: chunks of many sets by `executeMany` for what changes rows, one statement
 * after the other for everything else. Outside a transaction it makes one of its own.
 *
 * Invariants: what fails leaves nothing behind (inside a transaction the caller undoes it); after an error nothing more is drawn.
 * Once it is stopped no piece and no COMMIT is sent any more, because its caller is told that nothing remains; and neither COMMIT
 * nor ROLLBACK is hit by a cancel. Row errors are asked for one by one (`batchErrors`): only so does Oracle say which set it was.
 */
import { isFluxorError } from '../../errors/fluxor-error.js';
import { CancelledError } from '../../errors/timeout-error.js';
import { nextTurn } from '../../kernel/next-turn.js';
import type { DriverBatch, DriverBatchResult } from '../batch.js';
import type { Field } from '../query.js';
import type { OutBind } from './oracle-binds.js';
import { OracleChunk, outFieldsOf } from './oracle-chunk.js';
import type { OracleManyResult } from './oracle-module.js';
import type { OracleBatchPort } from './oracle-port.js';
import { bindFactsOf, executeQuery, isProgram, readOut, verbOf } from './oracle-result.js';

type Values = readonly unknown[];

/** `executeMany` takes these; queries it refuses, and of programs nobody could tell which set has failed. */
const CHANGES: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);
/** No statement of these ends the transaction that it runs in and leaves anything of it. */
const UNDONE_WITH_IT: ReadonlySet<string> = new Set([...CHANGES, 'SELECT', 'WITH']);
/** Everybody else gets a turn now and then, however fast the server is. */
const STATEMENTS_PER_TURN = 100;

export class OracleBatch {
  readonly #port: OracleBatchPort;
  readonly #batch: DriverBatch;
  readonly #verb: string;
  #isStopped = false;
  /** The transaction is its own. */
  #isOwn = false;
  /** Sets that the server has taken. */
  #done = 0;
  #rowsAffected = 0;
  readonly #rows: unknown[] = [];
  readonly #affected: number[] = [];
  #fields: readonly Field[] = [];

  constructor(port: OracleBatchPort, batch: DriverBatch) {
    this.#port = port;
    this.#batch = batch;
    this.#verb = verbOf(batch.text);
  }

  /** Draws, sends and commits no more. */
  stop(): void {
    this.#isStopped = true;
  }

  async run(): Promise<DriverBatchResult> {
    if (this.#port.isInTransaction()) return this.#runSets();
    this.#isOwn = true;
    try {
      const result = await this.#runSets();
      await this.#uncancelled(() => this.#commit());
      return result;
    } catch (error) {
      // Why it cannot be undone, if it cannot, would hide why it should be: the connection is gone then, or whoever has it
      // ends it (connection/batch-work.ts).
      await this.#undo().catch(() => undefined);
      throw error;
    }
  }

  /** Between the question and the word nothing can happen: whoever stops the batch finds it refused, or on its way. */
  async #commit(): Promise<void> {
    this.#assertNotStopped();
    if (!this.#port.isInTransaction()) return;
    this.#batch.report.isEnding = true;
    await this.#port.call((client) => client.commit());
  }

  async #undo(): Promise<void> {
    await this.#uncancelled(async () => {
      if (this.#port.isInTransaction()) await this.#port.call((client) => client.rollback());
    });
  }

  #runSets(): Promise<DriverBatchResult> {
    return CHANGES.has(this.#verb) ? this.#runChunks() : this.#runOneByOne();
  }

  async #runChunks(): Promise<DriverBatchResult> {
    const facts = bindFactsOf(this.#port, this.#verb);
    let chunk = new OracleChunk(facts);
    for (let values = await this.#next(); values !== undefined; values = await this.#next()) {
      if (this.#add(chunk, values)) continue;
      await this.#sendChunk(chunk);
      chunk = new OracleChunk(facts);
      this.#add(chunk, values);
    }
    await this.#sendChunk(chunk);
    return this.#result(this.#batch.bulk === undefined ? 'statements' : 'copy');
  }

  /** False where the set begins another chunk. @throws QueryError for a value that cannot be sent, of the set that is named then. */
  #add(chunk: OracleChunk, values: Values): boolean {
    try {
      return chunk.add(values);
    } catch (error) {
      this.#batch.report.failedSet = this.#done + chunk.size;
      throw error;
    }
  }

  async #sendChunk(chunk: OracleChunk): Promise<void> {
    if (chunk.size === 0) return;
    this.#assertNotStopped();
    const { text, bulk } = this.#batch;
    const counts = bulk === undefined;
    const options = { autoCommit: false, batchErrors: true, dmlRowCounts: counts, bindDefs: chunk.definitions };
    const result = await this.#port.call((client) => client.executeMany(text, chunk.sets, options));
    this.#assertNone(result);
    this.#rowsAffected += result.rowsAffected ?? 0;
    if (counts) for (const count of result.dmlRowCounts ?? []) this.#affected.push(Number(count));
    if (chunk.outs.length > 0) await this.#takeReturned(chunk, result);
    this.#done += chunk.size;
    await nextTurn();
  }

  /** Oracle goes on behind a set that fails. Here all are one unit: the first one is the error. */
  #assertNone({ batchErrors }: OracleManyResult): void {
    const [first, ...others] = batchErrors ?? [];
    if (first === undefined) return;
    const error = others.reduce((least, one) => ((one.offset ?? 0) < (least.offset ?? 0) ? one : least), first);
    this.#batch.report.failedSet = this.#done + (error.offset ?? 0);
    // Thin mode leaves out the number.
    const number = /^ORA-(\d{5})/.exec(error.message)?.[1];
    if (error.errorNum === undefined && number !== undefined) {
      Object.assign(error, { errorNum: Number(number), code: `ORA-${number}` });
    }
    throw error;
  }

  /** Of RETURNING INTO: a row for each row that a set has changed, in the order of the sets. */
  async #takeReturned({ outs, fields }: OracleChunk, { outBinds = [] }: OracleManyResult): Promise<void> {
    this.#fields = fields;
    for (const [at, set] of (outBinds as readonly (readonly unknown[])[]).entries()) {
      try {
        await this.#takeSet(outs, set);
      } catch (error) {
        this.#batch.report.failedSet = this.#done + at;
        // It was, and is undone with the batch.
        if (isFluxorError(error) && error.outcome === 'applied') error.overrule({ ...error, outcome: 'not-applied' });
        throw error;
      }
    }
  }

  async #takeSet(outs: readonly OutBind[], set: readonly unknown[]): Promise<void> {
    const columns = set.map((values) => (Array.isArray(values) ? (values as unknown[]) : [values]));
    const count = Math.max(0, ...columns.map(({ length }) => length));
    for (let at = 0; at < count; at += 1) {
      const row: unknown[] = [];
      for (const [index, out] of outs.entries()) {
        row.push(await readOut(this.#port, columns[index]?.[at], out, this.#batch.rowMode));
      }
      this.#takeRow(outs, row);
    }
  }

  #takeRow(columns: readonly { readonly name: string }[], values: readonly unknown[]): void {
    const isArray = this.#batch.rowMode === 'array';
    this.#rows.push(isArray ? values : Object.fromEntries(columns.map(({ name }, at) => [name, values[at]])));
  }

  async #runOneByOne(): Promise<DriverBatchResult> {
    const { text, rowMode, report } = this.#batch;
    let command = this.#verb;
    try {
      for (let values = await this.#next(); values !== undefined; values = await this.#next()) {
        this.#assertNotStopped();
        const wasOpen = this.#port.isInTransaction();
        const result = await executeQuery(this.#port, { text, values, rowMode }, false);
        // A program may have committed, and a definition always does.
        const isEnded = !UNDONE_WITH_IT.has(this.#verb) && !this.#port.isInTransaction();
        if (isEnded && (wasOpen || !isProgram(this.#verb))) report.isKept = true;
        for (const row of result.rows) this.#rows.push(row);
        if (result.fields.length > 0) this.#fields = result.fields;
        if (result.outBinds !== undefined) this.#takeOutBinds(values, result.outBinds);
        this.#affected.push(result.rowsAffected);
        this.#rowsAffected += result.rowsAffected;
        ({ command } = result);
        this.#done += 1;
        if (this.#done % STATEMENTS_PER_TURN === 0) await nextTurn();
      }
    } catch (error) {
      report.failedSet = this.#affected.length;
      throw error;
    }
    return { ...this.#result('statements'), command };
  }

  /** Of a program: one row for each set. */
  #takeOutBinds(values: Values, outBinds: Readonly<Record<string, unknown>>): void {
    this.#fields = outFieldsOf(values, this.#port.module);
    const row = this.#fields.map(({ name }) => outBinds[name]);
    this.#takeRow(this.#fields, row);
  }

  #result(mode: 'copy' | 'statements'): DriverBatchResult {
    return {
      mode,
      rows: this.#rows,
      fields: this.#fields,
      rowsAffected: this.#rowsAffected,
      affected: mode === 'copy' ? undefined : this.#affected,
      command: this.#verb,
    };
  }

  /** Not even the end of the sets is told to a batch that was stopped: what waits would be sent. */
  async #next(): Promise<Values | undefined> {
    // The source says why, where it is the one that was stopped.
    const values = await this.#batch.source.next();
    this.#assertNotStopped();
    return values;
  }

  /** Its caller hears only what became of it. */
  #assertNotStopped(): void {
    if (!this.#isStopped && this.#batch.shield?.isStopped !== true) return;
    const outcome = this.#isOwn && UNDONE_WITH_IT.has(this.#verb) ? 'not-applied' : 'unknown';
    throw new CancelledError('runtime', 'the batch had been stopped', { outcome });
  }

  #uncancelled<T>(part: () => Promise<T>): Promise<T> {
    return this.#batch.shield?.uncancelled(part) ?? part();
  }
}
