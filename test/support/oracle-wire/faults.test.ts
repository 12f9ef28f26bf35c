/** What the server can do to the real driver: each fault ends as it says, and leaves nothing behind. */
import { describe, expect, it } from 'vitest';
import { errorOf, oraIn, startBench, TIME_LIMIT_MS } from './driver-bench.js';
import { rows, touched } from './scripted-backend.js';
import { startOracleServer } from './server.js';
import { ScriptedBackend } from './scripted-backend.js';
import { T } from './values.js';

const OPTIONS = { timeout: TIME_LIMIT_MS };
const ONE_ROW = [[1]];

describe.each(['23ai', '19c'] as const)('faults of a %s server', OPTIONS, (profile) => {
  it.each([12514, 12516, 12520, 12541])(
    'refuses a connection with ORA-%i, until it is told otherwise',
    async (code) => {
      const { connect, server } = await startBench({ profile });
      server.faults.refuse(code);
      const error = await errorOf(connect());
      expect(`${error.code} ${error.message}`).toMatch(code === 12514 ? /NJS-518/ : new RegExp(`${code}`));
      server.faults.refuse(null);
      await connect();
    },
  );

  it('has no port while it does not listen, and the same one afterwards', async () => {
    const { connect, server } = await startBench({ profile });
    const before = await connect();
    await server.faults.stopListening();
    expect((await errorOf(connect())).message).toMatch(/NJS-503|ECONNREFUSED/);
    await server.faults.listenAgain();
    await connect();
    expect((await before.execute('SELECT 1 FROM DUAL')).rows).toEqual(ONE_ROW);
  });

  it('takes a connection and says nothing, as a black hole', async () => {
    const { connect, server } = await startBench({ profile });
    server.faults.blackHole(true);
    const error = await errorOf(connect({ connectTimeout: 1 }));
    expect(error.message).toMatch(/NJS-510|NJS-516|timeout/i);
    await expect.poll(() => server.connections).toBe(0);
  });

  it('sends a connection to another server', async () => {
    const { connect, server } = await startBench({ profile });
    const other = await startOracleServer({ profile, backend: new ScriptedBackend() });
    server.faults.redirect({ host: '127.0.0.1', port: other.port });
    const connection = await connect();
    expect((await connection.execute('SELECT 1 FROM DUAL')).rows).toEqual(ONE_ROW);
    expect([server.sessions.size, other.sessions.size]).toEqual([0, 1]);
    await connection.close();
    await other.stop();
  });

  it.each([
    ['starting', 1033],
    ['shutting-down', 1090],
    ['down', 1034],
  ] as const)('lets nobody in while it is %s (ORA-%i)', async (state, code) => {
    const { connect, server } = await startBench({ profile });
    server.faults.setInstance(state);
    expect(oraIn(await errorOf(connect()))).toBe(code);
    await expect.poll(() => server.connections).toBe(0);
    server.faults.setInstance('open');
    await connect();
  });

  it('ends the calls of its sessions while it goes down', async () => {
    const { connect, server } = await startBench({ profile });
    const connection = await connect();
    server.faults.setInstance('shutting-down');
    expect(oraIn(await errorOf(connection.execute('SELECT 1 FROM DUAL')))).toBe(1089);
  });

  it('only reads: all of it, or one session', async () => {
    const { backend, connect, server } = await startBench({ profile });
    backend.when(/^INSERT/, touched());
    const [one, other] = [await connect(), await connect()];
    const insert = 'INSERT INTO t VALUES (1)';
    server.faults.setInstance('read-only');
    expect(await errorOf(one.execute(insert))).toMatchObject({ errorNum: 16000 });
    expect((await one.execute('SELECT 1 FROM DUAL')).rows).toEqual(ONE_ROW);
    server.faults.setInstance('open');
    const [first = 0] = server.sessions.keys();
    await server.faults.readOnly(first, true);
    expect(await errorOf(one.execute(insert))).toMatchObject({ errorNum: 16000 });
    expect((await other.execute(insert)).rowsAffected).toBe(1);
  });

  it('keeps no cursor of a call that was refused or cancelled: the client never hears of it', async () => {
    const { connect, server } = await startBench({ profile });
    const connection = await connect();
    for (let at = 0; at < 3; at += 1) {
      server.faults.fail(8177);
      expect(await errorOf(connection.execute(`SELECT ${at} FROM DUAL`))).toMatchObject({ errorNum: 8177 });
      const held = server.faults.hold('execute');
      const cancelled = errorOf(connection.execute(`SELECT ${10 + at} FROM DUAL`));
      await held.reached;
      await connection.break();
      expect(await cancelled).toMatchObject({ errorNum: 1013 });
    }
    expect([...server.sessions.values()].map(({ view }) => view.openCursors)).toEqual([0]);
  });

  it.each([1, 28, 54, 60, 600, 1000, 1033, 1089, 3113, 3135, 8177, 12571])(
    'answers ORA-%i to the one statement that was meant',
    async (code) => {
      const { connect, server } = await startBench({ profile });
      const connection = await connect();
      server.faults.fail(code, { match: /DUAL/, skip: 1 });
      await connection.execute('SELECT 1 FROM DUAL');
      expect(oraIn(await errorOf(connection.execute('SELECT 1 FROM DUAL')))).toBe(code);
      if (connection.isHealthy()) expect((await connection.execute('SELECT 1 FROM DUAL')).rows).toEqual(ONE_ROW);
    },
  );

  it.each(['before', 'after', 'mid-answer'] as const)('cuts a connection %s a statement', async (drop) => {
    const { backend, connect, server } = await startBench({ profile });
    let runs = 0;
    const data = Array.from({ length: 500 }, (_, index) => [index]);
    backend.when(/FROM t/, () => {
      runs += 1;
      return rows({ A: T.NUMBER }, data);
    });
    const connection = await connect();
    server.faults.inject({ on: 'execute', drop });
    expect(await errorOf(connection.execute('SELECT a FROM t', [], { prefetchRows: 501 }))).toMatchObject({
      code: 'NJS-500',
    });
    expect(runs).toBe(drop === 'before' ? 0 : 1);
    await expect.poll(() => server.connections).toBe(0);
  });

  it('cuts a connection half way through a fetch', async () => {
    const { backend, connect, server } = await startBench({ profile });
    backend.when(
      /FROM t/,
      rows(
        { A: T.NUMBER },
        Array.from({ length: 5000 }, (_, index) => [index]),
      ),
    );
    const connection = await connect();
    server.faults.inject({ on: 'fetch', drop: 'mid-answer' });
    const error = await errorOf(connection.execute('SELECT a FROM t', [], { fetchArraySize: 1000 }));
    expect(error).toMatchObject({ code: 'NJS-500' });
  });

  it('commits, and loses the answer', async () => {
    const { backend, connect, server } = await startBench({ profile });
    backend.when(/^INSERT/, touched());
    const connection = await connect();
    await connection.execute('INSERT INTO t VALUES (1)');
    server.faults.loseCommitAnswer();
    expect(await errorOf(connection.commit())).toMatchObject({ code: 'NJS-500' });
    expect(server.observed.calls.at(-1)).toMatchObject({ op: 'commit' });
  });

  it('kills a session that sleeps, and one that works', async () => {
    const { connect, server } = await startBench({ profile });
    for (const isBusy of [false, true]) {
      const connection = await connect();
      const [sid = 0] = [...server.sessions.keys()].slice(-1);
      const held = isBusy ? server.faults.hold('execute') : null;
      if (held === null) await server.faults.kill(sid);
      const failing = errorOf(connection.execute('SELECT 1 FROM DUAL'));
      if (held !== null) {
        await held.reached;
        await server.faults.kill(sid);
      }
      expect(oraIn(await failing)).toBe(28);
      await expect.poll(() => server.sessions.has(sid)).toBe(false);
    }
  });

  it('freezes, and goes on where it was', async () => {
    const { connect, server } = await startBench({ profile });
    const connection = await connect();
    server.faults.freeze();
    connection.callTimeout = 50;
    let isOver = false;
    const working = errorOf(connection.execute('SELECT 1 FROM DUAL')).finally(() => (isOver = true));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(isOver).toBe(false);
    server.faults.thaw();
    expect((await working).message).toMatch(/NJS-123|ORA-01013/);
    connection.callTimeout = 0;
    expect((await connection.execute('SELECT 1 FROM DUAL')).rows).toEqual(ONE_ROW);
  });

  it('tells an idle session that it is doomed', async () => {
    const { connect, server } = await startBench({ profile });
    const connection = await connect();
    const [sid = 0] = server.sessions.keys();
    expect(connection.isHealthy()).toBe(true);
    server.faults.notify(sid, 12572);
    await expect.poll(() => connection.isHealthy()).toBe(false);
  });

  it('delays, and holds until it is let go', async () => {
    const { connect, server } = await startBench({ profile });
    const connection = await connect();
    server.faults.inject({ on: 'ping', delayMs: 20 });
    await connection.ping();
    const held = server.faults.hold('execute', /DUAL/);
    let isOver = false;
    const working = connection.execute('SELECT 1 FROM DUAL').finally(() => (isOver = true));
    await held.reached;
    await (await connect()).ping();
    expect(isOver).toBe(false);
    held.release();
    expect((await working).rows).toEqual(ONE_ROW);
  });

  it('withdraws a rule, and all of them', async () => {
    const { connect, server } = await startBench({ profile });
    const connection = await connect();
    const withdraw = server.faults.fail(54, { times: Infinity });
    await errorOf(connection.execute('SELECT 1 FROM DUAL'));
    withdraw();
    await connection.execute('SELECT 1 FROM DUAL');
    server.faults.fail(54);
    server.faults.clear();
    expect((await connection.execute('SELECT 1 FROM DUAL')).rows).toEqual(ONE_ROW);
  });

  it('refuses more sessions than it has room for', async () => {
    const { connect } = await startBench({ profile, maxSessions: 1 });
    const first = await connect();
    expect((await errorOf(connect())).message).toMatch(/12516/);
    await first.close();
    await connect();
  });

  it('has so many cursors and no more', async () => {
    const { backend, connect } = await startBench({ profile, maxOpenCursors: 2 });
    backend.when(/FROM t/, rows({ A: T.NUMBER }, [[1]]));
    const connection = await connect();
    const open = (name: string) => connection.execute(`SELECT a FROM t ${name}`, [], { resultSet: true });
    const sets = [await open('a'), await open('b')];
    expect(await errorOf(open('c'))).toMatchObject({ errorNum: 1000 });
    for (const { resultSet } of sets) await resultSet?.close();
  });
});

describe.each(['23ai', '19c'] as const)('a break on a %s server', OPTIONS, (profile) => {
  it('ends a running statement, and the session goes on', async () => {
    const { connect, server } = await startBench({ profile });
    const connection = await connect();
    for (let times = 0; times < 3; times++) {
      const held = server.faults.hold('execute');
      const working = errorOf(connection.execute('SELECT 1 FROM DUAL'));
      await held.reached;
      await connection.break();
      expect(oraIn(await working)).toBe(1013);
      expect((await connection.execute('SELECT 1 FROM DUAL')).rows).toEqual(ONE_ROW);
    }
  });

  it('ends the backend’s own work', async () => {
    const { backend, connect } = await startBench({ profile });
    let isCancelled = false;
    let begin = (): void => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    backend.when(/SLEEP/, (_, { cancelled }) => {
      begin();
      return new Promise((resolve) => {
        cancelled.addEventListener('abort', () => {
          isCancelled = true;
          resolve({});
        });
      });
    });
    const connection = await connect();
    const working = errorOf(connection.execute('BEGIN DBMS_SESSION.SLEEP(60); END;'));
    await begun;
    await connection.break();
    expect(oraIn(await working)).toBe(1013);
    expect(isCancelled).toBe(true);
  });

  it('on an idle connection is answered to the next call, and to no other', async () => {
    const { connect } = await startBench({ profile });
    const connection = await connect();
    await connection.break();
    expect(oraIn(await errorOf(connection.execute('SELECT 1 FROM DUAL')))).toBe(1013);
    expect((await connection.execute('SELECT 1 FROM DUAL')).rows).toEqual(ONE_ROW);
  });

  it('comes by itself when a call takes too long', async () => {
    const { connect, server } = await startBench({ profile });
    const connection = await connect();
    const held = server.faults.hold('execute');
    // Long enough for the call to stand there first, however busy the machine is: a break that comes together with it wakes nobody.
    connection.callTimeout = 400;
    expect((await errorOf(connection.execute('SELECT 1 FROM DUAL'))).message).toContain('NJS-123');
    await held.reached;
    connection.callTimeout = 0;
    expect((await connection.execute('SELECT 1 FROM DUAL')).rows).toEqual(ONE_ROW);
  });

  it('may cross the answer it was meant to prevent, a hundred times', async () => {
    const { backend, connect } = await startBench({ profile });
    backend.when(
      /FROM t/,
      rows(
        { A: T.NUMBER },
        Array.from({ length: 300 }, (_, index) => [index]),
      ),
    );
    const connection = await connect();
    for (let times = 0; times < 100; times++) {
      const working = connection.execute('SELECT a FROM t', [], { prefetchRows: times }).then(
        ({ rows: found = [] }) => found.length,
        (error: Error) => oraIn(error),
      );
      if (times % 3 === 0) await Promise.resolve();
      if (times % 3 === 1) await new Promise((resolve) => setImmediate(resolve));
      await connection.break();
      expect([300, 1013]).toContain(await working);
      // What came too late for that call is answered to the next one.
      await connection.ping().catch((error: Error) => expect(oraIn(error)).toBe(1013));
      expect((await connection.execute('SELECT 1 FROM DUAL')).rows).toEqual(ONE_ROW);
    }
  });
});

it('ends when it is stopped, with whatever goes on', OPTIONS, async () => {
  const { connect, server } = await startBench();
  const connection = await connect();
  server.faults.inject({ on: 'execute', delayMs: 60_000 });
  const working = errorOf(connection.execute('SELECT 1 FROM DUAL'));
  await expect.poll(() => server.observed.calls.at(-1)?.op).toBe('execute');
  await server.stop();
  expect(await working).toMatchObject({ code: 'NJS-500' });
});
