/** PostgreSQL's errors for error-contract.ts. Every name has its schema: a search path would be lost behind a pooler. */
import { failureOf, run } from './contract-session.js';
import type { ErrorCases } from './error-cases.js';

export const POSTGRES_ERRORS: ErrorCases = {
  parents: 'errors.parents',
  children: 'errors.children',
  setup: [
    'drop schema if exists errors cascade',
    'create schema errors',
    'create table errors.parents (id int primary key)',
    `create table errors.children (id int primary key, parent int references errors.parents, name text not null,
       age int constraint adult check (age >= 18), during int4range, exclude using gist (during with &&))`,
    `create function errors.complain() returns int language plpgsql as $$ begin raise exception 'secret-marker'; end $$`,
    'insert into errors.parents values (1)',
    "insert into errors.children values (1, 1, 'a', 20, '[1,5)')",
  ],
  teardown: ['drop schema errors cascade'],
  cases: [
    { sql: "insert into errors.children values (1, 1, 'secret-marker')", is: { code: 'CONSTRAINT', reason: 'unique' } },
    {
      sql: "insert into errors.children values (2, 99, 'secret-marker')",
      is: { code: 'CONSTRAINT', reason: 'foreign-key' },
    },
    { sql: 'insert into errors.children values (2, 1, null)', is: { code: 'CONSTRAINT', reason: 'not-null' } },
    {
      sql: "insert into errors.children values (2, 1, 'secret-marker', 5)",
      is: { code: 'CONSTRAINT', reason: 'check' },
    },
    {
      sql: "insert into errors.children values (2, 1, 'secret-marker', 20, '[2,3)')",
      is: { code: 'CONSTRAINT', reason: 'exclusion' },
    },
    { sql: "selec 'secret-marker'", is: { code: 'QUERY', reason: 'syntax' } },
    { sql: 'select * from nowhere', is: { code: 'QUERY', reason: 'undefined-object', sqlState: '42P01' } },
    { sql: 'select nothing from errors.parents', is: { code: 'QUERY', reason: 'undefined-object', sqlState: '42703' } },
    { sql: 'select no_function()', is: { code: 'QUERY', reason: 'undefined-object', sqlState: '42883' } },
    { sql: 'create table errors.parents (id int)', is: { code: 'QUERY', reason: 'duplicate-object' } },
    { sql: 'select 1/0', is: { code: 'QUERY', reason: 'data', sqlState: '22012' } },
    {
      sql: 'select $1::text::int',
      values: ['secret-marker'],
      is: { code: 'QUERY', reason: 'data', sqlState: '22P02' },
    },
    { sql: 'select 99999999999::int', is: { code: 'QUERY', reason: 'data', sqlState: '22003' } },
    { sql: 'select errors.complain()', is: { code: 'QUERY', reason: 'application', sqlState: 'P0001' } },
    { sql: 'rollback to savepoint nowhere', is: { code: 'TRANSACTION', reason: 'invalid-state' } },
  ],
  uniqueNames: { constraint: 'children_pkey', table: 'children' },
  notNullNames: { column: 'name', table: 'children' },

  async permission({ connection }) {
    for (const text of [
      'drop role if exists nobody_special',
      'create role nobody_special',
      'grant usage on schema errors to nobody_special',
      'begin',
      'set local role nobody_special',
    ]) {
      await run(connection, text);
    }
    const native = await failureOf(connection, 'select * from errors.parents');
    for (const text of ['rollback', 'revoke usage on schema errors from nobody_special', 'drop role nobody_special']) {
      await run(connection, text);
    }
    return native;
  },

  async limit({ connection }) {
    await run(connection, 'begin');
    await run(connection, "set local statement_timeout to '50ms'");
    const native = await failureOf(connection, 'select pg_sleep(30)');
    await run(connection, 'rollback');
    return native;
  },

  hastenDeadlock: ["set local deadlock_timeout to '50ms'"],
  refusesStaleWrites: true,

  async lockTimeout(one, other) {
    await run(other.connection, 'lock table errors.parents');
    await run(one.connection, "set local lock_timeout to '50ms'");
    return failureOf(one.connection, 'update errors.parents set id = id where id = 101');
  },
};
