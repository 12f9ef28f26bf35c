/**
 * Not a bench: writes docs/benchmarks.md and its charts from the newest whole results of each bench, of every version of Node
 * that there are results of. The oldest version has the tables; all are in the list of goals. Quick runs and runs of some
 * peers do not count.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { barChart, figure } from './harness/bar-chart.js';
import type { Chart } from './harness/bar-chart.js';
import { BENCH_FOLDER } from './harness/folder.js';
import { RESULTS_FOLDER, round } from './harness/report.js';
import type { Goal, SavedReport, Table } from './harness/report.js';
import { SECTIONS } from './page-sections.js';
import type { Section } from './page-sections.js';

const DOCS = join(BENCH_FOLDER, '..', 'docs');
const CHARTS = join(DOCS, 'benchmarks');
const PAGE = join(DOCS, 'benchmarks.md');

const INTRODUCTION = `# Benchmarks

Fluxor-DB with every guard on (deadline, retry, breaker, limits, metrics) beside other libraries, in one run on one machine.
\`npm run bench\` repeats all of it, and \`npm run bench -- page\` writes this page from its results.
[How each bench works, and why it is fair](../bench/README.md).

**Compare lines of one table, never two tables.** Client and server share the machine, and the same machine gives other
figures an hour later. Figures are medians of the rounds; what a chart shows as a line is the range from the lowest round to
the highest.`;

const reports = readReports();
const nodes = [...new Set(reports.map(({ machine }) => machine.node))].sort(byVersion);
const [mainNode] = nodes;
if (mainNode === undefined) throw new Error('There are no whole results: npm run bench first.');

rmSync(CHARTS, { recursive: true, force: true });
mkdirSync(CHARTS, { recursive: true });
const text = [INTRODUCTION, ...goalsText(), ...rivalsText(), ...SECTIONS.flatMap(sectionText)].join('\n\n');
writeFileSync(PAGE, await format(text, { ...(await resolveConfig(PAGE)), parser: 'markdown' }));
console.log(`${PAGE}, of Node ${nodes.map((node) => node.slice(1)).join(' and ')}`);

/** Whole ones, in the order of their time. */
function readReports(): SavedReport[] {
  return readdirSync(RESULTS_FOLDER)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(RESULTS_FOLDER, name), 'utf8')) as Partial<SavedReport>)
    .filter((report): report is SavedReport => report.isQuick === false && report.isPartial === false)
    .sort((a, b) => (a.at < b.at ? -1 : 1));
}

function newest(bench: string, node: string): SavedReport | undefined {
  return reports.filter((report) => report.bench === bench && report.machine.node === node).at(-1);
}

function goalsText(): string[] {
  const rows = SECTIONS.flatMap(({ bench }) => {
    const perNode = nodes.map((node) => newest(bench, node));
    const goals = new Map(perNode.flatMap((report) => report?.goals ?? []).map((goal) => [goal.name, goal]));
    const claim = perNode.find((report) => report !== undefined)?.claim ?? '';
    return [...goals.values()].map((goal) => {
      const cells = perNode.map((report) => goalCell(report?.goals.find(({ name }) => name === goal.name)));
      return [/^P\d+$/.test(claim) ? claim : '', goal.name, boundOf(goal), ...cells];
    });
  });
  const head = ['', 'what', 'goal', ...nodes.map((node) => `Node ${node.slice(1)}`)];
  return ['## Goals', '✗ is a goal that did not hold in that run.', markdownTable({ head, rows }, 2)];
}

function boundOf({ atLeast, atMost, isNote }: Goal): string {
  const bound = atLeast === undefined ? `≤ ${atMost ?? ''}` : `≥ ${atLeast}`;
  return isNote === true ? `${bound} (not checked)` : bound;
}

function goalCell(goal: (Goal & { readonly holds: boolean }) | undefined): string {
  return goal === undefined ? '' : `${goal.holds ? '✓' : '✗'} ${round(goal.is)}`;
}

/** The honest rows: every chart in which somebody else's bar is the better one. */
function rivalsText(): string[] {
  const lines = SECTIONS.flatMap(({ bench }) => newest(bench, mainNode ?? '')?.charts ?? []).flatMap(rivalsIn);
  const found = lines.length === 0 ? ['Nowhere on this page.'] : lines;
  return ['## Where a peer wins', found.map((line) => `- ${line}`).join('\n')];
}

function rivalsIn({ title, unit, better, bars }: Chart): string[] {
  const isBetter = (a: number, b: number): boolean => (better === 'more' ? a > b : a < b);
  const [ours] = bars.filter(({ kind }) => kind === 'ours').sort((a, b) => (isBetter(a.value, b.value) ? -1 : 1));
  if (ours === undefined) return [];
  const rivals = bars.filter(({ kind, value }) => kind === 'peer' && isBetter(value, ours.value));
  if (rivals.length === 0) return [];
  const told = rivals.map(({ label, value }) => `${label} ${figure(value)}`).join(', ');
  return [`${title} (${unit}, ${better} is better): ${told}; ours ${figure(ours.value)}`];
}

function sectionText({ bench, heading, about }: Section): string[] {
  const report = newest(bench, mainNode ?? '');
  if (report === undefined) return [`## ${heading}`, about, 'Not measured yet.'];
  for (const chart of report.charts) writeFileSync(join(CHARTS, `${chart.name}.svg`), barChart(chart));
  const images = report.charts.map(({ name, title }) => `![${title}](benchmarks/${name}.svg)`);
  const notes = (report.notes ?? []).map((note) => `- ${note}`).join('\n');
  return [
    `## ${heading}`,
    about,
    ...images,
    ...report.tables.map((table) => markdownTable(table)),
    notes,
    origin(report),
  ];
}

function origin({ at, commit, machine, bench }: SavedReport): string {
  const { node, cores, cpu, platform } = machine;
  return `${at.slice(0, 10)}, commit ${commit}, Node ${node.slice(1)}, ${cores} × ${cpu}, ${platform}; \`npm run bench -- ${bench}\``;
}

/** Names to the left, numbers to the right. */
function markdownTable({ head, rows }: Table, names = 1): string {
  const line = (cells: readonly string[]): string => `| ${head.map((_, column) => cells[column] ?? '').join(' | ')} |`;
  return [line(head), line(head.map((_, column) => (column < names ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

function byVersion(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
