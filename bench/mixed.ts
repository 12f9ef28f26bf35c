/**
 * P6: point reads with reports of 50 ms among them (0.5 %, 2 %, 5 %), 64 tasks over 10 connections of PostgreSQL: what the
 * reads have to wait, and that no report waits for ever in their place.
 */
import { readArguments, roundLength } from './harness/arguments.js';
import type { Bar, Chart } from './harness/bar-chart.js';
import { barOf } from './harness/bar-chart.js';
import type { Goal, Table } from './harness/report.js';
import { finish, printHeader, printSettings, printTable, whole } from './harness/report.js';
import { withPostgres } from './harness/servers.js';
import type { PointResult } from './peers/points/measured.js';
import { measurePoints, shortNames } from './peers/points/measured.js';
import { fillPostgres } from './peers/points/items-table.js';
import { choose, MIXED_PEERS, OURS, OURS_ALONE, PG_POOL_NAMED, shortName } from './peers/points/lineup.js';

/** Reports among 1,000 calls. */
const SHARES = [5, 20, 50] as const;
const TASKS = 64;
const ROUND_MS = 4_000;
const GOAL_P99 = 0.25;
/** How many calls per second, beside pg.Pool with a named statement. */
const GOAL_THROUGHPUT: Readonly<Record<number, number>> = { 5: 1.3, 50: 0.9 };
/** A report's deadline, the default. */
const DEADLINE_MS = 30_000;

const given = readArguments(5);
const peers = choose(MIXED_PEERS, given.only);

printHeader('mixed: point reads with reports of 50 ms among them, 10 connections, 64 tasks');
let serverName = '';
const results = await withPostgres(async (server) => {
  console.log(server.name);
  serverName = server.name;
  await fillPostgres(server.url);
  process.env.FLUXOR_BENCH_POINTS_URL = server.url;
  const all = new Map<number, PointResult>();
  for (const reports of SHARES) {
    const input = { tasks: TASKS, reports, roundMs: roundLength(given, ROUND_MS) };
    all.set(reports, await measurePoints({ peers, job: 'mixed', input, warmUps: 1, rounds: given.rounds }));
  }
  return all;
});

const introductions = shortNames(results.get(5)?.introductions ?? new Map());
const tables = SHARES.map(tableOf);
printSettings(introductions);
finish(
  {
    bench: 'mixed',
    claim: 'P6',
    versions: Object.fromEntries([...introductions].map(([name, { version }]) => [name, version])),
    results: Object.fromEntries([...results].map(([share, { summaries }]) => [share, Object.fromEntries(summaries)])),
    goals: given.only.length === 0 ? SHARES.flatMap(goalsOf) : [],
    tables,
    charts: SHARES.map(chartOf),
    notes: [`The server: ${serverName}, on the same machine.`],
  },
  given,
);

function title(share: number): string {
  return `${share / 10} % reports`;
}

function tableOf(share: number): Table {
  console.log('');
  const rows = peers.map((peer) => {
    const summary = results.get(share)?.summaries.get(peer);
    if (summary === undefined) return [shortName(peer)];
    const { perSecond, p50, p99, reportWaitMs } = summary;
    return [
      shortName(peer),
      introductions.get(shortName(peer))?.version ?? '',
      p50?.median.toFixed(2) ?? '',
      p99?.median.toFixed(2) ?? '',
      p99 === undefined ? '' : `${p99.lowest.toFixed(2)}–${p99.highest.toFixed(2)}`,
      whole(perSecond.median),
      `${whole(perSecond.lowest)}–${whole(perSecond.highest)}`,
      reportWaitMs?.highest.toFixed(0) ?? '',
    ];
  });
  const reads = ['point p50 (ms)', 'point p99 (ms)', 'lowest–highest'];
  const head = [title(share), 'version', ...reads, 'calls/s', 'lowest–highest', 'longest report wait (ms)'];
  return printTable(head, rows);
}

function chartOf(share: number): Chart {
  const bars = peers.flatMap((peer): Bar[] => {
    const p99 = results.get(share)?.summaries.get(peer)?.p99;
    if (p99 === undefined) return [];
    const kind = peer === OURS || peer === OURS_ALONE ? 'ours' : 'peer';
    return [barOf(shortName(peer), p99, kind)];
  });
  const heading = `Point reads beside ${title(share)} of 50 ms: the slowest of 100`;
  return { name: `mixed-${share}`, title: heading, unit: 'p99 of the point reads, ms', better: 'less', bars };
}

function goalsOf(share: number): Goal[] {
  const [ours, rival] = [OURS, PG_POOL_NAMED].map((peer) => results.get(share)?.summaries.get(peer));
  const ratio = (name: 'p99' | 'perSecond'): number => (ours?.[name]?.median ?? NaN) / (rival?.[name]?.median ?? NaN);
  const beside = shortName(PG_POOL_NAMED);
  const throughput = GOAL_THROUGHPUT[share];
  const goals: Goal[] = [
    { name: `${title(share)}: p99 of the reads, ours ÷ ${beside}`, is: ratio('p99'), atMost: GOAL_P99 },
    // A report that met its deadline would have ended the run.
    {
      name: `${title(share)}: longest wait of a report, ms`,
      is: ours?.reportWaitMs?.highest ?? NaN,
      atMost: DEADLINE_MS,
    },
  ];
  if (throughput === undefined) return goals;
  return [
    ...goals,
    { name: `${title(share)}: calls/s, ours ÷ ${beside}`, is: ratio('perSecond'), atLeast: throughput },
  ];
}
