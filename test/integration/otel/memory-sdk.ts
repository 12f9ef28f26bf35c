/**
 * An OpenTelemetry SDK that keeps what it is given in memory, made of whichever version's modules are handed in: 2.x and 3.x
 * name their tracer provider differently and give its parts in another form, and are alike otherwise.
 */
import type { MeterProvider, TracerProvider } from '@opentelemetry/api';
import { context, trace as traces } from '@opentelemetry/api';
import type { ObservedMetric, ObservedSpan, SdkMetrics, SdkSpan } from './observed.js';
import { observedMetrics, observedSpans } from './observed.js';

type Made<T> = new (...options: never[]) => T;

interface SpanExporter {
  getFinishedSpans(): readonly SdkSpan[];
  reset(): void;
}

interface MetricExporter {
  getMetrics(): readonly SdkMetrics[];
  reset(): void;
}

/** As much as is used here of `@opentelemetry/sdk-trace-base` 2.x or `@opentelemetry/sdk-trace` 3.x. */
export interface TraceModule {
  readonly BasicTracerProvider?: Made<TracerProvider>;
  readonly TracerProvider?: Made<TracerProvider>;
  readonly SimpleSpanProcessor: Made<unknown>;
  readonly InMemorySpanExporter: Made<SpanExporter>;
}

/** As much as is used here of `@opentelemetry/sdk-metrics`. */
export interface MetricsModule {
  readonly MeterProvider: Made<MeterProvider>;
  readonly InMemoryMetricExporter: Made<MetricExporter>;
  readonly PeriodicExportingMetricReader: Made<{ forceFlush(): Promise<void>; shutdown(): Promise<void> }>;
  readonly AggregationTemporality: { readonly CUMULATIVE: number };
}

export class MemorySdk {
  readonly tracerProvider: TracerProvider;
  readonly meterProvider: MeterProvider;
  readonly #spans: SpanExporter;
  readonly #metrics: MetricExporter;
  readonly #reader: { forceFlush(): Promise<void>; shutdown(): Promise<void> };

  constructor(trace: TraceModule, metrics: MetricsModule) {
    const { BasicTracerProvider, TracerProvider: Provider = BasicTracerProvider } = trace;
    if (Provider === undefined) throw new Error('The SDK has no tracer provider.');
    const exporter = (this.#spans = make(trace.InMemorySpanExporter));
    const processor = make(trace.SimpleSpanProcessor, BasicTracerProvider === undefined ? { exporter } : exporter);
    this.tracerProvider = make(Provider, { spanProcessors: [processor] });
    this.#metrics = make(metrics.InMemoryMetricExporter, metrics.AggregationTemporality.CUMULATIVE);
    // It is flushed when somebody looks; what it exports by itself would be the same.
    const rhythm = { exportIntervalMillis: 3_600_000, exportTimeoutMillis: 10_000 };
    this.#reader = make(metrics.PeriodicExportingMetricReader, { exporter: this.#metrics, ...rhythm });
    this.meterProvider = make(metrics.MeterProvider, { readers: [this.#reader] });
  }

  /** Runs `work` in a span of the application. */
  async inSpan<T>(name: string, work: () => Promise<T>, parent = context.active()): Promise<T> {
    const span = this.tracerProvider.getTracer('application').startSpan(name, {}, parent);
    try {
      return await context.with(traces.setSpan(parent, span), work);
    } finally {
      span.end();
    }
  }

  spans(): ObservedSpan[] {
    return observedSpans(this.#spans.getFinishedSpans());
  }

  forgetSpans(): void {
    this.#spans.reset();
  }

  async metrics(): Promise<ObservedMetric[]> {
    this.#metrics.reset();
    await this.#reader.forceFlush();
    const collected = this.#metrics.getMetrics();
    return collected.flatMap(observedMetrics);
  }

  close(): Promise<void> {
    return this.#reader.shutdown();
  }
}

/** The constructors of two versions have no common type for their options; the tests see at once when they differ. */
function make<T>(Class: Made<T>, ...options: unknown[]): T {
  return new Class(...(options as never[]));
}
