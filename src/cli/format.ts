/** How figures become text: the same words in the report, in the live views and in the demo. */

/** `12,345` */
export function formatCount(count: number | bigint): string {
  return (typeof count === 'number' ? Math.round(count) : count).toLocaleString('en-US');
}

/** Three digits that mean something: `0.12`, `4.56`, `78.9`, `1,234`. */
export function formatMs(ms: number): string {
  const digits = ms < 9.995 ? 2 : ms < 99.95 ? 1 : 0;
  return ms.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
];

/** A length of time as people say it: `450 ms`, `30 s`, `5 min`, `8 h`, `3 d`. Of no end: `never`. */
export function formatLength(ms: number): string {
  if (!Number.isFinite(ms)) return 'never';
  const [name, unit] = UNITS.find(([, each]) => ms >= each) ?? ['ms', 1];
  const count = ms / unit;
  return `${Number.isInteger(count) ? formatCount(count) : count < 10 ? count.toFixed(1) : formatCount(count)} ${name}`;
}

/** `16 MiB` */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const count = bytes / 1024 ** power;
  return `${Number.isInteger(count) ? count : count.toFixed(1)} ${units[power]}`;
}

const BARS = '▁▂▃▄▅▆▇█';

/** The last `width` values as bars, the greatest of them as the highest; zero is a blank. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = width <= 0 ? [] : values.slice(-width);
  const highest = Math.max(...shown, 1);
  return shown.map((value) => (value === 0 ? ' ' : (BARS[Math.ceil((value / highest) * 8) - 1] ?? ''))).join('');
}
