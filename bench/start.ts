/**
 * P11: what it takes to import the front door, above a Node that imports nothing, in processes of their own that take turns;
 * and what is installed for it. Ours is built, packed and installed as a user would have it.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readArguments } from './harness/arguments.js';
import { barOf } from './harness/bar-chart.js';
import { BENCH_FOLDER } from './harness/folder.js';
import { installedSize } from './harness/installed-size.js';
import type { InstalledSize } from './harness/installed-size.js';
import { installPacked } from './harness/packed-package.js';
import { ownVersion, versionOf } from './harness/peer.js';
import { finish, printHeader, printTable } from './harness/report.js';
import { summarize } from './harness/statistics.js';
import { IMPORTS, OURS } from './peers/start/lineup.js';

const GOAL_MS = 15;
/** Not counted: the first read of each file from the disk. */
const WARM_UPS = 2;
const BARE = 'bare Node';

const given = readArguments(25);
const unknown = given.only.filter((name) => !IMPORTS.some((each) => each.name === name));
if (unknown.length > 0) throw new Error(`--only: unknown ${unknown.join(', ')}`);
const imports = IMPORTS.filter(({ name }) => given.only.length === 0 || given.only.includes(name));

printHeader('start: a process that imports and ends, milliseconds above one that imports nothing');
const project = installPacked();
/** Below bench/, so that the peers are found from there. */
const beside = join(BENCH_FOLDER, '.build', 'start');
const times = new Map<string, number[]>();
const sizes = new Map<string, InstalledSize>();
try {
  mkdirSync(beside, { recursive: true });
  const programs = [[BARE, join(beside, 'bare.mjs'), ''] as const, ...imports.map(programOf)];
  for (const [, file, code] of programs) writeFileSync(file, `${code}\n`);
  for (let index = -WARM_UPS; index < given.rounds; index += 1) {
    for (const [name, file] of programs) {
      const ms = run(name, file);
      if (index >= 0) times.set(name, [...(times.get(name) ?? []), ms]);
    }
  }
  for (const { name, isOurs, packages } of imports) {
    sizes.set(name, installedSize(isOurs ? project.folder : BENCH_FOLDER, packages));
  }
} finally {
  project.remove();
  rmSync(beside, { recursive: true, force: true });
}

const bare = summarize(times.get(BARE) ?? []);
const above = new Map(
  imports.map(({ name }) => [name, summarize((times.get(name) ?? []).map((ms) => ms - bare.median))] as const),
);
const versions = Object.fromEntries(
  imports.map(({ name, isOurs, packages: [first = ''] }) => [name, isOurs ? ownVersion() : versionOf(first)]),
);
const table = printTable(
  ['import', 'version', 'ms above bare Node', 'lowest–highest', 'packages', 'installed (KiB)'],
  imports.map(({ name }) => {
    const [took, size] = [above.get(name), sizes.get(name)];
    return [
      name,
      versions[name] ?? '',
      took?.median.toFixed(1) ?? '',
      `${took?.lowest.toFixed(1) ?? ''}–${took?.highest.toFixed(1) ?? ''}`,
      String(size?.packages ?? ''),
      Math.round((size?.bytes ?? 0) / 1_024).toLocaleString('en'),
    ];
  }),
);

finish(
  {
    bench: 'start',
    claim: 'P11',
    versions,
    results: { bare, above: Object.fromEntries(above), sizes: Object.fromEntries(sizes) },
    goals:
      given.only.length > 0
        ? []
        : [
            { name: 'the front door, ms above bare Node', is: above.get(OURS)?.median ?? NaN, atMost: GOAL_MS },
            { name: 'runtime dependencies', is: (sizes.get(OURS)?.packages ?? NaN) - 1, atMost: 0 },
          ],
    tables: [table],
    charts: [
      {
        name: 'start',
        title: 'Import, above a Node that imports nothing',
        unit: 'milliseconds',
        better: 'less',
        bars: [...above].map(([name, took]) => barOf(name, took, name.startsWith(OURS) ? 'ours' : 'peer')),
      },
    ],
    notes: [
      `Bare Node takes ${bare.median.toFixed(1)} ms.`,
      "Ours loads a driver's own package (pg, mysql2, mariadb) with the first connection, and not with the import.",
    ],
  },
  given,
);

function programOf({ name, isOurs, code }: (typeof imports)[number]): readonly [string, string, string] {
  const file = `${name.replaceAll(/\W+/g, '-')}.mjs`;
  return [name, join(isOurs ? project.folder : beside, file), code];
}

/** How long a process takes from its start to its end. */
function run(name: string, file: string): number {
  const startedAt = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [file], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  const ms = performance.now() - startedAt;
  if (status !== 0) throw new Error(`${name} ended with ${String(status)}: ${stderr}`);
  return ms;
}
