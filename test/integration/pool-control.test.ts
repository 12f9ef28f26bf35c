/** Operations on the pool of a running runtime, and functions that ask for a second connection: on real servers. */
import type { ConfigError, FluxorEvents } from 'fluxor-db';
import { createRuntime } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';
import { describe, expect, inject, it } from 'vitest';
import { freePort } from '../servers/free-port.js';
import { HeldStatements } from './held-statements.js';
import { BEHIND_THE_GATE, ProxiedDatabase, failure } from './proxied-database.js';

const PID = 'select pg_backend_pid()';

for (const { name, url } of inject('postgresServers')) {
  describe(`operations on the pool, on ${name}`, () => {
    const start = (options?: Parameters<typeof ProxiedDatabase.start>[1]) =>
      ProxiedDatabase.startBehindTheGate(url, options);

    it('suspend lends nothing and lets running statements end; resume serves all who waited', async () => {
      await using house = await start({ pool: { maxSize: 2 } });
      const { db } = house;
      const held = await HeldStatements.of(house);
      const running = held.begin();
      await held.untilHeld();
      db.pool.suspend();
      const waiting = [1, 2, 3].map((n) => db.queryValue('select $1::int', [n]));
      await held.letGo();
      expect(await running).toBe('held');
      const { error } = await failure(db.query('select 1', [], { timeout: '50ms' }));
      expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'acquire', outcome: 'not-sent' });
      expect(error.message).toContain('the pool is suspended');
      expect(db.pool.stats()).toMatchObject({ isSuspended: true, inUse: 0, waiting: 3 });
      db.pool.resume();
      expect(await Promise.all(waiting)).toEqual([1, 2, 3]);
      await house.check();
    });

    it('evict replaces one connection by its number, and all of them; what runs is not cut off', async () => {
      await using house = await start({ pool: { maxSize: 2 } });
      const { db } = house;
      const first = await db.queryValue(PID);
      expect(await db.queryValue(PID)).toBe(first);
      expect(db.pool.evict(1)).toBe(1);
      expect(await db.queryValue(PID)).not.toBe(first);
      await db.use(async (session) => {
        const held = await session.queryValue(PID);
        expect(db.pool.evict()).toBe(1);
        expect(await session.queryValue(PID)).toBe(held);
        session.release();
        expect(await db.queryValue(PID)).not.toBe(held);
      });
      expect(db.pool.evict(4_711)).toBe(0);
      // Nothing but the new one is left at the server.
      await expect.poll(() => house.activity()).toHaveLength(1);
      await house.check();
    });

    it('reconfigure makes the running pool larger for those who wait, and smaller as connections come back', async () => {
      await using house = await start({ pool: { maxSize: 1 } });
      const { db } = house;
      const changed: FluxorEvents['pool:reconfigured']['changed'][] = [];
      using _listener = db.on('pool:reconfigured', (fact) => changed.push(fact.changed));
      const holder = await db.acquire();
      const waiting = db.queryValue('select 1');
      db.pool.reconfigure({ maxSize: 3, maxIdle: 3 });
      expect(await waiting).toBe(1);
      await Promise.all([1, 2, 3, 4].map(() => db.query('select pg_sleep(0.1)')));
      await expect.poll(() => db.stats().total).toBe(3);
      expect(db.config.pool).toMatchObject({ maxSize: 3, maxIdle: 3 });
      db.pool.reconfigure({ maxSize: 1, maxIdle: 1 });
      expect(await holder.queryValue('select 2')).toBe(2);
      holder.release();
      await expect.poll(() => house.activity()).toHaveLength(1);
      expect(db.stats()).toMatchObject({ total: 1, maxSize: 1 });
      expect(changed).toEqual([
        ['maxSize', 'maxIdle'],
        ['maxSize', 'maxIdle'],
      ]);
      await house.check();
    });

    it('reconfigure refuses what is wrong, all at once, and then nothing has changed', async () => {
      await using house = await start({ pool: { maxSize: 2, validation: { timeout: '300ms' } } });
      const { db } = house;
      const before = db.config.pool;
      const wrong = { maxSize: 5, acquireTimeout: '5 parsecs', maxWating: 3, warmUp: 2 };
      const { error } = await failure((async () => db.pool.reconfigure(wrong as object))());
      expect((error as ConfigError).issues.map(({ path }) => path).sort()).toEqual([
        'pool.acquireTimeout',
        'pool.maxWating',
        'pool.warmUp',
      ]);
      expect(db.config.pool).toBe(before);
      // Groups are merged: what is not named stays.
      db.pool.reconfigure({ validation: { attempts: 1 } });
      expect(db.config.pool.validation).toMatchObject({ attempts: 1, timeoutMs: 300 });
      await house.check();
    });

    it('renew replaces every connection, one after the other, and fails no call meanwhile', async () => {
      await using house = await start({ pool: { maxSize: 4 } });
      const { db } = house;
      const closed: string[] = [];
      using _listener = db.on('connection:closed', ({ reason }) => closed.push(reason));
      await db.pool.warmUp({ connections: 2 });
      const pids = async () =>
        (
          await house.direct.query<{ pid: number }>('select pid from pg_stat_activity where application_name = $1', [
            house.applicationName,
          ])
        ).map(({ pid }) => pid);
      const before = await pids();
      expect(before).toHaveLength(2);
      db.pool.renew();
      await expect
        .poll(
          async () => {
            expect(await db.queryValue('select 1')).toBe(1);
            return (await pids()).filter((pid) => before.includes(pid));
          },
          { timeout: 10_000 },
        )
        .toEqual([]);
      expect(new Set(closed)).toEqual(new Set(['max-lifetime']));
      await house.check();
    });

    // node-pg-pool#104, tarn#82, #1, postgres#672, slonik#255, pgx#969
    it('a minimum that was configured was never opened: it is there before the first call, in `connect()` and on demand', async () => {
      await using house = await start({ pool: { warmUp: { connections: 4, failFast: true }, minIdle: 2 } });
      const { db } = house;
      const warmed: FluxorEvents['pool:warmed'][] = [];
      using _listener = db.on('pool:warmed', (fact) => warmed.push(fact));
      await db.connect();
      expect(db.stats()).toMatchObject({ idle: 4, total: 4 });
      expect(await house.activity()).toHaveLength(4);
      expect(await db.pool.warmUp({ connections: 6 })).toMatchObject({ wanted: 6, opened: 6 });
      expect(await house.activity()).toHaveLength(6);
      expect(warmed.map(({ wanted, opened }) => [wanted, opened])).toEqual([
        [4, 4],
        [6, 6],
      ]);
      await house.check();
    });

    it('warm-up that cannot reach the server fails with the cause where that is asked for, and says how far it came otherwise', async () => {
      await using house = await start();
      await house.proxy.setMode('refuse');
      const { error } = await failure(house.db.pool.warmUp({ connections: 3, failFast: true }));
      expect(error).toMatchObject({ code: 'CONNECTION', reason: 'refused', outcome: 'not-sent' });
      const result = await house.db.pool.warmUp({ connections: 3, timeout: '100ms' });
      expect(result).toMatchObject({ wanted: 3, opened: 0 });
      await house.check();
    });
  });

  describe(`functions that ask for a second connection, on ${name}`, () => {
    // node-mysql2#4497, sequelize#10976, #7884
    it('deadlocked the pool for ever when all of them did: one is told why, and the others go on', async () => {
      await using db = createRuntime({ ...BEHIND_THE_GATE, driver: postgres({ url }), pool: { maxSize: 2 } });
      const nested: FluxorEvents['lease:nested'][] = [];
      using _listener = db.on('lease:nested', (fact) => nested.push(fact));
      const startedAt = performance.now();
      let inside = 0;
      const task = () =>
        db.use(async (session) => {
          await session.query('select 1');
          inside += 1;
          await expect.poll(() => inside).toBe(2);
          return db.use(async (second) => second.queryValue('select 42'));
        });
      const ends = await Promise.allSettled([task(), task()]);
      // Long before `acquireTimeout`, which is 10 s.
      expect(performance.now() - startedAt).toBeLessThan(5_000);
      expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      const told = ends.find((end) => end.status === 'rejected')?.reason as unknown;
      expect(told).toMatchObject({ code: 'NESTED_LEASE', outcome: 'not-sent' });
      expect(ends.find((end) => end.status === 'fulfilled')?.value).toBe(42);
      expect(nested).toHaveLength(1);
      expect(nested[0]?.stack).toContain('pool-control.test.ts');
      expect(db.stats()).toMatchObject({ inUse: 0, waiting: 0, total: 2 });
      await db.disconnect();
    });

    it('are not called deadlocked as long as anybody can give a connection back', async () => {
      await using db = createRuntime({ ...BEHIND_THE_GATE, driver: postgres({ url }), pool: { maxSize: 2 } });
      const slow = db.transaction(async (tx) => tx.queryValue("select 'slow' from pg_sleep(0.6)"));
      const nested = db.transaction(async () => db.queryValue("select 'nested'"));
      expect(await Promise.all([slow, nested])).toEqual(['slow', 'nested']);
      await db.disconnect();
    });

    it('may be called from inside a transaction that calls with its own connection: then nobody waits', async () => {
      await using db = createRuntime({ ...BEHIND_THE_GATE, driver: postgres({ url }), pool: { maxSize: 1 } });
      const value = await db.transaction(async (tx) => tx.transaction(async (inner) => inner.queryValue('select 7')));
      expect(value).toBe(7);
      await db.disconnect();
    });
  });
}

describe('a server that is not there', () => {
  it('fails a runtime that wants its warm-up at once, with the cause, at a closed port', async () => {
    const port = await freePort();
    await using db = createRuntime({
      ...BEHIND_THE_GATE,
      driver: postgres({ host: '127.0.0.1', port, user: 'app', database: 'shop' }),
      pool: { warmUp: { connections: 3, failFast: true } },
    });
    const { error, afterMs } = await failure(db.connect());
    expect(error).toMatchObject({ code: 'CONNECTION', reason: 'refused' });
    expect(error.message).toContain(String(port));
    // Long before `acquireTimeout`, which is 10 s.
    expect(afterMs).toBeLessThan(3_000);
    expect(db.state).toBe('idle');
    await db.disconnect();
  });
});
