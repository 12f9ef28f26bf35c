/**
 * Ours. The only file of the benches that knows our pool: its constructor, its options, its ports.
 * The ports are those of a runtime: the system clock, one deadline timer, a hub nobody listens to.
 */
import { ConnectionError } from '../../src/errors/connection-error.js';
import { systemClock } from '../../src/kernel/clock.js';
import { DeadlineTimer } from '../../src/kernel/deadline.js';
import { systemRandom } from '../../src/kernel/random.js';
import type { OptionIssue } from '../../src/kernel/option-reader.js';
import type { Lease } from '../../src/pool/lease.js';
import type { PoolOptions } from '../../src/pool/pool-options.js';
import { resolvePoolOptions } from '../../src/pool/pool-options.js';
import { PoolSettings } from '../../src/pool/pool-settings.js';
import { Pool } from '../../src/pool/pool.js';
import type { ResourceFactory } from '../../src/pool/resource-factory.js';
import { Hub } from '../../src/telemetry/hub.js';
import type { OpenPool, Peer } from '../harness/peer.js';
import { ACQUIRE_TIMEOUT_MS, ownVersion } from '../harness/peer.js';
import type { StubConnection, StubServer } from '../harness/stub-server.js';

export const peer: Peer = {
  name: 'fluxor',
  version: ownVersion(),
  settings: 'acquire deadline 10 s, validation with its 500 ms bypass, limits of the line and of creations, events',
  lacks: '',
  // A line that 10,000 fit into; its length costs nothing.
  open: (server, size) => new FluxorPool(server, { maxSize: size, maxWaiting: 20_000 }),
};

/** Our pool, with what only ours can be asked for. */
export class FluxorPool implements OpenPool<Lease<StubConnection>> {
  readonly #timers = new DeadlineTimer(systemClock);
  readonly #pool: Pool<StubConnection>;

  constructor(server: StubServer, options: PoolOptions) {
    const issues: OptionIssue[] = [];
    const config = resolvePoolOptions(options, Infinity, issues);
    if (issues.length > 0) throw new Error(`options: ${JSON.stringify(issues)}`);
    const ports = { clock: systemClock, timers: this.#timers, random: systemRandom, hub: new Hub(systemClock) };
    this.#pool = new Pool(stubFactory(server), new PoolSettings(config), ports);
  }

  /** As the road of a call does it, which has looked at the clock already. */
  acquire(): Promise<Lease<StubConnection>> {
    const now = systemClock.now();
    const request = { deadlineAt: now + ACQUIRE_TIMEOUT_MS };
    const lease = this.#pool.tryAcquire(request, now);
    return lease === undefined ? this.#pool.wait(request, now, request.deadlineAt) : Promise.resolve(lease);
  }

  acquireWithin(timeoutMs: number, signal?: AbortSignal): Promise<Lease<StubConnection>> {
    return this.#pool.acquire({ deadlineAt: systemClock.now() + timeoutMs, signal });
  }

  release(lease: Lease<StubConnection>): void {
    lease.release();
  }

  connectionOf(lease: Lease<StubConnection>): object {
    return lease.resource;
  }

  get waiting(): number {
    return this.#pool.stats().waiting;
  }

  async close(): Promise<void> {
    await this.#pool.close(systemClock.now() + 1_000);
    this.#timers.stop();
  }
}

function stubFactory(server: StubServer): ResourceFactory<StubConnection> {
  return {
    label: 'stub',
    create: () => server.connect(),
    isBusy: () => false,
    canShare: () => true,
    condition: (connection) => (connection.isOpen ? 'clean' : 'broken'),
    validate: async (connection) => {
      if (!connection.isOpen) throw new ConnectionError('lost', 'the stub is closed');
    },
    reset: async () => undefined,
    close: async (connection) => server.disconnect(connection),
    destroy: (connection) => server.disconnect(connection),
    describe: () => ({}),
  };
}
