/**
 * One statement from what the user wrote to what the database answered: checked, compiled, given its clock, sent down a
 * road. Runtimes, sessions and transactions differ only in the way they send it, so they cannot drift apart in the rest.
 */
import type { DriverQuery, DriverResult } from '../driver/query.js';
import type { Call } from './call.js';
import type { Statement, StatementParams, TimedResult } from './executor.js';
import type { CallRequest, House } from './house.js';
import type { QueryOptions } from './query-options.js';
import { checkOptions, QUERY_OPTIONS, readTimeout } from './query-options.js';
import type { Handler } from './stages.js';

/** How an executor sends its statements. */
export interface StatementWay extends Pick<CallRequest, 'outer' | 'connectionId'> {
  readonly road: Handler;
  /** Reaches into every statement; a statement's own signal comes on top. */
  readonly signal?: AbortSignal | undefined;
  /** At the end of the road. */
  execute(query: DriverQuery, call: Call): Promise<DriverResult>;
}

export async function sendStatement(
  house: House,
  way: StatementWay,
  sql: Statement<unknown>,
  params: StatementParams | undefined,
  options: QueryOptions = {},
): Promise<TimedResult> {
  const { compiler, config } = house.parts;
  checkOptions(options, QUERY_OPTIONS);
  const query: DriverQuery = { ...compiler.compile(sql, params), rowMode: options.rowMode ?? 'object' };
  const call = house.newCall({
    kind: 'statement',
    timeoutMs: readTimeout(options.timeout, config.query.timeoutMs),
    options: way.signal === undefined ? options : { ...options, signal: joinSignals(way.signal, options.signal) },
    work: (self) => way.execute(query, self),
    ...(way.outer === undefined ? {} : { outer: way.outer }),
    ...(way.connectionId === undefined ? {} : { connectionId: way.connectionId }),
  });
  const result = (await way.road(call)) as DriverResult;
  return { result, durationMs: config.clock.now() - call.startedAt };
}

function joinSignals(outer: AbortSignal, inner: AbortSignal | undefined): AbortSignal {
  return inner === undefined ? outer : AbortSignal.any([outer, inner]);
}
