/**
 * The driver of the modelled database: what PostgreSQL does with a session, on processors that are shared. It speaks
 * PostgreSQL's errors, and they are judged by the code that judges the real ones.
 *
 * - a login, a cancel and a ping are work too (a process is forked, a password hashed);
 * - a cancel reaches its statement when the server has found time for it, and is obeyed some work later;
 * - a server does not notice that its client is gone before it has something to tell it: what runs, runs on, and keeps
 *   its session (`client_connection_check_interval` is 0 by default).
 */
import type { ConnectRequest, Driver, DriverConnection, SessionState } from '../../src/driver/driver.js';
import type { DriverQuery, DriverResult } from '../../src/driver/query.js';
import { classifyPostgresError } from '../../src/driver/postgres/postgres-errors.js';
import { postgresTransactions } from '../../src/driver/postgres/postgres-transactions.js';
import type { Random } from '../../src/kernel/random.js';
import type { DatabaseModel, Job } from './fleet-database.js';

/** Milliseconds of one processor. */
export const WORK = {
  /** A statement takes half of this to one and a half times this. */
  statement: 20,
  /** Fork, catalogue caches, and 4,096 rounds of SHA-256 (SCRAM). */
  login: 5,
  /** Fork and signal; or fork and "too many clients". */
  cancel: 0.5,
  ping: 0.1,
  /** How far a statement runs on before it looks whether it was cancelled. */
  untilNoticed: 2,
} as const;

const RESULT: DriverResult = { rows: [[1]], fields: [], rowsAffected: 0, command: 'SELECT' };

const TOO_MANY = { severity: 'FATAL', code: '53300', message: 'sorry, too many clients already' };
const CANCELLED = { severity: 'ERROR', code: '57014', message: 'canceling statement due to user request' };

/** The sessions of the one server that all drivers of a fleet connect to. */
export class FleetServer {
  readonly database: DatabaseModel;
  readonly random: Random;
  readonly #maxSessions: number;
  sessions = 0;
  /** Counted from the start. */
  statements = 0;
  logins = 0;
  refused = 0;

  constructor(database: DatabaseModel, maxSessions: number, random: Random) {
    this.database = database;
    this.random = random;
    this.#maxSessions = maxSessions;
  }

  connect({ signal }: ConnectRequest): Promise<FleetSession> {
    return new Promise((resolve, reject) => {
      const isFull = this.sessions >= this.#maxSessions;
      if (isFull) this.refused += 1;
      else this.sessions += 1;
      this.logins += 1;
      let isGone = false;
      this.database.start(isFull ? WORK.cancel : WORK.login, () => {
        if (!isFull && isGone) this.sessions -= 1;
        if (isGone) return;
        if (isFull) reject(serverError(TOO_MANY));
        else resolve(new FleetSession(this, this.logins));
      });
      const giveUp = () => {
        isGone = true;
        reject(new Error('Connection terminated unexpectedly'));
      };
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }
}

class FleetSession implements DriverConnection {
  readonly sessionId: string;
  bytesWritten = 0;
  readonly #server: FleetServer;
  #state: SessionState = 'idle';
  #isCancelled = false;
  #running: { readonly job: Job; readonly reject: (error: unknown) => void } | undefined;

  constructor(server: FleetServer, id: number) {
    this.#server = server;
    this.sessionId = String(id);
  }

  get state(): SessionState {
    return this.#state;
  }

  execute(_query: DriverQuery): Promise<DriverResult> {
    this.#server.statements += 1;
    return this.#run(WORK.statement * (0.5 + this.#server.random()));
  }

  async untilReady(): Promise<void> {
    if (this.#state === 'closed') throw new Error('Connection terminated unexpectedly');
  }

  cancel(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.database.start(WORK.cancel, () => {
        if (this.#running !== undefined) {
          this.#isCancelled = true;
          this.#server.database.shorten(this.#running.job, WORK.untilNoticed);
        }
        resolve();
      });
    });
  }

  async ping(): Promise<void> {
    await this.#run(WORK.ping);
  }

  async reset(): Promise<void> {
    await this.#run(WORK.ping);
  }

  async close(): Promise<void> {
    this.destroy();
  }

  destroy(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    if (this.#running === undefined) this.#server.sessions -= 1;
    else this.#running.reject(new Error('Connection terminated unexpectedly'));
  }

  #run(workMs: number): Promise<DriverResult> {
    if (this.#state !== 'idle') return Promise.reject(new Error('Client was closed and is not queryable'));
    this.#state = 'busy';
    this.#isCancelled = false;
    this.bytesWritten += 1;
    return new Promise((resolve, reject) => {
      const job = this.#server.database.start(workMs, () => {
        this.#running = undefined;
        if (this.#state === 'closed') {
          this.#server.sessions -= 1;
          return;
        }
        this.#state = 'idle';
        if (this.#isCancelled) reject(serverError(CANCELLED));
        else resolve(RESULT);
      });
      this.#running = { job, reject };
    });
  }
}

export function fleetDriver(server: FleetServer): Driver {
  const endpoint = 'postgres://fleet@model:5432/fleet';
  return {
    name: 'model',
    dialect: 'postgres',
    endpoint,
    transactions: postgresTransactions,
    capabilities: {
      canCancel: true,
      maxSessions: Infinity,
      hasSavepoints: true,
      pipelining: false,
      statements: 'driver',
    },
    load: async () => undefined,
    connect: (request) => server.connect(request),
    classify: (error, situation) => classifyPostgresError(error, situation, endpoint),
    close: async () => undefined,
  };
}

function serverError(fields: { severity: string; code: string; message: string }): Error {
  return Object.assign(new Error(fields.message), fields);
}
