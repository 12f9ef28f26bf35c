/**
 * Ours without the runtime: the parts of the gate around the bare call, nested by hand as cockatiel's are. What it costs
 * less than `fluxor` is what the rest of the road costs: options, compiling, deadline, acquire, facts.
 */
import type { FailureSituation } from '../../../src/driver/driver.js';
import type { DriverResult } from '../../../src/driver/query.js';
import { CircuitBreaker } from '../../../src/gate/circuit-breaker.js';
import { ConnectionLimiter } from '../../../src/gate/connection-limiter.js';
import { RateLimiter } from '../../../src/gate/rate-limiter.js';
import { RetryPolicy } from '../../../src/gate/retry-policy.js';
import { ownVersion } from '../../harness/peer.js';
import type { FakeConnection, FakeServer } from './fake-server.js';
import { FakeDriver } from './fake-server.js';
import type { GuardPeer, Settings } from './guarded.js';
import { CONNECTIONS, FAILURES, MEASURED, QUEUE, RESET_MS, RETRIES, SQL } from './guarded.js';

export const peer: GuardPeer = {
  name: 'fluxor-parts',
  version: ownVersion(),
  settings:
    `retry ${RETRIES}, breaker ${FAILURES} in a row, connection limit ${CONNECTIONS} + ${QUEUE}, ` +
    `${MEASURED.perSecond} calls per second`,
  lacks: 'deadline, metrics, the pool: acquire, release',
  guards: ['retry', 'breaker', 'rate', 'limit'],
  limit: CONNECTIONS,
  async open(server, settings) {
    const connection = server.connect();
    const parts = new Parts(server, connection, settings);
    return {
      run: (id) => parts.run(id),
      rowsOf: (answer: DriverResult) => answer.rows,
      close: async () => {
        parts.stop();
        await connection.close();
      },
    };
  },
};

class Parts {
  readonly #connection: FakeConnection;
  readonly #driver: FakeDriver;
  readonly #retry = new RetryPolicy({ maxRetries: RETRIES });
  readonly #circuit = new CircuitBreaker({ failures: FAILURES, resetTimeout: RESET_MS });
  readonly #limiter = new ConnectionLimiter({ max: CONNECTIONS, queue: QUEUE });
  readonly #rate: RateLimiter;

  constructor(server: FakeServer, connection: FakeConnection, { perSecond }: Settings) {
    this.#connection = connection;
    this.#driver = new FakeDriver(server);
    this.#rate = new RateLimiter({ perSecond });
  }

  run(id: number): Promise<DriverResult> {
    return this.#retry.execute(() => this.#attempt(id));
  }

  stop(): void {
    this.#circuit.stop();
    this.#limiter.stop();
    this.#rate.stop();
  }

  async #attempt(id: number): Promise<DriverResult> {
    const token = this.#rate.take();
    if (token !== undefined) await token;
    const slot = this.#limiter.tryAcquire() ?? (await this.#limiter.acquire());
    try {
      return await this.#circuit.execute(() => this.#execute(id));
    } finally {
      slot.release();
    }
  }

  async #execute(id: number): Promise<DriverResult> {
    try {
      return await this.#connection.execute({ text: SQL, values: [id], rowMode: 'object' });
    } catch (error) {
      throw this.#driver.classify(error, SITUATION);
    }
  }
}

const SITUATION: FailureSituation = {
  phase: 'statement',
  wasSent: true,
  isReadOnly: false,
  isSafeToRepeat: false,
  inTransaction: false,
  askedReadOnly: false,
  context: {},
};
