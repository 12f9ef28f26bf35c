/** A server that dies and comes back, a server with other habits, a server that is full. */
import { createRuntime } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PostgresServer } from '../servers/postgres-server.js';
import { BEHIND_THE_GATE, failure } from './proxied-database.js';

for (const major of [18, 15] as const)
  describe(`a PostgreSQL ${major} of our own`, () => {
    let server: PostgresServer;
    beforeAll(async () => {
      server = await PostgresServer.start({
        major,
        settings: {
          timezone: 'America/New_York',
          datestyle: 'German',
          max_connections: '12',
          superuser_reserved_connections: '1',
        },
      });
    });
    afterAll(() => server.remove());

    it('is read in UTC and ISO style although its defaults are others, also after a reset', async () => {
      await using db = createRuntime({
        ...BEHIND_THE_GATE,
        driver: postgres({ url: server.url }),
        pool: { maxSize: 1, onRelease: 'reset' },
      });
      const moment = new Date('2024-07-01T00:30:00.000Z');
      for (let round = 0; round < 2; round += 1) {
        const row = await db.queryRow('select $1::timestamptz as at, now() = now()::timestamp as agrees', [moment]);
        expect(row).toEqual({ at: moment, agrees: true });
        await db.use(async (session) => session.exec("set datestyle to 'SQL, DMY'"));
      }
      await db.disconnect();
    });

    // node-postgres#2973, knex#1833, #3844, oracledb#1592, mariadb#198
    it('recovers from kill -9: calls in flight fail honestly, waiting ones are served when it is back', async () => {
      await using db = createRuntime({
        ...BEHIND_THE_GATE,
        driver: postgres({ url: server.url }),
        pool: { maxSize: 4 },
      });
      await db.exec('create table if not exists survived (id int primary key)');
      await db.exec('insert into survived values (1) on conflict do nothing');
      await using observer = createRuntime({
        ...BEHIND_THE_GATE,
        driver: postgres({ url: server.url }),
        pool: { maxSize: 1 },
      });
      const inFlight = [1, 2, 3, 4].map(() => failure(db.query('select pg_sleep(30)')));
      // In flight is what the server works on: a connection that is lent may have sent nothing yet.
      const sleepers =
        "select count(*)::int from pg_stat_activity where state = 'active' and query = 'select pg_sleep(30)'";
      await expect.poll(() => observer.queryValue(sleepers), { timeout: 10_000 }).toBe(4);
      await server.kill();
      for (const { error } of await Promise.all(inFlight)) {
        expect(error).toMatchObject({ code: 'CONNECTION', outcome: 'unknown', retryable: false });
      }
      const waiting = db.queryValue<number>('select id from survived');
      await server.start();
      expect(await waiting).toBe(1);
      expect(db.stats()).toMatchObject({ inUse: 0, waiting: 0 });
      await db.disconnect();
    });

    // knex#1986, #6160, node-postgres#1075, oracledb#1626
    it('recovers from a restart while idle without one failed call', async () => {
      await using db = createRuntime({
        ...BEHIND_THE_GATE,
        driver: postgres({ url: server.url }),
        pool: { maxSize: 4 },
      });
      await Promise.all([1, 2, 3, 4].map(() => db.query('select pg_sleep(0.05)')));
      await server.restart();
      const answers = await Promise.all([1, 2, 3, 4].map((n) => db.queryValue('select $1::int', [n])));
      expect(answers).toEqual([1, 2, 3, 4]);
      await db.disconnect();
    });

    // node-postgres#557, #2264
    it('serves everybody with the connections a full server gives, and says "too many" to a runtime that gets none', async () => {
      await using greedy = createRuntime({
        ...BEHIND_THE_GATE,
        driver: postgres({ url: server.url }),
        pool: { maxSize: 20 },
      });
      await using second = createRuntime({
        ...BEHIND_THE_GATE,
        driver: postgres({ url: server.url }),
        pool: { acquireTimeout: '2s' },
      });
      const statement = 'select $1::int + 0 * length(pg_sleep(0.05)::text)';
      const numbers = Array.from({ length: 40 }, (_, n) => n);
      expect(await Promise.all(numbers.map((n) => greedy.queryValue(statement, [n])))).toEqual(numbers);
      // On a slow machine all of them are served before it has asked for all that the server gives.
      await greedy.pool.warmUp({ connections: 12, timeout: '2s' });
      expect(greedy.stats().total).toBeLessThanOrEqual(12);
      const { error } = await failure(second.query('select 1'));
      expect(error).toMatchObject({ code: 'CONNECTION', reason: 'too-many-connections', retryable: true });
      await greedy.disconnect();
      // The pause after its last failure may be longer than the 2 s this runtime waits.
      await expect.poll(() => second.queryValue('select 1').catch(() => 'not yet')).toBe(1);
      await second.disconnect();
    });

    it('is waited for while it is paused, and answers by the deadline when it stays so', async () => {
      await using db = createRuntime({
        ...BEHIND_THE_GATE,
        driver: postgres({ url: server.url }),
        pool: { maxSize: 2, validation: { timeout: '100ms' } },
      });
      await db.query('select 1');
      server.pause();
      const { error, afterMs } = await failure(db.query('select 2', [], { timeout: '400ms' }));
      expect(error.code).toBe('TIMEOUT');
      // And not by that of the pool, which is 10 s.
      expect(afterMs).toBeLessThan(3_000);
      server.resume();
      expect(await db.queryValue('select 3')).toBe(3);
      await db.disconnect();
      expect(db.stats()).toMatchObject({ total: 0, closing: 0 });
    });
  });
