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
      const tx = await db.begin({ timeout: '1s' });
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

    it('waits for a snapshot of its own where it is deferrable, and is read-only then', async () => {
      await db.transaction(
        async (tx) => {
          expect(await tx.queryValue('show transaction_deferrable')).toBe('on');
          expect(await tx.queryValue('show transaction_isolation')).toBe('serializable');
          expect(await tx.queryValue('show transaction_read_only')).toBe('on');
        },
        { isolation: 'serializable', readOnly: true, deferrable: true },
      );
      await db.transaction(async (tx) => expect(await tx.queryValue('show transaction_deferrable')).toBe('off'));
      expect((await failure(db.begin({ deferrable: true }))).error).toMatchObject({
        code: 'CONFIG',
        issues: [{ path: 'deferrable' }],
      });
    });

    it('keeps nothing, and names the statement, when the function forgot to await it', async () => {
      let forgotten: Promise<unknown> | undefined;
      const attempt = db.transaction(async (tx) => {
        await tx.exec('insert into entries values (1)');
        forgotten = tx.exec('insert into entries values (2)');
      });
      const { error } = await failure(attempt);
      expect(error).toMatchObject({ code: 'STATEMENT_NOT_AWAITED', outcome: 'not-applied' });
      expect(error.message).toContain('insert into entries values (?)');
      expect(await forgotten).toEqual({ rowsAffected: 1 });
      expect(await ids()).toEqual([]);
    });

    it('keeps nothing when a forgotten statement fails after the function has returned, and nobody hears of that', async () => {
      const attempt = db.transaction(async (tx) => {
        void tx.exec('insert into entries values (1)');
        void tx.exec('insert into entries values (1)');
        void tx.exec('insert into entries values (2)');
      });
      const { error } = await failure(attempt);
      expect(error).toMatchObject({ code: 'STATEMENT_NOT_AWAITED' });
      expect(error.message).toContain('3 statements');
      expect(await ids()).toEqual([]);
    });

    it('keeps nothing of a batch that the function forgot to await', async () => {
      const attempt = db.transaction(async (tx) => void tx.batch('insert into entries values ($1)', [[1], [2]]));
      const { error } = await failure(attempt);
      expect(error).toMatchObject({ code: 'STATEMENT_NOT_AWAITED' });
      expect(error.message).toContain('insert into entries values (?)');
      expect(await ids()).toEqual([]);
    });

    it('names the statement that had failed where COMMIT was answered with a rollback, and hands on its error', async () => {
      const attempt = db.transaction(async (tx) => {
        await tx.exec('insert into entries values (1)');
        await tx.exec("insert into entries values (1) /* 'secret' */").catch(() => undefined);
      });
      const { error } = await failure(attempt);
      expect(error).toMatchObject({ code: 'TRANSACTION', reason: 'aborted', cause: { code: 'CONSTRAINT' } });
      expect(error.message).toContain('failed with CONSTRAINT');
      expect(error.message).toContain('insert into entries values (?)');
      expect(error.message).not.toContain('secret');
    });

    it('undoes a savepoint alone whose function forgot an await, or hid an error', async () => {
      await db.transaction(async (tx) => {
        await tx.exec('insert into entries values (1)');
        const forgetful = tx.transaction(async (inner) => void inner.exec('insert into entries values (2)'));
        expect((await failure(forgetful)).error).toMatchObject({ code: 'STATEMENT_NOT_AWAITED' });
        const hiding = tx.transaction(async (inner) => {
          await inner.exec('insert into entries values (1)').catch(() => undefined);
        });
        const { error } = await failure(hiding);
        expect(error).toMatchObject({ code: 'TRANSACTION', reason: 'aborted', cause: { code: 'CONSTRAINT' } });
        expect(error.message).toContain('the savepoint was rolled back');
        await tx.exec('insert into entries values (3)');
      });
      expect(await ids()).toEqual([1, 3]);
    });

    it('rolls back a transaction nobody holds any more when its time is up, also from inside a savepoint', async () => {
      const ends: string[] = [];
      using _listener = db.on('transaction:ended', ({ end }) => ends.push(end));
      await (await db.begin({ timeout: '1s' })).exec('insert into entries values (1)');
      await expect.poll(() => ends).toEqual(['rolled-back']);
      const attempt = db.transaction(
        (tx) =>
          tx.transaction(async (inner) => {
            await inner.exec('insert into entries values (2)');
            await expect.poll(() => inner.state).not.toBe('open');
            await inner.exec('insert into entries values (3)');
          }),
        { timeout: '1s' },
      );
      expect((await failure(attempt)).error).toMatchObject({ code: 'TIMEOUT', phase: 'transaction' });
      expect(await ids()).toEqual([]);
      expect(db.stats().inUse).toBe(0);
    });

    it('counts every transaction once: as open, or by its end', async () => {
      const before = db.metrics().transactions;
      const open = await db.begin();
      const during = db.metrics().transactions;
      expect([during.begun - before.begun, during.active]).toEqual([1, 1]);
      await open.exec('insert into entries values (1)');
      await open.commit();
      const { begun, committed, rolledBack, lost, unknown, active, statements, durations } = db.metrics().transactions;
      expect(active).toBe(0);
      expect(begun).toBe(committed + rolledBack + lost + unknown);
      expect([committed - before.committed, statements - before.statements]).toEqual([1, 1]);
      expect(durations.count).toBe(before.durations.count + 1);
      expect(durations.maxMs).toBeGreaterThanOrEqual(durations.p50Ms);
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
