/**
 * The scenarios as a process of its own, on whichever Node and SDK its folder has: reads a task from the file it is given,
 * and prints what it saw as one line of JSON. Bundled and started by otel-process.ts.
 */
import { readFileSync } from 'node:fs';
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { MySQL2Instrumentation } from '@opentelemetry/instrumentation-mysql2';
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg';
import type { MetricsModule, TraceModule } from './memory-sdk.js';
import { MemorySdk } from './memory-sdk.js';
import type { ObservedSpan } from './observed.js';
import type { Observation, TwoRuntimes } from './observe.js';
import type { OtelTarget, ScenarioName } from './scenarios.js';
import { observe, observeTwo, prepareTarget } from './observe.js';
import { SCENARIO_NAMES } from './scenarios.js';

export interface OtelTask {
  /** The package with the tracer provider, which 3.x has renamed. */
  readonly traceModule: '@opentelemetry/sdk-trace-base' | '@opentelemetry/sdk-trace';
  readonly targets: readonly OtelTarget[];
}

export interface TargetReport {
  readonly system: OtelTarget['system'];
  readonly observations: Readonly<Record<ScenarioName, Observation>>;
  readonly two: TwoRuntimes;
  /** Of a statement sent past Fluxor-DB, by the client library itself. */
  readonly past: readonly ObservedSpan[];
  /** Of the scenario "the first connection" with `suppressDriverSpans: false`. */
  readonly unsuppressed: readonly ObservedSpan[];
}

export interface OtelReport {
  readonly node: string;
  readonly targets: readonly TargetReport[];
}

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
const { traceModule, targets } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as OtelTask;
const trace = (await import(traceModule)) as TraceModule;
const metrics = (await import('@opentelemetry/sdk-metrics')) as unknown as MetricsModule;
// Before anybody loads a client library: they are changed as they are loaded.
const instrumentations = [new PgInstrumentation(), new MySQL2Instrumentation()];

const reports: TargetReport[] = [];
for (const target of targets) {
  await prepareTarget(target);
  const observations: Partial<Record<ScenarioName, Observation>> = {};
  for (const name of SCENARIO_NAMES) observations[name] = await withSdk((sdk) => observe(target, name, sdk));
  const unsuppressed = (sdk: MemorySdk) => observe(target, 'the first connection', sdk, { suppressDriverSpans: false });
  reports.push({
    system: target.system,
    observations: observations as Record<ScenarioName, Observation>,
    two: await withSdk((sdk) => observeTwo(target, sdk)),
    past: await withSdk((sdk) => askPast(target, sdk)),
    unsuppressed: (await withSdk(unsuppressed)).spans,
  });
}
const report: OtelReport = { node: process.version, targets: reports };
process.stdout.write(`${JSON.stringify(report)}\n`);

/** A new SDK, which the instrumentations tell as well. */
async function withSdk<T>(work: (sdk: MemorySdk) => Promise<T>): Promise<T> {
  const sdk = new MemorySdk(trace, metrics);
  for (const instrumentation of instrumentations) {
    instrumentation.setTracerProvider(sdk.tracerProvider);
    instrumentation.setMeterProvider(sdk.meterProvider);
  }
  try {
    return await work(sdk);
  } finally {
    await sdk.close();
  }
}

async function askPast({ system, url }: OtelTarget, sdk: MemorySdk): Promise<ObservedSpan[]> {
  if (system === 'postgresql') {
    const { default: pg } = (await import('pg')) as { default: PgModule };
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query('select 1 as past');
    await client.end();
  } else {
    const { createConnection } = await import('mysql2/promise');
    const connection = await createConnection(url);
    await connection.query('select 1 as past');
    await connection.end();
  }
  return sdk.spans();
}

/** As much of `pg`, which ships no types, as is used here. */
interface PgModule {
  readonly Client: new (options: { connectionString: string }) => {
    connect(): Promise<void>;
    query(text: string): Promise<unknown>;
    end(): Promise<void>;
  };
}
