/**
 * What runs beside what in one transaction: inner transactions, statements, streams, and what nobody awaited. Each test is
 * named after what happened once, on a real server.
 */
import type { DBRuntime, Transaction } from 'fluxor-db';
import { createRuntime } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { failure } from './proxied-database.js';

const OVERLAP = { code: 'TRANSACTION', reason: 'invalid-state', outcome: 'not-sent' };
const FAILING = "do $$ begin raise exception 'no'; end $$";
const AGAIN = "do $$ begin raise exception 'again' using errcode = '40001'; end $$";

/** Everything that needs no answer of a server has happened by then, and nothing else. */
async function beforeAnyAnswer(): Promise<void> {
  for (let turns = 0; turns < 30; turns += 1) await Promise.resolve();
}

for (const { name, url } of inject('postgresServers')) {
  describe(`in one transaction on ${name}`, () => {
    let db: DBRuntime;
    const unheard: unknown[] = [];
    const hear = (error: unknown): void => void unheard.push(error);
    const insert = (tx: Transaction, id: number) => tx.exec('insert into beside values ($1)', [id]);
    const ids = async () => (await db.query<{ id: number }>('select id from beside order by id')).map(({ id }) => id);

    beforeAll(async () => {
      db = createRuntime({ driver: postgres({ url }), pool: { maxSize: 2 } });
      await db.exec('drop table if exists beside');
      await db.exec('create table beside (id int primary key)');
    });
    beforeEach(async () => {
      process.on('unhandledRejection', hear);
      await db.exec('delete from beside');
    });
    afterEach(async () => {
      // Node tells of them when the microtasks of a turn are done.
      await db.query('select 1');
      await new Promise((resolve) => void setImmediate(resolve));
      process.off('unhandledRejection', hear);
      expect(unheard.splice(0)).toEqual([]);
      expect(db.stats().inUse).toBe(0);
    });
    afterAll(async () => {
      await db.exec('drop table beside');
      await db.disconnect();
    });

    it('a statement of an inner transaction that was being rolled back was committed', async () => {
      await db.transaction(async (tx) => {
        let late: ReturnType<typeof failure> | undefined;
        const inner = tx.transaction(async (it) => {
          await insert(it, 1);
          late = failure(beforeAnyAnswer().then(() => insert(it, 2)));
          throw new Error('changed my mind');
        });
        await expect(inner).rejects.toThrow('changed my mind');
        expect((await late)?.error).toMatchObject({ code: 'TRANSACTION_CLOSED', outcome: 'not-sent' });
        await insert(tx, 3);
      });
      expect(await ids()).toEqual([3]);
    });

    it('a statement sent while its inner transaction was being committed ran in the outer one', async () => {
      await db.transaction(async (tx) => {
        let late: ReturnType<typeof failure> | undefined;
        await tx.transaction(async (it) => {
          await insert(it, 1);
          late = failure(beforeAnyAnswer().then(() => insert(it, 2)));
        });
        expect((await late)?.error).toMatchObject({ code: 'TRANSACTION_CLOSED', outcome: 'not-sent' });
      });
      expect(await ids()).toEqual([1]);
    });

    it('a batch whose values came after the end of its inner transaction was committed', async () => {
      await db.transaction(async (tx) => {
        let batch: ReturnType<typeof failure> | undefined;
        const inner = tx.transaction(async (it) => {
          const slow = (async function* () {
            await beforeAnyAnswer();
            yield [2];
          })();
          batch = failure(it.batch('insert into beside values ($1)', slow));
          throw new Error('changed my mind');
        });
        await expect(inner).rejects.toThrow('changed my mind');
        expect((await batch)?.error).toMatchObject({ code: 'TRANSACTION_CLOSED' });
      });
      expect(await ids()).toEqual([]);
    });

    it('a statement of the outer transaction was undone with the inner one, and called done', async () => {
      await db.transaction(async (tx) => {
        const [before, inner, statement, batch, page] = await Promise.allSettled([
          insert(tx, 1),
          tx.transaction((it) => it.exec(FAILING)),
          insert(tx, 2),
          tx.batch('insert into beside values ($1)', [[3]]),
          tx.stream('insert into beside values (4) returning id')[Symbol.asyncIterator]().next(),
        ]);
        expect(before.status).toBe('fulfilled');
        expect(inner).toMatchObject({ reason: { code: 'QUERY' } });
        for (const refused of [statement, batch, page]) expect(refused).toMatchObject({ reason: OVERLAP });
        const { message } = (statement as PromiseRejectedResult).reason as Error;
        expect(message).toContain('insert into beside values (?)');
        await insert(tx, 5);
      });
      expect(await ids()).toEqual([1, 5]);
    });

    it('a batch sent before an inner transaction began in it, and was undone with it', async () => {
      await db.transaction(async (tx) => {
        const [batch] = await Promise.allSettled([
          tx.batch('insert into beside values ($1)', [[1]]),
          tx.transaction((it) => it.exec(FAILING)),
        ]);
        expect(batch).toMatchObject({ reason: { code: 'TRANSACTION', reason: 'invalid-state' } });
      });
      expect(await ids()).toEqual([]);
    });

    it('the outer handle is free again when its inner transaction has ended, also before its function', async () => {
      await db.transaction(async (tx) => {
        for (const [end, id] of [
          ['commit', 1],
          ['rollback', 2],
        ] as const) {
          await tx.transaction(async (it) => {
            await insert(it, id);
            await it[end]();
            await insert(tx, id + 10);
          });
        }
        for await (const { id } of tx.stream<{ id: number }>('select id from beside', [], { batchSize: 1 })) {
          await tx.transaction((it) => insert(it, id + 100));
        }
      });
      expect(await ids()).toEqual([1, 11, 12, 101, 111, 112]);
    });

    it('an inner transaction that nobody awaited, in one that was undone, took the whole transaction with it', async () => {
      await db.transaction(async (tx) => {
        await insert(tx, 1);
        let innermost: ReturnType<typeof failure> | undefined;
        const inner = tx.transaction(async (it) => {
          const begun = new Promise<void>((resolve) => {
            innermost = failure(
              it.transaction(async (deepest) => {
                await insert(deepest, 2);
                resolve();
                await beforeAnyAnswer();
              }),
            );
          });
          await begun;
          throw new Error('changed my mind');
        });
        await expect(inner).rejects.toThrow('changed my mind');
        expect((await innermost)?.error).toMatchObject({ code: 'TRANSACTION_CLOSED' });
        await insert(tx, 3);
      });
      expect(await ids()).toEqual([1, 3]);
    });

    it('an inner rollback that nobody awaited was followed by the commit of its savepoint', async () => {
      await db.transaction(async (tx) => {
        await tx.transaction(async (it) => {
          await insert(it, 1);
          void it.rollback();
        });
        await insert(tx, 2);
      });
      expect(await ids()).toEqual([2]);
    });

    it('an inner transaction without a function opened a savepoint first', async () => {
      await db.transaction(async (tx) => {
        expect((await failure(tx.transaction(undefined as never))).error).toMatchObject({
          code: 'CONFIG',
          issues: [{ path: 'transaction', expected: 'a function' }],
        });
        await insert(tx, 1);
      });
      expect(await ids()).toEqual([1]);
    });

    it.each(['commit and chain', 'END WORK AND CHAIN', '/* on */ commit transaction and chain'])(
      'what was committed by a statement was done again, and kept twice (%s)',
      async (end) => {
        const attempts: number[] = [];
        const attempt = db.transaction(async (tx) => {
          attempts.push(tx.attempt);
          await insert(tx, tx.attempt);
          await tx.exec(end);
          await tx.exec(AGAIN);
        });
        expect((await failure(attempt)).error).toMatchObject({ code: 'TRANSACTION', reason: 'invalid-state' });
        expect(attempts).toEqual([1]);
        expect(await ids()).toEqual([]);
      },
    );

    it.each(['rollback and chain', 'abort work and chain'])(
      'what was undone by a statement was called committed (%s)',
      async (end) => {
        await db.transaction(async (tx) => {
          await insert(tx, 1);
          for (const refused of [tx.exec(end), tx.stream(end)[Symbol.asyncIterator]().next()]) {
            expect((await failure(refused)).error.message).toContain('AND CHAIN');
          }
        });
        expect(await ids()).toEqual([1]);
      },
    );

    it('a COMMIT that hid behind an empty statement, and chained, was repeated', async () => {
      const attempts: number[] = [];
      const attempt = db.transaction(async (tx) => {
        attempts.push(tx.attempt);
        await insert(tx, tx.attempt);
        await tx.exec('; commit and chain');
        await tx.exec(AGAIN);
      });
      expect((await failure(attempt)).error).toMatchObject({ code: 'TRANSACTION_CLOSED' });
      expect(attempts).toEqual([1]);
      expect(await ids()).toEqual([1]);
    });

    it('a rollback to a savepoint of its own, and an end without a chain, do what they say', async () => {
      await db.transaction(async (tx) => {
        await tx.exec('savepoint mine');
        await insert(tx, 1);
        await tx.exec('rollback work to savepoint mine');
        await insert(tx, 2);
        await tx.exec('commit and no chain');
      });
      expect(await ids()).toEqual([2]);
    });

    it('a statement that nobody awaited ended the process when begin() was rolled back', async () => {
      const tx = await db.begin();
      void tx.exec(FAILING);
      await tx.rollback();
      {
        await using disposed = await db.begin();
        void disposed.exec(FAILING);
      }
      const late = await db.begin({ timeout: '1s' });
      void late.exec('select pg_sleep(30)');
      await expect.poll(() => late.state).toBe('rolled-back');
    });

    it('an inner transaction begun after the rollback, and awaited by nobody, ended the process', async () => {
      let begun: (() => void) | undefined;
      const isBegun = new Promise<void>((resolve) => (begun = resolve));
      const attempt = db.transaction(async (tx) => {
        void tx.transaction(async (it) => {
          begun?.();
          await beforeAnyAnswer();
          void it.transaction(async (deepest) => insert(deepest, 1));
          void insert(it, 2);
          void it.batch('insert into beside values ($1)', [[3]]);
        });
        await isBegun;
      });
      expect((await failure(attempt)).error).toMatchObject({ code: 'STATEMENT_NOT_AWAITED' });
      expect(await ids()).toEqual([]);
    });

    it('a stream that nobody awaited was committed without a word', async () => {
      let read: Promise<unknown> | undefined;
      const attempt = db.transaction(async (tx) => {
        read = (async () => {
          const rows: unknown[] = [];
          for await (const row of tx.stream('insert into beside values (1) returning id')) rows.push(row);
          return rows;
        })();
      });
      const { error } = await failure(attempt);
      expect(error).toMatchObject({ code: 'STATEMENT_NOT_AWAITED', outcome: 'not-applied' });
      expect(error.message).toContain('insert into beside values (?) returning id');
      expect(await read).toEqual([{ id: 1 }]);
      expect(await ids()).toEqual([]);
    });

    it('a stream that is left between two pages is no forgotten one', async () => {
      const rows = await db.transaction(async (tx) => {
        const stream = tx.stream('select generate_series(1, 10) as n', [], { batchSize: 2 });
        const iterator = stream[Symbol.asyncIterator]();
        await insert(tx, 1);
        return [await iterator.next(), await iterator.next()];
      });
      expect(rows).toMatchObject([{ value: { n: 1 } }, { value: { n: 2 } }]);
      expect(await ids()).toEqual([1]);
    });
  });
}
