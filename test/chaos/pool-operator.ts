/**
 * Whoever runs the pool in a simulation: starts it, warms it up, suspends, resumes, evicts, renews and reconfigures it at
 * random, stops the process for a while and sets its clock.
 */
import { isFluxorError } from '../../src/errors/fluxor-error.js';
import type { WarmUpConfig } from '../../src/pool/pool-options.js';
import type { WarmUpResult } from '../../src/pool/warm-up.js';
import type { PoolLoans } from './pool-loans.js';
import { changedConfig } from './pool-random-config.js';
import type { PoolShares } from './pool-shares.js';
import type { PoolWorld } from './pool-world.js';
import { TICK_MS } from './pool-world.js';

/** A tick of the housekeeper that is 5 s late must be noticed, and its own second comes on top. */
const NOTICED_MS = 6_000;

interface Warming {
  readonly timeoutMs: number;
  dueAt: number;
  /** What a freeze fell into gets its whole time once more, once. */
  isExcused: boolean;
  isSettled: boolean;
}

export class PoolOperator {
  readonly #world: PoolWorld;
  readonly #loans: PoolLoans;
  readonly #shares: PoolShares;
  readonly #warmings = new Set<Warming>();
  #thawedAt = -Infinity;
  /** What is there several times is done more often. */
  readonly #acts: readonly (() => void)[] = [
    ...[() => this.start(), () => this.start(), () => this.renew(), () => this.#leapWall(), () => this.#look()],
    ...[() => this.#suspend(), () => this.resume(), () => this.resume(), () => this.#warmUp(), () => this.#warmUp()],
    ...[() => this.#evictAll(), () => this.#evictOne(), () => this.#evictOne()],
    ...[() => this.#reconfigure(), () => this.#reconfigure(), () => this.#reconfigure(), () => this.#reconfigure()],
  ];

  constructor(world: PoolWorld, loans: PoolLoans, shares: PoolShares) {
    this.#world = world;
    this.#shares = shares;
    this.#loans = loans;
    world.hub.on('pool:frozen', () => {
      this.#thawedAt = world.clock.now();
      for (const warming of this.#warmings) warming.isExcused = true;
    });
  }

  act(): void {
    this.#world.dice.oneOf(this.#acts)();
  }

  start(): void {
    const world = this.#world;
    const { warmUp } = world.settings.current;
    const isFirst = !world.isStarted && !world.isClosing;
    world.note('start');
    // Before it really is: the housekeeper's timer, set at once, is told apart from the others by this.
    world.isStarted ||= isFirst;
    const ended = world.pool.start();
    if ((ended !== undefined) !== (isFirst && warmUp !== false)) world.violate('started twice, or not at all');
    if (ended !== undefined && warmUp !== false) this.#follow(ended, warmUp);
  }

  resume(): void {
    this.#world.note('resume');
    this.#world.pool.resume();
  }

  renew(): void {
    this.#world.note('renew');
    this.#world.happenings.count('renewed');
    this.#shares.tireAll();
    this.#world.pool.renew();
  }

  /** The process stands still; `meanwhile` is what its sockets bring before its timers run. */
  async freeze(meanwhile: () => void): Promise<void> {
    const world = this.#world;
    const ms = world.dice.oneOf([200, 4_000, NOTICED_MS, 60_000]);
    await world.clock.settle();
    const noticedBefore = world.happenings.of('pool:frozen');
    world.note(`the process stands still for ${ms} ms`);
    world.clock.freeze(ms);
    world.frozenMs = ms >= NOTICED_MS ? ms : 0;
    for (const warming of this.#warmings) warming.dueAt = Math.max(warming.dueAt, world.clock.now());
    meanwhile();
    await world.clock.advance(0);
    world.frozenMs = 0;
    const isNoticed = world.happenings.of('pool:frozen') > noticedBefore;
    if (ms >= NOTICED_MS && world.isStarted && !isNoticed) world.violate(`a freeze of ${ms} ms was not noticed`);
  }

  /** Every warm-up ends by its time. */
  check(): void {
    for (const warming of this.#warmings) {
      if (warming.isSettled) this.#warmings.delete(warming);
      else if (this.#world.clock.now() > latestAt(warming)) this.#world.violate('a warm-up goes on');
    }
  }

  #suspend(): void {
    this.#world.note('suspend');
    this.#world.pool.suspend();
  }

  #evictAll(): void {
    const { pool, factory } = this.#world;
    this.#world.note('evict all');
    this.#loans.evictedUpTo(factory.lastId);
    pool.evict();
  }

  #evictOne(): void {
    const { dice, pool, factory } = this.#world;
    const id = factory.living.length > 0 ? dice.oneOf(factory.living).id : dice.upTo(5);
    const count = pool.evict(id);
    this.#world.note(`evict ${id}: ${count}`);
    if (count > 0) this.#loans.evicted(id);
  }

  #reconfigure(): void {
    const { dice, pool, settings, happenings } = this.#world;
    const config = changedConfig(settings.current, dice);
    this.#world.note(`reconfigure ${JSON.stringify(config)}`);
    this.#world.hadLifetimes ||= config.maxLifetimeMs !== Infinity;
    if (config.maxSize < pool.stats().total) {
      happenings.count('made smaller than it was');
      // Which of them are one too many is the pool's choice.
      this.#shares.tireAll();
    }
    pool.reconfigure(config);
  }

  #warmUp(): void {
    const { dice, pool } = this.#world;
    const config = { connections: dice.upTo(5), timeoutMs: dice.oneOf([50, 1_000, 5_000]), failFast: dice.chance(0.3) };
    this.#world.note(`warm up ${JSON.stringify(config)}`);
    this.#follow(pool.warmUp(config), config);
  }

  #follow(ended: Promise<WarmUpResult>, { timeoutMs, failFast }: WarmUpConfig): void {
    const { clock, happenings } = this.#world;
    const now = clock.now();
    const isExcused = this.#thawedAt === now;
    const warming: Warming = { timeoutMs, dueAt: now + timeoutMs, isExcused, isSettled: false };
    this.#warmings.add(warming);
    ended.then(
      ({ opened, wanted }) => {
        warming.isSettled = true;
        happenings.count(opened < wanted ? 'warmed up partly' : 'warmed up fully');
      },
      (error: unknown) => {
        warming.isSettled = true;
        const isOfTheClose = isFluxorError(error, 'RUNTIME_CLOSED') && this.#world.isClosing;
        if (isOfTheClose) return;
        happenings.count('warm-up failed fast');
        if (!isFluxorError(error) || !failFast) this.#world.violate(`a warm-up failed: ${String(error)}`);
      },
    );
  }

  #leapWall(): void {
    const { dice, clock } = this.#world;
    const ms = dice.oneOf([-3_600_000, -200, 3_000, 8_000, 3_600_000]);
    this.#world.note(`the wall clock leaps by ${ms} ms`);
    clock.leapWall(ms);
  }

  /** Reports only look. */
  #look(): void {
    const { pool } = this.#world;
    const before = JSON.stringify(pool.stats());
    pool.leaks();
    if (JSON.stringify(pool.stats()) !== before) this.#world.violate('a look at the leaks changed something');
  }
}

function latestAt({ dueAt, timeoutMs, isExcused }: Warming): number {
  return dueAt + TICK_MS + (isExcused ? timeoutMs + TICK_MS : 0);
}
