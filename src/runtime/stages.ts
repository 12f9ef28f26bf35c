/**
 * The steps of the road, each a few lines. A stage is made once, at start, around the next one; per call it costs one
 * function call and one promise. Their order is written in pipeline.ts, nowhere else.
 */
import { isFluxorError } from '../errors/fluxor-error.js';
import type { Connection } from '../connection/connection.js';
import type { Clock } from '../kernel/clock.js';
import type { PoolSettings } from '../pool/pool-settings.js';
import type { Pool } from '../pool/pool.js';
import type { Hub } from '../telemetry/hub.js';
import type { Call } from './call.js';
import { isDriverResult } from './call.js';
import type { Lifecycle } from './lifecycle.js';

/** Brings a call on and answers what it brought back. */
export type Handler = (call: Call) => Promise<unknown>;
export type Stage = (next: Handler) => Handler;

/** Lifecycle: a closed runtime takes no calls; the first call starts one that is idle. */
export function admitWhileOpen(lifecycle: Lifecycle, start: () => void): Stage {
  return (next) => async (call) => {
    lifecycle.assertOpen();
    if (lifecycle.state === 'idle') start();
    return next(call);
  };
}

/** Trace: says how each statement ended. Sessions and transactions tell their own facts. */
export function trace(hub: Hub, clock: Clock): Stage {
  return (next) => async (call) => {
    try {
      const result = await next(call);
      if (call.kind === 'statement' && hub.hasListeners('query:completed')) tellCompleted(hub, clock, call, result);
      return result;
    } catch (error) {
      if (!isFluxorError(error)) throw error;
      error.fillContext(call.context);
      if (call.kind === 'statement') {
        const connection = call.connectionId === undefined ? {} : { connectionId: call.connectionId };
        hub.tell('query:failed', { ...nameOf(call), ...connection, durationMs: clock.now() - call.startedAt, error });
      }
      throw error;
    }
  };
}

/** Acquire … release: lends a connection for the length of the work, or to what the work has opened. */
export function lend(pool: Pool<Connection>, settings: PoolSettings, clock: Clock): Stage {
  return (next) => async (call) => {
    const now = clock.now();
    // A session's own timeout is one for acquiring, and may be longer than the pool's.
    const limitMs = call.kind === 'session' ? Infinity : settings.current.acquireTimeoutMs;
    const deadlineAt = Math.min(call.deadline.at, now + limitMs);
    const { signal, priority } = call.options;
    const lease = await pool.acquire({ deadlineAt, now, signal, priority, ...call.holding });
    call.lease = lease;
    lease.resource.beginTenure();
    let isKept = false;
    try {
      const result = await next(call);
      // A session or transaction that has begun ends its lease by itself, when it ends.
      isKept = call.kind !== 'statement';
      return result;
    } finally {
      if (!isKept) lease.release();
    }
  };
}

/** The end of the road: the work itself. */
export const perform: Handler = (call) => call.work(call);

function tellCompleted(hub: Hub, clock: Clock, call: Call, result: unknown): void {
  if (!isDriverResult(result) || call.connectionId === undefined) return;
  hub.tell('query:completed', {
    ...nameOf(call),
    connectionId: call.connectionId,
    durationMs: clock.now() - call.startedAt,
    rows: result.rows.length,
    rowsAffected: result.rowsAffected,
  });
}

function nameOf(call: Call): { queryId: number; name?: string } {
  return call.options.name === undefined ? { queryId: call.id } : { queryId: call.id, name: call.options.name };
}
