/**
 * The configuration that the commands speak of: the one a service would have with this URL and this environment. The URL comes
 * from the argument, or from `FLUXOR_URL`, or from `DATABASE_URL`; options from its query string, and over them from the environment.
 * Refuses to know what is done with it.
 */
import { parseEnv } from 'node:util';
import type { RuntimeConfig } from '../index.js';
import { ConfigBuilder, ConfigError, presets } from '../index.js';
import type { PresetName } from './command-line.js';
import type { Outside } from './outside.js';

export type Variables = Readonly<Record<string, string | undefined>>;

const URL_NAMES: ReadonlySet<string> = new Set(['FLUXOR_URL', 'DATABASE_URL']);

/**
 * The environment, and below it the file, where one is named.
 * @throws ConfigError when the file cannot be read.
 */
export function readVariables(outside: Outside, envFile: string | undefined): Variables {
  const { env } = outside;
  if (envFile === undefined) return env;
  try {
    const set = Object.entries(env).filter(([, value]) => value !== undefined && value !== '');
    return { ...parseEnv(outside.readFile(envFile)), ...Object.fromEntries(set) };
  } catch (error) {
    const { code } = error as { code?: unknown };
    const got = code === 'ENOENT' ? 'a file that is not there' : 'a file that cannot be read';
    throw ConfigError.fromIssues([{ path: '--env-file', got, expected: 'a file of lines NAME=value' }]);
  }
}

/** The URL in force, as it was given; `undefined` where nobody says one. */
export function urlOf(argument: string | undefined, variables: Variables): string | undefined {
  for (const text of [argument, variables['FLUXOR_URL'], variables['DATABASE_URL']]) {
    if (text !== undefined && text !== '') return text;
  }
  return undefined;
}

/** @throws ConfigError with everything that is wrong. */
export function buildConfig(
  argument: string | undefined,
  variables: Variables,
  preset: PresetName | undefined,
): RuntimeConfig {
  const start = preset === undefined ? new ConfigBuilder() : new ConfigBuilder().withOptions(presets[preset]);
  const hasArgument = argument !== undefined && argument !== '';
  const kept = Object.entries(variables).filter(([name]) => !(hasArgument && URL_NAMES.has(name)));
  return (hasArgument ? start.withUrl(argument) : start).fromEnv(Object.fromEntries(kept)).build();
}

/** Parameters of the URL that only the driver understands (`sslmode`) are found to be wrong when it is loaded. Of a missing library nothing is wrong in them. */
export function wrongOptions(error: unknown): ConfigError | undefined {
  return error instanceof ConfigError && error.code === 'CONFIG' ? error : undefined;
}

/** What to do where nobody says which database. */
export const NO_URL = 'no URL was given: name it as an argument, or in FLUXOR_URL or DATABASE_URL';
