/**
 * The diagnostics of a runtime as lines. Pure: one sample, and the one before it for rates.
 * Invariants: no text of the sample reaches the terminal as it came; a number that is missing is shown as a dash.
 */
import type { DiagnosticsSample } from './diagnostics-source.js';
import { formatCount, formatLength, formatMs, sparkline } from './format.js';
import type { Paint, Style } from './terminal.js';
import { printable } from './terminal.js';

/** What is drawn, and on how much room. */
export interface DiagnosticsPicture {
  readonly title: string;
  readonly sample: DiagnosticsSample;
  readonly previous: DiagnosticsSample | undefined;
  /** Queries per second, the latest last. */
  readonly history: readonly number[];
  readonly columns: number;
  readonly rows: number;
}

export interface Rates {
  readonly queries: number;
  readonly failed: number;
}

/** Per second between two samples; `undefined` after a restart of the service, whose counters begin anew. */
export function ratesOf(sample: DiagnosticsSample, previous: DiagnosticsSample | undefined): Rates | undefined {
  if (previous === undefined) return undefined;
  const seconds = (sample.at - previous.at) / 1_000;
  const [now, before] = [sample.metrics.queries, previous.metrics.queries];
  const [queries, failed] = [now?.total - before?.total, now?.failed - before?.failed];
  if (!(seconds > 0) || !(queries >= 0) || !(failed >= 0)) return undefined;
  return { queries: queries / seconds, failed: failed / seconds };
}

const LABEL = 12;

export function diagnosticsLines(picture: DiagnosticsPicture, paint: Paint): string[] {
  const { sample, title } = picture;
  const { process: host, state, driver, name } = sample;
  const uptime = isNumber(host.uptimeSeconds) ? `up ${formatLength(host.uptimeSeconds * 1_000)}` : '';
  const head = [
    `${paint('bold', said(name))}  ${paint(state === 'running' ? 'green' : 'yellow', said(state))}  ${said(driver.endpoint)}`,
    paint('dim', `${title}  ${said(host.node)}  pid ${said(host.pid)}  ${uptime}`),
    '',
    ...poolLines(picture, paint),
    ...queryLines(picture, paint),
    ...gateLines(sample, paint),
  ];
  return [...head, ...tables(picture, picture.rows - head.length, paint)];
}

function poolLines({ sample }: DiagnosticsPicture, paint: Paint): string[] {
  const { pool, metrics } = sample;
  const oldest = metrics.connections?.oldestWaitMs;
  const isWaiting = pool.waiting > 0;
  const rare = [
    pool.creating > 0 ? `, ${count(pool.creating)} connecting` : '',
    pool.checking > 0 ? `, ${count(pool.checking)} being checked` : '',
    pool.resetting > 0 ? `, ${count(pool.resetting)} being cleaned` : '',
    pool.isSuspended === true ? ', suspended' : '',
    pool.breaker === 'open' ? ', the database cannot be reached' : '',
  ].join('');
  const line = isWaiting ? `${count(pool.waiting)}, the oldest for ${ms(oldest)} ms` : 'nobody';
  return [
    labelled(
      'pool',
      `${count(pool.inUse)} in use, ${count(pool.idle)} idle, ${count(pool.total)} of ${count(pool.maxSize)}${rare}`,
    ),
    labelled('waiting', isWaiting ? paint('yellow', line) : line),
  ];
}

function queryLines({ sample, previous, history, columns }: DiagnosticsPicture, paint: Paint): string[] {
  const { queries } = sample.metrics;
  const rates = ratesOf(sample, previous);
  const perSecond = rates === undefined ? '–' : formatCount(rates.queries);
  const failed = rates === undefined ? '–' : formatMs(rates.failed);
  const text = `${perSecond.padStart(7)} queries/s  ${failed} failed/s  `;
  const isFailing = rates !== undefined && rates.failed > 0;
  return [
    labelled(
      'rate',
      `${isFailing ? paint('red', text) : text}${paint('cyan', sparkline(history, Math.min(60, columns - LABEL - text.length - 2)))}`,
    ),
    labelled(
      'since start',
      `${count(queries?.total)} queries, ${count(queries?.failed)} failed, ${count(queries?.slow)} slow, ${count(queries?.inFlight)} in flight`,
    ),
    labelled(
      'duration',
      `p50 ${ms(queries?.p50Ms)}  p95 ${ms(queries?.p95Ms)}  p99 ${ms(queries?.p99Ms)}  max ${ms(queries?.maxMs)} ms`,
    ),
  ];
}

function gateLines({ gate, metrics }: DiagnosticsSample, paint: Paint): string[] {
  const { circuit, rateLimit, connectionLimit } = gate;
  const state = said(circuit?.state);
  const style: Style = state === 'closed' ? 'green' : state === 'half-open' ? 'yellow' : 'red';
  const rejected = `${count(metrics.circuit?.rejected)} rejected`;
  const rate =
    rateLimit === undefined || rateLimit === null
      ? 'no rate limit'
      : `${count(rateLimit.tokens)} tokens, ${count(metrics.rateLimit?.rejected)} refused`;
  const slots =
    connectionLimit === undefined || connectionLimit === null ? '' : `; limit ${count(connectionLimit.limit)}`;
  return [labelled('circuit', `${paint(style, state)}, ${rejected}`), labelled('limiter', `${rate}${slots}`), ''];
}

/** Statements get what the others leave; each has its heading, and none that is empty is shown. */
function tables({ sample, columns }: DiagnosticsPicture, rows: number, paint: Paint): string[] {
  const { statements, slow, errors, waiters, at } = sample;
  const few = Math.max(1, Math.min(4, Math.floor(rows / 6)));
  const ago = (when: number): string => (isNumber(when) ? formatLength(Math.max(0, at - when)) : '–');
  const others = [
    ...table(
      paint,
      '   WAITED      LEFT  WAITING FOR A CONNECTION',
      waiters.slice(0, few),
      ({ waitedMs, leftMs, label, lane, priority }) =>
        `${ms(waitedMs).padStart(9)} ${ms(leftMs).padStart(9)}  ${said(label ?? lane)} ${said(priority)}`,
    ),
    ...table(
      paint,
      '     TOOK  AGO      SLOW',
      slow.slice(0, few),
      ({ durationMs, at: when, fingerprint, name }) =>
        `${ms(durationMs).padStart(9)}  ${ago(when).padEnd(7)}  ${said(name === undefined ? fingerprint : `${name}: ${fingerprint}`)}`,
    ),
    ...table(
      paint,
      ' AGO      FAILED',
      errors.slice(0, few),
      ({ at: when, code, reason, sqlState, fingerprint }) =>
        ` ${ago(when).padEnd(7)}  ${said([code, reason, sqlState].filter((part) => part !== undefined).join(' '))}  ${said(fingerprint)}`,
    ),
  ];
  const room = Math.max(3, rows - others.length - 2);
  const top = table(
    paint,
    '    CALLS  FAILED       p50       p95       p99  STATEMENT',
    statements.slice(0, room),
    (statement) =>
      [
        count(statement.calls).padStart(9),
        count(statement.failed).padStart(7),
        ...[statement.p50Ms, statement.p95Ms, statement.p99Ms].map((each) => ms(each).padStart(9)),
        ` ${said(statement.fingerprint)}`,
      ].join(' '),
  );
  return [...top, ...others].map((line) => line.slice(0, Math.max(columns * 4, 400)));
}

function table<T>(paint: Paint, heading: string, rows: readonly T[], line: (row: T) => string): string[] {
  return rows.length === 0 ? [] : [paint('bold', heading), ...rows.map((row) => line(row ?? ({} as T)))];
}

function labelled(label: string, text: string): string {
  return `${label.padEnd(LABEL)} ${text}`;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function count(value: unknown): string {
  return isNumber(value) ? formatCount(value) : '–';
}

function ms(value: unknown): string {
  return isNumber(value) ? formatMs(value) : '–';
}

/** Whatever it is, as one line that does nothing to a terminal. */
function said(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? printable(String(value).slice(0, 2_000)) : '–';
}
