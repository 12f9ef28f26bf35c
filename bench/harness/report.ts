/** What a run leaves: tables for people, the goals and whether they hold, and one JSON file, from which `page` is made. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { BenchArguments } from './arguments.js';
import type { Chart } from './bar-chart.js';
import { BENCH_FOLDER } from './folder.js';

export interface Goal {
  readonly name: string;
  readonly is: number;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** An absolute figure of this machine: told, but never a reason to fail. */
  readonly isNote?: boolean;
}

export function holds({ is, atLeast = -Infinity, atMost = Infinity }: Goal): boolean {
  return is >= atLeast && is <= atMost;
}

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Report {
  readonly bench: string;
  /** Which goal of the list it is about, such as "P3". */
  readonly claim: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly results: unknown;
  readonly goals: readonly Goal[];
  readonly tables: readonly Table[];
  readonly charts: readonly Chart[];
  /** What a reader of the table has to know: who is missing and why. */
  readonly notes?: readonly string[];
}

/** As it is in the file. */
export interface SavedReport extends Report {
  readonly at: string;
  readonly commit: string;
  readonly isQuick: boolean;
  readonly isPartial: boolean;
  readonly machine: { readonly node: string; readonly platform: string; readonly cpu: string; readonly cores: number };
  readonly goals: readonly (Goal & { readonly holds: boolean })[];
}

export const RESULTS_FOLDER = join(BENCH_FOLDER, 'results');

/** Writes the file, prints the goals, and with `--check` lets the process end with 1 when one does not hold. */
export function finish(report: Report, { isChecked, isQuick, only }: BenchArguments): void {
  const { length: cores, [0]: cpu } = cpus();
  const machine = { node: process.version, platform: process.platform, cpu: cpu?.model ?? 'unknown', cores };
  const goals = report.goals.map((goal) => ({ ...goal, holds: holds(goal) }));
  const at = new Date().toISOString();
  mkdirSync(RESULTS_FOLDER, { recursive: true });
  const file = join(RESULTS_FOLDER, `${report.bench}-${at.replaceAll(/[:.]/g, '-')}.json`);
  const isPartial = only.length > 0;
  const saved: SavedReport = { at, commit: commit(), isQuick, isPartial, machine, ...report, goals };
  writeFileSync(file, `${JSON.stringify(saved, undefined, 2)}\n`);

  for (const note of report.notes ?? []) console.log(`\nNote: ${note}`);
  if (goals.length > 0) console.log('\nGoals');
  for (const goal of goals) console.log(`  ${goal.holds ? '✓' : '✗'} ${describeGoal(goal)}`);
  if (isQuick) console.log('  (quick mode: too short to say anything)');
  console.log(`\n${file}`);
  if (isChecked && goals.length === 0) {
    console.log('Nothing could be checked: the goals need everybody (leave out --only).');
    process.exitCode = 1;
  }
  if (isChecked && goals.some((goal) => !goal.holds && goal.isNote !== true)) process.exitCode = 1;
}

export function describeGoal({ name, is, atLeast, atMost, isNote }: Goal): string {
  const bound = atLeast === undefined ? `≤ ${atMost ?? ''}` : `≥ ${atLeast}`;
  return `${name}: ${round(is)} (goal ${bound})${isNote === true ? '  (this machine; not checked)' : ''}`;
}

/** Prints the table, and hands it on to the report. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): Table {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  // Names to the left, numbers to the right.
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  console.log(line(head));
  console.log(widths.map((width) => '─'.repeat(width)).join('  '));
  for (const row of rows) console.log(line(row));
  return { head, rows };
}

export function printHeader(title: string): void {
  console.log(`\n${title}`);
  console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, commit ${commit()}\n`);
}

/** What the peers are set to, and what they lack, for people. */
export function printSettings(
  introductions: Iterable<readonly [string, { readonly settings: string; readonly lacks: string }]>,
): void {
  console.log('\nSettings');
  for (const [name, { settings, lacks }] of introductions) {
    console.log(`  ${name}: ${settings}${lacks === '' ? '' : `\n    lacks: ${lacks}`}`);
  }
}

/** Two digits after the point, and none for large numbers. */
export const round = (value: number): string => (Math.abs(value) >= 1_000 ? value.toFixed(0) : value.toFixed(2));

/** Thousands apart: 12,345. */
export const whole = (value: number): string => Math.round(value).toLocaleString('en');

function commit(): string {
  try {
    const words = ['describe', '--always', '--dirty'];
    return execFileSync('git', words, {
      cwd: BENCH_FOLDER,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown';
  }
}
