/**
 * The last act: what happened, in figures, and whether the demo may call itself a success. Pure: figures in, lines out;
 * main.ts prints them and chooses the exit code.
 */
import { countFailures, formatCount, formatFailures, formatMs, formatPercentiles } from './format.js';
import type { OutageReport } from './outage.js';
import type { Figures } from './statistics.js';

export interface Results {
  readonly figures: Figures;
  readonly outage: OutageReport;
  /** Queries per second until the outage and from the recovery on. */
  readonly throughput: { readonly before: number; readonly after: number };
  /** The sum over all cities; `after` is the reason when it could not be asked for. */
  readonly population: { readonly before: bigint; readonly after: bigint | Error };
}

export interface Check {
  readonly holds: boolean;
  readonly text: string;
}

/** Two seconds after a crash a small machine is still writing out what it recovered; half the speed is back enough. */
const THROUGHPUT_SHARE = 0.5;

export function describeResults({ figures, outage }: Results): string[] {
  const { queries, elapsedMs, wholeRun, transactions, failures, connections } = figures;
  const recovery = outage.recoveryMs === undefined ? 'never' : `${formatMs(outage.recoveryMs)} ms`;
  return [
    `queries       ${formatCount(queries)} in ${(elapsedMs / 1000).toFixed(1)} s`,
    `latency (ms)  ${formatPercentiles(wholeRun)}`,
    `transactions  ${formatCount(transactions.committed)} committed, ${formatCount(transactions['rolled-back'])} rolled back, ` +
      `${transactions.lost} lost with their connection (not applied), ${transactions.unknown} of unknown outcome`,
    `outage        down for ${formatMs(outage.downMs)} ms; first query ${recovery} after the server was back`,
    `connections   ${connections.opened} opened, ${connections.closed} closed, ${connections.failed} attempts failed`,
    `errors`,
    `  expected    ${formatFailures(failures, 'expected')}`,
    `  outage      ${formatFailures(failures, 'outage')}`,
    `  unexpected  ${formatFailures(failures, 'unexpected')}`,
  ];
}

export function checkResults(results: Results): Check[] {
  return [checkRecovery(results), checkThroughput(results), checkPopulation(results), checkConnections(results)];
}

function checkRecovery({ outage, figures }: Results): Check {
  const failed = formatCount(countFailures(figures.failures, 'outage'));
  if (outage.recoveryMs === undefined) return { holds: false, text: 'the runtime did not recover from the outage' };
  const text = `the runtime recovered ${formatMs(outage.recoveryMs)} ms after the server; ${failed} calls failed meanwhile`;
  return { holds: true, text };
}

function checkThroughput({ throughput: { before, after } }: Results): Check {
  const text = `throughput: ${formatCount(before)} queries/s before the outage, ${formatCount(after)} after the recovery`;
  return { holds: after >= before * THROUGHPUT_SHARE, text };
}

function checkPopulation({ population: { before, after } }: Results): Check {
  if (after instanceof Error) return { holds: false, text: `the population could not be counted: ${after.message}` };
  const text = `population: ${formatCount(before)} before, ${formatCount(after)} after all transfers`;
  return { holds: before === after, text };
}

function checkConnections({ figures: { connections } }: Results): Check {
  const open = connections.opened - connections.closed;
  return { holds: open === 0, text: `connections: ${open} left open` };
}
