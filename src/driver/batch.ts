/**
 * One statement with many sets of values, as it goes into a driver and comes out of it; see `DriverConnection.runBatch`.
 * The sets are drawn one by one, so nobody holds them all.
 */
import type { InsertPlan } from '../sql/insert-plan.js';
import type { DriverResult } from './query.js';

/** Where the sets come from. Made by the runtime, drawn from by whoever runs the batch. */
export interface BatchSource {
  /**
   * The values of the next set, in the order of the placeholders; `undefined` at the end; a promise where it has to be
   * waited for. Throws, or rejects, when there must be no more: a set is wrong, or the batch was stopped.
   */
  next(): readonly unknown[] | undefined | Promise<readonly unknown[] | undefined>;
  /** Begins anew with the first set. False where it cannot. */
  rewind(): boolean;
}

/** For work of several parts, some of which must not be hit by a cancel that is meant for another. */
export interface CancelShield {
  /**
   * What runs has been stopped: its caller has been answered, or is about to be. From then on nothing of it may be made final.
   * Says nothing of a connection that is gone, which refuses by itself.
   */
  readonly isStopped: boolean;
  /**
   * Waits until no cancel is under way, and lets none out before `part` has ended. It must be short: nothing but the end of
   * the connection stops it.
   */
  uncancelled<T>(part: () => Promise<T>): Promise<T>;
}

/** What is known while a batch runs, and when it has failed. Filled in by the driver. */
export interface BatchReport {
  /** The set at fault, counted from 0. */
  failedSet: number | undefined;
  /** What makes it all final was on its way: before that, a lost connection has undone everything. */
  isEnding: boolean;
  /** It stands behind a savepoint: whether it stays is decided by the transaction around it. */
  isInside: boolean;
  /** The bulk path could not take it, or could not say which set is at fault; statements can. */
  wantsStatements: boolean;
  /** One of its own statements has ended its transaction, as DDL does on MySQL: what had been sent by then stays. */
  isKept?: boolean;
}

export interface DriverBatch {
  readonly text: string;
  readonly rowMode: 'object' | 'array';
  readonly source: BatchSource;
  /** The text is this plain insert, and the database's bulk path should take the rows. */
  readonly bulk: InsertPlan | undefined;
  /** It must go by the bulk path: where that fails, it fails. */
  readonly isBulkOnly: boolean;
  readonly report: BatchReport;
  /** Absent where nobody stops it. */
  readonly shield?: CancelShield;
}

/** `rows` of all sets in their order; `rowsAffected` is the sum. */
export interface DriverBatchResult extends DriverResult {
  readonly mode: 'copy' | 'statements';
  /** Rows changed by each set; `undefined` where the bulk path took them. */
  readonly affected: readonly number[] | undefined;
}
