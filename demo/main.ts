/**
 * Fluxor-DB, shown at work: `npm run demo`. Five acts: a database, 138,398 cities in it, 32 workers at once, a server
 * that dies and comes back, and the figures. Everything below is what a service would write, except for the accident.
 * Invariant: whatever was started is gone when this process ends, however it ends (cleanup.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DBRuntime, Dialect } from 'fluxor-db';
import { createRuntime } from 'fluxor-db';
import type { DemoOptions } from './arguments.js';
import { HELP, readArguments } from './arguments.js';
import { createIndexes, createTable, loadCities, readCities, totalPopulation } from './cities.js';
import { Cleanup } from './cleanup.js';
import type { DemoDatabase } from './database.js';
import { openDatabase } from './database.js';
import { formatCount, formatSeconds } from './format.js';
import { Run } from './run.js';
import { Statistics } from './statistics.js';
import type { Results } from './summary.js';
import { checkResults, describeResults } from './summary.js';
import type { View } from './view.js';
import { chooseView } from './view.js';
import { WORDS } from './words.js';
import type { World } from './workload.js';

/** What is left of the run after the recovery, at least: enough to see whether the throughput is back. */
const AFTER_RECOVERY_MS = 2_000;

async function main(): Promise<void> {
  const parsed = readArguments(process.argv.slice(2));
  if (parsed.kind === 'help') {
    process.stdout.write(HELP);
  } else if (parsed.kind === 'problem') {
    process.stderr.write(`${parsed.problem}\n\nnpm run demo -- --help lists the options.\n`);
    process.exitCode = 2;
  } else {
    const view = chooseView(parsed.options.isPlain);
    const cleanup = new Cleanup((lastWords) => view.close(lastWords));
    await cleanup.guard(() => play(parsed.options, view, cleanup));
  }
}

async function play(options: DemoOptions, view: View, cleanup: Cleanup): Promise<number> {
  cleanup.add({ what: 'the picture on the terminal', clean: () => view.close() });
  const say = (text: string): void => view.say(text);

  view.heading('1. A database');
  const database = await openDatabase(options, cleanup, say);
  view.say(database.title);
  const db = openRuntime(database, cleanup);
  db.setCircuitBreakerCallback((from, to, { why }) => say(`circuit breaker: ${from} → ${to} (${why})`));
  const statistics = new Statistics(db);

  view.heading('2. The cities of the world');
  const cities = readCities();
  const world = { db, table: database.table, cities, words: WORDS[database.driver.dialect] };
  await load(world, database.driver.dialect, view);
  const before = await totalPopulation(db, database.table);

  view.heading('3. Thirty-two workers, ten connections');
  const run = new Run(world, statistics, view);
  await sleep(options.seconds * 500);

  view.heading('4. Every connection breaks');
  const outage = await run.surviveOutage(database);
  await sleep(Math.max(options.seconds * 1000 - run.elapsedMs, AFTER_RECOVERY_MS));
  await run.stop();

  view.heading('5. What happened');
  const after = await totalPopulation(db, database.table).catch((error: Error) => error);
  await db.disconnect();
  const { throughput } = run;
  return report({ figures: statistics.figures(), outage, throughput, population: { before, after } }, view);
}

function openRuntime(database: DemoDatabase, cleanup: Cleanup): DBRuntime {
  const db = createRuntime({
    name: 'demo',
    driver: database.driver,
    pool: { maxSize: 10 },
    // The default is 1,000 calls a second, which 32 workers with nothing to think about pass at once.
    gate: { rateLimit: false },
  });
  cleanup.add({ what: 'the connections', clean: () => db.disconnect({ timeout: '1s' }) });
  return db;
}

async function load({ db, table, cities }: World, dialect: Dialect, view: View): Promise<void> {
  await createTable(db, table, dialect);
  const startedAt = performance.now();
  const total = cities.length;
  const elapsedMs = (): number => performance.now() - startedAt;
  const onProgress = (done: number): void => view.progress({ done, total, rowsPerSecond: (done * 1000) / elapsedMs() });
  await loadCities(db, table, cities, onProgress);
  const seconds = formatSeconds(elapsedMs());
  await createIndexes(db, table, dialect);
  view.say(`${formatCount(total)} cities loaded in ${seconds}, indexed and analyzed in ${formatSeconds(elapsedMs())}`);
}

/** Prints the figures and the checks; answers the exit code. */
function report(results: Results, view: View): number {
  for (const line of describeResults(results)) view.say(line);
  view.say('');
  const checks = checkResults(results);
  for (const { holds, text } of checks) view.say(`${holds ? 'ok    ' : 'FAILED'}  ${text}`);
  return checks.every((check) => check.holds) ? 0 : 1;
}

await main();
