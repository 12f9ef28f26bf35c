/**
 * Overheads: what those who watch a runtime cost each call, over a driver that answers at once. Every figure is the difference of
 * two sides that are measured in turns, each in processes of its own; the budgets are those of docs/guide/monitoring.md.
 */
import { readArguments, roundLength } from './harness/arguments.js';
import type { Goal } from './harness/report.js';
import { finish, printHeader, printSettings, printTable } from './harness/report.js';
import { summarize } from './harness/statistics.js';
import { measure } from './harness/team.js';
import { choose, PAIRS, pathOf } from './peers/observe/lineup.js';

const TASKS = 10;

const given = readArguments(11);
const peers = choose(given.only);

printHeader(`observe: what watchers add to one call with every guard on, fake driver, ${TASKS} tasks, nanoseconds`);
const input = { tasks: TASKS, roundMs: roundLength(given, 300) };
const timed = await measure({ peers, job: 'guards', input, warmUps: 3, rounds: given.rounds });
const counted = await measure({ peers, job: 'promises', input, warmUps: 0, rounds: 1 });

const nanoseconds = (name: string): readonly number[] =>
  (timed.rounds.get(pathOf(name)) ?? []).map(({ nsPerCall = NaN }) => nsPerCall);
const promises = (name: string): number => counted.rounds.get(pathOf(name))?.[0]?.promisesPerCall ?? NaN;

const sides = peers.map((path) => {
  const name = path.slice(path.indexOf('/') + 1);
  return { name, ...summarize(nanoseconds(name)), promises: promises(name) };
});
const pairs = PAIRS.filter((pair) => [pair.with, pair.without].every((name) => peers.includes(pathOf(name)))).map(
  (pair) => ({
    ...pair,
    // Rounds of one turn, which a slow minute hits alike.
    ...summarize(nanoseconds(pair.with).map((ns, round) => ns - (nanoseconds(pair.without)[round] ?? NaN))),
    promises: promises(pair.with) - promises(pair.without),
  }),
);

const tables = [
  printTable(
    ['side', 'ns per call', 'lowest–highest', 'promises per call'],
    sides.map(({ name, median, lowest, highest, promises: made }) => [
      name,
      median.toFixed(0),
      `${lowest.toFixed(0)}–${highest.toFixed(0)}`,
      String(made),
    ]),
  ),
];
console.log('');
tables.push(
  printTable(
    ['what watches', 'adds ns', 'lowest–highest', 'budget', 'adds promises'],
    pairs.map(({ name, median, lowest, highest, budgetNs, promises: made }) => [
      name,
      median.toFixed(0),
      `${lowest.toFixed(0)}–${highest.toFixed(0)}`,
      String(budgetNs),
      String(made),
    ]),
  ),
);
printSettings([...timed.introductions].map(([path, about]) => [path.slice(path.indexOf('/') + 1), about] as const));

finish(
  {
    bench: 'observe',
    claim: 'O1',
    versions: Object.fromEntries([...timed.introductions].map(([path, { version }]) => [path, version])),
    results: { sides, pairs },
    goals: given.only.length === 0 ? pairs.flatMap(goalsOf) : [],
    tables,
    charts: [],
  },
  given,
);

function goalsOf({ name, with: watched, median, budgetNs, promises: made }: (typeof pairs)[number]): Goal[] {
  const isOff = ['default', 'left'].includes(watched);
  return [
    { name: `${name}: ns per call`, is: median, atMost: budgetNs },
    ...(isOff ? [{ name: `${name}: promises per call`, is: made, atMost: 0 }] : []),
  ];
}
