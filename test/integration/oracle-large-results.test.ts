/**
 * What is too large to come at once, by the real client library over the wire server: REF CURSORs, implicit results, and LOBs above
 * the limit. They are read through the session that they came from, and not after it has been given back.
 */
import type { DBRuntime } from 'fluxor-db';
import { createRuntime } from 'fluxor-db';
import type { OracleLob, OracleOptions, OracleRefCursor } from 'fluxor-db/oracle';
import { oracle, out } from 'fluxor-db/oracle';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SqlRequest, SqlResult, SqlRow, SqlValue } from '../support/oracle-wire/backend.js';
import { ScriptedBackend, rows } from '../support/oracle-wire/scripted-backend.js';
import type { OracleServer } from '../support/oracle-wire/server.js';
import { startOracleServer } from '../support/oracle-wire/server.js';
import { T } from '../support/oracle-wire/values.js';

/** A program that gives these values, by position from 1. */
const gives =
  (values: Readonly<Record<string, SqlValue>>) =>
  ({ binds }: SqlRequest): SqlResult => ({
    outDirs: binds.map(() => 'out' as const),
    outValues: [binds.map(({ name }) => values[name] ?? null)],
  });

const many = (count: number) => ({
  columns: [{ name: 'ID', type: T.NUMBER, precision: 9, scale: 0 }],
  rows: Array.from({ length: count }, (_, id): SqlRow => [id]),
});

describe.each(['23ai', '19c'] as const)('from a server of %s', (profile) => {
  let server: OracleServer;
  const opened: DBRuntime[] = [];

  const open = (options: Partial<OracleOptions> = {}): DBRuntime => {
    const db = createRuntime({ driver: oracle({ url: server.url, ...options }), pool: { maxSize: 1 } });
    opened.push(db);
    return db;
  };

  beforeAll(async () => {
    const backend = new ScriptedBackend()
      .when(/sys_context/, rows({ SID: T.NUMBER }, [[1]]))
      .when(/^select many/, ({ rows: sent }) => many(Number(sent[0]?.[0])))
      .when('select empty', rows({ C: T.CLOB, B: T.BLOB }, [['', Buffer.alloc(0)]]))
      .when(/begin open_few/, gives({ 1: many(3) }))
      .when(/begin open_many/, gives({ 1: many(2_500) }))
      .when('begin two_results; end;', { implicitResults: [many(2), many(1_500)] })
      .when('begin lob_out(:1); end;', gives({ 1: 'x'.repeat(5_000) }))
      .when('select film', {
        columns: [
          { name: 'C', type: T.CLOB },
          { name: 'B', type: T.BLOB },
        ],
        rows: [['🚆é'.repeat(200_000), Buffer.alloc(700_000, 3)]],
      });
    server = await startOracleServer({ backend, profile });
  });
  afterAll(async () => {
    await Promise.all(opened.map((db) => db.disconnect()));
    await server.stop();
    expect(server.observed.protocolErrors).toEqual([]);
  });

  it('reads a REF CURSOR that has few rows anywhere, and one that has many through its session', async () => {
    const db = open();
    const few = (await db.execute('begin open_few(:c); end;', { c: out('cursor') })).outBinds?.[
      'c'
    ] as OracleRefCursor<{ ID: number }>;
    expect(few.isComplete).toBe(true);
    expect(await few.toArray()).toEqual([{ ID: 0 }, { ID: 1 }, { ID: 2 }]);
    const all = await db.use(async (session) => {
      const { outBinds: found } = await session.execute('begin open_many(:c); end;', { c: out('cursor') });
      const cursor = found?.['c'] as OracleRefCursor<{ ID: number }>;
      expect([cursor.isComplete, cursor.rows.length, cursor.fields[0]?.name]).toEqual([false, 1_000, 'ID']);
      const read: number[] = [];
      for await (const { ID } of cursor) {
        // Other statements may come in between.
        if (read.push(ID) % 1_000 === 0) expect(await session.query('select many :1', [1])).toEqual([{ ID: 0 }]);
      }
      return read;
    });
    expect(all).toEqual(Array.from({ length: 2_500 }, (_, id) => id));
  });

  it('refuses to read on, through a session that somebody else may have', async () => {
    const db = open();
    const { outBinds: found } = await db.execute('begin open_many(:c); end;', { c: out('cursor') });
    const cursor = found?.['c'] as OracleRefCursor;
    await db.query('select many :1', [1]);
    const read = cursor.toArray();
    await expect(read).rejects.toMatchObject({ code: 'LEASE_RELEASED', outcome: 'not-sent' });
    await expect(read).rejects.toThrow(/db\.use\(\)/);
    const film = (await open({ lobLimit: 10 }).queryValue('select film')) as OracleLob;
    await expect(film.read()).rejects.toMatchObject({ code: 'LEASE_RELEASED' });
  });

  it('brings implicit results whole, the first of them as the rows', async () => {
    const result = await open().execute('begin two_results; end;');
    expect(result.rows).toEqual([{ ID: 0 }, { ID: 1 }]);
    expect(result.resultSets?.map(({ rows: of }) => of.length)).toEqual([2, 1_500]);
    expect(result.resultSets?.[0]).toEqual({ rows: result.rows, fields: result.fields });
    let count = 0;
    for await (const row of result.resultSets?.[1] as unknown as AsyncIterable<{ ID: number }>)
      count += row.ID >= 0 ? 1 : 0;
    expect(count).toBe(1_500);
  });

  it('brings a LOB above the limit piece by piece, and no piece ends inside a character', async () => {
    await open({ lobLimit: 100_000 }).use(async (session) => {
      const [row] = await session.query<{ C: OracleLob; B: OracleLob }>('select film');
      const { C: text, B: bytes } = row as { C: OracleLob; B: OracleLob };
      expect([text.type, text.length, bytes.type, bytes.length]).toEqual(['CLOB', 600_000, 'BLOB', 700_000]);
      const pieces: string[] = [];
      for await (const piece of text) pieces.push(piece as string);
      expect(pieces.length).toBeGreaterThan(2);
      expect(pieces.every((piece) => !/^[\uDC00-\uDFFF]/.test(piece))).toBe(true);
      expect(pieces.join('')).toBe('🚆é'.repeat(200_000));
      expect(Buffer.alloc(700_000, 3).equals((await bytes.read()) as Buffer)).toBe(true);
      bytes.close();
      await expect(bytes.read()).rejects.toMatchObject({ code: 'LEASE_RELEASED' });
    });
    expect(
      (await open({ lobLimit: 4_000 }).execute('begin lob_out(:1); end;', [out('clob')])).outBinds?.['1'],
    ).toMatchObject({ length: 5_000 });
    expect((await open().execute('begin lob_out(:1); end;', [out('clob')])).outBinds).toEqual({ 1: 'x'.repeat(5_000) });
  });
});
