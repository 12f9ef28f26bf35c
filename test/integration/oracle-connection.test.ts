/**
 * Single connections of the Oracle room, by the real client library over the wire server: how they come about, what each statement
 * means for the transaction around it, and what a reset undoes. How they end is oracle-ends.test.ts's.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SESSION_EFFECTS } from '../../src/sql/session-effects.js';
import type { SessionInfo, SqlSession } from '../support/oracle-wire/backend.js';
import { OraError } from '../support/oracle-wire/backend.js';
import type { WireCall } from '../support/oracle-wire/observation.js';
import { ScriptedBackend, outBinds, rows, touched } from '../support/oracle-wire/scripted-backend.js';
import type { OracleServer } from '../support/oracle-wire/server.js';
import { startOracleServer } from '../support/oracle-wire/server.js';
import { T } from '../support/oracle-wire/values.js';
import { OracleSessions, failure, run, sidOf } from './oracle-sessions.js';

/** What every session is told, so that dates and numbers are read as they are meant. */
const SET_UP = "alter session set time_zone = '+00:00' nls_numeric_characters = '.,'";
const INSERT = 'insert into t (id) values (:1)';

/** Keeps locks of a statement that has failed, as a server does. */
class LockingBackend extends ScriptedBackend {
  readonly #locks: { isLocked(): boolean; unlock(): void };

  constructor(locks: { isLocked(): boolean; unlock(): void }) {
    super();
    this.#locks = locks;
  }

  override async openSession(info: SessionInfo): Promise<SqlSession> {
    const session = await super.openSession(info);
    const locks = this.#locks;
    const rollback = session.rollback.bind(session);
    const isOpen = () => session.inTransaction || locks.isLocked();
    return new Proxy(session, {
      get(target, name) {
        if (name === 'inTransaction') return isOpen();
        const value: unknown = Reflect.get(target, name, target);
        if (name === 'rollback') return () => rollback().then(() => locks.unlock());
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }
}

describe.each(['23ai', '19c'] as const)('an Oracle connection, with a server of %s', (profile) => {
  let server: OracleServer;
  let sessions: OracleSessions;
  /** What SELECT … FOR UPDATE has locked, until a rollback. */
  let isLocked = false;
  /** What the session's transaction is called by the server. */
  let transactionName: string | null = null;

  beforeAll(async () => {
    const backend = new LockingBackend({ isLocked: () => isLocked, unlock: () => (isLocked = false) })
      .when(/for update$/, () => {
        isLocked = true;
        throw new OraError(1555, 'snapshot too old');
      })
      .when(/sys_context/, (_request, { info }) => rows({ SID: T.NUMBER }, [[info.sid]]))
      .when(/^select name from t/, rows({ NAME: T.VARCHAR }, [['a'], ['b']]))
      .when(/^(?:insert|update|delete)/, touched())
      .when(/^(?:create|drop|begin|call|set role)/, {})
      .when(/local_transaction_id/, (request, session) => {
        const answer = outBinds({ '1': transactionName });
        return typeof answer === 'function' ? answer(request, session) : {};
      });
    server = await startOracleServer({ backend, profile, services: ['FREEPDB1'] });
    sessions = new OracleSessions(server);
  });
  beforeEach(() => server.observed.forgetCalls());
  afterEach(() => {
    sessions.endAll();
    server.faults.clear();
  });
  afterAll(async () => {
    await server.stop();
    expect(server.observed.protocolErrors).toEqual([]);
  });

  /** Without what a login needs. */
  const calls = (): WireCall[] =>
    server.observed.calls.filter(
      ({ op, sql = '' }) => op !== 'logon' && !/dbtimezone|sys_context/i.test(sql) && sql !== SET_UP,
    );
  const sent = (): string[] =>
    calls().map(({ op, sql }) => (op === 'execute' || op === 'reexecute' ? String(sql) : op));

  it('has a session, is idle, and tells who it is with its first call', async () => {
    const connection = await sessions.connect({ applicationName: 'shop', action: 'sell', clientIdentifier: 'till 7' });
    expect([connection.state, connection.sessionId]).toEqual(['idle', expect.stringMatching(/^\d+$/)]);
    await connection.ping();
    expect(sent()).toEqual(['ping']);
    const { endToEnd } = server.sessions.get(sidOf(connection))?.view ?? {};
    expect(endToEnd).toMatchObject({ module: 'shop', action: 'sell', clientId: 'till 7' });
  });

  it('is the same, whatever others in the process have set the library to', async () => {
    const library = (await import('oracledb')).default as Record<string, unknown>;
    const others = {
      externalAuth: true,
      edition: 'OTHER',
      fetchTypeHandler: () => ({ converter: () => 'theirs' }),
    };
    const before = Object.fromEntries(Object.keys(others).map((name) => [name, library[name]]));
    Object.assign(library, others);
    try {
      const connection = await sessions.connect();
      const { endToEnd } = server.sessions.get(sidOf(connection))?.view ?? {};
      expect(endToEnd).not.toHaveProperty('AUTH_ORA_EDITION');
    } finally {
      Object.assign(library, before);
    }
  });

  it('stops nothing by a limit that no timer of Node can hold', async () => {
    const connection = await sessions.connect({}, { statementLimitMs: 2 ** 31 });
    const held = server.faults.hold('execute', (sql) => sql.startsWith('select name'));
    const answer = run(connection, 'select name from t');
    await held.reached;
    // A timer of the library that had gone off would have broken the call by then.
    await new Promise((resolve) => setTimeout(resolve, 20));
    held.release();
    expect((await answer).rows).toEqual([['a'], ['b']]);
    expect(connection.statementLimitMs).toBe(2 ** 31);
  });

  it('is set up in one round trip, whatever there is to set', async () => {
    await sessions.connect();
    expect(server.observed.calls.filter(({ sql }) => sql === SET_UP)).toHaveLength(1);
    await sessions.connect({ schema: 'SALES', settings: { nls_date_format: 'YYYY-MM-DD', ddl_lock_timeout: 5 } });
    expect(sent()).toEqual([`${SET_UP} nls_date_format = 'YYYY-MM-DD' ddl_lock_timeout = 5 current_schema = SALES`]);
  });

  it('that cannot be set up is none, and leaves no socket', async () => {
    server.faults.fail(1435, { match: /current_schema/ });
    expect(await failure(sessions.connect({ schema: 'NOBODY' }))).toMatchObject({ errorNum: 1435 });
    await expect.poll(() => server.connections).toBe(0);
  });

  it.each([
    ['a wrong password', { password: 'wrong' }, { errorNum: 1017 }],
    ['an unknown service', { serviceName: 'NOPE' }, { code: 'NJS-518' }],
    ['a closed port', { port: 1 }, { code: 'NJS-503' }],
    [
      'a host that nobody knows',
      { host: 'nobody.invalid' },
      { code: expect.stringMatching(/^NJS-5(?:03|30)$/) as string },
    ],
  ])('with %s fails, with the error of the library and without a socket', async (_case, options, error) => {
    expect(await failure(sessions.connect(options))).toMatchObject(error);
    await expect.poll(() => server.connections).toBe(0);
  });

  it('is given up at once with a listener that takes it and never answers', async () => {
    server.faults.blackHole(true);
    const controller = new AbortController();
    const lost = failure(sessions.connect({}, { signal: controller.signal }));
    await expect.poll(() => server.connections).toBe(1);
    controller.abort();
    expect(await lost).toMatchObject({ code: 'CANCELLED' });
    await expect.poll(() => server.connections).toBe(0);
  });

  it('is given up at once in the middle of the login', async () => {
    const held = server.faults.hold('logon');
    const controller = new AbortController();
    const lost = failure(sessions.connect({}, { signal: controller.signal }));
    await held.reached;
    controller.abort();
    expect(await lost).toMatchObject({ code: 'CANCELLED' });
    held.release();
    await expect.poll(() => server.connections).toBe(0);
  });

  it('nobody waits for opens no socket that stays', async () => {
    const before = server.observed.counters.logons;
    expect(await failure(sessions.connect({}, { signal: AbortSignal.abort() }))).toMatchObject({ code: 'CANCELLED' });
    await expect.poll(() => server.connections).toBe(0);
    expect(server.observed.counters.logons).toBe(before);
  });

  it('logs in with fresh credentials where the first are refused, and tells', async () => {
    const given = ['stale', 'tiger'];
    let rotations = 0;
    const credentials = () => ({ password: given.shift() ?? 'tiger', expiresAt: Infinity });
    const driver = sessions.driver({ credentials });
    const connection = await driver.connect(sessions.request({ onRotated: () => (rotations += 1) }));
    await run(connection, 'select 1 from dual');
    await connection.close();
    expect([given, rotations]).toEqual([[], 0]);
  });

  it('commits a change outside a transaction in its own round trip, and never a query', async () => {
    const connection = await sessions.connect();
    expect((await run(connection, INSERT, [1])).rowsAffected).toBe(1);
    expect((await run(connection, 'select name from t')).rows).toEqual([['a'], ['b']]);
    expect(connection.state).toBe('idle');
    expect(calls().map(({ op, autoCommit = false }) => [op, autoCommit])).toEqual([
      ['execute', true],
      ['execute', false],
    ]);
  });

  it('lets go of what a failed statement has locked, also when a late break hits the ROLLBACK', async () => {
    const connection = await sessions.connect();
    const held = server.faults.hold('rollback');
    const failed = failure(run(connection, 'select id from t for update'));
    await held.reached;
    await connection.cancel();
    held.release();
    expect(await failed).toMatchObject({ errorNum: 1555 });
    expect([connection.state, isLocked]).toEqual(['idle', false]);
  });

  it('stops a statement that was asked for in the same turn, and nothing after it', async () => {
    const connection = await sessions.connect();
    const held = server.faults.hold('execute');
    const stopped = failure(run(connection, INSERT, [1]));
    const cancelled = connection.cancel();
    await held.reached;
    await cancelled;
    held.release();
    expect(await stopped).toMatchObject({ errorNum: 1013 });
    expect((await run(connection, 'select name from t')).rows).toEqual([['a'], ['b']]);
    expect(connection.state).toBe('idle');
  });

  it('begins a transaction without a round trip, and ends it by the calls of the protocol', async () => {
    const connection = await sessions.connect();
    const { transactions } = sessions.driver();
    await run(connection, transactions.begin({}));
    expect([connection.state, sent()]).toEqual(['in-transaction', []]);
    await run(connection, INSERT, [1]);
    await run(connection, transactions.savepoint('s'));
    await run(connection, transactions.rollbackTo('s'));
    await run(connection, transactions.releaseSavepoint('s'));
    expect(connection.state).toBe('in-transaction');
    expect((await run(connection, transactions.commit)).command).toBe('COMMIT');
    expect([connection.state, sent()]).toEqual(['idle', [INSERT, 'savepoint s', 'rollback to savepoint s', 'commit']]);
    expect(calls().some(({ autoCommit }) => autoCommit === true)).toBe(false);
    await run(connection, transactions.begin({ isolation: 'repeatable read' }));
    expect((await run(connection, transactions.rollback)).command).toBe('ROLLBACK');
    expect(sent().slice(-2)).toEqual(['set transaction isolation level serializable', 'rollback']);
  });

  it('keeps its transaction when a definition was not sent', async () => {
    const connection = await sessions.connect();
    await run(connection, 'set transaction read write');
    expect(await failure(run(connection, 'create table u (id number)', [Symbol('a value')]))).toBeInstanceOf(Error);
    expect(connection.state).toBe('in-transaction');
  });

  it('is outside the transaction after a definition, which has committed it', async () => {
    const connection = await sessions.connect();
    await run(connection, 'set transaction read write');
    await run(connection, INSERT, [1]);
    await run(connection, 'create table u (id number)');
    expect(connection.state).toBe('idle');
  });

  it('knows after a program whether the transaction is still the same', async () => {
    const connection = await sessions.connect();
    const { transactions } = sessions.driver();
    const { witness = { set: '', check: '' } } = transactions;
    await run(connection, transactions.begin({}));
    transactionName = '1.2.3';
    await run(connection, witness.set);
    await run(connection, 'begin p; end;');
    await run(connection, witness.check);
    transactionName = '1.2.4';
    expect(await failure(run(connection, witness.check))).toMatchObject({ code: 'ORA-01086' });
  });

  it.each([
    ['without a name', undefined],
    ['that is read-only', 1456],
    ['on a standby', 16_000],
  ])('thinks no worse of itself after a program in a transaction %s', async (_case, number) => {
    const driver = sessions.driver();
    const connection = await driver.connect(sessions.request());
    const { witness = { set: '', check: '' } } = driver.transactions;
    transactionName = null;
    if (number !== undefined) server.faults.fail(number, { match: /local_transaction_id/ });
    await run(connection, 'set transaction read only');
    const set = run(connection, witness.set);
    if (number === undefined) await set;
    else await failure(set);
    const error = await failure(run(connection, witness.check));
    expect(error).toMatchObject({ code: 'QUERY', reason: 'object-state', isConnectionFatal: false, siblings: 'keep' });
    connection.destroy();
  });

  it('sends the text of a statement once, and every time where none are kept', async () => {
    const texts = async (preparedStatements: number) => {
      const connection = await sessions.connect({}, { preparedStatements });
      server.observed.forgetCalls();
      for (let at = 0; at < 3; at += 1) await run(connection, 'select name from t where id = :1', [at]);
      return calls().map(({ sqlSent }) => sqlSent);
    };
    expect(await texts(10)).toEqual([true, false, false]);
    expect(await texts(0)).toEqual([true, true, true]);
  });

  it('asks what it is told to at a ping', async () => {
    const connection = await sessions.connect();
    await connection.ping('select 1 from dual');
    await connection.ping();
    expect(sent()).toEqual(['select 1 from dual', 'ping']);
  });

  it('takes back what a program has said about the session for people to read', async () => {
    const connection = await sessions.connect({ applicationName: 'shop' });
    const endToEnd = () => server.sessions.get(sidOf(connection))?.view.endToEnd;
    await run(connection, "begin dbms_application_info.set_client_info('till 7'); end;");
    await connection.reset(SESSION_EFFECTS.settings | SESSION_EFFECTS.unknown);
    expect(endToEnd()).toMatchObject({ module: 'shop', action: '', clientId: '', clientInfo: '' });
  });

  it('undoes what it can say again, in one round trip', async () => {
    const connection = await sessions.connect({ schema: 'SALES', settings: { nls_sort: 'BINARY' } });
    await run(connection, 'alter session set nls_sort = german current_schema = OTHER');
    server.observed.forgetCalls();
    await connection.reset(SESSION_EFFECTS.settings);
    expect(sent()).toEqual([`${SET_UP} nls_sort = 'BINARY' current_schema = SALES`]);
    await run(connection, 'begin p; end;');
    server.observed.forgetCalls();
    await connection.reset(SESSION_EFFECTS.unknown);
    expect(sent()).toEqual([expect.stringMatching(/^begin execute immediate .*modify_package_state.* end;$/)]);
  });

  it.each([
    ['another parameter', "alter session set nls_date_format = 'YY'", SESSION_EFFECTS.settings],
    ['a role', 'set role none', SESSION_EFFECTS.role],
    [
      'what DBMS_SESSION was told',
      "begin dbms_session.set_nls('x', 'y'); end;",
      SESSION_EFFECTS.settings | SESSION_EFFECTS.unknown,
    ],
  ])('ends where %s cannot be undone', async (_case, text, left) => {
    const connection = await sessions.connect({ settings: { nls_sort: 'BINARY' } });
    await run(connection, text);
    await expect(connection.reset(left)).rejects.toThrow('cannot be undone');
  });

  it('is one of fifty that come and go together, and leave nothing', async () => {
    const connections = await Promise.all(Array.from({ length: 50 }, () => sessions.connect()));
    await Promise.all(connections.map((connection) => run(connection, 'select 1 from dual')));
    expect(new Set(connections.map(({ sessionId }) => sessionId)).size).toBe(50);
    await Promise.all(connections.map((connection) => connection.close()));
    expect(connections.every(({ state }) => state === 'closed')).toBe(true);
    await expect.poll(() => server.connections).toBe(0);
    expect(sessions.losses).toEqual([]);
  });
});
