/** All or nothing, a part that may fail, and a transaction in a variable. Run it: `npx tsx examples/02-transactions.ts`. */
import { connect, isFluxorError } from 'fluxor-db';

await using db = await connect(process.env['FLUXOR_URL'] ?? 'pglite:', { pool: { maxSize: 1 } });

await db.exec('create table accounts (owner text primary key, cents int not null check (cents >= 0))');
await db.exec("insert into accounts values ('ada', 1000), ('bob', 0)");

async function transfer(from: string, to: string, cents: number): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.exec('update accounts set cents = cents + $1 where owner = $2', [cents, to]);
    await tx.exec('update accounts set cents = cents - $1 where owner = $2', [cents, from]);
  });
}

async function show(title: string): Promise<void> {
  const rows = await db.query<{ owner: string; cents: number }>('select * from accounts order by owner');
  console.log(`${title}: ${rows.map(({ owner, cents }) => `${owner} ${cents}`).join(', ')}`);
}

await transfer('ada', 'bob', 400);
await show('after 400');

// The second statement fails, so the first leaves no trace either.
try {
  await transfer('ada', 'bob', 5000);
} catch (error) {
  if (!isFluxorError(error, 'CONSTRAINT')) throw error;
  console.log(`refused: ${error.message} (${error.outcome})`);
}
await show('after 5000');

// A savepoint: its part fails, the transaction around it goes on.
await db.transaction(async (tx) => {
  await tx.exec("insert into accounts values ('cyd', 50)");
  const twice = tx.transaction((inner) => inner.exec("insert into accounts values ('ada', 1)"));
  await twice.catch((error: unknown) => console.log(`inner part: ${isFluxorError(error) ? error.code : 'bug'}`));
});
await show('after the savepoint');

// In a variable: rolled back at the end of the block unless committed.
{
  await using tx = await db.begin();
  await tx.exec('delete from accounts');
}
await show('after a rollback');
await db.exec('drop table accounts');
