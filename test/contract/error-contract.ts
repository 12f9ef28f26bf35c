/**
 * Real errors of real servers, classified: what a caller catches, what became of the statement, what the connection is
 * worth afterwards. The unit tests check the whole table of codes; this checks that the servers really send them.
 */
import type { FluxorError, TransactionStatements } from 'fluxor-db';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContractSessions, failureOf, isRunning, nameOf, run } from './contract-session.js';
import type { OpenedSession } from './contract-session.js';
import type { ErrorCases } from './error-cases.js';
import type { ContractTarget, DriverChange } from './targets.js';
import type { Words } from './words.js';
import { int } from './words.js';
import { CONNECT, SENT } from '../fakes/situations.js';

export function errorContract(target: ContractTarget): void {
  const { words, errors } = target;
  const { facts } = words;
  /** What the loss of a session is called. */
  const ENDED = facts.saysWhyItEnds ? 'shutting-down' : 'lost';
  describe(`error contract: ${target.name}`, () => {
    let sessions: ContractSessions;
    let session: OpenedSession;
    const classify = (error: unknown, situation = SENT): FluxorError => sessions.driver.classify(error, situation);

    beforeAll(async () => {
      await target.prepare();
      sessions = new ContractSessions(target.makeDriver());
      session = await sessions.open();
      for (const text of errors.setup) await run(session.connection, text);
    });
    afterAll(async () => {
      for (const text of errors.teardown) await run(session.connection, text);
      await sessions.closeAll();
    });

    for (const { sql, values, is } of errors.cases) {
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
      const insert = `insert into ${errors.children} (id, parent, name)`;
      const unique = classify(await failureOf(session.connection, `${insert} values (1, 1, 'x')`));
      expect(unique).toMatchObject(errors.uniqueNames);
      const missing = classify(await failureOf(session.connection, `${insert} values (3, 1, null)`));
      expect(missing).toMatchObject(errors.notNullNames);
    });

    it('calls a statement in a failed transaction aborted, where there is such a thing, and a write in a read-only one read-only', async () => {
      await run(session.connection, words.begin.readOnly);
      const readOnly = await failureOf(session.connection, `insert into ${errors.parents} values (5)`);
      const next = await run(session.connection, `select ${int(words, 1)}`).then(
        ({ rows }) => rows,
        (raised: unknown) => raised,
      );
      await session.connection.untilReady();
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
      if (!facts.errorsEndTransaction) return expect(next).toEqual([[1]]);
      expect(classify(next)).toMatchObject({ code: 'TRANSACTION', reason: 'aborted' });
    });

    it('calls a missing privilege permission', async () => {
      const native = await errors.permission(session);
      expect(classify(native)).toMatchObject({ code: 'QUERY', reason: 'permission' });
    });

    const isShared = (): boolean => sessions.driver.capabilities.maxSessions > 1;

    it('tells deadlock, stale write and lock timeout apart, each for the whole transaction again', async () => {
      if (!isShared()) return;
      const other = await sessions.open();
      const natives = {
        deadlock: await deadlock(errors, words.begin.text, session, other),
        serialization: await staleWrite(errors, sessions.driver.transactions, session, other),
        'lock-timeout': await lockTimeout(errors, words.begin.text, session, other),
      };
      await sessions.close(other);
      for (const [expected, native] of Object.entries(natives)) {
        if (expected === 'serialization' && !errors.refusesStaleWrites) {
          expect(native).toBeUndefined();
          continue;
        }
        const { reason, decision, outcome } = classify(native, { ...SENT, inTransaction: true });
        expect([reason, decision, outcome]).toEqual([expected, 'whole-transaction', 'not-applied']);
      }
    });

    it("calls the end of a statement by the server's own limit a timeout, and somebody else's cancel cancelled", async () => {
      if (!sessions.driver.capabilities.canCancel) return;
      const timeout = classify(await errors.limit(session));
      expect(timeout).toMatchObject({ code: 'TIMEOUT', phase: 'statement', outcome: 'not-applied' });
      const pid = await beginAndTellName(session, words);
      const sleeping = failureOf(session.connection, words.sleep('30', 'cancelled'));
      const other = await sessions.open();
      await expect.poll(() => isRunning(other, words, 'cancelled'), { timeout: 10_000 }).toBe(true);
      await run(other.connection, words.cancelSession(pid));
      expect(classify(await sleeping)).toMatchObject({ code: 'CANCELLED', reason: 'administrator' });
      await run(session.connection, 'rollback');
      await sessions.close(other);
    });

    it('calls a wrong password AUTH, never worth repeating, and an absent database unknown-database', async () => {
      if (target.makeDriverFor === undefined) return;
      const refusal = async (change: DriverChange): Promise<FluxorError> => {
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
      expect(absent).toMatchObject({
        code: 'CONNECTION',
        reason: 'unknown-database',
        retryable: facts.learnsOfDatabases,
      });
    });

    it('calls the loss of an ended session by its name: unknown for an autocommit write, not applied in a transaction', async () => {
      if (!isShared()) return;
      const victim = await sessions.open();
      const pid = await beginAndTellName(victim, words);
      const sleeping = failureOf(victim.connection, words.sleep('30', 'session_ended'));
      await expect.poll(() => isRunning(session, words, 'session_ended'), { timeout: 10_000 }).toBe(true);
      await run(session.connection, words.endSession(pid));
      const native = await sleeping;
      const facts = ({ code, reason, outcome, decision }: FluxorError) => [code, reason, outcome, decision];
      expect(facts(classify(native))).toEqual(['CONNECTION', ENDED, 'unknown', 'never']);
      const safe = { ...SENT, isReadOnly: true, isSafeToRepeat: true };
      expect(facts(classify(native, safe))).toEqual(['CONNECTION', ENDED, 'not-applied', 'new-connection']);
      const inside = { ...SENT, inTransaction: true };
      expect(facts(classify(native, inside))).toEqual(['CONNECTION', ENDED, 'not-applied', 'whole-transaction']);
      const commit = { ...inside, phase: 'commit' as const };
      expect(facts(classify(native, commit))).toEqual(['OUTCOME_UNKNOWN', undefined, 'unknown', 'never']);
    });
  });
}

/** In a transaction a session keeps its process, also behind a pooler. */
async function beginAndTellName(session: OpenedSession, words: Words): Promise<string> {
  await run(session.connection, words.begin.text);
  return nameOf(session, words);
}

async function rollBack(...sessions: readonly OpenedSession[]): Promise<void> {
  for (const { connection } of sessions) {
    await connection.untilReady();
    await run(connection, 'rollback');
  }
}

/** Two transactions, each waiting for the row the other holds; one of them is the victim. */
async function deadlock(
  { parents, hastenDeadlock }: ErrorCases,
  begin: string,
  one: OpenedSession,
  other: OpenedSession,
): Promise<unknown> {
  await run(one.connection, `insert into ${parents} values (101), (102)`);
  for (const { connection } of [one, other]) {
    for (const text of [begin, ...hastenDeadlock]) await run(connection, text);
  }
  const lock = (id: number): string => `select id from ${parents} where id = ${id} for update`;
  await run(one.connection, lock(101));
  await run(other.connection, lock(102));
  // Where the victim has lost its statement only, it still has the row that the other one waits for.
  const waiting = async (session: OpenedSession, id: number): Promise<void> => {
    try {
      await run(session.connection, lock(id));
    } catch (error) {
      await rollBack(session);
      throw error;
    }
  };
  const [first, second] = await Promise.allSettled([waiting(one, 102), waiting(other, 101)]);
  await rollBack(one, other);
  return first.status === 'rejected' ? first.reason : second.status === 'rejected' ? second.reason : undefined;
}

/** A change on top of one that the transaction cannot see; `undefined` where it is made all the same. */
async function staleWrite(
  { parents }: ErrorCases,
  words: TransactionStatements,
  one: OpenedSession,
  other: OpenedSession,
): Promise<unknown> {
  await run(one.connection, words.begin({ isolation: 'repeatable read' }));
  await run(one.connection, `select * from ${parents}`);
  await run(other.connection, `delete from ${parents} where id = 102`);
  await run(other.connection, `insert into ${parents} values (102)`);
  const error = await run(one.connection, `update ${parents} set id = 103 where id = 102`).then(
    () => undefined,
    (raised: unknown) => raised,
  );
  await rollBack(one);
  return error;
}

async function lockTimeout(
  cases: ErrorCases,
  begin: string,
  one: OpenedSession,
  other: OpenedSession,
): Promise<unknown> {
  for (const { connection } of [other, one]) await run(connection, begin);
  const error = await cases.lockTimeout(one, other);
  await rollBack(one, other);
  return error;
}
