/**
 * Leaving the line: 10,000 and 100,000 waiters called away in no order must cost the same each, and a million acquires that
 * time out must leave nothing on the heap. Ours alone: no peer can cancel a waiter.
 */
import { readArguments } from './harness/arguments.js';
import { finish, printHeader, printTable, round } from './harness/report.js';
import { summarize } from './harness/statistics.js';
import { measure } from './harness/team.js';
import { OURS } from './peers/lineup.js';

const [FEW, MANY] = [10_000, 100_000] as const;
const TIMEOUTS = 1_000_000;
/** Ten times the waiters, so ten times the memory to walk through: some of it in slower caches. */
const GOAL_GROWTH = 2;
/** 1 MiB for a million: a byte each, where the smallest thing forgotten would be 16. */
const GOAL_HEAP_MIB = 1;

const given = readArguments(5);
const { rounds } = given;
printHeader('waiters: leaving the line');

const rows: string[][] = [];
const perWaiter = new Map<number, number>();
const results: Record<string, unknown> = {};
for (const waiters of [FEW, MANY]) {
  // As many waiters in either warm-up, or the few would be measured before their code is optimized.
  const warmUps = (2 * MANY) / waiters;
  const team = await measure({ peers: [OURS], job: 'cancel', input: { waiters }, warmUps, rounds });
  const numbers = team.rounds.get(OURS) ?? [];
  const join = summarize(numbers.map(({ joinMs = NaN }) => joinMs));
  const cancel = summarize(numbers.map(({ cancelMs = NaN }) => cancelMs));
  perWaiter.set(waiters, (cancel.median / waiters) * 1e3);
  results[`cancel${waiters}`] = { join, cancel };
  const each = (ms: number): string => `${round((ms / waiters) * 1e3)} µs`;
  const spread = `${cancel.lowest.toFixed(0)}–${cancel.highest.toFixed(0)}`;
  rows.push([waiters.toLocaleString('en'), each(join.median), cancel.median.toFixed(0), spread, each(cancel.median)]);
}
const cancelled = printTable(
  ['waiters cancelled', 'join, each', 'cancel all (ms)', 'lowest–highest', 'cancel, each'],
  rows,
);

const input = { timeouts: TIMEOUTS, atOnce: 10_000 };
const team = await measure({ peers: [OURS], job: 'timeouts', input, warmUps: 0, rounds: 1 });
const { elapsedMs = NaN, heapBefore = NaN, heapAfter = NaN } = team.rounds.get(OURS)?.[0] ?? {};
const mebibytes = (bytes: number): number => bytes / 2 ** 20;
results.timeouts = { timeouts: TIMEOUTS, elapsedMs, heapBefore, heapAfter };
console.log('');
const timedOut = printTable(
  ['acquires timed out', 'heap before (MiB)', 'after', 'each'],
  [
    [
      TIMEOUTS.toLocaleString('en'),
      round(mebibytes(heapBefore)),
      round(mebibytes(heapAfter)),
      `${round((elapsedMs / TIMEOUTS) * 1e3)} µs`,
    ],
  ],
);

finish(
  {
    bench: 'waiters',
    claim: 'leaving the line',
    versions: { [OURS]: team.introductions.get(OURS)?.version ?? '' },
    results,
    tables: [cancelled, timedOut],
    charts: [],
    goals: [
      {
        name: 'cost of a cancel among 100,000 ÷ among 10,000',
        is: (perWaiter.get(MANY) ?? NaN) / (perWaiter.get(FEW) ?? NaN),
        atMost: GOAL_GROWTH,
      },
      {
        name: 'MiB more on the heap after a million timeouts',
        is: mebibytes(heapAfter - heapBefore),
        atMost: GOAL_HEAP_MIB,
      },
    ],
  },
  given,
);
