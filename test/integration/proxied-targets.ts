/**
 * The databases that the tests of faults put a proxy in front of: every PostgreSQL server of the run, and MySQL and MariaDB
 * through both client libraries; with what such a test has to know of their wire and of their list of sessions.
 * Invariant: the tests name no database. What differs is a phrase of the contract's words, or stands here.
 */
import type { Driver } from 'fluxor-db';
import { mariadb } from 'fluxor-db/mariadb';
import type { MysqlOptions } from 'fluxor-db/mysql';
import { mysql } from 'fluxor-db/mysql';
import { postgres } from 'fluxor-db/postgres';
import { inject } from 'vitest';
import type { Words } from '../contract/words.js';
import { mysqlWords } from '../contract/words-mysql.js';
import { POSTGRES_WORDS } from '../contract/words-postgres.js';

/** Options that every server's driver has. */
export interface RoadOptions {
  readonly host?: string;
  readonly port?: number;
  readonly password?: string;
  readonly applicationName?: string;
}

export interface ProxiedTarget {
  readonly name: string;
  readonly url: string;
  /** A database that does not exist, asked for by somebody who is told so. */
  readonly absentUrl: string;
  readonly words: Words;
  makeDriver(options?: RoadOptions, url?: string): Driver;
  /** Sessions of that name, as `{ state, query }`; state is `active` while something runs. Asked by the observer, who is not among them. */
  activity(applicationName: string): string;
  /** A statement that is the runtime's own, and no caller's. */
  isOwn(query: string): boolean;
  /** The request is a COMMIT, as the runtime sends it. */
  readonly isCommit: (chunk: Buffer) => boolean;
  /** How the runtime's BEGIN begins. */
  readonly begin: string;
  /** An expression that takes so many seconds. */
  pause(seconds: string): string;
  /** What is done to a row that is there already: nothing. */
  insertUnlessThere(table: string, value: string): string;
}

/** With it every connection finds out whether a pooler stands between (src/driver/postgres/postgres-session.ts). */
const OPENING_QUESTION = 'select coalesce(pg_catalog.pg_backend_pid()';

/** What the runtime says around the statements of its callers: whoever waits for a caller's statement must not take it for one. */
const TRANSACTION_CONTROL = /^(begin|start transaction|commit|rollback|savepoint|release)\b/;

const absent = (url: string): string => url.replace(/\/[^/]*$/, '/no_such_database');

export function postgresTarget(url: string, name = 'PostgreSQL'): ProxiedTarget {
  return {
    name,
    url,
    absentUrl: absent(url),
    words: POSTGRES_WORDS,
    makeDriver: (options, at = url) => postgres({ url: at, ...options }),
    activity: (applicationName) =>
      `select state, query from pg_stat_activity where application_name = '${applicationName}' order by pid`,
    isOwn: (query) => query === '' || query.startsWith(OPENING_QUESTION) || TRANSACTION_CONTROL.test(query),
    isCommit: (chunk) => chunk.includes('commit\0'),
    begin: 'begin',
    pause: (seconds) => `pg_sleep(${seconds})`,
    insertUnlessThere: (table, value) => `insert into ${table} values (${value}) on conflict do nothing`,
  };
}

const MYSQL_CLIENTS: Readonly<Record<string, (options: MysqlOptions) => Driver>> = { mysql2: mysql, mariadb };

function mysqlTargets(): ProxiedTarget[] {
  return inject('mysqlServers').flatMap(({ name, url, adminUrl, product }) =>
    Object.entries(MYSQL_CLIENTS).map(([client, make]) => ({
      name: `${client} × ${name}`,
      url,
      absentUrl: absent(adminUrl ?? url),
      words: mysqlWords({ isMariaDb: product === 'mariadb' }),
      makeDriver: (options: RoadOptions = {}, at: string = url) => make({ url: at, ...options }),
      // Neither lists the names of its sessions to everybody: all are this test's, but for the one that asks, and for those
      // that still wait for a client of another test, whose end they do not notice.
      activity: (
        applicationName: string,
      ) => `select if(command in ('Query', 'Execute'), 'active', 'idle') as state, coalesce(info, '') as query
        from information_schema.processlist
        where user = substring_index(user(), '@', 1) and id <> connection_id()
          and (info is null or info not like '%sleep(%' or info like '%${applicationName}%') order by id`,
      isOwn: (query: string) =>
        query === '' || /^(set names|do 0|kill )/.test(query) || TRANSACTION_CONTROL.test(query),
      // The last bytes of a packet that has no end of its own, and of one that is short.
      isCommit: (chunk: Buffer) => chunk.length < 16 && chunk.subarray(-6).toString('latin1') === 'commit',
      begin: 'start transaction',
      // Not sleep(): all sleepers of MariaDB share one lock, and a KILL of several of them waits for it, up to 2 s.
      pause: (seconds: string) => `benchmark(${seconds} * 10000000, sha2('pause', 256))`,
      insertUnlessThere: (table: string, value: string) => `insert ignore into ${table} values (${value})`,
    })),
  );
}

export function proxiedTargets(): ProxiedTarget[] {
  return [...inject('postgresServers').map(({ name, url }) => postgresTarget(url, name)), ...mysqlTargets()];
}
