/**
 * What must hold for a pool at every moment of its life: the invariants I1–I8 of its design, asked of the pool itself, of
 * its callers, and of the resources. `check()` throws everything that does not hold.
 */
import { isFluxorError } from '../../src/errors/fluxor-error.js';
import type { DeadlineTimer } from '../../src/kernel/deadline.js';
import type { LeaseScope } from '../../src/pool/lease-scopes.js';
import type { Lease } from '../../src/pool/lease.js';
import type { PoolSettings } from '../../src/pool/pool-settings.js';
import { HANDICAP_MS } from '../../src/pool/priority.js';
import type { Priority } from '../../src/pool/priority.js';
import type { Pool } from '../../src/pool/pool.js';
import type { FakeClock } from '../../src/testing/fake-clock.js';
import type { FakeResource, FakeResources } from '../fakes/fake-resources.js';
import type { PoolOperator } from './pool-operator.js';

/** Deadlines are noticed up to this much late. */
export const TICK_MS = 1;

export interface Caller {
  readonly name: number;
  readonly askedAt: number;
  readonly priority: Priority;
  readonly abort: AbortController;
  readonly scope: LeaseScope | undefined;
  /** Later than asked for when the process stood still meanwhile. */
  deadlineAt: number;
  isInLine: boolean;
  lease: Lease<FakeResource> | undefined;
  isSettled: boolean;
}

export interface World {
  readonly clock: FakeClock;
  readonly timers: DeadlineTimer;
  readonly factory: FakeResources;
  readonly settings: PoolSettings;
  readonly pool: Pool<FakeResource>;
  readonly operator: PoolOperator;
  readonly callers: readonly Caller[];
  /** Timers that will pump the pool: pauses after failures and for the rate of attempts. */
  readonly pauses: () => number;
  readonly note: (text: string) => void;
}

export class PoolInvariants {
  isClosing = false;
  readonly #world: World;
  readonly #violations: string[] = [];
  #totalBefore = 0;

  constructor(world: World) {
    this.#world = world;
  }

  violate(text: string): void {
    this.#world.note(`VIOLATION ${text}`);
    this.#violations.push(text);
  }

  check(): void {
    this.#checkNumbers();
    this.#checkProgress();
    this.#checkCallers();
    const { misuse } = this.#world.factory;
    if (misuse.length > 0) this.violate(misuse.join(', '));
    if (this.#violations.length > 0) throw new Error(this.#violations.join('\n'));
  }

  /** I6, in the moment of the loan. */
  checkLoan(connectionId: number): void {
    const { factory, operator, settings, clock } = this.#world;
    const resource = factory.made.find(({ id }) => id === connectionId);
    if (resource?.condition !== 'clean' || resource.isDestroyed)
      return this.violate(`I6 ${connectionId} lent ${resource?.condition}`);
    if (connectionId <= operator.evictedUpTo || operator.evictedIds.has(connectionId))
      this.violate(`I6 ${connectionId} lent after its eviction`);
    if (operator.isSuspended) this.violate(`I6 ${connectionId} lent by a suspended pool`);
    const { validation } = settings.current;
    const now = clock.now();
    if (validation === false || resource.provenAt === now) return;
    const isTrusted = now - resource.provenAt <= validation.bypassMs && resource.provenAt > operator.distrustBefore;
    if (!isTrusted) this.violate(`I6 ${connectionId} lent ${now - resource.provenAt} ms after its last proof of life`);
  }

  /** I4: nobody who waits has come earlier, counted by virtual arrival. */
  checkOrder(served: Caller): void {
    const before = this.#world.callers.filter((other) => other !== served && this.#isReallyWaiting(other));
    for (const other of before) {
      const lead = virtualArrival(served) - virtualArrival(other);
      const isPassedOver = lead > 0 || (lead === 0 && other.priority === served.priority && other.name < served.name);
      if (isPassedOver) this.violate(`I4 ${served.name} was served before ${other.name}`);
    }
  }

  /** I3, in the moment of the loan. */
  checkSoleHolder(caller: Caller, lease: Lease<FakeResource>): void {
    const others = this.#holders().filter((other) => other !== caller);
    if (others.some((other) => other.lease?.entry === lease.entry)) this.violate(`I3 ${lease.entry.id} is lent twice`);
  }

  /** I5 */
  checkTime(caller: Caller): void {
    if (this.#world.clock.now() > caller.deadlineAt + TICK_MS) this.violate(`I5 ${caller.name} settled too late`);
  }

  /** I8 */
  assertDead(lease: Lease<FakeResource>): void {
    try {
      this.violate(`I8 a dead lease still reaches ${lease.resource.id}`);
    } catch (error) {
      if (!isFluxorError(error, 'LEASE_RELEASED')) this.violate(`I8 ${String(error)}`);
    }
  }

  #checkNumbers(): void {
    const stats = this.#world.pool.stats();
    const { total, idle, inUse, creating, checking, resetting, waiting, closing, maxSize, totals } = stats;
    const numbers = JSON.stringify(stats);
    const all = [
      total,
      idle,
      inUse,
      creating,
      checking,
      resetting,
      waiting,
      closing,
      ...Object.values<number>({ ...totals }),
    ];
    if (Math.min(...all) < 0) this.violate(`negative: ${numbers}`);
    // I1; a pool made smaller only shrinks until it fits.
    if (total > maxSize && total > this.#totalBefore) this.violate(`I1 more than ${maxSize}: ${numbers}`);
    this.#totalBefore = total;
    if (total !== idle + inUse + creating + checking + resetting) this.violate(`sums of states: ${numbers}`);
    if (inUse !== totals.lent - totals.returned) this.violate(`lent − returned: ${numbers}`);
    if (total - creating + closing !== totals.created - totals.closed) this.violate(`created − closed: ${numbers}`);
    if (!Object.isFrozen(stats) || !Object.isFrozen(totals)) this.violate('the statistics can be changed');
  }

  /** I2: for those who wait somebody is on the way: an attempt, a proof of life, or the pause before the next attempt. */
  #checkProgress(): void {
    const { pool, operator, pauses } = this.#world;
    const { waiting, total, maxSize, creating, checking } = pool.stats();
    if (waiting === 0 || total >= maxSize || this.isClosing || operator.isSuspended) return;
    if (creating + checking + pauses() === 0) this.violate(`I2 forgotten: ${JSON.stringify(pool.stats())}`);
  }

  #checkCallers(): void {
    const held = this.#holders();
    const ids = new Set(held.map(({ lease }) => lease?.entry.id));
    if (ids.size !== held.length) this.violate('I3 one resource, two leases');
    if (this.#world.pool.stats().inUse < held.length) this.violate(`I3 ${held.length} leases held`);
    // I5, for those who have not settled at all; one more tick for the promise.
    for (const { isSettled, deadlineAt, name } of this.#world.callers) {
      if (!isSettled && this.#world.clock.now() > deadlineAt + 2 * TICK_MS) this.violate(`I5 ${name} still waits`);
    }
  }

  #holders(): Caller[] {
    return this.#world.callers.filter(({ lease }) => lease?.isReleased === false);
  }

  /** Aborted or timed out in this very tick, with the rejection still on its way, is not waiting. */
  #isReallyWaiting({ isInLine, isSettled, abort, deadlineAt }: Caller): boolean {
    return isInLine && !isSettled && !abort.signal.aborted && this.#world.clock.now() < deadlineAt;
  }
}

function virtualArrival({ askedAt, priority }: Caller): number {
  return askedAt + HANDICAP_MS[priority];
}
