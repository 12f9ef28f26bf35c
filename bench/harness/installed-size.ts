/** What a package brings along: itself and everything it depends on, as npm has laid it out. */
import { existsSync, lstatSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface InstalledSize {
  readonly packages: number;
  readonly bytes: number;
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Of packages in the node_modules of `folder`. Peers that are not named are not counted. */
export function installedSize(folder: string, names: readonly string[]): InstalledSize {
  const found = new Set<string>();
  for (const name of names) collect(name, folder, found);
  const bytes = [...found].reduce((sum, each) => sum + bytesIn(each), 0);
  return { packages: found.size, bytes };
}

function collect(name: string, from: string, found: Set<string>): void {
  const place = placeOf(name, from);
  if (place === undefined || found.has(place)) return;
  found.add(place);
  const manifest = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8')) as Manifest;
  const needed = { ...manifest.dependencies, ...manifest.optionalDependencies };
  for (const each of Object.keys(needed)) collect(each, place, found);
}

/** The nearest node_modules upwards that has it; `undefined` for an optional one that is not installed. */
function placeOf(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const place = join(folder, 'node_modules', name);
    if (existsSync(join(place, 'package.json'))) return place;
    if (folder === dirname(folder)) return undefined;
  }
}

/** Without the packages inside it, which count for themselves where they are needed. */
function bytesIn(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    if (entry.name === 'node_modules') return sum;
    const path = join(folder, entry.name);
    return sum + (entry.isDirectory() ? bytesIn(path) : lstatSync(path).size);
  }, 0);
}
