/**
 * What a real server is told of who asks: its `application_name`, as `pg_stat_activity` shows it to others and
 * `current_setting` to the session itself.
 */
import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { DBRuntime, Driver, Executor, RuntimeOptions } from 'fluxor-db';
import { ConfigError, createRuntime } from 'fluxor-db';
import { mysql } from 'fluxor-db/mysql';
import { oracle } from 'fluxor-db/oracle';
import type { Propagation } from 'fluxor-db/otel';
import { openTelemetry } from 'fluxor-db/otel';
import { postgres } from 'fluxor-db/postgres';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';

const OWN_NAME = 'fluxor-db';

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => context.disable());

describe.each(inject('postgresServers'))('PostgreSQL $major', ({ url }) => {
  let exporter: InMemorySpanExporter;
  let db: DBRuntime;
  let watcher: DBRuntime;

  beforeEach(() => {
    vi.stubEnv('OTEL_SERVICE_NAME', 'checkout');
    exporter = new InMemorySpanExporter();
    watcher = createRuntime({ driver: postgres({ url }) });
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await db.disconnect();
    await watcher.disconnect();
  });

  const start = (
    propagation: Propagation,
    { driver = postgres({ url }), ...options }: Partial<RuntimeOptions> = {},
  ): Disposable => {
    // One connection: the next borrower is given the same one.
    db = createRuntime({ name: 'shop', driver, ...options, pool: { warmUp: false, maxSize: 1 } });
    const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    return openTelemetry(db, { tracerProvider, metrics: false, propagation });
  };
  const nameIn = (executor: Pick<Executor, 'queryValue'>) =>
    executor.queryValue<string>("select current_setting('application_name')");
  const pidOf = (executor: Pick<Executor, 'queryValue'>) => executor.queryValue<number>('select pg_backend_pid()');
  /** As somebody else sees it. */
  const shownOf = (pid: number | undefined) =>
    watcher.queryValue<string>('select application_name from pg_stat_activity where pid = $1', [pid]);
  /** The carriers of all transactions, in the order in which they ended. */
  const carriers = () =>
    exporter
      .getFinishedSpans()
      .filter(({ name }) => name === 'TRANSACTION shop')
      .map((span) => `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`);

  it('is told nothing where that is off', async () => {
    start('off');
    expect(await nameIn(db)).toBe(OWN_NAME);
    expect(await db.transaction(nameIn)).toBe(OWN_NAME);
  });

  it('is told service and pool by tags, in and out of a transaction', async () => {
    start('tags');
    const pid = await pidOf(db);
    expect(await shownOf(pid)).toBe('checkout/shop');
    await db.transaction(async (tx) => {
      expect(await nameIn(tx)).toBe('checkout/shop');
      expect(await shownOf(pid)).toBe('checkout/shop');
    });
    expect(await nameIn(db)).toBe('checkout/shop');
  });

  it('is told of the trace from BEGIN to COMMIT, and the next borrower finds the name as it was', async () => {
    start('trace');
    const pid = await pidOf(db);
    let inside: string | undefined;
    await db.transaction(async (tx) => {
      inside = await nameIn(tx);
      expect(await shownOf(await pidOf(tx))).toBe(inside);
    });
    expect(carriers()).toEqual([inside]);
    expect(await pidOf(db)).toBe(pid);
    expect(await nameIn(db)).toBe('checkout/shop');
    expect(await shownOf(pid)).toBe('checkout/shop');
  });

  it('forgets the trace with ROLLBACK, with an error, and of a handle of begin()', async () => {
    start('trace');
    const inside: (string | undefined)[] = [];
    await expect(
      db.transaction(async (tx) => {
        inside.push(await nameIn(tx));
        await tx.query('select 1 / 0');
      }),
    ).rejects.toMatchObject({ name: 'QueryError' });
    expect(await nameIn(db)).toBe('checkout/shop');
    const tx = await db.begin();
    inside.push(await nameIn(tx));
    await tx.rollback();
    expect(await nameIn(db)).toBe('checkout/shop');
    expect(carriers()).toEqual(inside);
    expect(new Set(inside).size).toBe(2);
  });

  it('keeps the trace through a savepoint that is undone', async () => {
    start('trace');
    await db.transaction(async (tx) => {
      const before = await nameIn(tx);
      await tx
        .transaction(async (inner) => {
          await inner.exec("set local application_name = 'mine'");
          throw new Error('undone');
        })
        .catch(() => undefined);
      expect(await nameIn(tx)).toBe(before);
    });
    expect(await nameIn(db)).toBe('checkout/shop');
  });

  it('is told of transactions of a session, which finds its own word afterwards', async () => {
    start('trace');
    await db.use(async (session) => {
      await session.exec("set application_name = 'mine'");
      const inside = await session.transaction(nameIn);
      expect(carriers()).toEqual([inside]);
      expect(await nameIn(session)).toBe('mine');
    });
    expect(await nameIn(db)).toBe('checkout/shop');
  });

  it('is not told of a transaction that is not sampled', async () => {
    start('trace');
    const unsampled = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 0 };
    const parent = trace.setSpanContext(ROOT_CONTEXT, unsampled);
    expect(await context.with(parent, () => db.transaction(nameIn))).toBe('checkout/shop');
  });

  it('is told of a transaction that only reads, and of each run of one that is repeated', async () => {
    start('trace');
    const inside: (string | undefined)[] = [];
    await db.transaction(async (tx) => inside.push(await nameIn(tx)), { readOnly: true, isolation: 'serializable' });
    await db.transaction(
      async (tx) => {
        inside.push(await nameIn(tx));
        if (tx.attempt === 1) await tx.exec("do $$ begin raise exception using errcode = '40001'; end $$");
      },
      { retry: { maxRetries: 1, initialBackoff: 1 } },
    );
    const [read, repeated] = carriers();
    expect(inside).toEqual([read, repeated, repeated]);
  });

  it.each(['tags', 'trace'] as const)("keeps the user's own name: %s", async (propagation) => {
    start(propagation, { driver: postgres({ url, applicationName: 'mine' }) });
    expect(await nameIn(db)).toBe('mine');
    const inside = await db.transaction(nameIn);
    expect(inside).toBe(propagation === 'tags' ? 'mine' : carriers()[0]);
    expect(await nameIn(db)).toBe('mine');
  });

  it("keeps the user's own name where that is the one that it would have had anyway", async () => {
    start('tags', { driver: postgres({ url, applicationName: OWN_NAME }) });
    expect(await nameIn(db)).toBe(OWN_NAME);
  });

  it('is told nothing any more by transactions that begin when it has been disposed', async () => {
    const telemetry = start('trace');
    await db.transaction(async (tx) => {
      telemetry[Symbol.dispose]();
      expect(await nameIn(tx)).toMatch(/^00-/);
    });
    expect(await nameIn(db)).toBe('checkout/shop');
    expect(await db.transaction(nameIn)).toBe('checkout/shop');
  });
});

describe('databases that have no way', () => {
  const drivers: [string, () => Driver][] = [
    ...inject('mysqlServers').map(({ url, product }): [string, () => Driver] => [product, () => mysql({ url })]),
    ['oracle', () => oracle({ url: 'oracle://app:pw@localhost:1521/shop' })],
  ];
  it.each(
    drivers.flatMap(([product, driver]) => (['tags', 'trace'] as const).map((how) => ({ product, how, driver }))),
  )('refuse: $product, $how', async ({ how, driver }) => {
    await using db = createRuntime({ driver: driver(), pool: { warmUp: false } });
    const ask = () => openTelemetry(db, { propagation: how });
    expect(ask).toThrow(ConfigError);
    expect(ask).toThrow('openTelemetry.propagation');
    expect(() => openTelemetry(db, { propagation: 'off' })[Symbol.dispose]()).not.toThrow();
  });
});
