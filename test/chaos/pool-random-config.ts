/** A pool's configuration at random: sizes small and times short, so that everything meets everything. */
import type { LeakConfig, PoolConfig, ValidationConfig } from '../../src/pool/pool-options.js';
import type { Dice } from './dice.js';

export function randomConfig(dice: Dice): PoolConfig {
  // Some are large enough to keep a fast lane for short statements.
  const maxSize = dice.chance(0.3) ? 3 + dice.upTo(3) : dice.upTo(5);
  const maxIdle = dice.upTo(maxSize + 1) - 1;
  return {
    maxSize,
    maxIdle,
    minIdle: dice.upTo(maxIdle + 1) - 1,
    acquireTimeoutMs: 10_000,
    connectTimeoutMs: dice.oneOf([200, 1_000, 5_000]),
    maxWaiting: dice.oneOf([2, 5, 100]),
    maxCreating: dice.upTo(3),
    connectRate: dice.oneOf([Infinity, Infinity, Infinity, 1, 5, 50]),
    maxLifetimeMs: dice.oneOf([Infinity, Infinity, 5_000, 60_000]),
    idleTimeoutMs: dice.oneOf([Infinity, 2_000, 60_000]),
    keepaliveMs: dice.oneOf([Infinity, 1_000, 10_000]),
    validation: dice.chance(0.2) ? false : randomValidation(dice),
    onRelease: dice.oneOf(['rollback', 'rollback', 'destroy']),
    leak: dice.chance(0.5) ? false : randomLeak(dice),
    deadlockDetection: dice.chance(0.9),
    warmUp: dice.chance(0.4)
      ? { connections: dice.upTo(maxSize), timeoutMs: dice.oneOf([50, 3_000]), failFast: dice.chance(0.3) }
      : false,
  };
}

/** `config` with some of its numbers changed, as an operator changes them: one group at a time, or all at once. */
export function changedConfig(config: PoolConfig, dice: Dice): PoolConfig {
  const other = randomConfig(dice);
  const { maxSize, maxIdle, minIdle } = other;
  if (dice.chance(0.4)) return { ...config, maxSize, maxIdle, minIdle };
  const names = (Object.keys(other) as (keyof PoolConfig)[]).filter(
    (name) => !['maxSize', 'maxIdle', 'minIdle'].includes(name),
  );
  const kept = names.filter(() => dice.chance(0.5)).map((name) => [name, config[name]] as const);
  return { ...other, ...(dice.chance(0.5) ? {} : sizesOf(config)), ...Object.fromEntries(kept) };
}

function sizesOf({ maxSize, maxIdle, minIdle }: PoolConfig): Pick<PoolConfig, 'maxSize' | 'maxIdle' | 'minIdle'> {
  return { maxSize, maxIdle, minIdle };
}

function randomValidation(dice: Dice): ValidationConfig {
  return {
    bypassMs: dice.oneOf([0, 50, 500, 20_000]),
    timeoutMs: 300,
    attempts: dice.upTo(3),
    backoffMs: 100,
    query: undefined,
  };
}

function randomLeak(dice: Dice): LeakConfig {
  return {
    thresholdMs: dice.oneOf([1_000, 3_000]),
    intervalMs: 1_000,
    stack: dice.oneOf([false, false, 'sampled', true] as const),
    reclaim: dice.chance(0.5),
  };
}
