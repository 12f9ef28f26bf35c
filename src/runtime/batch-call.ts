/**
 * One call of a batch: some sets as one unit, of which all are applied or none, sent down the road as a statement is. Used by
 * batch.ts for all sets together and by batch-collect.ts for each chunk.
 * Invariants: a call is repeated only where its sets can be drawn again; what did not become final is said to be not applied.
 */
import type { BatchWork } from '../connection/batch-work.js';
import type { Connection } from '../connection/connection.js';
import { stoppedError } from '../connection/stop-errors.js';
import type { BatchReport, BatchSource, DriverBatchResult } from '../driver/batch.js';
import type { DriverQuery, DriverResult } from '../driver/query.js';
import type { ErrorCode } from '../errors/catalogue.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import { UsageError } from '../errors/usage-error.js';
import type { BatchText } from '../sql/batch-text.js';
import type { StatementParams } from '../sql/statement-compiler.js';
import type { BatchOptions } from './batch-options.js';
import { COPY_FROM_SETS } from './batch-options.js';
import type { BatchProgress } from './batch-progress.js';
import type { SetReader } from './batch-source.js';
import type { BatchFacts, Call, OuterLimit } from './call.js';
import type { BatchTime } from './batch-time.js';
import type { House } from './house.js';
import type { StatementWay } from './send-statement.js';

/** How an executor sends its batches. */
export interface BatchWay extends Omit<StatementWay, 'work'> {
  readonly connection: (call: Call) => Connection;
  readonly run: (call: Call, work: BatchWork) => Promise<DriverBatchResult>;
  /** What a session or transaction holds for all of its statements: the batch keeps those waiting while it runs. */
  readonly held?: Connection;
}

/** A batch that is in order as far as that can be told before it begins. */
export interface Batch {
  readonly house: House;
  readonly way: BatchWay;
  readonly text: BatchText;
  readonly options: BatchOptions;
  readonly batchSize: number;
  readonly reader: SetReader;
  /** The first sets, looked at already. */
  readonly ahead: readonly StatementParams[];
  readonly time: BatchTime;
  readonly progress: BatchProgress;
}

/** One call of a batch. */
export interface BatchCall {
  readonly source: BatchSource;
  /** How many sets there are, if that is known; otherwise how many at least. */
  readonly sets: number;
  /** What tracers are told. */
  readonly facts: BatchFacts;
  readonly timeoutMs: number;
  /** What it may not outlive. */
  readonly outer: OuterLimit | undefined;
  /** Its time grows with the sets that are begun. */
  readonly isProlonged: boolean;
  /** Whether the source, as it stands, could be drawn from again. */
  readonly canRepeat: () => boolean;
  /** The report is filled in as the call goes on. */
  readonly onBegun: (call: Call, report: BatchReport) => void;
}

/** Sends some sets as one unit: all of them are applied, or none. */
export async function sendCall(
  batch: Batch,
  { source, facts, canRepeat, onBegun, ...init }: BatchCall,
): Promise<DriverBatchResult> {
  const { house, way, text, options, time } = batch;
  const { config, road } = house.parts;
  const bulk = wantsBulk(options, init.sets) ? text.plan : undefined;
  let isFirst = true;
  const work = async (call: Call) => {
    if (!isFirst) source.rewind();
    isFirst = false;
    const report: BatchReport = { failedSet: undefined, isEnding: false, isInside: false, wantsStatements: false };
    onBegun(call, report);
    const rowMode = options.rowMode ?? 'object';
    const driverBatch = {
      text: text.text,
      rowMode,
      source,
      bulk,
      isBulkOnly: options.mode === 'copy',
      report,
    } as const;
    try {
      return await way.run(call, { text: text.text, batch: driverBatch, words: config.driver.transactions });
    } catch (error) {
      if (isFluxorError(error)) explain(error, report, text.verb);
      if (!canRepeat()) call.retry = undefined;
      throw error;
    }
  };
  // Not the statement's own text: a batch takes a time of its own, and whoever compares durations must not mix the two.
  const query: DriverQuery = { text: `batch ${text.text}`, values: [], rowMode: 'array' };
  const call = house.newCall({
    kind: 'statement',
    startedAt: config.clock.now(),
    timeoutMs: init.timeoutMs,
    outer: init.outer,
    signal: time.signal,
    work,
    query,
    take: { of: (result: DriverResult) => result },
    isIdempotent: options.idempotent,
    isReadOnly: options.readOnly,
    isProlonged: init.isProlonged,
    name: options.name,
    holding: options.priority === undefined ? undefined : { priority: options.priority },
    retry: way.inside === undefined ? house.retryFor(options.retry) : undefined,
    inside: way.inside,
    batch: facts,
  });
  return (await (way.inside === undefined ? road.travel(call) : road.travelInside(call))) as DriverBatchResult;
}

/** For a statement that the sets of a batch wait for, on the connection that the batch has: neither would ever end. */
export function batchOpenError(connectionId: number): UsageError {
  const text =
    'The sets of a batch come from a statement on the connection that the batch itself keeps busy, so each would wait for the ' +
    'other; read the rows before the batch, or on another connection';
  return new UsageError('STREAM_OPEN', text, { context: { connectionId } });
}

/** Throws when a batch must draw no more. Where nothing can be cancelled, this is what stops it. */
export function assertWanted(call: Call, deadlineAt: number, now: number): void {
  const isAborted = call.signal?.aborted === true;
  if (!isAborted && now < deadlineAt) return;
  const { phase, timeoutMs, isSafeToRepeat, context, signal } = call;
  const cause = isAborted ? 'aborted' : 'deadline';
  throw stoppedError({ cause, phase, timeoutMs, isSafeToRepeat, reason: signal?.reason, context }, 'not-applied');
}

/** Whichever set was on its way then is innocent. */
const NO_SETS_FAULT: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['TIMEOUT', 'CANCELLED', 'CONNECTION']);

const KEPT = 'a set of it has ended its transaction, so what had been sent by then stays';

/** Procedures and blocks can commit in the middle, in a batch as well. */
const COMMITS_INSIDE: ReadonlySet<string> = new Set(['call', 'do', 'begin', 'declare']);

function explain(error: FluxorError, report: BatchReport, verb: string): void {
  const { failedSet, isEnding, isInside } = report;
  if (failedSet !== undefined && !NO_SETS_FAULT.has(error.code)) error.fillContext({ paramSet: failedSet });
  // What went before the set that cannot be sent was sent, and undone.
  if (error.outcome === 'not-sent' && failedSet !== undefined && failedSet > 0) {
    error.overrule({ ...pick(error), outcome: 'not-applied' });
  }
  if (report.isKept === true) return error.noteKept(KEPT, 'never');
  // One that was stopped sends nothing any more that would make it final: `isEnding` stays what it is. A transaction around it
  // cannot end with it, and so has not when the connection is lost.
  const isUndone = isInside ? error.isConnectionFatal : !isEnding && !COMMITS_INSIDE.has(verb);
  if (error.outcome === 'unknown' && isUndone) error.noteRolledBack();
}

function pick({ decision, outcome, breaker, isConnectionFatal }: FluxorError) {
  return { decision, outcome, breaker, isConnectionFatal };
}

function wantsBulk({ mode = 'auto' }: BatchOptions, sets: number): boolean {
  return mode === 'copy' || (mode === 'auto' && sets >= COPY_FROM_SETS);
}
