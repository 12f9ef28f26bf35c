/**
 * Prepared statements on real servers: which texts are prepared, when they are closed, and that a statement which the
 * server has lost or outgrown is mended without an error reaching anybody.
 */
import { createRuntime } from 'fluxor-db';
import type { DBRuntime, Executor, RuntimeOptions } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';
import { describe, expect, inject, it } from 'vitest';

/** Tables of one test; several suites share a server. */
let lastTable = 0;

for (const { name, url } of inject('postgresServers')) {
  describe(`prepared statements on ${name}`, () => {
    const start = (options: Omit<RuntimeOptions, 'driver'> = {}): DBRuntime =>
      createRuntime({
        driver: postgres({ url }),
        // Thousands of statements in a second are none of the gate's business here.
        gate: { rateLimit: false },
        ...options,
        pool: { warmUp: false, maxSize: 1, ...options.pool },
      });
    const onServer = (on: Executor): Promise<string[]> =>
      on
        .query<{ statement: string }>(
          "select statement from pg_prepared_statements where name like 'fluxor\\_%' and statement not like '%pg_prep%'",
        )
        .then((rows) => rows.map(({ statement }) => statement).sort());
    const newTable = async (db: Executor, columns: string): Promise<string> => {
      const table = `prepared_${process.pid}_${(lastTable += 1)}_${name.replace(/\D/g, '')}`;
      await db.exec(`create table ${table} (${columns})`);
      return table;
    };

    it('are made with the second execution, and used from the third on', async () => {
      await using db = start();
      const seen = [];
      for (let n = 1; n <= 4; n += 1) {
        expect(await db.queryValue('select $1::int + 1', [n])).toBe(n + 1);
        seen.push(await onServer(db));
      }
      expect(seen).toEqual([[], ...Array.from({ length: 3 }, () => ['select $1::int + 1'])]);
      expect(db.metrics().statements).toMatchObject({ evicted: 0, healed: 0 });
      expect(db.metrics().statements.hits).toBeGreaterThanOrEqual(2);
      expect(db.metrics().statements.hitRate).toBeGreaterThan(0);
    });

    it('are not made of thousands of texts that come once each', async () => {
      await using db = start();
      await db.queryValue('select $1::int', [1]);
      await db.queryValue('select $1::int', [2]);
      for (let n = 0; n < 3_000; n += 1) await db.queryValue(`select ${n} + 1`);
      expect(await onServer(db)).toEqual(['select $1::int']);
      expect(db.metrics().statements).toMatchObject({ evicted: 0 });
    });

    it('are closed at the server when others take their place', async () => {
      await using db = start({ query: { statementCache: 5 } });
      for (let n = 0; n < 20; n += 1) {
        for (let round = 0; round < 2; round += 1) await db.queryValue(`select ${n}`);
      }
      await db.queryValue('select 19');
      expect((await onServer(db)).length).toBeLessThanOrEqual(5);
      expect(db.metrics().statements.evicted).toBeGreaterThan(10);
    });

    it('are no more, on all connections together, than the budget allows', async () => {
      await using db = start({ pool: { maxSize: 4 }, query: { statementCache: { total: 10 } } });
      const texts = Array.from({ length: 30 }, (_, n) => `select ${n}, pg_sleep(0.001)`);
      for (let round = 0; round < 3; round += 1) await Promise.all(texts.map((text) => db.query(text)));
      expect(db.metrics().statements.prepared).toBe(10);
      db.pool.evict();
      await expect.poll(() => db.metrics().statements.prepared).toBe(0);
    });

    it('are none where the cache is off', async () => {
      await using db = start({ query: { statementCache: false } });
      for (let n = 0; n < 5; n += 1) await db.queryValue('select $1::int', [n]);
      expect(await onServer(db)).toEqual([]);
    });

    it('are made again when the server has lost them', async () => {
      await using db = start();
      const text = 'select $1::int * 2';
      for (let n = 0; n < 3; n += 1) await db.queryValue(text, [n]);
      await db.exec("do $$ begin execute 'deallocate all'; end $$");
      for (let n = 0; n < 3; n += 1) expect(await db.queryValue(text, [n])).toBe(n * 2);
      expect(db.metrics().statements.healed).toBe(1);
    });

    it('stay when what a user has prepared with SQL is undone, and are prepared by no other count', async () => {
      await using db = start();
      const text = 'select $1::int * 7';
      for (let n = 0; n < 2; n += 1) await db.queryValue(text, [n]);
      await db.use((session) => session.exec('prepare of_a_user as select 1'));
      expect(await onServer(db)).toContain(text);
      expect(await db.queryValue("select count(*)::int from pg_prepared_statements where name = 'of_a_user'")).toBe(0);
      const { hits } = db.metrics().statements;
      expect(await db.queryValue(text, [1])).toBe(7);
      expect(db.metrics().statements.hits).toBe(hits + 1);
      await db.exec('deallocate all');
      expect(db.metrics().statements.prepared).toBe(0);
      expect(await db.queryValue(text, [1])).toBe(7);
      expect(db.metrics().statements).toMatchObject({ hits: hits + 1, healed: 0 });
    });

    it('outgrown by the types of their parameters fail a transaction once, and not the next one', async () => {
      await using db = start();
      const table = await newTable(db, 'v int');
      await db.exec(`insert into ${table} values (1)`);
      const attempts: number[] = [];
      const write = (value: unknown) =>
        db.transaction((tx) => {
          attempts.push(tx.attempt);
          return tx.exec(`update ${table} set v = $1`, [value]);
        });
      for (let n = 0; n < 3; n += 1) await write(n);
      await db.exec(`alter table ${table} alter column v type text`);
      // As the server says it, this is no other than a wrong value, for which no function is run twice.
      await expect(write('no number')).rejects.toMatchObject({ code: 'QUERY', outcome: 'not-applied' });
      expect(await write('no number')).toEqual({ rowsAffected: 1 });
      expect(attempts).toEqual([1, 1, 1, 1, 1]);
      await db.exec(`drop table ${table}`);
    });

    it('take their name back from whoever has prepared something else under it', async () => {
      await using db = start();
      const text = 'select $1::int * 5';
      for (let n = 0; n < 3; n += 1) await db.queryValue(text, [n]);
      const taken = await db.queryValue<string>('select name from pg_prepared_statements where statement = $1', [text]);
      await using other = start();
      await other.exec(`do $$ begin execute 'prepare ${taken} as select 0'; end $$`);
      for (let n = 0; n < 3; n += 1) expect(await other.queryValue(text, [n])).toBe(n * 5);
    });

    it('are made again by the next run of a transaction whose statement the server had lost', async () => {
      await using db = start();
      const text = 'select $1::int * 3';
      for (let n = 0; n < 3; n += 1) await db.queryValue(text, [n]);
      await db.exec("do $$ begin execute 'deallocate all'; end $$");
      const attempts: number[] = [];
      const value = await db.transaction(async (tx) => {
        attempts.push(tx.attempt);
        return tx.queryValue(text, [2]);
      });
      expect([value, attempts]).toEqual([6, [1, 2]]);
    });

    it('are refused where they are a COPY, which has nobody to bring or take the data, and leave the session usable', async () => {
      await using db = start();
      const table = await newTable(db, 'n int');
      await expect(db.exec(`copy ${table} from stdin`, [], { timeout: '5s' })).rejects.toMatchObject({
        code: 'QUERY',
        reason: 'statement-invalid',
        outcome: 'not-applied',
      });
      expect((await db.execute(`copy (select 1) to stdout`)).rows).toEqual([]);
      for (let n = 0; n < 3; n += 1) expect(await db.queryValue('select $1::int', [n])).toBe(n);
      await db.exec(`drop table ${table}`);
    });

    it('are never run twice when their values are wrong: what no rollback undoes has happened by then', async () => {
      await using db = start();
      const table = await newTable(db, 'n serial');
      // The row comes from a function, so that its cast is carried out and not planned.
      const text = `select nextval('${table}_n_seq')::int, word::int from unnest(array[$1::text]) word`;
      for (let n = 1; n <= 3; n += 1) expect(await db.queryValue(text, ['1'])).toBe(n);
      await expect(db.query(text, ['no number'])).rejects.toMatchObject({ code: 'QUERY', reason: 'data' });
      expect(await db.queryValue(text, ['1'])).toBe(5);
      expect(db.metrics().statements.healed).toBe(0);
      await db.exec(`drop table ${table}`);
    });

    it('change under 64 tasks without an error to anybody outside transactions', { timeout: 60_000 }, async () => {
      await using db = start({ pool: { maxSize: 8 } });
      const table = await newTable(db, 'id int primary key, label text');
      await db.exec(`insert into ${table} select n, 'label ' || n from generate_series(1, 100) n`);
      const errors: unknown[] = [];
      let isOver = false;
      let answered = 0;
      const task = async (seed: number): Promise<void> => {
        for (let n = seed; !isOver && errors.length === 0; n += 1) {
          const id = (n % 100) + 1;
          try {
            const row = await db.queryRow<{ id: unknown; label: string }>(`select * from ${table} where id = $1`, [id]);
            if (String(row?.id) !== String(id) || row?.label !== `label ${id}`) throw new Error('somebody else’s row');
            await db.exec(`update ${table} set label = $2 where id = $1`, [id, `label ${id}`]);
            answered += 1;
          } catch (error) {
            errors.push(error);
          }
        }
      };
      const tasks = Array.from({ length: 64 }, (_, seed) => task(seed));
      for (let n = 0; n < 12; n += 1) {
        const before = answered;
        await expect.poll(() => answered, { interval: 5, timeout: 10_000 }).toBeGreaterThan(before + 100);
        await db.exec(`alter table ${table} add column extra_${n} int default ${n}`);
        // The type of a column that is compared with a parameter changes as well.
        await db.exec(`alter table ${table} alter column id type ${n % 2 === 0 ? 'bigint' : 'int'}`);
      }
      isOver = true;
      await Promise.all(tasks);
      expect(errors).toEqual([]);
      expect(db.metrics().statements.healed).toBeGreaterThan(0);
      await db.exec(`drop table ${table}`);
    });
  });
}

for (const { name, url } of inject('pgBouncers')) {
  describe(`prepared statements through ${name}`, () => {
    it('are not made by name, and the pooler is announced once', async () => {
      await using db = createRuntime({ driver: postgres({ url }), pool: { maxSize: 8, warmUp: false } });
      let told = 0;
      using _listener = db.on('pooler:detected', () => (told += 1));
      const numbers = Array.from({ length: 400 }, (_, n) => n);
      const answers = await Promise.all(numbers.map((n) => db.queryValue<number>('select $1::int', [n])));
      expect(answers).toEqual(numbers);
      expect([told, db.metrics().statements.prepared]).toEqual([1, 0]);
      expect(await db.queryValue("select count(*)::int from pg_prepared_statements where name like 'fluxor%'")).toBe(0);
    });
  });
}
