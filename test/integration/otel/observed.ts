/**
 * What an OpenTelemetry SDK was given, as plain data: one shape for every version of the SDK, which a process can print and a
 * test can compare whole. Nothing is left out of attributes, so that what nobody expected shows.
 */

export type Attributes = Readonly<Record<string, unknown>>;

export interface ObservedSpan {
  readonly name: string;
  readonly kind: 'INTERNAL' | 'SERVER' | 'CLIENT' | 'PRODUCER' | 'CONSUMER';
  /** Name of the instrumentation that made it. */
  readonly scope: string;
  readonly attributes: Attributes;
  readonly status: { readonly code: 'UNSET' | 'OK' | 'ERROR'; readonly message?: string };
  /** Names of the events on it. */
  readonly events: readonly string[];
  readonly links: number;
  /** It began and ended while its parent did, to a second: spans of what is over are made with times that were noted. */
  readonly isWithinParent: boolean;
  /** By name, and in the order in which they began. */
  readonly children: readonly ObservedSpan[];
}

export interface ObservedPoint {
  readonly attributes: Attributes;
  readonly value?: number;
  readonly count?: number;
  readonly sum?: number;
  readonly boundaries?: readonly number[];
  readonly counts?: readonly number[];
}

export interface ObservedMetric {
  readonly name: string;
  readonly scope: string;
  readonly kind: 'histogram' | 'counter' | 'updowncounter' | 'gauge';
  readonly unit: string;
  readonly points: readonly ObservedPoint[];
}

/** As much of a finished span as is read here, in all versions. */
export interface SdkSpan {
  readonly name: string;
  readonly kind: number;
  readonly attributes: Attributes;
  readonly status: { readonly code: number; readonly message?: string };
  readonly events: readonly { readonly name: string }[];
  readonly links: readonly unknown[];
  /** Seconds and nanoseconds. */
  readonly startTime: readonly [number, number];
  readonly endTime: readonly [number, number];
  readonly instrumentationScope: { readonly name: string };
  readonly parentSpanContext?: { readonly spanId: string };
  spanContext(): { readonly spanId: string };
}

export interface SdkMetrics {
  readonly scopeMetrics: readonly {
    readonly scope: { readonly name: string };
    readonly metrics: readonly {
      readonly descriptor: { readonly name: string; readonly unit: string };
      readonly dataPointType: number;
      readonly isMonotonic?: boolean;
      readonly dataPoints: readonly { readonly attributes: Attributes; readonly value: unknown }[];
    }[];
  }[];
}

const KINDS = ['INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'] as const;
const CODES = ['UNSET', 'OK', 'ERROR'] as const;
/** By number, as `DataPointType` has them. */
const POINTS = ['histogram', 'histogram', 'gauge', 'sum'] as const;

/** As trees: a span whose parent was not recorded is a root. */
export function observedSpans(spans: readonly SdkSpan[]): ObservedSpan[] {
  const known = new Map(spans.map((span) => [span.spanContext().spanId, span]));
  const parentOf = ({ parentSpanContext }: SdkSpan): SdkSpan | undefined => known.get(parentSpanContext?.spanId ?? '');
  const below = (parent: SdkSpan | undefined): ObservedSpan[] =>
    spans
      .filter((span) => parentOf(span) === parent)
      .sort((a, b) => (a.name === b.name ? startOf(a) - startOf(b) : a.name < b.name ? -1 : 1))
      .map((span) => ({
        name: span.name,
        kind: KINDS[span.kind] ?? 'INTERNAL',
        scope: span.instrumentationScope.name,
        attributes: { ...span.attributes },
        status: {
          code: CODES[span.status.code] ?? 'UNSET',
          ...(span.status.message === undefined ? {} : { message: span.status.message }),
        },
        events: span.events.map(({ name }) => name),
        links: span.links.length,
        isWithinParent:
          parent === undefined || (startOf(span) >= startOf(parent) - 1 && endOf(span) <= endOf(parent) + 1),
        children: below(span),
      }));
  return below(undefined);
}

function startOf({ startTime: [seconds, nanoseconds] }: SdkSpan): number {
  return seconds + nanoseconds / 1e9;
}

function endOf({ endTime: [seconds, nanoseconds] }: SdkSpan): number {
  return seconds + nanoseconds / 1e9;
}

export function observedMetrics({ scopeMetrics }: SdkMetrics): ObservedMetric[] {
  return scopeMetrics
    .flatMap(({ scope, metrics }) =>
      metrics.map(({ descriptor, dataPointType, isMonotonic, dataPoints }): ObservedMetric => {
        const point = POINTS[dataPointType] ?? 'gauge';
        return {
          name: descriptor.name,
          scope: scope.name,
          kind: point !== 'sum' ? point : isMonotonic === true ? 'counter' : 'updowncounter',
          unit: descriptor.unit,
          points: dataPoints.map(({ attributes, value }) => ({ attributes: { ...attributes }, ...readValue(value) })),
        };
      }),
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

interface HistogramValue {
  readonly count: number;
  readonly sum: number;
  readonly buckets: { readonly boundaries: number[]; readonly counts: number[] };
}

function readValue(value: unknown): Omit<ObservedPoint, 'attributes'> {
  if (typeof value === 'number') return { value };
  const { count, sum, buckets } = value as HistogramValue;
  return { count, sum, boundaries: [...buckets.boundaries], counts: [...buckets.counts] };
}
