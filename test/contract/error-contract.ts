/**
 * Real errors of real servers, classified: what a caller catches, what became of the statement, what the connection is
 * worth afterwards. The unit tests check the whole table of codes; this checks that the servers really send them.
 */
import type { FluxorError } from 'fluxor-db';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContractSessions, failureOf, isRunning, run } from './contract-session.js';
import type { OpenedSession } from './contract-session.js';
import type { ContractTarget } from './targets.js';
import { CONNECT, SENT } from '../fakes/situations.js';

/** Every name has its schema: a search path would be lost behind a pooler. */
const SETUP = [
  'create table errors.parents (id int primary key)',
  `create table errors.children (id int primary key, parent int references errors.parents, name text not null,
     age int constraint adult check (age >= 18), during int4range, exclude using gist (during with &&))`,
  `create function errors.complain() returns int language plpgsql as $$ begin raise exception 'secret-marker'; end $$`,
  'insert into errors.parents values (1)',
  "insert into errors.children values (1, 1, 'a', 20, '[1,5)')",
];

/** What is raised by what; the marker stands where a value stands. */
const CASES: readonly {
  readonly sql: string;
  readonly values?: readonly unknown[];
  readonly is: Partial<FluxorError> & object;
}[] = [
  { sql: "insert into errors.children values (1, 1, 'secret-marker')", is: { code: 'CONSTRAINT', reason: 'unique' } },
  {
    sql: "insert into errors.children values (2, 99, 'secret-marker')",
    is: { code: 'CONSTRAINT', reason: 'foreign-key' },
  },
  { sql: 'insert into errors.children values (2, 1, null)', is: { code: 'CONSTRAINT', reason: 'not-null' } },
  { sql: "insert into errors.children values (2, 1, 'secret-marker', 5)", is: { code: 'CONSTRAINT', reason: 'check' } },
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
  { sql: 'select $1::text::int', values: ['secret-marker'], is: { code: 'QUERY', reason: 'data', sqlState: '22P02' } },
  { sql: 'select 99999999999::int', is: { code: 'QUERY', reason: 'data', sqlState: '22003' } },
  { sql: 'select errors.complain()', is: { code: 'QUERY', reason: 'application', sqlState: 'P0001' } },
  { sql: 'rollback to savepoint nowhere', is: { code: 'TRANSACTION', reason: 'invalid-state' } },
];

export function errorContract(target: ContractTarget): void {
  describe(`error contract: ${target.name}`, () => {
    let sessions: ContractSessions;
    let session: OpenedSession;
    const classify = (error: unknown, situation = SENT): FluxorError => sessions.driver.classify(error, situation);

    beforeAll(async () => {
      sessions = new ContractSessions(target.makeDriver());
      session = await sessions.open();
      for (const text of ['drop schema if exists errors cascade', 'create schema errors', ...SETUP]) {
        await run(session.connection, text);
      }
    });
    afterAll(async () => {
      await run(session.connection, 'drop schema errors cascade');
      await sessions.closeAll();
    });

    for (const { sql, values, is } of CASES) {
      it(`calls ${sql.slice(0, 60)} … ${String(is.code)} ${String(is.reason)}`, async () => {
        const native = await failureOf(session.connection, sql, values);
        const error = classify(native);
        expect(error).toMatchObject({ ...is, outcome: 'not-applied', decision: 'never', isConnectionFatal: false });
        expect(error.breaker).toBe('success');
        expect(error.cause).toBe(native);
        expect(`${error.message} ${JSON.stringify(error)}`).not.toContain('secret-marker');
        expect(session.connection.state).toBe('idle');
      });
    }

    it('names constraint, table and column', async () => {
      const unique = classify(await failureOf(session.connection, "insert into errors.children values (1, 1, 'x')"));
      expect(unique).toMatchObject({ constraint: 'children_pkey', table: 'children' });
      const missing = classify(await failureOf(session.connection, 'insert into errors.children values (3, 1, null)'));
      expect(missing).toMatchObject({ column: 'name', table: 'children' });
    });

    it('calls a statement in a failed transaction aborted, and a write in a read-only one read-only', async () => {
      await run(session.connection, 'begin read only');
      const readOnly = await failureOf(session.connection, 'insert into errors.parents values (5)');
      const aborted = await failureOf(session.connection, 'select 1');
      await run(session.connection, 'rollback');
      expect(classify(readOnly, { ...SENT, inTransaction: true, askedReadOnly: true })).toMatchObject({
        code: 'TRANSACTION',
        reason: 'read-only',
        decision: 'never',
        isConnectionFatal: false,
      });
      expect(classify(readOnly)).toMatchObject({
        reason: 'read-only',
        decision: 'new-connection',
        isConnectionFatal: true,
      });
      expect(classify(aborted)).toMatchObject({ code: 'TRANSACTION', reason: 'aborted' });
    });

    it('calls a missing privilege permission', async () => {
      await run(session.connection, 'drop role if exists nobody_special');
      await run(session.connection, 'create role nobody_special');
      await run(session.connection, 'grant usage on schema errors to nobody_special');
      await run(session.connection, 'begin');
      await run(session.connection, 'set local role nobody_special');
      const native = await failureOf(session.connection, 'select * from errors.parents');
      await run(session.connection, 'rollback');
      await run(session.connection, 'revoke usage on schema errors from nobody_special');
      await run(session.connection, 'drop role nobody_special');
      expect(classify(native)).toMatchObject({ code: 'QUERY', reason: 'permission' });
    });

    const isShared = (): boolean => sessions.driver.capabilities.maxSessions > 1;

    it('tells deadlock, serialization failure and lock timeout apart, all three for the whole transaction again', async () => {
      if (!isShared()) return;
      const other = await sessions.open();
      const reasons = [
        await deadlock(session, other),
        await serializationFailure(session, other),
        await lockTimeout(session, other),
      ].map((native) => classify(native, { ...SENT, inTransaction: true }));
      await sessions.close(other);
      expect(reasons.map(({ reason, decision, outcome }) => [reason, decision, outcome])).toEqual([
        ['deadlock', 'whole-transaction', 'not-applied'],
        ['serialization', 'whole-transaction', 'not-applied'],
        ['lock-timeout', 'whole-transaction', 'not-applied'],
      ]);
    });

    it("calls the server's own statement_timeout a timeout, and somebody else's cancel cancelled", async () => {
      if (!sessions.driver.capabilities.canCancel) return;
      await run(session.connection, 'begin');
      await run(session.connection, "set local statement_timeout to '50ms'");
      const timeout = classify(await failureOf(session.connection, 'select pg_sleep(30)'));
      await run(session.connection, 'rollback');
      expect(timeout).toMatchObject({ code: 'TIMEOUT', phase: 'statement', outcome: 'not-applied' });
      const pid = await beginAndTellPid(session);
      const sleeping = failureOf(session.connection, 'select pg_sleep(30) as cancelled');
      const other = await sessions.open();
      await expect.poll(() => isRunning(other, 'select pg_sleep(30) as cancelled'), { timeout: 10_000 }).toBe(true);
      await run(other.connection, 'select pg_cancel_backend($1)', [pid]);
      expect(classify(await sleeping)).toMatchObject({ code: 'CANCELLED', reason: 'administrator' });
      await run(session.connection, 'rollback');
      await sessions.close(other);
    });

    it('calls a wrong password AUTH and an absent database unknown-database, neither worth repeating', async () => {
      if (target.makeDriverFor === undefined) return;
      const refusal = async (change: { password?: string; database?: string }): Promise<FluxorError> => {
        const driver = target.makeDriverFor?.(change);
        if (driver === undefined) throw new Error('unreachable');
        const attempt = new ContractSessions(driver).open();
        return attempt.then(
          () => Promise.reject(new Error('it connected')),
          (error: unknown) => driver.classify(error, CONNECT),
        );
      };
      const wrongPassword = await refusal({ password: 'secret-marker' });
      expect(wrongPassword).toMatchObject({ code: 'AUTH', retryable: false, outcome: 'not-sent' });
      expect(wrongPassword.message).not.toContain('secret-marker');
      const absent = await refusal({ database: 'no_such_database' });
      expect(absent).toMatchObject({ code: 'CONNECTION', reason: 'unknown-database', retryable: false });
    });

    it('calls a terminated session shutting-down: unknown for an autocommit write, not applied in a transaction', async () => {
      if (!isShared()) return;
      const victim = await sessions.open();
      const pid = await beginAndTellPid(victim);
      const sleeping = failureOf(victim.connection, 'select pg_sleep(30) as terminated');
      await expect.poll(() => isRunning(session, 'select pg_sleep(30) as terminated'), { timeout: 10_000 }).toBe(true);
      await run(session.connection, 'select pg_terminate_backend($1)', [pid]);
      const native = await sleeping;
      const facts = ({ code, reason, outcome, decision }: FluxorError) => [code, reason, outcome, decision];
      expect(facts(classify(native))).toEqual(['CONNECTION', 'shutting-down', 'unknown', 'never']);
      const safe = { ...SENT, isReadOnly: true, isSafeToRepeat: true };
      expect(facts(classify(native, safe))).toEqual(['CONNECTION', 'shutting-down', 'not-applied', 'new-connection']);
      const inside = { ...SENT, inTransaction: true };
      expect(facts(classify(native, inside))).toEqual([
        'CONNECTION',
        'shutting-down',
        'not-applied',
        'whole-transaction',
      ]);
      const commit = { ...inside, phase: 'commit' as const };
      expect(facts(classify(native, commit))).toEqual(['OUTCOME_UNKNOWN', undefined, 'unknown', 'never']);
    });
  });
}

/** In a transaction a session keeps its process, also behind a pooler. */
async function beginAndTellPid({ connection }: OpenedSession): Promise<number> {
  await run(connection, 'begin');
  return ((await run(connection, 'select pg_backend_pid()')).rows as [[number]])[0][0];
}

/** Two transactions, each waiting for the row the other holds; one of them is the victim. */
async function deadlock(one: OpenedSession, other: OpenedSession): Promise<unknown> {
  await run(one.connection, 'insert into errors.parents values (101), (102)');
  for (const { connection } of [one, other]) {
    await run(connection, 'begin');
    await run(connection, "set local deadlock_timeout to '50ms'");
  }
  await run(one.connection, 'update errors.parents set id = id where id = 101');
  await run(other.connection, 'update errors.parents set id = id where id = 102');
  const [first, second] = await Promise.allSettled([
    run(one.connection, 'update errors.parents set id = id where id = 102'),
    run(other.connection, 'update errors.parents set id = id where id = 101').finally(() =>
      other.connection.untilReady(),
    ),
  ]);
  for (const { connection } of [one, other]) {
    await connection.untilReady();
    await run(connection, 'rollback');
  }
  return first.status === 'rejected' ? first.reason : second.status === 'rejected' ? second.reason : undefined;
}

async function serializationFailure(one: OpenedSession, other: OpenedSession): Promise<unknown> {
  await run(one.connection, 'begin isolation level repeatable read');
  await run(one.connection, 'select * from errors.parents');
  await run(other.connection, 'update errors.parents set id = id where id = 101');
  const error = await failureOf(one.connection, 'update errors.parents set id = id where id = 101');
  await run(one.connection, 'rollback');
  return error;
}

async function lockTimeout(one: OpenedSession, other: OpenedSession): Promise<unknown> {
  await run(other.connection, 'begin');
  await run(other.connection, 'lock table errors.parents');
  await run(one.connection, 'begin');
  await run(one.connection, "set local lock_timeout to '50ms'");
  const error = await failureOf(one.connection, 'update errors.parents set id = id where id = 101');
  await run(one.connection, 'rollback');
  await run(other.connection, 'rollback');
  return error;
}
