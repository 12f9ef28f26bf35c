/**
 * `npm run fleet`: lives through the brown-out with the whole fleet on every side, and through the smaller one for every
 * part, then writes docs/fleet.json, docs/fleet.svg and the tables of docs/fleet.md. The same code and seed write the same
 * files. Ctrl-C ends it at once; nothing is written before the last run is over.
 *
 * `--runtimes=100` and `--seed=1` are for a look: then the tables are printed and nothing is written. `--redraw` runs nothing
 * and writes picture and tables anew from the figures that are there.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { ROOT } from '../source-tree.js';
import { pictureOf } from './fleet-picture.js';
import type { FleetPlan, FleetSide } from './fleet-plan.js';
import { PARTS, PARTS_PLAN, PARTS_SEEDS, PLAN, SIDES } from './fleet-plan.js';
import type { FleetColumns, FleetReport, PartReport } from './fleet-report.js';
import { columnsOf, curvesTable, demandTable, fillPage, outcomeOf, partsTable, secondsTable } from './fleet-report.js';
import { runFleet } from './fleet-simulation.js';

const { values } = parseArgs({
  options: { runtimes: { type: 'string' }, seed: { type: 'string' }, redraw: { type: 'boolean' } },
});
const path = (ending: string): string => `${ROOT}/docs/fleet.${ending}`;
const isLook = values.runtimes !== undefined || values.seed !== undefined;
const plan: FleetPlan = {
  ...PLAN,
  runtimes: Number(values.runtimes ?? PLAN.runtimes),
  seed: Number(values.seed ?? PLAN.seed),
};

// A million errors are made whose stacks nobody reads.
Error.stackTraceLimit = 0;
process.once('SIGINT', () => {
  console.log('\nStopped; nothing was written.');
  process.exit(130);
});

if (values.redraw === true) {
  draw(JSON.parse(readFileSync(path('json'), 'utf8')) as FleetReport);
} else {
  const report = await measure();
  if (isLook) console.log(tablesOf(report).join('\n\n'));
  else await write(report);
}

async function measure(): Promise<FleetReport> {
  const curves = [];
  for (const side of Object.values(SIDES)) curves.push({ side, seconds: await live(plan, side, 10) });
  const rows: PartReport[] = [];
  for (const side of PARTS) {
    const outcomes = [];
    for (const seed of PARTS_SEEDS) {
      const smaller = { ...PARTS_PLAN, seed };
      outcomes.push(outcomeOf(smaller, await live(smaller, side, Infinity)));
    }
    rows.push({ side, outcomes });
  }
  return { plan, curves, parts: { plan: PARTS_PLAN, seeds: PARTS_SEEDS, rows } };
}

/** A line at the start, one every so many seconds of the simulation, one at the end. */
async function live(plan: FleetPlan, side: FleetSide, everySeconds: number): Promise<FleetColumns> {
  const startedAt = performance.now();
  const took = (): string => `${((performance.now() - startedAt) / 1_000).toFixed(1)} s`;
  console.log(`${side.name}: ${plan.runtimes} runtimes, ${plan.seconds} s, seed ${plan.seed}`);
  const { seconds, leftovers } = await runFleet(plan, side, ({ asked, inTime, work }, index) => {
    if ((index + 1) % everySeconds !== 0) return;
    console.log(`  ${index + 1}/${plan.seconds}: ${inTime} of ${asked} answered by now, ${work} under way (${took()})`);
  });
  console.log(`  done in ${took()}`);
  const left = Object.entries(leftovers).filter(([, count]) => count !== 0);
  if (left.length > 0) throw new Error(`Left behind: ${left.map(([what, count]) => `${count} ${what}`).join(', ')}.`);
  return columnsOf(seconds);
}

async function write(report: FleetReport): Promise<void> {
  const layout = await resolveConfig(path('json'));
  writeFileSync(path('json'), await format(JSON.stringify(report), { ...layout, parser: 'json' }));
  draw(report);
}

function draw(report: FleetReport): void {
  writeFileSync(path('svg'), pictureOf(report));
  writeFileSync(path('md'), fillPage(readFileSync(path('md'), 'utf8'), report));
  console.log('Written: docs/fleet.svg, docs/fleet.md.');
}

function tablesOf(report: FleetReport): string[] {
  return [curvesTable(report), secondsTable(report), demandTable(report), partsTable(report)];
}
