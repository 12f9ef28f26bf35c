/** The table of a bench whose peers do the same work: how fast each is, and how many times as fast ours is. */
import type { Table } from './report.js';
import { printTable, whole } from './report.js';
import type { Summary } from './statistics.js';
import type { Introduction } from './team.js';

export interface Speed {
  readonly perSecond: Summary;
  /** Of those that are libraries. */
  readonly cpuUs?: Summary;
  readonly p99?: Summary;
}

/** By the names that people read, in the order of the lines; without a speed for whoever took no part. */
export type Speeds = readonly (readonly [name: string, speed: Speed | undefined])[];

/** `ours` is whose speed is divided by that of the others, and what that is called. */
export function printSpeedTable(
  title: string,
  speeds: Speeds,
  introductions: ReadonlyMap<string, Introduction>,
  ours: { readonly name: string; readonly calledAs: string },
): Table {
  console.log('');
  const own = speeds.find(([name]) => name === ours.name)?.[1]?.perSecond.median ?? NaN;
  const rows = speeds.map(([name, speed]) => {
    if (speed === undefined) return [name];
    const { perSecond, cpuUs, p99 } = speed;
    return [
      name,
      introductions.get(name)?.version ?? '',
      whole(perSecond.median),
      `${whole(perSecond.lowest)}–${whole(perSecond.highest)}`,
      name === ours.name ? '' : (own / perSecond.median).toFixed(2),
      cpuUs?.median.toFixed(1) ?? '',
      p99?.median.toFixed(2) ?? '',
    ];
  });
  const ratio = `${ours.calledAs} ÷ this`;
  const head = [title, 'version', 'queries/s', 'lowest–highest', ratio, 'CPU µs/query', 'p99 (ms)'];
  return printTable(head, rows);
}
