/**
 * What happened to users of other pools with connections that were lent: busy, dirty, dead or pointing to the wrong server
 * when they came back. Each test is named after it, and cites who told of it. More of the kind: ../cancel-storm.test.ts,
 * ../transactions.test.ts, ../transaction-ends.test.ts.
 */
import type { FluxorEvents } from 'fluxor-db';
import { createRuntime, isFluxorError } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';
import { describe, expect, inject, it } from 'vitest';
import { BEHIND_THE_GATE, ProxiedDatabase, failure } from '../proxied-database.js';
import { watchProcess } from './witness.js';

watchProcess();

for (const { name, url } of inject('postgresServers')) {
  describe(`connections that were lent, on ${name}`, () => {
    const start = (options?: Parameters<typeof ProxiedDatabase.start>[1]) =>
      ProxiedDatabase.startBehindTheGate(url, options);

    // node-postgres#3399, PR#3729, #1952, #1954
    it('a client was released while its query still ran, and the next borrower hung behind it', async () => {
      await using house = await start({ pool: { maxSize: 1 } });
      const timedOut = await house.db.acquire();
      const { error } = await failure(timedOut.query('select pg_sleep(30)', [], { timeout: '100ms' }));
      expect(error).toMatchObject({ code: 'TIMEOUT', outcome: 'not-applied' });
      timedOut.release();
      expect(await house.db.queryValue('select 1')).toBe(1);

      const forgotten = await house.db.acquire();
      const running = failure(forgotten.query('select pg_sleep(30)'));
      await house.untilRunning('pg_sleep(30)');
      forgotten.release();
      expect(await house.db.queryValue('select 2')).toBe(2);
      expect((await running).error).toMatchObject({ code: 'CANCELLED', reason: 'runtime' });
      // It was stopped, not replaced.
      expect(house.db.stats().totals.created).toBe(1);
      await house.check();
    });

    // node-postgres#391, node-pg-pool#122, node-mysql2#934, #1087, PR#4148, pgx#279, mariadb#164, bun PR#36075
    it('a client was released inside a transaction, failed or not, and the next borrower worked inside it', async () => {
      await using house = await start({ pool: { maxSize: 1 } });
      await house.direct.exec('drop table if exists inside');
      await house.direct.exec('create table inside (what text)');
      const resets: number[] = [];
      using _listener = house.db.on('connection:reset', ({ connectionId }) => resets.push(connectionId));
      for (const last of ['select 1', 'select 1/0']) {
        const session = await house.db.acquire();
        await session.exec('begin');
        await session.exec("insert into inside values ('abandoned')");
        await session.query(last).catch(() => undefined);
        session.release();
        await house.db.exec("insert into inside values ('mine')");
      }
      // Seen from outside: what the next borrower wrote was committed at once.
      expect(await house.direct.query('select what from inside')).toEqual([{ what: 'mine' }, { what: 'mine' }]);
      expect(resets).toEqual([1, 1]);
      await house.direct.exec('drop table inside');
      await house.check();
    });

    // node-postgres#391, node-mysql2#934, pgx#279
    it.each(['rollback', 'reset'] as const)(
      "the next borrower got the last one's settings, temporary tables and locks (%s)",
      async (onRelease) => {
        await using house = await start({ pool: { maxSize: 1, onRelease } });
        await house.db.use(async (session) => {
          await session.exec("set search_path to 'elsewhere'");
          await session.exec("set statement_timeout to '7s'");
          await session.exec('create temporary table leftover (id int)');
          await session.query('select pg_advisory_lock(4711)');
          await session.exec('listen gossip');
        });
        const found = await house.db.queryRow(`
        select current_setting('search_path') like '%elsewhere%' as path,
               current_setting('statement_timeout') = '7s' as timeout,
               to_regclass('leftover') is not null as tables,
               exists (select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks,
               exists (select from pg_listening_channels()) as channels`);
        expect(found).toEqual({ path: false, timeout: false, tables: false, locks: false, channels: false });
        expect(house.db.stats().totals.created).toBe(1);
        await house.check();
      },
    );

    // postgres#1195, PR#1155, #1216, PR#1215
    it('a transaction lost its connection, and the statements queued in it were never answered', async () => {
      await using house = await start({ pool: { maxSize: 1 } });
      await house.direct.exec('drop table if exists queued');
      await house.direct.exec('create table queued (id int)');
      const tx = await house.db.begin();
      const calls = [
        tx.query('select pg_sleep(30)'),
        tx.exec('insert into queued values (1)'),
        tx.exec('insert into queued values (2)'),
      ];
      await house.untilRunning('pg_sleep(30)');
      house.proxy.resetAll();
      const ends = await Promise.allSettled(calls);
      expect(ends.map((end) => end.status === 'rejected' && isFluxorError(end.reason))).toEqual([true, true, true]);
      expect((await failure(tx.commit())).error.outcome).toMatch(/^not-/);
      expect(await house.direct.queryValue('select count(*)::int from queued')).toBe(0);
      await house.direct.exec('drop table queued');
      await house.check();
    });

    // postgres#1133, #861
    it('a transaction lost its connection, and its later statements ran on another one, outside of any transaction', async () => {
      await using house = await start({ pool: { maxSize: 1 } });
      await house.direct.exec('drop table if exists stray');
      await house.direct.exec('create table stray (id int)');
      const attempt = house.db.transaction(async (tx) => {
        await tx.exec('insert into stray values (1)');
        house.proxy.resetAll();
        await tx.exec('insert into stray values (2)').catch(() => undefined);
        // The only connection there may be is somebody else's by now.
        expect(await house.db.queryValue('select 1', [], { timeout: '2s' })).toBe(1);
        await tx.exec('insert into stray values (3)');
      });
      expect((await failure(attempt)).error.outcome).toMatch(/^not-/);
      expect(await house.direct.query('select id from stray')).toEqual([]);
      await house.direct.exec('drop table stray');
      await house.check();
    });

    // node-mysql2#2050, #3123, PR#4075, PR#4082, knex PR#5120, mysqljs/mysql#2556, HikariCP#1971
    it('after a failover every connection led to the old server, which took no more writes, until the process was restarted', async () => {
      await using house = await start();
      const { direct } = house;
      await direct.exec('drop table if exists written');
      await direct.exec('drop role if exists writer');
      await direct.exec('create table written (id int)');
      await direct.exec("create role writer login password 'writer'");
      await direct.exec('grant insert, select on written to writer');
      const turnReadOnly = (state: 'on' | 'off') =>
        direct.exec(`alter role writer set default_transaction_read_only = ${state}`);

      // Sessions that begin now are those of the old writer; later ones reach the new one.
      await turnReadOnly('on');
      const db = createRuntime({
        ...BEHIND_THE_GATE,
        driver: postgres({ url, user: 'writer', password: 'writer' }),
        pool: { maxSize: 3, warmUp: false },
      });
      const told: Pick<FluxorEvents['pool:evicted'], 'reason' | 'count'>[] = [];
      using _listener = db.on('pool:evicted', ({ reason, count }) => told.push({ reason, count }));
      await Promise.all([1, 2, 3].map(() => db.query('select pg_sleep(0.1)')));
      expect(db.stats().total).toBe(3);
      await turnReadOnly('off');

      const { error } = await failure(db.exec('insert into written values (1)'));
      expect(error).toMatchObject({
        code: 'TRANSACTION',
        reason: 'read-only',
        outcome: 'not-applied',
        retryable: true,
      });
      expect(told).toEqual([{ reason: 'siblings', count: 3 }]);
      await Promise.all([1, 2, 3, 4].map((id) => db.exec('insert into written values ($1)', [id])));
      expect(await direct.queryValue('select count(*)::int from written')).toBe(4);

      // Who asks for a read-only transaction gets one, and learns nothing about the server by it.
      const asked = db.transaction((tx) => tx.exec('insert into written values (5)'), { readOnly: true });
      expect((await failure(asked)).error).toMatchObject({ code: 'TRANSACTION', reason: 'read-only' });
      expect(told).toHaveLength(1);
      await db.disconnect();
      await direct.exec('drop table written');
      await direct.exec('drop role writer');
      await house.check();
    });
  });
}
