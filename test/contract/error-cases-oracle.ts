/** Oracle's errors for error-contract.ts. A statement that failed is undone alone; ORA numbers, where PostgreSQL has SQLSTATEs. */
import { failureOf, run } from './contract-session.js';
import type { ErrorCases } from './error-cases.js';

const children = (values: string): string => `insert into errors_children values ${values}`;

export const ORACLE_ERRORS: ErrorCases = {
  parents: 'errors_parents',
  children: 'errors_children',
  setup: [
    'drop table if exists errors_children',
    'drop table if exists errors_parents',
    'create table errors_parents (id number(9) primary key)',
    `create table errors_children (id number(9) constraint errors_children_key primary key, parent number(9),
       name varchar2(20) not null, age number(9), constraint adult check (age >= 18),
       constraint errors_children_parent foreign key (parent) references errors_parents (id))`,
    'insert into errors_parents values (1)',
    children("(1, 1, 'a', 20)"),
  ],
  teardown: ['drop table errors_children', 'drop table errors_parents'],
  cases: [
    { sql: children("(1, 1, 'secret-marker', 20)"), is: { code: 'CONSTRAINT', reason: 'unique', vendorCode: 1 } },
    { sql: children("(2, 99, 'secret-marker', 20)"), is: { code: 'CONSTRAINT', reason: 'foreign-key' } },
    { sql: children('(2, 1, null, 20)'), is: { code: 'CONSTRAINT', reason: 'not-null' } },
    { sql: children("(2, 1, 'secret-marker', 5)"), is: { code: 'CONSTRAINT', reason: 'check' } },
    { sql: 'delete from errors_parents where id = 1', is: { code: 'CONSTRAINT', reason: 'foreign-key' } },
    { sql: "selec 'secret-marker'", is: { code: 'QUERY', reason: 'syntax' } },
    { sql: 'select * from nowhere', is: { code: 'QUERY', reason: 'undefined-object', vendorCode: 942 } },
    { sql: 'select nothing from errors_parents', is: { code: 'QUERY', reason: 'undefined-object', vendorCode: 904 } },
    { sql: 'select no_function(1) from dual', is: { code: 'QUERY', reason: 'undefined-object', vendorCode: 904 } },
    { sql: 'create table errors_parents (id number(9))', is: { code: 'QUERY', reason: 'duplicate-object' } },
    { sql: 'select 1/0 from dual', is: { code: 'QUERY', reason: 'data', vendorCode: 1476 } },
    {
      sql: 'select to_number(:1) from dual',
      values: ['secret-marker'],
      is: { code: 'QUERY', reason: 'data', vendorCode: 1722 },
    },
    {
      sql: children("(2, 1, 'secret-marker is too long', 20)"),
      is: { code: 'QUERY', reason: 'data', vendorCode: 12899 },
    },
    {
      sql: 'insert into errors_parents values (99999999999)',
      is: { code: 'QUERY', reason: 'data', vendorCode: 1438 },
    },
    {
      sql: "begin raise_application_error(-20001, 'secret-marker'); end;",
      is: { code: 'QUERY', reason: 'application', vendorCode: 20001 },
    },
    { sql: 'rollback to savepoint nowhere', is: { code: 'TRANSACTION', reason: 'invalid-state' } },
  ],
  uniqueNames: { constraint: 'ERRORS_CHILDREN_KEY' },
  notNullNames: { column: 'NAME', table: 'ERRORS_CHILDREN' },

  permission: ({ connection }) => failureOf(connection, 'create user errors_nobody identified by "nobody"'),

  async limit({ connection }) {
    await connection.limitStatements?.(50);
    const native = await failureOf(connection, 'select contract_sleep(30) from dual');
    await connection.limitStatements?.(0);
    return native;
  },

  hastenDeadlock: [],
  refusesStaleWrites: true,

  async lockTimeout(one, other) {
    await run(other.connection, 'select * from errors_parents where id = 101 for update');
    return failureOf(one.connection, 'select * from errors_parents where id = 101 for update wait 1');
  },
};
