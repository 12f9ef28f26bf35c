/** What a session of the mysql2 room keeps prepared, on both servers. */
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

  it.each([1615, 1243, 1461])('a statement that ends with %i is prepared anew, once', async (errno) => {
    const healed = vi.fn();
    const { connection } = await openedWith({ onHealed: healed });
    const procedure = `room_stale_${errno}`;
    await run(connection, `drop procedure if exists ${procedure}`);
    await run(
      connection,
      `create procedure ${procedure}(a int) begin
         set @ran = coalesce(@ran, 0) + 1;
         if @ran <= @fails then signal sqlstate 'HY000' set mysql_errno = ${errno}; end if;
         select a;
       end`,
    );
    const call = `call ${procedure}(?)`;
    const closed = async (): Promise<number> =>
      Number((await run(connection, "show session status like 'Com_stmt_close'")).rows.flat()[1]);
    await run(connection, 'set @ran = 0, @fails = 0');
    await run(connection, 'select ?', [1]);
    expect((await run(connection, call, [7])).rows).toEqual([[7]]);
    const before = await closed();
    await run(connection, 'set @ran = 0, @fails = 1');
    expect((await run(connection, call, [8])).rows).toEqual([[8]]);
    // When there are too many, all of them go.
    expect((await closed()) - before).toBe(errno === 1461 ? 2 : 1);
    expect(healed).toHaveBeenCalledTimes(1);
    await run(connection, 'set @ran = 0, @fails = 2');
    expect(await failureOf(connection, call, [9])).toMatchObject({ errno });
    expect((await run(connection, call, [10])).rows).toEqual([[10]]);
    expect(connection.state).toBe('idle');
    await run(connection, `drop procedure ${procedure}`);
  });
});
