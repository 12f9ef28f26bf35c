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
import type { PoolStats } from './pool-stats.js';
import { describeStats } from './pool-stats.js';

export function queueFullError(label: string, stats: PoolStats): RejectedError {
  return new RejectedError('POOL_EXHAUSTED', `${label}: too many callers are waiting (${describeStats(stats)})`);
}

export function poolClosedError(label: string): UsageError {
  return new UsageError('RUNTIME_CLOSED', `${label}: the runtime is disconnecting or disconnected`);
}

export function abortedWaitError(label: string, waitedMs: number, cause: unknown): CancelledError {
  const text = `${label}: the caller aborted after waiting ${formatMs(waitedMs)} for a connection; nothing was sent`;
  return new CancelledError('caller', text, { cause });
}

/** The pool is at work but nothing came free in time. */
export function acquireTimeoutError(label: string, waitedMs: number, stats: PoolStats): TimeoutError {
  const text = `${label}: no connection came free within ${formatMs(waitedMs)} (${describeStats(stats)}); nothing was sent`;
  return new TimeoutError('acquire', text, { decision: 'new-connection' });
}

/** One attempt to create took too long. */
export function connectTimeoutError(label: string, timeoutMs: number): TimeoutError {
  const text = `${label}: the server did not finish connecting within ${formatMs(timeoutMs)}`;
  return new TimeoutError('connect', text, { decision: 'new-connection', breaker: 'failure', isConnectionFatal: true });
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

/** The last attempt failed for a reason that another attempt won't change, so none is made for this caller. */
export function hopelessError(last: FluxorError): FluxorError {
  return retold(last, `${last.message} (so said the last attempt to connect; no new one was made, nothing was sent)`);
}

/** Each caller gets an error of their own: ids are filled into it on its way up, and must not be somebody else's. */
function retold(last: FluxorError, text: string): FluxorError {
  const init = {
    cause: last.cause ?? last,
    decision: last.decision,
    breaker: last.breaker,
    isConnectionFatal: last.isConnectionFatal,
    retryAfterMs: last.retryAfterMs,
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
