/**
 * A batch on a connection, as one unit and under one turn: nothing of its session can come between its parts. Begun through
 * `Connection.run`, from outside a transaction or inside one.
 *
 *     outside, by the driver     runBatch, which is one unit by itself
 *     outside, otherwise         BEGIN, one statement after the other, COMMIT
 *     inside                     SAVEPOINT, either of the two, RELEASE; after a failure ROLLBACK TO and RELEASE
 *
 * Invariants: a batch that fails or is stopped leaves nothing behind, and inside a transaction that goes on: what makes the
 * savepoint, or undoes it, is hit by no cancel. Nor is a COMMIT; and once the batch is stopped none is sent, because its caller
 * has been told that nothing remains. Where the bulk path cannot do it, statements do, once, and only when it is known that
 * nothing of the first attempt is left: a connection that is still in its transaction is destroyed.
 */
import type { BatchSource, DriverBatch, DriverBatchResult } from '../driver/batch.js';
import type { DriverConnection, TransactionStatements } from '../driver/driver.js';
import { ConfigError } from '../errors/config-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import { CancelledError } from '../errors/timeout-error.js';
import { nextTurn } from '../kernel/next-turn.js';
import type { Begin, CancelShield } from './work.js';

export interface BatchWork {
  readonly text: string;
  readonly batch: DriverBatch;
  readonly words: TransactionStatements;
}

/** It has a way of its own. */
type Batching = DriverConnection & Required<Pick<DriverConnection, 'runBatch'>>;

/** Another name than those of a transaction's own savepoints. */
const SAVEPOINT = 'fluxor_batch';

/** Embedded databases answer without ever leaving this turn of the event loop. */
const SETS_PER_TURN = 100;

export const RUN_BATCH: Begin<BatchWork, DriverBatchResult> = (native, work, shield) => runBatch(native, work, shield);

async function runBatch(native: DriverConnection, work: BatchWork, shield: CancelShield): Promise<DriverBatchResult> {
  if (native.runBatch === undefined && work.batch.isBulkOnly) throw noBulkPath();
  // Also one that has failed: the savepoint is refused then, and nothing is ended that is not ours.
  if (native.state !== 'idle') return new Enclosure(native, work, insideWords(work.words), shield).run();
  if (native.runBatch === undefined) return new Enclosure(native, work, outsideWords(work.words), shield).run();
  const batch = { ...work.batch, shield };
  const batching = native as Batching;
  try {
    return await runOutside(batching, batch);
  } catch (error) {
    const again = native.state === 'idle' ? byStatements(batch) : undefined;
    if (again === undefined) throw error;
    assertNotStopped(shield);
    return runOutside(batching, again);
  }
}

/** What could not be undone is undone with its connection: there, whatever came next would be taken for a part of it. */
async function runOutside(native: Batching, batch: DriverBatch): Promise<DriverBatchResult> {
  try {
    return await native.runBatch(batch);
  } catch (error) {
    await native.untilReady().catch(() => undefined);
    if (native.state !== 'idle') native.destroy();
    throw error;
  }
}

/** What is said around the sets. */
interface EnclosingWords {
  readonly begin: string;
  /** Makes it final. */
  readonly end: string;
  readonly undo: readonly string[];
  /** The last of `undo` ends the enclosure: without it the sets can be begun anew. */
  readonly restart: readonly string[];
  readonly isCommit: boolean;
}

function insideWords(words: TransactionStatements): EnclosingWords {
  const back = words.rollbackTo(SAVEPOINT);
  const release = words.releaseSavepoint(SAVEPOINT);
  return { begin: words.savepoint(SAVEPOINT), end: release, undo: [back, release], restart: [back], isCommit: false };
}

function outsideWords(words: TransactionStatements): EnclosingWords {
  const { commit: end, rollback } = words;
  const begin = words.begin({});
  return { begin, end, undo: [rollback], restart: [rollback, begin], isCommit: true };
}

class Enclosure {
  readonly #native: DriverConnection;
  readonly #batch: DriverBatch;
  readonly #words: EnclosingWords;
  readonly #shield: CancelShield;

  constructor(native: DriverConnection, { batch }: BatchWork, words: EnclosingWords, shield: CancelShield) {
    this.#native = native;
    this.#batch = batch;
    this.#words = words;
    this.#shield = shield;
  }

  async run(): Promise<DriverBatchResult> {
    const { begin, end, undo, restart, isCommit } = this.#words;
    this.#batch.report.isInside = !isCommit;
    await this.#shield.uncancelled(() => this.#say(begin));
    try {
      const result = await this.#runSets(restart);
      // What a cancel does to a savepoint's end is undone; of a COMMIT nobody could tell.
      await (isCommit ? this.#shield.uncancelled(() => this.#end(end)) : this.#end(end));
      return result;
    } catch (error) {
      // Why it cannot be undone, if it cannot, would hide why it should be: the connection is gone, or its owner sees to it.
      const isUndone = await this.#undo(undo).catch(() => false);
      if (isUndone && isFluxorError(error)) error.noteRolledBack();
      throw error;
    }
  }

  async #runSets(restart: readonly string[]): Promise<DriverBatchResult> {
    try {
      return await this.#send(this.#batch);
    } catch (error) {
      const again = byStatements(this.#batch);
      if (again === undefined) throw error;
      await this.#undo(restart);
      return this.#send(again);
    }
  }

  #send(batch: DriverBatch): Promise<DriverBatchResult> {
    return (
      this.#native.runBatch?.({ ...batch, shield: this.#shield }) ?? runOneByOne(this.#native, batch, this.#shield)
    );
  }

  /** Between the question and the word nothing can happen: whoever stops the batch finds it refused, or on its way. */
  async #end(text: string): Promise<void> {
    assertNotStopped(this.#shield);
    this.#batch.report.isEnding = this.#words.isCommit;
    await this.#say(text);
  }

  async #undo(texts: readonly string[]): Promise<boolean> {
    await this.#native.untilReady();
    await this.#shield.uncancelled(async () => {
      for (const text of texts) await this.#say(text);
    });
    return true;
  }

  async #say(text: string): Promise<void> {
    await this.#native.execute({ text, values: [], rowMode: 'array' });
  }
}

/** The same batch without the bulk path, from its first set on; `undefined` where that would help nobody. */
function byStatements(batch: DriverBatch): DriverBatch | undefined {
  const { bulk, report, source, isBulkOnly } = batch;
  if (bulk === undefined || isBulkOnly || !report.wantsStatements || !source.rewind()) return undefined;
  report.wantsStatements = report.isEnding = false;
  report.failedSet = undefined;
  return { ...batch, bulk: undefined };
}

async function runOneByOne(
  native: DriverConnection,
  batch: DriverBatch,
  shield: CancelShield,
): Promise<DriverBatchResult> {
  const { text, rowMode, source, report } = batch;
  const rows: unknown[] = [];
  const affected: number[] = [];
  let last: Pick<DriverBatchResult, 'fields' | 'command'> = { fields: [], command: '' };
  let rowsAffected = 0;
  try {
    for (let values = await next(source); values !== undefined; values = await next(source)) {
      assertNotStopped(shield);
      const result = await native.execute({ text, values, rowMode });
      for (const row of result.rows) rows.push(row);
      affected.push(result.rowsAffected);
      rowsAffected += result.rowsAffected;
      last = result;
      if (affected.length % SETS_PER_TURN === 0) await nextTurn();
    }
  } catch (error) {
    report.failedSet = affected.length;
    throw error;
  }
  return { mode: 'statements', rows, affected, rowsAffected, fields: last.fields, command: last.command };
}

async function next(source: BatchSource): Promise<readonly unknown[] | undefined> {
  return source.next();
}

/** Where nothing can be cancelled, this is what ends a batch that was stopped. Its caller hears only what became of it. */
function assertNotStopped({ isStopped }: CancelShield): void {
  if (isStopped) throw new CancelledError('runtime', 'the batch had been stopped', { outcome: 'unknown' });
}

function noBulkPath(): ConfigError {
  const expected = "'auto' or 'statements'; this driver has no bulk path";
  return ConfigError.fromIssues([{ path: 'mode', got: "'copy'", expected }]);
}
