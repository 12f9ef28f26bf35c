/**
 * The databases that the bank stands on: PostgreSQL, MySQL and MariaDB through either client library, and Oracle's wire server with
 * PostgreSQL behind it. What differs between them is here; bank.ts, storm.ts and audit.ts speak the SQL they have in common.
 * Invariant: the server belongs to the bank alone, which kills it.
 */
import type { Driver } from 'fluxor-db';
import { mariadb } from 'fluxor-db/mariadb';
import type { MysqlOptions } from 'fluxor-db/mysql';
import { mysql } from 'fluxor-db/mysql';
import { oracle } from 'fluxor-db/oracle';
import { postgres } from 'fluxor-db/postgres';
import type { MysqlServer } from '../../servers/mysql-server.js';
import type { PostgresServer } from '../../servers/postgres-server.js';
import type { OracleProcess } from '../../support/oracle-wire/oracle-process.js';

/** As much of a server as the storm needs. */
export interface BankServer {
  readonly host: string;
  readonly port: number;
  kill(): Promise<void>;
  start(): Promise<void>;
}

export interface DriverOptions {
  readonly host?: string;
  readonly port?: number;
  readonly applicationName?: string;
}

export interface BankDatabase {
  readonly server: BankServer;
  makeDriver(options?: DriverOptions): Driver;
  /** For looking at the bank from outside; `sessions` counts none of its sessions. */
  makeDirectDriver(): Driver;
  /** The type of a balance. */
  readonly bigint: string;
  /** Drops a table that may be there. */
  readonly drop: (table: string) => string;
  /** Makes what `move` needs. */
  readonly setup: readonly string[];
  /** A whole transfer as one statement that commits by itself, with :id, :source, :target and :amount. */
  readonly move: string;
  /** Counts the bank's sessions at the server. */
  sessions(applicationName: string): string;
  /** The request is a COMMIT, as the runtime sends it. */
  readonly isCommit: (chunk: Buffer) => boolean;
  /** A COMMIT that was kept by a server which then crashed can be proved (decision 0017). */
  readonly provesCommitsAfterCrash: boolean;
  /** With `resolveOutcome`, each lost COMMIT can be asked for. */
  readonly asksForEach: boolean;
}

const dropIfThere = (table: string): string => `drop table if exists ${table}`;

export function onPostgres(server: PostgresServer): BankDatabase {
  return {
    server,
    makeDriver: (options) => postgres({ url: server.url, ...options }),
    makeDirectDriver: () => postgres({ url: server.url }),
    bigint: 'bigint',
    drop: dropIfThere,
    setup: [],
    move: `with noted as (insert into transfers values (:id, :source, :target, :amount, 1) returning 1)
      update accounts set balance = balance + case id when :source then -:amount::int else :amount::int end
      where id in (:source, :target)`,
    sessions: (applicationName) =>
      `select count(*) from pg_stat_activity where application_name = '${applicationName}'`,
    isCommit: (chunk) => chunk.includes('commit\0'),
    provesCommitsAfterCrash: server.major >= 17,
    asksForEach: true,
  };
}

export type MysqlClient = 'mysql2' | 'mariadb';

const CLIENTS: Readonly<Record<MysqlClient, (options: MysqlOptions) => Driver>> = { mysql2: mysql, mariadb };

export function onMysql(server: MysqlServer, client: MysqlClient): BankDatabase {
  return {
    server,
    makeDriver: (options) => CLIENTS[client]({ url: server.url, ...options }),
    makeDirectDriver: () => CLIENTS[client]({ url: server.adminUrl, database: server.database }),
    bigint: 'bigint',
    drop: dropIfThere,
    // No statement writes to two tables, but a trigger belongs to the statement that fires it.
    setup: [
      'drop table if exists orders',
      'create table orders (id int not null, source int not null, target int not null, amount int not null)',
      `create trigger orders_are_carried_out after insert on orders for each row begin
         insert into transfers values (new.id, new.source, new.target, new.amount, 1);
         update accounts set balance = balance + if(id = new.source, -new.amount, new.amount)
           where id in (new.source, new.target);
       end`,
    ],
    move: 'insert into orders values (:id, :source, :target, :amount)',
    // Not everybody is told the names of sessions, but all are told whose they are; who asks is somebody else, and may have
    // two: its driver keeps one for KILL.
    sessions: () => `select count(*) from information_schema.processlist where user = '${server.user}'`,
    // The last bytes of a packet that has no end of its own, and of one that is short.
    isCommit: (chunk) => chunk.length < 16 && chunk.subarray(-6).toString('latin1') === 'commit',
    provesCommitsAfterCrash: false,
    asksForEach: false,
  };
}

/** The server stays up, and its instance is what comes and goes: PostgreSQL keeps the money, and the sessions' ends are asked for. */
export function onOracle(server: OracleProcess): BankDatabase {
  const { url } = server;
  return {
    server: {
      host: '127.0.0.1',
      port: server.port,
      kill: async () => {
        await server.setInstance('down');
        await server.fault('stopListening');
        await server.fault('cutAll');
      },
      start: async () => {
        await server.setInstance('open');
        await server.fault('listenAgain');
      },
    },
    makeDriver: (options) => oracle({ url, columnNames: 'lower', ...options }),
    makeDirectDriver: () => oracle({ url, columnNames: 'lower' }),
    bigint: 'number(19)',
    // IF EXISTS has come with 23ai.
    drop: (table) => `begin execute immediate 'drop table ${table}'; exception when others then null; end;`,
    setup: [],
    // What is done before a statement of a block fails is undone with it.
    move: `begin
        insert into transfers values (:id, :source, :target, :amount, 1);
        update accounts set balance = balance - :amount where id = :source;
        update accounts set balance = balance + :amount where id = :target;
      end;`,
    sessions: (applicationName) => `select count(*) from v$session where module = '${applicationName}'`,
    isCommit: (chunk) => chunk.length < 32 && chunk.subarray(10, 12).equals(COMMIT_CALL),
    provesCommitsAfterCrash: true,
    // Not for the one that follows a statement which was broken off on its session: its id may be an old one.
    asksForEach: false,
  };
}

/** A function, and which one: behind the eight bytes of a packet's head and two of flags. */
const COMMIT_CALL = Buffer.from([3, 14]);
