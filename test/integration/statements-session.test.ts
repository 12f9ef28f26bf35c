/**
 * What a session begins with on real servers: the server's own limit for statements, which is never put in the place of one
 * that a person has chosen, and the time zone; with the role's own settings, and through PgBouncer.
 */
import { createRuntime } from 'fluxor-db';
import type { DBRuntime, Executor, RuntimeOptions } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';
import { afterAll, afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { PgBouncerServer } from '../servers/pgbouncer-server.js';
import { failure, ProxiedDatabase } from './proxied-database.js';

for (const { name, url } of inject('postgresServers')) {
  describe(`the limit that ${name} is given`, () => {
    const limit = (on: Executor, timeout?: '10m' | false) =>
      on.queryValue<string>('show statement_timeout', [], timeout === undefined ? {} : { timeout });
    const start = (options: Partial<RuntimeOptions> = {}): DBRuntime =>
      createRuntime({ driver: postgres({ url }), pool: { maxSize: 1, warmUp: false }, ...options });

    it('is a little longer than the runtime’s own, and raised once for a call that may last longer', async () => {
      await using db = start();
      expect(await limit(db)).toBe('35s');
      expect(await limit(db, '10m')).toBe('605s');
      expect(await limit(db)).toBe('605s');
    });

    it('is asked for by functions of the catalogue, whatever the search path has before it', async () => {
      await using db = start();
      const schema = `statements_${process.pid}`;
      await db.exec(`create schema ${schema}`);
      await db.exec(`create function ${schema}.pg_backend_pid() returns int language sql as 'select 0'`);
      await db.exec(
        `create function ${schema}.set_config(text, text, bool) returns text language sql as 'select null'`,
      );
      const driver = postgres({ url, settings: { search_path: `${schema}, pg_catalog` } });
      await using shadowed = start({ driver });
      let told = 0;
      using _listener = shadowed.on('pooler:detected', () => (told += 1));
      expect(await limit(shadowed)).toBe('35s');
      expect(await limit(shadowed, '10m')).toBe('605s');
      expect(told).toBe(0);
      await db.exec(`drop schema ${schema} cascade`);
    });

    it('is put back before the next borrower, where a call had none', async () => {
      await using db = start();
      await db.use(async (session) => {
        expect(await limit(session, false)).toBe('0');
        expect(await limit(session)).toBe('0');
      });
      expect(await limit(db)).toBe('35s');
      expect(db.metrics().statements.healed).toBe(0);
    });

    it('is raised inside a transaction for that transaction', async () => {
      await using db = start();
      await db.transaction(async (tx) => {
        expect(await limit(tx, '10m')).toBe('605s');
        expect(await limit(tx)).toBe('605s');
      });
      expect(await limit(db)).toBe('35s');
    });

    it('is raised again after the transaction has gone back to before it was', async () => {
      await using db = start();
      await db.transaction(async (tx) => {
        await tx.exec('savepoint before');
        expect(await limit(tx, '10m')).toBe('605s');
        await tx.exec('rollback to savepoint before');
        expect(await limit(tx)).toBe('35s');
        expect(await limit(tx, '10m')).toBe('605s');
      });
    });

    it('is raised again above the one that going back to a savepoint has brought back', async () => {
      await using db = start();
      await db.transaction(async (tx) => {
        expect(await limit(tx, '10m')).toBe('605s');
        await tx.exec('savepoint before');
        await tx.exec('rollback to savepoint before');
        expect(await tx.queryValue('show statement_timeout', [], { timeout: '20m' })).toBe('1205s');
        await tx.exec('rollback to savepoint before');
        expect(await limit(tx)).toBe('605s');
      });
      expect(await limit(db)).toBe('35s');
    });

    it('does not forbid to set the transaction up before its first query', async () => {
      await using db = start();
      await db.transaction(async (tx) => {
        await tx.exec('set transaction isolation level serializable', [], { timeout: '10m' });
        await tx.exec('set transaction isolation level repeatable read');
        expect(await tx.queryValue('show transaction_isolation')).toBe('repeatable read');
      });
    });

    it('is not raised above one that the user has set since, for the session or the transaction', async () => {
      await using db = start();
      await db.use(async (session) => {
        await session.exec("set statement_timeout to '7s'");
        expect(await limit(session, '10m')).toBe('7s');
      });
      expect(await limit(db)).toBe('35s');
      await db.transaction(async (tx) => {
        await tx.exec("set local statement_timeout to '8s'");
        expect(await limit(tx, '10m')).toBe('8s');
      });
      expect(await limit(db, '10m')).toBe('605s');
    });

    it('comes back after a reset of the session', async () => {
      await using db = start();
      await db.exec("set statement_timeout to '1s'");
      expect(await limit(db)).toBe('35s');
    });

    it('stops what nobody here can cancel any more', { timeout: 60_000 }, async () => {
      await using house = await ProxiedDatabase.startBehindTheGate(url, {
        pool: { maxSize: 1 },
        query: { timeout: 500 },
      });
      await house.db.connect();
      // Cancels travel on connections of their own, and none of them arrives.
      await house.proxy.setMode('accept-and-hang');
      const { error } = await failure(house.db.query('select pg_sleep(600)'));
      expect(error).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' });
      const sleepers = async (): Promise<number> =>
        (await house.running()).filter((text) => text.includes('600')).length;
      await expect.poll(sleepers, { timeout: 4_000 }).toBe(1);
      // The runtime's limit and 5 s more.
      await expect.poll(sleepers, { interval: 200, timeout: 40_000 }).toBe(0);
    });

    it('is left alone where the user has set one, or wants none', async () => {
      await using own = start({ driver: postgres({ url, settings: { statement_timeout: '7s' } }) });
      expect(await limit(own)).toBe('7s');
      expect(await limit(own, '10m')).toBe('7s');
      await using none = start({ query: { serverTimeout: false } });
      expect(await limit(none)).toBe('0');
      await using spelled = start({ driver: postgres({ url: `${url}?options=--statement-timeout%3D0` }) });
      expect(await limit(spelled)).toBe('0');
    });

    it('is left alone where the environment has set one', async () => {
      const before = process.env['PGOPTIONS'];
      process.env['PGOPTIONS'] = '-c statement-timeout=7s -c timezone=Asia/Tokyo';
      try {
        await using db = start();
        expect(await limit(db, '10m')).toBe('7s');
        expect(await db.queryValue('show timezone')).toBe('Asia/Tokyo');
      } finally {
        if (before === undefined) delete process.env['PGOPTIONS'];
        else process.env['PGOPTIONS'] = before;
      }
    });
  });

  describe(`what a role has on ${name}`, () => {
    const role = `statements_${process.pid}`;
    const asRole = (options: Partial<RuntimeOptions> = {}): DBRuntime =>
      createRuntime({
        driver: postgres({ url, user: role, password: 'for this test' }),
        pool: { maxSize: 1, warmUp: false },
        ...options,
      });
    const admin = createRuntime({ driver: postgres({ url }), pool: { maxSize: 1, warmUp: false } });
    const set = (setting: string): Promise<unknown> => admin.exec(`alter role ${role} set ${setting}`);

    beforeEach(() => admin.exec(`create role ${role} login password 'for this test'`));
    afterEach(() => admin.exec(`drop role ${role}`));
    afterAll(() => admin.disconnect());

    it('is its limit for statements, which is neither replaced nor raised', async () => {
      await set("statement_timeout to '9s'");
      await using db = asRole();
      for (const timeout of ['1s', '10m', false] as const)
        expect(await db.queryValue('show statement_timeout', [], { timeout })).toBe('9s');
    });

    it('is no time zone, which is UTC from the first moment on and after a reset, and no other order of dates', async () => {
      await set("timezone to 'Asia/Tokyo'");
      await set("datestyle to 'SQL, DMY'");
      await using db = asRole({ pool: { maxSize: 1, warmUp: false, onRelease: 'reset' } });
      for (let time = 0; time < 2; time += 1) {
        await db.use(async (session) => {
          expect(await session.queryValue('show timezone')).toBe('UTC');
          expect(await session.queryValue('show datestyle')).toBe('ISO, DMY');
          await session.exec("set timezone to 'Asia/Tokyo'");
        });
      }
    });
  });
}

for (const { name, directUrl } of inject('pgBouncers')) {
  describe(`sessions through ${name}`, () => {
    it('are the same in session mode where that is said: statements are prepared, and the server has its limit', async () => {
      const pooler = await PgBouncerServer.start({ target: directUrl, poolMode: 'session' });
      try {
        const start = (mode: 'auto' | 'none'): DBRuntime =>
          createRuntime({
            driver: postgres({ url: pooler.url, pooler: mode }),
            pool: { maxSize: 1, warmUp: false },
          });
        // This one does not say in which mode it is (1.26 does), so it may be the other.
        for (const [mode, hits, limit] of [
          ['none', 2, '35s'],
          ['auto', 0, '0'],
        ] as const) {
          await using db = start(mode);
          for (let n = 0; n < 4; n += 1) await db.queryValue('select $1::int', [n]);
          expect(db.metrics().statements.hits).toBe(hits);
          expect(await db.queryValue('show statement_timeout')).toBe(limit);
        }
      } finally {
        await pooler.remove();
      }
    });

    it('are in UTC without being told so: the time zone goes with the connection request', async () => {
      const role = `statements_pooled_${process.pid}`;
      const admin = createRuntime({ driver: postgres({ url: directUrl }), pool: { maxSize: 1, warmUp: false } });
      await admin.exec(`create role ${role} login password 'for this test'`);
      await admin.exec(`alter role ${role} set timezone to 'Asia/Tokyo'`);
      const target = Object.assign(new URL(directUrl), { username: role, password: 'for this test' }).href;
      const pooler = await PgBouncerServer.start({ target, poolMode: 'transaction', defaultPoolSize: 1 });
      try {
        await using db = createRuntime({ driver: postgres({ url: pooler.url }), pool: { maxSize: 1, warmUp: false } });
        expect(await db.queryValue('show timezone')).toBe('UTC');
        await admin.exec(`alter role ${role} set datestyle to 'SQL, DMY'`);
        await pooler.restart();
        await using unreadable = createRuntime({
          driver: postgres({ url: pooler.url }),
          pool: { maxSize: 1, warmUp: false },
        });
        await expect(unreadable.connect()).rejects.toMatchObject({ code: 'CONNECTION', reason: 'settings' });
      } finally {
        await pooler.remove();
        await admin.exec(`drop role ${role}`);
        await admin.disconnect();
      }
    });
  });
}
