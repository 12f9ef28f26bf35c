/**
 * P10: what a call costs where there is more of everything: 10 and 10,000 waiters, 10 and 500 connections, 1 and 100
 * runtimes. The whole road over a driver that answers at once, and, beside their peers, the pools alone.
 */
import { readArguments, roundLength } from './harness/arguments.js';
import type { Goal, Table } from './harness/report.js';
import { finish, printHeader, printTable } from './harness/report.js';
import type { Summary } from './harness/statistics.js';
import { summarize } from './harness/statistics.js';
import { measure } from './harness/team.js';
import { OURS as OUR_ROAD } from './peers/guards/lineup.js';
import { OURS, PEERS } from './peers/lineup.js';

const GOAL = 1.2;
/** The same for few and many, so that the event loop turns as seldom for both. */
const CALLS = 1_001_000;

/** A pool of 10 has 10 tasks at work; the others wait. */
const GROWTHS = [
  {
    name: 'waiters',
    from: 10,
    to: 10_000,
    road: (waiters: number) => ({ runtimes: 1, connections: 10, tasks: 10 + waiters }),
    pool: (waiters: number) => ({ connections: 10, tasks: 10 + waiters }),
  },
  {
    name: 'connections, all at work',
    from: 10,
    to: 500,
    road: (connections: number) => ({ runtimes: 1, connections, tasks: connections }),
    pool: (connections: number) => ({ connections, tasks: connections }),
  },
  {
    name: 'runtimes, 10 tasks each',
    from: 1,
    to: 100,
    road: (runtimes: number) => ({ runtimes, connections: 10, tasks: 10 * runtimes }),
    pool: undefined,
  },
] as const;

const given = readArguments(7);
const calls = roundLength(given, CALLS);
/** Its line takes 1,000 by default. */
const pools = [OURS, ...PEERS.filter((name) => name !== 'lightning-pool')];

interface Grown {
  readonly few: Summary;
  readonly many: Summary;
}

printHeader('growth: one call where there is more of everything, nanoseconds');
const roads = new Map<string, Grown>();
const cycles = new Map<string, ReadonlyMap<string, Grown>>();
const versions: Record<string, string> = {};
for (const { name, from, to, road, pool } of GROWTHS) {
  const [few, many] = [await measureRoad(road(from)), await measureRoad(road(to))];
  roads.set(name, { few, many });
  if (pool === undefined) continue;
  const [poolsFew, poolsMany] = [await measurePools(pool(from)), await measurePools(pool(to))];
  cycles.set(
    name,
    new Map(
      pools.map((each) => {
        return [each, { few: poolsFew.get(each) ?? summarize([]), many: poolsMany.get(each) ?? summarize([]) }];
      }),
    ),
  );
}

const roadTable = printTable(
  [
    'whole road, ours',
    'from',
    'to',
    'ns per call',
    'lowest–highest',
    'ns per call at the most',
    'lowest–highest',
    'grows by',
  ],
  GROWTHS.map(({ name, from, to }) => [
    name,
    from.toLocaleString('en'),
    to.toLocaleString('en'),
    ...cells(roads.get(name)),
  ]),
);
const poolTables = GROWTHS.flatMap(({ name, from, to }): Table[] => {
  const perPool = cycles.get(name);
  if (perPool === undefined) return [];
  console.log('');
  const head = [`pools: ${name}`, 'version', `ns at ${from}`, 'lowest–highest', `ns at ${to.toLocaleString('en')}`];
  const rows = pools.map((each) => [each, versions[each] ?? '', ...cells(perPool.get(each))]);
  return [printTable([...head, 'lowest–highest', 'grows by'], rows)];
});

finish(
  {
    bench: 'growth',
    claim: 'P10',
    versions,
    results: {
      roads: Object.fromEntries(roads),
      pools: Object.fromEntries([...cycles].map(([name, perPool]) => [name, Object.fromEntries(perPool)])),
    },
    goals: GROWTHS.map(({ name, from, to }): Goal => {
      const { few, many } = roads.get(name) ?? { few: summarize([]), many: summarize([]) };
      const what = `${name}: cost of a call at ${to.toLocaleString('en')} ÷ at ${from}`;
      return { name: what, is: many.median / few.median, atMost: GOAL };
    }),
    tables: [roadTable, ...poolTables],
    charts: [],
    notes: ['lightning-pool takes no part: its line takes 1,000, and refuses the others.'],
  },
  given,
);

async function measureRoad(shape: Readonly<Record<string, number>>): Promise<Summary> {
  const input = { ...shape, calls };
  const team = await measure({ peers: [OUR_ROAD], job: 'growth', input, warmUps: 2, rounds: given.rounds });
  return summarize((team.rounds.get(OUR_ROAD) ?? []).map(({ nsPerCall = NaN }) => nsPerCall));
}

async function measurePools(shape: Readonly<Record<string, number>>): Promise<ReadonlyMap<string, Summary>> {
  const input = { ...shape, roundMs: 1, batch: calls };
  const team = await measure({ peers: pools, job: 'cycle', input, warmUps: 1, rounds: given.rounds });
  for (const [name, { version }] of team.introductions) versions[name] = version;
  return new Map(
    [...team.rounds].map(([name, numbers]) => {
      return [name, summarize(numbers.map(({ cyclesPerSecond = NaN }) => 1e9 / cyclesPerSecond))];
    }),
  );
}

function cells(grown: Grown | undefined): string[] {
  if (grown === undefined) return [];
  const range = ({ lowest, highest }: Summary): string => `${lowest.toFixed(0)}–${highest.toFixed(0)}`;
  const { few, many } = grown;
  const grows = `${(many.median / few.median).toFixed(2)} ×`;
  return [few.median.toFixed(0), range(few), many.median.toFixed(0), range(many), grows];
}
