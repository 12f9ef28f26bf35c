/**
 * The fluent form of the options. It only collects, layer upon layer, and `build()` resolves what was collected by the same
 * function as `createRuntime()`. Invariants: immutable, every step gives a new builder; the last word wins, option by option;
 * a URL is in no field that could be printed, and nothing is loaded for it before somebody connects.
 */
import type { Driver } from '../driver/driver.js';
import type { RetryOptions } from '../gate/retry-options.js';
import type { Duration } from '../kernel/duration.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import type { ValidationOptions, WarmUpOptions } from '../pool/pool-options.js';
import type { LogFunction, Logger } from '../telemetry/log-options.js';
import type { LogLevel } from '../telemetry/log-records.js';
import type { Environment } from './environment.js';
import { readEnvironment } from './environment.js';
import type { OptionLayer } from './option-layers.js';
import { splitUrl } from './option-text.js';
import type { OptionFact } from './option-survey.js';
import type { OptionTree } from './option-tree.js';
import { resolveLayers, textOptions } from './resolve-layers.js';
import type { MonitorDefaults, QueryDefaults, RuntimeConfig, RuntimeOptions } from './runtime-options.js';
import { urlDriver } from './url-driver.js';

/** Asked once in a `build()`, and not at all where nothing was said as text. */
type Survey = () => readonly OptionFact[];

/** One thing said: options; a database by its URL; or whatever the environment says. */
type Step =
  | { readonly says: 'options'; readonly options: OptionTree }
  | { readonly says: 'url'; readonly url: string }
  | { readonly says: 'environment'; readonly env: Environment };

/**
 * Makes a configuration step by step. Each step returns a new builder and leaves the old one as it was, so that one may be the
 * beginning of several. What is said twice counts as it was said last.
 *
 * @example
 * const config = new ConfigBuilder()
 *   .withUrl('postgres://app@localhost/shop')
 *   .withConnectionPool(20, 5)
 *   .withQuerySettings({ timeout: '5s' })
 *   .fromEnv()
 *   .build();
 * const db = createRuntime(config);
 */
export class ConfigBuilder {
  /** Assigned once, where the builder is made. */
  #steps: readonly Step[] = [];

  /** The database, made by a door: `postgres({ url })`. In the place of any URL said before. */
  withDriver(driver: Driver): ConfigBuilder {
    return this.withOptions({ driver });
  }

  /**
   * The database by its URL, as for `connect()`, options in its query string included. In the place of any driver or URL said
   * before. Its door is opened with the first connection: only then are parameters that are the driver's own read, and is a
   * missing package found.
   */
  withUrl(url: string): ConfigBuilder {
    return this.#and({ says: 'url', url });
  }

  /** Another name for `withUrl`. */
  withDsn(url: string): ConfigBuilder {
    return this.withUrl(url);
  }

  /** `pool.maxSize` and `pool.maxIdle`. */
  withConnectionPool(maxSize: number, maxIdle?: number): ConfigBuilder {
    return this.#say({ pool: { maxSize, maxIdle } });
  }

  /** `pool.maxLifetime` and `pool.idleTimeout`. */
  withConnectionLifetime(maxLifetime: Duration | false, maxIdleTime?: Duration | false): ConfigBuilder {
    return this.#say({ pool: { maxLifetime, idleTimeout: maxIdleTime } });
  }

  /** `pool.warmUp`. */
  withWarmUp(connections: number | WarmUpOptions | false): ConfigBuilder {
    return this.#say({ pool: { warmUp: connections } });
  }

  /** `pool.validation`. */
  withValidation(validation: ValidationOptions | false): ConfigBuilder {
    return this.#say({ pool: { validation } });
  }

  /** `gate.circuitBreaker`: `failures`, `resetTimeout` and `halfOpenPeriod`. `false` switches it off. */
  withCircuitBreaker(maxFailures: number | false, resetTimeout?: Duration, halfOpenPeriod?: Duration): ConfigBuilder {
    const circuitBreaker = maxFailures !== false && { failures: maxFailures, resetTimeout, halfOpenPeriod };
    return this.#say({ gate: { circuitBreaker } });
  }

  /** `gate.rateLimit`: `perSecond` and `burst`. `false` for no limit. */
  withRateLimit(perSecond: number | false, burst?: number): ConfigBuilder {
    return this.#say({ gate: { rateLimit: perSecond !== false && { perSecond, burst } } });
  }

  /** `gate.connectionLimit`: `max` and `queue`. `false` for no limit but the pool's own. */
  withConnectionLimit(max: number | false, queue?: number): ConfigBuilder {
    return this.#say({ gate: { connectionLimit: max !== false && { max, queue } } });
  }

  /** `query.retry`. */
  withRetry(retry: RetryOptions | false): ConfigBuilder {
    return this.#say({ query: { retry } });
  }

  /** `query`: `statementCache`, `slowThreshold`, `timeout` and whatever else is of one query. */
  withQuerySettings(query: QueryDefaults): ConfigBuilder {
    return this.#say({ query });
  }

  /** `pool.leak`, and its `threshold`. */
  withLeakDetection(enabled: boolean, threshold?: Duration): ConfigBuilder {
    return this.#say({ pool: { leak: enabled === true ? { threshold } : enabled } });
  }

  /** `monitor`. */
  withMonitor(monitor: MonitorDefaults): ConfigBuilder {
    return this.#say({ monitor });
  }

  /** `logger`: who gets the log, and its `level`. `false` writes nothing at all. */
  withLogger(to: LogFunction | Logger | false, level?: LogLevel): ConfigBuilder {
    return this.#say({ logger: to !== false && { to, level } });
  }

  /** Any options, in the form of `createRuntime()`: `presets.development`, and what has no step of its own. */
  withOptions(options: Partial<RuntimeOptions>): ConfigBuilder {
    return this.#say({ ...options });
  }

  /**
   * What the environment says: the database by `FLUXOR_URL`, or by `DATABASE_URL` where nothing else names one; and every option by `FLUXOR_` and its path
   * in upper snake case, `FLUXOR_POOL_MAX_SIZE=20`. Empty variables are not set. A name that begins with `FLUXOR_` and means
   * nothing is refused by `build()`. `env`: default `process.env`, read now.
   */
  fromEnv(env: Environment = process.env): ConfigBuilder {
    const copy = Object.entries(env).filter(([name]) => name.startsWith('FLUXOR_') || name === 'DATABASE_URL');
    return this.#and({ says: 'environment', env: Object.fromEntries(copy) });
  }

  /**
   * The complete configuration: frozen, without secrets, for `createRuntime()` and `connect()`.
   *
   * @throws ConfigError with everything that is wrong, wherever it was said.
   */
  build(): RuntimeConfig {
    const issues: OptionIssue[] = [];
    let facts: readonly OptionFact[] | undefined;
    const survey: Survey = () => (facts ??= textOptions());
    const said = this.#steps.flatMap((step) => readStep(step, survey, issues));
    const door = doorInForce(said);
    if (door === undefined) issues.push(NO_DATABASE);
    // The options of a URL that something else has replaced went with it.
    const inForce = said.filter((part) => part.isUrl !== true || part === door);
    return resolveLayers(
      inForce.map((part) => openUrl(part, survey, issues)),
      issues,
    );
  }

  /** What is `undefined` in it is not said. */
  #say(options: OptionTree): ConfigBuilder {
    return this.#and({ says: 'options', options });
  }

  #and(step: Step): ConfigBuilder {
    const builder = new ConfigBuilder();
    builder.#steps = [...this.#steps, step];
    return builder;
  }
}

/**
 * The configuration that the environment says, and nothing else: `new ConfigBuilder().fromEnv(env).build()`.
 *
 * @throws ConfigError with everything that is wrong, and where neither `FLUXOR_URL` nor `DATABASE_URL` names a database.
 * @example
 * const db = await connect(configFromEnv());
 */
export function configFromEnv(env: Environment = process.env): RuntimeConfig {
  return new ConfigBuilder().fromEnv(env).build();
}

const NO_DATABASE: OptionIssue = {
  path: 'driver',
  got: 'no database',
  expected: 'one by withUrl() or withDriver(), or by FLUXOR_URL where fromEnv() reads it',
};

/** A layer of options, or a URL that is to become one. */
interface Said extends OptionLayer {
  readonly isUrl?: boolean;
  /** Whatever a program without types has given. */
  readonly url?: unknown;
  /** Names a database only where nothing else does. */
  readonly isFallback?: boolean;
}

function readStep(step: Step, survey: Survey, issues: OptionIssue[]): Said[] {
  if (step.says === 'options') return [{ source: 'option', options: step.options }];
  if (step.says === 'url') return [{ source: 'url', options: {}, isUrl: true, url: step.url }];
  const { url, options } = readEnvironment(step.env, survey(), issues);
  const layers = options.map(({ name, options: said }): Said => ({ source: `env:${name}`, options: said }));
  if (url === undefined) return layers;
  return [
    { source: `env:${url.name}`, options: {}, isUrl: true, url: url.text, isFallback: url.isFallback },
    ...layers,
  ];
}

function doorInForce(said: readonly Said[]): Said | undefined {
  const doors = said.filter((part) => part.isUrl === true || part.options['driver'] !== undefined);
  return doors.filter((part) => part.isFallback !== true).at(-1) ?? doors.at(-1);
}

/** What is wrong with a URL of the environment is said by the name of the variable, and never with its text. */
function openUrl({ source, options, isUrl = false, url }: Said, survey: Survey, issues: OptionIssue[]): OptionLayer {
  if (!isUrl) return { source, options };
  const found: OptionIssue[] = [];
  const text = typeof url === 'string' ? url : '';
  const split = splitUrl(text, survey, found);
  const driver = urlDriver(split.driverUrl, found);
  const name = source.startsWith('env:') ? source.slice('env:'.length) : 'url';
  issues.push(...found.map((issue) => ({ ...issue, path: issue.path.replace(/^url/, name) })));
  return { source, options: driver === undefined ? split.options : { ...split.options, driver } };
}
