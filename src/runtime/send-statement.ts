/**
 * One statement from what the user wrote to what the database answered: checked, compiled, given its clock, sent down a
 * road. Runtimes, sessions and transactions differ only in the way they send it, so they cannot drift apart in the rest.
 */
import type { DriverQuery } from '../driver/query.js';
import type { Call, InsideLease, OuterLimit, Work } from './call.js';
import { connectionOf } from './call.js';
import type { Statement, StatementParams, Take } from './executor.js';
import type { House } from './house.js';
import type { QueryOptions } from './query-options.js';
import { checkOptions, QUERY_OPTIONS, readTimeout } from './query-options.js';

/** How an executor sends its statements. */
export interface StatementWay {
  /** At the end of the road. */
  readonly work: Work;
  readonly outer?: OuterLimit;
  /** Reaches into every statement; a statement's own signal comes on top. */
  readonly signal?: AbortSignal | undefined;
  /** The lease that its statements are part of: they pass no gate, and are never repeated alone. */
  readonly inside?: InsideLease;
}

/** On whatever connection the road lends for it. */
export const ON_A_CONNECTION: StatementWay = { work: (call: Call) => connectionOf(call).execute(call.query, call) };

/** @throws ConfigError, QueryError for what is wrong before anything is sent; everything else is a rejection. */
export function sendStatement(
  house: House,
  way: StatementWay,
  sql: Statement<unknown>,
  params: StatementParams | undefined,
  options: QueryOptions | undefined,
  take: Take,
): Promise<unknown> {
  const { compiler, config, road } = house.parts;
  if (options !== undefined) checkOptions(options, QUERY_OPTIONS);
  const { text, values } = compiler.compile(sql, params);
  const query: DriverQuery = { text, values, rowMode: take.rowMode ?? options?.rowMode ?? 'object' };
  const call = house.newCall({
    kind: 'statement',
    startedAt: config.clock.now(),
    timeoutMs: options === undefined ? config.query.timeoutMs : readTimeout(options.timeout, config.query.timeoutMs),
    outer: way.outer,
    signal: joinSignals(way.signal, options?.signal),
    work: way.work,
    query,
    take,
    isIdempotent: options?.idempotent,
    isReadOnly: options?.readOnly,
    name: options?.name,
    holding: options?.priority === undefined ? undefined : { priority: options.priority },
    retry: way.inside === undefined ? house.retryFor(options?.retry) : undefined,
    inside: way.inside,
  });
  return way.inside === undefined ? road.travel(call) : road.travelInside(call);
}

/** Aborted as soon as one of them is. */
export function joinSignals(outer: AbortSignal | undefined, inner: AbortSignal | undefined): AbortSignal | undefined {
  if (outer === undefined || inner === undefined) return outer ?? inner;
  return AbortSignal.any([outer, inner]);
}
