/**
 * A runtime for looking: one connection, no retries, no limits, nothing that runs by itself; and the connection as the driver
 * made it, for what the runtime does not show. Used by `ping` and `top`.
 * Invariant: it has nothing of the options that are looked at: a pool of fifty is examined through one connection.
 */
import type { Driver, DriverConnection, DBRuntime } from '../index.js';
import { createRuntime } from '../index.js';

/** The least that a runtime takes. */
const GIVE_UP_MS = 100;
const CLOSE_MS = 500;
/** The longest that a pool lets one connect take. */
const LONGEST_CONNECT_MS = 600_000;

export interface LoneRuntime {
  readonly db: DBRuntime;
  /** The newest connection, as long as it is of this runtime. */
  connection(): DriverConnection | undefined;
  /** Whatever is under way is ended: a connect, which has no signal of its own, too. */
  giveUp(this: void): void;
  /** Ends with nothing open, whether it was given up or not. */
  close(): Promise<void>;
}

export function loneRuntime(driver: Driver, name: string, timeoutMs: number): LoneRuntime {
  let newest: DriverConnection | undefined;
  const limit = Math.min(timeoutMs, LONGEST_CONNECT_MS);
  const db = createRuntime({
    name,
    // It would write over the picture.
    logger: false,
    driver: told(driver, (connection) => (newest = connection)),
    pool: {
      maxSize: 1,
      maxIdle: 1,
      minIdle: 0,
      acquireTimeout: limit,
      connectTimeout: limit,
      maxLifetime: false,
      idleTimeout: false,
      keepalive: false,
      warmUp: false,
      leak: false,
      deadlockDetection: false,
    },
    query: {
      timeout: limit,
      retry: false,
      serverTimeout: false,
      resolveOutcome: false,
      slowThreshold: false,
      pipelining: false,
    },
    gate: { circuitBreaker: false, rateLimit: false, connectionLimit: false },
    monitor: { interval: false },
  });
  const end = (timeout: number): Promise<void> => db.disconnect({ timeout }).catch(() => undefined);
  return { db, connection: () => newest, giveUp: () => void end(GIVE_UP_MS), close: () => end(CLOSE_MS) };
}

/** The same driver, which tells of each connection. Without a listener: nobody listens here. */
function told(driver: Driver, onConnection: (connection: DriverConnection) => void): Driver {
  const { name, dialect, capabilities, transactions, outcomes } = driver;
  return {
    name,
    dialect,
    capabilities,
    transactions,
    ...(outcomes === undefined ? {} : { outcomes }),
    get endpoint() {
      return driver.endpoint;
    },
    load: () => driver.load(),
    connect: async (request) => {
      const connection = await driver.connect(request);
      onConnection(connection);
      return connection;
    },
    classify: (error, situation) => driver.classify(error, situation),
    close: () => driver.close(),
  };
}
