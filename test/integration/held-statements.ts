/**
 * Statements on a PostgreSQL server that run until the test lets them go, so that no moment has to be met: each waits for a lock
 * that a session past the proxy holds.
 * Invariant: two groups of the same house have locks of their own.
 */
import type { Session } from 'fluxor-db';
import type { ProxiedDatabase } from './proxied-database.js';

/** Any; the same for all, and told apart by the second number. */
const LOCK_CLASS = 41;

export class HeldStatements {
  readonly #house: ProxiedDatabase;
  readonly #holder: Session;
  readonly #lock: string;

  static async of(house: ProxiedDatabase): Promise<HeldStatements> {
    const holder = await house.direct.acquire();
    // The session that holds it gives it its number: nobody else's statements are held by it.
    const lock = `${LOCK_CLASS}, ${await holder.queryValue<number>('select pg_backend_pid()')}`;
    await holder.query(`select pg_advisory_lock(${lock})`);
    return new HeldStatements(house, holder, lock);
  }

  private constructor(house: ProxiedDatabase, holder: Session, lock: string) {
    this.#house = house;
    this.#holder = holder;
    this.#lock = lock;
  }

  /** Runs until `letGo()`, beside others of its kind, and answers 'held'. */
  begin(): Promise<unknown> {
    return this.#house.db.queryValue(`select 'held' from pg_advisory_xact_lock_shared(${this.#lock})`, [], {
      timeout: '30s',
    });
  }

  /** So many of them are at the server. */
  untilHeld(count = 1): Promise<void> {
    return this.#house.untilRunning(`pg_advisory_xact_lock_shared(${this.#lock})`, count);
  }

  async letGo(): Promise<void> {
    await this.#holder.query(`select pg_advisory_unlock(${this.#lock})`);
    this.#holder.release();
  }
}
