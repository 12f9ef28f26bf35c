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
import { BARE, OURS, PEERS } from './peers/lineup.js';

const GOAL = 1.2;
/** The same for few and many, so that the event loop turns as seldom for both. */
const CALLS = 1_001_000;

/**
 * A pool of 10 has 10 tasks at work; the others wait. What grows has the rest held still, but for the tasks that it takes: with
 * `connections` and `runtimes` the same number of tasks asks.
 */
const GROWTHS = [
  {
    name: 'waiters',
    from: 10,
    to: 10_000,
    road: (waiters: number) => ({ runtimes: 1, connections: 10, tasks: 10 + waiters }),
    pool: (waiters: number) => ({ connections: 10, tasks: 10 + waiters }),
  },
  {
    name: 'connections',
    from: 10,
    to: 500,
    road: (connections: number) => ({ runtimes: 1, connections, tasks: 10 }),
    pool: (connections: number) => ({ connections, tasks: 10 }),
  },
  {
    name: 'runtimes',
    from: 1,
    to: 100,
    road: (runtimes: number) => ({ runtimes, connections: 100 / runtimes, tasks: 100 }),
    pool: undefined,
  },
] as const;

const given = readArguments(7);
const calls = roundLength(given, CALLS);
/** Its line takes 1,000 by default. */
const pools = [OURS, ...PEERS.filter((name) => name !== 'lightning-pool'), BARE];
/** The least that a call could be, with a line and nothing else: what grows there grows for everybody. Information, no excuse. */
const BARE_PATH = 'growth/bare';
const OUR_PATH = 'growth/fluxor';
const paths = [OUR_PATH, BARE_PATH];

interface Grown {
  readonly few: Summary;
  readonly many: Summary;
}

printHeader('growth: one call where there is more of everything, nanoseconds');
const roads = new Map<string, ReadonlyMap<string, Grown>>();
const cycles = new Map<string, ReadonlyMap<string, Grown>>();
const versions: Record<string, string> = {};
for (const { name, from, to, road, pool } of GROWTHS) {
  roads.set(name, grown(paths, await measureRoads(road(from)), await measureRoads(road(to))));
  if (pool === undefined) continue;
  cycles.set(name, grown(pools, await measurePools(pool(from)), await measurePools(pool(to))));
}

const roadTable = printTable(
  ['calls', 'from', 'to', 'ns at the least', 'lowest–highest', 'ns at the most', 'lowest–highest', 'grows by'],
  GROWTHS.flatMap(({ name, from, to }) =>
    paths.map((path) => {
      const what = path === OUR_PATH ? name : `${name}; bare`;
      return [what, from.toLocaleString('en'), to.toLocaleString('en'), ...cells(roads.get(name)?.get(path))];
    }),
  ),
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
      roads: Object.fromEntries([...roads].map(([name, perPath]) => [name, Object.fromEntries(perPath)])),
      pools: Object.fromEntries([...cycles].map(([name, perPool]) => [name, Object.fromEntries(perPool)])),
    },
    goals: GROWTHS.flatMap(goalsOf),
    tables: [roadTable, ...poolTables],
    charts: [],
    notes: ['lightning-pool takes no part: its line takes 1,000, and refuses the others.'],
  },
  given,
);

/**
 * As it is, whatever of it is the machine's: more calls in flight take more of the processor's caches and of the garbage
 * collector from everybody. What the bare line grows by in the same run stands beside it as a note, and excuses nothing.
 */
function goalsOf({ name, from, to }: (typeof GROWTHS)[number]): Goal[] {
  const growthOf = (path: string): number => {
    const { few, many } = roads.get(name)?.get(path) ?? { few: summarize([]), many: summarize([]) };
    return many.median / few.median;
  };
  const what = `${name}: cost of a call at ${to.toLocaleString('en')} ÷ at ${from}`;
  return [
    { name: what, is: growthOf(OUR_PATH), atMost: GOAL },
    { name: `${what}; bare`, is: growthOf(BARE_PATH), atMost: GOAL, isNote: true },
  ];
}

async function measureRoads(shape: Readonly<Record<string, number>>): Promise<ReadonlyMap<string, Summary>> {
  const input = { ...shape, calls };
  const team = await measure({ peers: paths, job: 'growth', input, warmUps: 2, rounds: given.rounds });
  return new Map(
    [...team.rounds].map(([path, numbers]) => [path, summarize(numbers.map(({ nsPerCall = NaN }) => nsPerCall))]),
  );
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

function grown(
  names: readonly string[],
  few: ReadonlyMap<string, Summary>,
  many: ReadonlyMap<string, Summary>,
): ReadonlyMap<string, Grown> {
  const none = summarize([]);
  return new Map(names.map((name) => [name, { few: few.get(name) ?? none, many: many.get(name) ?? none }]));
}

function cells(both: Grown | undefined): string[] {
  if (both === undefined) return [];
  const range = ({ lowest, highest }: Summary): string => `${lowest.toFixed(0)}–${highest.toFixed(0)}`;
  const { few, many } = both;
  const grows = `${(many.median / few.median).toFixed(2)} ×`;
  return [few.median.toFixed(0), range(few), many.median.toFixed(0), range(many), grows];
}
