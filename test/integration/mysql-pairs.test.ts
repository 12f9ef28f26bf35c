/** What both rooms have to hold on both servers, where the habits of clients or servers would break it. */
import { createRuntime } from 'fluxor-db';
import { mariadb } from 'fluxor-db/mariadb';
import { mysql } from 'fluxor-db/mysql';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ContractSessions, run } from '../contract/contract-session.js';

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

  it('a write whose rows nobody reads to their end is kept', async () => {
    if (server.product !== 'mariadb') return;
    const { connection } = await sessions.open();
    const series = 'select null from seq_1_to_60000';
    const cursor = connection.openCursor?.({
      text: `insert into ${table} (doc) ${series} returning id, repeat('x', 200)`,
      values: [],
      rowMode: 'array',
    });
    expect((await cursor?.read(10))?.rows).toHaveLength(10);
    await cursor?.close();
    expect(connection.state).toBe('idle');
    expect((await run(connection, `select count(*) from ${table}`)).rows.flat().map(Number)).toEqual([60_000]);
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
});
