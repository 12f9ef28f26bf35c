/** What a user may say about the gate, and the complete numbers of its parts. */
import type { OptionIssue } from '../kernel/option-reader.js';
import { OptionReader } from '../kernel/option-reader.js';
import type { CircuitBreakerConfig, CircuitBreakerOptions } from './circuit-options.js';
import { resolveCircuitBreakerOptions } from './circuit-options.js';
import type { ConnectionLimitConfig, ConnectionLimitOptions } from './connection-limiter-options.js';
import { resolveConnectionLimitOptions } from './connection-limiter-options.js';
import type { RateLimitConfig, RateLimitOptions } from './rate-limiter-options.js';
import { resolveRateLimitOptions } from './rate-limiter-options.js';

/** Options `gate.*`. */
export interface GateOptions {
  /**
   * Refuses calls at once while the database fails; `false` switches it off (an operator can still open it).
   * @when `false` where something in front of the database does it already.
   * @default as below
   */
  readonly circuitBreaker?: CircuitBreakerOptions | false;
  /**
   * Most calls a second; a number alone is `perSecond`. `false` for no limit.
   * @when Set it to what the database may get from this process.
   * @limits 1 to 1,000,000
   * @default as below
   */
  readonly rateLimit?: RateLimitOptions | number | false;
  /**
   * Most connections in use at once: lower than `pool.maxSize`, or `'adaptive'` to find the number by watching latency
   * and failures. A number alone is `max`. `false` for no limit but the pool's own.
   * @limits 1 to 10,000
   * @default as below
   */
  readonly connectionLimit?: ConnectionLimitOptions | number | 'adaptive' | false;
}

export interface GateConfig {
  readonly circuitBreaker: CircuitBreakerConfig | false;
  readonly rateLimit: RateLimitConfig | false;
  readonly connectionLimit: ConnectionLimitConfig | false;
}

/** `poolSize` is the default of the connection limit. Everything wrong is added to `issues`. */
export function resolveGateOptions(options: unknown, poolSize: number, issues: OptionIssue[]): GateConfig {
  const reader = new OptionReader(options, 'gate', issues);
  const circuit = circuitFields(readForm(reader, 'circuitBreaker', 'an object, or false', isObject));
  const rate = readForm(reader, 'rateLimit', 'a number, an object, or false', isObjectOrNumber);
  const limit = connectionLimitFields(readForm(reader, 'connectionLimit', LIMIT_FORMS, isLimitForm), poolSize);
  const config: GateConfig = {
    circuitBreaker: circuit !== false && resolveCircuitBreakerOptions(circuit, 'gate.circuitBreaker', issues),
    rateLimit: rate !== false && resolveRateLimitOptions(rate, 'gate.rateLimit', issues),
    connectionLimit: limit !== false && resolveConnectionLimitOptions(limit, 'gate.connectionLimit', issues),
  };
  reader.refuseUnknown();
  return Object.freeze(config);
}

const LIMIT_FORMS = "'adaptive', a number, an object, or false";
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;
const isObjectOrNumber = (value: unknown): boolean => isObject(value) || typeof value === 'number';
const isLimitForm = (value: unknown): boolean => isObjectOrNumber(value) || value === 'adaptive';

/** Refuses here what has none of the forms: further in it would only be "no object", which hides the short ones. */
function readForm<K extends keyof GateOptions>(
  reader: OptionReader,
  name: K,
  expected: string,
  isForm: (value: unknown) => boolean,
): GateOptions[K] {
  const value = reader.raw(name) as GateOptions[K];
  if (value === undefined || value === false || isForm(value)) return value;
  return reader.refuse<GateOptions[K] | undefined>(name, expected, undefined) as GateOptions[K];
}

/**
 * A runtime can ask its database by itself whether it is back, and does: without that, a circuit that an outage of two
 * seconds opened would refuse calls for sixty (docs/decisions/0020).
 */
export function circuitFields(option: GateOptions['circuitBreaker']): CircuitBreakerOptions | false {
  if (option === false) return false;
  if (option === undefined) return { earlyProbe: true };
  if (typeof option !== 'object' || option === null) return option;
  return option.earlyProbe === undefined ? { ...option, earlyProbe: true } : option;
}

/** The short forms written out, with the pool's size where nothing is said. */
export function connectionLimitFields(
  option: GateOptions['connectionLimit'],
  poolSize: number,
): ConnectionLimitOptions | false {
  if (option === false) return false;
  if (option === undefined) return { max: poolSize };
  if (option === 'adaptive') return { max: poolSize, adaptive: true };
  if (typeof option === 'number') return { max: option };
  // Whatever it is, if it is no object: it is refused where it is read.
  if (typeof option !== 'object' || option === null) return option;
  return option.max === undefined ? { ...option, max: poolSize } : option;
}
