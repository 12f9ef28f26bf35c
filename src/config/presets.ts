/**
 * Options for three usual surroundings: plain objects, to be spread and changed. What they leave out has its default, and what
 * they say gives way where it cannot be beside what else was said (resolve-config.ts).
 */
import type { RuntimeOptions } from './runtime-options.js';

/** What a preset may say: everything but whose database it is. */
type Preset = Omit<RuntimeOptions, 'driver' | 'name' | 'clock' | 'random'>;

/** @see presets.production */
const production = {
  pool: {
    maxSize: 50,
    maxIdle: 10,
    maxLifetime: '30m',
    idleTimeout: '10m',
    warmUp: { connections: 5 },
    validation: { attempts: 3 },
    leak: { threshold: '10m', interval: '1m' },
  },
  gate: {
    circuitBreaker: { failures: 5, resetTimeout: '60s', halfOpenPeriod: '10s' },
    rateLimit: { perSecond: 1_000, burst: 1_000 },
  },
  query: {
    timeout: '30s',
    slowThreshold: '1s',
    statementCache: 200,
    retry: { maxRetries: 3, initialBackoff: '100ms', multiplier: 2, maxBackoff: '5s' },
  },
  monitor: { interval: '60s' },
} as const satisfies Preset;

/** @see presets.development */
const development = {
  pool: { maxSize: 10, maxIdle: 2, leak: { threshold: '1m', stack: true } },
  query: { timeout: '10s', slowThreshold: '500ms', statementCache: 50 },
} as const satisfies Preset;

/** @see presets.serverless */
const serverless = {
  pool: { maxSize: 2, maxIdle: 1, idleTimeout: '30s', keepalive: false, warmUp: false, maxLifetime: '10m' },
  query: { statementCache: 50 },
  monitor: { interval: false },
} as const satisfies Preset;

/**
 * Options to spread.
 *
 * - `production`: the default numbers in writing, so that a later version cannot change them under you.
 * - `development`: a small pool, tight limits that show slow statements and leaks while you look.
 * - `serverless`: an instance that serves few calls at once, is frozen between them and may be one of a thousand: hardly any
 *   connections, none kept for long, none opened ahead, nothing that runs between calls.
 *
 * What a preset says gives way as a default does: `{ driver: pglite(), ...presets.development }` has one connection. In a group
 * that was spread and changed, all of it is your own word.
 *
 * @example
 * const db = createRuntime({ driver, ...presets.development });
 * const other = createRuntime({ driver, ...presets.production, pool: { ...presets.production.pool, maxSize: 20 } });
 */
export const presets = Object.freeze({
  production: deepFreeze(production),
  development: deepFreeze(development),
  serverless: deepFreeze(serverless),
});

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFreeze(part as object);
  return Object.freeze(value);
}
