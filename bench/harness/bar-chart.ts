/** Bars for people, as SVG text: one bar for each peer, with the range of its rounds. Light and dark, no library. */
import type { Summary } from './statistics.js';

export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly lowest: number;
  readonly highest: number;
  /** Ours, somebody else's, or what is no library at all: a limit to compare with. */
  readonly kind: 'ours' | 'peer' | 'limit';
}

export function barOf(label: string, { median: value, lowest, highest }: Summary, kind: Bar['kind']): Bar {
  return { label, value, lowest, highest, kind };
}

export interface Chart {
  /** Of the file, without its ending. */
  readonly name: string;
  readonly title: string;
  /** Of the values, such as "queries per second". */
  readonly unit: string;
  readonly better: 'more' | 'less';
  readonly bars: readonly Bar[];
}

const WIDTH = 820;
const LEFT = 230;
/** Room for the figure behind the longest bar. */
const RIGHT = 110;
const TOP = 64;
const STEP = 30;
const THICKNESS = 18;

export function barChart({ title, unit, better, bars }: Chart): string {
  const sorted = [...bars].sort((a, b) => (better === 'more' ? b.value - a.value : a.value - b.value));
  const most = Math.max(...bars.map(({ value, highest }) => Math.max(value, highest)), Number.MIN_VALUE);
  const length = (value: number): number => Math.round((Math.max(0, value) / most) * (WIDTH - LEFT - RIGHT) * 10) / 10;
  const height = TOP + sorted.length * STEP + 12;
  const rows = sorted.map((bar, index) => drawBar(bar, TOP + index * STEP, length));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    STYLE,
    `<rect class="ground" width="${WIDTH}" height="${height}" rx="8"/>`,
    `<text x="20" y="28" font-size="16" font-weight="600">${escaped(title)}</text>`,
    `<text class="small" x="20" y="48">${escaped(unit)}; ${better} is better; lines: lowest to highest round</text>`,
    ...rows.flat(),
    '</svg>',
    '',
  ].join('\n');
}

function drawBar({ label, value, lowest, highest, kind }: Bar, y: number, length: (value: number) => number): string[] {
  const middle = y + THICKNESS / 2;
  const [from, to] = [LEFT + length(lowest), LEFT + length(highest)];
  const end = Math.max(LEFT + length(value), to);
  return [
    `<text${kind === 'ours' ? ' font-weight="600"' : ''} x="${LEFT - 10}" y="${middle + 5}" text-anchor="end">${escaped(label)}</text>`,
    `<rect class="${kind}" x="${LEFT}" y="${y}" width="${Math.max(1, length(value))}" height="${THICKNESS}" rx="2"/>`,
    `<path class="range" d="M${from} ${middle}H${to}M${from} ${middle - 4}v8M${to} ${middle - 4}v8"/>`,
    `<text x="${end + 8}" y="${middle + 5}">${figure(value)}</text>`,
  ];
}

/** Of a value, for people. */
export function figure(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

const STYLE = `<style>
  svg { font: 14px system-ui, sans-serif; }
  .ground { fill: #ffffff; }
  text { fill: #1f2328; }
  .small { font-size: 12px; fill: #59636e; }
  .ours { fill: #0969da; }
  .peer { fill: #afb8c1; }
  .limit { fill: #ffffff; stroke: #59636e; stroke-dasharray: 4 3; }
  .range { stroke: #1f2328; fill: none; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; }
    text { fill: #f0f6fc; }
    .small { fill: #9198a1; }
    .ours { fill: #4493f8; }
    .peer { fill: #4b535d; }
    .limit { fill: #0d1117; stroke: #9198a1; }
    .range { stroke: #f0f6fc; }
  }
</style>`;
