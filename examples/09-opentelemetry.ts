/** Spans of a request, its transaction and its statements, without a collector. Run it: `npx tsx examples/09-opentelemetry.ts`. */
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { connect } from 'fluxor-db';
import { openTelemetry } from 'fluxor-db/otel';

// A service would start @opentelemetry/sdk-node instead, which registers all of this.
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
const exporter = new InMemorySpanExporter();
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });

await using db = await connect(process.env['FLUXOR_URL'] ?? 'pglite:', { name: 'shop' });
using _telemetry = openTelemetry(db, { tracerProvider, metrics: false });

await tracerProvider.getTracer('shop').startActiveSpan('POST /orders', async (request) => {
  await db.transaction(async (tx) => {
    await tx.exec('create table if not exists orders (id int, item text)');
    await tx.exec('insert into orders values ($1, $2)', [1, 'lava lamp']);
  });
  await db.query('select item from orders where id = $1', [1]);
  await db.query('select nonsense').catch(() => undefined);
  request.end();
});

const spans = exporter.getFinishedSpans();
const childrenOf = (parent: ReadableSpan | undefined): ReadableSpan[] =>
  spans.filter((span) => span.parentSpanContext?.spanId === parent?.spanContext().spanId);

function print(parent: ReadableSpan | undefined, indent: string): void {
  for (const span of childrenOf(parent)) {
    const error = span.attributes['error.type'];
    console.log(`${indent}${span.name}${error === undefined ? '' : `: ${String(error)}`}`);
    print(span, `${indent}  `);
  }
}
print(undefined, '');
