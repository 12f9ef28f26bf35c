/**
 * The gate: what a call must pass before it may ask for a connection. Start reading here; each part can also be used alone.
 *
 *     peek at the circuit breaker     open → refused before it costs anything                   circuit-breaker.ts
 *     rate limiter                    a token, or a wait, or refused                            rate-limiter.ts
 *     connection limiter              a slot, or a place in its line, or refused                connection-limiter.ts
 *     permit of the circuit breaker   last, in the tick of the dispatch: none can leak from a line
 *
 * Invariants: where nothing has to wait, admission is synchronous; after every wait the circuit is looked at anew;
 * whatever a refused call had taken is given back; a pass is settled once and its slot freed once, in any order.
 * The unit is the lease, not the statement: what runs inside a lease only records, and is never refused.
 * Refuses to know: statements, connections, retries.
 */
import type { BreakerVerdict } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { Priority } from '../kernel/priority.js';
import type { CircuitBreaker } from './circuit-breaker.js';
import type { CallFacts, CircuitPermit } from './circuit-permit.js';
import type { ConnectionLimiter } from './connection-limiter.js';
import type { LimitPermit, ReleaseSample } from './connection-limiter-permit.js';
import type { RateLimiter } from './rate-limiter.js';

/** Who asks. */
export interface GateRequest {
  /** Monotonic milliseconds; no wait goes beyond it. */
  readonly deadlineAt: number;
  readonly signal: AbortSignal | undefined;
  readonly priority: Priority | undefined;
}

/** What the gate knows of the house around it. */
export interface GateHost {
  now(): number;
  /** How many connections the pool behind the gate may open. */
  poolSize(): number;
  /** Whether the caller holds a connection already. A line whose holders stand in it is a deadlock, so they pass by it. */
  isHolder(): boolean;
}

export interface GateParts {
  readonly circuit: CircuitBreaker;
  /** The circuit breaker wants to know how long calls take, which costs a look at the clock. */
  readonly isCircuitTimed: boolean;
  readonly rate: RateLimiter | undefined;
  readonly limiter: ConnectionLimiter | undefined;
  readonly host: GateHost;
}

/** How long the connection limit takes to grow back after the circuit has closed: a crowd at the door would open it again. */
const RAMP_MS = 1_000;

export class Gate {
  readonly circuit: CircuitBreaker;
  /** Absent where it is switched off; an operator may switch it on. */
  rate: RateLimiter | undefined;
  limiter: ConnectionLimiter | undefined;
  /** How often the circuit breaker has made each of its moves: by `from`, then by `to`. */
  readonly transitions = new Map<string, Map<string, number>>();
  /** Of rate limiters that were switched off: what they had counted. */
  readonly retiredRate = { allowed: 0, rejected: 0 };
  readonly #host: GateHost;
  readonly #isCircuitTimed: boolean;

  constructor({ circuit, rate, limiter, host, isCircuitTimed }: GateParts) {
    this.circuit = circuit;
    this.rate = rate;
    this.limiter = limiter;
    this.#host = host;
    this.#isCircuitTimed = isCircuitTimed;
    circuit.on('stateChange', ({ from, to }) => {
      const moves = this.transitions.get(from) ?? new Map<string, number>();
      this.transitions.set(from, moves.set(to, (moves.get(to) ?? 0) + 1));
      if (from === 'half-open' && to === 'closed') this.limiter?.ramp(RAMP_MS);
    });
  }

  /**
   * A pass, at once where nothing has to wait; the line of the connection limiter is stood in until `acquireBy`.
   * @throws RejectedError `CIRCUIT_OPEN`, `RATE_LIMIT` or `POOL_EXHAUSTED`, also as a rejection; TimeoutError `acquire` or
   * CancelledError from a line. Nothing was sent in any of these cases.
   */
  enter(request: GateRequest, now: number, acquireBy: number): Pass | Promise<Pass> {
    const refusal = this.circuit.peek(now);
    if (refusal !== undefined) throw refusal;
    if (this.rate !== undefined && !this.rate.tryTake(1, now)) return this.#enterWithoutToken(request, now, acquireBy);
    return this.#enterWithToken(request, now, acquireBy);
  }

  /** Nobody may wait any more. */
  stop(): void {
    this.circuit.stop();
    this.rate?.stop();
    this.limiter?.stop();
  }

  /** Somebody makes use of samples. */
  get isLearning(): boolean {
    return this.limiter?.isAdaptive === true;
  }

  /** Whether the time that a call took is wanted. */
  isTimed(hasSlot: boolean): boolean {
    return this.#isCircuitTimed || (hasSlot && this.isLearning);
  }

  /** The time to acquire begins when there is a token: `maxWait` may be the longer one. */
  async #enterWithoutToken(request: GateRequest, now: number, acquireBy: number): Promise<Pass> {
    const { deadlineAt, signal } = request;
    await this.rate?.take({ cost: 1, now, deadlineAt, signal });
    const later = this.#host.now();
    return this.#enterWithToken(request, later, Math.min(deadlineAt, acquireBy + later - now));
  }

  #enterWithToken(request: GateRequest, now: number, acquireBy: number): Pass | Promise<Pass> {
    const { limiter } = this;
    try {
      if (limiter === undefined) return this.#permit(undefined, now, acquireBy);
      const slot = this.#isStricter(limiter) ? limiter.tryAcquire(request) : limiter.admit(request.priority);
      if (slot === undefined) return this.#enterWithoutSlot(limiter, request, now, acquireBy);
      return this.#permit(slot, now, acquireBy);
    } catch (error) {
      this.rate?.refund(1);
      throw error;
    }
  }

  async #enterWithoutSlot(
    limiter: ConnectionLimiter,
    request: GateRequest,
    now: number,
    acquireBy: number,
  ): Promise<Pass> {
    try {
      if (this.#host.isHolder()) return this.#permit(undefined, now, acquireBy);
      const { signal, priority = 'normal' } = request;
      const slot = await limiter.acquire({ now, deadlineAt: acquireBy, signal, priority });
      return this.#permit(slot, this.#host.now(), acquireBy);
    } catch (error) {
      this.rate?.refund(1);
      throw error;
    }
  }

  /**
   * Where the limit is no lower than the pool's size, waiting is left to the pool's own line: it is as bounded and as fair,
   * and it knows more (fresh connections, growth, deadlocks). Slots are counted all the same, for the day the limit is
   * lowered. Whoever stands in the limiter's line came before: until it is empty, nobody passes by it.
   */
  #isStricter(limiter: ConnectionLimiter): boolean {
    return limiter.isAdaptive || limiter.isRamping || limiter.isAwaited || limiter.max < this.#host.poolSize();
  }

  #permit(slot: LimitPermit | undefined, now: number, acquireBy: number): Pass {
    try {
      return new Pass(this, this.circuit.enter(now), slot, acquireBy);
    } catch (error) {
      slot?.release();
      throw error;
    }
  }
}

/**
 * What the gate gave to one attempt. `settle` says how it ended, once; `onResourceFree` gives the slot back when the
 * connection is at nobody's service any more, which may be later: a server still works at a statement that was stopped.
 */
export class Pass {
  readonly #gate: Gate;
  readonly #circuit: CircuitPermit;
  #slot: LimitPermit | undefined;
  #sample: ReleaseSample | undefined;
  #isSettled = false;
  /** The moment until which a connection may be waited for: of the one wait, what the limiter's line has left. */
  readonly acquireBy: number;

  constructor(gate: Gate, circuit: CircuitPermit, slot: LimitPermit | undefined, acquireBy: number) {
    this.acquireBy = acquireBy;
    this.#gate = gate;
    this.#circuit = circuit;
    this.#slot = slot;
  }

  /**
   * The circuit breaker's state of mind now: what begins now is told with it. Not that of the pass: a session that has
   * lived through an outage would never be heard again.
   */
  get generation(): number {
    return this.#gate.circuit.generation;
  }

  /** A slot of the connection limiter is held until `onResourceFree`. */
  get hasSlot(): boolean {
    return this.#slot !== undefined;
  }

  /** Whether the time that the work took is wanted, which costs a look at the clock. */
  get isTimed(): boolean {
    return this.#gate.isTimed(this.#slot !== undefined);
  }

  /** The work is done; `facts` where `isTimed`. Of what user code goes on with, only that it ran is known. */
  succeed(verdict: BreakerVerdict, facts?: CallFacts): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#circuit.settle(verdict, facts);
    if (this.#slot === undefined || !this.#gate.isLearning) return;
    // A BEGIN has no name, and takes no time that says anything of the load.
    const latency =
      facts?.durationMs === undefined || facts.fingerprint === undefined
        ? {}
        : { latencyMs: facts.durationMs, key: keyOf(facts) };
    this.#sample = { outcome: 'sample', ...latency };
  }

  /** A statement inside the lease has ended, which began in `generation`: no permit, it only reports. */
  record(generation: number, verdict: BreakerVerdict, facts?: CallFacts): void {
    this.#gate.circuit.record(generation, verdict, facts);
    // What one of its statements says of the load, the whole lease has met.
    if (this.#slot !== undefined && facts !== undefined && limitOutcome(facts.error) === 'drop') {
      this.#sample = { outcome: 'drop' };
    }
  }

  /** The work failed, or never began. A token that was spent on nothing is given back. */
  fail(error: unknown, facts: CallFacts): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#circuit.settle(isFluxorError(error) ? error.breaker : 'ignore', facts);
    this.#sample = { outcome: limitOutcome(error) };
    if (isFluxorError(error) && error.outcome === 'not-sent') this.#gate.rate?.refund(1);
  }

  onResourceFree(): void {
    const slot = this.#slot;
    this.#slot = undefined;
    slot?.release(this.#sample);
  }
}

/** What an error says about the load the database can bear. */
function limitOutcome(error: unknown): ReleaseSample['outcome'] {
  if (!isFluxorError(error)) return 'ignore';
  // Contention is time spent on locks of the application, and a local refusal never reached the server.
  if (error.code === 'TRANSACTION' || error.breaker === 'ignore') return 'ignore';
  if (error.breaker === 'failure') return 'drop';
  return error.reason === 'statement-invalid' ? 'ignore' : 'sample';
}

function keyOf({ fingerprint }: CallFacts): string {
  return (typeof fingerprint === 'function' ? fingerprint() : fingerprint) ?? '';
}
