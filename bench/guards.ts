/**
 * P1: a call with every guard on (deadline, retry, breaker, rate limit, connection limit, acquire, metrics) over a driver
 * that answers at once, by 1, 10 and 64 tasks, beside the libraries of guards and the bare driver call. Rows and guards
 * are proved before anything is timed.
 */
import { readArguments } from './harness/arguments.js';
import type { Chart } from './harness/bar-chart.js';
import { barOf } from './harness/bar-chart.js';
import type { Goal, Table } from './harness/report.js';
import { finish, printHeader, printTable } from './harness/report.js';
import type { Summary } from './harness/statistics.js';
import { summarize } from './harness/statistics.js';
import type { Introduction } from './harness/team.js';
import { measure } from './harness/team.js';
import { BARE, choose, OURS, RIVAL, shortName } from './peers/guards/lineup.js';

const TASKS = [1, 10, 64] as const;
const GOAL_NS = 1_500;
const GOAL_RATIO = 10;

const given = readArguments(9);
const { rounds, only } = given;
const peers = choose(only);
const results = new Map<number, ReadonlyMap<string, Summary>>();
const tables: Table[] = [];
let introductions: ReadonlyMap<string, Introduction> = new Map();

printHeader('guards: one call with every guard on, fake driver, nanoseconds');
for (const tasks of TASKS) {
  const input = { tasks, roundMs: 300 };
  const team = await measure({ peers, job: 'guards', input, warmUps: 3, rounds });
  introductions = team.introductions;
  const perPeer = [...team.rounds].map(
    ([peer, numbers]) => [peer, summarize(numbers.map(({ nsPerCall = NaN }) => nsPerCall))] as const,
  );
  results.set(tasks, new Map(perPeer));
  tables.push(printResults(tasks));
}

console.log('Settings');
for (const [peer, { settings, lacks }] of introductions) {
  console.log(`  ${shortName(peer)}: ${settings}${lacks === '' ? '' : `\n    lacks: ${lacks}`}`);
}

finish(
  {
    bench: 'guards',
    claim: 'P1',
    versions: Object.fromEntries([...introductions].map(([peer, { version }]) => [shortName(peer), version])),
    results: Object.fromEntries(
      [...results].map(([tasks, perPeer]) => [
        tasks,
        Object.fromEntries([...perPeer].map(([peer, summary]) => [shortName(peer), summary])),
      ]),
    ),
    goals: only.length === 0 ? TASKS.flatMap(goalsOf) : [],
    tables,
    charts: [chartOf(10)],
  },
  given,
);

/** What the guards of a peer add to the bare call. */
function aboveBare(tasks: number, peer: string): number {
  const perPeer = results.get(tasks);
  return (perPeer?.get(peer)?.median ?? NaN) - (perPeer?.get(BARE)?.median ?? NaN);
}

function printResults(tasks: number): Table {
  const rows = [...(results.get(tasks) ?? [])].map(([peer, { median, lowest, highest }]) => {
    const above = aboveBare(tasks, peer);
    const ratio = aboveBare(tasks, RIVAL) / above;
    return [
      shortName(peer),
      introductions.get(peer)?.version ?? '',
      median.toFixed(0),
      `${lowest.toFixed(0)}–${highest.toFixed(0)}`,
      peer === BARE ? '' : above.toFixed(0),
      peer === BARE || Number.isNaN(ratio) ? '' : ratio.toFixed(2),
    ];
  });
  console.log('');
  return printTable(
    [title(tasks), 'version', 'ns per call', 'lowest–highest', 'above bare', "cockatiel's ÷ this"],
    rows,
  );
}

function chartOf(tasks: number): Chart {
  const bars = [...(results.get(tasks) ?? [])].map(([peer, summary]) => {
    const kind = shortName(peer).startsWith('fluxor') ? 'ours' : peer === BARE ? 'limit' : 'peer';
    return barOf(shortName(peer), summary, kind);
  });
  const heading = `One call with every guard on, over a driver that answers at once, ${title(tasks)}`;
  return { name: 'guards', title: heading, unit: 'nanoseconds per call', better: 'less', bars };
}

function title(tasks: number): string {
  return tasks === 1 ? '1 task' : `${tasks} tasks`;
}

function goalsOf(tasks: number): Goal[] {
  const ours = aboveBare(tasks, OURS);
  return [
    { name: `${title(tasks)}: ns above the bare driver call`, is: ours, atMost: GOAL_NS },
    {
      name: `${title(tasks)}: what cockatiel adds ÷ what ours adds`,
      is: aboveBare(tasks, RIVAL) / ours,
      atLeast: GOAL_RATIO,
    },
  ];
}
