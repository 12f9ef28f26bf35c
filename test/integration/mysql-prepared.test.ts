/** What a session keeps prepared on both servers, and when that is prepared anew. */
import type { DriverConnection } from 'fluxor-db';
import { mariadb } from 'fluxor-db/mariadb';
import { mysql } from 'fluxor-db/mysql';
import { afterAll, describe, expect, inject, it, vi } from 'vitest';
import type { OpenedSession } from '../contract/contract-session.js';
import { ContractSessions, failureOf, run } from '../contract/contract-session.js';

describe.each(inject('mysqlServers'))('prepared statements of mysql2 and $name', ({ url }) => {
  const sessions = new ContractSessions(mysql({ url }));
  const openedWith = (request = {}): Promise<OpenedSession> => sessions.openWith(request);
  afterAll(() => sessions.closeAll());

  it('keeps as many statements prepared as it was told, and none when it was told none', async () => {
    const closed = async (kept: number): Promise<number> => {
      const { connection } = await openedWith({ preparedStatements: kept });
      for (const n of [1, 2, 3, 4, 5]) await run(connection, `select ${n} + ?`, [1]);
      const { rows } = await run(connection, "show session status like 'Com_stmt_close'");
      return Number((rows[0] as [string, string])[1]);
    };
    expect([await closed(10), await closed(2), await closed(0)]).toEqual([0, 3, 5]);
  });

  it('a statement means the tables of the database that is chosen when it runs, not when it was prepared', async () => {
    const { connection } = await openedWith();
    const database = (await run(connection, 'select database()')).rows.flat()[0] as string;
    const text = 'select count(*) from engines where 1 = ?';
    for (let time = 1; time <= 2; time += 1) {
      await run(connection, 'use information_schema');
      expect((await run(connection, text, [1])).rows).toHaveLength(1);
      await run(connection, `use ${database}`);
      expect(await failureOf(connection, text, [1])).toMatchObject({ errno: 1146 });
    }
  });
});

/** What both servers say when a statement is not begun for want of what was prepared. */
const NOT_BEGUN = [
  [1615, 'Prepared statement needs to be re-prepared'],
  [1243, 'Unknown prepared statement handler (7) given to mysqld_stmt_execute'],
  [1461, "Can''t create more than max_prepared_stmt_count statements (current value: 16382)"],
] as const;
const DOORS = { mysql2: mysql, mariadb };

const pairs = inject('mysqlServers').flatMap((server) =>
  Object.entries(DOORS).map(([client, make]) => ({ name: `${client} × ${server.name}`, client, make, server })),
);

describe.each(pairs)('the type of a null: $name', ({ client, make, server }) => {
  const sessions = new ContractSessions(make({ url: server.url }));
  afterAll(() => sessions.closeAll());

  it('does not hang on the values that its place had before', async () => {
    const ofMariaDb = client === 'mariadb' ? '1' : 1;
    const expected = server.product === 'mysql' ? 1n : ofMariaDb;
    const { connection } = await sessions.open();
    const answer = async (value: unknown): Promise<unknown> =>
      (await run(connection, 'select coalesce(?, 1)', [value])).rows.flat()[0];
    for (const before of [null, 5, 1.5, null, 'text', new Date(0), Buffer.from('x'), 2n ** 64n - 1n]) {
      await answer(before);
      expect(await answer(null)).toBe(expected);
    }
  });

  it('is none where the place is the value of a column: rows with nulls here and there are prepared once', async () => {
    const { connection } = await sessions.open();
    await run(connection, 'create temporary table null_rows (a int, b varchar(20), c datetime)');
    const prepared = async (): Promise<number> =>
      Number((await run(connection, "show session status like 'Com_stmt_prepare'")).rows.flat()[1]);
    const before = await prepared();
    const rows = Array.from({ length: 16 }, (_, at) => [
      at & 1 ? 1 : null,
      at & 2 ? 'text' : null,
      at & 4 ? new Date(0) : null,
    ]);
    for (const row of rows) await run(connection, 'insert into null_rows values (?, ?, ?)', row);
    for (const row of rows) await run(connection, 'update null_rows set a = ?, b = ? where c = ?', row);
    expect((await prepared()) - before).toBe(2);
    expect((await run(connection, 'select * from null_rows')).rows).toHaveLength(16);
  });
});

describe.each(pairs)('a statement that is prepared anew: $name', ({ make, server }) => {
  const sessions = new ContractSessions(make({ url: server.adminUrl ?? server.url }));
  const database = 'room_stale';
  afterAll(async () => {
    const { connection } = await sessions.open();
    await run(connection, `drop database if exists ${database}`);
    await sessions.closeAll();
  });

  /** In a database of its own. */
  const opened = async (healed = vi.fn()): Promise<DriverConnection> => {
    const { connection } = await sessions.openWith({ onHealed: healed });
    await run(connection, `create database if not exists ${database}`);
    await run(connection, `use ${database}`);
    return connection;
  };
  const closed = async (connection: DriverConnection): Promise<number> =>
    Number((await run(connection, "show session status like 'Com_stmt_close'")).rows.flat()[1]);
  /** Raises it in the first runs of `@fails`. */
  const signal = (errno: number, text: string) => `
    set @ran = coalesce(@ran, 0) + 1;
    if @ran <= @fails then signal sqlstate 'HY000' set mysql_errno = ${errno}, message_text = '${text}'; end if;`;

  it.each(NOT_BEGUN)('runs again, once, when the server says that it was not begun (%i)', async (errno, text) => {
    const healed = vi.fn();
    const connection = await opened(healed);
    const name = `stale_${errno}`;
    await run(connection, `drop function if exists ${name}`);
    await run(
      connection,
      `create function ${name}(a int) returns int no sql begin ${signal(errno, text)} return a; end`,
    );
    const select = `select ${name}(?)`;
    await run(connection, 'set @ran = 0, @fails = 0');
    await run(connection, 'select ?', [1]);
    expect((await run(connection, select, [7])).rows.flat().map(Number)).toEqual([7]);
    const before = await closed(connection);
    await run(connection, 'set @ran = 0, @fails = 1');
    expect((await run(connection, select, [8])).rows.flat().map(Number)).toEqual([8]);
    // When there are too many, all of them go.
    expect((await closed(connection)) - before).toBe(errno === 1461 ? 2 : 1);
    expect(healed).toHaveBeenCalledTimes(1);
    await run(connection, 'set @ran = 0, @fails = 2');
    expect(await failureOf(connection, select, [9])).toMatchObject({ errno });
    expect((await run(connection, select, [10])).rows.flat().map(Number)).toEqual([10]);
    expect(connection.state).toBe('idle');
  });

  it.each(NOT_BEGUN)('never runs a CALL again, nor what says so in other words (%i)', async (errno, text) => {
    const healed = vi.fn();
    const connection = await opened(healed);
    const [table, procedure, trigger] = [`twice_${errno}`, `call_${errno}`, `trigger_${errno}`];
    await run(connection, `drop procedure if exists ${procedure}`);
    await run(connection, `drop table if exists ${table}`);
    await run(connection, `create table ${table} (a int) engine = myisam`);
    const insert = `insert into ${table} (a) values (x);`;
    await run(connection, `create procedure ${procedure}(x int) begin ${insert} ${signal(errno, text)} end`);
    await run(connection, 'set @ran = 0, @fails = 1');
    expect(await failureOf(connection, `call ${procedure}(?)`, [1])).toMatchObject({ errno });
    const other = signal(errno, 'of the application');
    await run(connection, `create trigger ${trigger} after insert on ${table} for each row begin ${other} end`);
    await run(connection, 'set @ran = 0, @fails = 1');
    expect(await failureOf(connection, `insert into ${table} (a) values (?)`, [2])).toMatchObject({ errno });
    expect((await run(connection, `select a from ${table} order by a`)).rows.flat().map(Number)).toEqual([1, 2]);
    expect(healed).not.toHaveBeenCalled();
  });

  it('never runs a CALL again in which an EXECUTE names a statement that is not there', async () => {
    const connection = await opened();
    await run(connection, 'drop procedure if exists half');
    await run(connection, 'drop table if exists halves');
    await run(connection, 'create table halves (a int) engine = innodb');
    await run(connection, 'create procedure half(x int) begin insert into halves(a) values (x); execute nope; end');
    expect(await failureOf(connection, 'call half(?)', [1])).toMatchObject({ errno: 1243 });
    expect((await run(connection, 'select count(*) from halves')).rows.flat().map(Number)).toEqual([1]);
  });

  it.each(NOT_BEGUN)(
    'is prepared anew for the next stream after its first one has failed (%i)',
    async (errno, text) => {
      const connection = await opened();
      const name = `streamed_${errno}`;
      await run(connection, `drop function if exists ${name}`);
      await run(
        connection,
        `create function ${name}(a int) returns int no sql begin ${signal(errno, text)} return a; end`,
      );
      const select = `select ${name}(?)`;
      const read = async (): Promise<unknown[]> => {
        const cursor = connection.openCursor?.({ text: select, values: [3], rowMode: 'array' });
        return [...((await cursor?.read(10))?.rows ?? [])].flat().map(Number);
      };
      await run(connection, 'set @ran = 0, @fails = 0');
      expect(await read()).toEqual([3]);
      const before = await closed(connection);
      await run(connection, 'set @ran = 0, @fails = 1');
      await expect(read()).rejects.toMatchObject({ errno });
      await connection.untilReady();
      expect((await closed(connection)) - before).toBe(1);
      expect(await read()).toEqual([3]);
    },
  );
});
