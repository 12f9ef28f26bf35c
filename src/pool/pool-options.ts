/**
 * What a user may say about the pool, and the complete numbers it works with.
 * Over 300 lines, because each option is told in five beats where it is declared.
 */
import type { Duration } from '../kernel/duration.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import { OptionReader } from '../kernel/option-reader.js';

/** How a connection's readiness is proved before it is lent. */
export interface ValidationOptions {
  /**
   * A connection used within this time is lent without a question.
   * @when Shorter where connections die silently.
   * @limits 0 to 1 h
   * @default `'500ms'`
   */
  readonly bypass?: Duration;
  /**
   * How long one proof may take before the connection is given up.
   * @when Longer for servers far away.
   * @limits 10 ms to 1 min
   * @warning At most `pool.acquireTimeout`.
   * @default `'1s'`
   */
  readonly timeout?: Duration;
  /**
   * Proofs before a connection that answers with errors is given up.
   * @limits 1 to 10
   * @default `3`
   */
  readonly attempts?: number;
  /**
   * Pause after the first failed proof; doubles with each.
   * @limits 1 ms to 10 s
   * @default `'100ms'`
   */
  readonly backoff?: Duration;
  /**
   * A statement to run instead of the protocol's cheapest round trip.
   * @when Set it to check more than life, such as "not read-only".
   * @default none
   */
  readonly query?: string;
}

/** What happens to a connection that comes back with an open transaction or a running statement. */
export type ReleasePolicy = 'rollback' | 'reset' | 'destroy';

/** Options `pool.*`. */
export interface PoolOptions {
  /**
   * Most connections at once, creating ones included.
   * @when Count all processes: together they must fit into the server's `max_connections`.
   * @limits 1 to 10,000
   * @default `50` (1 for PGlite)
   */
  readonly maxSize?: number;
  /**
   * The longest wait for a connection: queueing, connecting and validating together. A query's own shorter timeout wins.
   * @when Shorter where a quick "no" is worth more than a late "yes".
   * @limits 1 ms to 1 h
   * @default `'10s'`
   */
  readonly acquireTimeout?: Duration;
  /**
   * The longest one attempt to connect may take, login included.
   * @when Longer for servers far away or slow to wake.
   * @limits 1 ms to 10 min
   * @warning At most `acquireTimeout`.
   * @default `'5s'`
   */
  readonly connectTimeout?: Duration;
  /**
   * Most callers waiting at once, also those for whom a connection is just being opened; the next is refused with
   * `POOL_EXHAUSTED`.
   * @when Lower to shed load sooner.
   * @limits 1 to 1,000,000
   * @default `1000`
   */
  readonly maxWaiting?: number;
  /**
   * Most attempts to connect at once; one while the database is failing.
   * @when Higher when connecting is slow and load comes in bursts.
   * @limits 1 to 100
   * @default `2`
   */
  readonly maxCreating?: number;
  /**
   * Proof of life before lending; `false` trusts every connection that has not reported its own end.
   * @when `false` where a round trip is dear and calls may be repeated.
   * @default as below
   */
  readonly validation?: ValidationOptions | false;
  /**
   * For connections that come back unclean: `'rollback'` ends the transaction, `'reset'` also forgets session settings
   * (and does so after every session and transaction), `'destroy'` closes them. Always off the caller's path.
   * @when `'reset'` where user code changes settings of sessions; `'destroy'` where it does worse.
   * @default `'rollback'`
   */
  readonly onRelease?: ReleasePolicy;
  /**
   * Most connections at rest. Those beyond it are closed once they have rested for 30 s, the longest unused first: a
   * burst does not open and close the same connections over and over.
   * @when Higher when bursts come more often than they pass.
   * @limits 0 to `maxSize`
   * @default `10` (`maxSize` if that is less)
   */
  readonly maxIdle?: number;
  /**
   * Connections kept at rest and ready, opened in the background as calls take them.
   * @when Higher when the first calls of a burst must not wait for a connect.
   * @limits 0 to `maxIdle`
   * @default `0`
   */
  readonly minIdle?: number;
  /**
   * The age at which a connection is replaced, less up to a quarter, each by its own. A tenth of the pool at a time, and
   * a busy one's replacement is opened first. `false` for never.
   * @when Shorter than what the server or a firewall allows.
   * @limits 1 s to 30 days
   * @default `'30m'`
   */
  readonly maxLifetime?: Duration | false;
  /**
   * Connections at rest for longer are closed, down to `minIdle`. `false` for never.
   * @when Shorter where idle connections are dear.
   * @limits 1 s to 30 days
   * @warning At most `maxLifetime`.
   * @default `'10m'`
   */
  readonly idleTimeout?: Duration | false;
  /**
   * A connection that rests is asked for a proof of life this often, less up to a fifth, so that firewalls do not forget
   * it and the dead are found before a caller finds them. `false` for never.
   * @when Shorter where a firewall forgets sooner.
   * @limits 1 s to 24 h
   * @warning Less than `maxLifetime`.
   * @default `'2m'`
   */
  readonly keepalive?: Duration | false;
  /**
   * Most attempts to connect in a second, over all. `false` for no limit.
   * @when Set it where logging in is dear, or many processes start together.
   * @limits 1 to 10,000
   * @default `false`
   */
  readonly connectRate?: number | false;
  /**
   * Connections opened at the start, before somebody asks; a number alone is `connections`. `false` for none.
   * @when `false` where hardly any process ever needs more than one connection.
   * @limits 1 to `maxSize`
   * @default as below
   */
  readonly warmUp?: WarmUpOptions | number | false;
  /**
   * Watches connections that user code holds; `false` watches none.
   * @default as below
   * @see docs/guide/pool.md#leaks
   */
  readonly leak?: LeakOptions | false;
  /**
   * Finds callers who hold a connection and wait for another while all are held by such callers, and fails the youngest
   * with `NESTED_LEASE`.
   * @warning Needs Node's AsyncLocalStorage, whose cost the process bears from the first `use()` or `transaction()` on.
   * @default `true`
   * @see docs/guide/pool.md#nested-acquire-and-deadlock
   */
  readonly deadlockDetection?: boolean;
}

/** Connections opened at the start. */
export interface WarmUpOptions {
  /**
   * How many.
   * @limits 1 to `maxSize`
   * @default `5` (`maxSize` if that is less)
   */
  readonly connections?: number;
  /**
   * When to stop trying; what is open by then is kept.
   * @limits 1 ms to 10 min
   * @default `'30s'`
   */
  readonly timeout?: Duration;
  /**
   * True: `connect()` waits for all of them, and fails with the cause of the first that fails. False: in the background.
   * @when `true` where a process without all of them should not go into service.
   * @default `false`
   */
  readonly failFast?: boolean;
}

/** How connections that user code holds (sessions and transactions) are watched. */
export interface LeakOptions {
  /**
   * Held for longer, a connection is reported as `lease:leak-suspected`.
   * @when Above your longest job; short in development.
   * @limits 1 s to 24 h
   * @default `'10m'`
   */
  readonly threshold?: Duration;
  /**
   * How often the pool looks.
   * @limits 1 s to 1 h
   * @warning At most `threshold`.
   * @default `'1m'` (`threshold` if that is less)
   */
  readonly interval?: Duration;
  /**
   * Whether the report says where the connection was acquired. Noting that costs some microseconds: `'sampled'` does it
   * for one in 16, and for all once a leak has been suspected.
   * @when `true` while you look for a leak.
   * @default `'sampled'`
   */
  readonly stack?: boolean | 'sampled';
  /**
   * True takes the connection away from whoever holds it too long.
   * @warning What the holder does next fails with `LEASE_RELEASED`.
   * @default `false`
   */
  readonly reclaim?: boolean;
}

export interface ValidationConfig {
  readonly bypassMs: number;
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly backoffMs: number;
  readonly query: string | undefined;
}

export interface PoolConfig {
  readonly maxSize: number;
  readonly acquireTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly maxWaiting: number;
  readonly maxCreating: number;
  readonly validation: ValidationConfig | false;
  readonly onRelease: ReleasePolicy;
  readonly maxIdle: number;
  readonly minIdle: number;
  readonly maxLifetimeMs: number;
  readonly idleTimeoutMs: number;
  readonly keepaliveMs: number;
  /** Attempts a second; `Infinity` for no limit. */
  readonly connectRate: number;
  readonly warmUp: WarmUpConfig | false;
  readonly leak: LeakConfig | false;
  readonly deadlockDetection: boolean;
}

export interface WarmUpConfig {
  readonly connections: number;
  readonly timeoutMs: number;
  readonly failFast: boolean;
}

export interface LeakConfig {
  readonly thresholdMs: number;
  readonly intervalMs: number;
  readonly stack: boolean | 'sampled';
  readonly reclaim: boolean;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** `maxSessions` is what the driver can hold; `Infinity` when the server decides. */
export function resolvePoolOptions(options: unknown, maxSessions: number, issues: OptionIssue[]): PoolConfig {
  const reader = new OptionReader(options, 'pool', issues);
  const largest = Math.min(10_000, maxSessions);
  const maxSize = reader.integer('maxSize', Math.min(50, maxSessions), { min: 1, max: largest });
  const maxIdle = reader.integer('maxIdle', Math.min(10, maxSize), { min: 0, max: maxSize });
  const long = { minMs: 1_000, maxMs: 30 * DAY_MS, canBeFalse: true };
  const config: PoolConfig = {
    maxSize,
    acquireTimeoutMs: reader.duration('acquireTimeout', 10_000, { minMs: 1, maxMs: 3_600_000 }),
    connectTimeoutMs: reader.duration('connectTimeout', 5_000, { minMs: 1, maxMs: 600_000 }),
    maxWaiting: reader.integer('maxWaiting', 1_000, { min: 1, max: 1_000_000 }),
    maxCreating: reader.integer('maxCreating', 2, { min: 1, max: 100 }),
    validation: readValidation(reader),
    onRelease: reader.oneOf('onRelease', ['rollback', 'reset', 'destroy'], 'rollback'),
    maxIdle,
    minIdle: reader.integer('minIdle', 0, { min: 0, max: maxIdle }),
    maxLifetimeMs: reader.duration('maxLifetime', 30 * MINUTE_MS, long),
    idleTimeoutMs: reader.duration('idleTimeout', 10 * MINUTE_MS, long),
    keepaliveMs: reader.duration('keepalive', 2 * MINUTE_MS, { minMs: 1_000, maxMs: DAY_MS, canBeFalse: true }),
    connectRate:
      reader.raw('connectRate') === false ? Infinity : reader.integer('connectRate', Infinity, { min: 1, max: 10_000 }),
    warmUp: readWarmUp(reader, maxSize),
    leak: readLeak(reader),
    deadlockDetection: reader.boolean('deadlockDetection', true),
  };
  reader.refuseUnknown();
  checkTimes(reader, config, issues);
  return deepFreeze(config);
}

/** What `reconfigure()` makes of two sets of options: `changes` win, and groups are merged field by field. */
export function mergePoolOptions(base: PoolOptions, changes: PoolOptions): PoolOptions {
  return {
    ...base,
    ...withoutUndefined(changes),
    ...mergeGroup('validation', base.validation, changes.validation),
    ...mergeGroup('leak', base.leak, changes.leak),
  };
}

function mergeGroup(name: 'validation' | 'leak', base: unknown, changes: unknown): object {
  const areBothGroups = [base, changes].every((value) => typeof value === 'object' && value !== null);
  return areBothGroups ? { [name]: { ...(base as object), ...withoutUndefined(changes as object) } } : {};
}

function withoutUndefined(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** A proof of life that comes only after the connection has been replaced proves nothing. */
function checkTimes(reader: OptionReader, config: PoolConfig, issues: OptionIssue[]): void {
  const { keepaliveMs, maxLifetimeMs } = config;
  const isRefused = issues.some(({ path }) => path === 'pool.keepalive' || path === 'pool.maxLifetime');
  const isWritten = reader.has('keepalive') && reader.raw('keepalive') !== false;
  if (isRefused || !isWritten || keepaliveMs < maxLifetimeMs) return;
  const expected = `less than pool.maxLifetime (${maxLifetimeMs} ms), or false`;
  issues.push({ path: 'pool.keepalive', got: `${keepaliveMs} ms`, expected });
}

function readWarmUp(pool: OptionReader, maxSize: number): WarmUpConfig | false {
  const value = pool.raw('warmUp');
  if (value === false) return false;
  const bounds = { min: 1, max: maxSize };
  if (typeof value === 'number') {
    return { connections: pool.integer('warmUp', 1, bounds), timeoutMs: 30_000, failFast: false };
  }
  const reader = pool.group('warmUp');
  const config: WarmUpConfig = {
    connections: reader.integer('connections', Math.min(5, maxSize), bounds),
    timeoutMs: reader.duration('timeout', 30_000, { minMs: 1, maxMs: 10 * MINUTE_MS }),
    failFast: reader.boolean('failFast', false),
  };
  reader.refuseUnknown();
  return config;
}

function readLeak(pool: OptionReader): LeakConfig | false {
  if (pool.raw('leak') === false) return false;
  const reader = pool.group('leak');
  const thresholdMs = reader.duration('threshold', 10 * MINUTE_MS, { minMs: 1_000, maxMs: DAY_MS });
  const config: LeakConfig = {
    thresholdMs,
    // Who must not hold a connection for 10 s does not want to hear of it after a minute.
    intervalMs: reader.duration('interval', Math.min(MINUTE_MS, thresholdMs), { minMs: 1_000, maxMs: HOUR_MS }),
    stack: readStack(reader),
    reclaim: reader.boolean('reclaim', false),
  };
  reader.refuseUnknown();
  return config;
}

function readStack(reader: OptionReader): LeakConfig['stack'] {
  const value = reader.raw('stack');
  if (value === undefined || value === 'sampled' || typeof value === 'boolean') return value ?? 'sampled';
  return reader.refuse('stack', "true, false or 'sampled'", 'sampled');
}

function readValidation(pool: OptionReader): ValidationConfig | false {
  if (pool.raw('validation') === false) return false;
  const reader = pool.group('validation');
  const config: ValidationConfig = {
    bypassMs: reader.duration('bypass', 500, { minMs: 0, maxMs: 3_600_000 }),
    timeoutMs: reader.duration('timeout', 1_000, { minMs: 10, maxMs: 60_000 }),
    attempts: reader.integer('attempts', 3, { min: 1, max: 10 }),
    backoffMs: reader.duration('backoff', 100, { minMs: 1, maxMs: 10_000 }),
    query: reader.text('query', undefined),
  };
  reader.refuseUnknown();
  return config;
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null) deepFreeze(part as object);
  }
  return Object.freeze(value);
}
