/**
 * The view for pipes, log files and dumb terminals: lines of plain text, one line of figures per second, no escape codes.
 */
import { countFailures, formatCount, formatMs, formatSeconds } from './format.js';
import type { Figures } from './statistics.js';
import type { Progress, View } from './view.js';

const INTERVAL_MS = 1_000;

export class PlainView implements View {
  readonly #out: NodeJS.WritableStream;
  #isClosed = false;
  #nextAt = 0;

  constructor(out: NodeJS.WritableStream) {
    this.#out = out;
  }

  heading(text: string): void {
    this.say(`\n${text}`);
    this.#nextAt = 0;
  }

  say(text: string): void {
    if (!this.#isClosed) this.#out.write(`${text}\n`);
  }

  progress({ done, total, rowsPerSecond }: Progress): void {
    if (done < total && !this.#isDue()) return;
    this.say(`${formatCount(done)} of ${formatCount(total)} rows, ${formatCount(rowsPerSecond)} rows/s`);
  }

  figures(figures: Figures, status: string): void {
    if (!this.#isDue()) return;
    const { elapsedMs, queriesPerSecond, lastSecond, pool, transactions, failures } = figures;
    const errors = (['expected', 'outage', 'unexpected'] as const)
      .map((group) => `${countFailures(failures, group)} ${group}`)
      .join(' ');
    this.say(
      [
        formatSeconds(elapsedMs).padStart(7),
        status.padEnd(10),
        `${formatCount(queriesPerSecond).padStart(7)} queries/s`,
        `p50 ${formatMs(lastSecond.p50)} p95 ${formatMs(lastSecond.p95)} p99 ${formatMs(lastSecond.p99)} ms`,
        `pool ${pool.inUse}/${pool.total} waiting ${pool.waiting}`,
        `tx ${formatCount(transactions.committed)} committed ${formatCount(transactions['rolled-back'])} rolled back`,
        `errors ${errors}`,
      ].join(' | '),
    );
  }

  close(lastWords?: string): void {
    if (lastWords !== undefined) this.say(lastWords);
    this.#isClosed = true;
  }

  #isDue(): boolean {
    const now = performance.now();
    if (now < this.#nextAt) return false;
    // Half a tick early is on time: ticks come every 200 ms, give or take some.
    this.#nextAt = now + INTERVAL_MS - 100;
    return true;
  }
}
