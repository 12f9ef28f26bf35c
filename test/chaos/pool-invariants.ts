/**
 * What must hold for a pool at every moment of its life, seen from outside: its numbers (I1), that nobody in the line is
 * forgotten (I2), and that no deadlock lasts. What callers and loans are promised is in pool-callers.ts and pool-loans.ts.
 */
import type { PoolStats } from '../../src/pool/pool-stats.js';
import { checkPoolSums } from './metric-sums.js';
import type { PoolCallers } from './pool-callers.js';
import type { PoolShares } from './pool-shares.js';
import type { PoolWorld } from './pool-world.js';

/** A deadlock is suspected for 250 ms, and once more when something came back meanwhile; then somebody must be failed. */
const DEADLOCK_MS = 505;

export class PoolInvariants {
  readonly #world: PoolWorld;
  readonly #callers: PoolCallers;
  readonly #shares: PoolShares;
  #before = { total: 0, creating: 0, waiting: 0 };
  /** Of all sizes the pool has had. */
  #largestSize = 0;
  #rate = { perSecond: Infinity, since: -Infinity };
  #stuck = { key: '', since: 0 };

  constructor(world: PoolWorld, callers: PoolCallers, shares: PoolShares) {
    this.#world = world;
    this.#shares = shares;
    this.#callers = callers;
  }

  /** Between any two acts. */
  check(): void {
    const stats = this.#world.pool.stats();
    this.#checkSums(stats);
    this.#checkBounds(stats);
    this.#checkRate();
    const { misuse } = this.#world.factory;
    if (misuse.length > 0) this.#world.violate(misuse.join(', '));
    this.#world.throwViolations();
  }

  /** When every promise that can has settled. */
  checkSettled(): void {
    const stats = this.#world.pool.stats();
    this.#checkProgress(stats);
    this.#checkDeadlock(stats);
    this.#shares.check(stats, this.#callers.waiting, this.#callers.holders);
    this.check();
  }

  /** I1, the sums, and the distributions: what was counted was measured. */
  #checkSums(stats: PoolStats): void {
    const { total, idle, inUse, creating, checking, resetting, closing, waiting, totals } = stats;
    const { sharing, sharedLeases, reserved } = stats;
    const all = [
      total,
      idle,
      inUse,
      creating,
      checking,
      resetting,
      closing,
      waiting,
      reserved,
      sharing - reserved,
      sharedLeases - sharing,
      inUse - sharing,
      ...Object.values<number>({ ...totals }),
    ];
    if (Math.min(...all) < 0) this.#world.violate(`I1 negative: ${JSON.stringify(stats)}`);
    try {
      checkPoolSums(stats, this.#world.pool.inspection.times(), 'I1');
    } catch (error) {
      this.#world.violate((error as Error).message);
    }
  }

  /** I1: nothing exceeds its limit, and what exceeds one that was lowered does not grow. */
  #checkBounds({ total, creating, waiting, closing }: PoolStats): void {
    const { maxSize, maxCreating, maxWaiting } = this.#world.settings.current;
    const before = this.#before;
    this.#largestSize = Math.max(this.#largestSize, maxSize);
    const violate = (text: string) => this.#world.violate(`I1 ${text}`);
    if (total > Math.max(maxSize, before.total)) violate(`${total} of ${maxSize}, ${before.total} before`);
    if (creating > Math.max(maxCreating, before.creating)) violate(`${creating} attempts at once of ${maxCreating}`);
    if (waiting > Math.max(maxWaiting, before.waiting)) violate(`${waiting} wait of ${maxWaiting}`);
    if (closing > this.#largestSize) violate(`${closing} are closing in a pool of ${maxSize}`);
    this.#before = { total, creating, waiting };
  }

  #checkRate(): void {
    const { settings, clock, factory } = this.#world;
    const { connectRate } = settings.current;
    const now = clock.now();
    if (connectRate !== this.#rate.perSecond) this.#rate = { perSecond: connectRate, since: now };
    const from = Math.max(this.#rate.since, now - 1_000);
    const recent = factory.attempts.slice(-100).filter((at) => at > from).length;
    if (recent > connectRate + 1) this.#world.violate(`${recent} attempts in a second of ${connectRate}`);
  }

  /** I2: whoever waits is waited for: by an attempt, a proof of life, a pause before the next attempt, or a full house. */
  #checkProgress(stats: PoolStats): void {
    const { total, maxSize, idle, creating, checking, isSuspended } = stats;
    const { alone, short } = this.#shares.servable(this.#callers.waiting, this.#callers.holders);
    const waiting = alone + short;
    if (waiting === 0 || isSuspended || this.#world.isClosing) return;
    const violate = (text: string) => this.#world.violate(`I2 ${text}: ${JSON.stringify(stats)}`);
    if (idle > 0 && checking < waiting) violate('some rest while others wait');
    if (total >= maxSize || creating > 0 || this.#world.pauses > 0) return;
    if (waiting > checking) violate('forgotten');
  }

  /** A pool whose every resource is held by somebody who waits for another one fails one of them in time. */
  #checkDeadlock({ inUse, total, maxSize, waiting, isSuspended, totals }: PoolStats): void {
    const { clock, settings, isClosing } = this.#world;
    const now = clock.now();
    const { holders } = this.#callers;
    const isFull = inUse > 0 && inUse === total && inUse >= maxSize;
    const isStuck = isFull && waiting > 0 && !isSuspended && !isClosing;
    const areWaiting = holders.every(({ scope, lease }) => {
      return (scope?.waiting ?? 0) > 0 && lease?.resource.isBusy === false;
    });
    const isOver = !isStuck || !areWaiting || !settings.current.deadlockDetection;
    const key = isOver ? '' : `${totals.lent} ${totals.returned} ${totals.refused} ${maxSize}`;
    if (key !== this.#stuck.key) this.#stuck = { key, since: now };
    if (key !== '' && now - this.#stuck.since > DEADLOCK_MS) this.#world.violate('a deadlock that nobody ends');
  }
}
