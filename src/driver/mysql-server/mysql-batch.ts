/**
 * One statement with many sets of values, as one unit: many rows in one INSERT where the statement is a plain insert, one
 * statement after the other where not. Outside a transaction it makes one of its own. Shared by both clients.
 *
 * Rows go in powers of two, so that a statement is prepared for a few numbers of rows and not for every one.
 * Invariants: what fails leaves nothing behind (inside a transaction the caller undoes it); after an error nothing more is drawn.
 * Once it is stopped no piece and no COMMIT is sent any more, because its caller is told that nothing remains; and neither
 * COMMIT nor ROLLBACK is hit by a cancel.
 */
import { CancelledError } from '../../errors/timeout-error.js';
import { nextTurn } from '../../kernel/next-turn.js';
import type { InsertPlan } from '../../sql/insert-plan.js';
import type { DriverBatch, DriverBatchResult } from '../batch.js';
import type { DriverQuery, DriverResult } from '../query.js';
import { commandOf } from './mysql-commands.js';
import { findErrno } from './mysql-errnos.js';
import { commitFailure } from './mysql-errors.js';
import { serverErrorOf } from './mysql-server-error.js';
import type { MysqlParameter } from './mysql-values.js';
import { encodeParameter } from './mysql-values.js';

type Values = readonly unknown[];

/** The session that a batch runs on. */
export interface BatchPort {
  send(query: DriverQuery): Promise<DriverResult>;
  /** Many sets for one statement by the protocol itself, where client and server have that; answers how many rows it changed. */
  sendBulk?(text: string, sets: readonly Values[]): Promise<number>;
  isInTransaction(): boolean;
  untilReady(): Promise<void>;
  /**
   * The same for values that are encoded already, where each `number` goes as DOUBLE, also a whole one. For sessions that prepare a
   * statement for each combination of kinds of values (mysql-prepared.ts).
   */
  sendEncoded?(text: string, values: readonly MysqlParameter[]): Promise<DriverResult>;
}

/** The protocol counts placeholders in 16 bits. */
const MAX_PLACEHOLDERS = 65_535;
/** More rows at once are hardly faster, and a first run prepares that many placeholders for each column. */
const MAX_ROWS = 512;
/** Sets at once by the bulk protocol, which prepares one row: only the memory for them counts. */
const MAX_BULK_SETS = 4_096;
/** Of several sets at once. Well below the smallest max_allowed_packet that servers come with (4 MiB in old ones). */
const MAX_BYTES = 1_048_576;
/** A number or a date as text, of which a bulk packet may have to make one, is hardly longer. */
const NUMBER_BYTES = 24;
/** From here on MySQL writes a DOUBLE with an exponent. */
const MAX_PLAIN_DOUBLE = 10n ** 15n;
/** Everybody else gets a turn now and then, however fast the server is. */
const STATEMENTS_PER_TURN = 100;
/** No statement of these ends the transaction that it runs in and leaves anything of it. */
const UNDONE_WITH_IT: ReadonlySet<string> = new Set(['INSERT', 'REPLACE', 'UPDATE', 'DELETE', 'SELECT', 'WITH']);

export class MysqlBatch {
  readonly #port: BatchPort;
  readonly #batch: DriverBatch;
  #isStopped = false;
  /** The transaction is its own. */
  #isOwn = false;
  /** Sets that the server has taken. */
  #done = 0;
  #rowsAffected = 0;
  #sent = 0;
  /** Of a set, the places where a number with a fraction has come by. */
  readonly #fractions = new Set<number>();

  constructor(port: BatchPort, batch: DriverBatch) {
    this.#port = port;
    this.#batch = batch;
  }

  /** Draws, sends and commits no more. */
  stop(): void {
    this.#isStopped = true;
  }

  async run(): Promise<DriverBatchResult> {
    const isInside = this.#port.isInTransaction();
    if (isInside) return this.#runSets();
    this.#isOwn = true;
    await this.#say('start transaction');
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
    this.#batch.report.isEnding = true;
    await this.#say('commit').catch((error: unknown) => {
      throw commitFailure(error);
    });
  }

  #runSets(): Promise<DriverBatchResult> {
    const { bulk } = this.#batch;
    return bulk === undefined ? this.#runOneByOne() : this.#runBulk(bulk);
  }

  async #runBulk(plan: InsertPlan): Promise<DriverBatchResult> {
    const most = Math.min(MAX_ROWS, Math.floor(MAX_PLACEHOLDERS / plan.columns.length));
    const rowsAtOnce = this.#port.sendBulk === undefined ? 2 ** Math.floor(Math.log2(most)) : MAX_BULK_SETS;
    let waiting: MysqlParameter[][] = [];
    let bytes = 0;
    try {
      for (let values = await this.#next(); values !== undefined; values = await this.#next()) {
        // What an object takes as JSON is known when it is written.
        const encoded = values.map(encodeParameter);
        const size = sizeOf(encoded);
        if (waiting.length === rowsAtOnce || (waiting.length > 0 && bytes + size > MAX_BYTES)) {
          await this.#insert(plan, waiting);
          waiting = [];
          bytes = 0;
        }
        waiting.push(encoded);
        bytes += size;
      }
      await this.#insert(plan, waiting);
    } catch (error) {
      this.#locate(error);
      throw error;
    }
    return {
      mode: 'copy',
      rows: [],
      fields: [],
      rowsAffected: this.#rowsAffected,
      affected: undefined,
      command: 'INSERT',
    };
  }

  /** As many as there are, the largest power of two first. */
  async #insert(plan: InsertPlan, sets: readonly MysqlParameter[][]): Promise<void> {
    if (this.#port.sendBulk !== undefined) {
      if (sets.length > 0) await this.#sendBulk(sets);
      return;
    }
    if (this.#port.sendEncoded !== undefined) this.#alignNumbers(sets, plan.columns.length);
    for (let at = 0; at < sets.length;) {
      const rows = 2 ** Math.floor(Math.log2(sets.length - at));
      const values = sets
        .slice(at, at + rows)
        .flatMap((set) => plan.order.map((index) => set[index] as MysqlParameter));
      const { rowsAffected } = await this.#sendRows(insertText(plan, rows), values, rows);
      this.#rowsAffected += rowsAffected;
      at += rows;
    }
  }

  /**
   * Whole numbers among others go as DOUBLE too, in place: as BIGINT, every mixture of the two would be a statement of its own.
   * Below 10^15 each type of column stores the same for both (JSON refuses both).
   */
  #alignNumbers(sets: readonly MysqlParameter[][], width: number): void {
    for (let at = 0; at < width; at += 1) {
      if (sets.some((set) => typeof set[at] === 'number')) this.#fractions.add(at);
      if (!this.#fractions.has(at)) continue;
      for (const set of sets) {
        const value = set[at];
        if (typeof value === 'bigint' && value < MAX_PLAIN_DOUBLE && value > -MAX_PLAIN_DOUBLE) set[at] = Number(value);
      }
    }
  }

  async #runOneByOne(): Promise<DriverBatchResult> {
    const { text, rowMode, report } = this.#batch;
    const rows: unknown[] = [];
    const affected: number[] = [];
    let last: Pick<DriverBatchResult, 'fields' | 'command'> = { fields: [], command: '' };
    try {
      for (let values = await this.#next(); values !== undefined; values = await this.#next()) {
        const result = await this.#send({ text, values, rowMode }, 1);
        if (this.#isOwn && !this.#port.isInTransaction()) report.isKept = true;
        for (const row of result.rows) rows.push(row);
        affected.push(result.rowsAffected);
        this.#rowsAffected += result.rowsAffected;
        last = result;
      }
    } catch (error) {
      report.failedSet = affected.length;
      throw error;
    }
    return {
      mode: 'statements',
      rows,
      affected,
      rowsAffected: this.#rowsAffected,
      fields: last.fields,
      command: last.command,
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
    const isUndone = this.#isOwn && UNDONE_WITH_IT.has(commandOf(this.#batch.text));
    const outcome = isUndone ? 'not-applied' : 'unknown';
    throw new CancelledError('runtime', 'the batch had been stopped', { outcome });
  }

  #sendRows(text: string, values: readonly MysqlParameter[], rows: number): Promise<DriverResult> {
    const query = { text, values, rowMode: 'array' } as const;
    return this.#follow(rows, () => this.#port.sendEncoded?.(text, values) ?? this.#port.send(query));
  }

  #send(query: DriverQuery, sets: number): Promise<DriverResult> {
    return this.#follow(sets, () => this.#port.send(query));
  }

  async #follow(sets: number, send: () => Promise<DriverResult>): Promise<DriverResult> {
    this.#assertNotStopped();
    this.#sent = sets;
    const result = await send();
    this.#sent = 0;
    this.#done += sets;
    if (this.#done % STATEMENTS_PER_TURN < sets) await nextTurn();
    return result;
  }

  async #sendBulk(sets: readonly Values[]): Promise<void> {
    this.#assertNotStopped();
    this.#sent = sets.length;
    this.#rowsAffected += (await this.#port.sendBulk?.(this.#batch.text, sets)) ?? 0;
    this.#sent = 0;
    this.#done += sets.length;
  }

  /** Of several rows at once the server does not say which; one after the other they tell. */
  #locate(error: unknown): void {
    const { report } = this.#batch;
    const serverError = serverErrorOf(error);
    if (serverError === undefined) {
      // A value that cannot be sent, or a set that could not be drawn; or the connection is gone.
      return;
    }
    if (this.#sent === 1) {
      report.failedSet = this.#done;
      return;
    }
    const kind = findErrno(serverError.errno, serverError.sqlState)?.is.kind;
    report.wantsStatements = kind === undefined || kind === 'query' || kind === 'constraint';
  }

  async #undo(): Promise<void> {
    await this.#port.untilReady();
    await this.#uncancelled(async () => {
      if (this.#port.isInTransaction()) await this.#say('rollback');
    });
  }

  #uncancelled<T>(part: () => Promise<T>): Promise<T> {
    return this.#batch.shield?.uncancelled(part) ?? part();
  }

  async #say(text: string): Promise<void> {
    await this.#port.send({ text, values: [], rowMode: 'array' });
  }
}

function insertText({ table, columns }: InsertPlan, rows: number): string {
  const row = `(${columns.map(() => '?').join(', ')})`;
  return `insert into ${table} (${columns.join(', ')}) values ${Array.from({ length: rows }, () => row).join(', ')}`;
}

/** About as many bytes as they take on the wire. */
function sizeOf(values: readonly MysqlParameter[]): number {
  let bytes = 0;
  for (const value of values) {
    if (typeof value === 'string') bytes += Buffer.byteLength(value);
    else bytes += Buffer.isBuffer(value) ? value.byteLength : NUMBER_BYTES;
  }
  return bytes;
}
