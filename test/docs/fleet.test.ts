/** docs/fleet.md and docs/fleet.svg say what docs/fleet.json says: `npm run fleet` writes all three, nobody else. */
import { describe, expect, it } from 'vitest';
import { pictureOf } from '../chaos/fleet-picture.js';
import { PARTS, PARTS_PLAN, PARTS_SEEDS, PLAN, SIDES } from '../chaos/fleet-plan.js';
import type { FleetReport } from '../chaos/fleet-report.js';
import { BACK, fillPage, outcomeOf } from '../chaos/fleet-report.js';
import { readDoc } from './markdown.js';

const report = JSON.parse(readDoc('docs/fleet.json')) as FleetReport;
const page = readDoc('docs/fleet.md');

describe('the page of the fleet', () => {
  it('has the tables that the script makes of the figures', () => {
    expect(fillPage(page, report)).toBe(page);
  });

  it('shows the picture that the script makes of the figures', () => {
    expect(readDoc('docs/fleet.svg')).toBe(pictureOf(report));
    expect(page).toContain('](fleet.svg)');
  });

  it('tells of the plan and the sides that the script would run today', () => {
    const sides = <T>(rows: readonly { readonly side: T }[]): T[] => rows.map(({ side }) => side);
    expect(report.plan).toEqual(PLAN);
    expect(sides(report.curves)).toEqual(Object.values(SIDES));
    expect(report.parts).toMatchObject({ plan: PARTS_PLAN, seeds: PARTS_SEEDS });
    expect(sides(report.parts.rows)).toEqual(PARTS);
  });

  it('has figures that keep the promises: the defaults come back, the naive fleet does not', () => {
    const [defaults, , naive] = report.curves.map(({ seconds }) => outcomeOf(report.plan, seconds));
    expect(defaults?.backAfterS).toBeLessThanOrEqual(5);
    expect(defaults?.shareLast20s).toBeGreaterThanOrEqual(BACK);
    expect(defaults?.mostAttemptsPerCall).toBeLessThanOrEqual(1.2);
    expect(naive?.backAfterS).toBeNull();
    expect(naive?.shareLast20s).toBeLessThan(0.3);
  });

  it('has the same calls on every side, one figure for every second', () => {
    for (const { seconds } of report.curves) {
      expect(seconds.asked).toEqual(report.curves[0]?.seconds.asked);
      for (const column of Object.values(seconds)) expect(column).toHaveLength(report.plan.seconds);
    }
  });
});

describe('the tables of the fleet', () => {
  it('replaces what somebody wrote between the marks', () => {
    const spoiled = page.replace(/(<!-- fleet:curves -->\n)/, '$1\n| my own | 100 % |\n');
    expect(spoiled).not.toBe(page);
    expect(fillPage(spoiled, report)).toBe(page);
  });

  it('refuses a page that has no place for one', () => {
    expect(() => fillPage(page.replace('<!-- fleet:parts -->', ''), report)).toThrow(
      'The page has no place for the table "parts".',
    );
  });
});

describe('the outcome of a run', () => {
  const plan = { ...PLAN, seconds: 30, brownOut: { ...PLAN.brownOut, from: 2, to: 4 } };
  const outcome = (inTime: (second: number) => number) => {
    const column = (of: (second: number) => number) => Array.from({ length: 30 }, (_, second) => of(second));
    const none = column(() => 0);
    return outcomeOf(plan, {
      asked: column(() => 100),
      inTime: column(inTime),
      attempts: column((second) => (second === 3 ? 130 : 100)),
      statements: column(() => 50),
      ...{ late: none, refused: none, logins: none, work: none, sessions: none, openCircuits: none },
    });
  };

  it('is back in the first second since which no later one is bad', () => {
    expect(outcome((second) => (second < 2 ? 100 : second < 6 || second === 9 ? 94 : 95)).backAfterS).toBe(6);
    expect(outcome((second) => (second === 3 ? 0 : 100)).backAfterS).toBe(0);
    expect(outcome((second) => (second === 29 ? 0 : 100)).backAfterS).toBeNull();
  });

  it('tells shares of the calls of its time, and the worst second beside the mean', () => {
    expect(outcome((second) => (second === 3 ? 0 : 100))).toEqual({
      shareDuring: 0.5,
      shareAfter5s: 1,
      shareLast20s: 1,
      backAfterS: 0,
      attemptsPerCall: 1.01,
      mostAttemptsPerCall: 1.3,
      statementsPerCall: 0.5,
    });
  });
});
