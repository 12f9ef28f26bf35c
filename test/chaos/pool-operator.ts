/**
 * Whoever runs the pool in a simulation: starts it, warms it up, suspends, resumes, evicts, renews and reconfigures it at
 * random, stops the process for a while and sets its clock. Remembers what the invariants must allow for because of it.
 */
import type { PoolConfig } from '../../src/pool/pool-options.js';
import type { PoolSettings } from '../../src/pool/pool-settings.js';
import type { Pool } from '../../src/pool/pool.js';
import type { Hub } from '../../src/telemetry/hub.js';
import type { FakeClock } from '../../src/testing/fake-clock.js';
import type { FakeResource, FakeResources } from '../fakes/fake-resources.js';
import { POOL_CONFIG } from '../fakes/pool-bench.js';
import type { Dice } from './dice.js';

export interface OperatorParts {
  readonly dice: Dice;
  readonly clock: FakeClock;
  readonly factory: FakeResources;
  readonly settings: PoolSettings;
  readonly pool: Pool<FakeResource>;
  readonly hub: Hub;
  readonly note: (text: string) => void;
}

export class PoolOperator {
  isStarted = false;
  isSuspended = false;
  /** Resources up to this id, and those of `evictedIds`, must not be lent any more. */
  evictedUpTo = 0;
  readonly evictedIds = new Set<number>();
  /** Nothing that was proved before counts. */
  distrustBefore = -Infinity;
  readonly happened = { started: 0, suspended: 0, evicted: 0, renewed: 0, reconfigured: 0, warmed: 0, frozen: 0 };
  readonly #parts: OperatorParts;

  constructor(parts: OperatorParts) {
    this.#parts = parts;
    const { hub, clock } = parts;
    hub.on('pool:evicted', ({ reason }) => reason === 'siblings' && this.#evictedAll());
    hub.on('pool:warmed', () => (this.happened.warmed += 1));
    hub.on('pool:frozen', () => {
      this.happened.frozen += 1;
      this.distrustBefore = clock.now();
    });
  }

  act(): void {
    const { dice } = this.#parts;
    const acts = [
      () => this.#start(),
      () => this.#suspendOrResume(),
      () => this.#evict(),
      () => this.#renew(),
      () => this.#reconfigure(),
      () => this.#reconfigure(),
      () => this.#warmUp(),
      () => this.#leapWall(),
      () => this.#doubtSiblings(),
    ];
    dice.oneOf(acts)();
  }

  resume(): void {
    this.isSuspended = false;
    this.#parts.pool.resume();
  }

  /** How long the process stands still now; 0 for most of the time. */
  freeze(): number {
    const { dice, clock, note } = this.#parts;
    const ms = dice.oneOf([200, 4_000, 7_000, 60_000]);
    note(`the process stands still for ${ms} ms`);
    clock.freeze(ms);
    return ms;
  }

  #start(): void {
    if (this.isStarted) return;
    this.isStarted = true;
    this.happened.started += 1;
    this.#parts.note('start');
    this.#parts.pool.start()?.catch(() => undefined);
  }

  #suspendOrResume(): void {
    if (this.isSuspended) {
      this.#parts.note('resume');
      return this.resume();
    }
    this.happened.suspended += 1;
    this.isSuspended = true;
    this.#parts.note('suspend');
    this.#parts.pool.suspend();
  }

  #evict(): void {
    const { dice, pool, factory, note } = this.#parts;
    this.happened.evicted += 1;
    if (dice.chance(0.4)) {
      note('evict all');
      this.#evictedAll();
      pool.evict();
      return;
    }
    const made = factory.made.filter((resource) => !resource.isDestroyed);
    if (made.length === 0) return;
    const { id } = dice.oneOf(made);
    note(`evict ${id}`);
    if (pool.evict(id) > 0) this.evictedIds.add(id);
  }

  #evictedAll(): void {
    const ids = this.#parts.factory.log
      .filter((line) => line.startsWith('create '))
      .map((line) => Number(line.slice(7)));
    this.evictedUpTo = Math.max(0, ...ids);
  }

  #renew(): void {
    this.happened.renewed += 1;
    this.#parts.note('renew');
    this.#parts.pool.renew();
  }

  #reconfigure(): void {
    const { dice, pool, note } = this.#parts;
    this.happened.reconfigured += 1;
    const config = randomConfig(dice);
    note(`reconfigure ${JSON.stringify(config)}`);
    pool.reconfigure(config);
  }

  #warmUp(): void {
    const { dice, pool, note } = this.#parts;
    const config = { connections: dice.upTo(5), timeoutMs: dice.oneOf([50, 5_000]), failFast: dice.chance(0.3) };
    note(`warm up ${JSON.stringify(config)}`);
    pool.warmUp(config).catch(() => undefined);
  }

  #leapWall(): void {
    const { dice, clock, note } = this.#parts;
    const ms = dice.oneOf([-3_600_000, -200, 3_000, 8_000, 3_600_000]);
    note(`the wall clock leaps by ${ms} ms`);
    clock.leapWall(ms);
  }

  #doubtSiblings(): void {
    const { dice, factory, note } = this.#parts;
    const made = factory.made.filter((resource) => !resource.isDestroyed);
    if (made.length === 0) return;
    const [resource, verdict] = [dice.oneOf(made), dice.oneOf(['validate', 'evict'] as const)];
    if (dice.chance(0.3)) {
      note(`${resource.id} was made with fresh credentials`);
      return resource.rotate();
    }
    note(`${resource.id} says of its siblings: ${verdict}`);
    this.distrustBefore = this.#parts.clock.now();
    resource.doubtSiblings(verdict);
  }
}

/** Sizes small and times short, so that everything meets everything. */
export function randomConfig(dice: Dice): PoolConfig {
  const maxSize = dice.upTo(4);
  const maxIdle = dice.upTo(maxSize + 1) - 1;
  return {
    ...POOL_CONFIG,
    maxSize,
    maxIdle,
    minIdle: dice.upTo(maxIdle + 1) - 1,
    acquireTimeoutMs: 10_000,
    connectTimeoutMs: dice.oneOf([200, 1_000, 5_000]),
    maxWaiting: dice.oneOf([2, 5, 100]),
    maxCreating: dice.upTo(3),
    connectRate: dice.oneOf([Infinity, Infinity, 5, 50]),
    maxLifetimeMs: dice.oneOf([Infinity, 5_000, 60_000]),
    idleTimeoutMs: dice.oneOf([Infinity, 3_000, 60_000]),
    keepaliveMs: dice.oneOf([Infinity, 2_000, 10_000]),
    validation: dice.chance(0.2)
      ? false
      : {
          bypassMs: dice.oneOf([0, 50, 500]),
          timeoutMs: 300,
          attempts: dice.upTo(3),
          backoffMs: 100,
          query: undefined,
        },
    onRelease: dice.oneOf(['rollback', 'destroy']),
    leak: dice.chance(0.5) ? false : { thresholdMs: 3_000, intervalMs: 1_000, stack: false, reclaim: dice.chance(0.5) },
    deadlockDetection: dice.chance(0.8),
    warmUp: dice.chance(0.3) ? { connections: dice.upTo(4), timeoutMs: 2_000, failFast: false } : false,
  };
}
