/** The errors of MySQL and MariaDB for error-contract.ts. */
import { failureOf, run } from './contract-session.js';
import type { ErrorCases } from './error-cases.js';
import type { MysqlServerFacts } from './words-mysql.js';

export function mysqlErrors({ isMariaDb }: MysqlServerFacts): ErrorCases {
  const children = (values: string): string => `insert into errors_children values ${values}`;
  return {
    parents: 'errors_parents',
    children: 'errors_children',
    setup: [
      'drop table if exists errors_children, errors_parents',
      'drop procedure if exists errors_complain',
      'create table errors_parents (id int primary key)',
      `create table errors_children (id int primary key, parent int, name varchar(20) not null,
         age int, constraint adult check (age >= 18),
         constraint errors_children_parent foreign key (parent) references errors_parents (id))`,
      `create procedure errors_complain() begin signal sqlstate '45000' set message_text = 'secret-marker'; end`,
      'insert into errors_parents values (1)',
      children("(1, 1, 'a', 20)"),
    ],
    teardown: ['drop table errors_children, errors_parents', 'drop procedure errors_complain'],
    cases: [
      { sql: children("(1, 1, 'secret-marker', 20)"), is: { code: 'CONSTRAINT', reason: 'unique' } },
      { sql: children("(2, 99, 'secret-marker', 20)"), is: { code: 'CONSTRAINT', reason: 'foreign-key' } },
      { sql: children('(2, 1, null, 20)'), is: { code: 'CONSTRAINT', reason: 'not-null' } },
      { sql: 'insert into errors_children (id, parent) values (2, 1)', is: { code: 'CONSTRAINT', reason: 'not-null' } },
      { sql: children("(2, 1, 'secret-marker', 5)"), is: { code: 'CONSTRAINT', reason: 'check' } },
      { sql: "selec 'secret-marker'", is: { code: 'QUERY', reason: 'syntax' } },
      { sql: 'select * from nowhere', is: { code: 'QUERY', reason: 'undefined-object', sqlState: '42S02' } },
      {
        sql: 'select nothing from errors_parents',
        is: { code: 'QUERY', reason: 'undefined-object', sqlState: '42S22' },
      },
      { sql: 'select no_function()', is: { code: 'QUERY', reason: 'undefined-object', sqlState: '42000' } },
      { sql: 'create table errors_parents (id int)', is: { code: 'QUERY', reason: 'duplicate-object' } },
      { sql: children("(2, 1, 'a', 1/0)"), is: { code: 'QUERY', reason: 'data', sqlState: '22012' } },
      {
        sql: 'insert into errors_parents values (?)',
        values: ['secret-marker'],
        is: { code: 'QUERY', reason: 'data', sqlState: isMariaDb ? '22007' : 'HY000' },
      },
      {
        sql: children("(2, 1, 'secret-marker is too long', 20)"),
        is: { code: 'QUERY', reason: 'data', sqlState: '22001' },
      },
      {
        sql: 'insert into errors_parents values (99999999999)',
        is: { code: 'QUERY', reason: 'data', sqlState: '22003' },
      },
      { sql: 'select exp(1000)', is: { code: 'QUERY', reason: 'data', sqlState: '22003' } },
      { sql: 'call errors_complain()', is: { code: 'QUERY', reason: 'application', sqlState: '45000' } },
      { sql: 'rollback to savepoint nowhere', is: { code: 'TRANSACTION', reason: 'invalid-state' } },
    ],
    // It stands in the message only, and MariaDB's names no table.
    uniqueNames: isMariaDb ? { constraint: 'PRIMARY' } : { constraint: 'PRIMARY', table: 'errors_children' },
    notNullNames: { column: 'name' },

    permission: ({ connection }) => failureOf(connection, 'select * from mysql.user'),

    async limit({ connection }) {
      const name = isMariaDb ? 'max_statement_time' : 'max_execution_time';
      // MariaDB's holds for the statement that takes it away, too.
      await run(connection, `set session ${name} = ${isMariaDb ? 0.5 : 500}`);
      const native = await failureOf(connection, 'select sleep(30) from contract_numbers where i <= 2');
      await run(connection, `set session ${name} = 0`);
      return native;
    },

    hastenDeadlock: [],
    // In `repeatable read` they write on top of what they cannot see; MariaDB refuses it with innodb_snapshot_isolation.
    refusesStaleWrites: false,

    async lockTimeout(one, other) {
      await run(other.connection, 'select * from errors_parents where id = 101 for update');
      await run(one.connection, 'set session innodb_lock_wait_timeout = 1');
      const native = await failureOf(one.connection, 'select * from errors_parents where id = 101 for update');
      await run(one.connection, 'set session innodb_lock_wait_timeout = default');
      return native;
    },
  };
}
