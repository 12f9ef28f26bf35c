/**
 * Where a real client library is called, no other instrumentation may trace; and where user code runs, it may. A socket goes on
 * for ever in the context that it was opened in, so both are looked at on a real one.
 */
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { isTracingSuppressed } from '@opentelemetry/core';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { createRuntime } from 'fluxor-db';
import { openTelemetry } from 'fluxor-db/otel';
import { postgres } from 'fluxor-db/postgres';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

const [{ url } = { url: '' }] = inject('postgresServers');

/** As much of `pg` as is watched here. */
interface WatchedPg {
  readonly Client: { readonly prototype: { query: (this: unknown, ...given: unknown[]) => unknown } };
}

const isQuiet = (): boolean => isTracingSuppressed(context.active());

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => context.disable());

describe('quiet contexts', () => {
  it('went on in the listeners that were told of a lost connection, whose own spans were gone', async () => {
    const driver = postgres({ url, applicationName: 'quiet_contexts' });
    await using db = createRuntime({ driver, pool: { warmUp: false } });
    await using watcher = createRuntime({ driver: postgres({ url }) });
    using _telemetry = openTelemetry(db, { tracerProvider: new BasicTracerProvider(), metrics: false });
    const heard: [string, boolean][] = [];
    db.on('connection:lost', () => heard.push(['connection:lost', isQuiet()]));
    db.on('listening:lost', () => heard.push(['listening:lost', isQuiet()]));
    await using _subscription = await db.listen('quiet_contexts');
    await db.query('select 1');
    await watcher.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [
      'quiet_contexts',
    ]);
    await expect.poll(() => heard.length).toBe(2);
    expect(heard.map(([, quiet]) => quiet)).toEqual([false, false]);
  });

  it('were left out by LISTEN, and by what the server is told of a trace', async () => {
    await using db = createRuntime({ driver: postgres({ url }), pool: { warmUp: false } });
    using _telemetry = openTelemetry(db, {
      tracerProvider: new BasicTracerProvider(),
      metrics: false,
      propagation: 'trace',
    });
    let asked = 0;
    let loud = 0;
    const { prototype } = (pg as WatchedPg).Client;
    const { query } = prototype;
    prototype.query = function (...given) {
      asked += 1;
      if (!isQuiet()) loud += 1;
      return query.apply(this, given);
    };
    try {
      const subscription = await db.listen('quiet_contexts');
      await db.query('select pg_notify($1, $2)', ['quiet_contexts', 'x']);
      for await (const _item of subscription) break;
      await db.transaction(async (tx) => tx.query('select 1'));
    } finally {
      prototype.query = query;
    }
    // LISTEN, the notification, BEGIN, what is told, SELECT and COMMIT at least.
    expect(asked).toBeGreaterThanOrEqual(6);
    expect(loud).toBe(0);
  });
});
