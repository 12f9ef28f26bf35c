/**
 * What docs/fleet.json holds, and the tables of docs/fleet.md that are made of it. Pure functions: `npm run fleet` calls
 * them to write the page, test/docs/fleet.test.ts to prove that nobody wrote there by hand.
 */
import type { FleetPlan, FleetSide } from './fleet-plan.js';
import type { FleetSecond } from './fleet-simulation.js';
import { capacityOf } from './fleet-simulation.js';

type Figure = keyof FleetSecond;

/** Column by column, one number per second: a tenth of the lines, and what a plotting tool wants. */
export type FleetColumns = Readonly<Record<Figure, readonly number[]>>;

export interface CurveReport {
  readonly side: FleetSide;
  readonly seconds: FleetColumns;
}

export interface PartReport {
  readonly side: FleetSide;
  /** One for each seed, in their order. */
  readonly outcomes: readonly FleetOutcome[];
}

export interface FleetReport {
  readonly plan: FleetPlan;
  readonly curves: readonly CurveReport[];
  readonly parts: { readonly plan: FleetPlan; readonly seeds: readonly number[]; readonly rows: readonly PartReport[] };
}

/** A run in six numbers. Shares are of the calls that arrived in that time. */
export interface FleetOutcome {
  readonly shareDuring: number;
  /** In the first 5 s after the end of the brown-out. */
  readonly shareAfter5s: number;
  readonly shareLast20s: number;
  /** From the end of the brown-out to the first second since which 95 % are answered in time; null: never. */
  readonly backAfterS: number | null;
  readonly attemptsPerCall: number;
  /** The second with the most, or that one's share would hide in the mean. */
  readonly mostAttemptsPerCall: number;
  readonly statementsPerCall: number;
}

/** A second in which the fleet is itself again. */
export const BACK = 0.95;

export function columnsOf(seconds: readonly FleetSecond[]): FleetColumns {
  const column = (name: Figure): readonly number[] => seconds.map((second) => second[name]);
  return {
    asked: column('asked'),
    inTime: column('inTime'),
    late: column('late'),
    attempts: column('attempts'),
    refused: column('refused'),
    statements: column('statements'),
    logins: column('logins'),
    work: column('work'),
    sessions: column('sessions'),
    openCircuits: column('openCircuits'),
  };
}

export function outcomeOf({ brownOut: { from, to } }: FleetPlan, columns: FleetColumns): FleetOutcome {
  const { asked, inTime, attempts, statements } = columns;
  const share = (part: readonly number[], start: number, end?: number): number =>
    rounded(sum(part.slice(start, end)) / sum(asked.slice(start, end)));
  const lastBad = asked.findLastIndex((calls, second) => second >= to && (inTime[second] ?? 0) < BACK * calls);
  const back = lastBad === -1 ? 0 : lastBad + 1 - to;
  return {
    shareDuring: share(inTime, from, to),
    shareAfter5s: share(inTime, to, to + 5),
    shareLast20s: share(inTime, asked.length - 20),
    backAfterS: back === asked.length - to ? null : back,
    attemptsPerCall: share(attempts, 0),
    mostAttemptsPerCall: rounded(Math.max(...asked.map((calls, second) => (attempts[second] ?? 0) / calls))),
    statementsPerCall: share(statements, 0),
  };
}

/** Every second while something changes, every tenth while nothing does. */
export function secondsTable({ plan, curves }: FleetReport): string {
  const { from, to } = plan.brownOut;
  const shown = Array.from({ length: plan.seconds }, (_, second) => second).filter(
    (second) => (second >= from - 1 && second <= to + 5) || second % 10 === 0 || second === plan.seconds - 1,
  );
  const rows = shown.map((second) => [
    String(second),
    grouped(curves[0]?.seconds.asked[second] ?? 0),
    ...curves.map(({ seconds }) => grouped(seconds.inTime[second] ?? 0)),
    ...curves.map(({ seconds }) => grouped(seconds.statements[second] ?? 0)),
  ]);
  const names = curves.map(({ side }) => side.name);
  const heads = ['second', 'calls', ...names, ...names.map((name) => `sent: ${name}`)];
  return table(heads, rows, 0);
}

export function curvesTable({ plan, curves }: FleetReport): string {
  const rows = curves.map(({ side, seconds }) => {
    const outcome = outcomeOf(plan, seconds);
    return [side.name, ...cellsOf([outcome]), grouped(Math.max(...seconds.work)), grouped(sum(seconds.logins))];
  });
  return table(['', ...OUTCOME_HEADS, 'most work at once', 'logins'], rows, 1);
}

/** What the server was asked to do at the end, beside what it can. Statements only: logins and cancels come on top. */
export function demandTable({ plan, curves }: FleetReport): string {
  const mean = (column: readonly number[]): number => sum(column.slice(-20)) / 20;
  const rows = curves.map(({ side, seconds }) => [
    side.name,
    ...[seconds.asked, seconds.attempts, seconds.statements].map((column) => grouped(mean(column))),
    `${Math.round((mean(seconds.statements) / capacityOf(plan)) * 100)} %`,
    grouped(mean(seconds.work)),
    grouped(mean(seconds.inTime)),
    grouped(mean(seconds.late)),
  ]);
  const heads = ['', 'calls', 'attempts', 'statements', 'of the capacity', 'under way', 'in time', 'too late'];
  return table(heads, rows, 1);
}

export function partsTable({ parts: { rows } }: FleetReport): string {
  return table(
    ['set', ...OUTCOME_HEADS],
    rows.map(({ side, outcomes }) => [side.name, ...cellsOf(outcomes)]),
    1,
  );
}

const OUTCOME_HEADS = [
  'in time during',
  'first 5 s after',
  'last 20 s',
  'back after',
  'attempts per call',
  'in the worst second',
  'statements per call',
];

function cellsOf(outcomes: readonly FleetOutcome[]): string[] {
  const range = (of: (outcome: FleetOutcome) => number, unit: (value: number) => string): string => {
    const [least = '', most = ''] = [Math.min, Math.max].map((pick) => unit(pick(...outcomes.map(of))));
    return least === most ? least : `${least} to ${most}`;
  };
  return [
    range(({ shareDuring }) => shareDuring, percent),
    range(({ shareAfter5s }) => shareAfter5s, percent),
    range(({ shareLast20s }) => shareLast20s, percent),
    range(({ backAfterS }) => backAfterS ?? Infinity, seconds),
    range(({ attemptsPerCall }) => attemptsPerCall, twoPlaces),
    range(({ mostAttemptsPerCall }) => mostAttemptsPerCall, twoPlaces),
    range(({ statementsPerCall }) => statementsPerCall, twoPlaces),
  ];
}

/** Puts each table between its two marks: `<!-- fleet:NAME -->` and `<!-- /fleet:NAME -->`. */
export function fillPage(page: string, report: FleetReport): string {
  const tables = {
    curves: curvesTable(report),
    seconds: secondsTable(report),
    demand: demandTable(report),
    parts: partsTable(report),
  };
  return Object.entries(tables).reduce((text, [name, rows]) => {
    const marked = new RegExp(`(<!-- fleet:${name} -->\n)[^]*?(<!-- /fleet:${name} -->)`);
    if (!marked.test(text)) throw new Error(`The page has no place for the table "${name}".`);
    return text.replace(marked, (_, open: string, close: string) => `${open}\n${rows}\n\n${close}`);
  }, page);
}

/** As prettier lays a table out: the first `leftCount` columns to the left, numbers to the right. */
function table(heads: readonly string[], rows: readonly (readonly string[])[], leftCount: number): string {
  const widths = heads.map((head, column) =>
    Math.max(column < leftCount ? 3 : 4, head.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column < leftCount ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = widths.map((width, column) => (column < leftCount ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(heads), line(rule), ...rows.map(line)].join('\n');
}

export function grouped(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const seconds = (count: number): string => (count === Infinity ? 'never' : `${count} s`);
const twoPlaces = (value: number): string => value.toFixed(2);

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The file says no more than the tables can show and a test can need. */
function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
