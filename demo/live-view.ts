/**
 * The view for terminals: a block of lines, redrawn in place five times a second; what is said stays above it.
 * Invariants: no line of the block is wider or higher than the window; the cursor is hidden only while a block is on
 * the screen, and `close` always brings it back.
 */
import type { WriteStream } from 'node:tty';
import { formatCount, formatFailures, formatMs, formatPool, formatSeconds, sparkline } from './format.js';
import type { Percentiles } from './latency-histogram.js';
import type { FailureGroup, Figures } from './statistics.js';
import type { Style } from './terminal.js';
import { CLEAR_BELOW, CLEAR_TO_END_OF_LINE, HIDE_CURSOR, SHOW_CURSOR, cut, paint, rowsUp } from './terminal.js';
import type { Progress, View } from './view.js';

const LABEL_WIDTH = 14;
const COLUMN_WIDTH = 10;

const GROUPS: readonly { readonly group: FailureGroup; readonly style: Style }[] = [
  { group: 'expected', style: 'dim' },
  { group: 'outage', style: 'yellow' },
  { group: 'unexpected', style: 'red' },
];

export class LiveView implements View {
  readonly #out: WriteStream;
  /** What is on the screen below the last thing said. */
  #block: readonly string[] = [];
  #isClosed = false;

  constructor(out: WriteStream) {
    this.#out = out;
    // After a resize the rows of the old block are wherever the terminal has put them: the next one begins afresh.
    out.on('resize', () => this.#forgetBlock());
  }

  heading(text: string): void {
    this.#forgetBlock();
    this.say(`\n${paint('bold', text)}`);
  }

  say(text: string): void {
    if (this.#isClosed) return;
    const block = this.#block;
    this.#out.write(`${rowsUp(block.length)}${CLEAR_BELOW}${text}\n`);
    this.#block = [];
    this.#draw(block);
  }

  progress({ done, total, rowsPerSecond }: Progress): void {
    const width = Math.min(40, this.#width - 40);
    const filled = Math.round((done / total) * width);
    const bar = width < 5 ? '' : `${paint('cyan', '█'.repeat(filled))}${paint('dim', '░'.repeat(width - filled))}  `;
    this.#draw([`${bar}${formatCount(done)} rows, ${formatCount(rowsPerSecond)} rows/s`]);
    if (done === total) this.#forgetBlock();
  }

  figures(figures: Figures, status: string): void {
    const { elapsedMs, queriesPerSecond, history, pool, transactions, failures } = figures;
    const rate = `${formatCount(queriesPerSecond).padStart(7)} queries/s  `;
    const bars = sparkline(history, Math.min(60, this.#width - LABEL_WIDTH - rate.length));
    this.#draw([
      '',
      labelled('workload', `${formatSeconds(elapsedMs).padStart(7)}  ${paint(styleOf(status), status)}`),
      labelled('throughput', `${paint('bold', rate)}${paint('cyan', bars)}`),
      labelled('latency (ms)', columns(['p50', 'p95', 'p99', 'max'])),
      labelled('  last second', percentileColumns(figures.lastSecond)),
      labelled('  whole run', percentileColumns(figures.wholeRun)),
      labelled('pool', formatPool(pool)),
      labelled(
        'transactions',
        `${formatCount(transactions.committed)} committed, ${formatCount(transactions['rolled-back'])} rolled back, ` +
          `${transactions.lost} lost, ${transactions.unknown} unknown`,
      ),
      'errors',
      ...GROUPS.map(({ group, style }) => labelled(`  ${group}`, paint(style, formatFailures(failures, group)))),
    ]);
  }

  close(lastWords?: string): void {
    this.#forgetBlock();
    if (lastWords !== undefined) this.say(lastWords);
    this.#isClosed = true;
  }

  get #width(): number {
    // One column less than there are: a line that fills the last one makes some terminals wrap.
    return (this.#out.columns || 80) - 1;
  }

  #draw(lines: readonly string[]): void {
    if (this.#isClosed || lines.length === 0) return;
    const visible = lines.slice(0, (this.#out.rows || 24) - 1).map((line) => cut(line, this.#width));
    const text = visible.map((line) => `${line}${CLEAR_TO_END_OF_LINE}\n`).join('');
    this.#out.write(`${HIDE_CURSOR}${rowsUp(this.#block.length)}${text}${CLEAR_BELOW}`);
    this.#block = visible;
  }

  /** Leaves the block where it is, as text like any other. */
  #forgetBlock(): void {
    if (this.#isClosed || this.#block.length === 0) return;
    this.#block = [];
    this.#out.write(SHOW_CURSOR);
  }
}

function labelled(label: string, text: string): string {
  return `${label.padEnd(LABEL_WIDTH)} ${text}`;
}

function columns(texts: readonly string[]): string {
  return texts.map((text) => text.padStart(COLUMN_WIDTH)).join('');
}

function percentileColumns({ p50, p95, p99, max }: Percentiles): string {
  return columns([p50, p95, p99, max].map(formatMs));
}

function styleOf(status: string): Style {
  if (status === 'running') return 'green';
  return status === 'outage' ? 'red' : 'yellow';
}
