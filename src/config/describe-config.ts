/** The configuration as people read it: every value in force, no secret. Secrets never get into a RuntimeConfig. */
import type { RuntimeConfig } from './runtime-options.js';

/**
 * One line per option, sorted as the groups are.
 *
 * @example
 * console.log(describeConfig(db.config));
 * // driver: postgres (postgres://app@localhost:5432/shop)
 * // pool.maxSize: 50
 */
export function describeConfig(config: RuntimeConfig): string {
  const { name, driver, pool, gate, query, types } = config;
  const lines = [`name: ${name}`, `driver: ${driver.name} (${driver.endpoint})`];
  for (const [group, values] of Object.entries({ pool, gate, query, types })) addLines(lines, group, values);
  return lines.join('\n');
}

function addLines(lines: string[], path: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) {
    lines.push(`${path}: ${describeValue(path, value)}`);
    return;
  }
  for (const [name, part] of Object.entries(value)) {
    if (part !== undefined) addLines(lines, `${path}.${name}`, part);
  }
}

function describeValue(path: string, value: unknown): string {
  const isTime = path.endsWith('Ms');
  if (value === Infinity) return isTime ? 'never' : 'no limit';
  return isTime ? `${String(value)} ms` : String(value);
}
