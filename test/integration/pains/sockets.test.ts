/**
 * What happened to users of other pools when a socket died, or was never born: each test is named after it, and cites who
 * told of it. More of the kind: ../faults.test.ts, ../recovery.test.ts, ../outage.test.ts.
 */
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import type { Session } from 'fluxor-db';
import { createRuntime, isFluxorError, sharedRuntime } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';
import { describe, expect, inject, it } from 'vitest';
import { BEHIND_THE_GATE, ProxiedDatabase, failure } from '../proxied-database.js';
import { watchProcess } from './witness.js';

watchProcess();

const SLACK_MS = 1_500;

for (const { name, url } of inject('postgresServers')) {
  describe(`sockets that die, on ${name}`, () => {
    const start = (options?: Parameters<typeof ProxiedDatabase.start>[1]) =>
      ProxiedDatabase.startBehindTheGate(url, options);
    const open = (house: ProxiedDatabase) => Promise.all([1, 2, 3].map(() => house.db.query('select pg_sleep(0.1)')));
    const terminateAll = (house: ProxiedDatabase) =>
      house.direct.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [
        house.applicationName,
      ]);

    // node-postgres#2439, #3202, #2635, slonik#471, mariadb CONJS-246
    it('an idle client that lost its server took the process down', async () => {
      await using house = await start({ pool: { maxSize: 3 } });
      const ends = [() => terminateAll(house), async () => house.proxy.resetAll(), async () => house.proxy.finAll()];
      for (const end of ends) {
        await open(house);
        expect(house.db.stats().idle).toBe(3);
        // Nobody listens to any event.
        await end();
        await expect.poll(() => house.db.stats().total).toBe(0);
        expect(await house.db.queryValue('select 1')).toBe(1);
      }
      await house.check();
    });

    // node-postgres#3202, posthog PR#103205, mastra PR#21765
    it('a client lost its server while it was checked out, and took the process down past every listener of the pool', async () => {
      await using house = await start({ pool: { maxSize: 4 } });
      const idle = await house.db.acquire();
      const tx = await house.db.begin();
      const busy = await house.db.acquire();
      const sleeping = failure(busy.query('select pg_sleep(30)'));
      await house.untilRunning('pg_sleep(30)');
      await terminateAll(house);
      expect((await sleeping).error).toMatchObject({ code: 'CONNECTION', outcome: 'unknown' });
      for (const held of [idle, busy]) {
        expect((await failure(held.query('select 1'))).error.code).toBe('CONNECTION');
        held.release();
      }
      expect((await failure(tx.commit())).error.outcome).not.toBe('applied');
      await house.check();
    });

    // node-postgres#3543
    it('a connect that timed out went on, and its session stayed at the server as a zombie', async () => {
      await using house = await start({ pool: { connectTimeout: '150ms', acquireTimeout: '600ms' } });
      // A login takes several round trips of 200 ms each now.
      house.proxy.delay(100);
      const { error } = await failure(house.db.query('select 1'));
      expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'connect', outcome: 'not-sent' });
      expect(house.proxy.accepted).toBeGreaterThan(1);
      await expect.poll(() => house.proxy.connections).toBe(0);
      await expect.poll(() => house.activity()).toEqual([]);
      expect(house.db.stats()).toMatchObject({ total: 0, closing: 0, totals: { created: 0 } });
      await house.check();
      expect(await house.activity()).toHaveLength(1);
    });

    // slonik#631, PR#661
    it('connects that failed stayed in the count, until the pool was full of them', async () => {
      await using house = await start({ pool: { maxSize: 3, acquireTimeout: '300ms' } });
      await house.proxy.setMode('reset-on-connect');
      const ends = await Promise.all([1, 2, 3, 4, 5, 6].map(() => failure(house.db.query('select 1'))));
      for (const { error } of ends) expect(error).toMatchObject({ code: 'CONNECTION', outcome: 'not-sent' });
      expect(house.db.stats().total).toBeLessThanOrEqual(1);
      await house.proxy.setMode('pass');
      await expect.poll(() => house.db.queryValue('select 1').catch(() => 'not yet')).toBe(1);
      const sessions = await Promise.all([1, 2, 3].map(() => house.db.acquire({ timeout: '5s' })));
      expect(house.db.stats()).toMatchObject({ inUse: 3, total: 3 });
      for (const session of sessions) session.release();
      await house.check();
    });

    // slonik#719, #627
    it('a round trip was spent on every release to clean what was clean already', async () => {
      await using house = await start({ pool: { maxSize: 1 } });
      await house.db.connect();
      house.proxy.delay(150);
      let last: Session | undefined;
      const startedAt = performance.now();
      for (let round = 0; round < 20; round += 1) {
        last?.release();
        last = await house.db.acquire();
      }
      expect(performance.now() - startedAt).toBeLessThan(150);
      last?.release();
      await house.check();
    });

    // node-postgres#557, #2264, postgres#1179, PR#1180
    it('a burst of calls opened a connection for each, and the server had too many', async () => {
      await using house = await start({ pool: { maxSize: 50, maxCreating: 2 } });
      const { db } = house;
      const creating: number[] = [];
      using _listener = db.on('connection:created', () => creating.push(db.stats().creating));
      const calls = Array.from({ length: 200 }, (_, n) => db.queryValue('select $1::int', [n]));
      await Promise.resolve();
      expect(db.stats()).toMatchObject({ creating: 2, waiting: 200 });
      expect(await Promise.all(calls)).toEqual(Array.from({ length: 200 }, (_, n) => n));
      expect(Math.max(...creating)).toBeLessThanOrEqual(2);
      // Others came free sooner than they opened.
      expect(house.proxy.accepted).toBeLessThan(50);
      await house.check();
    });

    // node-postgres#557
    it('a server that allows few logins a second was asked by everybody at once', async () => {
      await using house = await start({ pool: { maxSize: 20, connectRate: 5 } });
      const startedAt = performance.now();
      await Promise.all(Array.from({ length: 40 }, () => house.db.query('select pg_sleep(0.05)')));
      const seconds = (performance.now() - startedAt) / 1_000;
      expect(house.proxy.accepted).toBeLessThanOrEqual(1 + Math.ceil(5 * seconds));
      await house.check();
    });
  });
}

describe('a module that is evaluated over and over', () => {
  // prisma#1983, #10247, next.js#7811
  it('opened another pool with every hot reload, until the server had no connection left', async () => {
    const { url } = inject('postgresServers')[0] ?? { url: '' };
    await using house = await ProxiedDatabase.startBehindTheGate(url);
    const { host, port } = house.proxy;
    const evaluate = () =>
      sharedRuntime('hot-reload', () =>
        createRuntime({ ...BEHIND_THE_GATE, driver: postgres({ url, host, port }), pool: { maxSize: 2, warmUp: 2 } }),
      );
    for (let reload = 0; reload < 30; reload += 1) {
      const db = evaluate();
      await Promise.all([1, 2, 3].map(() => db.query('select pg_sleep(0.01)')));
    }
    expect(house.proxy.accepted).toBe(2);
    await evaluate().disconnect();
  });
});

describe('a server that hangs up', () => {
  // postgres#1193, PR#1214, #1179, #1186: 3,271 connects in a second, and no query ever settled
  it('at every start was called again in a loop, and no call was ever answered', async () => {
    let attempts = 0;
    const listener = createServer((socket) => {
      attempts += 1;
      socket.on('error', () => undefined);
      socket.end();
    });
    await new Promise<void>((resolve) => listener.listen({ host: '127.0.0.1', port: 0 }, resolve));
    const { port } = listener.address() as AddressInfo;
    const db = createRuntime({
      ...BEHIND_THE_GATE,
      driver: postgres({ host: '127.0.0.1', port, user: 'app', database: 'shop' }),
      pool: { maxSize: 10, warmUp: false },
    });
    const ends = await Promise.all(
      Array.from({ length: 64 }, () => failure(db.query('select 1', [], { timeout: '1s' }))),
    );
    for (const { error, afterMs } of ends) {
      expect(error).toMatchObject({ code: 'CONNECTION', outcome: 'not-sent', retryable: true });
      expect(afterMs).toBeLessThan(1_000 + SLACK_MS);
    }
    expect(ends.every(({ error }) => isFluxorError(error))).toBe(true);
    // 10, 20, 40 … ms of pause between them.
    expect(attempts).toBeLessThanOrEqual(12);
    await db.disconnect();
    expect(db.stats()).toMatchObject({ total: 0, waiting: 0, closing: 0 });
    listener.close();
  });
});
