/** Streams on real servers: order, back-pressure, every way in which one can end, and nothing left behind by any of them. */
import type { DBRuntime, Row } from 'fluxor-db';
import { describe, expect, inject, it } from 'vitest';
import { failure, ProxiedDatabase } from './proxied-database.js';
import { collect, idle, NUMBERS, opened, SLOW_AFTER_FIRST, take } from './streamed-rows.js';

for (const { name, url } of inject('postgresServers')) {
  describe(`streams on ${name}`, () => {
    const start = (options?: Parameters<typeof ProxiedDatabase.start>[1]) =>
      ProxiedDatabase.startBehindTheGate(url, options);

    it.each([100, 499, 10_000])(
      'brings 100,000 rows in order, the same as query(), in pages of %i',
      async (batchSize) => {
        await using house = await start();
        const expected = await house.db.query(NUMBERS, [100_000]);
        expect(await collect(house.db.stream(NUMBERS, [100_000], { batchSize }))).toEqual(expected);
        await idle(house);
        await house.check();
      },
    );

    it.each<[string, string, Row[]]>([
      ['no row', 'select 1 as n where false', []],
      ['one row', 'select 1 as n', [{ n: 1 }]],
      ['as many rows as a page has', 'select n from generate_series(1, 2) n', [{ n: 1 }, { n: 2 }]],
      ['one row more than a page has', 'select n from generate_series(1, 3) n', [{ n: 1 }, { n: 2 }, { n: 3 }]],
      ['a statement that returns nothing', 'set application_name to default', []],
      ['an empty text', '', []],
    ])('ends by itself after %s', async (_what, text, expected) => {
      await using house = await start();
      expect(await collect(house.db.stream(text, [], { batchSize: 2 }))).toEqual(expected);
      const rows = await house.db.transaction((tx) => collect(tx.stream(text, [], { batchSize: 2 })));
      expect(rows).toEqual(expected);
      await house.check();
    });

    it('brings arrays where they are asked for, its columns, and a 64-bit integer as bigint', async () => {
      await using house = await start();
      const stream = house.db.stream('select 1::int8 as a, null as a, $1::text as b', ['x'], { rowMode: 'array' });
      expect(stream.fields).toEqual([]);
      expect(await collect(stream)).toEqual([[1n, null, 'x']]);
      expect(stream.fields.map(({ name: column, type }) => [column, type])).toEqual([
        ['a', 'int8'],
        ['a', 'text'],
        ['b', 'text'],
      ]);
    });

    it('ends the cursor when the loop is left, and its connection is clean and the next in line', async () => {
      await using house = await start({ pool: { maxSize: 1 } });
      expect(await take(house.db.stream(NUMBERS, [1_000_000]), 3)).toHaveLength(3);
      expect(house.db.stats()).toMatchObject({ inUse: 0, total: 1 });
      await idle(house);
      const thrown = new Error('from inside the loop');
      const loop = async () => {
        for await (const row of house.db.stream(NUMBERS, [1_000_000])) throw Object.assign(thrown, { row });
      };
      await expect(loop()).rejects.toBe(thrown);
      expect(house.db.stats()).toMatchObject({ inUse: 0, total: 1 });
      await idle(house);
      await house.check();
    });

    it('sends nothing when it is never iterated, or left before its first row', async () => {
      await using house = await start();
      await using unused = house.db.stream('select 1 / 0');
      expect(unused.fields).toEqual([]);
      const iterator = house.db.stream('select 1 / 0')[Symbol.asyncIterator]();
      expect(await iterator.return?.()).toEqual({ value: undefined, done: true });
      expect(await iterator.next()).toEqual({ value: undefined, done: true });
      expect(house.db.stats()).toMatchObject({ total: 0 });
    });

    it('tells an error of the statement as the first row, and one in the middle as its own', async () => {
      await using house = await start();
      const syntax = await failure(collect(house.db.stream('selec 1')));
      expect(syntax.error).toMatchObject({ code: 'QUERY', reason: 'syntax' });
      const seen: Row[] = [];
      const division = async (db: Pick<DBRuntime, 'stream'>) => {
        for await (const row of db.stream('select 10 / (5 - i) as n from generate_series(1, 9) i', [], {
          batchSize: 2,
        }))
          seen.push(row);
      };
      expect((await failure(division(house.db))).error).toMatchObject({ code: 'QUERY', sqlState: '22012' });
      expect(seen).toEqual([{ n: 2 }, { n: 3 }, { n: 5 }, { n: 10 }]);
      expect((await failure(house.db.transaction((tx) => division(tx)))).error).toMatchObject({ sqlState: '22012' });
      await idle(house);
      await house.check();
    });

    it('refuses a COPY, which has no rows, and is ready for the next statement', async () => {
      await using house = await start();
      await house.direct.exec('create table if not exists copied (n int)');
      const copy = (db: Pick<DBRuntime, 'stream'>) => collect(db.stream('copy copied from stdin'));
      expect((await failure(copy(house.db))).error.outcome).toBe('not-applied');
      expect((await failure(house.db.transaction(copy))).error.outcome).toBe('not-applied');
      expect(await collect(house.db.stream('copy copied to stdout'))).toEqual([]);
      await idle(house);
      expect(house.db.stats().total).toBe(1);
      await house.direct.exec('drop table copied');
      await house.check();
    });

    it.each(['db', 'session', 'transaction'])(
      'stops at the server when its signal aborts a page of a %s',
      async (where) => {
        await using house = await start();
        const abort = new AbortController();
        const read = (db: Pick<DBRuntime, 'stream'>) =>
          failure(collect(db.stream(SLOW_AFTER_FIRST, [], { batchSize: 1, signal: abort.signal })));
        const reading =
          where === 'db'
            ? read(house.db)
            : where === 'session'
              ? house.db.use(read)
              : house.db.begin().then(async (tx) => read(tx).finally(() => tx.rollback()));
        await house.untilRunning('pg_sleep(60)');
        abort.abort(new Error('enough'));
        const { error } = await reading;
        expect(error).toMatchObject({ code: 'CANCELLED', reason: 'caller' });
        await expect.poll(() => house.running()).toEqual([]);
        await house.check();
      },
    );

    it('closes the cursor of a consumer that is busy elsewhere when its signal aborts', async () => {
      await using house = await start();
      const abort = new AbortController();
      const rows = house.db.stream(NUMBERS, [100_000], { signal: abort.signal })[Symbol.asyncIterator]();
      await rows.next();
      abort.abort();
      await expect.poll(() => house.db.stats().inUse).toBe(0);
      await idle(house);
      expect((await failure(rows.next())).error).toMatchObject({ code: 'CANCELLED', reason: 'caller' });
      expect(await rows.next()).toEqual({ value: undefined, done: true });
      await house.check();
    });

    it('bounds the wait for each page, and not the time that the consumer takes', async () => {
      await using house = await start();
      const rows = house.db.stream(SLOW_AFTER_FIRST, [], { batchSize: 1, timeout: '900ms' })[Symbol.asyncIterator]();
      await rows.next();
      await house.direct.query('select pg_sleep(2)');
      await house.untilRunning('pg_sleep(60)');
      const { error } = await failure(rows.next());
      expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'statement' });
      expect(error.message).toContain('900');
      await expect.poll(() => house.running()).toEqual([]);
      await house.check();
    });

    it.each([
      ['the server ends its session', (house: ProxiedDatabase) => terminate(house), ['CONNECTION', 'CANCELLED']],
      ['the network is cut', async (house: ProxiedDatabase) => house.proxy.resetAll(), ['CONNECTION']],
    ])('says so when %s, and the connection is used by nobody any more', async (_what, strike, codes) => {
      await using house = await start();
      const rows = await opened(house.db, 'select i from generate_series(1, 100000) i');
      await strike(house);
      await expect.poll(async () => (await house.activity()).length).toBe(0);
      const { error } = await failure(rows.next());
      expect(codes).toContain(error.code);
      expect(error).toMatchObject({ outcome: 'unknown' });
      await expect.poll(() => house.db.stats().total).toBe(0);
      await house.check();
    });

    it('never claims that a statement declared read-only may have been applied', async () => {
      await using house = await start();
      const rows = house.db.stream(NUMBERS, [100_000], { readOnly: true, batchSize: 1 })[Symbol.asyncIterator]();
      await rows.next();
      house.proxy.resetAll();
      expect((await failure(rows.next())).error).toMatchObject({ code: 'CONNECTION', outcome: 'not-applied' });
      await house.check();
    });

    it('serves 50 streams over 5 connections', async () => {
      await using house = await start({ pool: { maxSize: 5 } });
      const streams = Array.from({ length: 50 }, () =>
        collect(house.db.stream<{ i: number }>(NUMBERS, [1_000], { batchSize: 100 })),
      );
      for (const rows of await Promise.all(streams))
        expect(rows.map(({ i }) => i)).toEqual(Array.from({ length: 1_000 }, (_, at) => at + 1));
      expect(house.db.stats().total).toBeLessThanOrEqual(5);
      await house.check();
    });

    it('fetches a page only when the one before has been consumed', async () => {
      await using house = await start();
      await house.direct.exec('create sequence if not exists fetched');
      await house.direct.exec('alter sequence fetched restart');
      const text = "select nextval('fetched') as n from generate_series(1, 100000)";
      const fetched = () =>
        house.direct.queryValue<bigint>('select case when is_called then last_value else 0 end from fetched');
      let consumed = 0n;
      for await (const _row of house.db.stream(text, [], { batchSize: 50 })) {
        consumed += 1n;
        if (consumed % 70n === 0n) {
          const ahead = ((await fetched()) ?? 0n) - consumed;
          expect(ahead).toBeLessThanOrEqual(50n);
        }
        if (consumed === 700n) break;
      }
      await house.direct.exec('drop sequence fetched');
      await house.check();
    });

    it('inserts every row of an INSERT … RETURNING, also when the loop is left early', async () => {
      await using house = await start();
      await house.direct.exec('create table if not exists inserted (n int)');
      const text = 'insert into inserted select n from generate_series(1, 1000) n returning n';
      expect(await take(house.db.stream(text, [], { batchSize: 10 }), 5)).toHaveLength(5);
      expect(await house.db.queryValue('select count(*) from inserted')).toBe(1_000n);
      const completed: number[] = [];
      using _listener = house.db.on('query:completed', ({ rowsAffected }) => completed.push(rowsAffected));
      expect(await collect(house.db.stream(text, [], { batchSize: 10 }))).toHaveLength(1_000);
      expect(completed).toEqual([1_000]);
      await house.direct.exec('drop table inserted');
      await house.check();
    });

    it('says on leaving early that nobody knows of an INSERT whose end was never confirmed', async () => {
      await using house = await start();
      await house.direct.exec('create table if not exists unsure (n int)');
      const leave = async (options: { readOnly?: boolean }) => {
        for await (const _row of house.db.stream('insert into unsure values (1), (2), (3) returning n', [], {
          batchSize: 1,
          ...options,
        })) {
          house.proxy.blackHole(true);
          break;
        }
      };
      const { error } = await failure(leave({}));
      expect(error).toMatchObject({ outcome: 'unknown' });
      house.proxy.blackHole(false);
      await house.check();
      await expect(leave({ readOnly: true })).resolves.toBeUndefined();
      house.proxy.blackHole(false);
      await house.check();
      await house.direct.exec('drop table unsure');
    });
  });
}

async function terminate(house: ProxiedDatabase): Promise<void> {
  await house.direct.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [
    house.applicationName,
  ]);
}
