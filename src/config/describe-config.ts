/** The configuration as people read it: every value in force, no secret. Secrets never get into a RuntimeConfig. */
import type { OptionSource } from './config-origin.js';
import { sourcesOf } from './explain-config.js';
import type { RuntimeConfig } from './runtime-options.js';

/**
 * One line per option, sorted as the groups are. What was not said in the program itself has its place behind it: a variable of
 * the environment, the URL, a preset. `explainConfig` gives the same as data.
 *
 * @example
 * console.log(describeConfig(db.config));
 * // driver: postgres (postgres://app@localhost:5432/shop)
 * // pool.maxSize: 50
 * // query.timeoutMs: 5000 ms  ← FLUXOR_QUERY_TIMEOUT
 */
export function describeConfig(config: RuntimeConfig): string {
  const { name, driver, pool, gate, query, types, monitor, logger } = config;
  const sourceOf = sourcesOf(config);
  const lines: string[] = [];
  const add = (path: string, value: unknown): void => {
    if (typeof value === 'object' && value !== null) {
      for (const [part, below] of Object.entries(value)) if (below !== undefined) add(`${path}.${part}`, below);
    } else lines.push(`${path}: ${describeValue(path, value)}${describeSource(sourceOf(path))}`);
  };
  add('name', name);
  add('driver', `${driver.name} (${driver.endpoint})`);
  for (const [group, values] of Object.entries({ pool, gate, query, types, monitor, logger })) add(group, values);
  return lines.join('\n');
}

function describeValue(path: string, value: unknown): string {
  const isTime = path.endsWith('Ms');
  if (value === Infinity) return isTime ? 'never' : 'no limit';
  return isTime ? `${String(value)} ms` : String(value);
}

function describeSource(source: OptionSource): string {
  if (source === 'default' || source === 'option') return '';
  if (source === 'preset') return '  ← a preset';
  return source === 'url' ? '  ← the URL' : `  ← ${source.slice('env:'.length)}`;
}
