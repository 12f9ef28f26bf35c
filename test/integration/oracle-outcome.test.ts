/**
 * A COMMIT whose answer is lost, found out by Transaction Guard: the real client library hears the id of each COMMIT from the wire
 * server, and another session asks for it. What a real service says is Oracle's documentation's word (docs/reference/oracle.md).
 */
import type { DBRuntime, FluxorError } from 'fluxor-db';
import { createRuntime } from 'fluxor-db';
import { oracle } from 'fluxor-db/oracle';
import { afterEach, describe, expect, it } from 'vitest';
import type { OracleServer, OracleServerOptions } from '../support/oracle-wire/server.js';
import type { SessionInfo, SqlSession } from '../support/oracle-wire/backend.js';
import { startOracleServer } from '../support/oracle-wire/server.js';
import { ScriptedBackend, rows, touched } from '../support/oracle-wire/scripted-backend.js';
import { T } from '../support/oracle-wire/values.js';

const QUESTION = /dbms_app_cont/;
/** Asked again and again, an unknown outcome would take 30 s. */
const AT_ONCE_MS = 25_000;
/** By then a statement is at the server, also when the machine has stood still for a moment. */
const UNDER_WAY_MS = 400;

/** A server that may take its time over a COMMIT. */
class SlowCommits extends ScriptedBackend {
  duringNextCommit: ((of: SessionInfo) => Promise<void>) | undefined;

  override async openSession(info: SessionInfo): Promise<SqlSession> {
    const session = await super.openSession(info);
    const commit = session.commit.bind(session);
    session.commit = async () => {
      const during = this.duringNextCommit;
      this.duringNextCommit = undefined;
      await during?.(info);
      await commit();
    };
    return session;
  }
}

const failureOf = (work: Promise<unknown>): Promise<FluxorError> =>
  work.then(
    () => Promise.reject(new Error('nothing failed')),
    (error: unknown) => error as FluxorError,
  );

describe.each(['23ai', '19c'] as const)('a lost COMMIT, on a server of %s', (profile) => {
  const cleanUps: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  const start = async (
    options: Partial<OracleServerOptions> = {},
    retry: false | { maxRetries: number } = false,
    backend = new ScriptedBackend(),
  ): Promise<{ server: OracleServer; db: DBRuntime; fates: string[] }> => {
    backend
      .when(/^insert/, touched())
      .when(/^select slow/, () => new Promise(() => undefined))
      .when(/sys_context/, rows({ SID: T.NUMBER }, [[1]]));
    const server = await startOracleServer({ backend, profile, transactionGuard: true, ...options });
    const db = createRuntime({
      driver: oracle({ url: server.url }),
      gate: { circuitBreaker: false, rateLimit: false },
      query: { retry, resolveOutcome: true },
      // No proof of life after a pause of the machine: the calls are counted.
      pool: { maxSize: 1, warmUp: false, validation: { bypass: '1m' } },
    });
    cleanUps.push(() => server.stop());
    cleanUps.push(() => db.disconnect());
    const fates: string[] = [];
    db.on('transaction:resolved', ({ fate }) => fates.push(fate));
    return { server, db, fates };
  };
  const insert = (db: DBRuntime, counts: { runs: number } = { runs: 0 }): Promise<unknown> =>
    db.transaction(async (tx) => {
      counts.runs += 1;
      await tx.exec('insert into t (a) values (1)');
    });
  const questions = (server: OracleServer): number =>
    server.observed.calls.filter(({ sql }) => sql !== undefined && QUESTION.test(sql)).length;

  it('that was carried out has succeeded, and nothing is run twice', async () => {
    const { server, db, fates } = await start({}, { maxRetries: 2 });
    const counts = { runs: 0 };
    await insert(db, counts);
    server.faults.loseCommitAnswer();
    await insert(db, counts);
    expect([fates, counts.runs, questions(server)]).toEqual([['committed'], 2, 1]);
  });

  it('that never arrived was rolled back, and says so', async () => {
    const { server, db, fates } = await start();
    server.faults.inject({ on: 'commit', drop: 'before' });
    const error = await failureOf(insert(db));
    expect(error).toMatchObject({ code: 'CONNECTION', outcome: 'not-applied', decision: 'whole-transaction' });
    expect(fates).toEqual(['rolled-back']);
  });

  it('that never arrived is run again, all of it', async () => {
    const { server, db, fates } = await start({}, { maxRetries: 2 });
    const counts = { runs: 0 };
    server.faults.inject({ on: 'commit', drop: 'before' });
    await insert(db, counts);
    expect([fates, counts.runs]).toEqual([['rolled-back'], 2]);
  });

  it('that is still being carried out when its connection breaks is waited for, and not denied and run again', async () => {
    const backend = new SlowCommits();
    const { server, db, fates } = await start({}, { maxRetries: 2 }, backend);
    const counts = { runs: 0 };
    backend.duringNextCommit = async ({ sid }) => {
      server.faults.cut(sid);
      await expect.poll(() => questions(server)).toBe(1);
    };
    await insert(db, counts);
    expect([fates, counts.runs, questions(server)]).toEqual([['committed'], 1, 1]);
  });

  it('of a session that was killed meanwhile, which names an ORA number, is asked for as well', async () => {
    const { server, db, fates } = await start();
    server.faults.fail(28, { on: 'commit' });
    expect(await failureOf(insert(db))).toMatchObject({ outcome: 'not-applied', decision: 'whole-transaction' });
    expect(fates).toEqual(['rolled-back']);
  });

  it('costs no round trip while nothing is lost, but for the first transaction of all', async () => {
    const { server, db } = await start();
    await insert(db);
    server.observed.forgetCalls();
    await insert(db);
    expect(server.observed.calls.map(({ op }) => op)).toEqual(['reexecute', 'commit']);
  });

  it('stays unknown where the service has no Transaction Guard, and nobody is asked', async () => {
    const { server, db, fates } = await start({ transactionGuard: false });
    server.faults.loseCommitAnswer();
    const error = await failureOf(insert(db));
    expect(error).toMatchObject({ code: 'OUTCOME_UNKNOWN', outcome: 'unknown', retryable: false });
    expect([fates, questions(server)]).toEqual([[], 0]);
  });

  it.each([
    [6550, 'the user has no right to ask'],
    [14_950, 'the id is an old one'],
    [14_951, 'the server was set back'],
    [14_903, 'the id is nobody’s'],
  ])(
    'stays unknown, and is not asked for again and again, when the question ends with ORA-%i: %s',
    async (number) => {
      const { server, db, fates } = await start();
      server.faults.loseCommitAnswer();
      server.faults.fail(number, { match: QUESTION, times: Infinity });
      expect((await failureOf(insert(db))).code).toBe('OUTCOME_UNKNOWN');
      expect(fates).toEqual(['unknown']);
    },
    AT_ONCE_MS,
  );

  it('is asked for again when the one who asks is lost, too', async () => {
    const { server, db, fates } = await start();
    server.faults.loseCommitAnswer();
    server.faults.inject({ on: 'execute', match: QUESTION, drop: 'before' });
    await insert(db);
    expect(fates).toEqual(['committed']);
  });

  it('is not asked for by an id that a break may have made old: what it answers would be about another COMMIT', async () => {
    const { server, db, fates } = await start();
    await insert(db);
    const slow = db.query('select slow from dual', [], { timeout: UNDER_WAY_MS });
    expect(await failureOf(slow)).toMatchObject({ code: 'TIMEOUT' });
    const session = server.observed.calls.at(-1)?.sid;
    server.faults.loseCommitAnswer();
    expect((await failureOf(insert(db))).code).toBe('OUTCOME_UNKNOWN');
    // It was this session's own.
    expect(server.observed.calls.findLast(({ op }) => op === 'commit')?.sid).toBe(session);
    expect([fates, questions(server)]).toEqual([[], 0]);
  });

  it('is asked for again once the session was told another id', async () => {
    const { server, db, fates } = await start();
    await failureOf(db.query('select slow from dual', [], { timeout: UNDER_WAY_MS }));
    await insert(db);
    server.faults.loseCommitAnswer();
    await insert(db);
    expect(fates).toEqual(['committed']);
  });
});
