/** The wire server and the real driver: logon, statements, cursors, pipelines; on the profiles that differ most. */
import { describe, expect, it } from 'vitest';
import { driver, errorOf, oraIn, startBench, TIME_LIMIT_MS } from './driver-bench.js';
import { rows, touched } from './scripted-backend.js';
import { T } from './values.js';

const OPTIONS = { timeout: TIME_LIMIT_MS };

describe.each(['23ai', '19c'] as const)('a %s server', OPTIONS, (profile) => {
  it('lets in whoever knows the password, and nobody else', async () => {
    const { connect, server } = await startBench({ profile });
    const connection = await connect();
    expect(connection.oracleServerVersionString).toMatch(profile === '23ai' ? /^23\./ : /^19\./);
    expect(server.sessions.size).toBe(1);
    expect(oraIn(await errorOf(connect({ password: 'wrong' })))).toBe(1017);
    expect(oraIn(await errorOf(connect({ user: 'ghost' })))).toBe(1017);
    await connection.close();
    await expect.poll(() => server.connections).toBe(0);
  });

  it.each(['12c', '11g'] as const)('proves the password by a verifier of %s', async (verifier) => {
    const { connect } = await startBench({ profile, verifier });
    const connection = await connect();
    expect((await connection.execute('SELECT 1 FROM DUAL')).rows).toEqual([[1]]);
  });

  it('refuses a service that it does not have', async () => {
    const { connect, server } = await startBench({ profile, services: ['ORDERS'] });
    await connect();
    const elsewhere = { connectString: `127.0.0.1:${server.port}/NOPE` };
    expect(await errorOf(connect(elsewhere))).toMatchObject({ code: 'NJS-518' });
  });

  it('changes a password within a session', async () => {
    const { connect } = await startBench({ profile, users: { ops: 'first' } });
    const connection = await connect();
    expect(oraIn(await errorOf(connection.changePassword('ops', 'wrong', 'second')))).toBe(28008);
    await connection.changePassword('ops', 'first', 'second');
    await connect({ password: 'second' });
    expect(oraIn(await errorOf(connect({ password: 'first' })))).toBe(1017);
  });

  it('takes connect data that needs a packet of its own, and any packet size', async () => {
    const { backend, connect, server } = await startBench({ profile });
    backend.when(/FROM long/, rows({ TEXT: T.VARCHAR }, [['x'.repeat(30_000)]])).when(/INSERT/, touched());
    const program = 'p'.repeat(300);
    const address = `(ADDRESS=(PROTOCOL=TCP)(HOST=127.0.0.1)(PORT=${server.port}))`;
    const data = `(CONNECT_DATA=(SERVICE_NAME=ANY)(CID=(PROGRAM=${program})(HOST=h)(USER=u)))`;
    for (const connectString of [`(DESCRIPTION=${address}${data})`, `${server.connectString}?sdu=512`]) {
      const connection = await connect({ connectString });
      expect((await connection.execute('SELECT text FROM long')).rows).toEqual([['x'.repeat(30_000)]]);
      expect((await connection.execute('INSERT INTO long VALUES (:1)', ['y'.repeat(70_000)])).rowsAffected).toBe(1);
    }
  });

  it('binds by position, by name and by a name used twice, in any order of the values', async () => {
    const { backend, connect } = await startBench({ profile });
    backend.when(/FROM echo/, ({ binds, rows: [row = []] }) =>
      rows(Object.fromEntries(binds.map(({ name }, index) => [`${name}_${index}`, T.VARCHAR])), [row.map(String)]),
    );
    const connection = await connect();
    expect((await connection.execute('SELECT * FROM echo WHERE a = :1 AND b = :2', [1.5, 'ž🐎'])).rows).toEqual([
      ['1.5', 'ž🐎'],
    ]);
    const named = await connection.execute('SELECT * FROM echo WHERE a = :b AND b = :a AND c = :b', { a: 'A', b: 'B' });
    expect(named.rows).toEqual([['B', 'A', 'B']]);
    expect((await connection.execute('SELECT * FROM echo WHERE a = :1', [null])).rows).toEqual([['null']]);
  });

  it('keeps account of the transaction, and tells it', async () => {
    const { backend, connect, server } = await startBench({ profile });
    backend.when(/^(INSERT|UPDATE)/, touched(3));
    const connection = await connect();
    expect((await connection.execute('UPDATE t SET a = :1', [1])).rowsAffected).toBe(3);
    expect(connection.transactionInProgress).toBe(true);
    await connection.commit();
    expect(connection.transactionInProgress).toBe(false);
    await connection.execute('UPDATE t SET a = 2', [], { autoCommit: true });
    expect(connection.transactionInProgress).toBe(false);
    await connection.execute('UPDATE t SET a = 2');
    expect(connection.transactionInProgress).toBe(true);
    await connection.rollback();
    expect(connection.transactionInProgress).toBe(false);
    expect(server.observed.calls.map(({ op, autoCommit }) => (autoCommit === true ? `${op}!` : op))).toEqual([
      'logon',
      'execute',
      'commit',
      'execute!',
      'reexecute',
      'rollback',
    ]);
  });

  it('is sent the text of a statement once: the driver knows its cursor afterwards', async () => {
    const { backend, connect, server } = await startBench({ profile });
    backend.when(/FROM t/, rows({ A: T.NUMBER }, [[1]])).when(/^INSERT/, touched());
    const connection = await connect({ stmtCacheSize: 2 });
    for (const id of [1, 2, 3]) await connection.execute('SELECT a FROM t WHERE id = :1', [id]);
    for (const id of [1, 2, 3]) await connection.execute('INSERT INTO t VALUES (:1)', [id]);
    expect(server.observed.calls.filter(({ sqlSent }) => sqlSent === true)).toHaveLength(2);
    expect(server.observed.counters).toMatchObject({ parses: 2, executions: 6 });
    for (const name of ['a', 'b', 'c']) await connection.execute(`SELECT a FROM t ${name}`);
    await connection.ping();
    expect([...server.sessions.values()].map(({ view }) => view.openCursors)).toEqual([2]);
  });

  it('keeps the cursor of a statement that a constraint stopped, and drops one that other errors stopped', async () => {
    const { backend, connect, server } = await startBench({ profile });
    const connection = await connect();
    const insert = 'INSERT INTO t VALUES (:1)';
    for (const code of [null, 1, null, 1653, null]) {
      if (code === null) backend.expect(insert, touched());
      else backend.expect(insert, () => Promise.reject(server.faults.errorOf(code)));
    }
    await connection.execute(insert, [1]);
    expect(await errorOf(connection.execute(insert, [1]))).toMatchObject({ errorNum: 1 });
    await connection.execute(insert, [2]);
    expect(await errorOf(connection.execute(insert, [3]))).toMatchObject({ errorNum: 1653 });
    await connection.execute(insert, [4]);
    const sent = server.observed.calls.filter(({ sql }) => sql === insert).map(({ sqlSent }) => sqlSent);
    expect(sent).toEqual([true, false, false, false, true]);
  });

  it.each([
    { prefetchRows: 2, fetchArraySize: 100 },
    { prefetchRows: 0, fetchArraySize: 1000 },
    { prefetchRows: 10_001, fetchArraySize: 100 },
    { prefetchRows: 500, fetchArraySize: 137 },
  ])('brings 10,000 rows with %o', async (options) => {
    const { backend, connect } = await startBench({ profile });
    const data = Array.from({ length: 10_000 }, (_, index) => [index, `value ${index >> 2}`, `G${index >> 9}`]);
    backend.when(/FROM big/, rows({ ID: T.NUMBER, V: T.VARCHAR, G: T.VARCHAR }, data));
    const connection = await connect();
    expect((await connection.execute('SELECT * FROM big', [], options)).rows).toEqual(data);
  });

  it('makes rows only as they are fetched, and lets go of the rest', async () => {
    const { backend, connect } = await startBench({ profile });
    let made = 0;
    let isEnded = false;
    function* endless(): Generator<[number]> {
      try {
        for (;;) yield [(made += 1)];
      } finally {
        isEnded = true;
      }
    }
    backend.when(/FROM endless/, () => rows({ N: T.NUMBER }, endless()));
    const connection = await connect();
    const options = { resultSet: true, prefetchRows: 0, fetchArraySize: 50 };
    const { resultSet } = await connection.execute('SELECT n FROM endless', [], options);
    expect(await resultSet?.getRows(50)).toHaveLength(50);
    expect(made).toBe(50);
    await resultSet?.close();
    await connection.execute('SELECT 1 FROM DUAL');
    expect(isEnded).toBe(true);
    isEnded = false;
    const { resultSet: left } = await connection.execute('SELECT n FROM endless', [], options);
    expect(await left?.getRows(50)).toHaveLength(50);
    await connection.close();
    await expect.poll(() => isEnded).toBe(true);
  });

  it('describes without running, and says what a number is', async () => {
    const { backend, connect } = await startBench({ profile });
    const columns = [
      { name: 'PRICE', type: T.NUMBER, precision: 10, scale: 2, nullable: false },
      { name: 'ANY', type: T.NUMBER },
    ];
    backend.when(/FROM items/, { columns, rows: [['12.30', '1e125']] });
    const connection = await connect();
    expect((await connection.getStatementInfo('SELECT * FROM items')).metaData?.map(({ name }) => name)).toEqual([
      'PRICE',
      'ANY',
    ]);
    const { metaData } = await connection.execute('SELECT * FROM items');
    expect(metaData).toMatchObject([
      { name: 'PRICE', precision: 10, scale: 2, nullable: false },
      { name: 'ANY', precision: 0, scale: -127, nullable: true },
    ]);
  });

  it('says where in the SQL an error is, and keeps what else it tells', async () => {
    const { backend, connect, server } = await startBench({ profile });
    backend.when(/SELEC /, () => Promise.reject(server.faults.errorOf(900, 'invalid SQL statement', 7)));
    backend.when(/^CREATE/, { warning: { code: 24344, message: 'ORA-24344: success with compilation error' } });
    const connection = await connect();
    expect(await errorOf(connection.execute('SELEC 1'))).toMatchObject({ errorNum: 900, offset: 7 });
    expect((await connection.execute('CREATE PROCEDURE p AS BEGIN x; END;')).warning?.message).toContain('ORA-24344');
  });

  it('hears module, action, client identifier and schema, and accepts DRCP', async () => {
    const { connect, server } = await startBench({ profile });
    const connection = await connect({ connectString: `${server.connectString}:pooled` });
    connection.module = 'checkout';
    connection.action = 'pay';
    connection.clientId = 'user-7';
    connection.currentSchema = 'SALES';
    await connection.ping();
    const [session] = [...server.sessions.values()];
    expect(session?.view).toMatchObject({
      serverKind: 'pooled',
      schema: 'SALES',
      endToEnd: { module: 'checkout', action: 'pay', clientId: 'user-7', AUTH_KPPL_PURITY: '1' },
    });
  });

  it('issues logical transaction ids, and knows of a commit whose answer was lost', async () => {
    const { backend, connect, server } = await startBench({ profile, transactionGuard: true });
    backend.when(/^INSERT/, touched());
    const connection = await connect();
    const first = connection.ltxid;
    await connection.execute('INSERT INTO t VALUES (1)', [], { autoCommit: true });
    const second = connection.ltxid;
    expect(second).not.toEqual(first);
    await connection.execute('INSERT INTO t VALUES (2)');
    server.faults.loseCommitAnswer();
    await errorOf(connection.commit());
    const other = await connect();
    await other.execute('INSERT INTO t VALUES (3)');
    const out = { dir: driver.BIND_OUT, type: driver.NUMBER };
    const question = 'BEGIN DBMS_APP_CONT.GET_LTXID_OUTCOME(:id, :committed, :done); END;';
    const ask = async (id: Buffer | undefined): Promise<unknown> =>
      (await (await connect()).execute(question, { id, committed: out, done: out })).outBinds;
    expect(await ask(second)).toMatchObject({ committed: 1 });
    expect(await ask(other.ltxid)).toMatchObject({ committed: 0 });
    expect(await errorOf(other.commit())).toMatchObject({ errorNum: 14909 });
  });

  it('serves fifty sessions at once', async () => {
    const { connect, server } = await startBench({ profile });
    const connections = await Promise.all(Array.from({ length: 50 }, () => connect()));
    const results = await Promise.all(connections.map((connection) => connection.execute('SELECT 1 FROM DUAL')));
    expect(results.map(({ rows: found }) => found)).toEqual(connections.map(() => [[1]]));
    expect(server.sessions.size).toBe(50);
  });
});

describe('a 23ai server', OPTIONS, () => {
  it('answers a pipeline, an error in its midst too', async () => {
    const { backend, connect, server } = await startBench();
    backend.when(/FROM t/, rows({ A: T.NUMBER }, [[1], [2]])).when(/^INSERT/, touched());
    backend.when(/FROM nowhere/, () => Promise.reject(server.faults.errorOf(942)));
    const connection = await connect();
    const pipeline = new driver.Pipeline();
    pipeline.addExecute?.('INSERT INTO t VALUES (1)');
    pipeline.addFetchAll?.('SELECT a FROM nowhere');
    pipeline.addFetchAll?.('SELECT a FROM t');
    pipeline.addCommit?.();
    const results = await connection.runPipeline(pipeline, true);
    expect(results).toHaveLength(4);
    expect(results[2]).toMatchObject({ rows: [[1], [2]] });
    expect((await connection.execute('SELECT 1 FROM DUAL')).rows).toEqual([[1]]);
  });

  it('makes no difference when errors have no markers, rows are whole and RETURNING is flushed', async () => {
    const { backend, connect } = await startBench({ errorMarkers: false, compressRows: false, flushOutBinds: true });
    backend.when(/RETURNING/, { rowCounts: [1], returning: [[[7]]] });
    backend.when(
      /FROM t/,
      rows({ A: T.NUMBER, B: T.VARCHAR }, [
        [1, 'x'],
        [1, 'x'],
        [2, 'x'],
      ]),
    );
    const connection = await connect();
    expect(oraIn(await errorOf(connection.execute('nonsense')))).toBe(900);
    expect((await connection.execute('SELECT a, b FROM t')).rows).toEqual([
      [1, 'x'],
      [1, 'x'],
      [2, 'x'],
    ]);
    const out = { id: { dir: driver.BIND_OUT, type: driver.NUMBER } };
    const returned = await connection.execute('INSERT INTO t VALUES (1) RETURNING id INTO :id', out);
    expect(returned.outBinds).toEqual({ id: [7] });
    expect((await connection.execute('SELECT a, b FROM t')).rows).toHaveLength(3);
  });
});
