/**
 * docs/fleet.svg: answers in time per second on every side, drawn by hand from the figures of docs/fleet.json.
 * The picture is shown by an <img>, where the page's colours do not reach it; so it brings a ground of its own, light or
 * dark as the reader's system says. The curves differ by their dashes too, for readers who see no difference in colour.
 */
import type { CurveReport, FleetReport } from './fleet-report.js';
import { grouped } from './fleet-report.js';
import { capacityOf } from './fleet-simulation.js';

const WIDTH = 960;
const HEIGHT = 480;
/** What is left around the plot for titles, numbers and the legend. */
const PLOT = { left: 84, right: 24, top: 92, bottom: 64 };

const STYLE = `
  svg { font: 14px system-ui, sans-serif; }
  .ground { fill: #ffffff; }
  text { fill: #1f2328; }
  .small { font-size: 12px; fill: #59636e; }
  .grid { stroke: #d1d9e0; }
  .axis { stroke: #59636e; }
  .brown-out { fill: #9a6700; fill-opacity: 0.14; }
  .offered { stroke: #59636e; stroke-width: 1.5; stroke-dasharray: 2 4; }
  .curve { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
  .curve-0 { stroke: #0969da; }
  .curve-1 { stroke: #bc4c00; stroke-dasharray: 10 4; }
  .curve-2 { stroke: #a40e6c; stroke-width: 5; stroke-linecap: round; stroke-dasharray: 0 9; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; }
    text { fill: #f0f6fc; }
    .small { fill: #9198a1; }
    .grid { stroke: #2f3742; }
    .axis { stroke: #9198a1; }
    .brown-out { fill: #d29922; fill-opacity: 0.22; }
    .offered { stroke: #9198a1; }
    .curve-0 { stroke: #4493f8; }
    .curve-1 { stroke: #f0883e; }
    .curve-2 { stroke: #ff7bcb; }
  }
`;

/** Dots over dashes where two curves lie at zero, and on top of both the one that the page is about. */
const DRAWN = [1, 2, 0];

interface Scales {
  readonly x: (second: number) => string;
  readonly y: (perSecond: number) => string;
  readonly seconds: number;
  readonly top: number;
}

export function pictureOf(report: FleetReport): string {
  const { plan, curves } = report;
  const highest = Math.max(...curves.flatMap(({ seconds }) => [...seconds.asked, ...seconds.inTime]));
  const scales = scalesOf(plan.seconds, highest);
  const offered = plan.load * capacityOf(plan);
  const title = `Answers in time per second: ${grouped(plan.runtimes)} runtimes and one database through a brown-out`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">`,
    `<title>${title}</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="ground" width="${WIDTH}" height="${HEIGHT}" rx="8"/>`,
    `<text x="${PLOT.left}" y="32" font-size="16" font-weight="600">${title}</text>`,
    ...brownOutOf(report, scales),
    ...gridOf(scales),
    `<line class="offered" x1="${scales.x(0)}" x2="${scales.x(plan.seconds)}" y1="${scales.y(offered)}" y2="${scales.y(offered)}"/>`,
    ...DRAWN.flatMap((index) => curves[index] ?? []).map((curve) => lineOf(curve, curves.indexOf(curve), scales)),
    ...legendOf(report, offered),
    '</svg>',
    '',
  ].join('\n');
}

function scalesOf(seconds: number, highest: number): Scales {
  const step = tickStep(highest);
  const top = Math.ceil(highest / step) * step;
  const [width, height] = [WIDTH - PLOT.left - PLOT.right, HEIGHT - PLOT.top - PLOT.bottom];
  return {
    x: (second) => place(PLOT.left + (second / seconds) * width),
    y: (perSecond) => place(PLOT.top + (1 - perSecond / top) * height),
    seconds,
    top,
  };
}

function brownOutOf({ plan: { brownOut } }: FleetReport, { x }: Scales): string[] {
  const { from, to, processorsLeft } = brownOut;
  const [left, right] = [x(from), x(to)];
  const height = HEIGHT - PLOT.top - PLOT.bottom;
  const words = [`${to - from} s with`, `${Math.round(processorsLeft * 100)} % of the`, 'processors'];
  return [
    `<rect class="brown-out" x="${left}" y="${PLOT.top}" width="${place(Number(right) - Number(left))}" height="${height}"/>`,
    ...words.map(
      (text, index) =>
        `<text class="small" x="${place(Number(left) + 8)}" y="${PLOT.top + 40 + 16 * index}">${text}</text>`,
    ),
  ];
}

function gridOf({ x, y, seconds, top }: Scales): string[] {
  const step = tickStep(top);
  const [left, right, bottom] = [x(0), x(seconds), y(0)];
  const levels = Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step);
  const moments = Array.from({ length: Math.floor(seconds / 10) + 1 }, (_, index) => index * 10);
  const middle = place((PLOT.top + HEIGHT - PLOT.bottom) / 2);
  return [
    ...levels.flatMap((level) => [
      `<line class="${level === 0 ? 'axis' : 'grid'}" x1="${left}" x2="${right}" y1="${y(level)}" y2="${y(level)}"/>`,
      `<text class="small" x="${PLOT.left - 8}" y="${place(Number(y(level)) + 4)}" text-anchor="end">${grouped(level)}</text>`,
    ]),
    ...moments.flatMap((moment) => [
      `<line class="axis" x1="${x(moment)}" x2="${x(moment)}" y1="${bottom}" y2="${place(Number(bottom) + 5)}"/>`,
      `<text class="small" x="${x(moment)}" y="${place(Number(bottom) + 20)}" text-anchor="middle">${moment}</text>`,
    ]),
    `<text x="${place((Number(left) + Number(right)) / 2)}" y="${HEIGHT - 18}" text-anchor="middle">seconds since the start</text>`,
    `<text transform="translate(22 ${middle}) rotate(-90)" text-anchor="middle">answers in time, per second</text>`,
  ];
}

/** What was asked in second n was asked between n and n + 1: the point is in the middle. */
function lineOf({ seconds }: CurveReport, index: number, { x, y }: Scales): string {
  const points = seconds.inTime.map((value, second) => `${x(second + 0.5)},${y(value)}`);
  return `<polyline class="curve curve-${index}" points="${points.join(' ')}"/>`;
}

function legendOf({ curves }: FleetReport, offered: number): string[] {
  const entries = [
    ...curves.map(({ side }, index) => ({ name: side.name, look: `curve curve-${index}` })),
    { name: `asked: ${grouped(offered)} a second`, look: 'offered' },
  ];
  const step = (WIDTH - PLOT.left - PLOT.right) / entries.length;
  return entries.flatMap(({ name, look }, index) => {
    const left = PLOT.left + index * step;
    return [
      `<line class="${look}" x1="${place(left)}" x2="${place(left + 36)}" y1="62" y2="62"/>`,
      `<text x="${place(left + 44)}" y="67">${name}</text>`,
    ];
  });
}

/** A round number that gives four to eight steps. */
function tickStep(highest: number): number {
  const power = 10 ** Math.floor(Math.log10(highest / 4));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => highest / step <= 8) ?? 10 * power;
}

/** A tenth of a pixel is enough, and keeps the file small. */
function place(value: number): string {
  return String(Math.round(value * 10) / 10);
}
