/**
 * Why somebody got no connection, told apart: the pool is busy, the database cannot be reached, the line is full, the
 * caller went away, the pool is closed. "Pool is probably full" is what people read in outages of everything else.
 */
import { ConnectionError } from '../errors/connection-error.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import { RejectedError } from '../errors/rejected-error.js';
import { CancelledError, TimeoutError } from '../errors/timeout-error.js';
import { UsageError } from '../errors/usage-error.js';
import { formatMs } from '../kernel/duration.js';
import type { LeakReport } from '../telemetry/events.js';
import type { PoolStats } from './pool-stats.js';
import { describeStats } from './pool-stats.js';

export function queueFullError(label: string, maxWaiting: number, stats: PoolStats): RejectedError {
  const text = `${label}: too many callers are waiting, pool.maxWaiting is ${maxWaiting} (${describeStats(stats)}); nothing was sent`;
  return new RejectedError('POOL_EXHAUSTED', text);
}

/** Those who wait already would take longer than the caller's time. */
export function lineTooLongError(label: string, waitMs: number, leftMs: number, stats: PoolStats): RejectedError {
  const [wait, left] = [formatMs(Math.round(waitMs)), formatMs(Math.round(leftMs))];
  const text = `${label}: those who wait already take ${wait} at the present pace, and this call has ${left} (${describeStats(stats)}); nothing was sent`;
  return new RejectedError('POOL_EXHAUSTED', text, { retryAfterMs: Math.max(1, Math.ceil(waitMs - leftMs)) });
}

export function poolClosedError(label: string): UsageError {
  return new UsageError('RUNTIME_CLOSED', `${label}: the runtime is disconnecting or disconnected`);
}

export function abortedWaitError(label: string, waitedMs: number, cause: unknown): CancelledError {
  const text = `${label}: the caller aborted after waiting ${formatMs(waitedMs)} for a connection; nothing was sent`;
  return new CancelledError('caller', text, { cause });
}

/** The pool is at work but nothing came free in time; `longest` is the lease held longest, often the one to blame. */
export function acquireTimeoutError(
  label: string,
  waitedMs: number,
  stats: PoolStats,
  longest: LeakReport | undefined,
): TimeoutError {
  const held = longest === undefined ? '' : `; longest held: ${describeHeld(longest)}`;
  const text = `${label}: no connection came free within ${formatMs(waitedMs)} (${describeStats(stats)}${held}); nothing was sent`;
  return new TimeoutError('acquire', text, { decision: 'new-connection' });
}

/** `connection 7 for 12,034 ms by the transaction 'checkout', last statement: update stock set …` */
function describeHeld({ connectionId, ageMs, holder, label, lastStatement }: LeakReport): string {
  const name = label === undefined ? '' : ` '${label}'`;
  const statement = lastStatement === undefined ? '' : `, last statement: ${shorten(lastStatement)}`;
  return `connection ${connectionId} for ${formatMs(ageMs)} by a ${holder}${name}${statement}`;
}

function shorten(text: string): string {
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}

/** Every connection is held by a caller who waits for another one. */
export function deadlockError(label: string, held: number): UsageError {
  const those = held === 1 ? 'the one connection is' : `all ${held} connections are`;
  const text =
    `${label}: ${those} held by callers who wait for another one, so none can ever come free; ` +
    'use the session or transaction that is open already, or raise pool.maxSize; nothing was sent';
  return new UsageError('NESTED_LEASE', text);
}

/** A warm-up that somebody waits for ran out of time, with no attempt that failed. */
export function warmUpError(label: string, opened: number, wanted: number, durationMs: number): TimeoutError {
  const text = `${label}: the warm-up opened ${opened} of ${wanted} connections within ${formatMs(durationMs)}`;
  return new TimeoutError('connect', text, { decision: 'new-connection' });
}

/** One attempt to create took too long. */
export function connectTimeoutError(label: string, timeoutMs: number): TimeoutError {
  const text = `${label}: the server did not finish connecting within ${formatMs(timeoutMs)}`;
  return new TimeoutError('connect', text, { decision: 'new-connection', breaker: 'failure', isConnectionFatal: true });
}

/** A driver that fails in no way it should. */
export function strangeError(label: string, cause: unknown): ConnectionError {
  const text = `${label}: connecting failed in an unknown way; see cause`;
  return new ConnectionError('protocol', text, { cause, decision: 'new-connection', breaker: 'failure' });
}

/** A connection that broke, or was not ready, before anybody could have used it: as good as none. */
export function stillbornError(label: string): ConnectionError {
  const text = `${label}: the connection was lost right after login`;
  return new ConnectionError('lost', text, { decision: 'new-connection', breaker: 'failure', isConnectionFatal: true });
}

/** No connection is open and none could be made: the last attempt's own error, with what the caller went through. */
export function unreachableError(last: FluxorError, waitedMs: number, attempts: number): FluxorError {
  const count = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
  return retold(last, `${last.message} (${count} to connect within ${formatMs(waitedMs)}; nothing was sent)`);
}

/** The database cannot be reached and nothing is alive: no attempt was made for this caller. */
export function refusedWhileDownError(last: FluxorError, failures: number, retryInMs: number): FluxorError {
  const why = last.retryable ? `so did the last ${failures} attempts` : 'so said the last attempt';
  const text = `${last.message} (${why} to connect; no new one was made for this call, nothing was sent)`;
  return retold(last, text, last.retryable ? retryInMs : last.retryAfterMs);
}

/** Each caller gets an error of their own: ids are filled into it on its way up, and must not be somebody else's. */
function retold(last: FluxorError, text: string, retryAfterMs = last.retryAfterMs): FluxorError {
  const init = {
    cause: last.cause ?? last,
    decision: last.decision,
    breaker: last.breaker,
    isConnectionFatal: last.isConnectionFatal,
    retryAfterMs,
    sqlState: last.sqlState,
    vendorCode: last.vendorCode,
    context: last.context,
  };
  if (last instanceof TimeoutError) return new TimeoutError(last.phase, text, init);
  if (last instanceof ConnectionError) {
    return new ConnectionError(last.reason, text, { ...init, code: last.code === 'AUTH' ? 'AUTH' : 'CONNECTION' });
  }
  return last;
}
