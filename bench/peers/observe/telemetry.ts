/**
 * A process with OpenTelemetry's context manager, in which every call is made below a span that is, or is not, sampled. That is
 * what an application with OpenTelemetry has anyway; the async context costs every promise of the process, and is part of both
 * sides of a pair.
 */
import type { SpanContext } from '@opentelemetry/api';
import { context, trace, TraceFlags } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

export function inContext(isSampled: boolean): <T>(work: () => Promise<T>) => Promise<T> {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const parent: SpanContext = {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
  };
  const active = trace.setSpanContext(context.active(), parent);
  return (work) => context.with(active, work);
}

/** Takes what it is given, and keeps nothing. */
class Counting implements SpanExporter {
  exported = 0;

  export(spans: ReadableSpan[], done: (result: { code: number }) => void): void {
    this.exported += spans.length;
    done({ code: 0 });
  }

  async shutdown(): Promise<void> {}

  async forceFlush(): Promise<void> {}
}

export interface Tracing {
  readonly provider: BasicTracerProvider;
  /** Spans that came to the exporter. */
  readonly exported: () => number;
}

/** The SDK with its batch processor, whose queue is long enough that no span is dropped: dropping would be cheap. */
export function startTracing(): Tracing {
  const exporter = new Counting();
  const processor = new BatchSpanProcessor(exporter, { maxQueueSize: 100_000, maxExportBatchSize: 512 });
  return { provider: new BasicTracerProvider({ spanProcessors: [processor] }), exported: () => exporter.exported };
}
