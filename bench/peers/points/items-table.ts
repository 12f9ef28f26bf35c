/** The table of the point reads, in either kind of database. */
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { ITEMS } from './point-peer.js';

const CREATE = 'create table items (id int primary key, name varchar(40) not null, stock int not null)';
const DROP = 'drop table if exists items';

export async function fillPostgres(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(DROP);
  await client.query(CREATE);
  await client.query(`insert into items select i, 'item-' || i, i * 7 % 1000 from generate_series(1, ${ITEMS}) i`);
  await client.query('vacuum analyze items');
  await client.end();
}

export async function fillMysql(url: string): Promise<void> {
  const client = await createConnection(url);
  await client.query(DROP);
  await client.query(CREATE);
  const rows = Array.from({ length: ITEMS }, (_, index) => {
    const id = index + 1;
    return [id, `item-${id}`, (id * 7) % 1_000];
  });
  await client.query('insert into items values ?', [rows]);
  await client.query('analyze table items');
  await client.end();
}
