/**
 * I6, in the moment of every loan: nothing is lent that is not clean, that was told to go, or, where proofs of life are
 * asked for, that has not proved itself within the bypass window and since the last reason to distrust it.
 */
import type { PoolShares } from './pool-shares.js';
import type { PoolWorld } from './pool-world.js';

export class PoolLoans {
  readonly #world: PoolWorld;
  readonly #shares: PoolShares;
  readonly #evicted = new Set<number>();
  /** Up to this id all were told to go. */
  #evictedUpTo = 0;
  /** Up to this id all are meant when one speaks of its siblings. */
  #doubtedUpTo = 0;
  #distrustedAt = -Infinity;

  constructor(world: PoolWorld, shares: PoolShares) {
    this.#world = world;
    this.#shares = shares;
    const { hub, factory, clock } = world;
    hub.on('lease:acquired', ({ connectionId }) => this.#check(connectionId));
    // A use is a proof of life.
    hub.on('lease:released', ({ connectionId }) => {
      const resource = factory.made.find(({ id }) => id === connectionId);
      if (resource !== undefined) resource.provenAt = clock.now();
    });
    hub.on('pool:frozen', () => this.distrustAll());
    hub.on('pool:evicted', ({ reason }) => reason === 'siblings' && this.evictedUpTo(this.#doubtedUpTo));
    hub.on('connection:create-failed', ({ error }) => error.siblings !== 'keep' && this.distrustAll());
  }

  /** To be called before the pool is told: what is made because of it is not meant. */
  evictedUpTo(id: number): void {
    this.#evictedUpTo = Math.max(this.#evictedUpTo, id);
    this.#shares.leaveAll(id);
  }

  evicted(id: number): void {
    this.#evicted.add(id);
    this.#shares.leave(id);
  }

  /** To be called before the pool hears of it. */
  distrustAll(): void {
    this.#doubtedUpTo = this.#world.factory.lastId;
    this.#distrustedAt = this.#world.clock.now();
  }

  #check(id: number): void {
    const { factory, pool, settings, clock, isClosing } = this.#world;
    const resource = factory.made.find((made) => made.id === id);
    const violate = (text: string) => this.#world.violate(`I6 ${id} was lent ${text}`);
    if (resource?.condition !== 'clean' || resource.isDestroyed) return violate(`while ${resource?.condition}`);
    if (id <= this.#evictedUpTo || this.#evicted.has(id)) violate('after its eviction');
    if (isClosing) violate('by a closed pool');
    if (pool.stats().isSuspended) violate('by a suspended pool');
    const { validation } = settings.current;
    const ageMs = clock.now() - resource.provenAt;
    // What has just been given back, or has just answered, needs no other proof; nor what others are in flight on.
    if (validation === false || ageMs === 0 || this.#shares.isJoined) return;
    if (ageMs > validation.bypassMs) violate(`${ageMs} ms after its last proof of life`);
    if (resource.provenAt < this.#distrustedAt) violate('although its last proof counts no more');
  }
}
