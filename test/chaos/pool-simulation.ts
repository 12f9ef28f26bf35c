/** One random life of a pool, from a seed, with the invariants I1–I8 of the pool's design checked after every step. */
import type { Clock } from '../../src/kernel/clock.js';
import { DeadlineTimer } from '../../src/kernel/deadline.js';
import type { Random } from '../../src/kernel/random.js';
import { seededRandom } from '../../src/kernel/random.js';
import { isFluxorError } from '../../src/errors/fluxor-error.js';
import type { Lease } from '../../src/pool/lease.js';
import type { PoolConfig } from '../../src/pool/pool-options.js';
import { PoolSettings } from '../../src/pool/pool-settings.js';
import { Pool } from '../../src/pool/pool.js';
import { Hub } from '../../src/telemetry/hub.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import type { FakeAct, FakeResource, FakeVerb } from '../fakes/fake-resources.js';
import { POOL_CONFIG } from '../fakes/pool-bench.js';
import { FakeResources, refused, wrongPassword } from '../fakes/fake-resources.js';

const VERBS: readonly FakeVerb[] = ['create', 'validate', 'reset', 'close'];

/** Deadlines are noticed up to this much late. */
const TICK_MS = 1;

/** Longest legal aftermath of a close's deadline: a hanging reset (5 s), then a hanging close (2 s), and their ticks. */
const AFTERMATH_MS = 7_000 + 4 * TICK_MS;

interface Caller {
  readonly name: number;
  readonly deadlineAt: number;
  readonly abort: AbortController;
  lease: Lease<FakeResource> | undefined;
  isSettled: boolean;
}

export class PoolSimulation {
  readonly history: string[] = [];
  readonly happened = { lent: 0, timedOut: 0, aborted: 0, forced: 0, refused: 0 };
  readonly #random: Random;
  readonly #clock = new FakeClock();
  readonly #timers = new DeadlineTimer(this.#clock);
  readonly #factory = new FakeResources(this.#clock);
  readonly #config: PoolConfig;
  readonly #pool: Pool<FakeResource>;
  readonly #callers: Caller[] = [];
  /** Names of those in the line, in order of arrival; those who leave are struck out. I4 */
  readonly #line: number[] = [];
  readonly #violations: string[] = [];
  #isClosing = false;
  /** Timers of the pool's own: pauses after failures. Deadlines are watched elsewhere. */
  #pauses = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#config = {
      ...POOL_CONFIG,
      maxSize: this.#upTo(4),
      acquireTimeoutMs: 10_000,
      connectTimeoutMs: this.#oneOf([200, 1_000, 5_000]),
      maxWaiting: this.#oneOf([2, 5, 100]),
      maxCreating: this.#upTo(3),
      validation: this.#chance(0.2)
        ? false
        : {
            bypassMs: this.#oneOf([0, 50, 500]),
            timeoutMs: 300,
            attempts: this.#upTo(3),
            backoffMs: 100,
            query: undefined,
          },
      onRelease: this.#oneOf(['rollback', 'destroy']),
    };
    const hub = new Hub(this.#clock);
    const ports = { clock: this.#countedClock(), timers: this.#timers, hub, random: this.#random };
    this.#pool = new Pool(this.#factory, new PoolSettings(this.#config), ports);
    hub.on('lease:acquired', ({ connectionId }) => this.#checkLoan(connectionId));
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step += 1) {
      this.#planTroubles();
      this.#act();
      this.#check();
      await this.#pass(this.#oneOf([0, 0, 1, 5, 20, 100, 600, 2_500]));
      this.#check();
    }
    await this.#end();
  }

  #countedClock(): Clock {
    const clock = this.#clock;
    return {
      now: () => clock.now(),
      wallNow: () => clock.wallNow(),
      setTimer: (delayMs, fire, options) => {
        let isPending = true;
        const end = () => {
          if (isPending) this.#pauses -= 1;
          isPending = false;
        };
        this.#pauses += 1;
        const onFire = () => {
          end();
          fire();
        };
        const timer = clock.setTimer(delayMs, onFire, options);
        return { ...timer, cancel: () => (end(), timer.cancel()) };
      },
    };
  }

  #note(text: string): void {
    this.history.push(`${this.#clock.now().toFixed(0)} ms: ${text}`);
  }

  /** Lets time pass in short strides, so that the invariants are seen in the states between. */
  async #pass(ms: number): Promise<void> {
    const strideMs = Math.max(1, ms / 4);
    for (let left = ms; left > 0; left -= strideMs) {
      await this.#clock.advance(Math.min(strideMs, left));
      this.#check();
    }
    await this.#clock.settle();
  }

  #planTroubles(): void {
    const verb = this.#oneOf(VERBS);
    const act = this.#randomAct(verb);
    // Mostly single acts; now and then a whole era of trouble, as in an outage.
    if (this.#chance(0.2)) this.#factory.acts[verb] = act;
    else if (this.#factory.next[verb].length < 3) this.#factory.next[verb].push(act);
  }

  #randomAct(verb: FakeVerb): FakeAct {
    const afterMs = this.#oneOf([0, 1, 30, 400, 3_000]);
    const isDeaf = this.#chance(0.3);
    const time = this.#chance(0.3) ? {} : { afterMs };
    if (this.#chance(0.5)) return { end: 'ok', isDeaf, ...time };
    if (this.#chance(0.3)) return { end: 'never', isDeaf };
    if (verb !== 'create') return { end: 'error', ...time };
    if (this.#chance(0.2)) return { end: 'ok', isStillborn: true, ...time };
    return { end: 'error', isDeaf, error: this.#chance(0.2) ? wrongPassword() : refused(), ...time };
  }

  #act(): void {
    const holders = this.#callers.filter((caller) => caller.lease?.isReleased === false);
    const roll = this.#random();
    if (roll < 0.45 || holders.length === 0) {
      for (let count = this.#upTo(3); count > 0; count -= 1) this.#ask();
    } else if (roll < 0.75) this.#giveBack(this.#oneOf(holders));
    else if (roll < 0.85) this.#abortSomebody();
    else this.#breakSomething();
  }

  #ask(): void {
    const name = this.#callers.length + 1;
    const timeoutMs = this.#oneOf([0, 1, 40, 300, 2_000, 9_000]);
    const abort = new AbortController();
    const deadlineAt = this.#clock.now() + timeoutMs;
    const caller: Caller = { name, deadlineAt, abort, lease: undefined, isSettled: false };
    this.#callers.push(caller);
    this.#note(`${name} asks for ${timeoutMs} ms`);
    const waitingBefore = this.#pool.stats().waiting;
    const failFast = this.#chance(0.1);
    const promise = this.#pool.acquire({ deadlineAt, signal: abort.signal, failFast });
    if (this.#pool.stats().waiting > waitingBefore) this.#line.push(name);
    promise.then(
      (lease) => this.#served(caller, lease),
      (error: unknown) => this.#refused(caller, error),
    );
  }

  #served(caller: Caller, lease: Lease<FakeResource>): void {
    caller.isSettled = true;
    caller.lease = lease;
    this.happened.lent += 1;
    this.#note(`${caller.name} gets ${lease.entry.id}`);
    this.#leaveLine(caller.name, true);
    this.#checkTime(caller);
    if (!lease.isReleased) this.#checkSoleHolder(caller, lease);
  }

  #refused(caller: Caller, error: unknown): void {
    caller.isSettled = true;
    this.#leaveLine(caller.name, false);
    this.#checkTime(caller);
    if (!isFluxorError(error))
      return this.#violate(`${caller.name} got an error from outside the house: ${String(error)}`);
    this.#note(`${caller.name} is refused: ${error.code}`);
    if (error.outcome !== 'not-sent') this.#violate(`${caller.name} was refused with outcome ${error.outcome}`);
    if (error.code === 'TIMEOUT') this.happened.timedOut += 1;
    else if (error.code === 'CANCELLED') this.happened.aborted += 1;
    else this.happened.refused += 1;
  }

  #giveBack(caller: Caller): void {
    const { lease } = caller;
    if (lease === undefined) return;
    const { resource } = lease;
    const isDirty = resource.condition === 'clean' && this.#chance(0.3);
    if (isDirty) resource.condition = 'dirty';
    this.#note(`${caller.name} gives ${resource.id} back, ${resource.condition}`);
    if (this.#chance(0.2)) lease.discard();
    else lease.release();
    // I8: a dead handle reaches nothing, and ending it again touches nobody.
    const before = JSON.stringify(this.#pool.stats());
    lease.release();
    lease.discard();
    if (JSON.stringify(this.#pool.stats()) !== before)
      this.#violate(`a second release of ${resource.id} changed the pool`);
    this.#assertDead(lease);
  }

  #abortSomebody(): void {
    const waiting = this.#callers.filter((caller) => !caller.isSettled);
    if (waiting.length === 0) return;
    const caller = this.#oneOf(waiting);
    this.#note(`${caller.name} aborts`);
    caller.abort.abort();
  }

  #breakSomething(): void {
    const alive = this.#factory.made.filter((resource) => !resource.isDestroyed);
    if (alive.length === 0) return;
    const resource = this.#oneOf(alive);
    this.#note(`${resource.id} breaks`);
    // Half of them silently: a resource may be found broken before it says so.
    if (this.#chance(0.5)) resource.break();
    else resource.condition = 'broken';
  }

  #check(): void {
    const { total, idle, inUse, creating, checking, resetting, waiting, closing } = this.#pool.stats();
    const { maxSize } = this.#config;
    const numbers = JSON.stringify(this.#pool.stats());
    if (Math.min(total, idle, inUse, creating, checking, resetting, waiting, closing) < 0)
      this.#violate(`negative: ${numbers}`);
    // I1
    if (total > maxSize) this.#violate(`I1 more than ${maxSize}: ${numbers}`);
    if (total !== idle + inUse + creating + checking + resetting) this.#violate(`I1 sums: ${numbers}`);
    // I2: for those who wait somebody is on the way: an attempt, a proof of life, or the pause before the next attempt.
    const isComing = creating + checking + this.#pauses > 0;
    if (waiting > 0 && total < maxSize && !this.#isClosing && !isComing) this.#violate(`I2 forgotten: ${numbers}`);
    // I3
    const held = this.#callers.filter((caller) => caller.lease?.isReleased === false);
    const ids = new Set(held.map((caller) => caller.lease?.entry.id));
    if (ids.size !== held.length) this.#violate('I3 one resource, two leases');
    if (inUse < held.length) this.#violate(`I3 ${held.length} leases held: ${numbers}`);
    // I5, for those who have not settled at all; one more tick for the promise.
    for (const caller of this.#callers) {
      if (!caller.isSettled && this.#clock.now() > caller.deadlineAt + 2 * TICK_MS)
        this.#violate(`I5 ${caller.name} still waits`);
    }
    if (this.#factory.misuse.length > 0) this.#violate(this.#factory.misuse.join(', '));
    if (this.#violations.length > 0) throw new Error(this.#violations.join('\n'));
  }

  /** I4: whoever is served stood at the head of the line. */
  #leaveLine(name: number, isServed: boolean): void {
    const index = this.#line.indexOf(name);
    if (index === -1) return;
    const passedOver = this.#line.slice(0, index).filter((other) => this.#isReallyWaiting(other));
    if (isServed && passedOver.length > 0) this.#violate(`I4 ${name} was served before ${passedOver.join(', ')}`);
    this.#line.splice(index, 1);
  }

  /** Aborted or timed out in this very tick, with the rejection still on its way, is not waiting. */
  #isReallyWaiting(name: number): boolean {
    const caller = this.#callers[name - 1];
    if (caller === undefined || caller.isSettled) return false;
    return !caller.abort.signal.aborted && this.#clock.now() < caller.deadlineAt;
  }

  /** I5 */
  #checkTime(caller: Caller): void {
    if (this.#clock.now() > caller.deadlineAt + TICK_MS) this.#violate(`I5 ${caller.name} settled too late`);
  }

  /** I6, in the moment of the loan. */
  #checkLoan(connectionId: number): void {
    const resource = this.#factory.made.find((made) => made.id === connectionId);
    if (resource?.condition !== 'clean' || resource.isDestroyed)
      this.#violate(`I6 ${connectionId} lent ${resource?.condition}`);
  }

  #checkSoleHolder(caller: Caller, lease: Lease<FakeResource>): void {
    const others = this.#callers.filter((other) => other !== caller && other.lease?.isReleased === false);
    if (others.some((other) => other.lease?.entry === lease.entry)) this.#violate(`I3 ${lease.entry.id} is lent twice`);
  }

  #assertDead(lease: Lease<FakeResource>): void {
    try {
      this.#violate(`I8 a dead lease still reaches ${lease.resource.id}`);
    } catch (error) {
      if (!isFluxorError(error, 'LEASE_RELEASED')) this.#violate(`I8 ${String(error)}`);
    }
  }

  #violate(text: string): void {
    this.#note(`VIOLATION ${text}`);
    this.#violations.push(text);
  }

  async #end(): Promise<void> {
    this.#isClosing = true;
    const timeoutMs = this.#oneOf([0, 100, 3_000]);
    this.#note(`close within ${timeoutMs} ms`);
    let forced: number | undefined;
    const closing = this.#pool.close(this.#clock.now() + timeoutMs);
    void closing.then((count) => (forced = count));
    if (this.#pool.close(0) !== closing) this.#violate('a second close does not join the first');
    await this.#clock.settle();
    // I7: those who waited are gone at once.
    if (this.#pool.stats().waiting > 0) this.#violate('I7 somebody still waits');
    for (const caller of this.#callers)
      if (!caller.isSettled) this.#violate(`I7 ${caller.name} was not told of the close`);
    for (let passed = 0; passed < timeoutMs + AFTERMATH_MS && forced === undefined; passed += 50) {
      await this.#clock.advance(50);
      this.#check();
      const holders = this.#callers.filter((caller) => caller.lease?.isReleased === false);
      if (holders.length > 0 && this.#chance(0.1)) this.#giveBack(this.#oneOf(holders));
    }
    if (forced === undefined) this.#violate(`I7 the close never ended: ${JSON.stringify(this.#pool.stats())}`);
    this.happened.forced += forced ?? 0;
    const { total, closing: leaving, waiting } = this.#pool.stats();
    if (total + leaving + waiting !== 0) this.#violate(`I7 left over: ${JSON.stringify(this.#pool.stats())}`);
    if (this.#timers.size !== 0) this.#violate(`I7 ${this.#timers.size} deadlines still watched`);
    if (this.#pauses !== 0) this.#violate(`I7 ${this.#pauses} pauses still run`);
    for (const { lease } of this.#callers) if (lease !== undefined) this.#assertDead(lease);
    // Attempts that were given up may still bring something; it must go at once.
    await this.#clock.advance(10_000);
    const alive = this.#factory.made.filter((resource) => !resource.isDestroyed);
    if (alive.length > 0) this.#violate(`I7 alive after the close: ${alive.map((resource) => resource.id).join(', ')}`);
    this.#timers.stop();
    if (this.#clock.pendingTimerCount > 0)
      this.#violate(`I7 timers left: ${JSON.stringify(this.#clock.pendingTimers)}`);
    this.#check();
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  /** 1 … max */
  #upTo(max: number): number {
    return 1 + Math.floor(this.#random() * max);
  }

  #oneOf<T>(choices: readonly T[]): T {
    const choice = choices[Math.floor(this.#random() * choices.length)];
    if (choice === undefined) throw new Error('nothing to choose from');
    return choice;
  }
}
