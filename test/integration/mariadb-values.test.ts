/**
 * Values, rows, batches, streams and logins by the mariadb connector, against real servers of both kinds: where it has a habit
 * that would change what users sent or stored, the test has its name.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import type { DriverConnection } from 'fluxor-db';
import type { RoomSession } from './mariadb-sessions.js';
import { RoomSessions } from './mariadb-sessions.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

type DriverBatch = Parameters<NonNullable<DriverConnection['runBatch']>>[0];

const INSERT = 'insert into value_rows (id, n, at, price) values (?, ?, ?, ?)';

for (const target of inject('mysqlServers')) {
  const isMariaDb = target.product === 'mariadb';

  describe(`values by the mariadb connector on ${target.name}`, () => {
    let sessions: RoomSessions;
    let session: RoomSession;
    const zone = process.env['TZ'];

    beforeAll(async () => {
      sessions = new RoomSessions(target);
      session = await sessions.open();
      await session.run('drop table if exists value_rows, value_types, value_many');
      await session.run(
        'create table value_rows (id int primary key, n varchar(40), at datetime(3), price decimal(20, 4)) engine = innodb',
      );
      await session.run('create table value_many (id int primary key, filler varchar(200))');
    });
    afterEach(async () => {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
      await session.run('delete from value_rows');
    });
    afterAll(() => sessions[Symbol.asyncDispose]());

    const batchOf = (sets: readonly (readonly unknown[])[], isBulk: boolean): DriverBatch => {
      let at = 0;
      const columns = ['id', 'n', 'at', 'price'];
      return {
        text: INSERT,
        rowMode: 'array',
        source: { next: () => sets[at++], rewind: () => ((at = 0), true) },
        bulk: isBulk ? { table: 'value_rows', name: 'value_rows', columns, order: [0, 1, 2, 3] } : undefined,
        isBulkOnly: false,
        report: { failedSet: undefined, isEnding: false, isInside: false, wantsStatements: false },
      };
    };

    describe('parameters', () => {
      it('a Date goes as UTC, and not by the local clock, also where that hour does not exist', async () => {
        process.env['TZ'] = 'America/New_York';
        const moment = new Date('2024-03-10T02:30:00.123Z');
        await session.run(INSERT, [1, 'x', moment, null]);
        const text = 'select at, cast(at as char) from value_rows where at = ?';
        expect((await session.run(text, [moment])).rows).toEqual([[moment, '2024-03-10 02:30:00.123']]);
      });

      it('a placeholder is not read as what its first value was', async () => {
        const values = [7n, 1.5, 'text', 2n ** 60n + 1n, null, 'text', 7n, 1.5];
        const seen = [];
        for (const value of values) seen.push(await session.value('select ? as v', [value]));
        expect(seen).toEqual(values);
        const asJson = async (value: unknown) =>
          String(await session.value('select cast(json_array(?) as char)', [value]));
        expect([await asJson(1.5), await asJson('x'), await asJson(7n)]).toEqual(['[1.5]', '["x"]', '[7]']);
      });

      it('integers beyond 2^63 reach their column whole', async () => {
        await session.run('create temporary table unsigned_rows (n bigint unsigned)');
        const most = 2n ** 64n - 1n;
        await session.run('insert into unsigned_rows values (?)', [most]);
        expect((await session.run('select n from unsigned_rows where n = ?', [most])).rows).toEqual([[most]]);
        await session.run('drop temporary table unsigned_rows');
      });

      it('as many values as placeholders, or none is sent: the connector drops what is too many', async () => {
        const error = await session.failure('select ?', [1, 2]);
        expect(error).toMatchObject({ code: 'QUERY', reason: 'statement-invalid', outcome: 'not-applied' });
        expect(session.connection.state).toBe('idle');
      });

      it('20 kB of bytes and 5 MB of text go whole', async () => {
        const bytes = Buffer.alloc(20_000, 7);
        expect(await session.value('select hex(?)', [bytes])).toBe(bytes.toString('hex'));
        const large = 'é'.repeat(2_500_000);
        expect(await session.value('select ?', [large])).toBe(large);
      });

      it('a statement means the tables of the database that is chosen now, and not when it was prepared', async () => {
        const admin = await sessions.openAdmin();
        await admin.run('create database if not exists fluxor_other');
        await admin.run('create or replace view fluxor_other.which as select 2 as n');
        await admin.run('create or replace view which as select 1 as n');
        const ask = async () => Number(await admin.value('select n from which where n > ?', [0]));
        const first = await ask();
        await admin.run('use fluxor_other');
        expect([first, await ask()]).toEqual([1, 2]);
        await admin.connection.reset(0);
        expect(await ask()).toBe(1);
        await admin.run('drop database fluxor_other');
      });
    });

    describe('rows', () => {
      it('are the same by the text and the binary protocol, a geometry and a SET among them', async () => {
        await session.run(
          "create table value_types (id bigint primary key, b bit(1), bb bit(12), s set('a', 'b'), g point, f float, t time(2), y year, j json, d date, ts timestamp(6) null)",
        );
        await session.run(
          `insert into value_types values (9007199254740993, b'1', b'101', 'a,b', point(1, 2), 1.1, '-25:00:00.5', 2024,
            '{"a": [1]}', '2024-02-29', '2024-03-31 02:30:00.123456'), (2, null, null, '', null, null, null, null, null, null, null)`,
        );
        const text = await session.run('select * from value_types order by id desc');
        const binary = await session.run('select * from value_types where id > ? order by id desc', [0]);
        expect(binary.rows).toEqual(text.rows);
        expect(binary.fields).toEqual(text.fields);
        const point = Buffer.from('000000000101000000000000000000f03f0000000000000040', 'hex');
        expect(text.rows).toEqual([
          [
            9_007_199_254_740_993n,
            Buffer.from([1]),
            Buffer.from([0, 5]),
            'a,b',
            point,
            1.1,
            '-25:00:00.50',
            2024,
          ].concat([{ a: [1] }, '2024-02-29', new Date('2024-03-31T02:30:00.123Z')] as never),
          [2n, null, null, '', null, null, null, null, null, null, null],
        ]);
      });

      it('of a procedure come set by set, its OUT parameters apart', async () => {
        await session.run('drop procedure if exists value_sets');
        await session.run(
          "create procedure value_sets(in a int, out b int) begin select a as first_set; select 'x' as x, 'y' as y; set b = a + 1; end",
        );
        const called = await session.run('call value_sets(?, ?)', [4, null], 'object');
        expect(called.rows).toEqual([{ first_set: 4 }]);
        expect(called.resultSets?.map(({ rows }) => rows)).toEqual([[{ first_set: 4 }], [{ x: 'x', y: 'y' }]]);
        expect(called.outBinds).toEqual({ b: 5 });
      });
    });

    describe('batches', () => {
      it.each(['bulk', 'statements'])('keep dates, mixed numbers, text and nulls as they are, by %s', async (how) => {
        process.env['TZ'] = 'America/New_York';
        const at = new Date('2024-03-10T02:30:00.123Z');
        const sets = [
          [1, 'one', at, 10],
          [2, 2, null, 10.5],
          [3, null, at, '12345678901234.5678'],
          [4, 2n ** 64n - 1n, at, null],
        ];
        const result = await session.connection.runBatch?.(batchOf(sets, how === 'bulk'));
        expect(result).toMatchObject({ rowsAffected: 4, mode: how === 'bulk' ? 'copy' : 'statements' });
        expect((await session.run('select id, n, at, cast(price as char) from value_rows order by id')).rows).toEqual([
          [1, 'one', at, '10.0000'],
          [2, '2', null, '10.5000'],
          [3, null, at, '12345678901234.5678'],
          [4, '18446744073709551615', at, null],
        ]);
        expect(session.connection.state).toBe('idle');
      });

      it('are applied as a whole or not at all, and one by one they say which set is at fault', async () => {
        const sets = Array.from({ length: 10_000 }, (_, id) => [id === 9_000 ? 5 : id, 'x', null, 1]);
        const bulk = batchOf(sets, true);
        await expect(session.connection.runBatch?.(bulk)).rejects.toMatchObject({ errno: 1062 });
        expect(bulk.report.wantsStatements).toBe(true);
        expect(await session.value('select count(*) from value_rows')).toBe(0n);
        const single = batchOf(sets, false);
        await expect(session.connection.runBatch?.(single)).rejects.toMatchObject({ errno: 1062 });
        expect(single.report.failedSet).toBe(9_000);
        expect(await session.value('select count(*) from value_rows')).toBe(0n);
      });
    });

    describe('streams', () => {
      const rowsUpTo = (count: number) => `insert into value_many select n, repeat('x', 200) from (
        select a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 1 as n from digits a, digits b, digits c, digits e
      ) numbers where n <= ${count}`;

      beforeAll(async () => {
        await session.run(
          'create or replace view digits as select 0 as d union all select 1 union all select 2 union all select 3 union all select 4 union all select 5 union all select 6 union all select 7 union all select 8 union all select 9',
        );
        await session.run(rowsUpTo(10_000));
      });

      const open = (text: string, values: readonly unknown[] = []) => {
        const cursor = session.connection.openCursor?.({ text, values, rowMode: 'array' });
        if (cursor === undefined) throw new Error('the room has cursors');
        return cursor;
      };

      it.each([[[]], [[0]]])('bring all rows in pages, in order (values: %j)', async (values) => {
        const where = values.length === 0 ? 'where id > 0' : 'where id > ?';
        const cursor = open(`select id from value_many ${where} order by id`, values);
        let last = 0;
        for (let isDone = false; !isDone;) {
          const page = await cursor.read(700);
          for (const [id] of page.rows as [number][]) expect(id).toBe((last += 1));
          isDone = page.isDone;
        }
        expect([last, session.connection.state]).toEqual([10_000, 'idle']);
      });

      it('leave early from 10^8 rows that nobody waits for, also inside a transaction, which goes on', async () => {
        await session.run('begin');
        await session.run("insert into value_rows values (1, 'kept', null, null)");
        const endless = 'select a.id, a.filler from value_many a, value_many b';
        const cursor = open(endless);
        expect((await cursor.read(10)).rows).toHaveLength(10);
        expect(session.connection.state).toBe('busy');
        await cursor.close();
        expect(session.connection.state).toBe('in-transaction');
        await session.run('commit');
        expect(await session.value('select n from value_rows')).toBe('kept');
      });

      it('hold no more than a page and a piece off the socket in memory', async () => {
        const cursor = open('select a.id, a.filler from value_many a, value_many b');
        await cursor.read(10);
        // What nobody holds any more does not count, whenever it would have been collected.
        collectGarbage();
        const before = process.memoryUsage();
        for (let page = 0; page < 300; page += 1) await cursor.read(1_000);
        collectGarbage();
        const after = process.memoryUsage();
        await cursor.close();
        // 300,000 rows of 200 characters are 60 MB and more.
        expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(40_000_000);
      });

      it('fail like a statement: what is asked next is not sent from inside the event of the connector', async () => {
        await session.run('begin');
        // Inside a transaction an error is followed by a question to the server. Sent too early it takes the place of the
        // command that has just failed, and the connector calls its answer "without active commands".
        await expect(open('select * from nowhere').read(1)).rejects.toMatchObject({ errno: 1146 });
        expect(session.connection.state).toBe('in-transaction');
        await session.run('rollback');
        expect(session.losses).toEqual([]);
      });

      it('end with an error in the middle of their rows when they are cancelled', async () => {
        const cursor = open('select a.id from value_many a, value_many b');
        await cursor.read(10);
        await session.connection.cancel();
        const readOn = async () => {
          for (;;) await cursor.read(10_000);
        };
        await expect(readOn()).rejects.toMatchObject({ errno: 1317 });
        expect(session.connection.state).toBe('idle');
      });
    });

    describe('cancels', () => {
      it('hit nothing later: 300 aimed at the end of fast statements', { timeout: 60_000 }, async () => {
        let hits = 0;
        for (let round = 0; round < 300; round += 1) {
          const aimedAt = session
            .run('select count(*) from value_many where id > ?', [round])
            .catch((error: unknown) => {
              expect(error).toMatchObject({ errno: 1317 });
              hits += 1;
            });
          const killed = session.connection.cancel();
          await Promise.all([aimedAt, killed]);
          expect(await session.value('select ?', [round])).toBe(BigInt(round));
        }
        expect(hits).toBeLessThanOrEqual(300);
      });

      it('still go where no place is left: the control session is opened with the second connection', async () => {
        const admin = await sessions.openAdmin();
        const by = isMariaDb ? "via mysql_native_password using password('secret')" : "by 'secret'";
        await admin.run('drop user if exists few');
        await admin.run(`create user few@'%' identified ${by} with max_user_connections 3`);
        await admin.run("grant select on *.* to few@'%'");
        await using few = new RoomSessions(target, { user: 'few', password: 'secret' });
        const one = await few.open();
        await few.open();
        const held = "select count(*) from information_schema.processlist where user = 'few'";
        await expect.poll(() => admin.value(held)).toBe(3n);
        await expect(few.open()).rejects.toMatchObject({ errno: 1226 });
        const stopped = one.failure('select sleep(30) from value_many');
        await expect.poll(() => admin.value(`${held} and info like '%sleep(30)%'`)).toBe(1n);
        await one.connection.cancel();
        expect(await stopped).toMatchObject({ errno: 1317 });
        await few[Symbol.asyncDispose]();
        await admin.run('drop user few');
      });
    });

    describe('logins', () => {
      it('without TLS the public key is fetched only where that is allowed; MariaDB never asks for one', async () => {
        const admin = await sessions.openAdmin();
        if (isMariaDb) {
          await admin.run("create or replace user no_key@'%' identified by 'secret'");
          const plain = { user: 'no_key', password: 'secret', database: 'information_schema' };
          const inside = await sessions.openWith({ ...plain, allowPublicKeyRetrieval: false });
          expect(await inside.value("select 'in'")).toBe('in');
          await admin.run('drop user no_key');
          return;
        }
        await admin.run("create user if not exists sha_only@'%' identified with caching_sha2_password by 'secret'");
        const login = { user: 'sha_only', password: 'secret', database: 'information_schema' };
        // The server remembers who has logged in, and asks those for no key.
        await admin.run('flush privileges');
        const refused = await sessions.openWith({ ...login, allowPublicKeyRetrieval: false }).catch((e: unknown) => e);
        expect(refused).toMatchObject({ errno: 45_044 });
        const allowed = await sessions.openWith({ ...login, allowPublicKeyRetrieval: true });
        expect(await allowed.value("select 'in'")).toBe('in');
        const secure = await sessions.openWith({ ...login, tls: { rejectUnauthorized: false } });
        expect((await secure.run("show status like 'Ssl_cipher'")).rows).not.toEqual([['Ssl_cipher', '']]);
        await admin.run('drop user sha_only');
      });

      it('by ed25519 and by mysql_native_password on MariaDB; MySQL has neither', async () => {
        const admin = await sessions.openAdmin();
        if (!isMariaDb) {
          for (const plugin of ['ed25519', 'mysql_native_password']) {
            const created = admin.failure(`create user by_plugin@'%' identified with ${plugin} by 'secret'`);
            expect(await created).toMatchObject({ errno: 1524 });
          }
          return;
        }
        for (const plugin of ['ed25519', 'mysql_native_password']) {
          await admin.run(`create or replace user by_plugin@'%' identified via ${plugin} using password('secret')`);
          const login = { user: 'by_plugin', password: 'secret', database: 'information_schema' };
          const inside = await sessions.openWith(login);
          expect(await inside.value('select substring_index(current_user(), ?, 1)', ['@'])).toBe('by_plugin');
        }
        await admin.run('drop user by_plugin');
      });

      it('TLS verifies: an unknown authority is refused, and so is a server without TLS', async () => {
        const error = await sessions.openWith({ tls: true }).catch((refusal: unknown) => refusal);
        const known = sessions.driver.classify(error, {
          phase: 'connect',
          wasSent: false,
          isReadOnly: false,
          isSafeToRepeat: false,
          inTransaction: false,
          askedReadOnly: false,
          context: {},
        });
        expect(known).toMatchObject({ code: 'CONNECTION', reason: 'tls', decision: 'never' });
      });

      it('a wrong password is told as one, and is no unhandled event', async () => {
        const error = await sessions.openWith({ password: 'wrong' }).catch((refusal: unknown) => refusal);
        expect(error).toMatchObject({ errno: 1045 });
      });
    });
  });
}
