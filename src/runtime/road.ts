/**
 * The road of a query, from the application to a connection and back. The order of its steps is written in `travel` and
 * nowhere else: gate (circuit, rate, connection limit, permit) → acquire → work → record → release, again as often as the
 * retry policy allows.
 *
 * One function and not a chain of stages: where nothing waits, a call costs one promise on this page, no closure and no
 * timer (docs/decisions/0018). The deadline needs no step: it is a moment fixed when the call is made, and everything
 * below only asks how much of it is left.
 * Invariants: whatever an attempt took is given back, in whatever way it ends; a retry begins with nothing in hand.
 */
import type { Connection } from '../connection/connection.js';
import type { DriverResult } from '../driver/query.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { CallFacts } from '../gate/circuit-permit.js';
import type { Gate, Pass } from '../gate/gate.js';
import type { Clock } from '../kernel/clock.js';
import type { Lease } from '../pool/lease.js';
import type { PoolSettings } from '../pool/pool-settings.js';
import type { Pool } from '../pool/pool.js';
import { ACQUIRE_CHANNEL, QUERY_CHANNEL } from '../telemetry/channels.js';
import type { Hub } from '../telemetry/hub.js';
import type { QueryMeter } from '../telemetry/query-meter.js';
import type { CallRetry, RepeatedCall, Repetition } from './attempts.js';
import { Attempts } from './attempts.js';
import { noteRepetition, noteWait } from './call-waits.js';
import type { Call } from './call.js';
import type { Take } from './executor.js';
import type { Lifecycle } from './lifecycle.js';
import type { Pauses } from './pauses.js';
import type { TraceParts } from './call-trace.js';
import { endOfQuery, traceAcquire, traceQuery } from './traces.js';

export interface RoadParts {
  readonly lifecycle: Lifecycle;
  /** The first call starts a runtime that is idle. */
  readonly start: () => void;
  readonly hub: Hub;
  readonly meter: QueryMeter;
  readonly clock: Clock;
  readonly pauses: Pauses;
  readonly gate: Gate;
  readonly pool: Pool<Connection>;
  readonly settings: PoolSettings;
  readonly tracing: TraceParts;
}

export class Road {
  readonly #parts: RoadParts;
  readonly #shapeOf = (text: string, now: number) => this.#parts.meter.shapeOf(text, now);

  constructor(parts: RoadParts) {
    this.#parts = parts;
  }

  /** From the application to a connection and back. A transaction or session passes once, as one unit. */
  travel(call: Call): Promise<unknown> {
    return this.#isTraced(call) ? this.#travelTraced(call) : this.#travel(call);
  }

  /** For statements inside a session or transaction, which has its connection already: they record, and pass no gate. */
  travelInside(call: Call): Promise<unknown> {
    return this.#isTraced(call) ? this.#travelInsideTraced(call) : this.#travelInside(call);
  }

  async #travel(call: Call): Promise<unknown> {
    const { gate, pool, clock, settings } = this.#parts;
    try {
      this.#begin(call);
      let attempts: Attempts | undefined;
      for (let now = call.startedAt; ; now = clock.now()) {
        let beganAt: number | undefined;
        let waitsSince: number | undefined;
        try {
          const entered = gate.enter(call, now, call.acquireBy(now, settings.current.acquireTimeoutMs));
          if (entered instanceof Promise) waitsSince = now;
          const pass = (call.pass = entered instanceof Promise ? await entered : entered);
          const askedAt = entered === pass ? now : clock.now();
          let lease = pool.tryAcquire(call, askedAt);
          if (lease === undefined) {
            waitsSince ??= now;
            lease = await this.#wait(call, askedAt, pass.acquireBy);
          }
          call.lease = lease;
          if (waitsSince !== undefined) noteWait(call, waitsSince, clock.now());
          waitsSince = undefined;
          this.#take(lease, pass);
          beganAt = pass.isTimed ? clock.now() : undefined;
          const result = await call.work(call);
          return this.#succeeded(call, pass, beganAt, result);
        } catch (error) {
          if (waitsSince !== undefined) noteWait(call, waitsSince, clock.now(), error);
          this.#giveBack(call, error, beganAt);
          if (call.retry === undefined) throw error;
          attempts ??= this.#attemptsOf(call, call.retry);
          const failedAt = clock.now();
          await attempts.afterFailure(error, call.lease !== undefined);
          noteRepetition(call, attempts.number, failedAt, clock.now(), error);
          call.lease = call.pass = undefined;
        }
      }
    } catch (error) {
      throw atCaller(this.#failed(call, error));
    }
  }

  async #travelInside(call: Call): Promise<unknown> {
    this.#count(call);
    const pass = call.inside?.pass;
    const generation = pass?.generation ?? 0;
    const beganAt = pass?.isTimed === true ? this.#parts.clock.now() : undefined;
    try {
      const result = await call.work(call);
      if (beganAt === undefined) pass?.record(generation, 'success');
      else pass?.record(generation, 'success', { durationMs: this.#parts.clock.now() - beganAt });
      if (call.take === undefined) return result;
      return this.#completed(call, call.take, result as DriverResult, this.#parts.clock.now());
    } catch (error) {
      if (isFluxorError(error)) {
        const durationMs = beganAt === undefined ? 0 : this.#parts.clock.now() - beganAt;
        pass?.record(generation, error.breaker, factsOf(call, error, durationMs));
      }
      throw atCaller(this.#failed(call, error));
    }
  }

  #begin(call: Call): void {
    const { lifecycle, start } = this.#parts;
    this.#count(call);
    lifecycle.assertOpen();
    if (lifecycle.state === 'idle') start();
    call.retry?.policy.begun(call.startedAt);
  }

  /** From here to `#completed` or `#failed` it is in flight; a stream goes on to the end of its last page. */
  #count(call: Call): void {
    if (call.kind === 'statement') this.#parts.meter.begin(call, call.query.text, call.startedAt);
  }

  #wait(call: Call, askedAt: number, acquireBy: number): Promise<Lease<Connection>> {
    if (call.traced !== undefined || ACQUIRE_CHANNEL.hasSubscribers) return this.#waitTraced(call, askedAt, acquireBy);
    return this.#parts.pool.wait(call, askedAt, acquireBy);
  }

  #waitTraced(call: Call, askedAt: number, acquireBy: number): Promise<Lease<Connection>> {
    const { pool, clock } = this.#parts;
    const { waiting } = pool.stats();
    if (call.traced !== undefined) call.traced.waiting = waiting;
    const wait = () => pool.wait(call, askedAt, acquireBy);
    if (!ACQUIRE_CHANNEL.hasSubscribers) return wait();
    return traceAcquire(call, waiting, () => clock.now(), wait);
  }

  #isTraced(call: Call): boolean {
    const { tracing } = this.#parts.tracing;
    if (!tracing.isOn && !QUERY_CHANNEL.hasSubscribers) return false;
    return call.kind === 'statement' && (QUERY_CHANNEL.hasSubscribers || tracing.wants('query'));
  }

  /** A method of its own, as the next: where a function makes a closure of its arguments, every call pays for it. */
  #travelTraced(call: Call): Promise<unknown> {
    return traceQuery(call, this.#shapeOf, this.#parts.tracing, () => this.#travel(call));
  }

  #travelInsideTraced(call: Call): Promise<unknown> {
    return traceQuery(call, this.#shapeOf, this.#parts.tracing, () => this.#travelInside(call));
  }

  /** @throws UsageError when the lease has ended already: the pool may be closed between two turns. */
  #take(lease: Lease<Connection>, pass: Pass): void {
    // Those that travel together share the loan that the first of them began.
    if (!lease.isShared) lease.resource.beginTenure();
    if (pass.hasSlot) lease.tellWhenFree(pass);
  }

  /** Settles, gives back and tells, with one look at the clock for all of it; answers what the caller wants. */
  #succeeded(call: Call, pass: Pass, beganAt: number | undefined, result: unknown): unknown {
    if (call.take === undefined) {
      // A session proves nothing about the server by being lent. What has begun now ends its lease by itself.
      const verdict = call.kind === 'session' ? 'ignore' : 'success';
      if (beganAt === undefined) pass.succeed(verdict);
      else pass.succeed(verdict, { durationMs: this.#parts.clock.now() - beganAt });
      return result;
    }
    const now = this.#parts.clock.now();
    if (beganAt === undefined) pass.succeed('success');
    else pass.succeed('success', { durationMs: now - beganAt, fingerprint: call.name ?? call.query.text });
    call.lease?.release(now);
    return this.#completed(call, call.take, result as DriverResult, now);
  }

  /** Whatever a failed attempt had got so far. */
  #giveBack(call: Call, error: unknown, beganAt: number | undefined): void {
    const { pass, lease } = call;
    // What was spent in a line is no slow call: before its work began, a call has taken the database no time.
    pass?.fail(error, factsOf(call, error, beganAt === undefined ? 0 : this.#parts.clock.now() - beganAt));
    // With a lease, the slot is free when its connection is.
    if (lease === undefined || lease.isReleased) pass?.onResourceFree();
    else lease.release();
  }

  /** Written out and not spread together: with a listener, this is part of every call. */
  #completed(call: Call, take: Take, result: DriverResult, now: number): unknown {
    const { hub, meter } = this.#parts;
    const { id: queryId, name, startedAt } = call;
    const durationMs = now - startedAt;
    meter.success(call, durationMs, now, result.rows.length, result.rowsAffected);
    if (hub.hasListeners('query:completed')) {
      const { connectionId = 0 } = call;
      const { rowsAffected } = result;
      const rows = result.rows.length;
      const at = hub.stamp(now);
      if (name === undefined) {
        hub.tellStamped('query:completed', { at, queryId, connectionId, durationMs, rows, rowsAffected });
      } else hub.tellStamped('query:completed', { at, queryId, name, connectionId, durationMs, rows, rowsAffected });
    }
    if (call.traced !== undefined) endOfQuery(call, result, durationMs, now);
    return take.of(result, durationMs);
  }

  #attemptsOf(call: Call, retry: Exclude<CallRetry, undefined>): Attempts {
    const { hub, meter } = this.#parts;
    const tell = (repetition: Repetition) => {
      meter.retried(repetition.error);
      hub.tell('query:retried', { ...nameOf(call), ...repetition });
    };
    return new Attempts(this.#parts, retry, repeatedCall(call), tell);
  }

  /** Completes the error on its way to the caller, and tells it. */
  #failed(call: Call, error: unknown): unknown {
    const { hub, clock, meter } = this.#parts;
    const known = isFluxorError(error) ? error : undefined;
    known?.fillContext(call.context);
    if (known !== undefined && isRejection(known))
      hub.tell('call:rejected', { ...nameOf(call), kind: call.kind, error: known });
    if (call.kind !== 'statement') return error;
    const now = clock.now();
    const durationMs = now - call.startedAt;
    const fingerprint = meter.failure(call, durationMs, now, error, known);
    call.traced?.fail(call, durationMs, now, error);
    if (known === undefined) return error;
    const connection = call.connectionId === undefined ? {} : { connectionId: call.connectionId };
    const shape = fingerprint === undefined ? {} : { fingerprint };
    hub.tell('query:failed', { ...nameOf(call), ...connection, ...shape, durationMs, error: known });
    return error;
  }
}

function repeatedCall({ kind, isSafeToRepeat, deadlineAt, signal }: Call): RepeatedCall {
  // Opening a session or transaction is one statement at most; what comes after it is its holder's.
  return { unit: 'statement', isSafeToRepeat: kind === 'statement' && isSafeToRepeat, deadlineAt, signal };
}

/** `durationMs` of the work; 0 where it never began, or nobody wants to know. */
function factsOf(call: Call, error: unknown, durationMs: number): CallFacts {
  const { connectionId } = call;
  const fingerprint = call.kind === 'statement' ? (call.name ?? call.query.text) : undefined;
  return { error, connectionId, durationMs, fingerprint };
}

/** By the gate or the pool, before anything was sent. */
function isRejection({ code }: FluxorError): boolean {
  return code === 'CIRCUIT_OPEN' || code === 'RATE_LIMIT' || code === 'POOL_EXHAUSTED';
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
