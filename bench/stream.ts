/**
 * P8: a stream of 1,000,000 rows from a real server, beside pg-query-stream. The rows are proved equal before anything is
 * timed. The server comes from FLUXOR_BENCH_POSTGRES_URL, or is started for the run.
 */
import { PostgresServer } from '../test/servers/postgres-server.js';
import { readArguments } from './harness/arguments.js';
import type { Chart } from './harness/bar-chart.js';
import { barOf } from './harness/bar-chart.js';
import type { Goal } from './harness/report.js';
import { finish, printHeader, printTable } from './harness/report.js';
import type { Summary } from './harness/statistics.js';
import { summarize } from './harness/statistics.js';
import type { TeamResult } from './harness/team.js';
import { measure } from './harness/team.js';
import { choose, OURS, RIVALS, shortName } from './peers/streams/lineup.js';

const ROWS = 1_000_000;
const GOAL_RATIO = 0.9;
const GOAL_MB = 40;

const given = readArguments(5);
const { rounds, only } = given;
const peers = choose(only);

printHeader('stream: 1,000,000 rows of five columns, thousand rows per second');
const server = process.env.FLUXOR_BENCH_POSTGRES_URL === undefined ? await startServer() : undefined;
let team: TeamResult;
try {
  if (server !== undefined) process.env.FLUXOR_BENCH_POSTGRES_URL = server.url;
  team = await measure({ peers, job: 'stream', input: { rows: ROWS }, warmUps: 1, rounds });
} finally {
  await server?.remove();
}

const proofs = new Set([...team.rounds.values()].flatMap((numbers) => numbers.map(({ proof }) => proof)));
if (proofs.size !== 1) throw new Error('the peers do not bring the same rows');

const speed = new Map<string, Summary>();
const growth = new Map<string, Summary>();
for (const [name, numbers] of team.rounds) {
  speed.set(name, summarize(numbers.map(({ rowsPerSecond = NaN }) => rowsPerSecond / 1e3)));
  growth.set(name, summarize(numbers.map(({ grownMb = NaN }) => grownMb)));
}

const table = printTable(
  ['stream', 'version', 'rows/ms', 'lowest–highest', 'RSS growth, MB', 'highest'],
  peers.map((name) => {
    const [fast, grown] = [speed.get(name), growth.get(name)];
    return [
      shortName(name),
      team.introductions.get(name)?.version ?? '',
      fast?.median.toFixed(0) ?? '',
      `${fast?.lowest.toFixed(0) ?? ''}–${fast?.highest.toFixed(0) ?? ''}`,
      grown?.median.toFixed(1) ?? '',
      grown?.highest.toFixed(1) ?? '',
    ];
  }),
);
console.log('\nSettings');
for (const [name, { settings, lacks }] of team.introductions) {
  console.log(`  ${shortName(name)}: ${settings}${lacks === '' ? '' : `\n    lacks: ${lacks}`}`);
}

finish(
  {
    bench: 'stream',
    claim: 'P8',
    versions: Object.fromEntries([...team.introductions].map(([name, { version }]) => [shortName(name), version])),
    results: { speed: Object.fromEntries(speed), growth: Object.fromEntries(growth) },
    tables: [table],
    charts: [chartOf()],
    goals: only.length === 0 ? [...RIVALS.map(ratioTo), memoryGoal()] : [],
  },
  given,
);

function chartOf(): Chart {
  const bars = [...speed].map(([name, summary]) => barOf(shortName(name), summary, name === OURS ? 'ours' : 'peer'));
  const title = 'Stream: 1,000,000 rows of five columns';
  return { name: 'stream', title, unit: 'thousand rows per second', better: 'more', bars };
}

function ratioTo(rival: string): Goal {
  const ratio = (speed.get(OURS)?.median ?? NaN) / (speed.get(rival)?.median ?? NaN);
  return { name: `rows per second: ours ÷ ${shortName(rival)}`, is: ratio, atLeast: GOAL_RATIO };
}

function memoryGoal(): Goal {
  return { name: 'RSS growth of ours in its worst round, MB', is: growth.get(OURS)?.highest ?? NaN, atMost: GOAL_MB };
}

function startServer(): Promise<PostgresServer> {
  return PostgresServer.start({ major: 18, onProgress: (text) => console.log(`PostgreSQL 18: ${text}`) });
}
