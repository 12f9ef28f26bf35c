/**
 * Random lives of a connection limiter: callers of every kind come, abort, time out, release, release twice and throw,
 * while an operator changes the limits. After every step all counts add up, nobody waits without a reason, and no more run than
 * may; at the end everything is as at first. `FLUXOR_SEED=4711` replays one life; a failing seed is named in the failure.
 */
import { describe, expect, it } from 'vitest';
import { DeadlineTimer } from '../kernel/deadline.js';
import type { Priority } from '../kernel/priority.js';
import { PRIORITIES } from '../kernel/priority.js';
import { seededRandom } from '../kernel/random.js';
import { fakeClock } from '../testing/fake-clock.js';
import type { ConnectionLimitOptions } from './connection-limiter-options.js';
import type { LimitPermit } from './connection-limiter-permit.js';
import { ConnectionLimiter } from './connection-limiter.js';

const STEPS = 150;
const chosen = process.env['FLUXOR_SEED'];
const SEEDS = chosen === undefined ? Array.from({ length: 60 }, (_, index) => index + 1) : [Number(chosen)];

interface Waiting {
  readonly id: number;
  readonly priority: Priority;
  readonly isControl: boolean;
  readonly abort: AbortController;
}

class LimiterLife {
  readonly clock = fakeClock();
  readonly timers = new DeadlineTimer(this.clock);
  readonly limiter: ConnectionLimiter;
  readonly #random: () => number;
  #options: ConnectionLimitOptions = { max: 3, queue: 10, reserve: 1, lifo: false };
  #ids = 0;
  readonly #waiting = new Map<number, Waiting>();
  readonly #running = new Set<LimitPermit>();
  readonly #released: LimitPermit[] = [];
  /** What was true when the limit last fell: more may run than may begin. */
  #tolerated = 0;
  readonly ended = { granted: 0, refused: 0, aborted: 0, timedOut: 0 };

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#options = { ...this.#options, adaptive: this.#chance(0.3) };
    this.limiter = new ConnectionLimiter(this.#options, { clock: this.clock, timers: this.timers });
  }

  async step(): Promise<void> {
    const dice = this.#random();
    if (dice < 0.45) this.#arrive();
    else if (dice < 0.7) this.#release();
    else if (dice < 0.75) this.#released.at(-1)?.release({ outcome: 'sample', latencyMs: 5 });
    else if (dice < 0.83) this.#oneOf([...this.#waiting.values()])?.abort.abort();
    else if (dice < 0.86) this.#reconfigure();
    else if (dice < 0.88) this.limiter.ramp(this.#random() * 500);
    else await this.clock.advance(this.#random() * 80);
    this.#check();
    await this.clock.settle();
    this.#check();
  }

  /** Everybody who has a permit gives it back, until nobody is left. */
  async end(): Promise<void> {
    this.limiter.ramp(0);
    while (this.#running.size > 0) {
      this.#release();
      await this.clock.settle();
      this.#check();
    }
    const { inUse, reservedInUse, waiting, perPriority } = this.limiter.stats();
    expect([inUse, reservedInUse, waiting, this.#waiting.size, this.timers.size]).toEqual([0, 0, 0, 0, 0]);
    for (const priority of PRIORITIES) expect(perPriority[priority]).toEqual({ inUse: 0, waiting: 0 });
  }

  #arrive(): void {
    const id = (this.#ids += 1);
    const priority = this.#oneOf(PRIORITIES) ?? 'normal';
    const who: Waiting = { id, priority, isControl: this.#chance(0.1), abort: new AbortController() };
    const deadlineAt = this.clock.now() + this.#random() * 300;
    const request = { priority, isControl: who.isControl, deadlineAt, signal: who.abort.signal };
    const before = this.limiter.stats();
    const got = this.limiter.acquire(request);
    if (!(got instanceof Promise)) {
      // Nobody is served at once while somebody of the same kind waits.
      if (!got.isReserved) expect(before.waiting).toBe(0);
      this.#begin(got);
      return;
    }
    this.#waiting.set(id, who);
    got.then(
      (permit) => {
        this.#waiting.delete(id);
        this.#begin(permit);
      },
      (error: { code: string }) => {
        this.#waiting.delete(id);
        if (error.code === 'POOL_EXHAUSTED') this.ended.refused += 1;
        else if (error.code === 'CANCELLED') this.ended.aborted += 1;
        else if (error.code === 'TIMEOUT') this.ended.timedOut += 1;
        else throw error;
      },
    );
  }

  #begin(permit: LimitPermit): void {
    this.ended.granted += 1;
    this.#running.add(permit);
  }

  #release(): void {
    const permit = this.#oneOf([...this.#running]);
    if (permit === undefined) return;
    this.#running.delete(permit);
    this.#released.push(permit);
    const outcome = this.#oneOf(['sample', 'drop', 'ignore'] as const) ?? 'ignore';
    permit.release({ outcome, latencyMs: this.#random() * 20, key: 'k' });
  }

  #reconfigure(): void {
    const max = 1 + Math.floor(this.#random() * 6);
    const partitions = this.#chance(0.5) ? false : {};
    this.#options = { ...this.#options, max, partitions, lifo: this.#chance(0.5), reserve: this.#chance(0.5) ? 1 : 2 };
    this.limiter.set(this.#options);
  }

  #check(): void {
    const { limit, inUse, reservedInUse, waiting, controlWaiting, perPriority, max } = this.limiter.stats();
    const sum = (of: 'inUse' | 'waiting') =>
      PRIORITIES.reduce((total, priority) => total + perPriority[priority][of], 0);
    expect(sum('inUse')).toBe(inUse);
    expect(sum('waiting')).toBe(waiting - controlWaiting);
    expect(limit).toBeGreaterThanOrEqual(1);
    expect(limit).toBeLessThanOrEqual(max);
    // Above the limit there are only those who ran when it fell, and they only become fewer.
    expect(inUse).toBeLessThanOrEqual(Math.max(limit, this.#tolerated));
    this.#tolerated = Math.max(inUse, limit);
    if (waiting > 0 && !this.limiter.isRamping) expect(inUse).toBeGreaterThanOrEqual(limit);
    if (controlWaiting > 0) expect(reservedInUse).toBeGreaterThanOrEqual(this.#options.reserve ?? 1);
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #oneOf<T>(choices: readonly T[]): T | undefined {
    return choices[Math.floor(this.#random() * choices.length)];
  }
}

describe('ConnectionLimiter in random circumstances', () => {
  it(`keeps its promises with ${SEEDS.length} seeds`, { timeout: 30_000 }, async () => {
    const ended = { granted: 0, refused: 0, aborted: 0, timedOut: 0 };
    for (const seed of SEEDS) {
      const life = new LimiterLife(seed);
      try {
        for (let step = 0; step < STEPS; step += 1) await life.step();
        await life.end();
      } catch (error) {
        throw new Error(`FLUXOR_SEED=${seed} replays this life`, { cause: error });
      }
      for (const what of Object.keys(ended) as (keyof typeof ended)[]) ended[what] += life.ended[what];
    }
    // A life in which nothing happens proves nothing.
    for (const [what, count] of Object.entries(ended)) expect(count, what).toBeGreaterThan(SEEDS.length / 2);
  });
});
