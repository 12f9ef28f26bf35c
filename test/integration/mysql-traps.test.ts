/**
 * What MySQL and MariaDB servers do to clients when they run short of something or have forgotten something: real errors of
 * private servers, through both client libraries. What they do at the end of sessions and transactions is in
 * mysql-trap-ends.test.ts.
 */
import type { DBRuntime, FluxorError, RuntimeOptions } from 'fluxor-db';
import { connect, createRuntime } from 'fluxor-db';
import { mariadb } from 'fluxor-db/mariadb';
import type { MysqlOptions } from 'fluxor-db/mysql';
import { mysql } from 'fluxor-db/mysql';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ContractSessions, run } from '../contract/contract-session.js';
import { freePort } from '../servers/free-port.js';
import { MysqlServer } from '../servers/mysql-server.js';
import { MysqlRoad } from './mysql-road.js';
import { BEHIND_THE_GATE, failure } from './proxied-database.js';

const DOORS = { mysql2: mysql, mariadb };
const CLIENTS = Object.keys(DOORS) as (keyof typeof DOORS)[];

/** More than the server keeps definitions of, so that it forgets the first ones before it has read the last. */
const VIEWS = Array.from({ length: 430 }, (_, at) => `trap_view_${at}`);
const DEFINITIONS_KEPT = 400;

describe.each(inject('mysqlServers'))('a private $name', ({ product }) => {
  const isMariaDb = product === 'mariadb';
  let server: MysqlServer;
  let admin: DBRuntime;

  beforeAll(async () => {
    const settings = {
      max_allowed_packet: '1M',
      table_definition_cache: String(DEFINITIONS_KEPT),
      // MariaDB has the limit switched off for good where it is 0 at the start.
      max_user_connections: '100',
    };
    server = await MysqlServer.start({ product, settings });
    admin = await connect(server.adminUrl, { pool: { maxSize: 1 } });
    await admin.exec('create table trap_rows (id int primary key, n int)');
    await admin.exec('create table trap_sleepers select 1 as id union select 2');
  });
  afterAll(async () => {
    await admin?.disconnect();
    await server?.remove();
  });

  describe.each(CLIENTS)('by %s', (client) => {
    const runtime = (options: MysqlOptions = {}, more: Omit<RuntimeOptions, 'driver'> = {}): DBRuntime => {
      const driver = DOORS[client]({ url: server.url, ...options });
      return createRuntime({ driver, ...more, pool: { maxSize: 1, warmUp: false, ...more.pool } });
    };
    const healed = (db: DBRuntime): number => db.metrics().statements.healed;

    describe('prepared statements', () => {
      it('are prepared anew when the server knows them no more (1243)', async () => {
        await using road = await MysqlRoad.start(server.url);
        await using db = runtime({ host: road.host, port: road.port }, BEHIND_THE_GATE);
        expect(Number(await db.queryValue('select ? + 1', [1]))).toBe(2);
        road.forgetStatements();
        expect([Number(await db.queryValue('select ? + 1', [2])), healed(db)]).toEqual([3, 1]);
        const { rowsAffected } = await db.exec('insert into trap_rows values (?, 0)', [1]);
        road.forgetStatements();
        expect((await db.exec('insert into trap_rows values (?, 0)', [2])).rowsAffected).toBe(rowsAffected);
        expect(db.stats().totals.created).toBe(1);
        await db.exec('delete from trap_rows');
      });

      it('are prepared anew inside a transaction too, which goes on (1243)', async () => {
        await using road = await MysqlRoad.start(server.url);
        await using db = runtime({ host: road.host, port: road.port }, BEHIND_THE_GATE);
        const attempts = await db.transaction(async (tx) => {
          for (const id of [1, 2]) {
            await tx.exec('insert into trap_rows values (?, 0)', [id]);
            road.forgetStatements();
          }
          return tx.attempt;
        });
        expect([attempts, healed(db)]).toEqual([1, 1]);
        expect((await db.exec('delete from trap_rows')).rowsAffected).toBe(2);
      });

      it('are closed, all of them, when the server may hold no more (1461): the one at hand runs', async () => {
        await using db = runtime({}, BEHIND_THE_GATE);
        for (let n = 0; n < 5; n += 1) await db.query(`select ? + ${n}`, [1]);
        // Sessions that have been left a moment ago may still hold theirs.
        await expect.poll(() => preparedAtServer()).toBe(5);
        await withGlobal('max_prepared_stmt_count', 5, async () => {
          expect([Number(await db.queryValue('select ? + 100', [1])), healed(db)]).toEqual([101, 1]);
          expect(await preparedAtServer()).toBe(1);
        });
      });

      it('held by others up to the limit (1461) fail what has values, and nothing else; the connection stays', async () => {
        await using db = runtime({}, BEHIND_THE_GATE);
        await withGlobal('max_prepared_stmt_count', 0, async () => {
          const { error } = await failure(db.queryValue('select ? + 1', [1]));
          expect(error).toMatchObject({ code: 'QUERY', reason: 'resource', vendorCode: 1461, outcome: 'not-applied' });
          expect([error.breaker, error.isConnectionFatal]).toEqual(['success', false]);
          expect(Number(await db.queryValue('select 1'))).toBe(1);
        });
        expect(Number(await db.queryValue('select ? + 1', [1]))).toBe(2);
        expect(db.stats().totals.created).toBe(1);
      });

      it('that the server cannot keep up with (1615 of MySQL) are prepared anew, or fail without harm', async () => {
        await using views = await connect(server.adminUrl, { pool: { maxSize: 1 } });
        for (const name of VIEWS) await views.exec(`create or replace view ${name} as select id from trap_rows`);
        await using road = await MysqlRoad.start(server.url);
        await using db = runtime({ host: road.host, port: road.port }, BEHIND_THE_GATE);
        const text = `${VIEWS.map((name) => `select id from ${name}`).join(' union all ')} union all select ?`;
        // MariaDB knows a view by its text, and needs no second look.
        if (isMariaDb) {
          expect(await db.query(text, [7])).toHaveLength(1);
          expect([healed(db), db.stats().totals.created]).toEqual([0, 1]);
          return;
        }
        const { error } = await failure(db.query(text, [7]));
        expect(error).toMatchObject({ code: 'QUERY', reason: 'statement-invalid', vendorCode: 1615 });
        expect([error.outcome, error.isConnectionFatal]).toEqual(['not-applied', false]);
        // It has room by the time of the second attempt, and not before.
        await withGlobal('table_definition_cache', DEFINITIONS_KEPT, async () => {
          const act = () => admin.exec(`set global table_definition_cache = ${2 * VIEWS.length}`);
          road.beforeAnswer = { text: 'needs to be re-prepared', act };
          expect(await db.query(text, [7])).toHaveLength(1);
        });
        expect([healed(db), db.stats().totals.created]).toEqual([1, 1]);
      });
    });

    it('keeps no more prepared than it was told, and closes the others at the server', async () => {
      const sessions = new ContractSessions(DOORS[client]({ url: server.url }));
      const closed = async (preparedStatements: number): Promise<number> => {
        const { connection } = await sessions.openWith({ preparedStatements });
        for (const n of [1, 2, 3, 4, 5]) await run(connection, `select ${n} + ?`, [1]);
        return Number((await run(connection, "show session status like 'Com_stmt_close'")).rows.flat()[1]);
      };
      expect([await closed(10), await closed(2), await closed(0)]).toEqual([0, 3, 5]);
      await sessions.closeAll();
    });

    it('names a host with two addresses and nobody at either refused, where Node’s own error is without a text', async () => {
      await using db = runtime({ host: 'localhost', port: await freePort() }, BEHIND_THE_GATE);
      const { error } = await failure(db.query('select 1', [], { timeout: '2s' }));
      expect(error).toMatchObject({ code: 'CONNECTION', reason: 'refused', outcome: 'not-sent', breaker: 'failure' });
      expect(error.message).toContain('ECONNREFUSED');
    });

    describe('limits of the server', () => {
      it('a packet that is too large (1153) is the mistake of its statement: not sent again, its connection replaced', async () => {
        await using db = runtime();
        const text = 'insert into trap_rows values (9, length(?))';
        const { error } = await failure(db.exec(text, ['x'.repeat(3_000_000)]));
        // The server says so and closes while the rest is on its way: what it said may be lost with that.
        const isTold = error.vendorCode === 1153;
        expect(error).toMatchObject(
          isTold
            ? { code: 'QUERY', reason: 'data', outcome: 'not-applied', breaker: 'success' }
            : { code: 'CONNECTION', reason: 'lost', outcome: 'unknown', retryable: false },
        );
        expect([error.isConnectionFatal, error.attempts]).toEqual([true, undefined]);
        expect(await db.query('select * from trap_rows')).toEqual([]);
        expect(db.stats().totals.created).toBe(2);
      });

      it('a user with too many connections (1203) waits for one, slowly', async () => {
        await withGlobal('max_user_connections', 1, async () => {
          await using first = runtime({}, BEHIND_THE_GATE);
          await first.connect();
          await using second = runtime({}, BEHIND_THE_GATE);
          const { error } = await failure(second.query('select 1', [], { timeout: '1500ms' }));
          expect(error).toMatchObject({ code: 'CONNECTION', reason: 'too-many-connections', vendorCode: 1203 });
          expect(error).toMatchObject({ outcome: 'not-sent', retryable: true, breaker: 'failure' });
        });
      });

      it('a full server (1040) is named, and its circuit counts it: nothing was sent', async () => {
        await using others = await occupied();
        await using db = runtime({}, BEHIND_THE_GATE);
        const { error } = await failure(db.query('select 1', [], { timeout: '2s' }));
        expect(error).toMatchObject({ code: 'CONNECTION', reason: 'too-many-connections', vendorCode: 1040 });
        expect(error).toMatchObject({ outcome: 'not-sent', retryable: true, breaker: 'failure', sqlState: '08004' });
        await others.leave();
        await expect.poll(() => db.queryValue('select 1').then(Number, () => 0), { timeout: 10_000 }).toBe(1);
      });

      it('a timeout on a full server (1040), where no KILL can go: the outcome is open, the connection goes, and nobody else is hit', async () => {
        await using db = runtime({}, BEHIND_THE_GATE);
        // A pool of one has no control session ahead of time (the second connection opens it).
        await db.query('select 1');
        const closed: string[] = [];
        db.on('connection:closed', ({ reason }) => closed.push(reason));
        await using others = await occupied();
        const marker = `trap_full_${client}`;
        const stopped = await failure(db.query(`select sleep(30) as ${marker}`, [], { timeout: '300ms' }));
        expect(stopped.error).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown', retryable: false });
        await expect.poll(() => closed, { timeout: 10_000 }).toHaveLength(1);
        expect(db.stats().total).toBe(0);
        expect(await others.answer()).toBe(others.count);
        await others.leave();
        await expect.poll(() => db.queryValue('select 2').then(Number, () => 0), { timeout: 10_000 }).toBe(2);
        await endOf(marker);
      });

      it('a timeout on a full server (1040) stops its statement where the control session was there before', async () => {
        await using db = runtime({}, { ...BEHIND_THE_GATE, pool: { maxSize: 2 } });
        await Promise.all([db.query('select sleep(0.2)'), db.query('select sleep(0.2)')]);
        await expect.poll(() => sessionsOfUser()).toBe(3);
        await using others = await occupied();
        const text = 'select sleep(30) from trap_sleepers';
        const stopped = async () => (await failure(db.query(text, [], { timeout: '300ms' }))).error;
        // The runtime waits 100 ms for the answer, and so long a machine may stand still.
        await expect.poll(stopped).toMatchObject({ code: 'TIMEOUT', outcome: 'not-applied' });
        expect(Number(await db.queryValue('select 3'))).toBe(3);
        expect([db.stats().totals.created, await others.answer()]).toEqual([2, others.count]);
      });
    });

    /** As many sessions of other people as the server takes, in transactions of their own. */
    async function occupied(): Promise<Occupants> {
      const max = Number(await admin.queryValue('select @@global.max_connections'));
      await admin.exec('set global max_connections = 14');
      return Occupants.fill(server.url, async () => {
        await admin.exec(`set global max_connections = ${max}`);
      });
    }

    async function sessionsOfUser(): Promise<number> {
      const text = `select count(*) from information_schema.processlist where user = '${server.user}'`;
      return Number(await admin.queryValue(text));
    }

    /** MariaDB does not notice that nobody waits for it any more. */
    async function endOf(marker: string): Promise<void> {
      const text = `select id from information_schema.processlist where info like '%as ${marker}%' and id <> connection_id()`;
      for (const row of await admin.query(text, [], { rowMode: 'array' }))
        await admin.exec(`kill ${Number(row[0])}`).catch(() => undefined);
    }
  });

  async function withGlobal(name: string, value: number, act: () => Promise<void>): Promise<void> {
    const before = Number(await admin.queryValue(`select @@global.${name}`));
    await admin.exec(`set global ${name} = ${value}`);
    try {
      await act();
    } finally {
      await admin.exec(`set global ${name} = ${before}`);
    }
  }

  async function preparedAtServer(): Promise<number> {
    const row = await admin.queryRow<{ Value: string }>("show global status like 'Prepared_stmt_count'");
    return Number(row?.Value);
  }
});

/** Sessions that do nothing but be there. */
class Occupants implements AsyncDisposable {
  readonly #sessions: DBRuntime[];
  readonly #restore: () => Promise<void>;

  static async fill(url: string, restore: () => Promise<void>): Promise<Occupants> {
    const sessions: DBRuntime[] = [];
    for (;;) {
      const db = createRuntime({ driver: mysql({ url }), ...BEHIND_THE_GATE, pool: { maxSize: 1, warmUp: false } });
      const error = await db.connect().then(
        () => undefined,
        (refusal: unknown) => refusal as FluxorError,
      );
      if (error === undefined) sessions.push(db);
      else {
        await db.disconnect();
        expect(error).toMatchObject({ vendorCode: 1040 });
        return new Occupants(sessions, restore);
      }
    }
  }

  private constructor(sessions: DBRuntime[], restore: () => Promise<void>) {
    this.#sessions = sessions;
    this.#restore = restore;
  }

  get count(): number {
    return this.#sessions.length;
  }

  /** How many are still the sessions that they were. */
  async answer(): Promise<number> {
    const answers = await Promise.all(
      this.#sessions.map(async (db) => {
        await db.query('select 1');
        return db.stats().totals.created === 1;
      }),
    );
    return answers.filter(Boolean).length;
  }

  async leave(): Promise<void> {
    await Promise.all(this.#sessions.splice(0).map((db) => db.disconnect()));
    await this.#restore();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }
}
