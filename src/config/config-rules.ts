/**
 * Rules between options that no room can see alone. Only what was said can break them, on one side at least: the defaults agree
 * with each other, and give way where an option says otherwise. What was refused already breaks no rule: a default stands in
 * its place, and nobody said that.
 */
import type { OptionIssue } from '../kernel/option-reader.js';
import type { PoolConfig } from '../pool/pool-options.js';
import type { RuntimeConfig } from './runtime-options.js';

/** Whether the option at this path was said, and was not refused. */
type IsSaid = (path: string) => boolean;

export function checkRules(
  config: Pick<RuntimeConfig, 'pool' | 'gate'>,
  options: unknown,
  issues: OptionIssue[],
): void {
  const refused = new Set(issues.map(({ path }) => path));
  const isSaid: IsSaid = (path) => !refused.has(path) && valueAt(options, path) !== undefined;
  checkPool(config.pool, isSaid, refused, issues);
  checkGate(config.gate, isSaid, refused, issues);
}

/** The same for `reconfigure()`, which changes the pool alone. */
export function checkPoolRules(pool: PoolConfig, options: unknown, issues: OptionIssue[]): void {
  const refused = new Set(issues.map(({ path }) => path));
  checkPool(pool, (path) => !refused.has(path) && valueAt({ pool: options }, path) !== undefined, refused, issues);
}

function checkPool(pool: PoolConfig, isSaid: IsSaid, refused: ReadonlySet<string>, issues: OptionIssue[]): void {
  const refuse = (path: string, ms: number, expected: string) => void issues.push({ path, got: `${ms} ms`, expected });
  const { acquireTimeoutMs, connectTimeoutMs, idleTimeoutMs, maxLifetimeMs, validation, leak } = pool;
  const waits = `at most pool.acquireTimeout (${acquireTimeoutMs} ms): nobody waits longer than that`;
  const isLimitRight = !refused.has('pool.acquireTimeout');
  if (isLimitRight && isSaid('pool.connectTimeout') && connectTimeoutMs > acquireTimeoutMs)
    refuse('pool.connectTimeout', connectTimeoutMs, waits);
  if (
    isLimitRight &&
    isSaid('pool.validation.timeout') &&
    validation !== false &&
    validation.timeoutMs > acquireTimeoutMs
  )
    refuse('pool.validation.timeout', validation.timeoutMs, waits);
  const isIdleSaid = isSaid('pool.idleTimeout') && idleTimeoutMs !== Infinity && isSaid('pool.maxLifetime');
  if (isIdleSaid && idleTimeoutMs > maxLifetimeMs)
    refuse('pool.idleTimeout', idleTimeoutMs, `at most pool.maxLifetime (${maxLifetimeMs} ms), or false`);
  const isIntervalSaid = isSaid('pool.leak.interval') && !refused.has('pool.leak.threshold');
  if (isIntervalSaid && leak !== false && leak.intervalMs > leak.thresholdMs)
    refuse('pool.leak.interval', leak.intervalMs, `at most pool.leak.threshold (${leak.thresholdMs} ms)`);
}

function checkGate(
  { rateLimit, circuitBreaker }: RuntimeConfig['gate'],
  isSaid: IsSaid,
  refused: ReadonlySet<string>,
  issues: OptionIssue[],
): void {
  const leastBurst = rateLimit === false ? 0 : Math.ceil(rateLimit.perSecond / 1_000);
  const isBurstSaid = isSaid('gate.rateLimit.burst') && !refused.has('gate.rateLimit.perSecond');
  if (isBurstSaid && rateLimit !== false && rateLimit.maxWaitMs > 0 && rateLimit.burst < leastBurst) {
    const expected = `at least a thousandth of perSecond (${leastBurst}) where calls wait: timers have a millisecond`;
    issues.push({ path: 'gate.rateLimit.burst', got: String(rateLimit.burst), expected });
  }
  const path = 'gate.circuitBreaker.earlyProbe.interval';
  if (circuitBreaker === false || circuitBreaker.earlyProbe === false || !isSaid(path)) return;
  const { resetTimeoutMs, earlyProbe } = circuitBreaker;
  if (refused.has('gate.circuitBreaker.resetTimeout') || earlyProbe.intervalMs <= resetTimeoutMs) return;
  const expected = `at most gate.circuitBreaker.resetTimeout (${resetTimeoutMs} ms), when calls find out by themselves`;
  issues.push({ path, got: `${earlyProbe.intervalMs} ms`, expected });
}

function valueAt(options: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, name) =>
        typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined,
      options,
    );
}
