/**
 * The road of a query, from the application to a connection and back. The order of its steps is written in `#attempt` and
 * nowhere else: gate (circuit, rate, connection limit, permit) → acquire → perform → record → release; `travel` goes
 * through it again as often as the retry policy allows, and says how it ended.
 *
 * One function and not a chain of stages: where nothing waits, a call costs two promises on this page, no closure and no
 * timer (docs/decisions/0018). The deadline needs no step: it is a moment fixed when the call is made, and everything
 * below only asks how much of it is left.
 * Invariants: whatever an attempt took is given back, in whatever way it ends; a retry begins with nothing in hand.
 */
import type { Connection } from '../connection/connection.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { CallFacts } from '../gate/circuit-permit.js';
import type { Gate, Pass } from '../gate/gate.js';
import type { Clock } from '../kernel/clock.js';
import type { DeadlineTimer } from '../kernel/deadline.js';
import type { PoolSettings } from '../pool/pool-settings.js';
import type { Pool } from '../pool/pool.js';
import type { Hub } from '../telemetry/hub.js';
import type { CallRetry, RepeatedCall, Repetition } from './attempts.js';
import { Attempts } from './attempts.js';
import type { Call } from './call.js';
import { isDriverResult } from './call.js';
import type { Lifecycle } from './lifecycle.js';

export interface RoadParts {
  readonly lifecycle: Lifecycle;
  /** The first call starts a runtime that is idle. */
  readonly start: () => void;
  readonly hub: Hub;
  readonly clock: Clock;
  readonly timers: DeadlineTimer;
  readonly gate: Gate;
  readonly pool: Pool<Connection>;
  readonly settings: PoolSettings;
}

export class Road {
  readonly #parts: RoadParts;

  constructor(parts: RoadParts) {
    this.#parts = parts;
  }

  /** From the application to a connection. A transaction or session passes once, as one unit. */
  async travel(call: Call): Promise<unknown> {
    try {
      const { lifecycle, start } = this.#parts;
      lifecycle.assertOpen();
      if (lifecycle.state === 'idle') start();
      call.retry?.policy.begun(call.startedAt);
      let attempts: Attempts | undefined;
      for (;;) {
        try {
          const result = await this.#attempt(call, attempts === undefined ? call.startedAt : this.#parts.clock.now());
          this.#tellCompleted(call, result);
          return result;
        } catch (error) {
          if (call.retry === undefined) throw error;
          attempts ??= this.#attemptsOf(call, call.retry);
          await attempts.afterFailure(error, call.lease !== undefined);
        }
      }
    } catch (error) {
      throw atCaller(this.#failed(call, error));
    }
  }

  /** For statements inside a session or transaction, which has its connection already: they record, and pass no gate. */
  async travelInside(call: Call): Promise<unknown> {
    const generation = call.inside?.generation ?? 0;
    try {
      const result = await call.work(call);
      this.#parts.gate.record(generation, 'success');
      this.#tellCompleted(call, result);
      return result;
    } catch (error) {
      if (isFluxorError(error)) this.#parts.gate.record(generation, error.breaker, factsOf(call, error));
      throw atCaller(this.#failed(call, error));
    }
  }

  async #attempt(call: Call, now: number): Promise<unknown> {
    const { gate, pool, settings, clock } = this.#parts;
    call.lease = undefined;
    const entered = gate.enter(call, now);
    const pass = entered instanceof Promise ? await entered : entered;
    const askedAt = entered === pass ? now : clock.now();
    let isKept = false;
    try {
      const { acquireTimeoutMs } = settings.current;
      const lease =
        pool.tryAcquire(call, askedAt) ?? (await pool.acquire(call.toAcquireRequest(askedAt, acquireTimeoutMs)));
      lease.resource.beginTenure();
      call.lease = lease;
      call.pass = pass;
      if (pass.hasSlot) lease.entry.tellWhenFree(pass);
      const result = pass.isTimed ? await this.#timed(call, pass) : await call.work(call);
      // A session proves nothing about the server by being lent.
      pass.succeed(call.kind === 'session' ? 'ignore' : 'success');
      // A session or transaction that has begun ends its lease by itself, when it ends.
      isKept = call.kind !== 'statement';
      return result;
    } catch (error) {
      pass.fail(error, factsOf(call, error));
      throw error;
    } finally {
      if (call.lease === undefined) pass.onResourceFree();
      else if (!isKept) call.lease.release();
    }
  }

  async #timed(call: Call, pass: Pass): Promise<unknown> {
    const { clock } = this.#parts;
    const beganAt = clock.now();
    const result = await call.work(call);
    if (call.kind === 'statement') {
      pass.succeed('success', { durationMs: clock.now() - beganAt, fingerprint: call.name ?? call.query.text });
    }
    return result;
  }

  /** Written out and not spread together: with a listener, this is part of every call. */
  #tellCompleted(call: Call, result: unknown): void {
    const { hub, clock } = this.#parts;
    if (call.kind !== 'statement' || !hub.hasListeners('query:completed')) return;
    const { id: queryId, name, connectionId, startedAt } = call;
    if (!isDriverResult(result) || connectionId === undefined) return;
    const durationMs = clock.now() - startedAt;
    const { rowsAffected } = result;
    const rows = result.rows.length;
    const at = hub.stamp();
    if (name === undefined) {
      hub.tellStamped('query:completed', { at, queryId, connectionId, durationMs, rows, rowsAffected });
    } else hub.tellStamped('query:completed', { at, queryId, name, connectionId, durationMs, rows, rowsAffected });
  }

  #attemptsOf(call: Call, retry: Exclude<CallRetry, undefined>): Attempts {
    const { hub } = this.#parts;
    const tell = (repetition: Repetition) => hub.tell('query:retried', { ...nameOf(call), ...repetition });
    return new Attempts(this.#parts, retry, repeatedCall(call), tell);
  }

  /** Completes the error on its way to the caller, and tells it. */
  #failed(call: Call, error: unknown): unknown {
    if (!isFluxorError(error)) return error;
    const { hub, clock } = this.#parts;
    error.fillContext(call.context);
    if (call.kind === 'statement') {
      const connection = call.connectionId === undefined ? {} : { connectionId: call.connectionId };
      hub.tell('query:failed', { ...nameOf(call), ...connection, durationMs: clock.now() - call.startedAt, error });
    }
    return error;
  }
}

function repeatedCall({ kind, isSafeToRepeat, deadlineAt, signal }: Call): RepeatedCall {
  // Opening a session or transaction is one statement at most; what comes after it is its holder's.
  return { unit: 'statement', isSafeToRepeat: kind === 'statement' && isSafeToRepeat, deadlineAt, signal };
}

function factsOf(call: Call, error: unknown): CallFacts {
  const { connectionId } = call;
  const fingerprint = call.kind === 'statement' ? { fingerprint: call.name ?? call.query.text } : {};
  return connectionId === undefined ? { error, ...fingerprint } : { error, connectionId, ...fingerprint };
}

function nameOf(call: Call): { queryId: number; name?: string } {
  return call.name === undefined ? { queryId: call.id } : { queryId: call.id, name: call.name };
}

/**
 * Ten frames is all V8 keeps. Counted from here they lead through the async callers to the line that sent the statement;
 * from where the error was made (a timer, a parser) they would never leave this house.
 */
function atCaller(error: unknown): unknown {
  if (isFluxorError(error)) Error.captureStackTrace(error, atCaller);
  return error;
}
