/**
 * One random life of a pool, from a seed: callers that come, wait, abort, hold, nest and forget; resources that break; a
 * factory whose every act may work, fail, take long or hang; an operator (pool-operator.ts) who changes everything. The
 * invariants (pool-invariants.ts) are checked after every step and in the states between.
 */
import { getEventListeners } from 'node:events';
import type { Clock } from '../../src/kernel/clock.js';
import { DeadlineTimer } from '../../src/kernel/deadline.js';
import { isFluxorError } from '../../src/errors/fluxor-error.js';
import { LeaseScope } from '../../src/pool/lease-scopes.js';
import type { Lease } from '../../src/pool/lease.js';
import { HOUSEKEEPING_MS } from '../../src/pool/maintenance.js';
import { PoolSettings } from '../../src/pool/pool-settings.js';
import type { Priority } from '../../src/pool/priority.js';
import { Pool } from '../../src/pool/pool.js';
import { Hub } from '../../src/telemetry/hub.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import type { FakeAct, FakeResource, FakeVerb } from '../fakes/fake-resources.js';
import { FakeResources, OK, refused, wrongPassword } from '../fakes/fake-resources.js';
import { Dice } from './dice.js';
import type { Caller } from './pool-invariants.js';
import { PoolInvariants, TICK_MS } from './pool-invariants.js';
import { PoolOperator, randomConfig } from './pool-operator.js';

const VERBS: readonly FakeVerb[] = ['create', 'validate', 'reset', 'close'];
const PRIORITIES: readonly Priority[] = ['high', 'normal', 'normal', 'normal', 'low'];

/** Longest legal aftermath of a close's deadline: a hanging reset (5 s), then a hanging close (2 s), and their ticks. */
const AFTERMATH_MS = 7_000 + 4 * TICK_MS;

/** What a thaw may add to a deadline beyond the freeze itself: the time since the housekeeper's last beat. */
const THAW_SLACK_MS = HOUSEKEEPING_MS + TICK_MS;

export class PoolSimulation {
  readonly history: string[] = [];
  readonly happened = {
    ...{ lent: 0, timedOut: 0, aborted: 0, forced: 0, refused: 0, deadlocked: 0, dropped: 0, reclaimed: 0 },
    ...{ retired: 0, rested: 0, unreachable: 0, kept: 0, healed: 0 },
  };
  readonly operator: PoolOperator;
  readonly #dice: Dice;
  readonly #clock = new FakeClock();
  readonly #timers = new DeadlineTimer(this.#clock);
  readonly #factory = new FakeResources(this.#clock);
  readonly #pool: Pool<FakeResource>;
  readonly #settings: PoolSettings;
  readonly #callers: Caller[] = [];
  readonly #invariants: PoolInvariants;
  #scope: LeaseScope | undefined;
  #pauses = 0;

  constructor(seed: number) {
    this.#dice = new Dice(seed);
    this.#settings = new PoolSettings(randomConfig(this.#dice));
    const hub = new Hub(this.#clock);
    const scopes = { current: () => this.#scope };
    const ports = { clock: this.#countedClock(), timers: this.#timers, hub, random: this.#dice.random, scopes };
    this.#pool = new Pool(this.#factory, this.#settings, ports);
    const [dice, clock, factory, settings, pool] = [
      this.#dice,
      this.#clock,
      this.#factory,
      this.#settings,
      this.#pool,
    ] as const;
    const note = (text: string) => this.#note(text);
    this.operator = new PoolOperator({ dice, clock, factory, settings, pool, hub, note });
    this.#invariants = new PoolInvariants({
      ...{ clock, timers: this.#timers, factory, settings, pool, note },
      operator: this.operator,
      callers: this.#callers,
      pauses: () => this.#pauses,
    });
    this.#listen(hub);
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step += 1) {
      this.#planTroubles();
      this.#act();
      this.#invariants.check();
      await this.#pass(this.#dice.oneOf([0, 0, 0, 1, 5, 20, 100, 600, 2_500, 2_500, 12_000]));
      this.#invariants.check();
    }
    if (this.#dice.chance(0.5)) await this.#heal();
    await this.#end();
  }

  #listen(hub: Hub): void {
    hub.on('lease:acquired', ({ connectionId }) => this.#invariants.checkLoan(connectionId));
    // A use is a proof of life.
    hub.on('lease:released', ({ connectionId }) => {
      const resource = this.#factory.made.find(({ id }) => id === connectionId);
      if (resource !== undefined) resource.provenAt = this.#clock.now();
    });
    hub.on('lease:reclaimed', () => (this.happened.reclaimed += 1));
    hub.on('lease:dropped', () => (this.happened.dropped += 1));
    hub.on('pool:unreachable', () => (this.happened.unreachable += 1));
    hub.on('connection:closed', ({ reason }) => {
      if (reason === 'max-lifetime') this.happened.retired += 1;
      if (reason === 'idle-timeout') this.happened.rested += 1;
    });
  }

  /** Counts the timers that will pump the pool; the housekeeper's, which comes every second, would hide a forgotten line. */
  #countedClock(): Clock {
    const clock = this.#clock;
    return {
      now: () => clock.now(),
      wallNow: () => clock.wallNow(),
      setTimer: (delayMs, fire, options) => {
        if (delayMs === HOUSEKEEPING_MS) return clock.setTimer(delayMs, fire, options);
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
    if (this.#dice.chance(0.03)) await this.#freeze();
    const strideMs = Math.max(1, ms / 4);
    for (let left = ms; left > 0; left -= strideMs) {
      await this.#clock.advance(Math.min(strideMs, left));
      this.#invariants.check();
    }
    await this.#clock.advance(0);
  }

  async #freeze(): Promise<void> {
    // Not between two steps of one promise chain: there nobody can tell when something was proved.
    await this.#clock.settle();
    const frozenMs = this.operator.freeze();
    for (const caller of this.#callers) if (!caller.isSettled) caller.deadlineAt += frozenMs + THAW_SLACK_MS;
  }

  #planTroubles(): void {
    const verb = this.#dice.oneOf(VERBS);
    const act = this.#randomAct(verb);
    // Mostly single acts; now and then a whole era of trouble, as in an outage.
    if (this.#dice.chance(0.2)) this.#factory.acts[verb] = act;
    else if (this.#factory.next[verb].length < 3) this.#factory.next[verb].push(act);
  }

  #randomAct(verb: FakeVerb): FakeAct {
    const dice = this.#dice;
    const afterMs = dice.oneOf([0, 1, 30, 400, 3_000]);
    const isDeaf = dice.chance(0.3);
    const time = dice.chance(0.3) ? {} : { afterMs };
    if (dice.chance(0.5)) return { end: 'ok', isDeaf, ...time };
    if (dice.chance(0.3)) return { end: 'never', isDeaf };
    if (verb !== 'create') return { end: 'error', ...time };
    if (dice.chance(0.2)) return { end: 'ok', isStillborn: true, ...time };
    return { end: 'error', isDeaf, error: dice.chance(0.2) ? wrongPassword() : refused(), ...time };
  }

  #act(): void {
    const holders = this.#holders();
    const roll = this.#dice.random();
    if (roll < 0.2) this.operator.act();
    else if (roll < 0.55 || holders.length === 0) {
      for (let count = this.#dice.upTo(3); count > 0; count -= 1) this.#ask(holders);
    } else if (roll < 0.8) this.#giveBack(this.#dice.oneOf(holders));
    else if (roll < 0.85) this.#drop(this.#dice.oneOf(holders));
    else if (roll < 0.92) this.#abortSomebody();
    else this.#breakSomething();
  }

  /** Sometimes from inside a function that holds something already. */
  #ask(holders: readonly Caller[]): void {
    const dice = this.#dice;
    const name = this.#callers.length + 1;
    const timeoutMs = dice.oneOf([0, 1, 40, 300, 2_000, 9_000]);
    const outer = holders.length > 0 && dice.chance(0.5) ? dice.oneOf(holders).scope : undefined;
    const isHeld = dice.chance(0.6);
    const scope = isHeld && dice.chance(0.8) ? new LeaseScope(outer) : undefined;
    const caller: Caller = {
      ...{ name, priority: dice.oneOf(PRIORITIES), scope, lease: undefined },
      ...{ abort: new AbortController(), isInLine: false, isSettled: false },
      askedAt: this.#clock.now(),
      deadlineAt: this.#clock.now() + timeoutMs,
    };
    this.#callers.push(caller);
    this.#note(`${name} asks (${caller.priority}) for ${timeoutMs} ms${outer === undefined ? '' : ', nested'}`);
    const waitingBefore = this.#pool.stats().waiting;
    const { deadlineAt, priority, abort } = caller;
    const holding = isHeld ? { holder: 'session' as const, scope } : {};
    this.#scope = outer;
    const promise = this.#pool.acquire({
      ...{ deadlineAt, priority, signal: abort.signal, failFast: dice.chance(0.1) },
      ...holding,
    });
    this.#scope = undefined;
    caller.isInLine = this.#pool.stats().waiting > waitingBefore;
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
    if (caller.isInLine) this.#invariants.checkOrder(caller);
    this.#invariants.checkTime(caller);
    if (!lease.isReleased) this.#invariants.checkSoleHolder(caller, lease);
  }

  #refused(caller: Caller, error: unknown): void {
    caller.isSettled = true;
    this.#invariants.checkTime(caller);
    if (!isFluxorError(error)) {
      return this.#invariants.violate(`${caller.name} got an error from outside the house: ${String(error)}`);
    }
    this.#note(`${caller.name} is refused: ${error.code}`);
    if (error.outcome !== 'not-sent')
      this.#invariants.violate(`${caller.name} was refused with outcome ${error.outcome}`);
    if (error.code === 'TIMEOUT') this.happened.timedOut += 1;
    else if (error.code === 'CANCELLED') this.happened.aborted += 1;
    else if (error.code === 'NESTED_LEASE') this.happened.deadlocked += 1;
    else this.happened.refused += 1;
  }

  #giveBack(caller: Caller): void {
    const { lease } = caller;
    if (lease === undefined || lease.isReleased) return;
    const { resource } = lease;
    if (resource.condition === 'clean' && this.#dice.chance(0.3)) resource.condition = 'dirty';
    this.#note(`${caller.name} gives ${resource.id} back, ${resource.condition}`);
    if (this.#dice.chance(0.2)) lease.discard();
    else lease.release();
    // I8: a dead handle reaches nothing, and ending it again touches nobody.
    const before = JSON.stringify(this.#pool.stats());
    lease.release();
    lease.discard();
    if (JSON.stringify(this.#pool.stats()) !== before) {
      this.#invariants.violate(`a second release of ${resource.id} changed the pool`);
    }
    this.#invariants.assertDead(lease);
  }

  /** The garbage collector finds the handle of a lease that nobody can release any more. */
  #drop({ name, lease }: Caller): void {
    if (lease === undefined) return;
    this.#note(`${name} forgets ${lease.entry.id}`);
    this.#pool.dropped(lease);
  }

  #abortSomebody(): void {
    const waiting = this.#callers.filter((caller) => !caller.isSettled);
    if (waiting.length === 0) return;
    const caller = this.#dice.oneOf(waiting);
    this.#note(`${caller.name} aborts`);
    caller.abort.abort();
  }

  #breakSomething(): void {
    const alive = this.#factory.made.filter((resource) => !resource.isDestroyed);
    if (alive.length === 0) return;
    const resource = this.#dice.oneOf(alive);
    this.#note(`${resource.id} breaks`);
    // Half of them silently: a resource may be found broken before it says so.
    if (this.#dice.chance(0.5)) resource.break();
    else resource.condition = 'broken';
  }

  #holders(): Caller[] {
    return this.#callers.filter(({ lease }) => lease?.isReleased === false);
  }

  /** The troubles end, everybody lets go: the pool must come back by itself, and keep the floor it is told to keep. */
  async #heal(): Promise<void> {
    this.#note('the troubles end');
    for (const verb of VERBS) {
      this.#factory.acts[verb] = OK;
      this.#factory.next[verb].length = 0;
    }
    this.operator.resume();
    for (const caller of this.#holders()) caller.lease?.release();
    for (let second = 0; second < 30; second += 1) {
      for (const caller of this.#holders()) caller.lease?.release();
      await this.#clock.advance(1_000);
      this.#invariants.check();
    }
    this.#ask([]);
    const caller = this.#callers.at(-1);
    await this.#clock.advance(100);
    const mayWait = caller !== undefined && caller.deadlineAt - caller.askedAt > 40;
    if (mayWait && caller.lease === undefined) this.#invariants.violate('a pool without troubles does not lend');
    caller?.lease?.release();
    await this.#clock.advance(2 * HOUSEKEEPING_MS);
    const { idle, checking, creating, waiting, breaker } = this.#pool.stats();
    const { minIdle, connectRate } = this.#settings.current;
    if (waiting > 0) this.#invariants.violate(`${waiting} still wait for a pool without troubles`);
    // After a refused password nothing is tried in the background: only the next caller who has to wait finds out anew.
    if (this.operator.isStarted && breaker === 'closed') {
      this.happened.kept += 1;
      // One may just have been retired, with its successor waiting for the rate of attempts.
      const floor = connectRate === Infinity ? minIdle : minIdle - 1;
      const atRest = idle + checking + creating;
      if (atRest < floor)
        this.#invariants.violate(`the floor of ${minIdle} is not kept: ${JSON.stringify(this.#pool.stats())}`);
    }
    this.happened.healed += 1;
    this.#invariants.check();
  }

  async #end(): Promise<void> {
    this.#invariants.isClosing = true;
    const timeoutMs = this.#dice.oneOf([0, 100, 3_000]);
    this.#note(`close within ${timeoutMs} ms`);
    let forced: number | undefined;
    const closing = this.#pool.close(this.#clock.now() + timeoutMs);
    void closing.then((count) => (forced = count));
    if (this.#pool.close(0) !== closing) this.#invariants.violate('a second close does not join the first');
    await this.#clock.settle();
    // I7: those who waited are gone at once.
    if (this.#pool.stats().waiting > 0) this.#invariants.violate('I7 somebody still waits');
    for (const { isSettled, name } of this.#callers)
      if (!isSettled) this.#invariants.violate(`I7 ${name} was not told of the close`);
    for (let passed = 0; passed < timeoutMs + AFTERMATH_MS && forced === undefined; passed += 50) {
      await this.#clock.advance(50);
      this.#invariants.check();
      const holders = this.#holders();
      if (holders.length > 0 && this.#dice.chance(0.1)) this.#giveBack(this.#dice.oneOf(holders));
    }
    if (forced === undefined)
      this.#invariants.violate(`I7 the close never ended: ${JSON.stringify(this.#pool.stats())}`);
    this.happened.forced += forced ?? 0;
    await this.#checkNothingLeft();
  }

  /** I7 */
  async #checkNothingLeft(): Promise<void> {
    const { total, closing, waiting } = this.#pool.stats();
    if (total + closing + waiting !== 0)
      this.#invariants.violate(`I7 left over: ${JSON.stringify(this.#pool.stats())}`);
    if (this.#timers.size !== 0) this.#invariants.violate(`I7 ${this.#timers.size} deadlines still watched`);
    if (this.#pauses !== 0) this.#invariants.violate(`I7 ${this.#pauses} pauses still run`);
    for (const { lease, abort, name } of this.#callers) {
      if (lease !== undefined) this.#invariants.assertDead(lease);
      if (getEventListeners(abort.signal, 'abort').length > 0)
        this.#invariants.violate(`I7 ${name} is still listened to`);
    }
    // Attempts that were given up may still bring something; it must go at once.
    await this.#clock.advance(10_000);
    const alive = this.#factory.made.filter((resource) => !resource.isDestroyed);
    if (alive.length > 0) this.#invariants.violate(`I7 alive after the close: ${alive.map(({ id }) => id).join(', ')}`);
    this.#timers.stop();
    if (this.#clock.pendingTimerCount > 0) {
      this.#invariants.violate(`I7 timers left: ${JSON.stringify(this.#clock.pendingTimers)}`);
    }
    this.#invariants.check();
  }
}
