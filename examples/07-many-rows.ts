/** Many rows in, many rows out, and rows that are checked. Run it: `npx tsx examples/07-many-rows.ts`. */
import { connect, isFluxorError } from 'fluxor-db';
import type { StandardSchema } from 'fluxor-db';

await using db = await connect(process.env['FLUXOR_URL'] ?? 'pglite:');
await db.exec('create table readings (sensor int not null, celsius int check (celsius > -274))');

// All of them, or none: here none, and the error says which.
const readings = Array.from({ length: 1_000 }, (_, n) => [n % 10, n % 40]);
try {
  await db.batch('insert into readings (sensor, celsius) values ($1, $2)', [...readings, [3, -300]]);
} catch (error) {
  if (!isFluxorError(error)) throw error;
  console.log(`set ${error.context.paramSet}: ${error.code}, ${error.outcome}`);
}

// What can be kept is kept, and the rest reported.
const kept = await db.batch('insert into readings (sensor, celsius) values ($1, $2)', [...readings, [3, -300]], {
  onError: 'collect',
});
console.log(`${kept.rowsAffected} kept, ${kept.errors.length} refused: set ${kept.errors[0]?.index}`);

// One page of rows is in memory at a time; leaving the loop closes the cursor.
let warm = 0;
for await (const { celsius } of db.stream<{ celsius: number }>('select celsius from readings order by celsius desc')) {
  if (celsius < 38) break;
  warm += 1;
}
console.log(`${warm} readings of 38 degrees and more`);

// Any library that speaks Standard Schema does; this is what it has to be.
const Celsius: StandardSchema<unknown, string> = {
  '~standard': {
    version: 1,
    vendor: 'example',
    validate: (value) =>
      typeof value === 'number' ? { value: `${value} °C` } : { issues: [{ message: 'no number' }] },
  },
};
console.log(await db.queryValue('select max(celsius) from readings', [], { schema: Celsius }));
await db.exec('drop table readings');
