/**
 * What a configuration was made of: the options as they were said, and where each was said. It travels with the configuration
 * and is no part of it: nobody sees it who prints, compares or copies one.
 */
import type { RuntimeConfig, RuntimeOptions } from './runtime-options.js';

/** Where an option was said. */
export type OptionSource = 'default' | 'preset' | 'option' | 'url' | `env:${string}`;

export interface ConfigOrigin {
  /** A frozen copy. */
  readonly options: RuntimeOptions;
  /** By the path of the option; what is not there was not said. */
  readonly sources: ReadonlyMap<string, OptionSource>;
}

const ORIGIN = Symbol('fluxor.config-origin');

/** Freezes the configuration as well. */
export function withOrigin(config: RuntimeConfig, origin: ConfigOrigin): RuntimeConfig {
  Object.freeze(origin);
  // A getter, because `util.inspect` looks into what is hidden, and asks no getters. A logger of the user's is in there.
  return Object.freeze(Object.defineProperty(config, ORIGIN, { get: () => origin }));
}

/** The same with another part, made of the same options. */
export function copyWithOrigin(config: Omit<RuntimeConfig, 'pool'>, part: Pick<RuntimeConfig, 'pool'>): RuntimeConfig {
  const copy: RuntimeConfig = { ...config, ...part };
  const origin = originOf(config);
  return origin === undefined ? Object.freeze(copy) : withOrigin(copy, origin);
}

/** `undefined` for what was not made here: options, or a copy of a configuration. */
export function originOf(config: object): ConfigOrigin | undefined {
  return (config as { readonly [ORIGIN]?: ConfigOrigin })[ORIGIN];
}

/** A complete configuration, as `ConfigBuilder.build()` gives it. */
export function isBuilt(options: RuntimeConfig | RuntimeOptions): options is RuntimeConfig {
  return typeof options === 'object' && options !== null && originOf(options) !== undefined;
}
