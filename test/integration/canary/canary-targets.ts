/**
 * The databases that secrets are sent through, each logged in to with a canary for a password where it has one, and for each of
 * them everything that a server can be made to say about a value.
 */
import type { Driver, Sql } from 'fluxor-db';
import { createRuntime, sql } from 'fluxor-db';
import { mariadb } from 'fluxor-db/mariadb';
import { mysql } from 'fluxor-db/mysql';
import { oracle } from 'fluxor-db/oracle';
import { pglite } from 'fluxor-db/pglite';
import { postgres } from 'fluxor-db/postgres';
import { inject } from 'vitest';
import { startOracleServer } from '../oracle-house.js';
import { CANARY } from './canaries.js';

/** What every door takes. */
export interface LoginOptions {
  readonly password?: string;
  readonly ssl?: { readonly key: string; readonly cert: string; readonly passphrase: string; readonly ca: string };
  readonly credentials?: () => Promise<{ password: string }>;
}

export interface OpenTarget {
  /** With the canary as its password. */
  readonly url: string;
  /** `undefined` where nobody logs in. */
  readonly login: ((options: LoginOptions) => Driver) | undefined;
  readonly makeDriver: () => Driver;
  /** A table `birds` with `id`, `name` (unique, checked), `amount`, `seen`, `data`, `raw`. */
  readonly setup: readonly string[];
  /** Each fails at the server, or before it is sent, with a value in it. */
  readonly failing: readonly (string | Sql)[];
  /** Texts of statements that hold the literal in all ways in which one can be written. */
  readonly written: readonly string[];
  /** Runs for seconds; `undefined` where it cannot be stopped. */
  readonly sleep: string | undefined;
  /** Ends the connection that asks; `undefined` where that cannot be asked for. */
  readonly suicide: string | undefined;
  /** Of a row, in the database's own words. */
  readonly insert: string;
  stop(): Promise<void>;
}

export interface CanaryTarget {
  readonly name: string;
  readonly open: () => Promise<OpenTarget>;
}

export function canaryTargets(): CanaryTarget[] {
  const ofPostgres = inject('postgresServers').map(({ name, url }) => ({ name, open: () => openPostgres(url) }));
  const ofMysql = inject('mysqlServers').flatMap(({ name, url, adminUrl }) =>
    Object.entries({ mysql2: mysql, mariadb }).map(([client, make]) => ({
      name: `${client} × ${name}`,
      open: () => openMysql(adminUrl ?? url, make),
    })),
  );
  const ofOracle = inject('postgresServers').length === 0 ? [] : [{ name: 'Oracle wire server', open: openOracle }];
  return [...ofPostgres, { name: 'PGlite', open: openPglite }, ...ofMysql, ...ofOracle];
}

const { literal, text, json, raised, whole, big, date, element } = CANARY;

const INSERT = 'insert into birds (id, name, amount) values (:id, :name, :amount)';

const POSTGRES_SETUP = [
  'drop table if exists birds, nests',
  `create table birds (id bigint primary key, name text unique check (name <> '${text}-refused'), amount int not null,
    seen timestamptz, data jsonb, raw bytea)`,
  'create table nests (bird text references birds (name))',
  `create or replace function sing(song text, state text) returns int language plpgsql as $$
    begin raise exception using message = song, errcode = state, detail = song, hint = song; end $$`,
  `create or replace function hum() returns int language plpgsql as $$
    begin raise exception '${raised}' using detail = '${raised}', errcode = '42P01'; end $$`,
];

/** Codes that PL/pgSQL may borrow, of every class that is told in words of the server. */
const BORROWED = [
  ...[
    'P0001',
    '57014',
    '40001',
    '40P01',
    '08006',
    '28000',
    '28P01',
    '3D000',
    '42P01',
    '42601',
    '42710',
    '42501',
    '22023',
  ],
  ...[
    '23505',
    '53300',
    '57P01',
    '57P03',
    '55P03',
    '25006',
    'XX000',
    '0A000',
    '54000',
    '55000',
    '2BP01',
    '26000',
    'ZZ999',
  ],
];

const POSTGRES_FAILING: readonly (string | Sql)[] = [
  sql`insert into birds (id, name, amount) values (1, ${text}, 1)`,
  sql`insert into birds (id, name, amount) values (${big}, ${text}, 1)`,
  sql`insert into birds (id, name, amount) values (2, ${`${text}-refused`}, 1)`,
  sql`insert into birds (id, name, amount, raw) values (3, ${`${text}-3`}, ${null}, ${Buffer.from(CANARY.buffer)})`,
  sql`insert into nests values (${`${text}-nowhere`})`,
  sql`select ${text}::text::int`,
  sql`select ${text}::text::timestamptz`,
  sql`select ${text}::text::uuid`,
  sql`select ${`{"a": ${json}`}::text::json`,
  sql`select ${`{${element}`}::text::int[]`,
  sql`select ${big}::bigint::int`,
  sql`select ${big}::bigint * ${big}::bigint`,
  sql`select lo_open(${whole}::oid, 131072)`,
  sql`select set_byte(${Buffer.from(CANARY.buffer)}::bytea, ${whole}::int, 1)`,
  sql`select chr(${whole}::int)`,
  sql`select nextval(${text}::text)`,
  sql`select ${text}::text::regclass`,
  sql`select ${text}::text::regtype, ${text}::text::regprocedure`,
  sql`select set_config('work_mem', ${text}, true)`,
  sql`select set_config('role', ${text}, true)`,
  sql`select current_setting(${text})`,
  sql`select to_date(${text}, 'YYYY-MM-DD')`,
  sql`select make_date(${whole}::int, 13, 1)`,
  sql`select regexp_replace('x', ${`(${text}`}, 'y')`,
  sql`select ${date}::timestamptz + ${text}::text::interval`,
  sql`select encode('x'::bytea, ${text})`,
  sql`select convert_from(${Buffer.from([0xff, 0xfe])}, ${text})`,
  sql`select ${`a\0${text}`}::text`,
  sql`select repeat(${text}::text, ${whole}::int)`,
  `select '${literal}'::int`,
  `select '${literal}'::regclass`,
  `select '${literal}'::regproc`,
  `select '${literal}'::regrole`,
  `select nextval('${literal}')`,
  `select date '${literal}'`,
  `select '${literal}' 'again' from from`,
  `select E'\\'${literal}' $$ ${literal} $$`,
  `select 'open and ${literal}`,
  `select $canary$ ${literal}`,
  `selec '${literal}'`,
  `select * from birds where name = '${literal}' and nothing = 1`,
  `set work_mem = '${literal}'`,
  `set role '${literal}'`,
  `set time zone '${literal}'`,
  `set search_path = '${literal}'; select 1`,
  `do $$ begin raise exception '${raised}'; end $$`,
  `do $$ begin execute 'select ''${literal}''::int'; end $$`,
  'select hum()',
  ...BORROWED.map((state) => sql`select sing(${raised}, ${state})`),
];

const POSTGRES_WRITTEN = [
  `select '${literal}'`,
  `select E'${literal}', $$${literal}$$, $tag$${literal}$tag$, U&'${literal}'`,
  `select 1 /* ${literal} */ -- ${literal}`,
  `select n from (values ('${literal}'), ('${literal}')) as list(n) where n in ('${literal}', '${literal}')`,
  `select '${literal}' 
     'more ${literal}'`,
];

async function openPostgres(url: string): Promise<OpenTarget> {
  const admin = createRuntime({ driver: postgres({ url }), pool: { maxSize: 1 } });
  const user = `canary_${Date.now()}`;
  await admin.exec(`create role ${user} login password '${CANARY.password}'`);
  await admin.exec(`create schema ${user} authorization ${user}`);
  const own = Object.assign(new URL(url), { username: user, password: CANARY.password }).href;
  return {
    ...{ url: own, setup: POSTGRES_SETUP, failing: POSTGRES_FAILING, written: POSTGRES_WRITTEN, insert: INSERT },
    makeDriver: () => postgres({ url: own }),
    login: (options) => postgres({ url: Object.assign(new URL(own), { password: '' }).href, ...options }),
    sleep: `select pg_sleep(20), '${literal}'`,
    suicide: `select pg_terminate_backend(pg_backend_pid()), '${literal}'`,
    stop: async () => {
      await admin.exec(`drop owned by ${user} cascade`);
      await admin.exec(`drop role ${user}`);
      await admin.disconnect();
    },
  };
}

async function openPglite(): Promise<OpenTarget> {
  const isLeftOut = (statement: string | Sql): boolean => JSON.stringify(statement).includes('lo_open');
  return {
    ...{ url: 'pglite:', setup: POSTGRES_SETUP, written: POSTGRES_WRITTEN, insert: INSERT, login: undefined },
    failing: POSTGRES_FAILING.filter((statement) => !isLeftOut(statement)),
    makeDriver: () => pglite(),
    ...{ sleep: undefined, suicide: undefined },
    stop: async () => undefined,
  };
}

const MYSQL_SETUP = [
  'drop table if exists nests',
  'drop table if exists birds',
  `create table birds (id bigint primary key, name varchar(60) unique, amount int not null, seen datetime(3),
    data json, raw varbinary(100), small tinyint, constraint refused check (name <> '${text}-refused'))`,
  'create table nests (bird varchar(60), foreign key (bird) references birds (name))',
  'drop procedure if exists sing',
  `create procedure sing(song varchar(100)) begin signal sqlstate '45000' set message_text = song; end`,
  'drop procedure if exists hum',
  `create procedure hum() begin signal sqlstate '42S02' set message_text = '${raised}', mysql_errno = 1146; end`,
  'drop procedure if exists growl',
  `create procedure growl() begin signal sqlstate 'HY000' set message_text = '${raised}', mysql_errno = 1045; end`,
  'drop procedure if exists bark',
  `create procedure bark() begin signal sqlstate '40001' set message_text = '${raised}', mysql_errno = 1213; end`,
];

const MYSQL_FAILING: readonly (string | Sql)[] = [
  sql`insert into birds (id, name, amount) values (1, ${text}, 1)`,
  sql`insert into birds (id, name, amount) values (${big}, ${text}, 1)`,
  sql`insert into birds (id, name, amount) values (2, ${`${text}-refused`}, 1)`,
  sql`insert into birds (id, name, amount, raw) values (3, ${`${text}-3`}, ${null}, ${Buffer.from(CANARY.buffer)})`,
  sql`insert into birds (id, name, amount) values (4, ${`${text}-4`}, ${text})`,
  sql`insert into birds (id, name, amount, seen) values (5, ${`${text}-5`}, 1, ${text})`,
  sql`insert into birds (id, name, amount, data) values (6, ${`${text}-6`}, 1, ${`{"a": ${json}`})`,
  sql`insert into birds (id, name, amount, small) values (7, ${`${text}-7`}, 1, ${whole})`,
  sql`insert into birds (id, name, amount) values (8, ${text.repeat(20)}, 1)`,
  sql`insert into nests values (${`${text}-nowhere`})`,
  sql`select json_extract(${`{"a": ${json}`}, '$')`,
  sql`select json_extract('{}', ${text})`,
  sql`select st_geomfromtext(${`POINT(${text})`})`,
  sql`select cast(${big} as signed) * ${big} * ${big}`,
  sql`select regexp_replace('x', ${`(${text}`}, 'y')`,
  sql`select ${date} + interval 1 day, extractvalue(${`<${text}`}, ${`//${text}[`})`,
  sql`select ${element} from nowhere`,
  sql`call sing(${raised})`,
  'call hum()',
  'call growl()',
  'call bark()',
  `select '${literal}' 'again' from from`,
  `select "${literal}", nothing from birds`,
  `selec '${literal}'`,
  `select 'open and ${literal}`,
  `set session sql_mode = '${literal}'`,
  `set time_zone = '${literal}'`,
  `set names '${literal}'`,
  `select convert('x' using latin1) collate '${literal}'`,
  `insert into birds (id, name, amount) values (9, 'nine', '${literal}')`,
  `select str_to_date('${literal}', '%Y'), date '${literal}'`,
  `kill ${whole}`,
];

const MYSQL_WRITTEN = [
  `select '${literal}'`,
  `select "${literal}", n'${literal}', _utf8mb4'${literal}'`,
  `select 1 /* ${literal} */ -- ${literal}`,
  `select * from birds where name in ('${literal}', '${literal}')`,
];

async function openMysql(url: string, make: typeof mysql | typeof mariadb): Promise<OpenTarget> {
  const admin = createRuntime({ driver: mysql({ url }), pool: { maxSize: 1 } });
  const user = `canary_${Date.now() % 1_000_000_000}`;
  await admin.exec(`create database ${user}`);
  await admin.exec(`create user ${user} identified by '${CANARY.password}'`);
  await admin.exec(`grant all on ${user}.* to ${user}`);
  const own = Object.assign(new URL(url), { username: user, password: CANARY.password, pathname: `/${user}` }).href;
  const options = { allowPublicKeyRetrieval: true };
  return {
    ...{ url: own, setup: MYSQL_SETUP, failing: MYSQL_FAILING, written: MYSQL_WRITTEN, insert: INSERT },
    makeDriver: () => make({ url: own, ...options }),
    login: ({ ssl, ...login }) => {
      const noPassword = Object.assign(new URL(own), { password: '' }).href;
      return make({ url: noPassword, ...options, ...login, ...(ssl === undefined ? {} : { tls: ssl }) });
    },
    sleep: `select sleep(20), '${literal}'`,
    suicide: `kill connection_id() /* ${literal} */`,
    stop: async () => {
      await admin.exec(`drop user ${user}`);
      await admin.exec(`drop database ${user}`);
      await admin.disconnect();
    },
  };
}

const ORACLE_FAILING: readonly (string | Sql)[] = [
  sql`insert into birds (id, name, amount) values (1, ${text}, 1)`,
  sql`insert into birds (id, name, amount) values (2, ${`${text}-2`}, ${null})`,
  sql`select to_number(${text}) from dual`,
  sql`select to_date(${text}, 'YYYY-MM-DD') from dual`,
  `select to_number('${literal}') from dual`,
  `select '${literal}' from nowhere`,
  `selec '${literal}'`,
  `begin raise_application_error(-20001, '${raised}'); end;`,
];

async function openOracle(): Promise<OpenTarget> {
  const server = await startOracleServer('23ai', { users: { canary: CANARY.password } });
  return {
    url: server.url,
    setup: [
      'create table birds (id number(19) primary key, name varchar2(60) unique, amount number(9) not null, seen timestamp)',
    ],
    failing: ORACLE_FAILING,
    written: [`select '${literal}' from dual`, `select q'[${literal}]' from dual /* ${literal} */`],
    insert: INSERT,
    makeDriver: () => oracle({ url: server.url }),
    login: ({ ssl: _none, ...options }) =>
      oracle({ url: Object.assign(new URL(server.url), { password: '' }).href, ...options }),
    ...{ sleep: `begin dbms_session.sleep(20); /* ${literal} */ end;`, suicide: undefined },
    stop: () => server.stop(),
  };
}
