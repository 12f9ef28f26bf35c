/** Where streams live: in transactions and sessions, behind a pooler, in little memory; and what becomes of forgotten ones. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { DBRuntime, Session, Transaction } from 'fluxor-db';
import { describe, expect, inject, it } from 'vitest';
import { failure, ProxiedDatabase } from './proxied-database.js';
import { collect, idle, NUMBERS, opened, take } from './streamed-rows.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

for (const { name, url } of inject('postgresServers')) {
  describe(`the life of streams on ${name}`, () => {
    const start = (options?: Parameters<typeof ProxiedDatabase.start>[1]) =>
      ProxiedDatabase.startBehindTheGate(url, options);

    it('goes together with writes in its transaction, and in savepoints of it', async () => {
      await using house = await start();
      await house.direct.exec('create table if not exists copies (n int primary key)');
      await house.direct.exec('truncate copies');
      await house.db.transaction(async (tx) => {
        for await (const { n } of tx.stream<{ n: number }>('select n from generate_series(1, 25) n', [], {
          batchSize: 4,
        })) {
          await tx.exec('insert into copies values ($1)', [n]);
          if (n % 5 !== 0) continue;
          await tx.transaction(async (inner) => {
            const [first] = await take(
              inner.stream<{ n: number }>('select n from copies order by n', [], { batchSize: 1 }),
              1,
            );
            await inner.exec('insert into copies values ($1)', [(first?.n ?? 0) + 100 + n]);
          });
        }
      });
      expect(await house.db.queryValue('select count(*) from copies')).toBe(30n);
      await house.direct.exec('drop table copies');
      await house.check();
    });

    it.each<[string, (tx: Transaction) => Promise<void>]>([
      ['commit', (tx) => tx.commit()],
      ['rollback', (tx) => tx.rollback()],
    ])('ends with its transaction: after %s the next page is refused', async (_how, end) => {
      await using house = await start();
      await using tx = await house.db.begin();
      const rows = await opened(tx, 'select n from generate_series(1, 10) n');
      await end(tx);
      expect((await failure(rows.next())).error).toMatchObject({ code: 'TRANSACTION_CLOSED' });
      expect(await rows.next()).toMatchObject({ done: true });
      await house.check();
    });

    it('ends with the time of its transaction', async () => {
      await using house = await start();
      await using tx = await house.db.begin({ timeout: '1500ms' });
      const rows = await opened(tx, 'select n from generate_series(1, 10) n');
      await expect.poll(() => tx.state).toBe('rolled-back');
      expect((await failure(rows.next())).error).toMatchObject({ code: 'TIMEOUT', phase: 'transaction' });
      await house.check();
    });

    it('keeps a session to itself, refuses what else is sent at once, and leaves it ready', async () => {
      await using house = await start();
      await house.db.use(async (session: Session) => {
        const rows = await opened(session, "select n, 'secret' from generate_series(1, 10) n");
        for (const attempt of [
          () => session.query('select 1'),
          () => session.begin(),
          () => collect(session.stream('select 2')),
        ]) {
          const { error } = await failure(attempt());
          expect(error).toMatchObject({ code: 'STREAM_OPEN', outcome: 'not-sent' });
          expect(error.message).toContain('generate_series');
          expect(error.message).not.toContain('secret');
        }
        expect(await rows.next()).toMatchObject({ value: { n: 2 } });
        await rows.return?.();
        expect(await session.queryValue('select 1')).toBe(1);
        await session.transaction(async (tx) => expect(await collect(tx.stream('select 1 as n'))).toEqual([{ n: 1 }]));
      });
      await house.check();
    });

    it('loses its connection with its session, which goes back clean', async () => {
      await using house = await start({ pool: { maxSize: 1 } });
      const session = await house.db.acquire();
      const rows = await opened(session, 'select n from generate_series(1, 10) n');
      session.release();
      await idle(house);
      expect(await house.db.queryValue('select 42')).toBe(42);
      expect((await failure(rows.next())).error).toMatchObject({ code: 'LEASE_RELEASED' });
      expect(house.db.stats().total).toBe(1);
      await house.check();
    });

    it('that is dropped in the middle is found by the garbage collector, and its connection goes back clean', async () => {
      await using house = await start({ pool: { maxSize: 1 } });
      const dropped: string[] = [];
      using _listener = house.db.on('lease:dropped', ({ holder, label }) => dropped.push(`${holder} ${label ?? ''}`));
      const abort = new AbortController();
      const drop = async (db: Pick<DBRuntime, 'stream'>) => {
        const options = { batchSize: 1, name: 'forgotten', signal: abort.signal };
        await db.stream(NUMBERS, [100], options)[Symbol.asyncIterator]().next();
      };
      await drop(house.db);
      const [one] = await Promise.all([
        house.db.queryValue('select 1', [], { timeout: '20s' }),
        untilCollected(() => dropped.length),
      ]);
      expect(one).toBe(1);
      expect(dropped).toEqual(['stream forgotten']);
      await house.db.use(async (session) => {
        await drop(session);
        const answered = async () => {
          collectGarbage();
          return session.queryValue('select 2').catch((error: { code: string }) => error.code);
        };
        await expect.poll(answered, { timeout: 10_000 }).toBe(2);
      });
      expect(house.db.stats().total).toBe(1);
      await house.check();
    });

    it('streams 1,000,000 rows in constant memory', async () => {
      await using house = await start();
      const run = async (count: number) => {
        let [highest, rows] = [0, 0];
        for await (const _row of house.db.stream(NUMBERS, [count])) {
          rows += 1;
          if (rows % 10_000 === 0) highest = Math.max(highest, process.memoryUsage.rss());
        }
        expect(rows).toBe(count);
        return highest;
      };
      await run(200_000);
      collectGarbage();
      const before = process.memoryUsage.rss();
      expect(((await run(1_000_000)) - before) / 2 ** 20).toBeLessThanOrEqual(40);
      await house.check();
    }, 120_000);

    it('does not keep disconnect() beyond its patience, and is told why it ended', async () => {
      await using house = await start();
      const rows = await opened(house.db, 'select n from generate_series(1, 10) n');
      await house.db.disconnect({ timeout: 50 });
      expect((await failure(rows.next())).error).toMatchObject({ code: 'CANCELLED', reason: 'runtime' });
      await expect.poll(async () => (await house.activity()).length).toBe(0);
    });
  });
}

for (const { name, url } of inject('pgBouncers')) {
  describe(`streams behind ${name}`, () => {
    it('stay on one server connection from the first page to the last, outside transactions too', async () => {
      await using house = await ProxiedDatabase.startBehindTheGate(url, { pool: { maxSize: 12 } });
      const read = async (count: number) => (await collect(house.db.stream(NUMBERS, [count], { batchSize: 7 }))).length;
      expect(await Promise.all(Array.from({ length: 12 }, (_, at) => read(100 + at)))).toEqual(
        Array.from({ length: 12 }, (_, at) => 100 + at),
      );
      expect(await take(house.db.stream(NUMBERS, [1_000], { batchSize: 7 }), 3)).toHaveLength(3);
      expect(await house.db.transaction((tx) => collect(tx.stream(NUMBERS, [20], { batchSize: 7 })))).toHaveLength(20);
      expect(await house.db.queryValue('select 42')).toBe(42);
    });
  });
}

async function untilCollected(count: () => number): Promise<void> {
  const found = () => {
    collectGarbage();
    return count();
  };
  await expect.poll(found, { timeout: 10_000 }).toBe(1);
}
