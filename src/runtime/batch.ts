/**
 * One statement with many sets of values, from what the user gave to what the database answered: options and sets checked,
 * the way chosen, sent down the road as one call (`onError: 'stop'`, here) or as one call for each chunk (`'collect'`,
 * batch-collect.ts).
 * Invariant: nothing is sent for no sets, or before everything that can be checked has been.
 */
import type { ErrorContext } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import { QueryError } from '../errors/query-error.js';
import { within } from '../kernel/within.js';
import { BatchText } from '../sql/batch-text.js';
import type { StatementParams } from '../sql/statement-compiler.js';
import { callersContext } from './async-lease-scopes.js';
import type { Batch, BatchWay } from './batch-call.js';
import { assertWanted, sendCall } from './batch-call.js';
import { collect } from './batch-collect.js';
import type { BatchOptions, BatchResult, ParamSets } from './batch-options.js';
import { BATCH_OPTIONS, COPY_FROM_SETS, DEFAULT_BATCH_SIZE } from './batch-options.js';
import { BatchProgress } from './batch-progress.js';
import { checkSets, ReaderSource, SetReader } from './batch-source.js';
import { BatchTime } from './batch-time.js';
import type { BatchFacts, Call } from './call.js';
import type { Statement } from './executor.js';
import type { House } from './house.js';
import { checkOptions, readTimeout } from './query-options.js';
import { joinSignals } from './send-statement.js';

export async function sendBatch<R>(
  house: House,
  way: BatchWay,
  sql: Statement<unknown>,
  paramSets: ParamSets,
  options: BatchOptions = {},
): Promise<BatchResult<R>> {
  checkOptions(options, BATCH_OPTIONS);
  house.parts.lifecycle.assertOpen();
  const { config } = house.parts;
  const time = timeOf(house, way, options);
  const batchSize = options.batchSize ?? DEFAULT_BATCH_SIZE;
  const reader = new SetReader(paramSets);
  try {
    const ahead = await readAhead(reader, time);
    const text = new BatchText(config.driver.dialect, sql, ahead[0] ?? []);
    if (options.mode === 'copy' && text.plan === undefined) throw noPlainInsert();
    if (ahead.length === 0) return emptyResult(config.clock.now() - time.startedAt);
    checkSets(text, reader.array ?? (options.onError === 'collect' ? [] : ahead));
    const progress = new BatchProgress(house.parts.hub, options, reader.total);
    const batch: Batch = { house, way, text, options, batchSize, reader, ahead, time, progress };
    return await (options.onError === 'collect' ? collect<R>(batch) : sendWhole<R>(batch));
  } catch (error) {
    if (isFluxorError(error)) error.fillContext(contextOf(house, way));
    throw error;
  } finally {
    reader.close();
  }
}

function timeOf(house: House, way: BatchWay, { timeout, signal }: BatchOptions): BatchTime {
  const { config, timers } = house.parts;
  const { clock } = config;
  return new BatchTime({
    clock,
    timers,
    startedAt: clock.now(),
    timeoutMs: readTimeout(timeout, config.query.timeoutMs),
    isWhole: timeout !== undefined,
    outer: way.outer,
    signal: joinSignals(way.signal, signal),
  });
}

/** For what fails where no call is under way. */
function contextOf(house: House, { inside }: BatchWay): ErrorContext {
  const { name: runtime } = house.parts.config;
  return inside === undefined ? { runtime } : { runtime, connectionId: inside.connectionId };
}

/** As one call. */
async function sendWhole<R>(batch: Batch): Promise<BatchResult<R>> {
  const { house, way, text, batchSize, reader, ahead, time, progress } = batch;
  const { timers, scopes, tracing } = house.parts;
  const { clock, driver } = house.parts.config;
  const { startedAt, timeoutMs: perBatch, isWhole, signal } = time;
  const begun = Math.ceil((reader.total ?? 1) / batchSize);
  let running: Call | undefined;
  let deadlineAt = startedAt + (isWhole ? perBatch : perBatch * begun);
  let drawn = 0;
  const until = () => Math.max(deadlineAt, running?.deadlineAt ?? 0);
  const assertInTime = () => running !== undefined && assertWanted(running, until(), clock.now());
  const facts: BatchFacts = { text: text.text, sets: reader.total };
  // Calls into the client library are quiet, and this is one for the driver; the code that makes the sets is not.
  const inContext = tracing.tracing.isQuiet ? callersContext() : undefined;
  const draw = way.held === undefined || reader.array !== undefined ? undefined : scopes.openDraw(way.held);
  // An array is read from its start: what was looked at is still in it.
  const source = new ReaderSource(text, reader, reader.array === undefined ? ahead : [], {
    assertWanted: assertInTime,
    draw: (next) => (inContext === undefined ? scopes.draw(draw, next) : inContext(() => scopes.draw(draw, next))),
    // A server that can be told to stop ends the batch whatever its source does; nothing else would.
    wait: (set) =>
      driver.capabilities.canCancel
        ? set
        : within(set, { deadlineAt: until(), signal }, timers, () => {
            assertInTime();
            return set;
          }),
    onDrawn: (count) => {
      drawn = count;
      if (reader.total === undefined) facts.sets = count;
      if (count % batchSize !== 1 && batchSize !== 1) return;
      progress.tell(running, count - 1);
      if (isWhole || reader.total !== undefined || running === undefined) return;
      deadlineAt = Math.min(startedAt + perBatch * Math.ceil(count / batchSize), way.outer?.deadlineAt ?? Infinity);
      way.connection(running).prolong(deadlineAt);
    },
  });
  const result = await sendCall(batch, {
    source,
    sets: reader.total ?? ahead.length,
    facts,
    timeoutMs: isWhole ? perBatch : perBatch * begun,
    outer: time.outer,
    isProlonged: !isWhole && reader.total === undefined,
    canRepeat: () => source.canRewind,
    onBegun: (call) => {
      running = call;
    },
  }).finally(() => {
    source.end();
    scopes.closeDraw(draw);
  });
  progress.tell(running, drawn);
  const { rows, rowsAffected, affected, mode } = result;
  return { rows: rows as R[], rowsAffected, affected, mode, errors: [], durationMs: clock.now() - startedAt };
}

/** The first sets: enough to choose the way by. */
async function readAhead(reader: SetReader, time: BatchTime): Promise<readonly StatementParams[]> {
  if (reader.array !== undefined) return reader.array.length === 0 ? [] : [reader.array[0] as StatementParams];
  const ahead: StatementParams[] = [];
  while (ahead.length < COPY_FROM_SETS) {
    const set = await time.nextSet(reader, time.startedAt);
    if (set === undefined) break;
    ahead.push(set);
  }
  return ahead;
}

function emptyResult<R>(durationMs: number): BatchResult<R> {
  return { rows: [], rowsAffected: 0, affected: [], mode: 'statements', errors: [], durationMs };
}

function noPlainInsert(): QueryError {
  const text =
    "mode: 'copy' takes a plain insert: insert into … (columns) values (placeholders), each placeholder once and nothing else.";
  return new QueryError('syntax', text, { outcome: 'not-sent' });
}
