/**
 * Families of series as text: Prometheus' text format 0.0.4, and OpenMetrics 1.0.
 * Invariants: all lines of a family are together; buckets are cumulative and end with `+Inf`, which is the count; a family without
 * series is not mentioned. `_created` is left out: Prometheus would keep it as one more series for each counter and histogram, and
 * nobody asks for it.
 */
import type { BucketCounts } from '../../index.js';
import type { Family, Series } from './collection.js';

export type Format = 'text' | 'openmetrics';

/** What a scrape is answered with. */
export interface Exposition {
  /** For the header of the same name. */
  readonly contentType: string;
  readonly body: string;
}

const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

export function expose(families: readonly Family[], format: Format): Exposition {
  const lines: string[] = [];
  for (const family of families) if (family.series.length > 0) writeFamily(lines, family, format);
  if (format === 'openmetrics') lines.push('# EOF');
  return { contentType: CONTENT_TYPES[format], body: lines.length === 0 ? '' : `${lines.join('\n')}\n` };
}

function writeFamily(lines: string[], { metric, name, series }: Family, format: Format): void {
  const isOpen = format === 'openmetrics';
  // There a counter is called without the ending that its series have.
  const called = isOpen ? name.replace(/_total$/, '') : name;
  lines.push(`# HELP ${called} ${isOpen ? escapeValue(metric.help) : escapeHelp(metric.help)}`);
  lines.push(`# TYPE ${called} ${metric.type}`);
  if (isOpen && metric.unit === 's') lines.push(`# UNIT ${called} seconds`);
  for (const one of series) {
    if (one.histogram !== undefined) writeHistogram(lines, name, one, one.histogram, isOpen);
    else lines.push(`${name}{${labelsOf(one)}} ${numberText(one.value ?? NaN)}`);
  }
}

function writeHistogram(
  lines: string[],
  name: string,
  series: Series,
  { bounds, counts, sum }: BucketCounts,
  isOpen: boolean,
): void {
  const labels = labelsOf(series);
  let below = 0;
  for (const [index, count] of counts.entries()) {
    below += count;
    const bound = bounds[index] ?? Infinity;
    lines.push(`${name}_bucket{${labels},le="${isOpen ? boundText(bound) : numberText(bound)}"} ${below}`);
  }
  lines.push(`${name}_sum{${labels}} ${numberText(sum)}`, `${name}_count{${labels}} ${below}`);
}

/** There is always one: `pool`. */
function labelsOf({ labels }: Series): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeValue(value)}"`)
    .join(',');
}

/** A backslash, a quote or a line's end would end the value, or mean something else in it. */
export function escapeValue(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}

export function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

export function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

/** OpenMetrics wants whole numbers to say that they are no integers. */
function boundText(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : numberText(bound);
}
