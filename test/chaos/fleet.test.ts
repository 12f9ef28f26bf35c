/**
 * A fleet through a brown-out of 10 s, on a small scale: 40 runtimes, the same load on each as in the 1,000 of docs/fleet.md.
 * The cause is gone after 10 s; what counts is who comes back. `FLUXOR_SEED=4711` lives through another one.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FleetPlan } from './fleet-plan.js';
import { PLAN, SIDES } from './fleet-plan.js';
import { BACK, columnsOf, outcomeOf } from './fleet-report.js';
import type { FleetRun, FleetSecond } from './fleet-simulation.js';
import { capacityOf, runFleet } from './fleet-simulation.js';

const SMALL: FleetPlan = {
  ...PLAN,
  seed: Number(process.env['FLUXOR_SEED'] ?? PLAN.seed),
  runtimes: 40,
  seconds: 45,
};
const { from, to } = SMALL.brownOut;

const NOTHING = { unansweredCalls: 0, runtimesNotClosed: 0, timers: 0, sessions: 0, work: 0 };

/** Real time for each run; one takes 1 to 6 s on a machine that has little else to do. */
const LIMIT = { timeout: 60_000 };

const total = (seconds: readonly FleetSecond[], what: keyof FleetSecond): number =>
  seconds.reduce((sum, second) => sum + second[what], 0);

/** A run that disappoints shows every second. */
function explain({ seconds }: FleetRun, expectations: () => void): void {
  try {
    expectations();
  } catch (error) {
    const lines = seconds.map((second, index) => `${index} ${JSON.stringify(second)}`);
    process.stdout.write(`seed ${SMALL.seed}\n${lines.join('\n')}\n`);
    throw error;
  }
}

describe('A fleet through a brown-out', () => {
  const { stackTraceLimit } = Error;
  // Tens of thousands of errors are made whose stacks nobody reads; they were a quarter of the CPU time.
  beforeEach(() => void (Error.stackTraceLimit = 0));
  afterEach(() => void (Error.stackTraceLimit = stackTraceLimit));

  it('stays collapsed with naive retries, long after the cause is gone', LIMIT, async () => {
    const run = await runFleet(SMALL, SIDES.naive);
    const tail = run.seconds.slice(-20);
    explain(run, () => {
      expect(total(run.seconds.slice(0, from), 'inTime')).toBeGreaterThan(
        total(run.seconds.slice(0, from), 'asked') * BACK,
      );
      expect(total(tail, 'inTime')).toBeLessThan(total(tail, 'asked') * 0.3);
      // Why: what is asked for would fit, what is sent would not.
      expect(total(tail, 'asked')).toBeLessThan(20 * capacityOf(SMALL));
      expect(total(tail, 'statements')).toBeGreaterThan(20 * capacityOf(SMALL) * 1.5);
      expect(outcomeOf(SMALL, columnsOf(run.seconds)).mostAttemptsPerCall).toBeLessThan(SIDES.naive.attempts * 1.5);
      expect(run.leftovers).toEqual(NOTHING);
    });
  });

  it('is back within 5 s with the defaults, and never sends more than it is asked', LIMIT, async () => {
    const run = await runFleet(SMALL, SIDES.defaults);
    explain(run, () => {
      for (const { asked, inTime } of run.seconds.slice(to + 5)) expect(inTime).toBeGreaterThanOrEqual(asked * BACK);
      for (const { asked, attempts } of run.seconds) expect(attempts).toBeLessThanOrEqual(asked * 1.2);
      for (const { asked, statements } of run.seconds) expect(statements).toBeLessThanOrEqual(asked * 1.2);
      const outcome = outcomeOf(SMALL, columnsOf(run.seconds));
      expect(outcome.attemptsPerCall).toBeLessThanOrEqual(1.2);
      expect(outcome.statementsPerCall).toBeLessThanOrEqual(1.2);
      // A breaker that never opened would prove nothing.
      expect(Math.max(...run.seconds.map(({ openCircuits }) => openCircuits))).toBeGreaterThan(SMALL.runtimes / 2);
      expect(run.leftovers).toEqual(NOTHING);
    });
  });

  it('is back within 5 s with naive retries around the defaults: the circuits hold them off', LIMIT, async () => {
    const run = await runFleet(SMALL, { ...SIDES.defaults, attempts: SIDES.naive.attempts });
    explain(run, () => {
      for (const { asked, inTime } of run.seconds.slice(to + 5)) expect(inTime).toBeGreaterThanOrEqual(asked * BACK);
      expect(total(run.seconds, 'statements')).toBeLessThanOrEqual(total(run.seconds, 'asked') * 1.2);
      expect(run.leftovers).toEqual(NOTHING);
    });
  });

  it('stays away from a database that is well again, without the early probe', LIMIT, async () => {
    const run = await runFleet(SMALL, SIDES.noProbe);
    const after = run.seconds.slice(to);
    explain(run, () => {
      expect(total(after, 'inTime')).toBeLessThan(total(after, 'asked') * 0.3);
      expect(Math.max(...after.slice(2).map(({ work }) => work))).toBeLessThan(SMALL.runtimes);
      expect(run.leftovers).toEqual(NOTHING);
    });
  });

  it('takes the same steps with the same seed', LIMIT, async () => {
    const plan = { ...SMALL, runtimes: 10, seconds: 25 };
    const first = await runFleet(plan, SIDES.defaults);
    expect(await runFleet(plan, SIDES.defaults)).toEqual(first);
    expect(await runFleet({ ...plan, seed: plan.seed + 1 }, SIDES.defaults)).not.toEqual(first);
  });
});
