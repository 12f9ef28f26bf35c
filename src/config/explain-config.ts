/** Every option in force, with where it was said. Prints no secret: there is none in a RuntimeConfig, and drivers show their endpoint. */
import type { OptionSource } from './config-origin.js';
import { originOf } from './config-origin.js';
import type { RuntimeConfig } from './runtime-options.js';

/** One option in force. */
export interface ExplainedOption {
  /** As the user would write it: `pool.acquireTimeout`. */
  readonly path: string;
  /** What could be written to say the same: times in milliseconds, `false` for what is off or never. Of the driver, its endpoint; of a logger, that there is one. */
  readonly value: string | number | boolean;
  readonly source: OptionSource;
}

/** Options that stand elsewhere in the configuration than where they are written. */
const WRITTEN_AS: Readonly<Record<string, string>> = {
  'query.retry.backoff.initial': 'query.retry.initialBackoff',
  'query.retry.backoff.multiplier': 'query.retry.multiplier',
  'query.retry.backoff.max': 'query.retry.maxBackoff',
  'query.retry.backoff.jitter': 'query.retry.jitter',
  'gate.connectionLimit.partitions.0': 'gate.connectionLimit.partitions.high',
  'gate.connectionLimit.partitions.1': 'gate.connectionLimit.partitions.normal',
  'gate.connectionLimit.partitions.2': 'gate.connectionLimit.partitions.low',
};

/**
 * Every option in force and where it was said: in the program (`option`), by a preset, in the URL, in a variable of the
 * environment (`env:FLUXOR_POOL_MAX_SIZE`), or nowhere (`default`).
 *
 * @example
 * for (const { path, value, source } of explainConfig(db.config)) console.log(`${path} = ${value} (${source})`);
 */
export function explainConfig(config: RuntimeConfig): readonly ExplainedOption[] {
  const sourceOf = sourcesOf(config);
  const { name, driver, pool, gate, query, types, monitor, logger } = config;
  const explained: ExplainedOption[] = [
    { path: 'name', value: name, source: sourceOf('name') },
    { path: 'driver', value: `${driver.name} (${driver.endpoint})`, source: sourceOf('driver') },
  ];
  const add = (path: string, value: unknown): void => {
    if (typeof value === 'object' && value !== null) {
      for (const [part, below] of Object.entries(value)) add(`${path}.${part}`, below);
      return;
    }
    const said = value === Infinity ? false : value;
    if (typeof said !== 'string' && typeof said !== 'number' && typeof said !== 'boolean') return;
    explained.push({ path: writtenAs(path), value: said, source: sourceOf(path) });
  };
  for (const [group, values] of Object.entries({ pool, gate, query, types, monitor, logger })) add(group, values);
  return explained;
}

/** Where what stands at this place of the configuration was said. */
export function sourcesOf(config: RuntimeConfig): (path: string) => OptionSource {
  const sources = originOf(config)?.sources ?? new Map<string, OptionSource>();
  return (path) => sources.get(writtenAs(path)) ?? 'default';
}

function writtenAs(configPath: string): string {
  const plain = configPath.replace(/Ms$/, '');
  return WRITTEN_AS[plain] ?? plain;
}
