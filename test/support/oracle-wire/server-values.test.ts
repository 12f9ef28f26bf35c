/** The wire server and the real driver: values of every type, LOBs, OUT binds, REF CURSORs, many rows at once. */
import { describe, expect, it } from 'vitest';
import { SqlJson } from './backend.js';
import type { DriverResultSet } from './driver-bench.js';
import { driver, errorOf, startBench, TIME_LIMIT_MS } from './driver-bench.js';
import { outBinds, rows } from './scripted-backend.js';
import { T } from './values.js';

const OPTIONS = { timeout: TIME_LIMIT_MS };

describe.each(['23ai', '19c'] as const)('values of a %s server', OPTIONS, (profile) => {
  it('carries every scalar type both ways', async () => {
    const { backend, connect } = await startBench({ profile });
    const types = { N: T.NUMBER, V: T.VARCHAR, D: T.DATE, TS: T.TIMESTAMP, TZ: T.TIMESTAMP_TZ, R: T.RAW };
    const more = { BD: T.BINARY_DOUBLE, BF: T.BINARY_FLOAT, DS: T.INTERVAL_DS, YM: T.INTERVAL_YM };
    backend.when(/FROM echo/, ({ rows: [row = []] }) =>
      rows({ ...types, ...more }, [row.map((value) => value as null)]),
    );
    const connection = await connect();
    const when = new Date(2024, 1, 29, 13, 14, 15, 678);
    const day = new Date(2024, 1, 29, 13, 14, 15);
    const binds = [
      { type: driver.NUMBER, val: -1234567.89 },
      'ž漢🐎',
      { type: driver.DB_TYPE_DATE, val: day },
      { type: driver.DB_TYPE_TIMESTAMP, val: when },
      { type: driver.DB_TYPE_TIMESTAMP_TZ, val: when },
      Buffer.from([0, 1, 255]),
      { type: driver.DB_TYPE_BINARY_DOUBLE, val: 1e300 },
      { type: driver.DB_TYPE_BINARY_FLOAT, val: -1.5 },
      { type: driver.DB_TYPE_INTERVAL_DS, val: new driver.IntervalDS({ days: 3, hours: 4, fseconds: 5 }) },
      { type: driver.DB_TYPE_INTERVAL_YM, val: new driver.IntervalYM({ years: 2, months: 7 }) },
    ];
    const sql = `SELECT * FROM echo WHERE ${binds.map((_, index) => `:${index + 1} = 1`).join(' AND ')}`;
    const [row] = (await connection.execute(sql, binds)).rows ?? [];
    expect(row?.slice(0, 8)).toEqual([-1234567.89, 'ž漢🐎', day, when, when, Buffer.from([0, 1, 255]), 1e300, -1.5]);
    expect(row?.slice(8)).toMatchObject([
      { days: 3, hours: 4, fseconds: 5 },
      { years: 2, months: 7 },
    ]);
    const nulls = binds.map((bind) =>
      typeof bind === 'object' && 'type' in bind ? { type: bind.type, val: null } : null,
    );
    expect((await connection.execute(sql, nulls)).rows).toEqual([binds.map(() => null)]);
  });

  it('sends an instant with a zone as that instant', async () => {
    const { backend, connect } = await startBench({ profile });
    backend.when(
      /FROM zones/,
      rows({ A: T.TIMESTAMP_TZ, B: T.TIMESTAMP_LTZ }, [['2024-03-01 01:14:15.5+05:30', '2024-03-01 01:14:15.5-03:30']]),
    );
    const connection = await connect();
    expect((await connection.execute('SELECT a, b FROM zones')).rows).toEqual([
      [new Date('2024-02-29T19:44:15.500Z'), new Date('2024-03-01T04:44:15.500Z')],
    ]);
  });

  it('sends LONGs, nulls among them', async () => {
    const { backend, connect } = await startBench({ profile });
    const long = 'x'.repeat(40_000);
    backend.when(
      /FROM longs/,
      rows({ L: T.LONG, R: T.LONG_RAW, N: T.NUMBER }, [
        [long, Buffer.from('raw'), 1],
        [null, null, 2],
      ]),
    );
    const connection = await connect();
    const { rows: found = [] } = await connection.execute('SELECT l, r, n FROM longs');
    expect(found).toEqual([
      [long, Buffer.from('raw'), 1],
      [null, null, 2],
    ]);
  });

  it('writes LOBs and reads them: as values, as streams, as what the client made', async () => {
    const { backend, connect } = await startBench({ profile });
    const text = 'žluťoučký 🐎 '.repeat(20_000);
    const bytes = Buffer.alloc(300_000, 'abcdefg');
    const received: unknown[] = [];
    backend.when(
      /FROM lobs/,
      rows({ C: T.CLOB, B: T.BLOB }, [
        [text, bytes],
        [null, null],
      ]),
    );
    backend.when(/^INSERT/, ({ rows: [row = []] }) => {
      received.push(...row);
      return { rowCounts: [1] };
    });
    const connection = await connect();
    const asValues = (meta: { dbType: unknown }): object | undefined =>
      meta.dbType === driver.DB_TYPE_CLOB ? { type: driver.STRING } : { type: driver.BUFFER };
    const whole = await connection.execute('SELECT c, b FROM lobs', [], { fetchTypeHandler: asValues });
    const [[wholeText, wholeBytes] = [], nothing] = whole.rows ?? [];
    expect([wholeText === text, bytes.equals(wholeBytes as Buffer), nothing]).toEqual([true, true, [null, null]]);
    const [[clob, blob] = []] = (await connection.execute('SELECT c, b FROM lobs')).rows as never[][];
    expect(await (clob as unknown as { getData(): Promise<string> }).getData()).toBe(text);
    const chunks: Buffer[] = [];
    for await (const chunk of blob as unknown as AsyncIterable<Buffer>) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    const lob = await connection.createLob(driver.CLOB);
    await new Promise<void>((resolve, reject) => {
      lob.once('finish', () => resolve());
      lob.once('error', reject);
      lob.write('hello ');
      lob.end('wörld');
    });
    await connection.execute('INSERT INTO lobs VALUES (:1, :2)', [lob, { type: driver.BLOB, val: bytes }]);
    expect(received[0]).toBe('hello wörld');
    expect(bytes.equals(received[1] as Buffer)).toBe(true);
  });

  it('fills OUT, IN OUT and array binds of PL/SQL, and RETURNING binds of DML', async () => {
    const { backend, connect } = await startBench({ profile });
    backend.when(/^BEGIN calc/, ({ binds, rows: [row = []] }) => ({
      outDirs: binds.map(({ name }) => (name === 'A' ? 'in' : name === 'B' ? 'inout' : 'out')),
      outValues: [[null, Number(row[1]) + Number(row[0]), 'text', null, ['1', '2', '3']]],
    }));
    backend.when(/RETURNING/, ({ rows: iterations }) => ({
      rowCounts: iterations.map(() => 2),
      returning: iterations.map((_, index) => [
        [index * 2, index * 2 + 1],
        ['x', 'y'],
      ]),
    }));
    const connection = await connect();
    const binds = {
      a: 40,
      b: { dir: driver.BIND_INOUT, type: driver.NUMBER, val: 2 },
      c: { dir: driver.BIND_OUT, type: driver.STRING, maxSize: 10 },
      d: { dir: driver.BIND_OUT, type: driver.NUMBER },
      e: { dir: driver.BIND_OUT, type: driver.NUMBER, maxArraySize: 5 },
    };
    for (let times = 0; times < 2; times++) {
      const { outBinds: out } = await connection.execute('BEGIN calc(:a, :b, :c, :d, :e); END;', binds);
      expect(out).toEqual({ b: 42, c: 'text', d: null, e: [1, 2, 3] });
    }
    const returned = {
      id: { dir: driver.BIND_OUT, type: driver.NUMBER },
      n: { dir: driver.BIND_OUT, type: driver.STRING },
    };
    const sql = 'UPDATE t SET a = :v WHERE b > 0 RETURNING id, n INTO :id, :n';
    const one = await connection.execute(sql, { v: 1, ...returned });
    expect(one.outBinds).toEqual({ id: [0, 1], n: ['x', 'y'] });
    const many = await connection.executeMany(sql, [{ v: 1 }, { v: 2 }], {
      bindDefs: { v: { type: driver.NUMBER }, id: returned.id, n: { ...returned.n, maxSize: 10 } },
    });
    expect(many.outBinds).toEqual([
      { id: [0, 1], n: ['x', 'y'] },
      { id: [2, 3], n: ['x', 'y'] },
    ]);
  });

  it('lends REF CURSORs and implicit results', async () => {
    const { backend, connect } = await startBench({ profile });
    const cursor = { columns: [{ name: 'N', type: T.NUMBER }], rows: Array.from({ length: 250 }, (_, n) => [n]) };
    backend.when(/^BEGIN OPEN/, outBinds({ C: cursor }));
    const texts = {
      columns: [
        { name: 'S', type: T.VARCHAR },
        { name: 'L', type: T.CLOB },
      ],
      rows: [['a', 'long']],
    };
    backend.when(/^BEGIN implicit/, () => ({ implicitResults: [cursor, texts] }));
    const connection = await connect();
    const out = { c: { dir: driver.BIND_OUT, type: driver.CURSOR } };
    const { outBinds: found } = await connection.execute('BEGIN OPEN :c FOR SELECT n FROM t; END;', out);
    const { c } = found as { c: DriverResultSet };
    expect(c.metaData.map(({ name }) => name)).toEqual(['N']);
    const read: unknown[] = [];
    for await (const [n] of c) read.push(n);
    expect(read).toEqual(cursor.rows.flat());
    const { implicitResults = [] } = await connection.execute('BEGIN implicit; END;');
    expect(implicitResults[0]).toEqual(cursor.rows);
    expect(implicitResults).toHaveLength(2);
    const { implicitResults: sets = [] } = await connection.execute('BEGIN implicit; END;', [], { resultSet: true });
    const [numbers] = sets as DriverResultSet[];
    expect(await numbers?.getRows(10)).toEqual(cursor.rows.slice(0, 10));
    for (const set of sets as DriverResultSet[]) await set.close();
  });

  it('takes many rows at once: with counts, with errors of single rows, or up to the first one', async () => {
    const { backend, connect, server } = await startBench({ profile });
    const seen: number[] = [];
    backend.when(/^UPDATE/, ({ rows: iterations }) => ({ rowCounts: iterations.map((_, index) => index % 3) }));
    backend.when(/^INSERT/, ({ rows: iterations, batchErrors }) => {
      seen.push(iterations.length);
      const wrong = iterations.flatMap(([value], offset) =>
        value === null ? [{ code: 1400, offset, message: 'ORA-01400: cannot insert NULL' }] : [],
      );
      const rowCounts = iterations.map(([value]) => (value === null ? 0 : 1));
      if (batchErrors) return { rowCounts, batchErrors: wrong };
      const [first] = wrong;
      if (first === undefined) return { rowCounts };
      return { partial: { rowCount: first.offset, error: server.faults.errorOf(first.code, first.message) } };
    });
    const connection = await connect();
    const rowsToSend = Array.from({ length: 10_000 }, (_, index) => [
      index % 2500 === 7 ? null : index,
      `row ${index}`,
    ]);
    const bindDefs = [{ type: driver.NUMBER }, { type: driver.STRING, maxSize: 40 }];
    const options = { batchErrors: true, bindDefs };
    const result = await connection.executeMany('INSERT INTO t VALUES (:1, :2)', rowsToSend, options);
    expect(result.rowsAffected).toBe(9996);
    expect(result.batchErrors?.map(({ offset }) => offset)).toEqual([7, 2507, 5007, 7507]);
    expect(result.batchErrors?.[0]?.message).toContain('ORA-01400');
    expect(seen).toEqual([10_000]);
    const stopped = await errorOf(connection.executeMany('INSERT INTO t VALUES (:1, :2)', rowsToSend, { bindDefs }));
    expect(stopped).toMatchObject({ errorNum: 1400 });
    const counted = await connection.executeMany('UPDATE t SET a = :1', [[1], [2], [3]], { dmlRowCounts: true });
    expect(counted).toMatchObject({ rowsAffected: 3, dmlRowCounts: [0, 1, 2] });
  });
});

it('carries BOOLEAN, JSON and VECTOR both ways on 23ai', OPTIONS, async () => {
  const { backend, connect } = await startBench();
  const types = { B: T.BOOLEAN, J: T.JSON, V: T.VECTOR };
  backend.when(/FROM echo/, ({ rows: [row = []] }) => rows(types, [row as never, [null, null, null] as never]));
  backend.when(/FROM vectors/, rows({ V: T.VECTOR }, [[new Float64Array([1, -2.5])], [null]]));
  backend.when(/FROM made/, rows({ J: T.JSON }, [[new SqlJson([1, 'two', { three: null }])]]));
  const connection = await connect();
  const json = { a: [1, 'ž', null, true, { b: -1.5 }], long: 'x'.repeat(70_000), when: new Date(0) };
  const vector = new Float32Array([1.5, -2, 0]);
  const binds = [
    { type: driver.DB_TYPE_BOOLEAN, val: true },
    { type: driver.DB_TYPE_JSON, val: json },
    { type: driver.DB_TYPE_VECTOR, val: vector },
  ];
  const { rows: found = [] } = await connection.execute('SELECT * FROM echo WHERE :1 = :2 AND :3 = 1', binds);
  expect(found).toEqual([
    [true, json, vector],
    [null, null, null],
  ]);
  expect((await connection.execute('SELECT j FROM made')).rows).toEqual([[[1, 'two', { three: null }]]]);
  const asText = { fetchTypeHandler: () => ({ type: driver.STRING }) };
  expect((await connection.execute('SELECT j FROM made', [], asText)).rows).toEqual([['[1,"two",{"three":null}]']]);
  expect((await connection.execute('SELECT v FROM vectors', [], asText)).rows).toEqual([['[1,-2.5]'], [null]]);
});
