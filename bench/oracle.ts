/**
 * P5: one row by its primary key over Oracle's wire, 16 tasks, 10 connections: ours over `oracledb` beside that library's own pool, as it
 * comes and with the same options of each call. The server is the wire-level one of the tests in a process of its own, and no Oracle
 * Database; it answers out of its head. Every answer is compared with what was asked for.
 */
import { readArguments, roundLength } from './harness/arguments.js';
import type { Bar, Chart } from './harness/bar-chart.js';
import { barOf } from './harness/bar-chart.js';
import type { Goal, Table } from './harness/report.js';
import { finish, printHeader, printSettings, printTable, whole } from './harness/report.js';
import { withOracleItems } from './harness/servers.js';
import { choose, ORACLE_PEERS, ORACLEDB_POOL, ORACLEDB_POOL_EQUAL } from './peers/points/lineup.js';
import { OURS_OVER_ORACLEDB, shortName } from './peers/points/lineup.js';
import { measurePoints, shortNames } from './peers/points/measured.js';

const TASKS = 16;
const ROUND_MS = 1_000;
const GOAL = 0.95;

const given = readArguments(7);
const peers = choose(ORACLE_PEERS, given.only);

printHeader("oracle: one row by primary key over Oracle's wire, 10 connections, 16 tasks, queries per second");
const { name: server, result } = await withOracleItems(async ({ name, url }) => {
  process.env.FLUXOR_BENCH_POINTS_URL = url;
  const input = { tasks: TASKS, roundMs: roundLength(given, ROUND_MS) };
  return { name, result: await measurePoints({ peers, job: 'points', input, warmUps: 2, rounds: given.rounds }) };
});
const { summaries } = result;
const introductions = shortNames(result.introductions);
const table = tableOf();
printSettings(introductions);
finish(
  {
    bench: 'oracle',
    claim: 'P5',
    versions: Object.fromEntries([...introductions].map(([name, { version }]) => [name, version])),
    results: Object.fromEntries(summaries),
    goals: given.only.length === 0 ? [ORACLEDB_POOL, ORACLEDB_POOL_EQUAL].map(goalBeside) : [],
    tables: [table],
    charts: [chart()],
    notes: [`The server: ${server}, on the same machine.`],
  },
  given,
);

function speed(peer: string): number {
  return summaries.get(peer)?.perSecond.median ?? NaN;
}

function tableOf(): Table {
  console.log('');
  const rows = peers.map((peer) => {
    const summary = summaries.get(peer);
    if (summary === undefined) return [shortName(peer)];
    const { perSecond, cpuUs, p99 } = summary;
    return [
      shortName(peer),
      introductions.get(shortName(peer))?.version ?? '',
      whole(perSecond.median),
      `${whole(perSecond.lowest)}–${whole(perSecond.highest)}`,
      peer === OURS_OVER_ORACLEDB ? '' : (speed(OURS_OVER_ORACLEDB) / perSecond.median).toFixed(2),
      cpuUs?.median.toFixed(1) ?? '',
      p99?.median.toFixed(2) ?? '',
    ];
  });
  const head = [`${TASKS} tasks`, 'version', 'queries/s', 'lowest–highest', 'ours ÷ this', 'CPU µs/query', 'p99 (ms)'];
  return printTable(head, rows);
}

function chart(): Chart {
  const bars = peers.flatMap((peer): Bar[] => {
    const perSecond = summaries.get(peer)?.perSecond;
    if (perSecond === undefined) return [];
    return [barOf(shortName(peer), perSecond, peer === OURS_OVER_ORACLEDB ? 'ours' : 'peer')];
  });
  const title = `${server}: one row by primary key, 10 connections, ${TASKS} tasks`;
  return { name: 'points-oracle', title, unit: 'queries per second', better: 'more', bars };
}

function goalBeside(rival: string): Goal {
  return {
    name: `ours ÷ ${shortName(rival)}`,
    is: speed(OURS_OVER_ORACLEDB) / speed(rival),
    atLeast: GOAL,
  };
}
