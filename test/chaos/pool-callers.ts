/**
 * Whoever borrows in a simulation of the pool: asks, waits, aborts, holds, asks for more while holding, gives back, forgets.
 * Keeps what each of them was promised: an answer in time (I5), a handle that is dead when the lease has ended (I8); the
 * order of the line (I4) is judged in pool-order.ts.
 */
import { getEventListeners } from 'node:events';
import { isFluxorError } from '../../src/errors/fluxor-error.js';
import { TimeoutError } from '../../src/errors/timeout-error.js';
import { LeaseScope } from '../../src/pool/lease-scopes.js';
import type { Lane } from '../../src/pool/lane.js';
import type { Lease } from '../../src/pool/lease.js';
import { HOUSEKEEPING_MS } from '../../src/pool/maintenance.js';
import type { Priority } from '../../src/kernel/priority.js';
import type { FakeResource } from '../fakes/fake-resources.js';
import type { Loan } from './pool-order.js';
import { PoolOrder } from './pool-order.js';
import type { PoolShares } from './pool-shares.js';
import type { PoolWorld } from './pool-world.js';
import { TICK_MS } from './pool-world.js';

const PRIORITIES: readonly Priority[] = ['high', 'normal', 'normal', 'normal', 'low'];

const LANES: readonly Lane[] = ['exclusive', 'short', 'short', 'short', 'long'];

export interface Caller {
  readonly name: number;
  readonly priority: Priority;
  /** As it counts: in a pool that shares nothing all stand in one. */
  readonly lane: Lane;
  readonly askedAt: number;
  readonly abort: AbortController;
  /** The function that will run on the lease, where it is one. */
  readonly scope: LeaseScope | undefined;
  /** How many leases there had been when it asked: whoever asked later was passed over by none of those. */
  readonly loansBefore: number;
  /** A listener, who came between another caller's question and its place in the line. */
  readonly isInterrupting: boolean;
  /** Knows nothing of chaos: nothing about it is left to chance. */
  readonly isPlain: boolean;
  /** The pool can't serve it, and must say so in the tick of the question. */
  readonly isHopeless: boolean;
  /** By then it has an answer; later than asked for when the process stood still. */
  latestAt: number;
  /** Not earlier does it run out of time: it is not charged for time it did not live through. */
  earliestAt: number;
  settledAt: number | undefined;
  /** Served by which of all loans; undefined when it got none, and when that has been checked. */
  loan: Loan | undefined;
  /** The same, kept for as long as it holds it. */
  order: Loan | undefined;
  /** How many long ones might have been at work then. */
  limit: number;
  lease: Lease<FakeResource> | undefined;
}

/** What is not left to chance. */
export interface Wish {
  readonly timeoutMs?: number;
  readonly outer?: Caller;
  readonly isPlain?: boolean;
  readonly lane?: Lane;
}

export class PoolCallers {
  readonly #world: PoolWorld;
  readonly #shares: PoolShares;
  readonly #order: PoolOrder;
  /** Waiting or holding; those who are done are forgotten at the next check. */
  #present: Caller[] = [];
  readonly #signals = new Set<AbortSignal>();
  #lastName = 0;
  /** Questions on the stack. */
  #asking = 0;
  /** Leases that their callers have ended themselves, and all there were. */
  readonly #ended = new Set<Lease<FakeResource>>();
  readonly #lent = new Set<Lease<FakeResource>>();
  /** Of leases: whether somebody who counts them at work has been told that it is over. */
  readonly #isFree = new Map<Lease<FakeResource>, boolean>();

  constructor(world: PoolWorld, shares: PoolShares) {
    this.#world = world;
    this.#shares = shares;
    this.#order = new PoolOrder(world, shares);
    world.hub.on('pool:frozen', () => this.#thaw());
  }

  get holders(): readonly Caller[] {
    return this.#present.filter(isHolding);
  }

  get waiting(): readonly Caller[] {
    return this.#present.filter(({ settledAt }) => settledAt === undefined);
  }

  /** Leases that were taken from whoever had them. */
  get takenAway(): number {
    return [...this.#lent].filter((lease) => lease.isReleased && !this.#ended.has(lease)).length;
  }

  ask(wish: Wish = {}): Caller {
    const { dice, clock, pool } = this.#world;
    const timeoutMs = wish.timeoutMs ?? dice.oneOf([0, 1, 40, 300, 2_000, 9_000]);
    const isPlain = wish.isPlain === true;
    const failFast = !isPlain && dice.chance(0.1);
    const isUserCode = !isPlain && wish.lane === undefined && (wish.outer !== undefined || dice.chance(0.6));
    const lane = wish.lane ?? (isUserCode || isPlain ? 'exclusive' : dice.oneOf(LANES));
    const now = clock.now();
    this.#lastName += 1;
    const caller: Caller = {
      name: this.#lastName,
      priority: isPlain ? 'normal' : dice.oneOf(PRIORITIES),
      lane: this.#world.sharing === undefined ? 'exclusive' : lane,
      askedAt: now,
      abort: isPlain ? new AbortController() : this.#signalOf(),
      scope: isUserCode && dice.chance(0.8) ? new LeaseScope(wish.outer?.scope) : undefined,
      loansBefore: this.#order.loans,
      isInterrupting: this.#asking > 0,
      isPlain,
      isHopeless: !failFast && this.#isRefusing(),
      latestAt: now + timeoutMs,
      earliestAt: now + timeoutMs,
      settledAt: undefined,
      loan: undefined,
      order: undefined,
      limit: 0,
      lease: undefined,
    };
    this.#present.push(caller);
    this.#signals.add(caller.abort.signal);
    const { name, priority, abort, scope } = caller;
    const how = [failFast ? ', fail fast' : '', wish.outer === undefined ? '' : `, inside ${wish.outer.name}`].join('');
    if (lane === 'short') this.#shares.shortAsked();
    this.#world.note(`${name} asks (${lane}, ${priority}${how}) for ${timeoutMs} ms`);
    const holder = isUserCode ? dice.oneOf(['session', 'transaction'] as const) : undefined;
    const surrounding = this.#world.scope;
    this.#world.scope = wish.outer?.scope;
    const request = {
      deadlineAt: caller.latestAt,
      signal: abort.signal,
      failFast,
      priority,
      holder,
      scope,
      lane,
    };
    this.#asking += 1;
    const promise = pool.acquire(request);
    this.#asking -= 1;
    this.#world.scope = surrounding;
    promise.then(
      (lease) => this.#served(caller, lease),
      (error: unknown) => this.#refused(caller, error, failFast),
    );
    return caller;
  }

  giveBack(caller: Caller): void {
    const { dice, pool } = this.#world;
    const { lease } = caller;
    if (lease === undefined || lease.isReleased) return;
    const { resource } = lease;
    resource.isBusy = false;
    if (resource.condition === 'clean' && dice.chance(lease.isShared ? 0.1 : 0.3)) resource.condition = 'dirty';
    // What was in the way of others was this very statement; or it was stopped, and nobody may join before that is over.
    if (lease.isShared) resource.isShareable = dice.chance(0.8);
    this.#ended.add(lease);
    this.#world.note(`${caller.name} gives ${resource.id} back, ${resource.condition}`);
    if (dice.chance(0.2)) {
      this.#shares.leave(resource.id);
      lease.discard();
    } else lease.release();
    // I8: a dead handle reaches nothing, and ending it again touches nobody.
    const before = JSON.stringify(pool.stats());
    lease.release();
    lease.discard();
    if (JSON.stringify(pool.stats()) !== before)
      this.#world.violate(`I8 a second release by ${caller.name} did something`);
    this.#assertDead(lease);
  }

  /** Gives back unspoilt. */
  giveBackClean({ lease }: Caller): void {
    if (lease === undefined || lease.isReleased) return;
    lease.resource.isBusy = false;
    this.#ended.add(lease);
    lease.release();
  }

  /** The garbage collector finds the handle of a lease that nobody can release any more. */
  forget({ name, lease }: Caller): void {
    if (lease === undefined || lease.isReleased || lease.note === undefined) return;
    this.#world.note(`${name} forgets ${lease.entry.id}`);
    this.#ended.add(lease);
    this.#world.pool.dropped(lease);
    this.#assertDead(lease);
  }

  abort({ name, abort }: Caller): void {
    this.#world.note(`${name} aborts`);
    abort.abort();
  }

  /** The process has stood still: whatever comes due has come due meanwhile, and is heard of only now. */
  froze(): void {
    const now = this.#world.clock.now();
    for (const caller of this.waiting) caller.latestAt = Math.max(caller.latestAt, now);
  }

  /** I3–I5, when every promise has been heard of. */
  check(): void {
    const now = this.#world.clock.now();
    this.#order.check(this.#present);
    for (const caller of this.#present) {
      if (caller.settledAt !== undefined) continue;
      if (now > caller.latestAt + TICK_MS) this.#world.violate(`I5 ${caller.name} still waits`);
      if (caller.isHopeless) this.#world.violate(`${caller.name} waits for a database that cannot be reached`);
    }
    const entries = new Set(this.holders.map(({ lease }) => lease?.entry));
    const { inUse } = this.#world.pool.stats();
    for (const entry of entries) {
      const held = this.holders.filter(({ lease }) => lease?.entry === entry);
      const areShared = held.every(({ lease }) => lease?.isShared === true);
      if (held.length > 1 && !areShared) this.#world.violate('I3 one resource, two leases, and not shared');
    }
    for (const [lease, isFree] of this.#isFree) {
      // Those who join others are no connection more at work.
      if (isFree && !lease.isReleased && !lease.isShared)
        this.#world.violate(`${lease.entry.id} was said to be free while it was lent`);
    }
    if (inUse !== entries.size) this.#world.violate(`I3 ${inUse} in use, ${entries.size} held`);
    for (const caller of this.#present) caller.loan = undefined;
    this.#present = this.#present.filter((caller) => caller.settledAt === undefined || isHolding(caller));
  }

  /** I7: nobody waits, nobody holds, nobody is listened to. */
  checkEnd(): void {
    for (const { name } of this.#present) this.#world.violate(`I7 ${name} is still there`);
    for (const [lease, isFree] of this.#isFree)
      if (!isFree) this.#world.violate(`I7 nobody was told that ${lease.entry.id} is free`);
    for (const signal of this.#signals)
      if (getEventListeners(signal, 'abort').length > 0) this.#world.violate('I7 a signal is still listened to');
  }

  /** Calls of one request share its signal. */
  #signalOf(): AbortController {
    const others = this.waiting.filter(({ abort }) => !abort.signal.aborted);
    return others.length > 0 && this.#world.dice.chance(0.2)
      ? this.#world.dice.oneOf(others).abort
      : new AbortController();
  }

  /** The breaker is open, nothing is alive, and the next attempt is still to come. */
  #isRefusing(): boolean {
    const { pool, pauses, isClosing } = this.#world;
    const { breaker, total, isSuspended } = pool.stats();
    return breaker === 'open' && total === 0 && !isSuspended && !isClosing && pauses > 0;
  }

  #served(caller: Caller, lease: Lease<FakeResource>): void {
    caller.lease = lease;
    const loan = this.#order.heard(caller, lease);
    if (loan === undefined) return this.#world.violate(`${caller.name} has a lease that was not told of`);
    caller.loan = caller.order = loan;
    caller.limit = loan.limit;
    if (lease.isShared !== (caller.lane === 'short')) this.#world.violate(`${caller.name} has the wrong kind of lease`);
    this.#lent.add(lease);
    this.#isFree.set(lease, false);
    lease.tellWhenFree({
      onResourceFree: () => {
        if (this.#isFree.get(lease) === true) this.#world.violate(`${lease.entry.id} was said to be free twice`);
        this.#isFree.set(lease, true);
      },
    });
    this.#settled(caller);
    this.#world.note(`${caller.name} gets ${lease.entry.id}`);
    this.#world.happenings.count(
      caller.settledAt === caller.askedAt ? 'served in the tick it asked' : 'served in turn',
    );
    if (caller.isHopeless) this.#world.violate(`${caller.name} was served by a pool with nothing alive`);
    if (!caller.isPlain && this.#world.dice.chance(0.1)) this.giveBack(caller);
  }

  #refused(caller: Caller, error: unknown, failFast: boolean): void {
    this.#settled(caller);
    const world = this.#world;
    const { name, isHopeless, earliestAt, abort } = caller;
    if (!isFluxorError(error)) return world.violate(`${name} got an error from outside the house: ${String(error)}`);
    world.note(`${name} is refused: ${error.code}`);
    world.happenings.count(`refused: ${error.code}`);
    if (isHopeless) world.happenings.count('refused while down');
    if (failFast && error.code === 'CONNECTION') world.happenings.count('refused: failFast');
    if (error.outcome !== 'not-sent') world.violate(`${name} was refused with outcome ${error.outcome}`);
    const isOutOfTime = error instanceof TimeoutError && error.phase === 'acquire';
    if (isOutOfTime && world.clock.now() < earliestAt) world.violate(`I5 ${name} ran out of time too early`);
    if (error.code === 'CANCELLED' && !abort.signal.aborted) world.violate(`${name} did not abort`);
    if (error.code === 'RUNTIME_CLOSED' && !world.isClosing) world.violate(`${name} heard of a close`);
  }

  #settled(caller: Caller): void {
    const now = this.#world.clock.now();
    if (caller.settledAt !== undefined) this.#world.violate(`${caller.name} was answered twice`);
    caller.settledAt = now;
    if (now > caller.latestAt + TICK_MS) this.#world.violate(`I5 ${caller.name} was answered too late`);
    if (caller.isHopeless && now !== caller.askedAt) this.#world.violate(`${caller.name} was refused after a wait`);
  }

  #thaw(): void {
    const { clock, frozenMs, happenings } = this.#world;
    if (frozenMs === 0) return;
    for (const caller of this.waiting) {
      const waitedMs = clock.now() - caller.askedAt;
      caller.earliestAt += Math.min(frozenMs, waitedMs);
      // The pool counts from the last beat of its housekeeper.
      caller.latestAt += Math.min(frozenMs + HOUSEKEEPING_MS + TICK_MS, waitedMs);
      if (waitedMs > 0) happenings.count('given more time after a freeze');
    }
  }

  #assertDead(lease: Lease<FakeResource>): void {
    try {
      this.#world.violate(`I8 a dead lease still reaches ${lease.resource.id}`);
    } catch (error) {
      if (!isFluxorError(error, 'LEASE_RELEASED')) this.#world.violate(`I8 ${String(error)}`);
    }
  }
}

function isHolding({ lease }: Caller): boolean {
  return lease?.isReleased === false;
}
