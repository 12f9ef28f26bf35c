/**
 * P2: acquire and release on a stub, by 1, 64 and 1,000 tasks over 10 connections, every guard of ours on, beside five
 * peers with their ordinary settings. Order of service is checked before anything is timed.
 */
import { readArguments } from './harness/arguments.js';
import type { Chart } from './harness/bar-chart.js';
import { barOf } from './harness/bar-chart.js';
import type { Goal } from './harness/report.js';
import { finish, printHeader, printTable } from './harness/report.js';
import type { Summary } from './harness/statistics.js';
import { summarize } from './harness/statistics.js';
import type { Introduction } from './harness/team.js';
import { measure } from './harness/team.js';
import { BARE, choose, OURS } from './peers/lineup.js';

const TASKS = [1, 64, 1_000] as const;
const CONNECTIONS = 10;
const GOAL_RATIO = 1.5;
const GOAL_MILLIONS = 2;

const given = readArguments(7);
const { rounds, only } = given;
const peers = choose(only);
const results = new Map<number, ReadonlyMap<string, Summary>>();
let introductions: ReadonlyMap<string, Introduction> = new Map();

printHeader('pool-cycle: acquire + release, stub connections, million cycles per second');
for (const tasks of TASKS) {
  const input = { tasks, connections: CONNECTIONS, roundMs: 300 };
  const team = await measure({ peers, job: 'cycle', input, warmUps: 3, rounds });
  introductions = team.introductions;
  const perPeer = [...team.rounds].map(([name, numbers]) => {
    const millions = numbers.map(({ cyclesPerSecond = NaN }) => cyclesPerSecond / 1e6);
    return [name, summarize(millions)] as const;
  });
  results.set(tasks, new Map(perPeer));
}

const title = (tasks: number): string => (tasks === 1 ? '1 task' : `${tasks.toLocaleString('en')} tasks`);
const table = printTable(
  ['pool', 'version', ...TASKS.flatMap((tasks) => [title(tasks), 'lowest–highest'])],
  peers.map((name) => [
    name,
    introductions.get(name)?.version ?? '',
    ...TASKS.flatMap((tasks) => {
      const summary = results.get(tasks)?.get(name);
      if (summary === undefined) return ['', ''];
      return [summary.median.toFixed(2), `${summary.lowest.toFixed(2)}–${summary.highest.toFixed(2)}`];
    }),
  ]),
);
console.log('\nSettings');
for (const [name, { settings, lacks }] of introductions) {
  console.log(`  ${name}: ${settings}${lacks === '' ? '' : `\n    lacks: ${lacks}`}`);
}

finish(
  {
    bench: 'pool-cycle',
    claim: 'P2',
    versions: Object.fromEntries([...introductions].map(([name, { version }]) => [name, version])),
    results: Object.fromEntries([...results].map(([tasks, perPeer]) => [tasks, Object.fromEntries(perPeer)])),
    tables: [table],
    charts: TASKS.map(chartOf),
    // The best of some is not the best.
    goals: only.length === 0 ? TASKS.flatMap(goalsOf) : [],
  },
  given,
);

function chartOf(tasks: number): Chart {
  const bars = [...(results.get(tasks) ?? [])].map(([name, summary]) => {
    return barOf(name, summary, name === OURS ? 'ours' : name === BARE ? 'limit' : 'peer');
  });
  const heading = `Acquire and release over ${CONNECTIONS} stub connections, ${title(tasks)}`;
  return { name: `pool-cycle-${tasks}`, title: heading, unit: 'million cycles per second', better: 'more', bars };
}

function goalsOf(tasks: number): Goal[] {
  const perPeer = results.get(tasks) ?? new Map<string, Summary>();
  const ours = perPeer.get(OURS)?.median;
  const [best] = [...perPeer]
    .filter(([name]) => name !== OURS && name !== BARE)
    .sort(([, a], [, b]) => b.median - a.median);
  if (ours === undefined || best === undefined) return [];
  return [
    { name: `${title(tasks)}: ours ÷ ${best[0]}, the best peer`, is: ours / best[1].median, atLeast: GOAL_RATIO },
    { name: `${title(tasks)}: million cycles per second`, is: ours, atLeast: GOAL_MILLIONS, isNote: true },
  ];
}
