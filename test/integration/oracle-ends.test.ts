/**
 * How statements and connections of the Oracle room end before their time, by the real client library over the wire server: breaks
 * that come in time and late, limits, and every way in which a session is lost. What the library leaves pending for ever must end.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DriverConnection } from '../../src/driver/driver.js';
import { ScriptedBackend, rows, touched } from '../support/oracle-wire/scripted-backend.js';
import type { OracleServer } from '../support/oracle-wire/server.js';
import { startOracleServer } from '../support/oracle-wire/server.js';
import { T } from '../support/oracle-wire/values.js';
import { OracleSessions, failure, run, sidOf } from './oracle-sessions.js';

const SLOW = 'select name from slow';
const LOST = { code: 'NJS-500' };

describe.each(['23ai', '19c'] as const)('an Oracle connection, with a server of %s', (profile) => {
  let server: OracleServer;
  let sessions: OracleSessions;

  beforeAll(async () => {
    const backend = new ScriptedBackend()
      .when(/sys_context/, (_request, { info }) => rows({ SID: T.NUMBER }, [[info.sid]]))
      .when(/^select name from/, rows({ NAME: T.VARCHAR }, [['a']]))
      .when(/^select \d+ from/, ({ statement }) => rows({ N: T.NUMBER }, [[Number(/\d+/.exec(statement.sql)?.[0])]]))
      .when(/^select film/, rows({ FILM: T.CLOB }, [['a film']]))
      .when(/^insert/, touched());
    server = await startOracleServer({ backend, profile });
    sessions = new OracleSessions(server);
  });
  afterEach(() => {
    sessions.endAll();
    server.faults.clear();
  });
  afterAll(async () => {
    await server.stop();
    expect(server.observed.protocolErrors).toEqual([]);
  });

  /** `text` stands at the server. */
  async function hang(connection: DriverConnection, text = SLOW) {
    const held = server.faults.hold('execute', (sql) => sql === text);
    const failed = failure(run(connection, text));
    await held.reached;
    return { held, failed };
  }

  const losses = () => sessions.losses.map((error) => (error as { code?: string }).code);

  it('stops what runs, and is ready for more', async () => {
    const connection = await sessions.connect();
    const { failed } = await hang(connection);
    expect(connection.state).toBe('busy');
    await connection.cancel();
    expect(await failed).toMatchObject({ errorNum: 1013 });
    await connection.untilReady();
    expect((await run(connection, 'select 7 from dual')).rows).toEqual([['7']]);
    expect([connection.state, losses()]).toEqual(['idle', []]);
  });

  it('stops a statement by one break, however often it is told to', async () => {
    const connection = await sessions.connect();
    const { failed } = await hang(connection);
    await connection.cancel();
    const before = connection.bytesWritten;
    await connection.cancel();
    expect(connection.bytesWritten).toBe(before);
    expect(await failed).toMatchObject({ errorNum: 1013 });
    // The next one is another call.
    const next = await hang(connection);
    await connection.cancel();
    expect(await next.failed).toMatchObject({ errorNum: 1013 });
    expect((await run(connection, 'select 7 from dual')).rows).toEqual([['7']]);
    expect(losses()).toEqual([]);
  });

  it('is given up, at rest, after 64 calls that were broken off: each may have left a cursor that nobody can close', async () => {
    const connection = await sessions.connect();
    await run(connection, 'set transaction read write');
    for (let calls = 0; calls < 64; calls += 1) {
      const { failed } = await hang(connection);
      await connection.cancel();
      expect(await failed).toMatchObject({ errorNum: 1013 });
    }
    expect([connection.state, losses()]).toEqual(['in-transaction', []]);
    await run(connection, 'commit');
    expect([connection.state, losses()]).toEqual(['closed', ['NJS-500']]);
    await expect.poll(() => server.connections).toBe(0);
  });

  it('runs a query with LOBs as ever after it was stopped between its two steps', async () => {
    const connection = await sessions.connect();
    const film = () => run(connection, 'select film from films where id = :1', [1]);
    const held = server.faults.hold('fetch');
    const failed = failure(film());
    await held.reached;
    await connection.cancel();
    expect(await failed).toMatchObject({ errorNum: 1013 });
    held.release();
    expect((await film()).rows).toEqual([['a film']]);
    expect((await film()).rows).toEqual([['a film']]);
  });

  it('runs a query with LOBs as ever after the second of its two steps has failed', async () => {
    const connection = await sessions.connect();
    const film = () => run(connection, 'select film from films where id = :1', [1]);
    server.faults.fail(1555, { on: 'fetch' });
    expect(await failure(film())).toMatchObject({ errorNum: 1555 });
    expect((await film()).rows).toEqual([['a film']]);
  });

  it('stops nothing when nothing runs, least of all what comes next', async () => {
    const connection = await sessions.connect();
    await connection.cancel();
    expect((await run(connection, 'select 7 from dual')).rows).toEqual([['7']]);
  });

  it('lets no break that comes late hit a later statement, whoever asks next', async () => {
    const connection = await sessions.connect();
    for (let at = 0; at < 60; at += 1) {
      const first = run(connection, 'select 1 from dual').then(
        ({ rows: [row] }) => row,
        (error: { errorNum?: number }) => error.errorNum,
      );
      // Each time at another moment of the statement's life.
      for (let turn = 0; turn < at % 6; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      await connection.cancel();
      expect([['1'], 1013]).toContainEqual(await first);
      if (at % 2 === 0) await connection.ping();
      expect((await run(connection, `select ${at} from dual`)).rows).toEqual([[String(at)]]);
    }
    expect(losses()).toEqual([]);
  });

  it('stops a statement in a transaction, which goes on', async () => {
    const connection = await sessions.connect();
    await run(connection, 'set transaction read write');
    await run(connection, 'insert into t values (1)');
    const { failed } = await hang(connection);
    await connection.cancel();
    await failed;
    await connection.ping();
    expect(connection.state).toBe('in-transaction');
    await run(connection, 'commit');
    expect(connection.state).toBe('idle');
  });

  it('is used again after its own limit for statements has struck', async () => {
    const connection = await sessions.connect();
    // Long enough for the statement to stand at the server, however busy the machine is.
    await connection.limitStatements?.(400);
    expect(connection.statementLimitMs).toBe(400);
    const { failed } = await hang(connection);
    expect(await failed).toMatchObject({ code: 'NJS-123' });
    await connection.limitStatements?.(0);
    expect((await run(connection, 'select 7 from dual')).rows).toEqual([['7']]);
    expect(losses()).toEqual([]);
  });

  it('frozen, ends with all that waits for it, at once, and is no loss', async () => {
    const connection = await sessions.connect();
    server.faults.freeze(sidOf(connection));
    const failed = failure(run(connection, 'select 7 from dual'));
    const ready = failure(connection.untilReady());
    await connection.cancel();
    connection.destroy();
    expect(connection.state).toBe('closed');
    expect(await failed).toMatchObject(LOST);
    expect(await ready).toMatchObject(LOST);
    expect(await failure(run(connection, 'select 7 from dual'))).toMatchObject(LOST);
    expect(await failure(connection.ping())).toMatchObject(LOST);
    await expect.poll(() => server.connections).toBe(0);
    expect(losses()).toEqual([]);
  });

  it('frozen, hangs when it is closed, until it is destroyed', async () => {
    const connection = await sessions.connect();
    server.faults.freeze(sidOf(connection));
    let isClosed = false;
    const closing = connection.close().then(() => (isClosed = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect([isClosed, connection.state]).toEqual([false, 'closed']);
    connection.destroy();
    await closing;
    await expect.poll(() => server.connections).toBe(0);
    expect(losses()).toEqual([]);
  });

  it('frozen, is not kept by a limit that has struck', async () => {
    const connection = await sessions.connect();
    await connection.limitStatements?.(30);
    server.faults.freeze(sidOf(connection));
    const failed = failure(run(connection, 'select 7 from dual'));
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(connection.state).toBe('busy');
    connection.destroy();
    expect(await failed).toMatchObject(LOST);
  });

  it('is closed once, and gently: it logs off', async () => {
    const connection = await sessions.connect();
    server.observed.forgetCalls();
    await connection.close();
    await connection.close();
    expect(server.observed.calls.map(({ op }) => op)).toEqual(['logoff']);
    expect(losses()).toEqual([]);
  });

  it('lost while idle is told of once', async () => {
    const connection = await sessions.connect();
    server.faults.cut(sidOf(connection));
    await expect.poll(() => connection.state).toBe('closed');
    expect(losses()).toEqual(['NJS-500']);
    expect(await failure(run(connection, 'select 7 from dual'))).toMatchObject(LOST);
    connection.destroy();
    await new Promise((resolve) => setImmediate(resolve));
    expect(losses()).toEqual(['NJS-500']);
  });

  it.each(['before', 'after', 'mid-answer'] as const)(
    'lost while it runs (%s) rejects, and is told of once',
    async (drop) => {
      const connection = await sessions.connect();
      server.faults.inject({ on: 'execute', match: /slow/, drop });
      const before = connection.bytesWritten;
      expect(await failure(run(connection, SLOW))).toMatchObject(LOST);
      expect(connection.bytesWritten).toBeGreaterThan(before);
      expect([connection.state, losses()]).toEqual(['closed', ['NJS-500']]);
    },
  );

  it('lost in a COMMIT rejects, and is told of once', async () => {
    const connection = await sessions.connect();
    await run(connection, 'set transaction read write');
    await run(connection, 'insert into t values (1)');
    server.faults.loseCommitAnswer();
    expect(await failure(run(connection, 'commit'))).toMatchObject(LOST);
    expect(losses()).toEqual(['NJS-500']);
  });

  it('killed by an administrator ends with the next statement, which says so', async () => {
    const connection = await sessions.connect();
    await server.faults.kill(sidOf(connection));
    expect(await failure(run(connection, 'select 7 from dual'))).toMatchObject({ errorNum: 28 });
    expect([connection.state, sessions.losses]).toEqual(['closed', [expect.objectContaining({ errorNum: 28 })]]);
    await expect.poll(() => server.connections).toBe(0);
  });

  it('killed while it runs ends with what ran', async () => {
    const connection = await sessions.connect();
    const { failed } = await hang(connection);
    await server.faults.kill(sidOf(connection));
    expect(await failed).toMatchObject({ errorNum: 28 });
    expect(connection.state).toBe('closed');
  });

  it('that is told between two statements of its coming end is given up, and told of once', async () => {
    const connection = await sessions.connect();
    server.faults.notify(sidOf(connection), 12_752);
    await expect.poll(() => connection.state).toBe('closed');
    expect(losses()).toEqual(['NJS-513']);
    await expect.poll(() => server.connections).toBe(0);
  });

  it('that is told so inside a transaction may end it first', async () => {
    const sockets: Socket[] = [];
    const onSocket = (message: unknown) => void sockets.push((message as { socket: Socket }).socket);
    subscribe('net.client.socket', onSocket);
    const connection = await sessions.connect();
    unsubscribe('net.client.socket', onSocket);
    await run(connection, 'set transaction read write');
    await run(connection, 'insert into t values (1)');
    const bytesRead = () => sockets.reduce((sum, socket) => sum + socket.bytesRead, 0);
    const before = bytesRead();
    server.faults.notify(sidOf(connection), 12_752);
    // It has come: nothing else is under way.
    await expect.poll(bytesRead).toBeGreaterThan(before);
    await run(connection, 'insert into t values (2)');
    expect(connection.state).toBe('in-transaction');
    await run(connection, 'commit');
    await expect.poll(() => connection.state).toBe('closed');
    expect(losses()).toEqual(['NJS-513']);
  });

  it('that is destroyed while it is being made leaves nothing behind', async () => {
    const controller = new AbortController();
    const held = server.faults.hold('execute', /time_zone/);
    const failed = failure(sessions.connect({}, { signal: controller.signal }));
    await held.reached;
    controller.abort();
    expect(await failed).toMatchObject({ code: 'CANCELLED' });
    await expect.poll(() => server.connections).toBe(0);
    expect(losses()).toEqual([]);
  });
});
