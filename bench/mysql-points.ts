/**
 * P4: one row of MySQL 9.7 and of MariaDB 10.11 by its primary key, 64 tasks, 10 connections: ours over either client
 * library beside that library's own pool. Every answer is compared with what was asked for.
 */
import { readArguments, roundLength } from './harness/arguments.js';
import type { Bar, Chart } from './harness/bar-chart.js';
import { barOf } from './harness/bar-chart.js';
import type { Goal, Table } from './harness/report.js';
import { finish, printHeader, printSettings } from './harness/report.js';
import { withMysql } from './harness/servers.js';
import { printSpeedTable } from './harness/speed-table.js';
import type { PointResult } from './peers/points/measured.js';
import { measurePoints, shortNames } from './peers/points/measured.js';
import { fillMysql } from './peers/points/items-table.js';
import { choose, MARIADB_POOL, MYSQL2_POOL, MYSQL_PEERS, OURS_OVER_MARIADB } from './peers/points/lineup.js';
import { OURS_OVER_MYSQL2, shortName } from './peers/points/lineup.js';

const TASKS = 64;
const ROUND_MS = 1_000;
/** Ours, whose pool it is beside, and how many times its speed. */
const RATIOS = [
  [OURS_OVER_MARIADB, MYSQL2_POOL, 2],
  [OURS_OVER_MARIADB, MARIADB_POOL, 1.5],
  [OURS_OVER_MYSQL2, MYSQL2_POOL, 0.95],
] as const;

const given = readArguments(5);
const peers = choose(MYSQL_PEERS, given.only);
const results = new Map<string, PointResult>();

printHeader(
  'mysql-points: one row of MySQL and of MariaDB by primary key, 10 connections, 64 tasks, queries per second',
);
for (const product of ['mysql', 'mariadb'] as const) {
  await withMysql(product, async (server) => {
    await fillMysql(server.url);
    process.env.FLUXOR_BENCH_POINTS_URL = server.url;
    const input = { tasks: TASKS, roundMs: roundLength(given, ROUND_MS) };
    const result = await measurePoints({ peers, job: 'points', input, warmUps: 2, rounds: given.rounds });
    results.set(server.name, result);
  });
}

const introductions = shortNames([...results.values()][0]?.introductions ?? new Map());
const tables = [...results.keys()].map(tableOf);
printSettings(introductions);
finish(
  {
    bench: 'mysql-points',
    claim: 'P4',
    versions: Object.fromEntries([...introductions].map(([name, { version }]) => [name, version])),
    results: Object.fromEntries([...results].map(([name, { summaries }]) => [name, Object.fromEntries(summaries)])),
    goals: given.only.length === 0 ? [...results.keys()].flatMap(goalsOf) : [],
    tables,
    charts: [...results.keys()].map(chartOf),
  },
  given,
);

function speed(server: string, peer: string): number {
  return results.get(server)?.summaries.get(peer)?.perSecond.median ?? NaN;
}

function tableOf(server: string): Table {
  const speeds = peers.map((peer) => [shortName(peer), results.get(server)?.summaries.get(peer)] as const);
  const ours = shortName(OURS_OVER_MARIADB);
  return printSpeedTable(server, speeds, introductions, { name: ours, calledAs: ours });
}

function chartOf(server: string): Chart {
  const bars = peers.flatMap((peer): Bar[] => {
    const perSecond = results.get(server)?.summaries.get(peer)?.perSecond;
    if (perSecond === undefined) return [];
    const kind = peer === OURS_OVER_MARIADB || peer === OURS_OVER_MYSQL2 ? 'ours' : 'peer';
    return [barOf(shortName(peer), perSecond, kind)];
  });
  const name = `points-${server.startsWith('MariaDB') ? 'mariadb' : 'mysql'}`;
  const title = `${server}: one row by primary key, 10 connections, ${TASKS} tasks`;
  return { name, title, unit: 'queries per second', better: 'more', bars };
}

function goalsOf(server: string): Goal[] {
  return RATIOS.map(([ours, rival, atLeast]) => ({
    name: `${server}: ${shortName(ours)} ÷ ${shortName(rival)}`,
    is: speed(server, ours) / speed(server, rival),
    atLeast,
  }));
}
