/** Transactions, savepoints and sessions on real servers: what is kept, what is not, and what the next borrower sees. */
import type { DBRuntime } from 'fluxor-db';
import { createRuntime, sql } from 'fluxor-db';
import { pglite } from 'fluxor-db/pglite';
import { postgres } from 'fluxor-db/postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { failure } from './proxied-database.js';

const targets = [
  ...inject('postgresServers').map(({ name, url }) => ({
    name,
    make: () => createRuntime({ driver: postgres({ url }), pool: { maxSize: 3 } }),
  })),
  { name: 'pglite', make: () => createRuntime({ driver: pglite() }) },
];

for (const { name, make } of targets) {
  describe(`transactions on ${name}`, () => {
    let db: DBRuntime;
    const ids = () =>
      db.query<{ id: number }>('select id from entries order by id').then((rows) => rows.map(({ id }) => id));

    beforeAll(async () => {
      db = make();
      await db.exec('drop table if exists entries');
      await db.exec('create table entries (id int primary key)');
    });
    beforeEach(() => db.exec('delete from entries'));
    afterAll(async () => {
      await db.exec('drop table entries');
      await db.disconnect();
    });

    it('keeps everything when the function resolves, and gives its result', async () => {
      const result = await db.transaction(async (tx) => {
        await tx.exec('insert into entries values (1)');
        await tx.exec('insert into entries values (:id)', { id: 2 });
        await tx.exec(sql`insert into entries values (${3})`);
        return 'done';
      });
      expect(result).toBe('done');
      expect(await ids()).toEqual([1, 2, 3]);
    });

    it('keeps nothing when the function rejects, and rejects with its very error', async () => {
      const reason = new Error('changed my mind');
      const attempt = db.transaction(async (tx) => {
        await tx.exec('insert into entries values (1)');
        throw reason;
      });
      await expect(attempt).rejects.toBe(reason);
      expect(await ids()).toEqual([]);
    });

    it('refuses to call a failed transaction committed although the function hid the error', async () => {
      const attempt = db.transaction(async (tx) => {
        await tx.exec('insert into entries values (1)');
        await tx.exec('select 1/0').catch(() => undefined);
      });
      expect((await failure(attempt)).error).toMatchObject({
        code: 'TRANSACTION',
        reason: 'aborted',
        outcome: 'not-applied',
      });
      expect(await ids()).toEqual([]);
    });

    it('rolls back what await using leaves open, and keeps what was committed', async () => {
      {
        await using tx = await db.begin();
        await tx.exec('insert into entries values (1)');
      }
      {
        await using tx = await db.begin({ isolation: 'serializable' });
        await tx.exec('insert into entries values (2)');
        await tx.commit();
        expect(tx.state).toBe('committed');
      }
      expect(await ids()).toEqual([2]);
    });

    it('undoes an inner transaction alone, three levels deep', async () => {
      await db.transaction(async (tx) => {
        await tx.exec('insert into entries values (1)');
        await tx.transaction(async (inner) => {
          await inner.exec('insert into entries values (2)');
          const innermost = inner.transaction(async (deepest) => {
            await deepest.exec('insert into entries values (3)');
            await deepest.exec('insert into entries values (1)');
          });
          expect((await failure(innermost)).error.code).toBe('CONSTRAINT');
        });
        await tx.exec('insert into entries values (4)');
      });
      expect(await ids()).toEqual([1, 2, 4]);
    });

    it('refuses statements after the end', async () => {
      const tx = await db.begin();
      await tx.exec('insert into entries values (1)');
      await tx.rollback();
      await tx.rollback();
      for (const call of [tx.exec('insert into entries values (2)'), tx.commit(), tx.transaction(async () => 1)]) {
        expect((await failure(call)).error).toMatchObject({ code: 'TRANSACTION_CLOSED', outcome: 'not-sent' });
      }
      expect(await ids()).toEqual([]);
    });

    it('rolls back a transaction that outlives its timeout, and says so to the next statement', async () => {
      const tx = await db.begin({ timeout: '100ms' });
      await tx.exec('insert into entries values (1)');
      await expect.poll(() => tx.state).toBe('rolled-back');
      expect((await failure(tx.exec('insert into entries values (2)'))).error).toMatchObject({
        code: 'TIMEOUT',
        phase: 'transaction',
        outcome: 'not-applied',
      });
      expect(await ids()).toEqual([]);
      expect(db.stats().inUse).toBe(0);
    });

    it('runs statements of one transaction one after the other although nobody awaited the first', async () => {
      const rows = await db.transaction(async (tx) => {
        const calls = [1, 2, 3, 4, 5].map((id) => tx.exec('insert into entries values ($1)', [id]));
        await Promise.all(calls);
        return tx.query('select id from entries');
      });
      expect(rows).toHaveLength(5);
    });

    // node-postgres#391, node-pg-pool#122, node-mysql2#1087
    it('never shows a session left in a transaction to the next borrower', async () => {
      const session = await db.acquire();
      await session.exec('begin');
      await session.exec('insert into entries values (1)');
      session.release();
      expect(await ids()).toEqual([]);
      await expect.poll(() => db.stats().resetting).toBe(0);
      expect(db.stats().inUse).toBe(0);
    });

    it('refuses an isolation level that is not one, before anything is sent', async () => {
      const attempt = db.begin({ isolation: 'serializable; drop table entries' as 'serializable' });
      expect((await failure(attempt)).error).toMatchObject({ code: 'CONFIG' });
    });

    it('tells how each transaction ended', async () => {
      const ends: string[] = [];
      using _listener = db.on('transaction:ended', ({ end, statements }) => ends.push(`${end} ${statements}`));
      await db.transaction(async (tx) => tx.exec('insert into entries values (1)'));
      await db
        .transaction(async (tx) => Promise.reject(await tx.exec('insert into entries values (2)')))
        .catch(() => undefined);
      expect(ends).toEqual(['committed 1', 'rolled-back 1']);
    });
  });
}
