/**
 * mysql2's traps, on both servers: what the library does by itself that would surprise, lose or mislead, and does not here. Each
 * was seen on a server before it was written down.
 */
import type { DBRuntime, FluxorError } from 'fluxor-db';
import { connect, createRuntime } from 'fluxor-db';
import type { MysqlOptions } from 'fluxor-db/mysql';
import { mysql } from 'fluxor-db/mysql';
import type { TcpProxy } from 'fluxor-db/testing';
import { startTcpProxy } from 'fluxor-db/testing';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { ContractSessions, failureOf, run } from '../contract/contract-session.js';
import type { OpenedSession } from '../contract/contract-session.js';

const failureIn = (work: Promise<unknown>): Promise<FluxorError> =>
  work.then(
    () => Promise.reject(new Error('nothing failed')),
    (error: unknown) => error as FluxorError,
  );

/** Past the gate, and once. */
const BARE = {
  gate: { circuitBreaker: false, rateLimit: false },
  query: { retry: false },
  pool: { warmUp: false },
} as const;

describe.each(inject('mysqlServers'))('mysql2 and $name', ({ url, adminUrl, product }) => {
  const isMariaDb = product === 'mariadb';
  const opened: ContractSessions[] = [];
  const openedWith = async (options: MysqlOptions = {}, request = {}): Promise<OpenedSession> => {
    const sessions = new ContractSessions(mysql({ url, ...options }));
    opened.push(sessions);
    return sessions.openWith(request);
  };
  const runtime = (options: MysqlOptions = {}): DBRuntime =>
    createRuntime({ driver: mysql({ url, ...options }), ...BARE });
  const openProxy = async (target: { host: string; port: number }): Promise<TcpProxy> => {
    const proxy = await startTcpProxy({ target });
    onTestFinished(() => proxy.close());
    return proxy;
  };
  let session: OpenedSession;

  beforeAll(async () => {
    session = await openedWith();
    await run(session.connection, 'drop table if exists room_rows');
    await run(session.connection, 'create table room_rows (id int primary key, n int, d double)');
  });
  afterAll(async () => {
    await run(session.connection, 'drop table if exists room_rows');
    for (const sessions of opened) await sessions.closeAll();
  });

  const value = async (text: string, values: readonly unknown[] = []): Promise<unknown> =>
    ((await run(session.connection, text, values)).rows[0] as unknown[] | undefined)?.[0];

  describe('statements', () => {
    it('a text with question marks and no values is sent as it is', async () => {
      expect(await value("select '?'")).toBe('?');
    });

    it('values are never written into the SQL, whatever they are', async () => {
      for (const text of ["'; drop table room_rows; --", '\\', "a'b", '?']) {
        expect(await value('select cast(? as char)', [text])).toBe(text);
      }
    });

    it('too few and too many values are refused: the servers would take some, or read what nobody has sent', async () => {
      for (const values of [[1], [1, 2, 3]]) {
        const error = await failureOf(session.connection, 'select ?, ?', values);
        expect(error).toMatchObject({ code: 'QUERY', reason: 'statement-invalid' });
      }
      expect(session.connection.state).toBe('idle');
    });

    it('whole numbers are no floating-point numbers: behind LIMIT, in JSON, and beyond 2^53', async () => {
      expect((await run(session.connection, 'select 1 union all select 2 limit ?', [1])).rows).toHaveLength(1);
      expect(await value("select cast(json_object('n', ?) as char)", [5])).toBe('{"n": 5}');
      expect(await value('select cast(? as signed) + 0', [9_007_199_254_740_993n])).toBe(9_007_199_254_740_993n);
      const { connection } = session;
      await run(connection, 'create temporary table room_large (n bigint unsigned)');
      await run(connection, 'insert into room_large values (?)', [2n ** 64n - 1n]);
      expect(await value('select n from room_large where n = ?', [2n ** 64n - 1n])).toBe(2n ** 64n - 1n);
      await run(connection, 'drop temporary table room_large');
    });

    it('floating-point text of 16 digits is exact', async () => {
      const { connection } = session;
      for (const number of [9.999999999999999, 0.1, 1.234567890123457, 9007199254740993 / 10]) {
        await run(connection, 'replace into room_rows (id, d) values (1, ?)', [number]);
        expect(await value('select d from room_rows where id = 1')).toBe(number);
        expect(await value('select d from room_rows where id = ?', [1])).toBe(number);
      }
    });

    it('an UPDATE counts the rows that it matched, and one of its own GTIDs is told', async () => {
      const { connection } = session;
      await run(connection, 'replace into room_rows (id, n) values (2, 7)');
      const { rowsAffected } = await run(connection, 'update room_rows set n = 7 where id = 2');
      expect(rowsAffected).toBe(1);
      const tells = (await value(isMariaDb ? 'select @@log_bin' : "select @@gtid_mode = 'ON'")) as number | bigint;
      const { gtid } = await run(connection, 'update room_rows set n = n + 1 where id = 2');
      expect(gtid !== undefined).toBe(Number(tells) === 1);
    });

    it('a procedure brings all of its results, and its OUT parameters as session variables', async () => {
      const { connection } = session;
      await run(connection, 'drop procedure if exists room_results');
      await run(
        connection,
        "create procedure room_results(in a int, out b int) begin select a; select 'x', 'y'; set b = a + 1; end",
      );
      for (const values of [[], [41]]) {
        const { rows, resultSets } = await run(
          connection,
          `call room_results(${values.length ? '?' : '41'}, @b)`,
          values,
        );
        expect(rows).toEqual([[41]]);
        expect(resultSets?.map((set) => set.rows)).toEqual([[[41]], [['x', 'y']]]);
        expect(Number(await value('select @b'))).toBe(42);
      }
      await run(connection, 'drop procedure room_results');
    });

    it('a server cannot ask for a file of this machine, and reads SQL as its own mode says', async () => {
      const error = await failureOf(session.connection, "load data local infile '/etc/hostname' into table room_rows");
      expect(error).toMatchObject({ errno: isMariaDb ? 4166 : 3948 });
      expect(await value('select @@sql_mode')).not.toContain('IGNORE_SPACE');
    });

    it('zero dates are what the option says', async () => {
      const settings = { sql_mode: '' };
      const table = 'create temporary table room_dates (d datetime)';
      const read = async (zeroDates: 'error' | 'null' | 'string'): Promise<unknown> => {
        const { connection } = await openedWith({ settings, zeroDates });
        await run(connection, table);
        await run(connection, "insert into room_dates values ('0000-00-00 00:00:00')");
        const { rows } = await run(connection, 'select d from room_dates');
        expect(connection.state).toBe('idle');
        return (rows[0] as [unknown])[0];
      };
      expect([await read('null'), await read('string')]).toEqual([null, '0000-00-00 00:00:00']);
      expect(await failureIn(read('error'))).toMatchObject({ code: 'QUERY', reason: 'data' });
    });
  });

  describe('the state of the session', () => {
    it('is idle after a deadlock, which has ended the whole transaction; and the handle says which statement it was', async () => {
      await using db = runtime();
      await db.exec('replace into room_rows (id, n) values (11, 0), (12, 0)');
      const lock = (tx: { exec(text: string): Promise<unknown> }, id: number) =>
        tx.exec(`update room_rows set n = n + 1 where id = ${id}`);
      let haveBoth = 0;
      const bothHold = (): Promise<void> =>
        expect
          .poll(() => haveBoth, { timeout: 10_000 })
          .toBe(2)
          .then(() => undefined);
      const one = (mine: number, other: number) =>
        db.transaction(
          async (tx) => {
            await lock(tx, mine);
            haveBoth += 1;
            await bothHold();
            const error = await lock(tx, other).then(
              () => undefined,
              (raised: unknown) => raised as FluxorError,
            );
            if (error === undefined) return 'won';
            expect(error).toMatchObject({ code: 'TRANSACTION', reason: 'deadlock', outcome: 'not-applied' });
            // Sent, it would commit by itself.
            const late = await failureIn(tx.exec('update room_rows set n = 100 where id = 11'));
            expect(late).toMatchObject({ code: 'TRANSACTION_CLOSED', cause: error });
            throw error;
          },
          { retry: false },
        );
      const ends = await Promise.allSettled([one(11, 12), one(12, 11)]);
      expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      expect(await db.query('select n from room_rows where id in (11, 12) order by id')).toEqual([{ n: 1 }, { n: 1 }]);
    });

    it('is asked for after DDL that failed, because it commits first', async () => {
      const { connection } = session;
      await run(connection, 'begin');
      await run(connection, 'replace into room_rows (id, n) values (21, 1)');
      expect(connection.state).toBe('in-transaction');
      await failureOf(connection, 'create table room_rows (id int)');
      expect(connection.state).toBe('idle');
    });

    it('stays in the transaction after an error that undid its statement only', async () => {
      const { connection } = session;
      await run(connection, 'begin');
      await failureOf(connection, 'insert into room_rows (id) values (?), (?)', [31, 31]);
      expect(connection.state).toBe('in-transaction');
      await run(connection, 'rollback');
      expect(connection.state).toBe('idle');
    });

    it('is as at the start after a reset: time zone, limit and default database', async () => {
      const { connection } = await openedWith({}, { statementLimitMs: 35_000 });
      const limit = isMariaDb ? 'max_statement_time' : 'max_execution_time';
      const facts = async (): Promise<unknown> =>
        (await run(connection, `select database(), @@time_zone, @@${limit} > 0`)).rows.map((row) =>
          (row as unknown[]).map(String),
        );
      const before = await facts();
      await run(connection, 'use information_schema');
      await run(connection, `set time_zone = '+05:00', ${limit} = 0`);
      await connection.reset(255);
      expect(await facts()).toEqual(before);
      expect((await run(connection, 'select cast(? as char)', ['again'])).rows).toEqual([['again']]);
    });
  });

  describe('stopping', () => {
    it('kills no statement but its own: a storm of late ones', async () => {
      await using db = createRuntime({ driver: mysql({ url }), ...BARE, pool: { maxSize: 1, warmUp: false } });
      let stopped = 0;
      for (let round = 0; round < 60; round += 1) {
        const controller = new AbortController();
        const victim = db
          .query('select sleep(0.002), ?', [round], { signal: controller.signal })
          .catch(() => (stopped += 1));
        await new Promise((resolve) => setImmediate(resolve));
        controller.abort();
        await victim;
        expect(Number(await db.queryValue('select cast(? as signed)', [round]))).toBe(round);
      }
      expect(stopped).toBeGreaterThan(0);
    });

    it('leaves a stream early without reading its millions of rows, and the session is ready', async () => {
      await using db = createRuntime({ driver: mysql({ url }), ...BARE, pool: { maxSize: 1, warmUp: false } });
      const many =
        'with recursive s (i) as (select 1 union all select i + 1 from s where i < 1000) select a.i from s a, s b, s c';
      let rows = 0;
      for await (const row of db.stream(many)) {
        expect(row).toBeDefined();
        rows += 1;
        if (rows === 10) break;
      }
      expect(Number(await db.queryValue('select 5'))).toBe(5);
      expect(db.pool.stats().total).toBe(1);
    });

    it('a stream in a transaction holds it: other statements are refused, and COMMIT ends it', async () => {
      await using db = runtime();
      await db.transaction(async (tx) => {
        const rows = tx.stream('select id from room_rows union all select 1 union all select 2', [], { batchSize: 1 });
        const iterator = rows[Symbol.asyncIterator]();
        expect((await iterator.next()).done).toBe(false);
        expect(await failureIn(tx.query('select 1'))).toMatchObject({ code: 'STREAM_OPEN' });
        await iterator.return?.();
        expect(Number(await tx.queryValue('select 7'))).toBe(7);
      });
    });
  });

  describe('the end of a connection', () => {
    it('is told when it comes while a statement is prepared: mysql2 tells its callback only', async () => {
      const { hostname, port } = new URL(url);
      const proxy = await openProxy({ host: hostname, port: Number(port) });
      const victim = await openedWith({ host: proxy.host, port: proxy.port });
      const failing = failureIn(run(victim.connection, 'select sleep(30), ?', [1]));
      await expect.poll(() => victim.connection.state).toBe('busy');
      proxy.resetAll();
      expect(await failing).toBeDefined();
      await expect.poll(() => victim.losses.length).toBe(1);
      expect(victim.connection.state).toBe('closed');
      // mysql2 would never answer.
      await expect(run(victim.connection, 'select 1')).rejects.toThrow();
      await expect(victim.connection.untilReady()).rejects.toThrow();
      expect(victim.losses).toHaveLength(1);
    });

    it('is at once when it is destroyed: mysql2 itself waits for the other side', async () => {
      const { connection, losses } = await openedWith();
      const failing = failureIn(run(connection, 'select sleep(30)'));
      connection.destroy();
      await failing;
      expect([connection.state, losses]).toEqual(['closed', []]);
    });

    it('names the idle limit of the server, which comes unasked and with a numeric code', async () => {
      const { connection, losses } = await openedWith({ settings: { wait_timeout: 1 } });
      await expect.poll(() => losses.length, { timeout: 20_000 }).toBe(1);
      expect(connection.state).toBe('closed');
      const error = mysql({ url }).classify(losses[0], IDLE);
      // MariaDB closes without a word.
      expect(error).toMatchObject({
        reason: isMariaDb ? 'lost' : 'idle-timeout',
        breaker: 'ignore',
        outcome: 'not-sent',
      });
    });

    it('gives up a connect whose time is up', async () => {
      const { hostname } = new URL(url);
      const proxy = await openProxy({ host: hostname, port: 1 });
      await proxy.setMode('accept-and-hang');
      await using db = createRuntime({
        driver: mysql({ url, host: proxy.host, port: proxy.port }),
        ...BARE,
        pool: { warmUp: false, connectTimeout: 300 },
      });
      expect(await failureIn(db.query('select 1'))).toMatchObject({ code: 'TIMEOUT', outcome: 'not-sent' });
    });
  });

  describe('the login', () => {
    it('refuses a certificate that nobody known has signed, or says that there is no TLS; unverified it is encrypted', async () => {
      const refused = await failureIn(runtime({ tls: true }).connect());
      expect(refused).toMatchObject({ code: 'CONNECTION', reason: 'tls', retryable: false });
      if (isMariaDb) {
        expect(refused.message).toContain('does not offer TLS');
        const unverified = await failureIn(runtime({ tls: { rejectUnauthorized: false } }).connect());
        expect(unverified).toMatchObject({ code: 'CONNECTION', reason: 'tls', retryable: false });
        return;
      }
      expect(refused.message).toContain('certificate was not accepted');
      await using db = runtime({ tls: { rejectUnauthorized: false } });
      const [row] = await db.query("show session status like 'Ssl_cipher'");
      expect(row?.['Value']).not.toBe('');
      // KILL goes the same way.
      expect(await failureIn(db.query('select sleep(30)', [], { timeout: '200ms' }))).toMatchObject({
        code: 'TIMEOUT',
      });
    });

    it('does not ask for the public key where that is not allowed', async () => {
      await using admin = await connect((adminUrl ?? url).replace('mariadb:', 'mysql:'));
      if (isMariaDb) {
        // It never asks for one.
        await admin.exec("create or replace user 'room_key'@'%' identified by 'y'");
        const plain = {
          user: 'room_key',
          password: 'y',
          database: 'information_schema',
          allowPublicKeyRetrieval: false,
        };
        await using db = runtime(plain);
        expect(await db.queryValue('select current_user()')).toBe('room_key@%');
        return;
      }
      await admin.exec("create user if not exists 'room_key'@'%' identified with caching_sha2_password by 'x'");
      await admin.exec("alter user 'room_key'@'%' identified by 'y'");
      const { hostname, port } = new URL(url);
      const login = { url: undefined, host: hostname, port: Number(port), user: 'room_key', password: 'y' };
      const options = login as unknown as MysqlOptions;
      const refused = await failureIn(runtime({ ...options, allowPublicKeyRetrieval: false }).connect());
      expect(refused).toMatchObject({ code: 'AUTH', retryable: false });
      expect(refused.message).toContain('allowPublicKeyRetrieval');
      await using allowed = runtime({ ...options, allowPublicKeyRetrieval: true });
      expect(await allowed.queryValue('select current_user()')).toBe('room_key@%');
      // The server remembers now, and needs no key until it forgets.
      await using cached = runtime({ ...options, allowPublicKeyRetrieval: false });
      expect(await cached.queryValue('select current_user()')).toBe('room_key@%');
    });

    it('is refused by its number', async () => {
      const refused = await failureIn(runtime({ password: 'secret-marker' }).connect());
      expect(refused).toMatchObject({ code: 'AUTH', vendorCode: 1045, retryable: false });
      expect(refused.message).not.toContain('secret-marker');
    });

    it('connect() opens the door that the scheme names', async () => {
      await using db = await connect(url.replace('mariadb:', 'mysql:'));
      expect(Number(await db.queryValue('select 1'))).toBe(1);
    });
  });
});

const IDLE = {
  phase: 'idle',
  wasSent: false,
  isReadOnly: false,
  isSafeToRepeat: false,
  inTransaction: false,
  askedReadOnly: false,
  context: {},
} as const;
