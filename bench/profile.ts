/** Where the cycle's time goes: each function's own share, for 1, 64 and 1,000 tasks. Ours, or whoever `--only` names. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { readArguments } from './harness/arguments.js';
import { BENCH_FOLDER } from './harness/folder.js';
import { printHeader, printTable } from './harness/report.js';
import { measure } from './harness/team.js';
import { choose, OURS } from './peers/lineup.js';

const { only } = readArguments(1);
const folder = join(BENCH_FOLDER, 'results', 'profiles');
mkdirSync(folder, { recursive: true });
process.env.FLUXOR_PROFILE_FOLDER = folder;

printHeader('profile: own time of functions in acquire + release');
for (const peer of only.length === 0 ? [OURS] : choose(only)) {
  for (const tasks of [1, 64, 1_000]) {
    const input = { tasks, connections: 10, roundMs: 2_000 };
    const team = await measure({ peers: [peer], job: 'profile', input, warmUps: 0, rounds: 1 });
    const { cyclesPerSecond = NaN, ...shares } = team.rounds.get(peer)?.[0] ?? {};
    const top = Object.entries(shares)
      .sort(([, a], [, b]) => b - a)
      .slice(0, 20);
    console.log(`\n${peer}, ${tasks} tasks: ${(cyclesPerSecond / 1e6).toFixed(2)} M cycles/s under the profiler`);
    printTable(
      ['function', 'own time', 'ns per cycle'],
      top.map(([name, share]) => [name, `${(share * 100).toFixed(1)} %`, ((share / cyclesPerSecond) * 1e9).toFixed(0)]),
    );
  }
}
console.log(`\nFor the flame chart of a browser's developer tools: ${folder}`);
