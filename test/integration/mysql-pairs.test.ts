/** What both rooms have to hold on both servers, where the habits of clients or servers would break it. */
import { spawn } from 'node:child_process';
import type { DriverConnection, DriverCursor } from 'fluxor-db';
import { createRuntime } from 'fluxor-db';
import { mariadb } from 'fluxor-db/mariadb';
import { mysql } from 'fluxor-db/mysql';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { readInsertPlan } from '../../src/sql/insert-plan.js';
import { ContractSessions, failureOf, run } from '../contract/contract-session.js';
import { BalancedRoad } from './balanced-road.js';

const DOORS = { mysql2: mysql, mariadb };
const pairs = inject('mysqlServers').flatMap((server) =>
  Object.entries(DOORS).map(([client, make]) => ({ name: `${client} × ${server.name}`, client, make, server })),
);

describe.each(pairs)('$name', ({ client, make, server }) => {
  const sessions = new ContractSessions(make({ url: server.url }));
  const table = `pair_rows_${client}`;
  beforeAll(async () => {
    const { connection } = await sessions.open();
    await run(connection, `drop table if exists ${table}`);
    await run(connection, `create table ${table} (id int primary key auto_increment, doc json)`);
  });
  afterAll(async () => {
    const { connection } = await sessions.open();
    await run(connection, `drop table ${table}`);
    await sessions.closeAll();
  });

  it('a batch of large JSON objects goes in pieces that the server takes', async () => {
    await using db = createRuntime({ driver: make({ url: server.url }) });
    const sets = Array.from({ length: 600 }, (_, at) => [{ at, x: 'x'.repeat(50_000) }]);
    const { rowsAffected } = await db.batch(`insert into ${table} (doc) values (?)`, sets, { timeout: '60s' });
    expect(rowsAffected).toBe(600);
    await db.exec(`delete from ${table}`);
  });

  it('a batch that mixes whole numbers with others in one column prepares few statements', async () => {
    const { connection } = await sessions.open();
    const columns = 'id int, n decimal(20, 4), t varchar(40)';
    await run(connection, `create temporary table ${table}_mixed (${columns})`);
    const numberOf = (at: number): number | bigint => (at % 3 === 0 ? at / 8 : BigInt(at) * 10n ** BigInt(at % 9));
    const sets = Array.from({ length: 1_536 }, (_, at) => [at, numberOf(at), at % 7 === 0 ? 0.5 : at]);
    let next = 0;
    const prepared = async (): Promise<number> =>
      (await run(connection, "show session status like 'Com_stmt_%prepare'")).rows
        .map((row) => (row as [string, string]).map((cell, at) => (at === 0 ? cell : Number(cell))))
        // What the server prepares anew by itself, when a value is of another type than its column, is counted in both.
        .reduce((sum, [name, count]) => sum + (name === 'Com_stmt_prepare' ? 1 : -1) * Number(count), 0);
    const before = await prepared();
    const text = `insert into ${table}_mixed (id, n, t) values (?, ?, ?)`;
    const bulk = readInsertPlan('mysql', text);
    const source = { next: () => sets[next++], rewind: () => false };
    const report = { failedSet: undefined, isEnding: false, isInside: false, wantsStatements: false };
    await connection.runBatch?.({ text, rowMode: 'array', bulk, isBulkOnly: true, source, report });
    expect((await prepared()) - before).toBeLessThanOrEqual(client === 'mariadb' ? 4 : 1);
    const { rows } = await run(connection, `select n, t from ${table}_mixed order by id`);
    expect(rows).toEqual(sets.map(([, n, t]) => [Number(n).toFixed(4), String(t)]));
    await run(connection, `drop temporary table ${table}_mixed`);
  });

  /** Far more than fits between server and client: whoever does not read on holds the server up. */
  const NUMBERS = '(with recursive r as (select 1 as n union all select n + 1 from r where n < 900) select n from r)';
  const ROWS = `select %, repeat('x', 2000) from ${NUMBERS} a, ${NUMBERS} b limit 20000`;
  const openCursor = (connection: DriverConnection, text: string, values: readonly unknown[] = []): DriverCursor => {
    const cursor = connection.openCursor?.({ text, values, rowMode: 'array' });
    if (cursor === undefined) throw new Error('no cursors');
    return cursor;
  };

  it('a SELECT whose function writes is not stopped when nobody reads its rows to their end', async () => {
    const other = new ContractSessions(make({ url: server.adminUrl ?? server.url }));
    const { connection } = await other.open();
    const written = `${table}_written`;
    await run(connection, `drop table if exists ${written}`);
    await run(connection, `drop function if exists ${table}_write`);
    await run(connection, `create table ${written} (id int)`);
    await run(
      connection,
      `create function ${table}_write(n int) returns int deterministic modifies sql data ` +
        `begin insert into ${written} values (n); return n; end`,
    );
    const cursor = openCursor(connection, ROWS.replace('%', `${table}_write(a.n)`));
    expect((await cursor.read(10)).rows).toHaveLength(10);
    await cursor.close();
    expect(connection.state).toBe('idle');
    expect((await run(connection, `select count(*) from ${written}`)).rows).toEqual([[20_000n]]);
    await run(connection, `drop function ${table}_write`);
    await run(connection, `drop table ${written}`);
    await other.closeAll();
  });

  it('rows with a value that cannot be read fail for that reason, though the rest of them is stopped at the server', async () => {
    const { connection } = await sessions.open({ bigint: 'number' });
    const cursor = openCursor(connection, ROWS.replace('%', 'case when a.n = 3 then 9007199254740993 else a.n end'));
    const read = async () => {
      while (!(await cursor.read(5)).isDone);
    };
    await expect(read()).rejects.toMatchObject({ code: 'QUERY', reason: 'data', outcome: 'applied' });
    await expect(cursor.read(5)).rejects.toMatchObject({ reason: 'data' });
    await cursor.close();
    expect((await run(connection, 'select 1 + ?', [1])).rows.flat().map(Number)).toEqual([2]);
  });

  it('rows that are not wanted any more before the first has come leave the session as it was', async () => {
    const { connection, losses } = await sessions.open();
    for (const [text, values] of [
      ['select sleep(0.1)', []],
      ['select sleep(0.1), ?', [1]],
      ['do sleep(0.1)', []],
      [`insert into ${table} (doc) select json_array(sleep(0.1))`, []],
      [`insert into ${table} (doc) select json_array(? + sleep(0.1))`, [1]],
      [ROWS.replace('%', 'sleep(if(a.n + b.n = 2, 0.1, 0))'), []],
      [`call ${table}_no_such_procedure()`, []],
    ] as const) {
      const cursor = openCursor(connection, text, values);
      const page = cursor.read(10).catch(() => undefined);
      await cursor.close();
      await page;
      expect([connection.state, (await run(connection, 'select 1 + ?', [1])).rows.flat().map(Number)]).toEqual([
        'idle',
        [2],
      ]);
    }
    expect(losses).toEqual([]);
    expect((await run(connection, `delete from ${table}`)).rowsAffected).toBe(2);
  });

  it('rows that are long in coming are stopped at the server when nobody waits for them any more', async () => {
    const { connection } = await sessions.open();
    const watcher = (await sessions.open()).connection;
    const series = 'with recursive r as (select 1 as n union all select n + 1 from r where n < 900)';
    const cursor = openCursor(connection, `${series} select count(*) as ${table}_long from r a, r b, r c, r d`);
    const page = cursor.read(10).catch((error: unknown) => error);
    const find = `select id from information_schema.processlist where info like '%as ${table}\\_long%'`;
    // The text of the one that looks has a backslash there.
    await expect.poll(async () => (await run(watcher, find)).rows.length, { timeout: 20_000 }).toBe(1);
    await cursor.close();
    expect(await page).toMatchObject({ errno: 1317 });
    expect([connection.state, (await run(connection, 'select 1 + ?', [1])).rows.flat().map(Number)]).toEqual([
      'idle',
      [2],
    ]);
  });

  it('a session for KILL alone keeps no process alive', async () => {
    // With TLS as well, where the server has it.
    const tls = server.product === 'mysql' ? { rejectUnauthorized: false } : false;
    const door = new URL(`../../src/driver/${client === 'mysql2' ? 'mysql' : client}/index.ts`, import.meta.url);
    const script = `
      import { createRuntime } from ${JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)};
      import * as door from ${JSON.stringify(door.href)};
      const [make] = Object.values(door).filter((each) => typeof each === 'function');
      const driver = make(${JSON.stringify({ url: server.url, tls })});
      const db = createRuntime({ driver, pool: { maxSize: 2, minIdle: 0, idleTimeout: '1s' } });
      const sleeping = () => db.query('select sleep(30)', [], { timeout: 200 }).catch((error) => error.code);
      const codes = await Promise.all([sleeping(), sleeping()]);
      console.log(codes.join());`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += String(chunk)));
    await expect.poll(() => child.exitCode, { timeout: 30_000, interval: 100 }).toBe(0);
    // What it said may come after the news of its end.
    await expect.poll(() => said.trim()).toBe('TIMEOUT,TIMEOUT');
  }, 40_000);

  it('an INSERT … RETURNING whose rows nobody reads to their end is kept; MySQL knows none', async () => {
    const { connection } = await sessions.open();
    const series = server.product === 'mariadb' ? 'select null from seq_1_to_60000' : 'select null';
    const text = `insert into ${table} (doc) ${series} returning id, repeat('x', 200)`;
    const cursor = openCursor(connection, text);
    const count = async () => (await run(connection, `select count(*) from ${table}`)).rows.flat().map(Number);
    if (server.product === 'mysql') {
      await expect(cursor.read(10)).rejects.toMatchObject({ errno: 1064 });
      await cursor.close();
      expect([connection.state, await count()]).toEqual(['idle', [0]]);
      return;
    }
    expect((await cursor.read(10)).rows).toHaveLength(10);
    await cursor.close();
    expect([connection.state, await count()]).toEqual(['idle', [60_000]]);
    await run(connection, `delete from ${table}`);
  });

  it('a KILL of rows that nobody wants any more never meets the next statement', async () => {
    const { connection } = await sessions.open();
    const series =
      'with recursive r as (select 1 as n union all select n + 1 from r where n < 900) ' +
      "select a.n, repeat('x', 50) from r a, r b limit ";
    for (let rows = 1_000; rows < 4_000; rows += 50) {
      const cursor = connection.openCursor?.({ text: `${series}${rows}`, values: [], rowMode: 'array' });
      await cursor?.read(1);
      await cursor?.close();
      expect((await run(connection, 'select 1 + ?', [1])).rows.flat().map(Number)).toEqual([2]);
    }
  });

  it('a column may have any name', async () => {
    await using db = createRuntime({ driver: make({ url: server.url }) });
    for (const values of [[], ['x']]) {
      const text = `select ${values.length === 0 ? "'x'" : 'cast(? as char)'} as __proto__, 'y' as \`a'b\\c\``;
      const [row] = await db.query(text, values);
      expect(Object.entries(row ?? {})).toEqual([
        ['__proto__', 'x'],
        ["a'b\\c", 'y'],
      ]);
    }
  });

  describe('OUT parameters with values', () => {
    const inout =
      `create procedure ${table}_out(in a int, out b bigint, inout c decimal(10, 2), out d datetime(3), out __proto__ varchar(9))` +
      " begin set b = a + 9007199254740992, c = c * 2, d = '2024-02-29 12:30:00.123', __proto__ = null; end";
    const expected = {
      b: 9_007_199_254_740_993n,
      c: '3.00',
      d: new Date('2024-02-29T12:30:00.123Z'),
      ['__proto__']: null,
    };
    const values = [1, null, '1.50', null, null];
    const call = `call ${table}_out(?, ?, ?, ?, ?)`;
    beforeAll(async () => {
      const { connection } = await sessions.open();
      for (const name of ['out', 'sets', 'row']) await run(connection, `drop procedure if exists ${table}_${name}`);
      await run(connection, inout);
      await run(
        connection,
        `create procedure ${table}_sets(in a int, out b int)
           begin select a as first_set; select 'x' as x, 'y' as y; set b = a + 1; end`,
      );
      await run(connection, `create procedure ${table}_row(in a int) begin select a as b; end`);
    });
    afterAll(async () => {
      const { connection } = await sessions.open();
      for (const name of ['out', 'sets', 'row']) await run(connection, `drop procedure ${table}_${name}`);
    });

    it('come by their names, in the types of rows, and are no result set', async () => {
      await using db = createRuntime({ driver: make({ url: server.url }) });
      for (let round = 0; round < 2; round += 1) {
        const result = await db.execute(call, values);
        expect(result).toMatchObject({ rows: [], fields: [], resultSets: [], command: 'CALL' });
        expect(Object.entries(result.outBinds ?? {})).toEqual(Object.entries(expected));
      }
      expect(await db.execute(call, values, { rowMode: 'array' })).toMatchObject({ rows: [], outBinds: { c: '3.00' } });
      expect(Object.entries((await db.exec(call, values)).outBinds ?? {})).toEqual(Object.entries(expected));
      expect(await db.query(call, values)).toEqual([]);
    });

    it('come beside the result sets of the same procedure', async () => {
      await using db = createRuntime({ driver: make({ url: server.url }) });
      const { rows, resultSets, outBinds } = await db.execute(`call ${table}_sets(?, ?)`, [4, null]);
      expect([rows, outBinds]).toEqual([[{ first_set: 4 }], { b: 5 }]);
      expect(resultSets?.map((set) => set.rows)).toEqual([[{ first_set: 4 }], [{ x: 'x', y: 'y' }]]);
    });

    it('are not there where nothing was given for one, and a last row of a procedure is none', async () => {
      await using db = createRuntime({ driver: make({ url: server.url }) });
      const row = await db.execute(`call ${table}_row(?)`, [7]);
      expect([row.rows, row.resultSets?.length, 'outBinds' in row]).toEqual([[{ b: 7 }], 1, false]);
      const named = await db.transaction(async (tx) => {
        const called = await tx.execute(`call ${table}_sets(?, @b)`, [4]);
        return [called.resultSets?.length, 'outBinds' in called, Number(await tx.queryValue('select @b'))];
      });
      expect(named).toEqual([2, false, 5]);
      expect('outBinds' in (await db.execute('select 1 as b'))).toBe(false);
    });

    it('are left out of streams', async () => {
      const { connection } = await sessions.open();
      const read = async (text: string, given: readonly unknown[], maxRows: number) => {
        const cursor = connection.openCursor?.({ text, values: given, rowMode: 'object' });
        const rows: unknown[] = [];
        for (;;) {
          const page = await cursor?.read(maxRows);
          rows.push(...(page?.rows ?? []));
          if (page?.isDone !== false) return [rows, cursor?.fields.map(({ name }) => name)];
        }
      };
      for (const maxRows of [1, 10]) {
        expect(await read(call, values, maxRows)).toEqual([[], []]);
        expect(await read(`call ${table}_sets(?, ?)`, [4, null], maxRows)).toEqual([[{ first_set: 4 }], ['first_set']]);
        expect(await read(`call ${table}_row(?)`, [7], maxRows)).toEqual([[{ b: 7 }], ['b']]);
      }
      expect(connection.state).toBe('idle');
    });
  });

  it('what is prepared and a reset follow USE, also where the server tells nobody of it by itself', async () => {
    const url = server.adminUrl ?? server.url;
    await using admin = createRuntime({ driver: make({ url }) });
    const other = `fluxor_${table}`;
    await admin.exec(`drop database if exists ${other}`);
    await admin.exec(`create database ${other}`);
    await admin.exec('set global session_track_schema = off');
    try {
      const moving = new ContractSessions(make({ url }));
      const { connection } = await moving.open();
      const here = new URL(url).pathname.slice(1);
      for (const name of [here, other]) {
        await run(connection, `use ${name}`);
        await run(connection, `drop table if exists ${table}_same`);
        await run(connection, `create table ${table}_same as select '${name}' as place`);
      }
      const place = async (name: string): Promise<unknown> => {
        await run(connection, `use ${name}`);
        return (await run(connection, `select place from ${table}_same where place <> ?`, [''])).rows.flat();
      };
      expect([await place(here), await place(other), await place(here)]).toEqual([[here], [other], [here]]);
      await run(connection, `use ${other}`);
      await connection.reset(255);
      expect((await run(connection, 'select database()')).rows).toEqual([[here]]);
      await run(connection, `drop table ${table}_same`);
      await moving.closeAll();
    } finally {
      await admin.exec('set global session_track_schema = on');
      await admin.exec(`drop database ${other}`);
    }
  });
});

const [first, second] = inject('mysqlServers');
const loginOf = (url = ''): string => url.replace(/@.*/, '');

/** Two servers that take one login. */
if (first !== undefined && second !== undefined && loginOf(first.url) === loginOf(second.url)) {
  describe.each(Object.entries(DOORS))('%s behind a balancer', (_client, make) => {
    /** Sleeps, and is an error when it is stopped; on its own, `sleep` is not. */
    const sleeping = 'select sleep(30) from information_schema.schemata';
    const opened: ContractSessions[] = [];
    const sessionsBy = ({ host, port }: BalancedRoad, url: string): ContractSessions => {
      const sessions = new ContractSessions(make({ url, host, port }));
      opened.push(sessions);
      return sessions;
    };
    afterAll(async () => {
      for (const sessions of opened) await sessions.closeAll();
    });
    /** A KILL may overtake what it is meant for. */
    const stop = async (connection: DriverConnection, stopped: Promise<unknown>): Promise<unknown> => {
      let isOver = false;
      const ended = stopped.finally(() => (isOver = true));
      await expect.poll(() => connection.cancel().then(() => isOver), { timeout: 20_000 }).toBe(true);
      return ended;
    };
    const killsAt = async ({ url }: { readonly url: string }): Promise<number> => {
      await using db = createRuntime({ driver: make({ url }) });
      return Number((await db.queryRow("show global status like 'Com_kill'"))?.['Value']);
    };

    it('no KILL goes to a server that is not the one of its session', async () => {
      await using road = await BalancedRoad.start(first.url);
      const sessions = sessionsBy(road, first.url);
      const { connection } = await sessions.open();
      const stopped = failureOf(connection, sleeping);
      const before = await killsAt(second);
      road.leadTo(second.url);
      await expect(connection.cancel()).rejects.toMatchObject({ name: 'OtherServer' });
      expect([await killsAt(second), connection.state]).toEqual([before, 'busy']);
      road.leadTo(first.url);
      expect(await stop(connection, stopped)).toMatchObject({ errno: 1317 });
      expect(connection.state).toBe('idle');
    });

    it('sessions that came to another server are stopped there', async () => {
      await using road = await BalancedRoad.start(first.url);
      const sessions = sessionsBy(road, first.url);
      for (const { url } of [first, second, first]) {
        road.leadTo(url);
        const { connection } = await sessions.open();
        expect(await stop(connection, failureOf(connection, sleeping))).toMatchObject({ errno: 1317 });
      }
    });

    it('what cannot be stopped loses its connection, and the runtime goes on with another', async () => {
      await using road = await BalancedRoad.start(first.url);
      const { host, port } = road;
      await using db = createRuntime({ driver: make({ url: first.url, host, port }), pool: { maxSize: 1 } });
      const own = await db.queryValue('select @@port');
      const before = await killsAt(second);
      road.leadTo(second.url);
      const error = await db
        .query(sleeping, [], { timeout: '200ms', retry: false })
        .then(String, (raised: unknown) => raised);
      expect(error).toMatchObject({ code: 'TIMEOUT' });
      expect(await db.queryValue('select @@port')).not.toEqual(own);
      expect(await killsAt(second)).toBe(before);
    });
  });
}
