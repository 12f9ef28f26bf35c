/**
 * Who has the connection? Sessions and transactions of a real server that are held too long, or dropped: what is told of
 * them, and how the connection comes back. Threshold and interval are the shortest there are, a second each.
 */
// node-postgres#137, #2612, mariadb#176, typeorm#8790, #2460, tarn#43
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { FluxorEvents, LeakReport } from 'fluxor-db';
import { createRuntime } from 'fluxor-db';
import type { DBRuntime, PoolOptions } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';
import { describe, expect, inject, it } from 'vitest';
import { BEHIND_THE_GATE, failure } from './proxied-database.js';

const WITHIN = { timeout: 10_000 };
const SHORTEST = { threshold: '1s', interval: '1s', stack: true } as const;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

for (const { name, url } of inject('postgresServers')) {
  describe(`leaks on ${name}`, () => {
    const runtime = (pool: PoolOptions): DBRuntime =>
      createRuntime({
        ...BEHIND_THE_GATE,
        driver: postgres({ url }),
        pool: { warmUp: false, leak: SHORTEST, ...pool },
      });

    it('a session held too long is reported with its label, statement, state and line of code, and its late end too', async () => {
      await using db = runtime({ maxSize: 2 });
      const called: [number, number, LeakReport][] = [];
      const ends: FluxorEvents['lease:leak-resolved'][] = [];
      using _callback = db.setLeakCallback((...told) => called.push(told));
      using _listener = db.on('lease:leak-resolved', (fact) => ends.push(fact));

      const session = await db.acquire({ label: 'checkout' });
      await session.exec('begin');
      await session.query("select 'secret-marker', 4711 as order_id");
      await expect.poll(() => called.length, WITHIN).toBe(1);
      const [connectionId, ageMs, report] = called[0] as [number, number, LeakReport];
      expect(connectionId).toBe(session.id);
      expect(ageMs).toBeGreaterThanOrEqual(1_000);
      expect(report).toMatchObject({
        connectionId,
        ageMs,
        holder: 'session',
        label: 'checkout',
        state: 'in-transaction',
      });
      expect(report.lastStatement).toMatch(/^select .* as order_id$/);
      expect(JSON.stringify(report)).not.toMatch(/secret-marker|4711/);
      expect(report.stack).toContain('leaks.test.ts');
      expect(db.pool.leaks()).toMatchObject([{ connectionId, label: 'checkout' }]);
      expect(ends).toEqual([]);

      session.release();
      expect(ends).toMatchObject([{ connectionId }]);
      expect(ends[0]?.heldMs).toBeGreaterThanOrEqual(ageMs);
      expect(db.pool.leaks()).toEqual([]);
      expect(db.stats().totals).toMatchObject({ leaksSuspected: 1, leaksReclaimed: 0 });
      await db.disconnect();
    });

    it('a transaction held too long is taken away where that is wanted: rolled back, and its connection serves the next', async () => {
      await using db = runtime({ maxSize: 1, leak: { ...SHORTEST, reclaim: true } });
      await db.exec('drop table if exists leaked');
      await db.exec('create table leaked (id int)');
      const facts: string[] = [];
      for (const event of ['lease:leak-suspected', 'lease:reclaimed', 'lease:leak-resolved'] as const)
        db.on(event, () => facts.push(event));
      const tx = await db.begin({ label: 'import' });
      await tx.exec('insert into leaked values (1)');
      const next = db.queryValue('select count(*)::int from leaked');
      expect(await next).toBe(0);
      expect(facts).toEqual(['lease:leak-suspected', 'lease:reclaimed']);
      expect((await failure(tx.exec('insert into leaked values (2)'))).error.outcome).toBe('not-sent');
      expect((await failure(tx.commit())).error.outcome).toMatch(/^not-/);
      expect(await db.queryValue('select count(*)::int from leaked')).toBe(0);
      await db.exec('drop table leaked');
      expect(db.stats()).toMatchObject({ inUse: 0, total: 1, totals: { leaksReclaimed: 1 } });
      await db.disconnect();
    });

    it.each([
      ['session', async (db: DBRuntime) => (await db.acquire({ label: 'lost' })).exec('begin')],
      ['transaction', async (db: DBRuntime) => (await db.begin({ label: 'lost' })).exec('select 1')],
    ] as const)(
      'a %s that was dropped without release is found by the garbage collector, and whoever waits is served',
      async (holder, forget) => {
        await using db = runtime({ maxSize: 1 });
        const reports: LeakReport[] = [];
        using _callback = db.setLeakCallback((_id, _age, report) => reports.push(report));
        await forget(db);
        const waiting = db.queryValue('select 1');
        let isServed = false;
        void waiting.then(() => (isServed = true));
        expect(db.stats()).toMatchObject({ inUse: 1, waiting: 1 });
        await expect
          .poll(() => {
            collectGarbage();
            return isServed;
          }, WITHIN)
          .toBe(true);
        expect(reports).toMatchObject([{ holder, label: 'lost', state: 'in-transaction' }]);
        expect(reports[0]?.stack).toContain('leaks.test.ts');
        expect(db.stats()).toMatchObject({ inUse: 0, total: 1, totals: { created: 1, leaksSuspected: 1 } });
        await db.disconnect();
      },
    );

    it('a session that is used and released in time is nobody’s leak, and names nobody', async () => {
      await using db = runtime({ maxSize: 1 });
      const reports: LeakReport[] = [];
      using _callback = db.setLeakCallback((_id, _age, report) => reports.push(report));
      // A statement of its own may last: it has a timeout, and is in nobody's hands.
      await db.query('select pg_sleep(2.2)');
      collectGarbage();
      await db.use(async (session) => session.query('select 1'));
      collectGarbage();
      await db.query('select 1');
      expect(reports).toEqual([]);
      await db.disconnect();
    });

    it('callers who time out meanwhile are told who holds the connection', async () => {
      await using db = runtime({ maxSize: 1, leak: false });
      await using session = await db.acquire({ label: 'report' });
      // From now on: making the connection may take longer.
      db.pool.reconfigure({ acquireTimeout: '100ms' });
      await session.query("select 'secret-marker'");
      const { error } = await failure(db.query('select 1'));
      expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'acquire' });
      expect(error.message).toMatch(
        /longest held: connection 1 for \d+ ms by a session 'report', last statement: select/,
      );
      expect(error.message).not.toContain('secret-marker');
    });
  });
}
