/**
 * Many rows into Oracle and out of it, by the real client library over the wire server: batches by `executeMany` with rows that fail,
 * and streams in constant memory. What is stored is scripted; the calls on the wire are counted.
 */
import type { DBRuntime } from 'fluxor-db';
import { createRuntime } from 'fluxor-db';
import { oracle, out } from 'fluxor-db/oracle';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SqlRequest, SqlResult, SqlRow } from '../support/oracle-wire/backend.js';
import { OraError } from '../support/oracle-wire/backend.js';
import type { WireCall } from '../support/oracle-wire/observation.js';
import { ScriptedBackend, rows } from '../support/oracle-wire/scripted-backend.js';
import type { OracleServer } from '../support/oracle-wire/server.js';
import { startOracleServer } from '../support/oracle-wire/server.js';
import { T } from '../support/oracle-wire/values.js';

const INSERT = 'insert into items (id, name) values (:1, :2)';
const DUPLICATE = 'ORA-00001: unique constraint (SCOTT.ITEMS_PK) violated';
const STREAMED = 100_000;

/** Rows with the name `bad` violate a constraint, and rows with the name `worse` end the statement. */
function insertRows({ rows: sets, batchErrors }: SqlRequest): SqlResult {
  if (sets.some(([, name]) => name === 'worse')) throw new OraError(1653, 'unable to extend table SCOTT.ITEMS');
  const failed = sets.flatMap(([, name], offset) => (name === 'bad' ? [{ code: 1, offset, message: DUPLICATE }] : []));
  const [first] = failed;
  if (first !== undefined && !batchErrors) throw new OraError(first.code, first.message);
  return { rowCounts: sets.map(([, name]) => (name === 'bad' ? 0 : 1)), batchErrors: failed };
}

describe.each(['23ai', '19c'] as const)('with a server of %s', (profile) => {
  let server: OracleServer;
  let db: DBRuntime;
  /** Rows that the server has made so far. */
  let made = 0;

  function* makeRows(count: number): Generator<SqlRow> {
    for (let id = 1; id <= count; id += 1) {
      made = id;
      yield [id, `name ${id}`];
    }
  }
  const columns = [
    { name: 'ID', type: T.NUMBER, precision: 9, scale: 0 },
    { name: 'NAME', type: T.VARCHAR },
  ];

  beforeAll(async () => {
    const backend = new ScriptedBackend()
      .when(/sys_context/, rows({ SID: T.NUMBER }, [[1]]))
      .when(/^insert into items/, insertRows)
      .when(/^insert into logs/, ({ rows: sets }) => ({
        rowCounts: sets.map(() => 1),
        returning: sets.map(([text], at) => [[String(at + 1)], [text as string]]),
      }))
      .when(/^update/, ({ rows: sets }) => ({ rowCounts: sets.map(([count]) => Number(count)) }))
      .when(/^begin/, {})
      .when(/^begin measure/, ({ rows: sent }) => {
        const word = sent[0]?.[0] as string;
        return { outDirs: ['in', 'out', 'out'], outValues: [[null, String(word.length), word.toUpperCase()]] };
      })
      .when('select * from items', () => ({ columns, rows: makeRows(STREAMED) }))
      .when('select broken', () => ({
        columns,
        rows: (function* () {
          yield* makeRows(25);
          throw new OraError(1555, 'snapshot too old');
        })(),
      }));
    server = await startOracleServer({ backend, profile });
    db = createRuntime({ driver: oracle({ url: server.url }), pool: { maxSize: 1 }, query: { retry: false } });
    await db.query('select 1 from dual');
  });
  beforeEach(() => server.observed.forgetCalls());
  afterAll(async () => {
    await db.disconnect();
    await server.stop();
    expect(server.observed.protocolErrors).toEqual([]);
  });

  const calls = (): WireCall[] => [...server.observed.calls];
  const sets = (count: number): [number, string | null][] =>
    Array.from({ length: count }, (_, id) => [id, `name ${id}`]);

  it('10,000 rows go in a few round trips, whose text is sent once, and one COMMIT', async () => {
    const { rowsAffected, mode } = await db.batch(INSERT, sets(10_000));
    expect([rowsAffected, mode]).toEqual([10_000, 'copy']);
    const changes = calls().filter(({ sql }) => sql === INSERT);
    expect(changes.length).toBeLessThan(10);
    expect(changes.reduce((sum, { iterations = 0 }) => sum + iterations, 0)).toBe(10_000);
    expect(changes.filter(({ sqlSent }) => sqlSent === true).length).toBeLessThanOrEqual(1);
    expect(
      calls()
        .map(({ op }) => op)
        .filter((op) => op === 'commit' || op === 'rollback'),
    ).toEqual(['commit']);
    expect(changes.some(({ autoCommit }) => autoCommit === true)).toBe(false);
  });

  it('a row that fails fails all of them, is named, and leaves nothing', async () => {
    const bad = sets(10_000);
    bad[7_123] = [1, 'bad'];
    bad[7_124] = [2, 'bad'];
    const failure = db.batch(INSERT, bad);
    await expect(failure).rejects.toMatchObject({
      code: 'CONSTRAINT',
      reason: 'unique',
      outcome: 'not-applied',
      vendorCode: 1,
      context: { paramSet: 7_123 },
    });
    expect(
      calls()
        .map(({ op }) => op)
        .filter((op) => op === 'commit' || op === 'rollback'),
    ).toEqual(['rollback']);
    expect(await db.query('select 1 from dual')).toHaveLength(1);
  });

  it("with onError 'collect' 10,000 rows lose the few that fail, and each is reported", async () => {
    const some = sets(10_000);
    const bad = [0, 17, 4_095, 4_096, 9_999];
    for (const at of bad) some[at] = [at, 'bad'];
    const { rowsAffected, errors } = await db.batch(INSERT, some, { onError: 'collect' });
    expect(errors.map(({ index, error }) => [index, error.code])).toEqual(bad.map((at) => [at, 'CONSTRAINT']));
    expect(rowsAffected).toBe(9_995);
  });

  it.each([
    ['in the last chunk', 2],
    ['with more sets to come', 5_000],
  ])('what ends the statement itself is no fault of a row: %s', async (_, count) => {
    const failed = sets(count);
    failed[1] = [2, 'worse'];
    const failure = db.batch(INSERT, failed, { mode: 'statements' });
    await expect(failure).rejects.toMatchObject({ vendorCode: 1653, outcome: 'not-applied' });
    await expect(failure).rejects.not.toHaveProperty('context.paramSet');
  });

  it('a value that cannot be sent is named by its set, and what went before it is undone', async () => {
    function* withWrong(): Generator<readonly [number, unknown]> {
      for (let id = 0; id < 5_000; id += 1) yield [id, id === 4_500 ? new Map() : 'x'];
    }
    await expect(db.batch(INSERT, withWrong())).rejects.toMatchObject({
      code: 'QUERY',
      reason: 'data',
      outcome: 'not-applied',
      context: { paramSet: 4_500 },
    });
    expect(calls().filter(({ op }) => op === 'commit')).toEqual([]);
  });

  it('counts come back for each set, in chunks whose values are of one type', async () => {
    const result = await db.batch('update items set n = :1', [[2], [0], ['3'], [4n], [null]]);
    expect(result.affected).toEqual([2, 0, 3, 4, 0]);
    expect(
      calls()
        .filter(({ iterations }) => iterations !== undefined && iterations > 0)
        .map(({ iterations }) => iterations),
    ).toEqual(expect.arrayContaining([2, 1]));
  });

  it('RETURNING INTO brings a row for each row that was changed, in the order of the sets', async () => {
    const text = 'insert into logs (text) values (:text) returning id, text into :id, :stored';
    const given = ['a', 'b', 'c'].map((value) => ({ text: value, id: out('integer'), stored: out() }));
    const result = await db.batch(text, given);
    expect(result.rows).toEqual([
      { id: 1n, stored: 'a' },
      { id: 2n, stored: 'b' },
      { id: 3n, stored: 'c' },
    ]);
    expect(result.affected).toEqual([1, 1, 1]);
  });

  it('a value that comes back and cannot be read fails its set, and nothing remains', async () => {
    const numbers = createRuntime({ driver: oracle({ url: server.url }), types: { decimal: 'number' } });
    const exact = ['1', '2', '12345678901234567890.5'].map((value) => [value, out('number'), out('number')]);
    const text = 'insert into logs (text) values (:1) returning id, text into :2, :3';
    const failure = numbers.batch(text, exact, { mode: 'statements' });
    await expect(failure).rejects.toMatchObject({ reason: 'data', outcome: 'not-applied', context: { paramSet: 2 } });
    expect(calls().filter(({ op }) => op === 'commit')).toEqual([]);
    await numbers.disconnect();
  });

  it.each(['object', 'array'] as const)('what PL/SQL gives back is a row for each set: %s', async (rowMode) => {
    const given = ['a', 'b'].map((word) => ({ word, length: out('integer'), upper: out() }));
    const result = await db.batch('begin measure(:word, :length, :upper); end;', given, { rowMode });
    expect(result.rows).toEqual(
      rowMode === 'array'
        ? [
            [1n, 'A'],
            [1n, 'B'],
          ]
        : [
            { length: 1n, upper: 'A' },
            { length: 1n, upper: 'B' },
          ],
    );
  });

  it('PL/SQL runs once for each set', async () => {
    const result = await db.batch('begin log_it(:1); end;', [['a'], ['b']]);
    expect([result.mode, result.affected]).toEqual(['statements', [0, 0]]);
    expect(calls().filter(({ sql }) => sql?.startsWith('begin log_it') === true)).toHaveLength(2);
  });

  it('100,000 rows are streamed with no more than two pages of them anywhere', async () => {
    made = 0;
    let seen = 0;
    let ahead = 0;
    for await (const row of db.stream<{ ID: number; NAME: string }>('select * from items', [], { batchSize: 500 })) {
      seen += 1;
      if (row.ID !== seen) throw new Error(`row ${seen} is ${row.ID}`);
      ahead = Math.max(ahead, made - seen);
    }
    expect([seen, made]).toEqual([STREAMED, STREAMED]);
    expect(ahead).toBeLessThanOrEqual(1_500);
    const fetches = calls().filter(({ op }) => op === 'fetch');
    expect(fetches.length).toBeGreaterThanOrEqual(STREAMED / 500 - 1);
    expect(fetches.length).toBeLessThanOrEqual(STREAMED / 500 + 1);
  });

  it('a stream that is left ends without reading on, and the next statement finds the session ready', async () => {
    made = 0;
    for await (const row of db.stream<{ ID: number }>('select * from items', [], { batchSize: 10 })) {
      if (row.ID === 25) break;
    }
    expect(made).toBeLessThan(100);
    expect(await db.query('select 1 from dual')).toHaveLength(1);
    await expect.poll(() => [...server.sessions.values()].length).toBe(1);
  });

  it('an error in the middle comes after the pages before it', async () => {
    const seen: number[] = [];
    const reading = async (): Promise<void> => {
      for await (const { ID } of db.stream<{ ID: number }>('select broken', [], { batchSize: 10 })) seen.push(ID);
    };
    await expect(reading()).rejects.toMatchObject({ vendorCode: 1555 });
    expect(seen).toHaveLength(20);
    expect(await db.query('select 1 from dual')).toHaveLength(1);
  });

  it('a transaction goes on between two pages of its stream', async () => {
    await db.transaction(async (tx) => {
      let changes = 0;
      for await (const { ID } of tx.stream<{ ID: number }>('select * from items', [], { batchSize: 100 })) {
        if (ID % 100 === 50) changes += (await tx.exec(INSERT, [ID, 'x'])).rowsAffected;
        if (ID === 500) break;
      }
      expect(changes).toBe(5);
    });
  });
});
