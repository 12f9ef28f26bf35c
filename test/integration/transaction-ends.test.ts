/**
 * The ends of transactions that went wrong once: each test is named after what happened. All on a real server, most of
 * them with an answer lost on the way.
 */
import { describe, expect, inject, it } from 'vitest';
import { failure, ProxiedDatabase } from './proxied-database.js';

for (const { name, url } of inject('postgresServers')) {
  describe(`ends of transactions on ${name}`, () => {
    const start = async (options?: Parameters<typeof ProxiedDatabase.start>[1]) => {
      const house = await ProxiedDatabase.startBehindTheGate(url, options);
      await house.direct.exec('drop table if exists ends');
      await house.direct.exec('create table ends (id int primary key)');
      return house;
    };
    const ids = async (house: ProxiedDatabase) =>
      (await house.direct.query<{ id: number }>('select id from ends order by id')).map(({ id }) => id);

    it('COMMIT waited for ever when its answer never came and nobody had set a timeout', async () => {
      await using house = await start({ query: { timeout: '1500ms' } });
      house.proxy.dropReplies({ when: (chunk) => chunk.includes('commit'), then: 'hang' });
      const { error, afterMs } = await failure(
        house.db.transaction(async (tx) => tx.exec('insert into ends values (1)')),
      );
      expect(error).toMatchObject({ code: 'OUTCOME_UNKNOWN', outcome: 'unknown' });
      expect(afterMs).toBeLessThan(7_000);
      await house.check();
    });

    it('a COMMIT or ROLLBACK written as a statement kept the connection for ever', async () => {
      await using house = await start({ pool: { maxSize: 1 } });
      const ends: string[] = [];
      using _listener = house.db.on('transaction:ended', ({ end }) => ends.push(end));
      for (const word of ['commit', 'rollback']) await house.db.transaction(async (tx) => tx.exec(word));
      expect(ends).toEqual(['committed', 'rolled-back']);
      await house.check();
    });

    it('a transaction whose function hid the loss of the connection kept it for ever', async () => {
      await using house = await start({ pool: { maxSize: 1 } });
      const attempt = house.db.transaction(async (tx) => {
        house.proxy.resetAll();
        await tx.exec('insert into ends values (1)').catch(() => undefined);
      });
      expect((await failure(attempt)).error).toMatchObject({ code: 'TRANSACTION', outcome: 'not-applied' });
      await house.check();
      expect(await ids(house)).toEqual([]);
    });

    // postgres#1133, #861
    it("a transaction kept beyond its session ran on the next borrower's connection", async () => {
      await using house = await start({ pool: { maxSize: 1 } });
      const session = await house.db.acquire();
      const stale = await session.begin();
      await session.exec('commit');
      session.release();
      await house.db.transaction(async (tx) => {
        await tx.exec('insert into ends values (1)');
        expect((await failure(stale.exec('insert into ends values (2)'))).error.outcome).toBe('not-sent');
        await stale.rollback().catch(() => undefined);
      });
      expect(await ids(house)).toEqual([1]);
      await house.check();
    });

    it('two handles shared one transaction of a session, and one went on after the other had committed', async () => {
      await using house = await start();
      await using session = await house.db.acquire();
      const first = await session.begin();
      expect((await failure(session.begin())).error).toMatchObject({ code: 'TRANSACTION', reason: 'invalid-state' });
      await session.exec('commit');
      expect((await failure(first.exec('insert into ends values (1)'))).error).toMatchObject({
        code: 'TRANSACTION_CLOSED',
      });
      expect(await session.exec('insert into ends values (2)')).toEqual({ rowsAffected: 1 });
      expect(await ids(house)).toEqual([2]);
    });

    it('BEGIN that was aborted too late left the session in a transaction, and later writes were lost', async () => {
      await using house = await start();
      for (let round = 0; round < 20; round += 1) {
        await using session = await house.db.acquire();
        const controller = new AbortController();
        const begun = session.begin({ signal: controller.signal });
        setTimeout(() => controller.abort(), round % 3);
        await begun.then((tx) => tx.rollback()).catch(() => undefined);
        await session.exec('insert into ends values ($1)', [round]);
      }
      expect(await ids(house)).toEqual(Array.from({ length: 20 }, (_, n) => n));
      await house.check();
    });

    it('a scope that ended while COMMIT was under way cut its connection', async () => {
      await using house = await start({ pool: { maxSize: 1 } });
      house.proxy.delay(30);
      const work = async () => {
        await using tx = await house.db.begin();
        await tx.exec('insert into ends values (1)');
        return tx.commit();
      };
      const closed: string[] = [];
      using _listener = house.db.on('connection:closed', ({ reason }) => closed.push(reason));
      await work();
      expect(await ids(house)).toEqual([1]);
      expect(closed).toEqual([]);
      await house.check();
    });

    it('a transaction that ran out of time lost a healthy connection and never told its end', async () => {
      await using house = await start({ pool: { maxSize: 1 } });
      const facts: string[] = [];
      using _ended = house.db.on('transaction:ended', ({ end }) => facts.push(end));
      using _closed = house.db.on('connection:closed', ({ reason }) => facts.push(reason));
      await house.db.query('select 1');
      const attempt = house.db.transaction(async (tx) => tx.exec('select pg_sleep(30)'), { timeout: '900ms' });
      const { error } = await failure(attempt);
      expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'transaction', outcome: 'not-applied' });
      expect(error.message).toContain('900 ms');
      await house.check();
      expect(facts).toEqual(['rolled-back']);
    });

    it('a statement in flight in a savepoint outlived the time of its transaction at the server', async () => {
      await using house = await start({ pool: { maxSize: 1 }, query: { timeout: false } });
      const attempt = house.db.transaction(
        (tx) =>
          tx.transaction(async (inner) => {
            await inner.exec('insert into ends values (1)');
            await inner.exec('select pg_sleep(30)');
          }),
        { timeout: '300ms' },
      );
      expect((await failure(attempt)).error).toMatchObject({ code: 'TIMEOUT', phase: 'transaction' });
      await expect.poll(() => house.running()).toEqual([]);
      expect(await ids(house)).toEqual([]);
      await house.check();
    });

    it('a transaction that nobody kept, with a statement in flight, held its locks after its time was up', async () => {
      await using house = await start({ pool: { maxSize: 1 }, query: { timeout: false } });
      await house.direct.exec('insert into ends values (1)');
      const forget = async () => {
        const tx = await house.db.begin({ timeout: '1500ms' });
        await tx.exec('update ends set id = 2');
        void tx.exec('select pg_sleep(30)').catch(() => undefined);
      };
      await forget();
      await house.direct.exec('update ends set id = 3', [], { timeout: '20s' });
      expect(await ids(house)).toEqual([3]);
      await house.check();
      expect(house.db.metrics().transactions).toMatchObject({ begun: 1, rolledBack: 1, active: 0 });
    });

    it('a COMMIT written as a statement was called not applied when its answer was lost', async () => {
      await using house = await start();
      house.proxy.dropReplies({ when: (chunk) => chunk.includes('commit'), then: 'reset' });
      const attempt = house.db.transaction(async (tx) => {
        await tx.exec('insert into ends values (1)');
        await tx.exec('/* by hand */ commit');
      });
      expect((await failure(attempt)).error).toMatchObject({ code: 'OUTCOME_UNKNOWN', outcome: 'unknown' });
      await expect.poll(() => ids(house)).toEqual([1]);
      await house.check();
    });

    it('an inner transaction that hid its error took the outer one with it', async () => {
      await using house = await start();
      await house.db.transaction(async (tx) => {
        await tx.exec('insert into ends values (1)');
        const inner = tx.transaction(async (it) => {
          await it.exec('insert into ends values (2)');
          await it.exec('select 1/0').catch(() => undefined);
        });
        expect((await failure(inner)).error).toMatchObject({ code: 'TRANSACTION', reason: 'aborted' });
        await tx.exec('insert into ends values (3)');
      });
      expect(await ids(house)).toEqual([1, 3]);
    });

    it('two inner transactions at once undid each other', async () => {
      await using house = await start();
      await house.db.transaction(async (tx) => {
        const results = await Promise.allSettled(
          [1, 2].map((id) => tx.transaction(async (inner) => inner.exec('insert into ends values ($1)', [id]))),
        );
        expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
        expect(results[1]).toMatchObject({
          reason: { code: 'TRANSACTION', reason: 'invalid-state', outcome: 'not-sent' },
        });
      });
      expect(await ids(house)).toEqual([1]);
    });

    it('an abort after the last statement was ignored, and the transaction committed', async () => {
      await using house = await start();
      const controller = new AbortController();
      const attempt = house.db.transaction(
        async (tx) => {
          await tx.exec('insert into ends values (1)');
          controller.abort();
        },
        { signal: controller.signal },
      );
      expect((await failure(attempt)).error).toMatchObject({ code: 'CANCELLED', outcome: 'not-applied' });
      expect(await ids(house)).toEqual([]);
      await house.check();
    });

    it('a discarded session left its statement running at the server', async () => {
      await using house = await start();
      const session = await house.db.acquire();
      const sleeping = failure(session.query('select pg_sleep(30)'));
      await house.untilRunning('pg_sleep(30)');
      session.discard();
      expect((await sleeping).error).toMatchObject({ code: 'CANCELLED', reason: 'runtime' });
      await expect.poll(() => house.running()).toEqual([]);
      await house.check();
    });

    it('connect() said yes to a database that was away, because a call had been made before', async () => {
      await using house = await start({ pool: { acquireTimeout: '1s' } });
      await house.proxy.setMode('refuse');
      await failure(house.db.query('select 1'));
      expect((await failure(house.db.connect())).error).toMatchObject({ code: 'CONNECTION', reason: 'refused' });
      await house.check();
    });

    it('a wrong signal ended the process, and an unknown option was ignored', async () => {
      await using house = await start();
      const wrong = { signal: 5, retry: true, timeot: 5, rowMode: 'arry' } as never;
      const attempts = [
        () => house.db.query('select 1', [], wrong),
        () => house.db.begin({ signal: {} } as never),
        () => house.db.acquire({ signal: new AbortController() } as never),
        () => house.db.query('select 1', [], null as never),
        () => house.db.transaction(5 as never),
        async () => house.db.on('connection:lots' as never, () => undefined),
      ];
      for (const attempt of attempts) expect((await failure(attempt())).error).toMatchObject({ code: 'CONFIG' });
      await house.check();
    });

    it('disconnect() called from a listener of its own event failed as a bug', async () => {
      await using house = await start();
      await house.db.query('select 1');
      const inner: Promise<void>[] = [];
      using _listener = house.db.on('runtime:draining', () => inner.push(house.db.disconnect()));
      await house.db.disconnect();
      await Promise.all(inner);
      expect([inner.length, house.db.state]).toEqual([1, 'closed']);
    });
  });
}
