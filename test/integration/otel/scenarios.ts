/**
 * What is done for OpenTelemetry to be told of it: one runtime for each scenario, on a real server, with one connection open
 * before anybody looks. What has to come out stands in expected-spans.ts.
 * Invariants: nothing here knows the version of the SDK, nor the test runner, so that a process without either can run it;
 * values and literals that must be seen nowhere have a canary in them.
 */
import type { Context } from '@opentelemetry/api';
import { ROOT_CONTEXT, TraceFlags, context, trace } from '@opentelemetry/api';
import type { DBRuntime, Driver, RuntimeOptions } from 'fluxor-db';
import { createRuntime } from 'fluxor-db';
import { mysql } from 'fluxor-db/mysql';
import type { OpenTelemetryOptions } from 'fluxor-db/otel';
import { openTelemetry } from 'fluxor-db/otel';
import { postgres } from 'fluxor-db/postgres';
import type { TcpProxy } from 'fluxor-db/testing';
import { startTcpProxy } from 'fluxor-db/testing';
import type { MemorySdk } from './memory-sdk.js';
import type { Attributes, ObservedMetric, ObservedPoint, ObservedSpan } from './observed.js';

/** A server to run the scenarios on. */
export interface OtelTarget {
  readonly system: 'postgresql' | 'mysql';
  readonly url: string;
}

/** In every value and literal of the scenarios that is a text. */
export const CANARY = 'canary-4f1d';
/** A number that is a value, and in nothing else. */
export const CANARY_NUMBER = 90_417_733;

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

interface Scene {
  readonly db: DBRuntime;
  readonly sql: Sql;
  readonly proxy: TcpProxy;
  readonly sdk: MemorySdk;
}

export interface Scenario {
  readonly runtime?: Omit<RuntimeOptions, 'driver'>;
  readonly telemetry?: Partial<OpenTelemetryOptions>;
  /** No connection is open before telemetry is. */
  readonly isCold?: boolean;
  /** The application's span is not sampled. */
  readonly isUnsampled?: boolean;
  run(scene: Scene): Promise<unknown>;
}

/** The words that differ. */
interface Sql {
  readonly select: string;
  readonly insert: string;
  readonly sleep: (seconds: number) => string;
}

const SQL: Readonly<Record<OtelTarget['system'], Sql>> = {
  postgresql: {
    select: 'select id, name from otel_people where name = $1',
    insert: 'insert into otel_people (id, name) values ($1, $2)',
    sleep: (seconds) => `select pg_sleep(${seconds})`,
  },
  mysql: {
    select: 'select id, name from otel_people where name = ?',
    insert: 'insert into otel_people (id, name) values (?, ?)',
    sleep: (seconds) => `select sleep(${seconds})`,
  },
};

const DRIVERS: Readonly<
  Record<OtelTarget['system'], (options: { url: string; host: string; port: number }) => Driver>
> = { postgresql: postgres, mysql };

const PLAIN = `select id, name from otel_people where name = '${CANARY}-literal' and id = ${CANARY_NUMBER}`;
const known = `${CANARY}-known`;

export const SCENARIOS = {
  'a SELECT with values': { run: ({ db, sql }) => db.query(sql.select, [CANARY]) },
  'a SELECT with literals': { run: ({ db }) => db.query(PLAIN) },
  'rows counted': { telemetry: { captureRows: true }, run: ({ db, sql }) => db.query(sql.select, [known]) },
  'texts left out': { telemetry: { captureText: 'off' }, run: ({ db, sql }) => db.query(sql.select, [CANARY]) },
  'texts sanitized': { telemetry: { captureText: 'sanitized' }, run: ({ db }) => db.query(PLAIN) },
  'no spans': { telemetry: { spans: false }, run: ({ db, sql }) => db.query(sql.select, [CANARY]) },
  'an application span that is not sampled': {
    isUnsampled: true,
    run: ({ db, sql }) => db.query(sql.select, [CANARY]),
  },
  'a unique violation': { run: ({ db, sql }) => failing(db.exec(sql.insert, [1, known])) },
  'a syntax error': { run: ({ db }) => failing(db.query(`selct '${CANARY}' from otel_people`)) },
  'a statement whose first connection is lost': {
    run: ({ db, proxy }) => {
      proxy.dropReplies({ when: (chunk) => chunk.includes('lost_once'), then: 'reset' });
      return db.query('select count(*) as lost_once from otel_people', [], { readOnly: true });
    },
  },
  'a statement whose connections are all lost': {
    runtime: { query: { retry: { maxRetries: 1, initialBackoff: 1 } } },
    run: ({ db, proxy }) => {
      proxy.dropReplies({ when: (chunk) => chunk.includes('lost_always'), then: 'reset', times: 2 });
      return failing(db.query('select count(*) as lost_always from otel_people', [], { readOnly: true }));
    },
  },
  'a call that the circuit breaker refuses': {
    run: ({ db, sql }) => {
      db.gate.circuit.forceOpen();
      return failing(db.query(sql.select, [CANARY]));
    },
  },
  'a call that the rate limit refuses': {
    run: ({ db, sql }) => {
      db.gate.rateLimit.set({ perSecond: 1, burst: 1 });
      // In one turn, so that no token can come in between.
      return Promise.all([db.query('select 1'), failing(db.query(sql.select, [CANARY]))]);
    },
  },
  'a call that gets no connection in time': {
    runtime: { pool: { maxSize: 1, acquireTimeout: 200, connectTimeout: 200 } },
    run: async ({ db, sql }) => {
      await using _held = await db.acquire();
      await failing(db.query(sql.select, [CANARY]));
    },
  },
  'a call that runs into its time limit': {
    run: ({ db, sql }) => failing(db.query(sql.sleep(30), [], { timeout: 200 })),
  },
  'a call that is cancelled': {
    run: ({ db, sql }) => {
      const controller = new AbortController();
      const cancelled = failing(db.query(sql.sleep(30), [], { signal: controller.signal }));
      setTimeout(() => controller.abort(), 100);
      return cancelled;
    },
  },
  'a call while the runtime ends': {
    run: async ({ db, sql }) => {
      const running = db.query(sql.sleep(0.1));
      const ended = db.disconnect();
      await failing(db.query(sql.select, [CANARY]));
      await Promise.all([running, ended]);
    },
  },
  'a call that waits for a connection': {
    runtime: { pool: { maxSize: 1 } },
    run: async ({ db, sql }) => {
      const session = await db.acquire();
      const waiting = db.query(sql.select, [CANARY]);
      await session.query(sql.sleep(0.05));
      session.release();
      await waiting;
    },
  },
  'a transaction that is committed': {
    run: ({ db, sql, sdk }) =>
      db.transaction(
        async (tx) => {
          await tx.exec(sql.insert, [100, `${CANARY}-committed`]);
          await inSpan(sdk, 'work', () => tx.query(sql.select, [CANARY]));
        },
        { isolation: 'serializable' },
      ),
  },
  'a transaction whose function throws': {
    run: ({ db, sql }) =>
      failing(
        db.transaction(async (tx) => {
          await tx.exec(sql.insert, [101, `${CANARY}-undone`]);
          throw new Error(CANARY);
        }),
      ),
  },
  'a transaction whose statement fails': {
    run: ({ db, sql }) => failing(db.transaction((tx) => tx.exec(sql.insert, [1, known]))),
  },
  'a transaction that is run twice': {
    run: ({ db, sql }) => {
      let runs = 0;
      return db.transaction(async (tx) => {
        runs += 1;
        if (runs === 1) await tx.exec('call otel_conflict()');
        await tx.query(sql.select, [CANARY]);
      });
    },
  },
  'a transaction that is begun and ended by hand': {
    run: async ({ db, sql }) => {
      const tx = await db.begin();
      await tx.query(sql.select, [CANARY]);
      await tx.commit();
    },
  },
  'a batch': {
    run: ({ db, sql }) =>
      db.batch(
        sql.insert,
        [1, 2, 3].map((at) => [200 + at, `${CANARY}-batch-${at}`]),
      ),
  },
  'a large batch': {
    run: ({ db, sql }) =>
      db.batch(
        sql.insert,
        Array.from({ length: 50 }, (_, at) => [300 + at, `${CANARY}-large-${at}`]),
      ),
  },
  'a batch of one': { run: ({ db, sql }) => db.batch(sql.insert, [[400, `${CANARY}-one`]]) },
  'a batch that fails': {
    run: ({ db, sql }) =>
      failing(
        db.batch(
          sql.insert,
          [2, 1].map((at) => [400 + at, at === 1 ? known : CANARY]),
        ),
      ),
  },
  'a stored procedure': { run: ({ db }) => db.exec('call otel_touch(7)') },
  'a stream': {
    run: async ({ db, sql }) => {
      for await (const _row of db.stream(sql.select, [known])) continue;
    },
  },
  'statements at once on one connection': {
    runtime: { pool: { maxSize: 1 } },
    run: ({ db, sql, sdk }) =>
      Promise.all([1, 2, 3].map((at) => inSpan(sdk, `caller ${at}`, () => db.query(sql.select, [CANARY])))),
  },
  'a health check': { run: ({ db }) => db.healthCheck() },
  'the first connection': { isCold: true, run: ({ db }) => db.query('select 1') },
  'a server that is not there': {
    isCold: true,
    runtime: { query: { retry: false }, pool: { acquireTimeout: 200, connectTimeout: 200 } },
    run: async ({ db, proxy }) => {
      await proxy.setMode('refuse');
      await failing(db.query('select 1'));
    },
  },
} as const satisfies Readonly<Record<string, Scenario>>;

export type ScenarioName = keyof typeof SCENARIOS;

export const SCENARIO_NAMES = Object.keys(SCENARIOS) as ScenarioName[];

/** The tables and the procedure; anew, and watched by nobody. */
export async function prepareTarget(target: OtelTarget): Promise<void> {
  const { hostname, port } = new URL(target.url);
  await using db = createRuntime({
    driver: DRIVERS[target.system]({ url: target.url, host: hostname, port: Number(port) }),
  });
  await db.exec('drop table if exists otel_people');
  await db.exec('create table otel_people (id int primary key, name varchar(100) unique)');
  await db.exec(`insert into otel_people (id, name) values (1, '${known}')`);
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
  await inSpan(sdk, 'application', () => scenario.run(scene), scenario.isUnsampled === true ? UNSAMPLED : ROOT_CONTEXT);
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

async function inSpan<T>(sdk: MemorySdk, name: string, work: () => Promise<T>, parent = context.active()): Promise<T> {
  const span = sdk.tracerProvider.getTracer('application').startSpan(name, {}, parent);
  try {
    return await context.with(trace.setSpan(parent, span), work);
  } finally {
    span.end();
  }
}

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

/** That it fails is what is asked for; how, is in the spans. */
async function failing(work: Promise<unknown>): Promise<void> {
  let isDone = false;
  try {
    await work;
    isDone = true;
  } catch {
    // As it should be.
  }
  if (isDone) throw new Error('It should have failed.');
}
