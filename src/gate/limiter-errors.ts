/**
 * What the two limiters say when they say no, with the numbers that explain it. Nothing was sent in any of these cases, so
 * each keeps the default outcome `'not-sent'`, and none counts for the circuit breaker: it says nothing about the server.
 */
import { RejectedError } from '../errors/rejected-error.js';
import { CancelledError, TimeoutError } from '../errors/timeout-error.js';
import { UsageError } from '../errors/usage-error.js';
import { formatMs } from '../kernel/duration.js';

/** What a caller waits for, in words. */
export type Awaited = 'a token' | 'a slot';

/** The rate, as its errors print it. */
export interface RateFacts {
  readonly perSecond: number;
  readonly burst: number;
  readonly waiting: number;
}

/** `waitMs` is how long the call would have had to wait; rounded up, so that a caller who obeys is never too early. */
export function rateLimitError(why: string, facts: RateFacts, waitMs: number | undefined): RejectedError {
  const { perSecond, burst, waiting } = facts;
  const retryAfterMs = waitMs === undefined ? undefined : Math.max(1, Math.ceil(waitMs));
  const rate = `the rate limit of ${perSecond.toLocaleString('en-US')} a second (gate.rateLimit)`;
  const text = `Refused by ${rate}: ${why} (burst ${burst}, ${waiting} waiting); nothing was sent`;
  return new RejectedError('RATE_LIMIT', text, { retryAfterMs });
}

/** How busy the limiter is, as its errors print it. */
export interface SlotFacts {
  readonly limit: number;
  readonly inUse: number;
  readonly waiting: number;
}

export function slotQueueFullError(facts: SlotFacts, queue: number): RejectedError {
  const text = `Too many calls wait for a slot: gate.connectionLimit has queue ${queue} (${describeSlots(facts)}); nothing was sent`;
  return new RejectedError('POOL_EXHAUSTED', text);
}

export function slotTimeoutError(facts: SlotFacts, waitedMs: number): TimeoutError {
  const text = `No slot came free within ${formatMs(waitedMs)} (${describeSlots(facts)}); nothing was sent`;
  return new TimeoutError('acquire', text);
}

export function abortedError(what: Awaited, waitedMs: number, cause: unknown): CancelledError {
  const text = `The caller aborted after waiting ${formatMs(waitedMs)} for ${what}; nothing was sent`;
  return new CancelledError('caller', text, { cause });
}

export function limiterStoppedError(what: Awaited): UsageError {
  return new UsageError('RUNTIME_CLOSED', `Nobody gets ${what} any more: the limiter was stopped; nothing was sent`);
}

function describeSlots({ limit, inUse, waiting }: SlotFacts): string {
  return `limit ${limit}, in use ${inUse}, waiting ${waiting}`;
}
