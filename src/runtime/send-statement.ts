/**
 * One statement from what the user wrote to what the database answered: checked, compiled, given its clock, sent down a
 * road. Runtimes, sessions and transactions differ only in the way they send it, so they cannot drift apart in the rest.
 */
import type { StatementFacts } from '../connection/statement-book.js';
import type { DriverQuery, DriverResult } from '../driver/query.js';
import type { Lane } from '../pool/lane.js';
import type { Call, InsideLease, OuterLimit, Work } from './call.js';
import { leaseOf } from './call.js';
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

/** On whatever connection the road lends for it: alone, or together with others. */
export const ON_A_CONNECTION: StatementWay = { work: execute };

function execute(call: Call): Promise<DriverResult> {
  const { resource, isShared } = leaseOf(call);
  if (isShared && call.facts !== undefined) return resource.share(call.query, call, call.facts);
  return resource.execute(call.query, call);
}

/**
 * Together with others goes what is known to be short, leaves nothing behind, and needs no limit of its own at the server.
 * Whoever holds a connection while they ask may hold the lock as well that those before them on a shared one wait for.
 */
function laneFor(house: House, facts: StatementFacts, timeoutMs: number, canPipeline: boolean | undefined): Lane {
  if (canPipeline === false) return 'long';
  const { config, scopes } = house.parts;
  const canShare = facts.isShort && facts.canTravel && timeoutMs <= config.query.timeoutMs;
  return canShare && !scopes.isHolding() ? 'short' : 'long';
}

/** @throws ConfigError, QueryError for what is wrong before anything is sent; everything else is a rejection. */
export function sendStatement(
  house: House,
  way: StatementWay,
  sql: Statement<unknown>,
  params: StatementParams | undefined,
  options: QueryOptions | undefined,
  take: Take,
): Promise<unknown> {
  const { compiler, config, road, book } = house.parts;
  if (options !== undefined) checkOptions(options, QUERY_OPTIONS);
  const { text, values } = compiler.compile(sql, params);
  const query: DriverQuery = { text, values, rowMode: take.rowMode ?? options?.rowMode ?? 'object' };
  const timeoutMs =
    options === undefined ? config.query.timeoutMs : readTimeout(options.timeout, config.query.timeoutMs);
  const facts = book !== undefined && way.inside === undefined ? book.look(text) : undefined;
  const call = house.newCall({
    kind: 'statement',
    startedAt: config.clock.now(),
    timeoutMs,
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
    facts,
    lane: facts && laneFor(house, facts, timeoutMs, options?.pipeline),
    inside: way.inside,
  });
  return way.inside === undefined ? road.travel(call) : road.travelInside(call);
}

/** Aborted as soon as one of them is. */
export function joinSignals(outer: AbortSignal | undefined, inner: AbortSignal | undefined): AbortSignal | undefined {
  if (outer === undefined || inner === undefined) return outer ?? inner;
  return AbortSignal.any([outer, inner]);
}
