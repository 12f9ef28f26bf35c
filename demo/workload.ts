/**
 * What 32 users of a busy service do to the database, all at once over a pool of 10 connections: look up a city, list
 * the biggest of a country, list those in a box, move people from one city to another, and now and then make a mistake.
 * Started by main.ts. Errors of the runtime are facts for the statistics; any other error is a bug and ends the demo.
 * Invariant: a transfer is one transaction, so the world's population is the same before and after, whatever fails.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DBRuntime, QueryOptions, Transaction } from 'fluxor-db';
import { isFluxorError } from 'fluxor-db';
import type { City } from './cities.js';
import type { Statistics } from './statistics.js';
import type { Words } from './words.js';

const WORKERS = 32;

/** A page that takes longer has lost its reader. Being read only, it is certain to have changed nothing when it fails. */
const READ: QueryOptions = { timeout: '1s', readOnly: true };

/** Whoever was refused waits a moment; at full speed it would only be refused more often. */
const PAUSE_AFTER_ERROR_MS = 20;

/** The shares are percents; the mistakes are there to show what their errors look like. */
const MIXTURE: readonly { readonly share: number; readonly run: keyof Visitor; readonly isMistake?: true }[] = [
  { share: 70, run: 'lookUp' },
  { share: 10, run: 'listBiggest' },
  { share: 8, run: 'listNearby' },
  { share: 11, run: 'moveSomebody' },
  { share: 0.5, run: 'misspell', isMistake: true },
  { share: 0.5, run: 'insertTwice', isMistake: true },
];

/** What the workers work with. */
export interface World {
  readonly db: DBRuntime;
  readonly table: string;
  readonly cities: readonly City[];
  readonly words: Words;
}

export class Workload {
  readonly #statistics: Statistics;
  readonly #workers: Promise<unknown>;
  #isOver = false;

  /** Starts at once. */
  constructor(world: World, statistics: Statistics) {
    this.#statistics = statistics;
    const visitor = new Visitor(world);
    this.#workers = Promise.all(Array.from({ length: WORKERS }, () => this.#work(visitor)));
  }

  /** Lets everybody finish what they are doing. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#workers;
  }

  async #work(visitor: Visitor): Promise<void> {
    while (!this.#isOver) {
      const { run, isMistake = false } = pick();
      const startedAt = performance.now();
      try {
        await visitor[run]();
      } catch (error) {
        if (error instanceof NotEnoughPeople) continue;
        if (!isFluxorError(error)) throw error;
        this.#statistics.countFailure(error, { startedAt, isMistake });
        await sleep(PAUSE_AFTER_ERROR_MS);
      }
    }
  }
}

/** Thrown inside a transaction, so that it is rolled back. */
class NotEnoughPeople extends Error {}

class Visitor {
  readonly #db: DBRuntime;
  readonly #cities: readonly City[];
  readonly #table: string;
  readonly #words: Words;

  constructor({ db, table, cities, words }: World) {
    this.#db = db;
    this.#table = table;
    this.#cities = cities;
    this.#words = words;
  }

  async lookUp(): Promise<void> {
    const { id } = this.#anyCity();
    await this.#db.queryRow<City>(`select * from ${this.#table} where id = :id`, { id }, READ);
  }

  async listBiggest(): Promise<void> {
    const { country } = this.#anyCity();
    await this.#db.query<City>(
      `select id, name, population from ${this.#table} where country = :country
       order by population desc ${this.#words.limit(20)}`,
      { country },
      READ,
    );
  }

  /** Everything within a quarter of a degree, which is 28 km from north to south. */
  async listNearby(): Promise<void> {
    const { longitude, latitude } = this.#anyCity();
    await this.#db.query<City>(
      `select id, name, population from ${this.#table}
       where longitude between :west and :east and latitude between :south and :north ${this.#words.limit(50)}`,
      { west: longitude - 0.25, east: longitude + 0.25, south: latitude - 0.25, north: latitude + 0.25 },
      READ,
    );
  }

  async moveSomebody(): Promise<void> {
    const [from, to] = [this.#anyCity().id, this.#anyCity().id];
    const people = 1 + Math.floor(Math.random() * 2_000);
    const transfer = async (tx: Transaction): Promise<void> => {
      // Locked in the order of their ids: two transfers between the same cities then queue instead of deadlocking.
      const rows = await tx.query<Pick<City, 'id' | 'population'>>(
        `select id, population from ${this.#table} where id in (:from, :to) order by id for update`,
        { from, to },
      );
      const inhabitants = rows.find((row) => row.id === from)?.population ?? 0;
      if (inhabitants < people) throw new NotEnoughPeople();
      const move = `update ${this.#table} set population = population + :people where id = :id`;
      await tx.exec(move, { people: -people, id: from });
      await tx.exec(move, { people, id: to });
    };
    await this.#db.transaction(transfer, { timeout: '5s' });
  }

  /** QUERY, undefined-object. */
  async misspell(): Promise<void> {
    await this.#db.query(`select populatoin from ${this.#table} ${this.#words.limit(1)}`, [], READ);
  }

  /** CONSTRAINT, unique. */
  async insertTwice(): Promise<void> {
    const { id, name } = this.#anyCity();
    await this.#db.exec(
      `insert into ${this.#table} (id, name, country, population, longitude, latitude)
       values (:id, :name, 'XX', 0, 0, 0)`,
      { id, name },
    );
  }

  #anyCity(): City {
    const city = this.#cities[Math.floor(Math.random() * this.#cities.length)];
    if (city === undefined) throw new Error('There are no cities.');
    return city;
  }
}

function pick(): (typeof MIXTURE)[number] {
  let left = Math.random() * 100;
  const kind = MIXTURE.find(({ share }) => (left -= share) < 0);
  // 100 % and not a hair less; but the shares are added in floating point.
  return kind ?? { share: 70, run: 'lookUp' };
}
