/**
 * Stops calling a database that has failed, and finds out gently whether it is back. Calls `enter` before they are
 * sent and settle their permit after; statements inside a lease only `record`. Usable alone by `execute`.
 * Invariants: what counts is judged once, by verdict and ledger; a result changes the state only in the generation it
 * began in; a refusal is given in constant time and touches nothing. Knows nothing of pools, drivers or SQL.
 * The moves are in circuit-machine.ts; what results count for, in circuit-results.ts.
 */
import { ConfigError } from '../errors/config-error.js';
import type { BreakerVerdict } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { RejectedError } from '../errors/rejected-error.js';
import type { Clock } from '../kernel/clock.js';
import { Emitter } from '../kernel/emitter.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import type { CircuitEvents } from './circuit-events.js';
import { CircuitMachine } from './circuit-machine.js';
import type { CircuitBreakerConfig, CircuitBreakerOptions } from './circuit-options.js';
import { resolveCircuitBreakerOptions } from './circuit-options.js';
import type { CallFacts, PermitDesk } from './circuit-permit.js';
import { CircuitPermit } from './circuit-permit.js';
import type { CircuitCondition } from './circuit-refusal.js';
import { conditionOf, refusalOf } from './circuit-refusal.js';
import { CircuitResults } from './circuit-results.js';
import type { CircuitSnapshot } from './circuit-snapshot.js';
import { checkSnapshot, loadOpening, saveSituation } from './circuit-snapshot.js';
import type { CircuitState } from './circuit-state.js';
import type { CircuitTotals } from './circuit-tally.js';
import { newTally } from './circuit-tally.js';
import type { GatePorts } from './gate-ports.js';
import { fillPorts } from './gate-ports.js';

/** What a breaker gets from outside; everything has a default. */
export interface CircuitBreakerPorts extends GatePorts {
  /** What messages call it, and `context.runtime` of its errors. Default `'fluxor'`. */
  readonly name?: string;
  /** Connects and pings in the background; needed by the option `earlyProbe`. It must end in bounded time. */
  readonly probe?: () => Promise<void>;
  /** Hears what a listener threw; without it, nobody does. It must not throw itself. */
  readonly onListenerError?: (error: unknown, event: keyof CircuitEvents) => void;
}

/**
 * @example
 * const circuit = new CircuitBreaker({ failures: 5, resetTimeout: '60s' });
 * const rows = await circuit.execute(() => client.query('select 1'));
 */
export class CircuitBreaker {
  readonly #clock: Clock;
  readonly #name: string;
  readonly #emitter: Emitter<CircuitEvents>;
  readonly #machine: CircuitMachine;
  readonly #results: CircuitResults;
  readonly #tally = newTally();
  readonly #desk: PermitDesk = {
    settled: (permit, verdict, facts, now) => this.#settled(permit, verdict, facts, now),
  };
  /** Invariant: permits given less permits settled, in every state. */
  #inFlight = 0;

  /** @throws ConfigError with everything that is wrong with the options. */
  constructor(options?: CircuitBreakerOptions, ports: Partial<CircuitBreakerPorts> = {}) {
    const config = resolve(options, ports);
    const gate = fillPorts(ports);
    const tally = this.#tally;
    const emitter = new Emitter<CircuitEvents>(ports.onListenerError ?? (() => undefined));
    const machine = new CircuitMachine(config, { ...gate, emitter, tally, probe: ports.probe });
    this.#clock = gate.clock;
    this.#name = ports.name ?? 'fluxor';
    this.#emitter = emitter;
    this.#machine = machine;
    this.#results = new CircuitResults(config, { machine, emitter, tally });
  }

  /** As of the last call or timer: an open circuit whose time is over is `open` until a call tries it. */
  get state(): CircuitState {
    return this.#machine.situation.name;
  }

  /** Grows with every move and every reset. Results carry the one that they began in. */
  get generation(): number {
    return this.#machine.generation;
  }

  /** When it made its last move, in monotonic milliseconds: what began before says nothing of the state that it is in. */
  get sinceAt(): number {
    return this.#machine.situation.sinceAt;
  }

  /** Permits that have not been settled, hung ones among them. 0 when no call is under way. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Why it refuses, where it does, as plain data. @internal */
  get condition(): CircuitCondition {
    const now = this.#clock.now();
    this.#machine.passTime(now);
    return conditionOf(this.#machine.situation, this.#machine.probing(now), now);
  }

  /** Sums that only grow. */
  get totals(): CircuitTotals {
    return { ...this.#tally };
  }

  /**
   * Whether a call would be refused now; takes nothing. The error is made for throwing: it counts as a rejection.
   *
   * @param now Monotonic milliseconds, where the caller has just asked the clock.
   */
  peek(now?: number): RejectedError | undefined {
    if (this.#machine.situation.name === 'closed') return undefined;
    const at = now ?? this.#clock.now();
    this.#machine.passTime(at);
    const refusal = refusalOf(this.#machine.situation, this.#machine.probing(at), this.#name, at);
    if (refusal === undefined) return undefined;
    this.#tally.rejected += 1;
    this.#emitter.emit('rejected', { at, state: this.state, retryAfterMs: refusal.retryAfterMs });
    return refusal;
  }

  /**
   * Takes a permit, to be settled exactly when the call has ended. In the tick of sending, so that none waits in a queue.
   *
   * @throws RejectedError `CIRCUIT_OPEN`, with `retryAfterMs` and the last failure as its `cause`.
   */
  enter(now: number = this.#clock.now()): CircuitPermit {
    if (this.#machine.situation.name !== 'closed') this.#enterGuarded(now);
    const permit = new CircuitPermit(this.#desk, this.#machine.generation, now);
    if (this.#machine.situation.name === 'half-open') this.#machine.admit(permit);
    this.#inFlight += 1;
    this.#tally.admitted += 1;
    this.#results.begin();
    return permit;
  }

  /**
   * Says how a statement inside a lease ended, which took no permit of its own.
   *
   * @param generation Of the breaker, when the statement (or its lease) began.
   */
  record(generation: number, verdict: BreakerVerdict, facts?: CallFacts, now?: number): void {
    if (this.#machine.situation.name === 'disabled') return;
    if (verdict === 'success' && this.#results.tryPlainSuccess(generation)) return;
    const at = now ?? this.#clock.now();
    this.#machine.passTime(at);
    this.#results.take(generation, verdict, facts, at);
  }

  /**
   * Makes one call, where there is no gate around it. A rejection counts as `error.breaker` says when it is a
   * FluxorError, not at all when the caller aborted (`AbortError`), and as a failure otherwise.
   *
   * @throws RejectedError `CIRCUIT_OPEN` without calling `fn`; otherwise whatever `fn` throws.
   * @example
   * await circuit.execute(() => fetchRates());
   */
  async execute<T>(fn: () => Promise<T>): Promise<T> {
    const permit = this.enter();
    const serial = this.#results.begun;
    try {
      const value = await fn();
      permit.settle('success');
      return value;
    } catch (error) {
      this.#results.renew(error, serial);
      permit.settle(verdictOf(error), { error });
      throw error;
    }
  }

  /** Refuses every call until `reset()`, `disable()` or `metricsOnly()`. The reason is part of the refusals. */
  forceOpen(reason?: string): void {
    this.#force('forced-open', reason);
  }

  /** Lets everything pass and counts no result, until `reset()`. */
  disable(): void {
    this.#force('disabled');
  }

  /** Lets everything pass, counts, and tells by `wouldOpen` where it would have opened, until `reset()`. */
  metricsOnly(): void {
    this.#force('metrics-only');
  }

  /** Closed and as new; the totals stay. Results of calls that are under way no longer count. */
  reset(): void {
    this.#results.clear();
    this.#machine.reset(this.#clock.now(), 'reset by hand');
  }

  /** Plain JSON: state, totals, and what the trip rule remembers. */
  snapshot(): CircuitSnapshot {
    const now = this.#clock.now();
    this.#machine.passTime(now);
    const { situation } = this.#machine;
    const shared = { version: 1, state: situation.name, totals: this.totals, rule: this.#results.save(now) } as const;
    return { ...shared, ...saveSituation(situation, now) };
  }

  /**
   * Takes the place of the breaker that the snapshot was taken of. An open circuit keeps its remaining time; the time
   * between does not count. A half-open one is open with no time left: whoever was finding out is gone.
   *
   * @throws ConfigError when the snapshot is not one.
   */
  restore(snapshot: CircuitSnapshot): void {
    checkSnapshot(snapshot);
    const now = this.#clock.now();
    this.#results.clear();
    this.#machine.reset(now, 'restored');
    this.#results.load(snapshot.rule, now);
    Object.assign(this.#tally, snapshot.totals);
    // Whoever listened to the reset may have moved it by hand, which is later than the snapshot.
    if (this.state !== 'closed') return;
    const { state, opening, reason, remainingMs = 0 } = snapshot;
    if (state === 'forced-open' || state === 'disabled' || state === 'metrics-only') {
      this.#machine.force(state, now, reason);
    } else if (opening !== undefined) {
      this.#machine.openFor(remainingMs, now, loadOpening(opening));
    }
  }

  /** Hears events; dispose to stop. What a listener throws hurts nobody. */
  on<E extends keyof CircuitEvents>(event: E, listener: (payload: CircuitEvents[E]) => void): Disposable {
    return this.#emitter.on(event, listener);
  }

  /** No timer is left, and none is set any more. It goes on answering. */
  stop(): void {
    this.#machine.stop();
  }

  /** Throws, or leaves the circuit in a state that lets a call pass. */
  #enterGuarded(now: number): void {
    const refusal = this.peek(now);
    if (refusal !== undefined) throw refusal;
    if (this.state !== 'open') return;
    this.#machine.tryAgain(now, 'its time is over');
    // A listener of that move may have made another.
    this.#enterGuarded(now);
  }

  /** What was counted towards opening belongs to the state that is left. */
  #force(next: 'forced-open' | 'disabled' | 'metrics-only', reason?: string): void {
    if (this.state === next) return;
    this.#results.clear();
    this.#machine.force(next, this.#clock.now(), reason);
  }

  #settled(
    permit: CircuitPermit,
    verdict: BreakerVerdict,
    facts: CallFacts | undefined,
    now: number | undefined,
  ): void {
    this.#inFlight -= 1;
    if (verdict === 'success' && this.#results.tryPlainSuccess(permit.generation)) return;
    const at = now ?? this.#clock.now();
    // Before it is released: at the very end of its period, a call is in flight and not back.
    this.#machine.passTime(at);
    const { situation } = this.#machine;
    if (situation.name === 'half-open') situation.trial.release(permit);
    const isTimed = this.#results.areTimed && facts?.durationMs === undefined;
    this.record(permit.generation, verdict, isTimed ? { ...facts, durationMs: at - permit.enteredAt } : facts, at);
  }
}

function resolve(
  options: CircuitBreakerOptions | undefined,
  ports: Partial<CircuitBreakerPorts>,
): CircuitBreakerConfig {
  const issues: OptionIssue[] = [];
  const config = resolveCircuitBreakerOptions(options, 'circuitBreaker', issues);
  if (config.earlyProbe !== false && ports.probe === undefined) {
    const expected = 'the port `probe` with it: how to ask whether the database is back';
    issues.push({ path: 'circuitBreaker.earlyProbe', got: 'no probe', expected });
  }
  if (issues.length > 0) throw ConfigError.fromIssues(issues);
  return config;
}

/** For errors that nobody has classified. An abort is the caller's own; it says nothing of the database. */
function verdictOf(error: unknown): BreakerVerdict {
  if (isFluxorError(error)) return error.breaker;
  return error instanceof Error && error.name === 'AbortError' ? 'ignore' : 'failure';
}
