/** Batches on real servers: order, all or nothing, what is collected, sources, progress, and tables of every sort. */
import type { BatchOptions, DBRuntime, Executor, ParamSets } from 'fluxor-db';
import { sql } from 'fluxor-db';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { INSERT, MODES, rowsUpTo, targets } from './batch-targets.js';
import { failure } from './proxied-database.js';

for (const { name, hasCopy, many, make } of targets) {
  describe(`batches on ${name}`, () => {
    let db: DBRuntime;
    const count = (on: Executor = db) => on.queryValue<number>('select count(*)::int from items');
    const ids = () =>
      db.query<{ id: number }>('select id from items order by id').then((rows) => rows.map(({ id }) => id));
    const ifCopy = (title: string, test: () => Promise<void>): unknown => (hasCopy ? it(title, test) : undefined);
    const bulkMode = hasCopy ? 'copy' : 'statements';

    beforeAll(async () => {
      db = make();
      await db.exec('drop table if exists items');
      await db.exec('create table items (id int primary key check (id >= 0), name text not null)');
    });
    beforeEach(() => db.exec('delete from items'));
    afterAll(async () => {
      await db.exec('drop table items');
      await db.disconnect();
    });

    it('loads arrays and objects, by COPY where that is worth it, and says what it did', async () => {
      const many = await db.batch(INSERT, rowsUpTo(50));
      expect(many).toMatchObject({ rowsAffected: 50, mode: bulkMode, errors: [], rows: [] });
      expect(many.affected).toEqual(hasCopy ? undefined : Array.from({ length: 50 }, () => 1));
      const few = await db.batch('insert into items (name, id) values (:name, :id)', [
        { id: 100, name: 'a' },
        { id: 101, name: 'b', ignored: 1 },
      ]);
      expect(few).toMatchObject({ rowsAffected: 2, mode: 'statements', affected: [1, 1] });
      expect(await db.queryValue('select name from items where id = 101')).toBe('b');
      expect(await count()).toBe(52);
    });

    it('gives back what the sets return in their order, with what each has changed', async () => {
      await db.batch(INSERT, rowsUpTo(10));
      const result = await db.batch<{ id: number }>(
        'update items set name = $2 where id < $1 returning id',
        [1, 0, 3, 2].map((below) => [below, 'x']),
      );
      expect(result.affected).toEqual([1, 0, 3, 2]);
      expect(result.rowsAffected).toBe(6);
      expect(result.rows).toHaveLength(6);
      const selected = await db.batch<[number]>(
        'select $1::int',
        rowsUpTo(100).map(([id]) => [id]),
        { rowMode: 'array' },
      );
      expect(selected.rows.map(([id]) => id)).toEqual(rowsUpTo(100).map(([id]) => id));
      expect(selected.rowsAffected).toBe(0);
    });

    it('sends nothing for no sets', async () => {
      const result = await db.batch('not even sql', []);
      expect(result).toMatchObject({ rowsAffected: 0, affected: [], rows: [], errors: [] });
    });

    for (const mode of MODES) {
      it.each([0, 500, 999])(`keeps nothing when set %i is wrong, and says which it was (${mode})`, async (bad) => {
        const sets = rowsUpTo(1_000);
        sets[bad] = [-1, 'secret-marker'];
        const { error } = await failure(db.batch(INSERT, sets, { mode }));
        expect(error).toMatchObject({ code: 'CONSTRAINT', outcome: 'not-applied', context: { paramSet: bad } });
        expect(JSON.stringify(error)).not.toContain('secret-marker');
        expect(await count()).toBe(0);
        // A value that is of no use to the column, instead of a constraint.
        sets[bad] = ['secret-marker', 'x'] as unknown as [number, string];
        const { error: dataError } = await failure(db.batch(INSERT, sets, { mode }));
        expect(dataError).toMatchObject({ code: 'QUERY', reason: 'data', context: { paramSet: bad } });
        expect(dataError.message).not.toContain('secret-marker');
        expect(await count()).toBe(0);
      });

      it(`reports exactly the sets that fail, and keeps all others (${mode})`, async () => {
        const sets = rowsUpTo(many);
        const bad = [0, Math.floor(many / 2), many - 1];
        for (const index of bad) sets[index] = [-1 - index, 'x'];
        const result = await db.batch(INSERT, sets, { mode, onError: 'collect' });
        expect(result.errors.map(({ index }) => index)).toEqual(bad);
        expect(result.errors.map(({ error }) => error.context.paramSet)).toEqual(bad);
        expect(result.errors.every(({ error }) => error.code === 'CONSTRAINT')).toBe(true);
        expect(result.rowsAffected).toBe(many - 3);
        expect(await count()).toBe(many - 3);
      });

      it(`collects within a transaction, which goes on (${mode})`, async () => {
        const sets = rowsUpTo(120);
        sets[7] = [6, 'twice'];
        sets[8] = [-1, 'x'];
        sets[119] = [0, 'twice'];
        await db.transaction(async (tx) => {
          await tx.exec(INSERT, [1_000, 'before']);
          const result = await tx.batch(INSERT, sets, { mode, onError: 'collect', batchSize: 50 });
          expect(result.errors.map(({ index }) => index)).toEqual([7, 8, 119]);
          await tx.exec(INSERT, [1_001, 'after']);
        });
        expect(await count()).toBe(119);
      });

      it(`leaves a transaction as it was before a batch that fails (${mode})`, async () => {
        const sets = rowsUpTo(100);
        sets[42] = [-1, 'x'];
        await db.transaction(async (tx) => {
          await tx.exec(INSERT, [1_000, 'before']);
          const { error } = await failure(tx.batch(INSERT, sets, { mode }));
          expect(error).toMatchObject({ code: 'CONSTRAINT', outcome: 'not-applied', context: { paramSet: 42 } });
          expect(await count(tx)).toBe(1);
          expect(await tx.batch(INSERT, rowsUpTo(30), { mode })).toMatchObject({ rowsAffected: 30 });
        });
        expect(await count()).toBe(31);
      });

      it(`stops at once when it is aborted, and leaves nothing (${mode})`, async () => {
        const controller = new AbortController();
        const endless = function* () {
          for (let id = 0; ; id += 1) {
            if (id === 5_000) controller.abort();
            yield [id, 'x'];
          }
        };
        const { error } = await failure(db.batch(INSERT, endless(), { mode, signal: controller.signal }));
        expect(error).toMatchObject({ code: 'CANCELLED', reason: 'caller', outcome: 'not-applied' });
        expect(await count()).toBe(0);
        await expect.poll(() => db.stats().inUse).toBe(0);
      });

      it(`stops at its timeout, and leaves nothing (${mode})`, async () => {
        const endless = function* () {
          for (let id = 0; ; id += 1) yield [id, 'x'];
        };
        const { error } = await failure(db.batch(INSERT, endless(), { mode, timeout: '150ms' }));
        expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'statement', outcome: 'not-applied' });
        expect(await count()).toBe(0);
        await expect.poll(() => db.stats().inUse).toBe(0);
      });
    }

    it('collects a thousand sets of which every one fails', async () => {
      const sets = rowsUpTo(1_000).map(([id]) => [-1 - id, 'x']);
      const result = await db.batch(INSERT, sets, { onError: 'collect' });
      expect(result.errors.map(({ index }) => index)).toEqual(rowsUpTo(1_000).map(([id]) => id));
      expect(result.rowsAffected).toBe(0);
      expect(await count()).toBe(0);
    });

    it('says how far it got when something stops it that is no fault of a set', async () => {
      const sets = function* () {
        for (let id = 0; id < 100; id += 1) yield id === 3 ? [-1, 'x'] : [id, 'x'];
        throw new Error('the file ends here');
      };
      const { error } = await failure(db.batch(INSERT, sets(), { onError: 'collect', batchSize: 40 }));
      expect(error).toMatchObject({ code: 'QUERY', reason: 'data', context: { setsDone: 80 } });
      expect(error.cause).toMatchObject({ message: 'the file ends here' });
      expect(error.setErrors?.map(({ index }) => index)).toEqual([3]);
      expect(await count()).toBe(79);
      const unknown = await failure(
        db.batch('insert into nowhere (a) values ($1)', [[1], [2]], { onError: 'collect' }),
      );
      expect(unknown.error).toMatchObject({ code: 'QUERY', reason: 'undefined-object', context: { setsDone: 0 } });
    });

    it('finds every wrong set of an array before anything is sent', async () => {
      const sets: unknown[] = rowsUpTo(100);
      sets[1] = [1, undefined];
      sets[5] = [1];
      sets[9] = { id: 1 };
      sets[12] = [1, () => 'secret-marker'];
      const { error } = await failure(db.batch(INSERT, sets as ParamSets, { onError: 'collect' }));
      expect(error).toMatchObject({ code: 'QUERY', reason: 'data', outcome: 'not-sent', context: { paramSet: 1 } });
      for (const piece of [
        'set 1: params[1] is undefined',
        'set 5: it has 1 values',
        'set 9:',
        'set 12: params[1] is a function',
      ]) {
        expect(error.message).toContain(piece);
      }
      const named = [{ id: 1, name: 'a' }, { id: 2 }];
      const missing = await failure(db.batch('insert into items (id, name) values (:id, :name)', named));
      expect(missing.error.message).toContain('set 1: no value was given for :name');
      const template = sql`insert into items values (${1}, ${'x'})` as unknown as string;
      expect((await failure(db.batch(template, [[1]]))).error).toMatchObject({ reason: 'syntax', outcome: 'not-sent' });
      expect((await failure(db.batch('commit', [[]]))).error).toMatchObject({ reason: 'syntax', outcome: 'not-sent' });
      expect((await failure(db.batch(INSERT, 7 as unknown as ParamSets))).error).toMatchObject({ code: 'CONFIG' });
      expect((await failure(db.batch(INSERT, [], { batchSize: 0 }))).error).toMatchObject({ code: 'CONFIG' });
      expect(await count()).toBe(0);
    });

    it('undoes everything when a set in the middle of an iterable is wrong or cannot be written', async () => {
      const wrong = (value: unknown) =>
        (function* () {
          for (let id = 0; id < 3_000; id += 1) yield [id, id === 2_500 ? value : 'x'];
        })();
      for (const mode of MODES) {
        for (const value of [undefined, new Map(), { big: 1n }]) {
          const { error } = await failure(db.batch(INSERT, wrong(value), { mode }));
          expect(error).toMatchObject({
            code: 'QUERY',
            reason: 'data',
            outcome: 'not-applied',
            context: { paramSet: 2_500 },
          });
          expect(await count()).toBe(0);
        }
      }
    });

    it('reads asynchronous iterables, and lets them tidy up', async () => {
      let isTidy = false;
      const sets = async function* () {
        try {
          for (const set of rowsUpTo(300)) {
            await Promise.resolve();
            yield set;
          }
        } finally {
          isTidy = true;
        }
      };
      expect(await db.batch(INSERT, sets())).toMatchObject({ rowsAffected: 300, mode: bulkMode });
      expect(isTidy).toBe(true);
      isTidy = false;
      await failure(db.batch(INSERT, sets()));
      expect(isTidy).toBe(true);
      expect(await ids()).toEqual(rowsUpTo(300).map(([id]) => id));
    });

    it('tells its progress, which never goes back, whoever throws', async () => {
      const heard: [number, number | undefined][] = [];
      const facts: number[] = [];
      using _listener = db.on('batch:progress', ({ done }) => facts.push(done));
      const onProgress = (done: number, total: number | undefined) => {
        heard.push([done, total]);
        throw new Error('a bar that broke');
      };
      await db.batch(INSERT, rowsUpTo(2_500), { batchSize: 1_000, onProgress });
      expect(heard).toEqual([1_000, 2_000, 2_500].map((done) => [done, 2_500]));
      expect(facts).toEqual([1_000, 2_000, 2_500]);
      await db.exec('delete from items');
      heard.length = 0;
      const generator = (function* () {
        yield* rowsUpTo(250);
      })();
      await db.batch(INSERT, generator, { batchSize: 100, onProgress, onError: 'collect' });
      expect(heard).toEqual([100, 200, 250].map((done) => [done, undefined]));
    });

    it('finds the set at fault when the database notices only at the end: foreign keys and late triggers', async () => {
      await db.exec('create table if not exists notes (item int references items, text text)');
      await db.batch(INSERT, rowsUpTo(10));
      const sets = rowsUpTo(60).map(([id]) => [id % 10, 'x']);
      sets[33] = [99, 'x'];
      const text = 'insert into notes (item, text) values ($1, $2)';
      const { error } = await failure(db.batch(text, sets));
      expect(error).toMatchObject({ code: 'CONSTRAINT', reason: 'foreign-key', context: { paramSet: 33 } });
      const result = await db.batch(text, sets, { onError: 'collect' });
      expect(result.errors.map(({ index }) => index)).toEqual([33]);
      await db.exec('drop table notes');
    });

    it('collects what a deferred constraint refuses at the end of a piece', async () => {
      await db.exec('create table late (id int unique deferrable initially deferred)');
      const sets = [1, 2, 3, 2, 4, 5].map((id) => [id]);
      for (const mode of MODES) {
        const result = await db.batch('insert into late (id) values ($1)', sets, { onError: 'collect', mode });
        expect(result.errors).toHaveLength(1);
        expect(await db.queryValue('select count(*)::int from late')).toBe(5);
        await db.exec('delete from late');
      }
      await db.exec('drop table late');
    });

    it('names the row that a trigger of the application refuses', async () => {
      await db.exec(`create function refuse() returns trigger language plpgsql as
        $$ begin if new.name = 'no' then raise exception 'not this one' using errcode = 'U0042'; end if; return new; end $$`);
      await db.exec('create trigger refuse before insert on items for each row execute function refuse()');
      const sets = rowsUpTo(80);
      sets[50] = [50, 'no'];
      for (const mode of MODES) {
        const result = await db.batch(INSERT, sets, { mode, onError: 'collect' });
        expect(result.errors.map(({ index }) => index)).toEqual([50]);
        expect((await failure(db.batch(INSERT, sets.slice(50), { mode }))).error.context.paramSet).toBe(0);
        await db.exec('delete from items');
      }
      await db.exec('drop trigger refuse on items');
      await db.exec('drop function refuse()');
    });

    it('takes views, generated columns and a table that COPY refuses', async () => {
      await db.exec('create view shown as select id, name from items');
      expect(await db.batch('insert into shown (id, name) values ($1, $2)', rowsUpTo(50))).toMatchObject({
        rowsAffected: 50,
        mode: 'statements',
      });
      await db.exec('drop view shown');
      await db.exec('create table sums (a int, b int, sum int generated always as (a + b) stored)');
      await db.batch(
        'insert into sums (a, b) values ($1, $2)',
        rowsUpTo(50).map(([id]) => [id, 1]),
      );
      expect(await db.queryValue('select sum(sum)::int from sums')).toBe((50 * 49) / 2 + 50);
      const { error } = await failure(
        db.batch(
          'insert into sums (a, b, sum) values ($1, $2, $3)',
          rowsUpTo(50).map(([id]) => [id, 1, 1]),
        ),
      );
      expect(error.sqlState).toBe('428C9');
      await db.exec('drop table sums');
    });

    it('runs on a session, also in a transaction that was begun by hand', async () => {
      await db.use(async (session) => {
        await session.batch(INSERT, rowsUpTo(50));
        await session.exec('begin');
        await session.batch(INSERT, rowsUpTo(100).slice(50));
        await failure(session.batch(INSERT, rowsUpTo(60)));
        await session.exec('rollback');
      });
      expect(await count()).toBe(50);
    });

    it('runs several at once', async () => {
      const options: BatchOptions = { batchSize: 100 };
      const all = Array.from({ length: 6 }, (_, part) =>
        db.batch(
          INSERT,
          rowsUpTo(500).map(([id, text]) => [part * 1_000 + id, text]),
          options,
        ),
      );
      expect((await Promise.all(all)).map(({ rowsAffected }) => rowsAffected)).toEqual([500, 500, 500, 500, 500, 500]);
      expect(await count()).toBe(3_000);
    });

    ifCopy('falls back where row-level security keeps COPY out, inside a transaction too', async () => {
      await db.exec('alter table items enable row level security');
      await db.exec('alter table items force row level security');
      await db.exec('create policy all_of_it on items using (true) with check (true)');
      await db.exec('drop role if exists batch_limited');
      await db.exec('create role batch_limited');
      await db.exec('grant all on items to batch_limited');
      await db.use(async (session) => {
        await session.exec('set role batch_limited');
        expect(await session.batch(INSERT, rowsUpTo(50))).toMatchObject({ mode: 'statements', rowsAffected: 50 });
        const generator = (function* () {
          yield* rowsUpTo(100).slice(50);
        })();
        await session.transaction(async (tx) => {
          expect(await tx.batch(INSERT, generator)).toMatchObject({ mode: 'statements', rowsAffected: 50 });
        });
        const { error } = await failure(session.batch(INSERT, rowsUpTo(200).slice(150), { mode: 'copy' }));
        expect(error.sqlState).toBe('0A000');
        await session.exec('reset role');
      });
      expect(await count()).toBe(100);
      for (const text of [
        'drop policy all_of_it on items',
        'alter table items no force row level security',
        'alter table items disable row level security',
        'revoke all on items from batch_limited',
        'drop role batch_limited',
      ]) {
        await db.exec(text);
      }
    });

    ifCopy('keeps memory constant over 200,000 generated rows', async () => {
      let most = 0;
      const sets = function* () {
        for (let id = 0; id < 200_000; id += 1) {
          if (id % 20_000 === 0) most = Math.max(most, process.memoryUsage().arrayBuffers);
          yield [id, `name ${id} `.repeat(20)];
        }
      };
      const before = process.memoryUsage().arrayBuffers;
      for (const mode of MODES) {
        expect((await db.batch(INSERT, sets(), { mode })).rowsAffected).toBe(200_000);
        await db.exec('truncate items');
      }
      // The data are 50 MB.
      expect(most - before).toBeLessThan(30_000_000);
    });

    it('refuses mode copy for what is no plain insert, or where there is none', async () => {
      const { error } = await failure(db.batch(`${INSERT} on conflict do nothing`, rowsUpTo(2), { mode: 'copy' }));
      expect(error).toMatchObject({ code: 'QUERY', reason: 'syntax', outcome: 'not-sent' });
      if (hasCopy) expect(await db.batch(INSERT, rowsUpTo(1), { mode: 'copy' })).toMatchObject({ mode: 'copy' });
      else expect((await failure(db.batch(INSERT, rowsUpTo(1), { mode: 'copy' }))).error.code).toBe('CONFIG');
    });
  });
}
