/**
 * How MySQL and MariaDB servers end sessions and transactions that somebody still believes in, and what is made of it: real ends
 * on private servers, through both client libraries. What runs short or is forgotten is in mysql-traps.test.ts. More than 300
 * lines because all of them need the same two servers of each product, which take seconds to start.
 */
import type { DBRuntime, FluxorError, RuntimeOptions, Transaction } from 'fluxor-db';
import { connect, createRuntime } from 'fluxor-db';
import { mariadb } from 'fluxor-db/mariadb';
import type { MysqlOptions } from 'fluxor-db/mysql';
import { mysql } from 'fluxor-db/mysql';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { MysqlServer } from '../servers/mysql-server.js';
import { MysqlRoad } from './mysql-road.js';
import { failure } from './proxied-database.js';

const DOORS = { mysql2: mysql, mariadb };
const CLIENTS = Object.keys(DOORS) as (keyof typeof DOORS)[];
const QUICK = { retry: { initialBackoff: '5ms', maxBackoff: '5ms' } } as const;
const ONCE = { retry: false } as const;

describe.each(inject('mysqlServers'))('a private $name', ({ product }) => {
  const isMariaDb = product === 'mariadb';
  const readOnlyByDefault = isMariaDb ? 'tx_read_only' : 'transaction_read_only';
  let server: MysqlServer;
  let successor: MysqlServer;
  let admin: DBRuntime;
  let atSuccessor: DBRuntime;

  beforeAll(async () => {
    [server, successor] = await Promise.all([MysqlServer.start({ product }), MysqlServer.start({ product })]);
    admin = await connect(server.adminUrl, { pool: { maxSize: 2 } });
    atSuccessor = await connect(successor.adminUrl, { pool: { maxSize: 1 } });
    for (const db of [admin, atSuccessor]) await db.exec('create table end_rows (id int primary key, n int)');
  });
  beforeEach(async () => {
    for (const db of [admin, atSuccessor]) await db.exec('delete from end_rows');
    await admin.exec('insert into end_rows values (1, 0), (2, 0)');
  });
  afterAll(async () => {
    await Promise.all([admin?.disconnect(), atSuccessor?.disconnect()]);
    await Promise.all([server?.remove(), successor?.remove()]);
  });

  describe.each(CLIENTS)('by %s', (client) => {
    const runtime = (options: MysqlOptions = {}, more: Omit<RuntimeOptions, 'driver'> = {}): DBRuntime => {
      const driver = DOORS[client]({ url: server.url, ...options });
      return createRuntime({ driver, query: QUICK, ...more, pool: { warmUp: false, ...more.pool } });
    };
    const circuit = (db: DBRuntime) => db.gate.stats().circuit;

    describe('sessions', () => {
      it('that were idle for too long (wait_timeout, 4031) are no failures: five are gone in the morning, and five calls are served', async () => {
        await using db = runtime({ settings: { wait_timeout: 1 } }, { pool: { maxSize: 5 }, query: ONCE });
        const five = (text: string) => Promise.all([1, 2, 3, 4, 5].map((n) => db.queryValue(text, [n])));
        // Not by five calls at once: whoever is answered soon lends a connection to those that would have opened another.
        await db.pool.warmUp({ connections: 5 });
        await expect.poll(() => db.stats().totals.closed, { timeout: 20_000 }).toBe(5);
        expect((await five('select ?')).map(Number)).toEqual([1, 2, 3, 4, 5]);
        expect(circuit(db)).toMatchObject({ state: 'closed', failures: 0 });
      });

      it('that were killed while idle (1927, or without a word) are replaced, unnoticed', async () => {
        await using db = runtime({}, { pool: { maxSize: 1 }, query: ONCE });
        await kill(await db.queryValue('select connection_id()'));
        await expect.poll(() => db.stats().totals.closed).toBe(1);
        expect(Number(await db.queryValue('select 1'))).toBe(1);
        expect(circuit(db).failures).toBe(0);
      });

      it('that are killed in a statement (1927, 3169, or without a word) leave it open, count once, and are not repeated', async () => {
        await using db = runtime({}, { pool: { maxSize: 1 } });
        const writing = failure(db.exec(`update end_rows set n = n + 1 where sleep(30) = 0`));
        await kill(await untilRunning('update end_rows set n = n + 1 where sleep'));
        const { error } = await writing;
        expect(error).toMatchObject({
          code: 'CONNECTION',
          outcome: 'unknown',
          retryable: false,
          isConnectionFatal: true,
        });
        expect(error.attempts).toBeUndefined();
        expect(circuit(db).failures).toBe(1);
        expect(Number(await db.queryValue('select 1'))).toBe(1);
      });

      it('that are killed take ten statements in their line with them: one failure, and nine that were never sent', async () => {
        await using db = runtime({}, { pool: { maxSize: 1 }, query: ONCE });
        const session = await db.acquire();
        const first = failure(session.query('select sleep(30) as ten from end_rows'));
        const others = Array.from({ length: 9 }, (_, n) =>
          failure(session.exec('insert into end_rows values (?, 1)', [n + 50])),
        );
        await kill(await untilRunning('select sleep(30) as ten'));
        const ends = [(await first).error, ...(await Promise.all(others)).map(({ error }) => error)];
        expect(ends.map(({ outcome }) => outcome)).toEqual(['unknown', ...others.map(() => 'not-sent')]);
        session.release();
        expect([circuit(db).failures, await rows()]).toEqual([1, ['1:0', '2:0']]);
      });

      it('that are killed in a transaction take it with them: the whole function runs again', async () => {
        await using db = runtime({}, { pool: { maxSize: 1 } });
        const attempts = await db.transaction(async (tx) => {
          await tx.exec('insert into end_rows values (?, 1)', [10 + tx.attempt]);
          if (tx.attempt === 1) await kill(await tx.queryValue('select connection_id()'));
          await tx.exec('update end_rows set n = 7 where id = 1');
          return tx.attempt;
        });
        expect(attempts).toBe(2);
        expect(await rows()).toEqual(['1:7', '2:0', '12:1']);
      });

      it('of a server in offline mode (3032) are refused by that name, may try again, and are served when it is over', async () => {
        await using db = runtime({}, { pool: { maxSize: 2 }, query: ONCE });
        if (isMariaDb) {
          // It has no such mode.
          const { error } = await failure(admin.exec('set global offline_mode = on'));
          expect(error).toMatchObject({ reason: 'undefined-object', vendorCode: 1193, isConnectionFatal: false });
          expect((await db.exec('update end_rows set n = n + 1')).rowsAffected).toBe(2);
          return;
        }
        const writing = failure(db.exec('update end_rows set n = n + 1 where sleep(30) = 0'));
        await untilRunning('update end_rows set n = n + 1 where sleep');
        await admin.exec('set global offline_mode = on');
        try {
          const lost = (await writing).error;
          expect(lost).toMatchObject({ code: 'CONNECTION', outcome: 'unknown', retryable: false });
          await using other = runtime({}, { query: ONCE });
          const refused = (await failure(other.query('select 1', [], { timeout: '2s' }))).error;
          expect(refused).toMatchObject({ code: 'CONNECTION', reason: 'shutting-down', vendorCode: 3032 });
          expect(refused).toMatchObject({ outcome: 'not-sent', retryable: true, breaker: 'failure' });
        } finally {
          await admin.exec('set global offline_mode = off');
        }
        await expect.poll(() => db.queryValue('select 1').then(Number, () => 0), { timeout: 10_000 }).toBe(1);
        expect(await rows()).toEqual(['1:0', '2:0']);
      });
    });

    it('refuses a password that was changed (1045), and no caller hears of it: the new one is asked for', async () => {
      const identified = (word: string) =>
        isMariaDb ? `identified via mysql_native_password using password('${word}')` : `identified by '${word}'`;
      await admin.exec(`create user 'rotating'@'%' ${identified('first')}`);
      let password = 'first';
      let asked = 0;
      const credentials = () => {
        asked += 1;
        return { user: 'rotating', password, expiresAt: new Date(Date.now() + 3_600_000) };
      };
      const login = { url: server.url.replace(/\/\/.*@/, '//').replace(/\/[^/]*$/, '/'), credentials };
      await using db = runtime(login, { pool: { maxSize: 1 }, query: ONCE });
      const whoAmI = "select substring_index(current_user(), '@', 1)";
      expect(await db.queryValue(whoAmI)).toBe('rotating');
      await admin.exec(`alter user 'rotating'@'%' ${identified('second')}`);
      password = 'second';
      await kill(await db.queryValue('select connection_id()'));
      await expect.poll(() => db.stats().totals.closed).toBe(1);
      expect([await db.queryValue(whoAmI), asked]).toEqual(['rotating', 2]);
      expect(circuit(db).failures).toBe(0);
      await admin.exec("drop user 'rotating'@'%'");
    });

    describe('a server that takes no writes', () => {
      /** Four connections to a primary that is none any more; new ones reach its successor. */
      const moved = async (options: Omit<RuntimeOptions, 'driver'> = {}) => {
        const road = await MysqlRoad.start(server.url);
        const db = runtime({ host: road.host, port: road.port }, { pool: { maxSize: 4 }, ...options });
        // Not by four calls at once: whoever is answered soon lends a connection to those that would have opened another.
        await db.pool.warmUp({ connections: 4 });
        await admin.exec('set global read_only = on');
        road.moveTo(successor.url);
        const close = async () => {
          await admin.exec('set global read_only = off');
          await db.disconnect();
          await road[Symbol.asyncDispose]();
        };
        return { db, [Symbol.asyncDispose]: close };
      };

      it('(1290) is left: the write goes to the new one, once, and so do all that lead to the old one', async () => {
        await using house = await moved();
        expect(await house.db.exec('insert into end_rows values (5, 5)')).toMatchObject({ rowsAffected: 1 });
        expect([await rows(), await rows(atSuccessor)]).toEqual([['1:0', '2:0'], ['5:5']]);
        await expect.poll(() => house.db.stats().totals.closed).toBe(4);
        expect(circuit(house.db)).toMatchObject({ state: 'closed' });
      });

      it('(1290) is left by a whole transaction, whose function runs again', async () => {
        await using house = await moved();
        await house.db.transaction((tx) => tx.exec('insert into end_rows values (6, ?)', [tx.attempt]));
        expect([await rows(), await rows(atSuccessor)]).toEqual([['1:0', '2:0'], ['6:2']]);
      });

      it('(1290) is left by a lent session too, when it is given back: no pool lends it again', async () => {
        await using house = await moved({ query: ONCE });
        const session = await house.db.acquire();
        const { error } = await failure(session.exec('insert into end_rows values (7, 7)'));
        expect(error).toMatchObject({
          code: 'TRANSACTION',
          reason: 'read-only',
          vendorCode: 1290,
          outcome: 'not-applied',
        });
        expect(error.isConnectionFatal).toBe(true);
        session.release();
        await house.db.exec('insert into end_rows values (7, 7)');
        expect(await rows(atSuccessor)).toEqual(['7:7']);
      });

      it('(1290) and has no successor is a failure of the server, and says that another try may help', async () => {
        await admin.exec('set global read_only = on');
        try {
          await using db = runtime();
          const { error } = await failure(db.exec('insert into end_rows values (8, 8)'));
          expect(error).toMatchObject({ reason: 'read-only', vendorCode: 1290, breaker: 'failure', retryable: true });
          expect(error.attempts).toHaveLength(3);
        } finally {
          await admin.exec('set global read_only = off');
        }
      });

      it('(1792) is left where nobody asked for it, and stays where the caller did', async () => {
        await using asking = runtime({}, { pool: { maxSize: 1 }, query: ONCE });
        const write = (tx: Transaction) => tx.exec('insert into end_rows values (9, 9)');
        const asked = (await failure(asking.transaction(write, { readOnly: true }))).error;
        expect(asked).toMatchObject({
          reason: 'read-only',
          vendorCode: 1792,
          isConnectionFatal: false,
          breaker: 'success',
        });
        expect(asked.retryable).toBe(false);
        await asking.query('select 1');
        expect(asking.stats().totals.created).toBe(1);
        await using db = runtime({ settings: { [readOnlyByDefault]: 1 } }, { query: ONCE });
        const { error } = await failure(db.exec('insert into end_rows values (9, 9)'));
        expect(error).toMatchObject({
          reason: 'read-only',
          vendorCode: 1792,
          isConnectionFatal: true,
          retryable: true,
        });
      });

      it('(1223) because the session itself has locked it is read-only; the session goes, and the lock with it', async () => {
        await using db = runtime({ url: server.adminUrl }, { query: ONCE });
        const session = await db.acquire();
        await session.exec('flush tables with read lock');
        const { error } = await failure(session.exec('insert into end_rows values (3, 3)'));
        expect(error).toMatchObject({ reason: 'read-only', vendorCode: 1223, outcome: 'not-applied' });
        session.release();
        await admin.exec('insert into end_rows values (3, 3)', [], { timeout: '20s' });
        expect(await rows()).toContain('3:3');
      });
    });

    describe('transactions', () => {
      it('that lose a deadlock (1213) are over: what their handle is asked next is refused, and nothing commits by itself', async () => {
        await using db = runtime({}, { query: ONCE });
        const [one, other] = [await db.begin(), await db.begin()];
        await one.exec('update end_rows set n = 1 where id = 1');
        await other.exec('update end_rows set n = 2 where id = 2');
        const crossed = await Promise.allSettled([
          one.exec('update end_rows set n = 1 where id = 2'),
          other.exec('update end_rows set n = 2 where id = 1'),
        ]);
        const isOneVictim = crossed[0].status === 'rejected';
        const [victim, survivor] = isOneVictim ? [one, other] : [other, one];
        const lost = crossed.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
        expect(lost.reason).toMatchObject({ code: 'TRANSACTION', reason: 'deadlock', vendorCode: 1213 });
        expect(lost.reason).toMatchObject({
          decision: 'whole-transaction',
          isConnectionFatal: false,
          breaker: 'success',
        });
        const next = (await failure(victim.exec('insert into end_rows values (4, 4)'))).error;
        expect(next).toMatchObject({ code: 'TRANSACTION_CLOSED', outcome: 'not-sent' });
        await victim.rollback();
        await survivor.commit();
        expect(await rows()).toEqual(isOneVictim ? ['1:2', '2:2'] : ['1:1', '2:1']);
      });

      it('that wait too long for a lock (1205) have lost that statement only: what was done before is there until it is rolled back', async () => {
        await using db = runtime({ settings: { innodb_lock_wait_timeout: 1 } }, { query: ONCE });
        await using holder = await db.begin();
        await holder.exec('update end_rows set n = 1 where id = 1');
        const waiter = await db.begin();
        await waiter.exec('insert into end_rows values (4, 4)');
        const { error } = await failure(waiter.exec('update end_rows set n = 2 where id = 1'));
        expect(error).toMatchObject({ code: 'TRANSACTION', reason: 'lock-timeout', vendorCode: 1205 });
        expect(error).toMatchObject({ outcome: 'not-applied', decision: 'whole-transaction', breaker: 'success' });
        const seen = await waiter
          .queryValue('select n from end_rows where id = 4')
          .then(Number, (late: FluxorError) => late.reason);
        await waiter.rollback();
        expect([4, 'aborted']).toContain(seen);
        expect(await rows()).toEqual(['1:0', '2:0']);
      });

      it('that wait too long for a lock (1205) run again as a whole', async () => {
        await using db = runtime({ settings: { innodb_lock_wait_timeout: 1 } });
        const holder = await db.begin();
        await holder.exec('update end_rows set n = 1 where id = 1');
        await db.transaction(async (tx) => {
          await tx.exec('insert into end_rows values (?, 4)', [10 + tx.attempt]);
          if (tx.attempt === 2) await holder.rollback();
          await tx.exec('update end_rows set n = 2 where id = 1');
        });
        expect(await rows()).toEqual(['1:2', '2:0', '12:4']);
      });

      it('whose snapshot is stale (1020) are over, and run again as a whole', async () => {
        // MariaDB has it switched off in this version. MySQL has no such switch: it updates the row as it is now.
        await using db = runtime(isMariaDb ? { settings: { innodb_snapshot_isolation: 1 } } : {});
        const attempts = await db.transaction(async (tx) => {
          await tx.query('select * from end_rows');
          if (tx.attempt === 1) await admin.exec('update end_rows set n = 8 where id = 2');
          await tx.exec('update end_rows set n = n + 1 where id = 2');
          return tx.attempt;
        });
        expect([attempts, await rows()]).toEqual([isMariaDb ? 2 : 1, ['1:0', '2:9']]);
      });
    });
  });

  it('says 1836 when its engine is read-only, and is left', async () => {
    const frozen = await MysqlServer.start({ product, settings: { innodb_read_only: 'ON' } });
    try {
      for (const make of Object.values(DOORS)) {
        await using db = createRuntime({ driver: make({ url: frozen.url }), query: ONCE });
        const { error } = await failure(db.exec('create table frozen (id int)'));
        if (isMariaDb) {
          // A table that cannot be made, as for any other reason.
          expect([error.code, error.vendorCode]).toEqual(['QUERY', 1005]);
          continue;
        }
        expect(error).toMatchObject({ code: 'TRANSACTION', reason: 'read-only', vendorCode: 1836, retryable: true });
        expect([error.outcome, error.isConnectionFatal]).toEqual(['not-applied', true]);
      }
    } finally {
      await frozen.remove();
    }
  });

  async function rows(db = admin): Promise<string[]> {
    const found = await db.query<{ id: number; n: number }>('select id, n from end_rows order by id');
    return found.map(({ id, n }) => `${id}:${n}`);
  }

  async function kill(id: unknown): Promise<void> {
    await admin.exec(`kill ${Number(id)}`);
  }

  /** The number of the session in which a statement with this beginning runs. */
  async function untilRunning(text: string): Promise<number> {
    const find = `select coalesce(max(id), 0) from information_schema.processlist where info like '${text}%'`;
    let id = 0;
    await expect.poll(async () => (id = Number(await admin.queryValue(find))), { timeout: 10_000 }).toBeGreaterThan(0);
    return id;
  }
});
