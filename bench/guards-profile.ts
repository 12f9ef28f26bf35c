/** Where the road's time goes: each function's own share, for 1, 10 and 64 tasks. Ours, or whoever `--only` names. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { readArguments } from './harness/arguments.js';
import { BENCH_FOLDER } from './harness/folder.js';
import { printHeader, printTable } from './harness/report.js';
import { measure } from './harness/team.js';
import { BARE, choose, OURS, shortName } from './peers/guards/lineup.js';

const { only } = readArguments(1);
const folder = join(BENCH_FOLDER, 'results', 'profiles');
mkdirSync(folder, { recursive: true });
process.env.FLUXOR_PROFILE_FOLDER = folder;
const asked = choose(only).filter((peer) => peer !== BARE || only.includes(shortName(BARE)));

printHeader('guards-profile: own time of functions in a guarded call, fake driver');
for (const peer of only.length === 0 ? [OURS] : asked) {
  for (const tasks of [1, 10, 64]) {
    const input = { tasks, roundMs: 2_000 };
    const team = await measure({ peers: [peer], job: 'guards-profile', input, warmUps: 0, rounds: 1 });
    const { nsPerCall = NaN, ...shares } = team.rounds.get(peer)?.[0] ?? {};
    const top = Object.entries(shares)
      .sort(([, a], [, b]) => b - a)
      .slice(0, 25);
    console.log(`\n${shortName(peer)}, ${tasks} tasks: ${nsPerCall.toFixed(0)} ns per call under the profiler`);
    printTable(
      ['function', 'own time', 'ns per call'],
      top.map(([name, share]) => [name, `${(share * 100).toFixed(1)} %`, (share * nsPerCall).toFixed(0)]),
    );
  }
}
console.log(`\nFor the flame chart of a browser's developer tools: ${folder}`);
