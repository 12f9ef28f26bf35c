/** What a batch leaves behind, and says of it, on real servers: stopped in the middle, refused in parts, killed, by either way. */
import type { DBRuntime, ParamSets } from 'fluxor-db';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MODES, rowsUpTo, servers, targets } from './batch-targets.js';
import { failure, ProxiedDatabase } from './proxied-database.js';

const text = 'insert into pieces (id, name) values ($1, $2)';

for (const { name, hasCopy, make } of targets) {
  describe(`outcomes of batches on ${name}`, () => {
    let db: DBRuntime;
    const count = () => db.queryValue<number>('select count(*)::int from pieces');
    beforeAll(async () => {
      db = make();
      await db.exec('drop table if exists pieces');
      await db.exec('create table pieces (id int primary key check (id >= 0), name text not null)');
    });
    beforeEach(() => db.exec('delete from pieces'));
    afterAll(async () => {
      await db.exec('drop table pieces');
      await db.disconnect();
    });

    for (const mode of MODES) {
      it(`is stopped inside a transaction, which goes on, time after time (${mode})`, async () => {
        // Once in fifteen the cancel came too late; an embedded database has none, and is slower.
        for (let round = 0; round < (hasCopy ? 30 : 2); round += 1) {
          const controller = new AbortController();
          const endless = function* () {
            for (let id = 0; ; id += 1) {
              if (id === 1_000 + round * 37) controller.abort();
              yield [id, 'x'];
            }
          };
          await db.transaction(async (tx) => {
            await tx.exec(text, [1_000_000, 'before']);
            const { error } = await failure(tx.batch(text, endless(), { mode, signal: controller.signal }));
            expect(error).toMatchObject({ code: 'CANCELLED', reason: 'caller' });
            expect(error.context.paramSet).toBeUndefined();
            expect(await tx.queryValue('select count(*)::int from pieces')).toBe(1);
            await tx.exec('delete from pieces');
          });
        }
        expect(await count()).toBe(0);
      });
    }

    it('has left nothing, as it says, when its session is released while its source is waited for', async () => {
      const session = await db.acquire();
      let goOn = () => {};
      const gate = new Promise<void>((resolve) => (goOn = resolve));
      let isWaiting = false;
      const slow = async function* () {
        yield* rowsUpTo(40);
        isWaiting = true;
        await gate;
        yield [40, 'late'];
      };
      const batch = failure(session.batch(text, slow()));
      await expect.poll(() => isWaiting).toBe(true);
      session.release();
      const { error } = await batch;
      expect(error).toMatchObject({ code: 'CANCELLED', reason: 'runtime', outcome: 'not-applied' });
      // The set that comes now must not look like the end, which would be followed by COMMIT.
      goOn();
      await new Promise((resolve) => setImmediate(resolve));
      expect(await count()).toBe(0);
    });

    it('refuses sets that come from a stream of its own transaction beyond one page, which goes on', async () => {
      await db.batch(text, rowsUpTo(100));
      await db.transaction(async (tx) => {
        const rows = () => tx.stream('select id + 1000, name from pieces', [], { rowMode: 'array', batchSize: 30 });
        const { error } = await failure(tx.batch(text, rows()));
        expect(error).toMatchObject({ code: 'STREAM_OPEN', outcome: 'not-applied' });
        // Between the chunks of what is collected the connection is free.
        const result = await tx.batch(text, rows(), { onError: 'collect', batchSize: 40 });
        expect(result.rowsAffected).toBe(100);
      });
      expect(await count()).toBe(200);
    });

    it('has bytes mean the same in every type of column, by either way', async () => {
      // One way only: nothing to compare.
      if (!hasCopy) return expect((await db.batch(text, rowsUpTo(50))).mode).toBe('statements');
      await db.exec('create domain blob as bytea');
      await db.exec('create table kept (n int, raw bytea, dom blob, str text, id uuid, doc json, "order" varchar)');
      const bytes = Buffer.from('{"a":1}');
      const uuid = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
      const insert = 'insert into kept (n, raw, dom, str, id, doc, "order") values ($1, $2, $3, $4, $5, $6, $7)';
      const plain = rowsUpTo(50).map(([n]) => [n, bytes, bytes, 'x', null, null, null]);
      const mixed = plain.map((set, n) => (n < 30 ? set : [n, bytes, bytes, bytes, uuid, bytes, bytes]));
      expect((await db.batch(insert, plain)).mode).toBe('copy');
      await db.exec('delete from kept');
      const { error } = await failure(db.batch(insert, mixed, { mode: 'copy' }));
      expect(error).toMatchObject({ code: 'QUERY', reason: 'data', outcome: 'not-applied', context: { paramSet: 30 } });
      const once = (function* () {
        yield* mixed;
      })();
      expect((await failure(db.batch(insert, once))).error.context.paramSet).toBe(30);
      await db.batch(insert, mixed, { mode: 'statements' });
      const byStatements = await db.query('select * from kept order by n');
      expect(byStatements[30]).toMatchObject({ str: '{"a":1}', doc: { a: 1 }, order: '{"a":1}' });
      await db.exec('delete from kept');
      expect(await db.batch(insert, mixed)).toMatchObject({ rowsAffected: 50, mode: 'statements' });
      expect(await db.query('select * from kept order by n')).toEqual(byStatements);
      await db.exec('delete from kept');
      // Behind a savepoint COPY has to be undone first.
      await db.transaction((tx) => tx.batch(insert, mixed));
      expect(await db.query('select * from kept order by n')).toEqual(byStatements);
      await db.exec('drop table kept');
      await db.exec('drop domain blob');
    });

    it('names the row that fits no page, and no other', async () => {
      const columns = Array.from({ length: 20 }, (_, at) => `c${at}`);
      await db.exec(`create table wide (n int, ${columns.map((column) => `${column} text`).join(', ')})`);
      // Stored as they are, so that a row is as long as it looks.
      for (const column of columns) await db.exec(`alter table wide alter ${column} set storage plain`);
      const places = ['n', ...columns].map((_, at) => `$${at + 1}`).join(', ');
      const insert = `insert into wide (n, ${columns.join(', ')}) values (${places})`;
      const sets = rowsUpTo(60).map(([n]) => [n, ...columns.map(() => (n === 17 ? 'x'.repeat(500) : 'x'))]);
      for (const mode of MODES) {
        const { error } = await failure(db.batch(insert, sets, { mode }));
        expect(error).toMatchObject({ sqlState: '54000', outcome: 'not-applied', context: { paramSet: 17 } });
        const result = await db.batch(insert, sets, { mode, onError: 'collect' });
        expect(result.errors.map(({ index }) => index)).toEqual([17]);
        await db.exec('delete from wide');
      }
      await db.exec('drop table wide');
    });

    it('counts a set that cannot be bound among those that changed nothing', async () => {
      const sets = function* () {
        yield [1, 'a'];
        yield [2];
        yield [1, 'twice'];
        yield [3, 'c'];
      };
      const result = await db.batch(text, sets() as ParamSets, { onError: 'collect' });
      expect(result.affected).toEqual([1, 0, 0, 1]);
      expect(result.errors.map(({ index, error }) => [index, error.reason])).toEqual([
        [1, 'statement-invalid'],
        [2, 'unique'],
      ]);
    });

    it('is refused for a wrong number of values with the reason that a statement gives', async () => {
      const [one, many] = [await failure(db.exec(text, [1])), await failure(db.batch(text, [[1]]))];
      expect([one.error.reason, many.error.reason]).toEqual(['statement-invalid', 'statement-invalid']);
    });

    it('has waited for its own sets in vain, and the database is as good as before', async () => {
      const stalling = async function* () {
        yield* rowsUpTo(40);
        await new Promise(() => undefined);
      };
      const { error } = await failure(db.batch(text, stalling(), { timeout: '1s' }));
      expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'statement', outcome: 'not-applied' });
      // Time for the 30 that come first, also on a machine that stands still for a second.
      const collected = await failure(db.batch(text, stalling(), { timeout: '2s', onError: 'collect', batchSize: 30 }));
      expect(collected.error).toMatchObject({ code: 'TIMEOUT', phase: 'statement', outcome: 'applied' });
      expect(collected.error.context.setsDone).toBe(30);
      expect(await count()).toBe(30);
    });
  });
}

for (const { name, url } of servers) {
  describe(`outcomes of batches that are killed on ${name}`, () => {
    it('are known in a session, whose batch is one implicit transaction, or part of one begun by hand', async () => {
      await using at = await ProxiedDatabase.startBehindTheGate(url, { pool: { maxSize: 1 } });
      await at.direct.exec('drop table if exists killed');
      await at.direct.exec('create table killed (id int, name text)');
      const insert = 'insert into killed (id, name) values ($1, $2)';
      for (const mode of MODES) {
        for (const byHand of [false, true]) {
          const sets = async function* () {
            for (let id = 0; ; id += 1) {
              if (id === 3_000) {
                const kill = 'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1';
                await at.direct.query(kill, [at.applicationName]);
              }
              yield [id, 'x'];
            }
          };
          const { error } = await failure(
            at.db.use(async (session) => {
              if (byHand) await session.exec('begin');
              return session.batch(insert, sets(), { mode });
            }),
          );
          expect(error).toMatchObject({ code: 'CONNECTION', outcome: 'not-applied' });
          expect(await at.direct.queryValue('select count(*)::int from killed')).toBe(0);
        }
      }
      await at.direct.exec('drop table killed');
      await at.check();
    });
  });
}
