/** What a run leaves: a table for people, the goals and whether they hold, and one JSON file. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
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

export interface Report {
  readonly bench: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly results: unknown;
  readonly goals: readonly Goal[];
}

/** Writes the file, prints the goals, and with `--check` lets the process end with 1 when one does not hold. */
export function finish(report: Report, isChecked: boolean): void {
  const machine = { node: process.version, platform: process.platform, cpu: cpus()[0]?.model, cores: cpus().length };
  const goals = report.goals.map((goal) => ({ ...goal, holds: holds(goal) }));
  const at = new Date().toISOString();
  const folder = join(BENCH_FOLDER, 'results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${report.bench}-${at.replaceAll(/[:.]/g, '-')}.json`);
  writeFileSync(file, `${JSON.stringify({ at, commit: commit(), machine, ...report, goals }, undefined, 2)}\n`);

  if (goals.length > 0) console.log('\nGoals');
  for (const goal of goals) {
    const mark = goal.holds ? '✓' : '✗';
    const bound = goal.atLeast === undefined ? `≤ ${goal.atMost ?? ''}` : `≥ ${goal.atLeast}`;
    const note = goal.isNote === true ? '  (this machine; not checked)' : '';
    console.log(`  ${mark} ${goal.name}: ${round(goal.is)} (goal ${bound})${note}`);
  }
  console.log(`\n${file}`);
  if (isChecked && goals.length === 0) {
    console.log('Nothing could be checked: the goals need everybody (leave out --only).');
    process.exitCode = 1;
  }
  if (isChecked && goals.some((goal) => !goal.holds && goal.isNote !== true)) process.exitCode = 1;
}

export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  // Names to the left, numbers to the right.
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  console.log(line(head));
  console.log(widths.map((width) => '─'.repeat(width)).join('  '));
  for (const row of rows) console.log(line(row));
}

export function printHeader(title: string): void {
  console.log(`\n${title}`);
  console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, commit ${commit()}\n`);
}

/** Two digits after the point, and none for large numbers. */
export const round = (value: number): string => (Math.abs(value) >= 1_000 ? value.toFixed(0) : value.toFixed(2));

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
