/**
 * What happened to users of other pools who waited: for a connection, or for the end. Each test is named after it, and
 * cites who told of it. More of the kind: ../faults.test.ts, and on a fake clock src/pool/pool.pains.test.ts.
 */
import { describe, expect, inject, it } from 'vitest';
import { HeldStatements } from '../held-statements.js';
import { failure, ProxiedDatabase } from '../proxied-database.js';
import { watchProcess } from './witness.js';

watchProcess();

/** Room for a slow machine: deadlines are proved by being met within this much, not to the millisecond. */
const SLACK_MS = 1_000;
const ACQUIRE_MS = 400;
/** For the first connection, which a busy machine may take longer for. */
const UNHURRIED = { timeout: '30s' } as const;

for (const { name, url } of inject('postgresServers')) {
  describe(`waiting, on ${name}`, () => {
    const start = (options?: Parameters<typeof ProxiedDatabase.start>[1]) =>
      ProxiedDatabase.startBehindTheGate(url, options);

    // node-postgres#3197, #2704, #2243, #2338, PR#3711, PR#3721; node-mysql2#673, #4497, PR#4498, mysqljs/mysql#2105
    it.each<[what: string, hinder: (house: ProxiedDatabase) => Promise<unknown>]>([
      ['all connections were lent', ({ db }) => db.acquire(UNHURRIED)],
      ['the login hung', ({ proxy }) => proxy.setMode('accept-and-hang')],
      [
        'the idle connection had died unnoticed',
        async ({ db, proxy }) => {
          (await db.acquire(UNHURRIED)).release();
          proxy.blackHole(true);
        },
      ],
      [
        'the only connection was being cleaned',
        async ({ db, proxy }) => {
          const session = await db.acquire(UNHURRIED);
          await session.exec('begin');
          proxy.blackHole(true);
          session.release();
        },
      ],
    ])('the acquire timeout was not kept while %s', async (_what, hinder) => {
      await using house = await start({
        pool: { maxSize: 1, acquireTimeout: ACQUIRE_MS, validation: { bypass: 0 } },
      });
      await hinder(house);
      const { error, afterMs } = await failure(house.db.query('select 1'));
      expect(error.code).toBe('TIMEOUT');
      expect(error).toMatchObject({ outcome: 'not-sent', retryable: true });
      expect(afterMs).toBeGreaterThanOrEqual(ACQUIRE_MS - 10);
      expect(afterMs).toBeLessThan(ACQUIRE_MS + SLACK_MS);
      expect(house.db.stats().waiting).toBe(0);
      house.proxy.clearFaults();
    });

    describe('for the end', () => {
      // node-postgres#2199, #2328, #2648, node-mysql2#4291
      it('a shutdown left those hanging who still waited for a connection, and said that it was over before it was', async () => {
        await using house = await start({ pool: { maxSize: 1 } });
        const held = await HeldStatements.of(house);
        const running = held.begin();
        await held.untilHeld();
        const waiting = failure(house.db.query('select 1'));
        const closing = house.db.disconnect({ timeout: '5s' });
        // Answered at once: what runs goes on until it is let go below.
        expect((await waiting).error).toMatchObject({ code: 'RUNTIME_CLOSED', outcome: 'not-sent' });
        await held.letGo();
        expect(await running).toBe('held');
        await closing;
        expect(house.db.stats()).toMatchObject({ total: 0, closing: 0, waiting: 0 });
        await expect.poll(() => house.proxy.connections).toBe(0);
        await expect.poll(() => house.activity()).toEqual([]);
      });

      // node-postgres#2199, #2648
      it.each<[what: string, hinder: (house: ProxiedDatabase) => Promise<unknown>]>([
        [
          'a connect that hung',
          async ({ db, proxy }) => {
            await proxy.setMode('accept-and-hang');
            db.query('select 1').catch(() => undefined);
            await expect.poll(() => proxy.connections).toBe(1);
          },
        ],
        [
          'a server that did not answer the goodbye',
          async ({ db, proxy }) => {
            await db.query('select 1');
            proxy.blackHole(true);
          },
        ],
        ['a session that nobody released', ({ db }) => db.acquire()],
        [
          'a statement that would not end, behind a cut cable',
          async (house) => {
            house.db.query('select pg_sleep(30)').catch(() => undefined);
            await house.untilRunning('pg_sleep(30)');
            house.proxy.blackHole(true);
          },
        ],
      ])('a shutdown never came to its end because of %s', async (_what, hinder) => {
        await using house = await start({ pool: { maxSize: 2 } });
        await hinder(house);
        const startedAt = performance.now();
        await house.db.disconnect({ timeout: '100ms' });
        // The time that was given, and 2 s each to stop what runs and to say goodbye.
        expect(performance.now() - startedAt).toBeLessThan(100 + 4_000 + SLACK_MS);
        expect(house.db.stats()).toMatchObject({ total: 0, closing: 0, inUse: 0, waiting: 0 });
      });
    });
  });
}
