/** A runtime over the fake driver, watched by OpenTelemetry, and what was exported. */
import type { Attributes } from '@opentelemetry/api';
import type { ReadableSpan, Sampler } from '@opentelemetry/sdk-trace-base';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { RuntimeOptions } from '../../src/index.js';
import type { OpenTelemetryOptions } from '../../src/extensions/otel/otel-options.js';
import { openTelemetry } from '../../src/extensions/otel/open-telemetry.js';
import type { RuntimeBench } from './runtime-bench.js';
import { runtimeBench } from './runtime-bench.js';

interface Shown {
  readonly name: string;
  readonly parent: string | undefined;
  readonly attributes: Attributes;
}

export class TracedBench {
  readonly bench: RuntimeBench;
  readonly exporter = new InMemorySpanExporter();
  readonly provider: BasicTracerProvider;
  readonly telemetry: Disposable;

  constructor(
    options: OpenTelemetryOptions = {},
    { sampler, ...runtime }: Omit<RuntimeOptions, 'driver' | 'clock'> & { sampler?: Sampler } = {},
  ) {
    this.bench = runtimeBench({ name: 'shop', ...runtime });
    const spanProcessors = [new SimpleSpanProcessor(this.exporter)];
    this.provider = new BasicTracerProvider({ spanProcessors, ...(sampler === undefined ? {} : { sampler }) });
    this.telemetry = openTelemetry(this.bench.db, { metrics: false, tracerProvider: this.provider, ...options });
  }

  get db() {
    return this.bench.db;
  }

  get tracer() {
    return this.provider.getTracer('app');
  }

  /** In the order in which they ended, without attempts to connect. */
  get spans(): ReadableSpan[] {
    return this.exporter.getFinishedSpans().filter(({ name }) => !name.startsWith('connect '));
  }

  get tree(): Shown[] {
    const byId = new Map(this.exporter.getFinishedSpans().map((span) => [span.spanContext().spanId, span.name]));
    return this.spans.map(({ name, parentSpanContext, attributes }) => {
      const parent = parentSpanContext === undefined ? undefined : (byId.get(parentSpanContext.spanId) ?? 'outside');
      return { name, parent, attributes };
    });
  }

  /** Opens a connection, so that what comes after it waits for nothing. */
  async warm(): Promise<void> {
    await this.bench.run(this.db.query('select 1'));
    this.exporter.reset();
  }
}
