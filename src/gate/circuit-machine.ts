/**
 * Which state the circuit is in, and every move between states. The breaker (circuit-breaker.ts) tells it what calls
 * found out; time tells it the rest. Counts no calls and judges no errors.
 * Invariants: `#situation` is assigned in `#move` only, along CIRCUIT_TRANSITIONS; each move begins a new generation;
 * a timer exists only in `open` (the early probe's) and `half-open` (the end of the period), and goes with its state.
 * Open ends without a timer: the first call after it finds its time over. Whoever listens to a move may make another
 * one, so nothing is done after an event that its listeners could have made wrong.
 */
import type { Timer } from '../kernel/clock.js';
import type { Emitter } from '../kernel/emitter.js';
import { assertTransition } from '../kernel/transitions.js';
import type { CircuitEvents } from './circuit-events.js';
import type { CircuitBreakerConfig } from './circuit-options.js';
import { openPauseMs } from './circuit-pause.js';
import type { CircuitPermit } from './circuit-permit.js';
import { EarlyProbe } from './circuit-probe.js';
import type { Probing } from './circuit-refusal.js';
import { retryAfterOpen } from './circuit-refusal.js';
import type { CircuitTally } from './circuit-tally.js';
import type { CircuitSituation, LastFailure, Opening } from './circuit-state.js';
import { CIRCUIT_TRANSITIONS } from './circuit-state.js';
import { CircuitTrial } from './circuit-trial.js';
import type { GatePorts } from './gate-ports.js';

export interface MachinePorts extends GatePorts {
  readonly emitter: Emitter<CircuitEvents>;
  readonly tally: CircuitTally;
  /** Used where the config has an early probe. */
  readonly probe: (() => Promise<void>) | undefined;
}

type HalfOpen = Extract<CircuitSituation, { readonly name: 'half-open' }>;

export class CircuitMachine {
  readonly #config: CircuitBreakerConfig;
  readonly #ports: GatePorts;
  readonly #emitter: Emitter<CircuitEvents>;
  readonly #tally: CircuitTally;
  readonly #earlyProbe: EarlyProbe | undefined;
  #situation: CircuitSituation;
  #generation = 1;
  #periodTimer: Timer | undefined;
  #isStopped = false;

  constructor(config: CircuitBreakerConfig, ports: MachinePorts) {
    this.#config = config;
    this.#ports = ports;
    this.#emitter = ports.emitter;
    this.#tally = ports.tally;
    this.#situation = { name: 'closed', sinceAt: ports.clock.now() };
    const { probe } = ports;
    if (config.earlyProbe === false || probe === undefined) return;
    const onAlive = () => this.tryAgain(ports.clock.now(), 'the early probe reached the database');
    this.#earlyProbe = new EarlyProbe(config.earlyProbe.intervalMs, { ...ports, probe, onAlive });
  }

  get situation(): CircuitSituation {
    return this.#situation;
  }

  get generation(): number {
    return this.#generation;
  }

  /** How the early probe stands, while the circuit is open and there is one. */
  probing(now: number): Probing | undefined {
    if (this.#earlyProbe === undefined || this.#isStopped || this.#situation.name !== 'open') return undefined;
    return { intervalMs: this.#earlyProbe.intervalMs, nextInMs: this.#earlyProbe.nextInMs(now) };
  }

  /** Ends the period of a trial if its time is over. Called before every look at a half-open circuit, by call or timer. */
  passTime(now: number): void {
    if (this.#situation.name !== 'half-open') return;
    const { trial } = this.#situation;
    const end = trial.endPeriod(now);
    if (end === 'passed') return this.close(now, 'the trial ended with successes and no failure');
    if (end === 'hung') this.#giveUp(this.#situation, now);
    // Another period: its timer is set by its first call, or by the timer of this one.
  }

  /** From closed, by the trip rule; from half-open, by a failure. */
  open(at: number, why: string, last: LastFailure | undefined): void {
    const from = this.#situation;
    // What is told late counts when it was, and opens now.
    const now = Math.max(at, this.#ports.clock.now());
    const reopens = from.name === 'half-open' ? from.opening.reopens + 1 : 0;
    this.#tally.opened += 1;
    this.openFor(openPauseMs(this.#config, reopens, this.#ports.random), now, { why, last, reopens });
  }

  /** Open for a given time, as it was before a restart. */
  openFor(pauseMs: number, now: number, opening: Opening): void {
    this.#move({ name: 'open', sinceAt: now, untilAt: now + pauseMs, opening }, opening.why);
  }

  /** From open to half-open. */
  tryAgain(now: number, why: string): void {
    if (this.#situation.name !== 'open') return;
    const { opening } = this.#situation;
    this.#move({ name: 'half-open', sinceAt: now, trial: new CircuitTrial(this.#config), opening }, why);
  }

  /** A call of the trial begins; the caller has made sure that it may. */
  admit(permit: CircuitPermit): void {
    if (this.#situation.name !== 'half-open') return;
    const { trial } = this.#situation;
    const isFirst = trial.endsAt === undefined;
    trial.admit(permit);
    if (isFirst) this.#armPeriod(trial);
  }

  close(now: number, why: string): void {
    this.#move({ name: 'closed', sinceAt: now }, why);
  }

  /** By hand. A state that it is in already is kept, and so is its reason. */
  force(next: 'forced-open' | 'disabled' | 'metrics-only', now: number, reason?: string): void {
    if (this.#situation.name === next) return;
    const why = reason ?? 'by hand';
    if (next === 'forced-open') this.#move({ name: next, sinceAt: now, reason }, why);
    else this.#move({ name: next, sinceAt: now }, why);
  }

  /** Closed and as new: what began before says nothing any more. */
  reset(now: number, why: string): void {
    if (this.#situation.name === 'closed') this.#generation += 1;
    else this.close(now, why);
  }

  /** No timer is left, and none is set any more; what time does is still noticed by the next call. */
  stop(): void {
    this.#isStopped = true;
    this.#leave();
  }

  #giveUp({ trial, opening }: HalfOpen, now: number): void {
    const leaked = [...trial.permits];
    this.#tally.leaked += leaked.length;
    this.open(now, 'a probe hung', opening.last);
    for (const { generation, enteredAt } of leaked) {
      this.#emitter.emit('permitLeaked', { at: now, generation, ageMs: now - enteredAt });
    }
  }

  #move(next: CircuitSituation, why: string): void {
    const from = this.#situation.name;
    assertTransition('circuit', CIRCUIT_TRANSITIONS, from, next.name);
    this.#leave();
    this.#situation = next;
    this.#generation += 1;
    if (next.name === 'open' && !this.#isStopped) this.#earlyProbe?.start();
    if (!this.#emitter.hasListeners('stateChange')) return;
    const fact = { at: next.sinceAt, from, to: next.name, generation: this.#generation, why };
    if (next.name !== 'open') return this.#emitter.emit('stateChange', fact);
    const retryAfterMs = retryAfterOpen(next, this.probing(next.sinceAt), next.sinceAt);
    this.#emitter.emit('stateChange', { ...fact, retryAfterMs, error: next.opening.last?.error });
  }

  /** The timers of the state that is left. */
  #leave(): void {
    this.#earlyProbe?.stop();
    this.#periodTimer?.cancel();
    this.#periodTimer = undefined;
  }

  #armPeriod(trial: CircuitTrial): void {
    this.#periodTimer?.cancel();
    this.#periodTimer = undefined;
    if (trial.endsAt === undefined || this.#isStopped) return;
    const { clock } = this.#ports;
    // Set again for another period; and for this one, as a timer of Node may fire a fraction of a millisecond early.
    const fire = () => {
      this.passTime(clock.now());
      if (this.#situation.name === 'half-open' && this.#situation.trial === trial) this.#armPeriod(trial);
    };
    this.#periodTimer = clock.setTimer(trial.endsAt - clock.now(), fire, { keepAlive: false });
  }
}
