/** One table, one row in, one row out: every way to give parameters. Run it: `npx tsx examples/01-first-query.ts`. */
import { connect, sql } from 'fluxor-db';

interface Lamp {
  readonly id: number;
  readonly name: string;
  readonly price: string;
}

await using db = await connect(process.env['FLUXOR_URL'] ?? 'pglite:', { pool: { maxSize: 1 } });

await db.exec('create table lamps (id int primary key, name text not null, price numeric(10, 2))');

// The database's own placeholders, with an array.
await db.exec('insert into lamps values ($1, $2, $3)', [1, 'desk lamp', '39.90']);
// Names, with an object: the same on every database.
await db.exec('insert into lamps values (:id, :name, :price)', { id: 2, name: 'floor lamp', price: '119.00' });
// A template: what looks like interpolation is bound, never pasted into the text.
const more = [
  { id: 3, name: 'lava lamp', price: '24.50' },
  { id: 4, name: "Aladdin's lamp", price: '9999.99' },
];
await db.exec(sql`insert into ${sql.id('lamps')} values ${sql.values(more, ['id', 'name', 'price'])}`);

const limit = '100.00';
const cheap = await db.query(sql<Lamp>`select * from lamps where price < ${limit} order by id`);
for (const { id, name, price } of cheap) console.log(`${id}  ${name.padEnd(12)} ${price}`);

const lamp = await db.queryRow<Lamp>('select * from lamps where id = :id', { id: 4 });
console.log(`number 4 is ${lamp?.name ?? 'not there'}`);

// 64-bit integers are bigint, so that no digit is ever lost.
const count = await db.queryValue<bigint>('select count(*) from lamps');
console.log(`${count} lamps`);
await db.exec('drop table lamps');
