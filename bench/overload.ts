/**
 * P9: three times as many calls as can be answered, for 20 s, each caller with a deadline of 1 s: how many still get what
 * they wait for. Beside it pg's own pool, plain and with its timeout.
 */
import { readArguments, roundLength } from './harness/arguments.js';
import { barOf } from './harness/bar-chart.js';
import { finish, printHeader, printSettings, printTable, whole } from './harness/report.js';
import { withPostgres } from './harness/servers.js';
import type { Summary } from './harness/statistics.js';
import { summarize } from './harness/statistics.js';
import { measure } from './harness/team.js';
import { choose, OURS, shortName } from './peers/overload/lineup.js';
import { WORK_MS } from './peers/overload/overload-peer.js';
import { fillPostgres } from './peers/points/items-table.js';

const GOAL = 0.9;
const TIMES = 3;

const given = readArguments(5);
const peers = choose(given.only);

printHeader(
  `overload: ${TIMES} × the capacity for 20 s, each caller with a deadline of 1 s, statements of ${WORK_MS} ms`,
);
const { team, serverName } = await withPostgres(async (server) => {
  console.log(server.name);
  await fillPostgres(server.url);
  process.env.FLUXOR_BENCH_POINTS_URL = server.url;
  const input = {
    capacityMs: roundLength(given, 4_000),
    offeredMs: roundLength(given, 20_000),
    times: TIMES,
    deadlineMs: 1_000,
  };
  const measured = await measure({ peers, job: 'overload', input, warmUps: 0, rounds: given.rounds });
  return { team: measured, serverName: server.name };
});

const of = (peer: string, name: string): Summary =>
  summarize((team.rounds.get(peer) ?? []).map((numbers) => numbers[name] ?? NaN));
const shares = new Map(
  peers.map((peer) => {
    const each = (team.rounds.get(peer) ?? []).map(({ goodput = NaN, capacity = NaN }) => goodput / capacity);
    return [peer, summarize(each)];
  }),
);
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const introductions = [...team.introductions].map(([peer, introduction]) => [shortName(peer), introduction] as const);

const columns = ['capacity/s', 'offered/s', 'in time/s', 'of capacity', 'lowest–highest'];
const head = ['overload', 'version', ...columns, 'late/s', 'refused/s', 'p50 (ms)', 'p99 (ms)'];
const table = printTable(
  head,
  peers.map((peer) => {
    const share = shares.get(peer) ?? summarize([]);
    return [
      shortName(peer),
      team.introductions.get(peer)?.version ?? '',
      ...['capacity', 'made', 'goodput'].map((name) => whole(of(peer, name).median)),
      percent(share.median),
      `${percent(share.lowest)}–${percent(share.highest)}`,
      ...['late', 'refused', 'p50', 'p99'].map((name) => whole(of(peer, name).median)),
    ];
  }),
);
printSettings(introductions);

finish(
  {
    bench: 'overload',
    claim: 'P9',
    versions: Object.fromEntries(introductions.map(([name, { version }]) => [name, version])),
    results: Object.fromEntries(team.rounds),
    goals:
      given.only.length === 0
        ? [{ name: 'answers in time ÷ capacity', is: shares.get(OURS)?.median ?? NaN, atLeast: GOAL }]
        : [],
    tables: [table],
    charts: [
      {
        name: 'overload',
        title: `Answers in time under ${TIMES} times the capacity, for 20 s`,
        unit: "percent of the pool's own capacity",
        better: 'more',
        bars: peers.map((peer) => {
          const kind = shortName(peer).startsWith(shortName(OURS)) ? 'ours' : 'peer';
          return barOf(shortName(peer), summarize((shares.get(peer)?.rounds ?? []).map((share) => share * 100)), kind);
        }),
      },
    ],
    notes: [`The server: ${serverName}, on the same machine; a statement takes it ${WORK_MS} ms.`],
  },
  given,
);
