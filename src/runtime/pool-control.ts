/** The pool as an operator sees it: `db.pool`. Everything here works on a running pool, and nothing cuts off a running statement. */
import { checkPoolRules } from '../config/config-rules.js';
import type { Connection } from '../connection/connection.js';
import { ConfigError } from '../errors/config-error.js';
import type { Duration } from '../kernel/duration.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import type { PoolOptions } from '../pool/pool-options.js';
import { mergePoolOptions, resolvePoolOptions } from '../pool/pool-options.js';
import type { PoolSettings } from '../pool/pool-settings.js';
import type { PoolStats } from '../pool/pool-stats.js';
import type { Pool } from '../pool/pool.js';
import type { WarmUpResult } from '../pool/warm-up.js';
import type { LeakReport } from '../telemetry/events.js';

/** What `reconfigure()` can change: every option of the pool but `warmUp`, which is over by then. */
export type PoolChanges = Omit<PoolOptions, 'warmUp'>;

/** Options of `db.pool.warmUp()`. */
export interface WarmUpCallOptions {
  /** How many connections there should be. Default: what `pool.warmUp` says, else 5; at most `pool.maxSize`. */
  readonly connections?: number;
  /** When to stop trying. Default: what `pool.warmUp` says, else `'30s'`. */
  readonly timeout?: Duration;
  /** Reject with the cause of the first attempt that fails. Default false: keep trying until the timeout. */
  readonly failFast?: boolean;
}

/** Operations on the pool of a runtime. */
export interface PoolControl {
  /** The pool in numbers, now: a frozen snapshot. */
  stats(): PoolStats;
  /** Lends nothing until `resume()`: running statements go on, new calls wait, each until its own deadline. */
  suspend(): void;
  resume(): void;
  /**
   * Tells one connection, or all there are, to go: at once when idle, else when released. New ones are made as needed.
   * Answers how many were told.
   * @example db.pool.evict(); // after the database has moved
   */
  evict(connectionId?: number): number;
  /** Replaces every connection there is, a tenth of the pool at a time, busy ones after their replacement is open. */
  renew(): void;
  /**
   * Changes sizes and times of the running pool. Groups (`validation`, `leak`) are merged; what is not named stays.
   * @throws ConfigError listing everything wrong; then nothing has changed.
   * @example db.pool.reconfigure({ maxSize: 100, acquireTimeout: '2s' });
   */
  reconfigure(changes: PoolChanges): void;
  /**
   * Opens connections before somebody asks, and waits for them.
   * Resolves when they are open or time is up: compare `opened` with `wanted`.
   * @throws ConfigError for wrong options; with `failFast`, the error of the first attempt that fails.
   */
  warmUp(options?: WarmUpCallOptions): Promise<WarmUpResult>;
  /** Sessions and transactions held for longer than `pool.leak.threshold`, now. */
  leaks(): readonly LeakReport[];
}

interface PoolControlParts {
  readonly pool: Pool<Connection>;
  readonly settings: PoolSettings;
  /** As the user wrote them. */
  readonly options: PoolOptions;
  readonly maxSessions: number;
  /** What depends on the pool's size: it may object, and is told when the size has changed. */
  readonly dependent: {
    checkPoolSize(poolSize: number, issues: OptionIssue[]): void;
    poolReconfigured(): void;
  };
}

export class PoolController implements PoolControl {
  readonly #parts: PoolControlParts;
  #options: PoolOptions;

  constructor(parts: PoolControlParts) {
    this.#parts = parts;
    this.#options = parts.options;
  }

  stats(): PoolStats {
    return this.#parts.pool.stats();
  }

  suspend(): void {
    this.#parts.pool.suspend();
  }

  resume(): void {
    this.#parts.pool.resume();
  }

  evict(connectionId?: number): number {
    if (connectionId !== undefined && !Number.isInteger(connectionId)) {
      const got = typeof connectionId === 'number' ? String(connectionId) : typeof connectionId;
      throw ConfigError.fromIssues([{ path: 'evict', got, expected: "a connection's id, or nothing for all" }]);
    }
    return this.#parts.pool.evict(connectionId);
  }

  renew(): void {
    this.#parts.pool.renew();
  }

  reconfigure(changes: PoolChanges): void {
    const { pool, settings, maxSessions, dependent } = this.#parts;
    const issues: OptionIssue[] = [];
    if (typeof changes !== 'object' || changes === null) {
      throw ConfigError.fromIssues([{ path: 'pool', got: String(changes), expected: 'an object' }]);
    }
    if ((changes as PoolOptions).warmUp !== undefined) {
      issues.push({
        path: 'pool.warmUp',
        got: 'a change',
        expected: 'db.pool.warmUp(), which warms up a running pool',
      });
    }
    const options = mergePoolOptions(this.#options, changes);
    // The warm-up is over: what it was must not stand in the way of a smaller pool.
    const config = resolvePoolOptions({ ...options, warmUp: false }, maxSessions, issues);
    checkPoolRules(config, options, issues);
    dependent.checkPoolSize(config.maxSize, issues);
    if (issues.length > 0) throw ConfigError.fromIssues(issues);
    this.#options = options;
    pool.reconfigure(Object.freeze({ ...config, warmUp: settings.current.warmUp }));
    dependent.poolReconfigured();
  }

  async warmUp(options: WarmUpCallOptions = {}): Promise<WarmUpResult> {
    const { settings, pool, maxSessions } = this.#parts;
    const issues: OptionIssue[] = [];
    const { warmUp, maxSize } = settings.current;
    if (typeof options !== 'object' || options === null) {
      throw ConfigError.fromIssues([{ path: 'warmUp', got: String(options), expected: 'an object: { connections }' }]);
    }
    const usual =
      warmUp === false ? {} : { connections: Math.min(warmUp.connections, maxSize), timeout: warmUp.timeoutMs };
    const asked = { maxSize, warmUp: { ...usual, ...options } };
    const config = resolvePoolOptions(asked, maxSessions, issues).warmUp;
    if (issues.length > 0 || config === false) throw ConfigError.fromIssues(issues);
    return pool.warmUp(config);
  }

  leaks(): readonly LeakReport[] {
    return this.#parts.pool.leaks();
  }
}
