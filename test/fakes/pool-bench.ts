/**
 * A pool of fake resources on a fake clock, and the questions every test of it ends with: does anything wait, tick or
 * live on that should not?
 */
import { getEventListeners } from 'node:events';
import { afterEach, expect } from 'vitest';
import { DeadlineTimer } from '../../src/kernel/deadline.js';
import type { Random } from '../../src/kernel/random.js';
import type { SharingPorts } from '../../src/pool/lane.js';
import type { LeaseScope, LeaseScopes } from '../../src/pool/lease-scopes.js';
import type { Lease } from '../../src/pool/lease.js';
import type { PoolConfig } from '../../src/pool/pool-options.js';
import { PoolSettings } from '../../src/pool/pool-settings.js';
import { Pool } from '../../src/pool/pool.js';
import type { AcquireRequest } from '../../src/pool/waiter.js';
import type { EventName } from '../../src/telemetry/events.js';
import { Hub } from '../../src/telemetry/hub.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { checkPoolSums } from '../chaos/metric-sums.js';
import type { FakeResource } from './fake-resources.js';
import { FakeResources } from './fake-resources.js';

export const POOL_CONFIG: PoolConfig = {
  maxSize: 3,
  acquireTimeoutMs: 10_000,
  connectTimeoutMs: 5_000,
  maxWaiting: 1_000,
  maxCreating: 2,
  validation: { bypassMs: 500, timeoutMs: 1_000, attempts: 3, backoffMs: 100, query: undefined },
  onRelease: 'rollback',
  maxIdle: 3,
  minIdle: 0,
  maxLifetimeMs: Infinity,
  idleTimeoutMs: Infinity,
  keepaliveMs: Infinity,
  connectRate: Infinity,
  warmUp: false,
  leak: false,
  deadlockDetection: true,
};

const POOL_EVENTS: readonly EventName[] = [
  'connection:created',
  'connection:create-failed',
  'connection:lost',
  'connection:closed',
  'connection:reset',
  'lease:acquired',
  'lease:released',
  'acquire:timed-out',
  'lease:leak-suspected',
  'lease:leak-resolved',
  'lease:reclaimed',
  'lease:dropped',
  'lease:nested',
  'pool:warmed',
  'pool:suspended',
  'pool:resumed',
  'pool:reconfigured',
  'pool:evicted',
  'pool:unreachable',
  'pool:reachable',
  'pool:frozen',
];

/** How one acquire went, as it goes. */
export interface Attempt {
  readonly promise: Promise<Lease<FakeResource>>;
  lease: Lease<FakeResource> | undefined;
  error: unknown;
  /** When it settled. */
  at: number | undefined;
}

export interface AcquireOptions extends Omit<AcquireRequest, 'deadlineAt'> {
  readonly timeoutMs?: number;
}

export class PoolBench {
  readonly clock = new FakeClock();
  readonly timers = new DeadlineTimer(this.clock);
  readonly hub = new Hub(this.clock);
  readonly factory = new FakeResources(this.clock);
  readonly settings: PoolSettings;
  readonly pool: Pool<FakeResource>;
  /** The scope that the code of the test runs in now. */
  scope: LeaseScope | undefined;
  /** Every fact told, in order. */
  readonly facts: { readonly name: EventName; readonly fact: Record<string, unknown> }[] = [];
  readonly #signals: AbortSignal[] = [];

  constructor(config: Partial<PoolConfig> = {}, random: Random = () => 0.5, sharing?: SharingPorts) {
    const { clock, timers, hub } = this;
    const scopes: LeaseScopes = { current: () => this.scope };
    this.settings = new PoolSettings({ ...POOL_CONFIG, ...config });
    this.pool = new Pool(this.factory, this.settings, { clock, timers, hub, random, scopes, sharing });
    for (const name of POOL_EVENTS) {
      hub.on(name, (fact) => this.facts.push({ name, fact: fact as unknown as Record<string, unknown> }));
    }
  }

  /** Begins to acquire; the result is noted when it comes. */
  ask(options: AcquireOptions = {}): Attempt {
    const { timeoutMs = 10_000, ...request } = options;
    if (request.signal !== undefined) this.#signals.push(request.signal);
    const promise = this.pool.acquire({ ...request, deadlineAt: this.clock.now() + timeoutMs });
    const attempt: Attempt = { promise, lease: undefined, error: undefined, at: undefined };
    promise.then(
      (lease) => Object.assign(attempt, { lease, at: this.clock.now() }),
      (error: unknown) => Object.assign(attempt, { error, at: this.clock.now() }),
    );
    return attempt;
  }

  /** Acquires, and lets whatever needs no time happen. */
  async lend(options: AcquireOptions = {}): Promise<Lease<FakeResource>> {
    const attempt = this.ask(options);
    await this.clock.settle();
    if (attempt.lease === undefined) throw new Error('nothing was lent in this turn', { cause: attempt.error });
    return attempt.lease;
  }

  /** New numbers for the running pool. */
  reconfigure(changes: Partial<PoolConfig>): void {
    this.pool.reconfigure({ ...this.settings.current, ...changes });
  }

  /** Fills the pool with `count` resources at rest. */
  async warmUp(count: number): Promise<void> {
    const leases: Lease<FakeResource>[] = [];
    for (let index = 0; index < count; index += 1) leases.push(await this.lend());
    for (const lease of leases) lease.release();
  }

  names(name: EventName): Record<string, unknown>[] {
    return this.facts.filter((entry) => entry.name === name).map((entry) => entry.fact);
  }

  assertSums(): void {
    const stats = this.pool.stats();
    expect(stats.total).toBeLessThanOrEqual(stats.maxSize);
    checkPoolSums(stats, this.pool.inspection.times(), `${this.clock.now()} ms`);
  }

  /** Closes, and finds nothing: no resource, waiter, timer or listener. */
  async assertNothingLeft(): Promise<void> {
    this.assertSums();
    let isClosed = false;
    void this.pool.close(this.clock.now()).then(() => (isClosed = true));
    await this.clock.advance(10_000);
    expect(isClosed, 'closed within the limits').toBe(true);
    const { total, closing, waiting } = this.pool.stats();
    expect({ total, closing, waiting }).toEqual({ total: 0, closing: 0, waiting: 0 });
    expect(this.factory.alive, 'resources alive').toBe(0);
    expect(this.factory.misuse).toEqual([]);
    expect(this.timers.size, 'watched deadlines').toBe(0);
    // What is armed with nothing to watch is the deadline timer's own economy.
    this.timers.stop();
    expect(this.clock.pendingTimers).toEqual([]);
    for (const signal of this.#signals) expect(getEventListeners(signal, 'abort')).toEqual([]);
  }
}

const benches: PoolBench[] = [];

/** A bench that is checked for leftovers when its test ends. */
export function poolBench(config?: Partial<PoolConfig>, random?: Random, sharing?: SharingPorts): PoolBench {
  const bench = new PoolBench(config, random, sharing);
  benches.push(bench);
  return bench;
}

/** Call once per test file. */
export function checkLeftovers(): void {
  afterEach(async () => {
    for (const bench of benches.splice(0)) await bench.assertNothingLeft();
  });
}
