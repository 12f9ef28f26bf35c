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
import type { FluxorError } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { BatchText } from '../sql/batch-text.js';
import type { StatementParams } from '../sql/statement-compiler.js';
import type { BatchOptions } from './batch-options.js';
import { COPY_FROM_SETS } from './batch-options.js';
import type { BatchProgress } from './batch-progress.js';
import type { SetReader } from './batch-source.js';
import type { Call, OuterLimit } from './call.js';
import type { House } from './house.js';
import type { StatementWay } from './send-statement.js';
import { joinSignals } from './send-statement.js';

/** How an executor sends its batches. */
export interface BatchWay extends Omit<StatementWay, 'work'> {
  readonly connection: (call: Call) => Connection;
  readonly run: (call: Call, work: BatchWork) => Promise<DriverBatchResult>;
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
  readonly startedAt: number;
  readonly progress: BatchProgress;
}

/** One call of a batch. */
export interface BatchCall {
  readonly source: BatchSource;
  /** How many sets there are, if that is known; otherwise how many at least. */
  readonly sets: number;
  readonly timeoutMs: number;
  /** Its time grows with the sets that are begun. */
  readonly isProlonged: boolean;
  readonly outer: OuterLimit | undefined;
  /** Whether the source, as it stands, could be drawn from again. */
  readonly canRepeat: () => boolean;
  readonly onBegun: (call: Call) => void;
}

/** Sends some sets as one unit: all of them are applied, or none. */
export async function sendCall(
  batch: Batch,
  { source, canRepeat, onBegun, ...init }: BatchCall,
): Promise<DriverBatchResult> {
  const { house, way, text, options } = batch;
  const { config, road } = house.parts;
  const bulk = wantsBulk(options, init.sets) ? text.plan : undefined;
  let isFirst = true;
  const work = async (call: Call) => {
    if (!isFirst) source.rewind();
    isFirst = false;
    onBegun(call);
    const report: BatchReport = { failedSet: undefined, isEnding: false, wantsStatements: false };
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
      if (isFluxorError(error)) explain(error, report, text.verb, way.inside !== undefined);
      if (!canRepeat()) call.retry = undefined;
      throw error;
    }
  };
  // Not the statement's own text: a batch takes a time of its own, and whoever compares durations must not mix the two.
  const query: DriverQuery = { text: `batch ${text.text}`, values: [], rowMode: 'array' };
  const call = house.newCall({
    kind: 'statement',
    startedAt: batch.house.parts.config.clock.now(),
    timeoutMs: init.timeoutMs,
    outer: init.outer,
    signal: joinSignals(way.signal, options.signal),
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
  });
  return (await (way.inside === undefined ? road.travel(call) : road.travelInside(call))) as DriverBatchResult;
}

/** Throws when a batch must draw no more. Where nothing can be cancelled, this is what stops it. */
export function assertWanted(call: Call, deadlineAt: number, now: number): void {
  const isAborted = call.signal?.aborted === true;
  if (!isAborted && now < deadlineAt) return;
  const { phase, timeoutMs, isSafeToRepeat, context, signal } = call;
  const cause = isAborted ? 'aborted' : 'deadline';
  throw stoppedError({ cause, phase, timeoutMs, isSafeToRepeat, reason: signal?.reason, context }, 'not-applied');
}

/** Procedures and blocks can commit in the middle, in a batch as well. */
const COMMITS_INSIDE: ReadonlySet<string> = new Set(['call', 'do']);

function explain(error: FluxorError, report: BatchReport, verb: string, isInside: boolean): void {
  const { failedSet, isEnding } = report;
  if (failedSet !== undefined) error.fillContext({ paramSet: failedSet });
  // What went before the set that cannot be sent was sent, and undone.
  if (error.outcome === 'not-sent' && failedSet !== undefined && failedSet > 0) {
    error.overrule({ ...pick(error), outcome: 'not-applied' });
  }
  if (error.outcome === 'unknown' && !isEnding && !isInside && !COMMITS_INSIDE.has(verb)) error.noteRolledBack();
}

function pick({ decision, outcome, breaker, isConnectionFatal }: FluxorError) {
  return { decision, outcome, breaker, isConnectionFatal };
}

function wantsBulk({ mode = 'auto' }: BatchOptions, sets: number): boolean {
  return mode === 'copy' || (mode === 'auto' && sets >= COPY_FROM_SETS);
}
