/**
 * One random life of a pool, from a seed, with its invariants checked after every step and in the states between:
 *
 *     pool-world.ts      the pool on a fake clock, and the record of what happened
 *     pool-callers.ts    who borrows, and what each was promised        I3, I5, I8
 *     pool-order.ts      who is served before whom                      I4
 *     pool-loans.ts      what may be lent                               I6
 *     pool-shares.ts     what may be lent to several at once            S1–S6
 *     pool-operator.ts   who runs it
 *     pool-troubles.ts   what goes wrong
 *     pool-invariants.ts what holds for the pool as a whole             I1, I2
 *
 * Here is the order of events: a life, sometimes a recovery in which every promise about a healthy database must come
 * true, and an end after which nothing is left (I7).
 */
import { PoolCallers } from './pool-callers.js';
import type { Happenings } from './pool-happenings.js';
import { PoolInvariants } from './pool-invariants.js';
import { PoolLoans } from './pool-loans.js';
import { PoolOperator } from './pool-operator.js';
import { PoolShares } from './pool-shares.js';
import { PoolTroubles } from './pool-troubles.js';
import { POOL_EVENTS, PoolWorld, TICK_MS } from './pool-world.js';

/** Longest legal aftermath of a close's deadline: a hanging reset (5 s), then a hanging close (2 s), and their ticks. */
const AFTERMATH_MS = 7_000 + 4 * TICK_MS;

/** How long a database that works again is given: the longest attempt, pause and reset that had begun before, and more. */
const RECOVERY_S = 20;
/** How long nobody needs more than one connection then: what is too much goes after 30 s. */
const QUIET_S = 40;

export class PoolSimulation {
  readonly #world: PoolWorld;
  readonly #callers: PoolCallers;
  readonly #operator: PoolOperator;
  readonly #troubles: PoolTroubles;
  readonly #invariants: PoolInvariants;

  /** The troubles are over. */
  #isCalm = false;

  constructor(seed: number) {
    this.#world = new PoolWorld(seed);
    // First, because it says of a loan whether it joined others.
    const shares = new PoolShares(this.#world);
    const loans = new PoolLoans(this.#world, shares);
    this.#callers = new PoolCallers(this.#world, shares);
    this.#operator = new PoolOperator(this.#world, loans, shares);
    this.#troubles = new PoolTroubles(this.#world, loans, shares);
    this.#invariants = new PoolInvariants(this.#world, this.#callers, shares);
    if (this.#world.dice.chance(0.2)) this.#listen();
  }

  get history(): readonly string[] {
    return this.#world.history;
  }

  get happenings(): Happenings {
    return this.#world.happenings;
  }

  /** A life of at most so many steps. */
  async run(steps: number): Promise<void> {
    const { dice } = this.#world;
    for (let step = dice.upTo(steps); step > 0; step -= 1) {
      this.#troubles.plan();
      this.#act();
      this.#invariants.check();
      if (dice.chance(0.03)) await this.#operator.freeze(() => this.#askInTheThaw());
      await this.#pass(dice.oneOf([0, 0, 0, 1, 5, 20, 100, 600, 600, 2_500, 12_000]));
    }
    if (dice.chance(0.3)) await this.#recover();
    await this.#close();
    await this.#checkNothingLeft();
  }

  #act(): void {
    const { dice } = this.#world;
    const { holders, waiting } = this.#callers;
    const roll = dice.random();
    if (roll < 0.12) this.#operator.act();
    else if (roll < 0.2) this.#troubles.strike();
    else if (roll < 0.26 && waiting.length > 0) this.#callers.abort(dice.oneOf(waiting));
    else if (roll < 0.5 && holders.length > 0) this.#giveBack();
    else if (roll < 0.53 && holders.length > 0) this.#callers.forget(dice.oneOf(holders));
    else if (roll < 0.68 && holders.length > 0) this.#askInside();
    else if (roll < 0.78 && this.#world.sharing !== undefined) this.#rush();
    else for (let count = dice.upTo(3); count > 0; count -= 1) this.#callers.ask();
  }

  /** Statements come in crowds, and end soon. */
  #rush(): void {
    const { dice } = this.#world;
    const lane = dice.oneOf(['short', 'short', 'long'] as const);
    for (let count = dice.upTo(8); count > 0; count -= 1) this.#callers.ask({ lane });
  }

  #giveBack(): void {
    const { dice } = this.#world;
    this.#callers.giveBack(dice.oneOf(this.#callers.holders));
    for (const holder of this.#callers.holders) {
      if (holder.lane !== 'exclusive' && dice.chance(0.3)) this.#callers.giveBack(holder);
    }
  }

  #askInside(): void {
    const { dice, happenings } = this.#world;
    const outers = this.#callers.holders.filter(({ scope }) => scope !== undefined);
    if (outers.length === 0) return;
    happenings.count('asked while nested');
    this.#callers.ask({ outer: dice.oneOf(outers), timeoutMs: dice.oneOf([300, 9_000]) });
  }

  #askInTheThaw(): void {
    this.#callers.froze();
    if (this.#world.dice.chance(0.6)) return;
    this.#world.happenings.count('asked during a freeze');
    this.#callers.ask();
  }

  /** Listeners are callers too, and act in the middle of everything. */
  #listen(): void {
    const { hub, dice, happenings } = this.#world;
    let isBusy = false;
    for (const name of POOL_EVENTS) {
      hub.on(name, () => {
        if (isBusy || this.#isCalm || !dice.chance(0.05)) return;
        isBusy = true;
        happenings.count('asked by a listener');
        const { holders } = this.#callers;
        if (holders.length > 0 && dice.chance(0.5)) this.#callers.giveBack(dice.oneOf(holders));
        else this.#callers.ask();
        isBusy = false;
      });
    }
  }

  /** Lets time pass in short strides, so that the invariants are seen in the states between. */
  async #pass(ms: number): Promise<void> {
    const strideMs = Math.max(1, ms / 4);
    let leftMs = ms;
    do {
      await this.#world.clock.advance(Math.min(strideMs, leftMs));
      this.#checkAll();
      leftMs -= strideMs;
    } while (leftMs > 0);
  }

  /** When every promise that can has settled. */
  #checkAll(): void {
    this.#callers.check();
    this.#operator.check();
    this.#invariants.checkSettled();
  }

  /** The troubles end: what needs nothing but time and callers must come true. */
  async #recover(): Promise<void> {
    const { factory, happenings, pool, settings } = this.#world;
    this.#world.note('the troubles end');
    this.#isCalm = true;
    this.#troubles.end();
    this.#operator.resume();
    this.#operator.start();
    await this.#live(RECOVERY_S);
    await this.#fill();
    this.#operator.renew();
    const lastOld = factory.lastId;
    await this.#live(QUIET_S);
    const { idle, waiting } = pool.stats();
    const { minIdle, maxIdle, maxLifetimeMs, connectRate } = settings.current;
    const violate = (text: string) =>
      this.#world.violate(`after the troubles, ${text}: ${JSON.stringify(pool.stats())}`);
    if (waiting > 0) violate('somebody waits');
    // All were there, so nobody has tried since an attempt failed in the old times; until then nothing goes for its age.
    if (this.#world.isLastAttemptFailed) return happenings.count('no attempt since the troubles');
    // One attempt a second is just enough to keep the floor while callers come.
    const areOld = connectRate > 1 && factory.living.some(({ id }) => id <= lastOld);
    if (areOld) violate('some have not been renewed');
    else happenings.count('renewed completely');
    // With short lives one of them is on its way out or in at any moment.
    if (idle < minIdle - (maxLifetimeMs === Infinity ? 0 : 1)) violate(`the floor of ${minIdle} is not kept`);
    else if (minIdle > 0) happenings.count('minIdle kept');
    // Short lives end before anything has rested for too long; and one may have come up a moment ago, to keep the floor.
    if (idle > Math.max(maxIdle, 1) + 1 && maxLifetimeMs === Infinity) violate(`more than ${maxIdle} rest`);
    else happenings.count('trimmed to maxIdle');
    happenings.count('healed');
    this.#checkAll();
  }

  /** One caller a second, who soon gives back what they get. */
  async #live(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      this.#callers.ask({ isPlain: true, timeoutMs: 5_000 });
      for (const ms of [10, 330, 330, 330]) {
        await this.#world.clock.advance(ms);
        this.#checkAll();
        for (const holder of this.#callers.holders) this.#callers.giveBackClean(holder);
      }
    }
  }

  /** As many callers as it has room for, one after the other; all are served. */
  async #fill(): Promise<void> {
    const { settings, happenings, pool } = this.#world;
    const { maxSize } = settings.current;
    for (let count = maxSize; count > 0; count -= 1) {
      this.#callers.ask({ isPlain: true, timeoutMs: 5_000 });
      await this.#world.clock.advance(2_000);
      this.#checkAll();
    }
    const { inUse } = pool.stats();
    if (inUse < maxSize) this.#world.violate(`only ${inUse} of ${maxSize} can be had after the troubles`);
    else happenings.count('filled to maxSize');
  }

  async #close(): Promise<void> {
    const world = this.#world;
    const { dice, pool, clock } = world;
    world.isClosing = true;
    const timeoutMs = dice.oneOf([0, 100, 3_000]);
    world.note(`close within ${timeoutMs} ms`);
    let forced: number | undefined;
    const closing = pool.close(clock.now() + timeoutMs);
    void closing.then((count) => (forced = count));
    if (pool.close(0) !== closing) world.violate('a second close does not join the first');
    await clock.settle();
    // I7: those who waited are gone at once.
    for (const { name } of this.#callers.waiting) world.violate(`I7 ${name} was not told of the close`);
    for (let passedMs = 0; passedMs < timeoutMs + AFTERMATH_MS && forced === undefined; passedMs += 50) {
      await clock.advance(50);
      this.#checkAll();
      if (dice.chance(0.1)) this.#actWhileClosing();
    }
    if (forced === undefined) world.violate(`I7 the close never ended: ${JSON.stringify(pool.stats())}`);
    if (forced !== undefined && forced > 0) world.happenings.count('taken away at the close');
    await clock.settle();
    this.#checkAll();
    // S7: by the close, or because they had leaked.
    const taken = this.#callers.takenAway - world.happenings.of('lease:reclaimed');
    if (forced !== taken) world.violate(`S7 ${forced} leases were said to be taken away, ${taken} were`);
  }

  #actWhileClosing(): void {
    const { dice } = this.#world;
    const { holders } = this.#callers;
    if (holders.length > 0 && dice.chance(0.5)) this.#callers.giveBack(dice.oneOf(holders));
    else if (dice.chance(0.3)) this.#callers.ask();
    else if (dice.chance(0.3)) this.#troubles.strike();
    else this.#operator.act();
  }

  /** I7 */
  async #checkNothingLeft(): Promise<void> {
    const { pool, timers, clock, factory, poolTimers, happenings } = this.#world;
    const violate = (text: string) => this.#world.violate(`I7 ${text}`);
    const { total, closing, waiting } = pool.stats();
    if (total + closing + waiting !== 0) violate(`left over: ${JSON.stringify(pool.stats())}`);
    if (timers.size !== 0) violate(`${timers.size} deadlines still watched`);
    if (poolTimers !== 0) violate(`${poolTimers} timers still run`);
    this.#callers.checkEnd();
    // Attempts that were given up may still bring something; it must go at once.
    await clock.advance(10_000);
    if (factory.living.length > 0) violate(`alive: ${factory.living.map(({ id }) => id).join(', ')}`);
    timers.stop();
    if (clock.pendingTimerCount > 0) violate(`timers left: ${JSON.stringify(clock.pendingTimers)}`);
    if (factory.late > 0) happenings.count('late newborn');
    this.#checkAll();
  }
}
