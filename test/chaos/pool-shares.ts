/**
 * What is promised where statements share connections, seen in the moment of every loan and between any two acts:
 * S1 never more on a connection than its depth; S2 a connection is lent to one alone, or shared; S3 nobody joins one that
 * is kept for somebody; S4 whoever wants one alone has one kept; S5 long ones leave the fast lane to short ones; S6 no
 * short one waits while a connection would take it.
 */
import type { PoolStats } from '../../src/pool/pool-stats.js';
import type { FakeResource } from '../fakes/fake-resources.js';
import type { Caller } from './pool-callers.js';
import type { PoolWorld } from './pool-world.js';

/** Whatever would not take one more is asked again once a second. */
const ASKED_AGAIN_MS = 1_002;

export class PoolShares {
  readonly #world: PoolWorld;
  readonly #inFlight = new Map<number, number>();
  /** Told to go for good, by whoever had it, in one way or another. */
  readonly #leaving = new Set<number>();
  #evictedUpTo = 0;
  #tiredUpTo = 0;
  #joined = 0;
  #shortAskedAt = -Infinity;

  constructor(world: PoolWorld) {
    this.#world = world;
    world.hub.on('lease:acquired', ({ connectionId }) => this.#begun(connectionId));
    world.hub.on('lease:released', ({ connectionId }) => {
      this.#inFlight.set(connectionId, this.#of(connectionId) - 1);
    });
    world.hub.on('connection:lost', ({ connectionId }) => this.#leaving.add(connectionId));
  }

  /** Whether the loan that has just been told joined others. */
  isJoined = false;

  /** All up to this id go when they come free: said by somebody. What is made because of it is not meant. */
  leaveAll(upTo: number): void {
    this.#evictedUpTo = Math.max(this.#evictedUpTo, upTo);
  }

  /** All there are now may go when they come free: their age says so. */
  tireAll(): void {
    this.#tiredUpTo = this.#world.factory.lastId;
  }

  leave(id: number): void {
    this.#leaving.add(id);
  }

  /** Somebody asks for a short one. */
  shortAsked(): void {
    this.#shortAskedAt = this.#world.clock.now();
  }

  /** The same at this moment; endless where nobody short has asked for a second (a few milliseconds less: reading clocks is not exact). */
  get limitNow(): number {
    return this.#world.clock.now() - this.#shortAskedAt > 990 ? Infinity : this.limit;
  }

  /** How many long ones may be at work while there are short ones: in pools so small the lane is always as wide. */
  get limit(): number {
    const { maxSize } = this.#world.settings.current;
    return maxSize < 4 ? maxSize : maxSize - Math.max(1, Math.floor(maxSize * 0.2));
  }

  /** How many of those in line a connection would help, for certain. */
  servable(waiting: readonly Caller[], holders: readonly Caller[]): { readonly alone: number; readonly short: number } {
    const count = (callers: readonly Caller[], lane: string) => callers.filter((one) => one.lane === lane).length;
    const room = Math.max(0, this.limit - count(holders, 'long'));
    return {
      alone: count(waiting, 'exclusive') + Math.min(count(waiting, 'long'), room),
      short: count(waiting, 'short'),
    };
  }

  /** When every promise has been heard of. */
  check(stats: PoolStats, waiting: readonly Caller[], holders: readonly Caller[]): void {
    const { sharing } = this.#world;
    this.#checkLongs(holders.filter(({ lane }) => lane === 'long'));
    if (stats.idle > 0 && waiting.some(({ lane }) => lane === 'long'))
      this.#world.happenings.count('the fast lane is kept');
    const shared = holders.filter(({ lease }) => lease?.isShared === true);
    const resources = new Set(shared.map(({ lease }) => lease?.resource).filter((resource) => resource !== undefined));
    const violate = (text: string) => this.#world.violate(`${text}: ${JSON.stringify(stats)}`);
    if (stats.sharedLeases !== shared.length) violate(`S2 ${shared.length} shared leases are held`);
    if (stats.sharing !== resources.size) violate(`S2 ${resources.size} are shared`);
    if (sharing === undefined || stats.isSuspended || this.#world.isClosing) return;
    const { alone, short } = this.servable(waiting, holders);
    const onTheWay = stats.creating + stats.checking;
    const staying = [...resources].filter((resource) => this.#isStaying(resource, stats));
    if (alone - onTheWay > stats.reserved && staying.length > stats.reserved) violate(`S4 ${alone} wait for one alone`);
    if (alone > 0 && stats.reserved > 0) this.#world.happenings.count('kept for one alone');
    if (stats.reserved > waiting.length) violate('S4 more are kept than wait');
    const joinable = staying.filter((resource) => this.#takesOneMore(resource, sharing.depth()));
    if (short > 0 && alone + short > onTheWay && joinable.length > stats.reserved)
      violate(`S6 ${short} short ones wait`);
    if (short > 0 && resources.size > 0) this.#world.happenings.count('short ones wait');
  }

  #begun(id: number): void {
    const { pool, sharing, happenings } = this.#world;
    const { totals, reserved, sharing: shared } = pool.stats();
    this.isJoined = totals.joined > this.#joined;
    this.#joined = totals.joined;
    const inFlight = this.#of(id) + 1;
    this.#inFlight.set(id, inFlight);
    const violate = (text: string) => this.#world.violate(`${text} on ${id}`);
    if (!this.isJoined && inFlight !== 1) violate(`S2 ${inFlight} leases`);
    if (!this.isJoined) return;
    happenings.count('joined');
    if (inFlight < 2) violate('S2 a statement joined nobody');
    if (inFlight > (sharing?.depth() ?? 1)) violate(`S1 ${inFlight} leases`);
    if (reserved >= shared) violate('S3 a statement joined, with all kept for others,');
    if (id <= this.#evictedUpTo || this.#leaving.has(id)) violate('S3 a statement joined what is to go');
  }

  #of(id: number): number {
    return this.#inFlight.get(id) ?? 0;
  }

  /** Nothing that has happened to it makes it go when it comes free. */
  #isStaying({ id, condition, isDestroyed }: FakeResource, { total, maxSize }: PoolStats): boolean {
    const { maxLifetimeMs } = this.#world.settings.current;
    if (id <= this.#evictedUpTo || id <= this.#tiredUpTo || this.#leaving.has(id)) return false;
    return total <= maxSize && this.#isYoung && maxLifetimeMs === Infinity && condition !== 'broken' && !isDestroyed;
  }

  /** Lifetimes were always endless: an entry that was too old once goes, whatever they are now. */
  get #isYoung(): boolean {
    return !this.#world.hadLifetimes;
  }

  #takesOneMore(resource: FakeResource, depth: number): boolean {
    const isAsked = this.#world.clock.now() - resource.shareableAt > ASKED_AGAIN_MS;
    const canTake = resource.isShareable && resource.condition === 'clean' && (isAsked || resource.shareableAt < 0);
    return canTake && this.#of(resource.id) < depth;
  }

  /** S5: each began while fewer of the others were at work than long ones may have. */
  #checkLongs(longs: readonly Caller[]): void {
    if (this.#world.sharing === undefined) return;
    for (const one of longs) {
      const before = longs.filter((other) => other !== one && (other.order?.number ?? 0) < (one.order?.number ?? 0));
      if (before.length >= one.limit) this.#world.violate(`S5 ${one.name} is one long statement too many`);
    }
  }
}
