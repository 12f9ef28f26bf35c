/**
 * What a scraper accepts, read from its headers (RFC 9110, 12.5). OpenMetrics is for those who name it and want it no less than
 * plain text; everybody else gets plain text, also who accepts neither: a scrape is never refused for it.
 */
import type { Format } from './exposition.js';

interface Range {
  /** In small letters: `text/plain`, `gzip`, `*`. */
  readonly name: string;
  readonly version: string | undefined;
  /** 0 to 1; 0 means not that. */
  readonly weight: number;
}

export function formatFor(accept: string | undefined): Format {
  const ranges = rangesOf(accept);
  const open = ranges.filter(({ name }) => name === 'application/openmetrics-text').filter(isVersion('1.0.0'));
  const text = ranges.filter(({ name }) => name === 'text/plain').filter(isVersion('0.0.4'));
  const wantsOpen = heaviest(open) ?? 0;
  const wantsText = heaviest(text) ?? heaviest(ranges.filter(isAny('text/*'))) ?? heaviest(ranges.filter(isAny('*/*')));
  return wantsOpen > 0 && wantsOpen >= (wantsText ?? 0) ? 'openmetrics' : 'text';
}

export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  const ranges = rangesOf(acceptEncoding);
  return (heaviest(ranges.filter(isAny('gzip'))) ?? heaviest(ranges.filter(isAny('*'))) ?? 0) > 0;
}

function rangesOf(header: string | undefined): Range[] {
  return (header ?? '').split(',').map((text) => {
    const [name = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
    const valueOf = (key: string): string | undefined =>
      parameters
        .find((parameter) => parameter.startsWith(`${key}=`))
        ?.slice(key.length + 1)
        .replaceAll('"', '');
    return { name, version: valueOf('version'), weight: weightOf(valueOf('q')) };
  });
}

/** What is no weight wants nothing. */
function weightOf(text: string | undefined): number {
  if (text === undefined) return 1;
  return /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(text) ? Number(text) : 0;
}

const isVersion = (version: string) => (range: Range) => range.version === undefined || range.version === version;

const isAny = (name: string) => (range: Range) => range.name === name;

function heaviest(ranges: readonly Range[]): number | undefined {
  return ranges.length === 0 ? undefined : Math.max(...ranges.map(({ weight }) => weight));
}
