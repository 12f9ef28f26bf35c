/**
 * One random life of a circuit breaker in virtual time: calls that end well, badly, late, twice or never, people who
 * switch it about, a wall clock that jumps. After each step it is compared with a model that knows only the
 * specification (circuit-model.ts). Everything is drawn from the seed.
 */
import { expect } from 'vitest';
import type { BreakerVerdict } from '../../src/errors/fluxor-error.js';
import { CircuitBreaker } from '../../src/gate/circuit-breaker.js';
import type { CircuitPermit } from '../../src/gate/circuit-permit.js';
import type { CircuitState } from '../../src/gate/circuit-state.js';
import type { FakeClock } from '../../src/testing/fake-clock.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { refusedError } from '../fakes/circuit-bench.js';
import { CircuitModel } from './circuit-model.js';
import { Dice } from './dice.js';
import { checkCircuitSums } from './metric-sums.js';

const BY_HAND: ReadonlySet<CircuitState> = new Set<CircuitState>(['forced-open', 'disabled', 'metrics-only']);
const PAUSES_MS = [1, 50, 499, 500, 999, 1_000, 5_000];

export class CircuitSimulation {
  readonly history: string[] = [];
  readonly #dice: Dice;
  readonly #clock: FakeClock = fakeClock();
  readonly #circuit: CircuitBreaker;
  readonly #model: CircuitModel;
  /** Out, and not settled. */
  readonly #permits: CircuitPermit[] = [];
  readonly #settled: CircuitPermit[] = [];
  /** Settled while the circuit was disabled. */
  #unheard = 0;

  constructor(seed: number) {
    const dice = (this.#dice = new Dice(seed));
    const halfOpenMaxCalls = dice.upTo(6);
    const options = {
      failures: dice.upTo(4),
      failureWindow: 8_000,
      resetTimeout: 5_000,
      halfOpenPeriod: 1_000,
      halfOpenMaxCalls,
      halfOpenMaxConcurrent: dice.upTo(halfOpenMaxCalls),
      halfOpenSuccesses: dice.upTo(halfOpenMaxCalls),
      earlyProbe: dice.chance(0.3),
    };
    const probe = () => (dice.chance(0.1) ? Promise.resolve() : Promise.reject(new Error('down')));
    const ports = { clock: this.#clock, random: dice.random, probe };
    this.#model = new CircuitModel(options);
    this.#circuit = new CircuitBreaker({ ...options, backoff: dice.chance(0.5) }, ports);
    this.#circuit.on('stateChange', (move) => {
      this.#note(`${move.from} → ${move.to}`);
      this.#model.moved(move, this.#circuit.snapshot().remainingMs);
    });
    this.#circuit.on('permitLeaked', () => (this.#model.leaked += 1));
  }

  /** What happened, and how often: every move, and results of an earlier life. */
  get happenings(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const line of this.history) {
      const what = line.slice(line.indexOf(' ') + 1);
      counts.set(what, (counts.get(what) ?? 0) + 1);
    }
    return counts;
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step += 1) {
      await this.#step();
      this.#check();
    }
    if (this.#circuit.state === 'disabled') this.#unheard += this.#permits.length;
    for (const permit of this.#permits.splice(0)) permit.settle('ignore');
    expect(this.#circuit.inFlight).toBe(0);
    checkCircuitSums(this.#circuit.totals, 0, this.#unheard, 'the end');
    this.#circuit.stop();
    expect(this.#clock.pendingTimers).toEqual([]);
  }

  async #step(): Promise<void> {
    // Trials are short, and what people switched stays: without these, one would be rare and the other most of a life.
    if (this.#circuit.state === 'half-open' && this.#dice.chance(0.05)) return this.#byHand();
    if (BY_HAND.has(this.#circuit.state) && this.#dice.chance(0.1)) return this.#reset();
    const chance = this.#dice.random();
    if (chance < 0.4) return this.#enter();
    if (chance < 0.72) return this.#settle(this.#dice.oneOf(['success', 'failure', 'failure', 'ignore'] as const));
    if (chance < 0.78) return this.#settleTwice();
    if (chance < 0.94) return this.#wait(this.#dice.oneOf(PAUSES_MS));
    if (chance < 0.96) return this.#clock.leapWall(this.#dice.oneOf([3_600_000, -3_600_000]));
    if (chance < 0.985) return this.#byHand();
    this.#reset();
  }

  #enter(): void {
    const { inFlight } = this.#circuit;
    try {
      const permit = this.#circuit.enter();
      this.#permits.push(permit);
      this.#model.entered(this.#circuit.state, this.#clock.now());
      this.#note('entered');
    } catch (error) {
      expect(error).toMatchObject({ code: 'CIRCUIT_OPEN' });
      expect(this.#circuit.inFlight).toBe(inFlight);
      this.#model.refused(this.#circuit.state, this.#clock.now(), this.#ofTrial().length);
      this.#note('refused');
    }
  }

  #settle(verdict: BreakerVerdict): void {
    const [permit] = this.#permits.splice(Math.floor(this.#dice.random() * this.#permits.length), 1);
    if (permit === undefined) return;
    const { state, generation } = this.#circuit;
    const isStale = permit.generation !== generation;
    if (state === 'disabled') this.#unheard += 1;
    const expected = isStale ? state : this.#model.stateAfter(state, verdict, this.#clock.now());
    this.#note(isStale ? `stale ${verdict}` : verdict);
    permit.settle(verdict, { error: verdict === 'success' ? undefined : refusedError() });
    this.#settled.push(permit);
    expect(this.#circuit.state).toBe(expected);
    expect(this.#circuit.generation).toBe(generation + Number(expected !== state));
  }

  #settleTwice(): void {
    const permit = this.#settled.at(-1);
    const { state, generation, inFlight, totals } = this.#circuit;
    permit?.settle('failure', { error: refusedError() });
    permit?.settle('success');
    expect(this.#circuit).toMatchObject({ state, generation, inFlight, totals });
  }

  async #wait(ms: number): Promise<void> {
    this.#note(`waited ${ms}`);
    await this.#clock.advance(ms);
  }

  #byHand(): void {
    const verb = this.#dice.oneOf(['forceOpen', 'disable', 'metricsOnly'] as const);
    this.#note(verb);
    this.#circuit[verb]();
  }

  #reset(): void {
    this.#note('reset');
    if (this.#circuit.state === 'closed') this.#model.begin(this.#circuit.generation + 1);
    this.#circuit.reset();
    expect(this.#circuit.state).toBe('closed');
  }

  #check(): void {
    const { state, generation, inFlight, totals } = this.#circuit;
    expect(inFlight).toBe(this.#permits.length);
    checkCircuitSums(totals, inFlight, this.#unheard, `${this.#clock.now()} ms`);
    this.#model.check(state, generation, totals, this.#clock.now(), this.#ofTrial());
    if (state === 'closed') expect(this.#circuit.peek()).toBeUndefined();
    if (state === 'forced-open') expect(this.#circuit.peek()?.code).toBe('CIRCUIT_OPEN');
  }

  /** Permits of this life of the circuit. */
  #ofTrial(): CircuitPermit[] {
    return this.#permits.filter(({ generation }) => generation === this.#circuit.generation);
  }

  #note(what: string): void {
    this.history.push(`${this.#clock.now()} ${what}`);
  }
}
