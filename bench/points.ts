/**
 * P3: one row of PostgreSQL by its primary key, 10 connections, by 1, 64 and 256 tasks: ours with every guard on, beside
 * drivers' pools, query builders and mappers, and pgbench as the limit of connections that ask and wait. Every answer is
 * compared with what was asked for.
 */
import { readArguments, roundLength } from './harness/arguments.js';
import type { Bar, Chart } from './harness/bar-chart.js';
import { barOf } from './harness/bar-chart.js';
import type { Goal, Table } from './harness/report.js';
import { finish, printHeader, printSettings } from './harness/report.js';
import { withPostgres } from './harness/servers.js';
import { printSpeedTable } from './harness/speed-table.js';
import type { PointResult } from './peers/points/measured.js';
import { measurePoints, shortNames } from './peers/points/measured.js';
import { fillPostgres } from './peers/points/items-table.js';
import { choose, OURS, OURS_ALONE, PG_POOL_NAMED, PGBENCH, POINT_PEERS, POSTGRES_JS } from './peers/points/lineup.js';
import { shortName } from './peers/points/lineup.js';
import { findPgbench } from './peers/points/pgbench.js';

const TASKS = [1, 64, 256] as const;
const ROUND_MS = 1_000;
const GOAL_POOL = 2;
const GOAL_PGBENCH = 1.2;
const GOAL_ONE_TASK = 0.95;

const given = readArguments(5);
const pgbench = await findPgbench();
const notes = typeof pgbench === 'string' ? [`no pgbench, and no goal beside it: ${pgbench}`] : [];
const everybody = typeof pgbench === 'string' ? POINT_PEERS : [...POINT_PEERS, PGBENCH];
const peers = choose(everybody, given.only);

printHeader('points: one row of PostgreSQL by primary key, 10 connections, queries per second');
const results = await withPostgres(async (server) => {
  console.log(server.name);
  notes.push(`The server: ${server.name}, on the same machine.`);
  await fillPostgres(server.url);
  process.env.FLUXOR_BENCH_POINTS_URL = server.url;
  const all = new Map<number, PointResult>();
  for (const tasks of TASKS) {
    const input = { tasks, roundMs: roundLength(given, ROUND_MS) };
    all.set(tasks, await measurePoints({ peers, job: 'points', input, warmUps: 2, rounds: given.rounds }));
  }
  return all;
});

const introductions = shortNames(results.get(64)?.introductions ?? new Map());
const tables = TASKS.map(tableOf);
printSettings(introductions);
finish(
  {
    bench: 'points',
    claim: 'P3',
    versions: Object.fromEntries([...introductions].map(([name, { version }]) => [name, version])),
    results: Object.fromEntries([...results].map(([tasks, { summaries }]) => [tasks, Object.fromEntries(summaries)])),
    goals: given.only.length === 0 ? TASKS.flatMap(goalsOf) : [],
    tables,
    charts: TASKS.map(chartOf),
    notes: [
      ...notes,
      `Prisma's client is one that was generated once and kept; its generator downloads a program of its own.`,
      'slonik and Kysely are the last versions that run on Node 20.',
    ],
  },
  given,
);

function title(tasks: number): string {
  return tasks === 1 ? '1 task' : `${tasks} tasks`;
}

function speed(tasks: number, peer: string): number {
  return results.get(tasks)?.summaries.get(peer)?.perSecond.median ?? NaN;
}

function tableOf(tasks: number): Table {
  const speeds = peers.map((peer) => [shortName(peer), results.get(tasks)?.summaries.get(peer)] as const);
  return printSpeedTable(title(tasks), speeds, introductions, { name: shortName(OURS), calledAs: 'ours' });
}

function chartOf(tasks: number): Chart {
  const bars = peers.flatMap((peer): Bar[] => {
    const perSecond = results.get(tasks)?.summaries.get(peer)?.perSecond;
    if (perSecond === undefined) return [];
    const kind = peer === OURS || peer === OURS_ALONE ? 'ours' : peer === PGBENCH ? 'limit' : 'peer';
    return [barOf(shortName(peer), perSecond, kind)];
  });
  const heading = `PostgreSQL: one row by primary key, 10 connections, ${title(tasks)}`;
  return { name: `points-${tasks}`, title: heading, unit: 'queries per second', better: 'more', bars };
}

function goalsOf(tasks: number): Goal[] {
  const ratio = (peer: string, atLeast: number): Goal => {
    const name = `${title(tasks)}: ours ÷ ${shortName(peer)}`;
    return { name, is: speed(tasks, OURS) / speed(tasks, peer), atLeast };
  };
  if (tasks === 1) return [ratio(PG_POOL_NAMED, GOAL_ONE_TASK)];
  const goals = [ratio(PG_POOL_NAMED, GOAL_POOL), ratio(POSTGRES_JS, GOAL_POOL)];
  return peers.includes(PGBENCH) ? [...goals, ratio(PGBENCH, GOAL_PGBENCH)] : goals;
}
