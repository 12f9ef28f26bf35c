/**
 * A PostgreSQL server that is killed while a COMMIT is on its way: what outcome-crash.test.ts and outcome-flushed.test.ts do
 * to it. Each attempt has a runtime of its own, behind a relay of its own; all else goes past the relay.
 */
import { createRuntime } from 'fluxor-db';
import type { DBRuntime, QueryDefaults, Transaction, TransactionOptions } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';
import { expect } from 'vitest';
import type { PostgresMajor } from '../servers/postgres-binaries.js';
import { PostgresServer } from '../servers/postgres-server.js';
import type { OnRequest } from './request-relay.js';
import { RequestRelay } from './request-relay.js';
import { failure } from './proxied-database.js';

export interface AttemptPlan {
  readonly onCommit: OnRequest;
  /** Default: one row, `ours`. */
  readonly work?: (tx: Transaction) => Promise<void>;
  readonly user?: string;
  readonly query?: QueryDefaults;
  /** Default: it is run once. */
  readonly retry?: TransactionOptions['retry'];
  /** Before the transaction, on the same runtime: its first mark is tried behind a savepoint, and later ones go bare. */
  readonly before?: ((db: DBRuntime) => Promise<unknown>) | undefined;
}

/** How an attempt ended. */
export interface Ending {
  /** 'committed', or the error. */
  readonly end: unknown;
  readonly fates: readonly string[];
  /** How often the function was run. */
  readonly runs: number;
}

const insertOurs = async (tx: Transaction): Promise<void> => void (await tx.exec("insert into fates values ('ours')"));

/** A transaction that commits in peace, so that the mark of the next one is sent bare. */
export const warmUp = (db: DBRuntime): Promise<unknown> => db.transaction((tx) => tx.query('select 1'));

export class FateServer implements AsyncDisposable {
  readonly server: PostgresServer;

  static async start(major: PostgresMajor): Promise<FateServer> {
    return new FateServer(await PostgresServer.start({ major }));
  }

  private constructor(server: PostgresServer) {
    this.server = server;
  }

  async clear(): Promise<void> {
    await this.aside(async (db) => {
      await db.exec('drop table if exists fates');
      await db.exec('create table fates (who text)');
    });
  }

  /** Past the relay, on a connection of its own. */
  async aside<T>(fn: (db: DBRuntime) => Promise<T>): Promise<T> {
    await using db = createRuntime({ driver: postgres({ url: this.server.url }), pool: { warmUp: false } });
    return await fn(db);
  }

  rows(): Promise<string[]> {
    return this.aside(async (db) => (await db.query<{ who: string }>('select who from fates')).map(({ who }) => who));
  }

  /** How many rows of ours there are, whatever others have written. */
  async ours(): Promise<number> {
    return (await this.rows()).filter((who) => who === 'ours').length;
  }

  async crash(): Promise<void> {
    await this.server.kill();
    await this.server.start();
  }

  /** Kills one session of its own: the server ends all others, and begins anew without being started anew. */
  async crashOneSession(): Promise<void> {
    await this.aside(async (db) => {
      await using session = await db.acquire();
      process.kill(Number(session.serverId), 'SIGKILL');
      await failure(session.query('select pg_sleep(5)'));
    });
    await expect.poll(() => this.reuse(1).catch(() => 'not yet'), { timeout: 10_000 }).toBeUndefined();
  }

  /** What others do with the numbers that a crash has set free. */
  async reuse(times: number): Promise<void> {
    await this.aside(async (db) => {
      for (let n = 0; n < times; n += 1) await db.exec("insert into fates values ('theirs')");
    });
  }

  /** One transaction, whose COMMIT is in the hands of the test. */
  async attempt(plan: AttemptPlan): Promise<Ending> {
    const { onCommit, work = insertOurs, user = 'fluxor', query, retry = false, before } = plan;
    await using relay = await RequestRelay.start(this.server.url);
    const driver = postgres({ url: this.server.url, host: '127.0.0.1', port: relay.port, user });
    await using db = createRuntime({ driver, pool: { warmUp: false }, query: { resolveOutcome: true, ...query } });
    await before?.(db);
    const fates: string[] = [];
    db.on('transaction:resolved', ({ fate }) => void fates.push(fate));
    relay.onRequest = onCommit;
    let runs = 0;
    const counted = async (tx: Transaction): Promise<void> => {
      runs = tx.attempt;
      await work(tx);
    };
    const end: unknown = await db.transaction(counted, { retry }).then(
      () => 'committed',
      (error: unknown) => error,
    );
    return { end, fates, runs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.remove();
  }
}
