/** Batches whose connection, server, source or link fails: nothing of them remains, and that is what their error says. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MODES, rowsUpTo, servers } from './batch-targets.js';
import { failure, ProxiedDatabase } from './proxied-database.js';

for (const { name, url } of servers) {
  describe(`batches in trouble on ${name}`, () => {
    let at: ProxiedDatabase;
    beforeAll(async () => {
      at = await ProxiedDatabase.startBehindTheGate(url, { pool: { maxSize: 2 } });
      await at.direct.exec('drop table if exists parcels');
      await at.direct.exec('create table parcels (id int primary key, name text)');
    });
    beforeEach(() => at.direct.exec('delete from parcels'));
    afterAll(async () => {
      await at.direct.exec('drop table parcels');
      await at[Symbol.asyncDispose]();
    });
    const text = 'insert into parcels (id, name) values ($1, $2)';
    const count = () => at.direct.queryValue<number>('select count(*)::int from parcels');

    for (const mode of MODES) {
      it(`is undone, and known to be, when the connection is cut in the middle (${mode})`, async () => {
        const sets = function* () {
          for (let id = 0; ; id += 1) {
            if (id === 50_000) at.proxy.resetAll();
            yield [id, 'x'.repeat(100)];
          }
        };
        const { error } = await failure(at.db.batch(text, sets(), { mode }));
        expect(error).toMatchObject({ code: 'CONNECTION', outcome: 'not-applied' });
        await expect.poll(count).toBe(0);
        await at.check();
      });

      it(`is undone when an administrator ends its session (${mode})`, async () => {
        const sets = async function* () {
          for (let id = 0; ; id += 1) {
            if (id === 3_000) {
              const kill = 'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1';
              await at.direct.query(kill, [at.applicationName]);
            }
            yield [id, 'x'];
          }
        };
        const { error } = await failure(at.db.batch(text, sets(), { mode }));
        expect(error).toMatchObject({ code: 'CONNECTION', outcome: 'not-applied' });
        expect(await count()).toBe(0);
        await at.check();
      });

      it(`has time for every batchSize sets that it begins, however many there are (${mode})`, async () => {
        await using other = await ProxiedDatabase.startBehindTheGate(url, { query: { timeout: '400ms' } });
        await other.db.connect();
        const startedAt = performance.now();
        let id = 0;
        const sets = async function* () {
          // Far longer than the timeout in all, and never as long for the sets of one round.
          for (; performance.now() - startedAt < 1_500; id += 1) {
            if (id % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
            yield [id, 'x'];
          }
        };
        const { rowsAffected } = await other.db.batch(text, sets(), { mode, batchSize: 1 });
        expect(rowsAffected).toBe(id);
        expect(await count()).toBe(id);
        const hanging = async function* () {
          for (const set of rowsUpTo(30)) yield set;
          await new Promise(() => undefined);
        };
        const { error } = await failure(other.db.batch(text, hanging(), { mode, batchSize: 20 }));
        expect(error).toMatchObject({ code: 'TIMEOUT', outcome: 'not-applied' });
      });

      it(`is stopped while it waits for its own sets (${mode})`, async () => {
        const sets = async function* () {
          for (const set of rowsUpTo(100)) yield set;
          await new Promise(() => undefined);
        };
        const { error } = await failure(at.db.batch(text, sets(), { mode, timeout: '200ms' }));
        expect(error).toMatchObject({ code: 'TIMEOUT', outcome: 'not-applied' });
        expect(await count()).toBe(0);
        await at.check();
      });

      it(`is stopped while the server waits for a lock (${mode})`, async () => {
        const controller = new AbortController();
        await at.direct.transaction(async (tx) => {
          await tx.exec('lock table parcels in access exclusive mode');
          const batch = failure(at.db.batch(text, rowsUpTo(50_000), { mode, signal: controller.signal }));
          await at.untilRunning('parcels');
          controller.abort();
          expect((await batch).error).toMatchObject({ code: 'CANCELLED', outcome: 'not-applied' });
        });
        expect(await count()).toBe(0);
        await at.check();
      });

      it(`draws no more than a link takes, however many there are to come (${mode})`, async () => {
        let drawn = 0;
        const size = 10_000;
        const sets = function* () {
          for (; drawn < 20_000; drawn += 1) {
            if (drawn === 100) at.proxy.blackHole(true);
            yield [drawn, 'x'.repeat(size)];
          }
        };
        const batch = at.db.batch(text, sets(), { mode });
        // 200 MB are to come. What is drawn stands in the buffers of the sockets, which are some megabytes, and nowhere else.
        let before = -1;
        await expect
          .poll(() => before === (before = drawn) && drawn > 100, { interval: 300, timeout: 10_000 })
          .toBe(true);
        expect(drawn * size).toBeLessThan(40_000_000);
        at.proxy.blackHole(false);
        expect((await batch).rowsAffected).toBe(20_000);
        await at.check();
      });
    }

    it('is repeated as a whole when its connection breaks and it was said to be idempotent', async () => {
      await using other = await ProxiedDatabase.start(url, { pool: { maxSize: 1 } });
      await other.db.exec('select 1');
      other.proxy.resetAll();
      expect(await other.db.batch(text, rowsUpTo(100), { idempotent: true })).toMatchObject({ rowsAffected: 100 });
      expect(await count()).toBe(100);
    });
  });
}
