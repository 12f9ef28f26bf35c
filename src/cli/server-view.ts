/** What a database server says of itself, as lines. Pure: one sample, and the one before it for rates. */
import { formatCount, formatLength, formatMs } from './format.js';
import type { ServerSample } from './server-sample.js';
import type { Paint } from './terminal.js';
import { printable } from './terminal.js';

export interface ServerPicture {
  readonly title: string;
  readonly sample: ServerSample;
  readonly previous: ServerSample | undefined;
  readonly rows: number;
}

const LABEL = 12;

export function serverLines({ title, sample, previous, rows }: ServerPicture, paint: Paint): string[] {
  const { role, states, transactions, blocked, replicas = [], maxConnections, unread } = sample;
  const total = Object.values(states).reduce((sum, count) => sum + count, 0);
  const most = maxConnections === undefined ? '' : ` of ${formatCount(maxConnections)}`;
  const byState = Object.entries(states)
    .sort(([, one], [, next]) => next - one)
    .map(([name, count]) => `${formatCount(count)} ${printable(name)}`);
  const head = [
    `${paint('bold', printable(title))}  ${role === undefined ? '' : printable(role)}`,
    '',
    labelled('sessions', `${formatCount(total)} others${most}${byState.length === 0 ? '' : `: ${byState.join(', ')}`}`),
    labelled('transactions', transactionText(transactions, paint)),
    labelled(
      'locks',
      blocked === undefined
        ? '–'
        : blocked.length === 0
          ? 'nobody waits'
          : paint('yellow', `${formatCount(blocked.length)} wait`),
    ),
    labelled('rates', rateText(sample, previous)),
    ...(replicas.length === 0 ? [] : [labelled('replicas', replicas.map(printable).join('; '))]),
    ...(unread.length === 0 ? [] : [paint('dim', labelled('refused', unread.map(printable).join(', ')))]),
    '',
  ];
  const room = Math.max(2, rows - head.length - (blocked ?? []).length - 3);
  return [...head, ...busyLines(sample, room, paint), ...blockedLines(sample, paint)];
}

function transactionText(transactions: ServerSample['transactions'], paint: Paint): string {
  if (transactions === undefined) return '–';
  const { open, oldestMs } = transactions;
  if (open === 0) return 'none open';
  const text = `${formatCount(open)} open${oldestMs > 0 ? `, the oldest for ${formatLength(Math.round(oldestMs))}` : ''}`;
  return oldestMs >= 60_000 ? paint('yellow', text) : text;
}

/** Counters that went down were begun anew: then nothing is said. */
function rateText(sample: ServerSample, previous: ServerSample | undefined): string {
  const seconds = previous === undefined ? 0 : (sample.at - previous.at) / 1_000;
  if (previous === undefined || seconds <= 0) return '–';
  const rates = Object.entries(sample.counters).flatMap(([name, count]) => {
    const difference = count - (previous.counters[name] ?? Infinity);
    return difference >= 0 ? [`${formatCount(difference / seconds)} ${printable(name)}/s`] : [];
  });
  return rates.length === 0 ? '–' : rates.join(', ');
}

function busyLines({ busy }: ServerSample, room: number, paint: Paint): string[] {
  if (busy.length === 0) return ['nothing runs'];
  const lines = busy
    .slice(0, room)
    .map(({ id, user, state, runningMs, waitsFor = '', fingerprint }) =>
      [
        printable(id).padStart(8),
        ` ${printable(user).slice(0, 16).padEnd(16)}`,
        printable(state).slice(0, 20).padEnd(20),
        formatMs(runningMs).padStart(11),
        ` ${printable(waitsFor).slice(0, 18).padEnd(18)}`,
        printable(fingerprint),
      ].join(' '),
    );
  return [
    paint('bold', ' SESSION  USER             STATE                 RUNNING ms  WAITS FOR           STATEMENT'),
    ...lines,
  ];
}

function blockedLines({ blocked = [] }: ServerSample, paint: Paint): string[] {
  if (blocked.length === 0) return [];
  const lines = blocked.map(({ id, waitedMs, blockedBy, fingerprint }) =>
    [
      printable(id).padStart(8),
      ` ${printable(blockedBy).slice(0, 16).padEnd(16)}`,
      formatMs(waitedMs).padStart(11),
      ` ${printable(fingerprint)}`,
    ].join(' '),
  );
  return [paint('bold', ' SESSION  BLOCKED BY        WAITED ms  STATEMENT'), ...lines];
}

function labelled(label: string, text: string): string {
  return `${label.padEnd(LABEL)} ${text}`;
}
