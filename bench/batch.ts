/**
 * P7: 138,398 cities into a table of a real server, by ours, by COPY written by hand, and by a loop of single inserts in
 * one transaction. The rows are proved equal in every round. The server comes from FLUXOR_BENCH_POSTGRES_URL, or is started
 * for the run.
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
import { choose, COPY_BY_HAND, LOOP, OUR_STATEMENTS, OURS, shortName } from './peers/batches/lineup.js';

const LOOP_RATIO = 5;
const COPY_RATIO = 0.8;

const given = readArguments(5);
const { rounds, only } = given;
const peers = choose(only);

printHeader('batch: 138,398 rows of eight columns into a table with a primary key, thousand rows per second');
const server = process.env.FLUXOR_BENCH_POSTGRES_URL === undefined ? await startServer() : undefined;
let team: TeamResult;
try {
  if (server !== undefined) process.env.FLUXOR_BENCH_POSTGRES_URL = server.url;
  team = await measure({ peers, job: 'batch', input: {}, warmUps: 1, rounds });
} finally {
  await server?.remove();
}

const proofs = new Set([...team.rounds.values()].flatMap((numbers) => numbers.map(({ proof }) => proof)));
if (proofs.size !== 1) throw new Error('the peers do not load the same rows');

const speed = new Map<string, Summary>();
for (const [name, numbers] of team.rounds) {
  speed.set(name, summarize(numbers.map(({ rowsPerSecond = NaN }) => rowsPerSecond / 1e3)));
}

const table = printTable(
  ['batch', 'version', 'rows/ms', 'lowest–highest'],
  peers.map((name) => {
    const fast = speed.get(name);
    return [
      shortName(name),
      team.introductions.get(name)?.version ?? '',
      fast?.median.toFixed(1) ?? '',
      `${fast?.lowest.toFixed(1) ?? ''}–${fast?.highest.toFixed(1) ?? ''}`,
    ];
  }),
);
console.log('\nSettings');
for (const [name, { settings, lacks }] of team.introductions) {
  console.log(`  ${shortName(name)}: ${settings}${lacks === '' ? '' : `\n    lacks: ${lacks}`}`);
}

finish(
  {
    bench: 'batch',
    claim: 'P7',
    versions: Object.fromEntries([...team.introductions].map(([name, { version }]) => [shortName(name), version])),
    results: Object.fromEntries(speed),
    tables: [table],
    charts: [chartOf()],
    goals: only.length === 0 ? [ratioTo(LOOP, LOOP_RATIO), ratioTo(COPY_BY_HAND, COPY_RATIO)] : [],
  },
  given,
);

function chartOf(): Chart {
  const bars = [...speed].map(([name, summary]) => {
    return barOf(shortName(name), summary, name === OURS || name === OUR_STATEMENTS ? 'ours' : 'peer');
  });
  const title = 'Batch: 138,398 rows of eight columns into a table with a primary key';
  return { name: 'batch', title, unit: 'thousand rows per second', better: 'more', bars };
}

function ratioTo(rival: string, atLeast: number): Goal {
  const ratio = (speed.get(OURS)?.median ?? NaN) / (speed.get(rival)?.median ?? NaN);
  return { name: `rows per second: ours ÷ ${shortName(rival)}`, is: ratio, atLeast };
}

function startServer(): Promise<PostgresServer> {
  return PostgresServer.start({ major: 18, onProgress: (text) => console.log(`PostgreSQL 18: ${text}`) });
}
