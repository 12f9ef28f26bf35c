/**
 * Runs the scenarios: one runtime for each, on a real server behind the fault proxy, with one connection open before anybody
 * looks; and tells what the SDK was given.
 */
import type { Context } from '@opentelemetry/api';
import { ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api';
import type { Driver } from 'fluxor-db';
import { createRuntime } from 'fluxor-db';
import { mysql } from 'fluxor-db/mysql';
import type { OpenTelemetryOptions } from 'fluxor-db/otel';
import { openTelemetry } from 'fluxor-db/otel';
import { postgres } from 'fluxor-db/postgres';
import type { TcpProxy } from 'fluxor-db/testing';
import { startTcpProxy } from 'fluxor-db/testing';
import type { MemorySdk } from './memory-sdk.js';
import type { Attributes, ObservedMetric, ObservedPoint, ObservedSpan } from './observed.js';
import type { OtelTarget, Scenario, ScenarioName } from './scenarios.js';
import { KNOWN, SCENARIOS, SQL } from './scenarios.js';

export interface Observation {
  readonly spans: readonly ObservedSpan[];
  readonly metrics: readonly ObservedMetric[];
}

/** Points of `db.client.connection.count`: of two runtimes, when one has ended, and when both have. */
export interface TwoRuntimes {
  readonly both: readonly ObservedPoint[];
  readonly left: readonly ObservedPoint[];
  readonly none: readonly ObservedPoint[];
}

const DRIVERS: Readonly<
  Record<OtelTarget['system'], (options: { url: string; host: string; port: number }) => Driver>
> = { postgresql: postgres, mysql };

/** The tables and the procedure; anew, and watched by nobody. */
export async function prepareTarget(target: OtelTarget): Promise<void> {
  const { hostname, port } = new URL(target.url);
  await using db = createRuntime({
    driver: DRIVERS[target.system]({ url: target.url, host: hostname, port: Number(port) }),
  });
  await db.exec('drop table if exists otel_people');
  await db.exec('create table otel_people (id int primary key, name varchar(100) unique)');
  await db.exec(`insert into otel_people (id, name) values (1, '${KNOWN}')`);
  await db.exec('drop procedure if exists otel_touch');
  await db.exec(
    target.system === 'mysql'
      ? 'create procedure otel_touch(in seen int) begin update otel_people set id = id where id = seen; end'
      : 'create procedure otel_touch(seen int) language sql as $$ update otel_people set id = id where id = seen $$',
  );
  await db.exec('drop procedure if exists otel_conflict');
  await db.exec(
    target.system === 'mysql'
      ? "create procedure otel_conflict() begin signal sqlstate '40001' set mysql_errno = 1213; end"
      : "create procedure otel_conflict() language plpgsql as $$ begin raise exception using errcode = '40001'; end $$",
  );
}

/** Runs one scenario below a span "application", and tells what the SDK was given. The SDK must be new. */
export async function observe(
  target: OtelTarget,
  name: ScenarioName,
  sdk: MemorySdk,
  telemetry: Partial<OpenTelemetryOptions> = {},
): Promise<Observation> {
  const scenario: Scenario = SCENARIOS[name];
  const { hostname, port } = new URL(target.url);
  await using proxy = await startedProxy({ host: hostname, port: Number(port) });
  const driver = DRIVERS[target.system]({ url: target.url, host: proxy.host, port: proxy.port });
  const { runtime } = scenario;
  await using db = createRuntime({ name: 'shop', driver, ...runtime, pool: { warmUp: false, ...runtime?.pool } });
  if (scenario.isCold !== true) await db.query('select 1');
  const { tracerProvider, meterProvider } = sdk;
  using _telemetry = openTelemetry(db, { tracerProvider, meterProvider, ...scenario.telemetry, ...telemetry });
  sdk.forgetSpans();
  const scene = { db, sql: SQL[target.system], proxy, sdk };
  await sdk.inSpan('application', () => scenario.run(scene), scenario.isUnsampled === true ? UNSAMPLED : ROOT_CONTEXT);
  const { spans, metrics } = { spans: sdk.spans(), metrics: await sdk.metrics() };
  return portless({ spans, metrics }, proxy.port);
}

/** Two runtimes of one process, and how many connections of each are said to be in use and idle. */
export async function observeTwo(target: OtelTarget, sdk: MemorySdk): Promise<TwoRuntimes> {
  const { tracerProvider, meterProvider } = sdk;
  const start = async (name: string, held: number): Promise<AsyncDisposable> => {
    const at = new URL(target.url);
    const driver = DRIVERS[target.system]({ url: target.url, host: at.hostname, port: Number(at.port) });
    const db = createRuntime({ name, driver, pool: { warmUp: false, maxSize: 3 } });
    openTelemetry(db, { tracerProvider, meterProvider });
    const sessions = await Promise.all(Array.from({ length: held + 1 }, () => db.acquire()));
    sessions[0]?.release();
    return {
      [Symbol.asyncDispose]: async () => {
        for (const session of sessions.slice(1)) session.release();
        await db.disconnect();
      },
    };
  };
  const counts = async () =>
    (await sdk.metrics()).find(({ name }) => name === 'db.client.connection.count')?.points ?? [];
  const shop = await start('shop', 2);
  const store = await start('store', 1);
  const both = await counts();
  await shop[Symbol.asyncDispose]();
  const left = await counts();
  await store[Symbol.asyncDispose]();
  return { both, left, none: await counts() };
}

/** The parent of a trace that another process chose not to record. */
const UNSAMPLED: Context = trace.setSpanContext(ROOT_CONTEXT, {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: TraceFlags.NONE,
  isRemote: true,
});

async function startedProxy(at: { host: string; port: number }): Promise<TcpProxy & AsyncDisposable> {
  const proxy = await startTcpProxy({ target: at });
  return Object.assign(proxy, { [Symbol.asyncDispose]: () => proxy.close() });
}

/** The port of the proxy is another in each run: 0 stands for it where it is an attribute. */
function portless({ spans, metrics }: Observation, port: number): Observation {
  const without = (attributes: Attributes): Attributes =>
    Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, value === port ? 0 : value]));
  const inSpans = (some: readonly ObservedSpan[]): ObservedSpan[] =>
    some.map((span) => ({ ...span, attributes: without(span.attributes), children: inSpans(span.children) }));
  const inMetrics = metrics.map((metric) => ({
    ...metric,
    points: metric.points.map((point) => ({ ...point, attributes: without(point.attributes) })),
  }));
  return { spans: inSpans(spans), metrics: inMetrics };
}
