/**
 * 50 requests at once of 2 ms each, 5 warm connections, room for 50, and 150 ms to connect: a pool that lets waiters have
 * whatever comes free first is done before the first new connection is there, and one that grows with care has no
 * storm of connections to show for it.
 */
import { readArguments } from './harness/arguments.js';
import type { Chart } from './harness/bar-chart.js';
import { barOf } from './harness/bar-chart.js';
import type { Goal } from './harness/report.js';
import { finish, printHeader, printTable } from './harness/report.js';
import { summarize } from './harness/statistics.js';
import { measure } from './harness/team.js';
import { BARE, choose, OURS } from './peers/lineup.js';

const GOAL_MS = 25;
const GOAL_OPEN = 7;
/** Beside the bare stack, whose five connections need ten waves of 2 ms. */
const GOAL_RATIO = 1.15;

const given = readArguments(7);
const { rounds, only } = given;
const peers = choose(only);
const input = { connectMs: 150, queryMs: 2, warm: 5, size: 50, requests: 50 };

printHeader('spike: 50 requests of 2 ms on 5 warm connections, 150 ms to connect, at most 50');
const { introductions, rounds: measured } = await measure({ peers, job: 'spike', input, warmUps: 2, rounds });
const results = new Map(
  [...measured].map(([name, numbers]) => [
    name,
    {
      elapsedMs: summarize(numbers.map(({ elapsedMs = NaN }) => elapsedMs)),
      openBefore: summarize(numbers.map(({ openBefore = NaN }) => openBefore)),
      openAfter: summarize(numbers.map(({ openAfter = NaN }) => openAfter)),
    },
  ]),
);

const table = printTable(
  ['pool', 'version', 'all done (ms)', 'lowest–highest', 'open before', 'open after'],
  [...results].map(([name, { elapsedMs, openBefore, openAfter }]) => [
    name,
    introductions.get(name)?.version ?? '',
    elapsedMs.median.toFixed(1),
    `${elapsedMs.lowest.toFixed(1)}–${elapsedMs.highest.toFixed(1)}`,
    String(openBefore.median),
    String(openAfter.highest),
  ]),
);

finish(
  {
    bench: 'spike',
    claim: 'growth of the pool',
    versions: Object.fromEntries([...introductions].map(([name, { version }]) => [name, version])),
    results: Object.fromEntries(results),
    tables: [table],
    charts: [chartOf()],
    goals: only.length === 0 ? goals() : [],
  },
  given,
);

function chartOf(): Chart {
  const bars = [...results].map(([name, { openAfter }]) => {
    return barOf(name, openAfter, name === OURS ? 'ours' : name === BARE ? 'limit' : 'peer');
  });
  const title = '50 requests of 2 ms at once on 5 warm connections, at most 50';
  return { name: 'spike', title, unit: 'connections open after it', better: 'less', bars };
}

function goals(): Goal[] {
  const ours = results.get(OURS);
  const bare = results.get(BARE);
  if (ours === undefined) return [];
  const found: Goal[] = [
    { name: 'connections open after it', is: ours.openAfter.highest, atMost: GOAL_OPEN },
    { name: 'milliseconds until all are done', is: ours.elapsedMs.median, atMost: GOAL_MS, isNote: true },
  ];
  if (bare !== undefined) {
    const is = ours.elapsedMs.median / bare.elapsedMs.median;
    found.push({ name: 'time ÷ that of five connections shared by hand', is, atMost: GOAL_RATIO });
  }
  return found;
}
