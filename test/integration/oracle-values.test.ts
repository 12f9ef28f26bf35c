/**
 * Values between Oracle and JavaScript, by the real client library over the wire server: what columns of every type bring, what every
 * kind of value is sent as, and what comes back of OUT binds, RETURNING INTO, cursors and LOBs (docs/reference/types.md).
 * The backend is scripted: what is proved is what the library and the room make of the wire, not what Oracle's SQL would answer.
 * Over 300 lines, because one script answers all of it.
 */
import fc from 'fast-check';
import type { DBRuntime, RuntimeOptions } from 'fluxor-db';
import { createRuntime } from 'fluxor-db';
import type { OracleOptions } from 'fluxor-db/oracle';
import { bind, inOut, oracle, out } from 'fluxor-db/oracle';
import library from 'oracledb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Column, SqlRequest, SqlResult, SqlRow, SqlValue } from '../support/oracle-wire/backend.js';
import { SqlJson } from '../support/oracle-wire/backend.js';
import { ScriptedBackend, rows } from '../support/oracle-wire/scripted-backend.js';
import type { OracleServer } from '../support/oracle-wire/server.js';
import { startOracleServer } from '../support/oracle-wire/server.js';
import type { DateParts } from '../support/oracle-wire/values.js';
import { T } from '../support/oracle-wire/values.js';

const parts = (text: string): DateParts => {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = (text.match(/\d+/g) ?? []).map(Number);
  const nanos = Number((/\.(\d+)/.exec(text)?.[1] ?? '0').padEnd(9, '0'));
  return { year, month, day, hour, minute, second, nanos };
};

const isoOf = ({ year, month, day, hour, minute, second, nanos }: DateParts): string => {
  const two = (value: number) => String(value).padStart(2, '0');
  const date = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
  return `${date}T${two(hour)}:${two(minute)}:${two(second)}.${String(nanos / 1e6).padStart(3, '0')}Z`;
};

/** What came in: for each bind its type and its value. */
const received: { type: number; value: SqlValue | SqlValue[] | undefined }[][] = [];

const noteBinds = ({ binds, rows: sent }: SqlRequest): void => {
  received.push(binds.map(({ type }, at) => ({ type, value: sent[0]?.[at] })));
};

/** A program that gives these values, by position from 1; what is not named goes in only. */
const gives =
  (values: Readonly<Record<string, SqlValue>>) =>
  ({ binds }: SqlRequest): SqlResult => ({
    outDirs: binds.map(({ name }) => (name in values ? 'out' : 'in')),
    outValues: [binds.map(({ name }) => values[name] ?? null)],
  });

const COLUMNS: readonly [name: string, column: Omit<Column, 'name'>, sent: SqlValue, value: unknown][] = [
  ['N9', { type: T.NUMBER, precision: 9, scale: 0 }, '123456789', 123_456_789],
  ['N15', { type: T.NUMBER, precision: 15, scale: 0 }, '-999999999999999', -999_999_999_999_999],
  ['N16', { type: T.NUMBER, precision: 16, scale: 0 }, '1', '1'],
  ['N19', { type: T.NUMBER, precision: 19, scale: 0 }, '9223372036854775807', '9223372036854775807'],
  ['N9_2', { type: T.NUMBER, precision: 9, scale: 2 }, '457444.47', '457444.47'],
  ['N', { type: T.NUMBER, precision: 0, scale: -127 }, '.5', '0.5'],
  ['NBIG', { type: T.NUMBER, precision: 0, scale: -127 }, `-${'9'.repeat(38)}`, `-${'9'.repeat(38)}`],
  ['NEXP', { type: T.NUMBER, precision: 0, scale: -127 }, '1e125', `1${'0'.repeat(125)}`],
  ['BF', { type: T.BINARY_FLOAT }, 1.5, 1.5],
  ['BD', { type: T.BINARY_DOUBLE }, 0.1, 0.1],
  ['BNAN', { type: T.BINARY_DOUBLE }, Number.NaN, Number.NaN],
  ['BINF', { type: T.BINARY_DOUBLE }, -Infinity, -Infinity],
  ['S', { type: T.VARCHAR }, 'Zürich ✓ 🚆', 'Zürich ✓ 🚆'],
  ['NS', { type: T.VARCHAR, csfrm: 2 }, 'Zürich ✓ 🚆', 'Zürich ✓ 🚆'],
  ['C', { type: T.CHAR, size: 5 }, 'ab   ', 'ab   '],
  ['R', { type: T.RAW, size: 20 }, Buffer.from([0, 255]), Buffer.from([0, 255])],
  ['LO', { type: T.LONG }, 'long text', 'long text'],
  // Of these hours and days, some are none in New York or Lisbon.
  ['D', { type: T.DATE }, parts('2024-03-10 02:30:15'), new Date('2024-03-10T02:30:15Z')],
  ['DOLD', { type: T.DATE }, parts('0044-03-15 00:00:00'), new Date('0044-03-15T00:00:00Z')],
  ['TS', { type: T.TIMESTAMP }, parts('2024-03-31 01:30:00.123456'), new Date('2024-03-31T01:30:00.123Z')],
  ['TZ', { type: T.TIMESTAMP_TZ }, parts('2024-03-10 02:30:00.5'), new Date('2024-03-10T02:30:00.500Z')],
  ['TL', { type: T.TIMESTAMP_LTZ }, parts('9999-12-31 23:59:59.999'), new Date('9999-12-31T23:59:59.999Z')],
  ['IDS', { type: T.INTERVAL_DS }, { days: 3, hours: 4, minutes: 5, seconds: 6, nanos: 789_000_000 }, '3 04:05:06.789'],
  ['IYM', { type: T.INTERVAL_YM }, { years: -2, months: -3 }, '-2-03'],
  ['CL', { type: T.CLOB }, 'é🚆'.repeat(300), 'é🚆'.repeat(300)],
  ['BL', { type: T.BLOB }, Buffer.alloc(900, 7), Buffer.alloc(900, 7)],
  ['JS', { type: T.VARCHAR, json: true }, '{"a": [1, null]}', { a: [1, null] }],
];

describe.each(['23ai', '19c'] as const)('a server of %s', (profile) => {
  let server: OracleServer;
  const opened: DBRuntime[] = [];

  const open = (options: Partial<OracleOptions> = {}, types: RuntimeOptions['types'] = {}): DBRuntime => {
    // Round trips are counted: no proof of life may come in between when the machine has stood still.
    const pool = { maxSize: 1, validation: false } as const;
    const db = createRuntime({ driver: oracle({ url: server.url, ...options }), pool, types });
    opened.push(db);
    return db;
  };

  beforeAll(async () => {
    const all: Column[] = COLUMNS.map(([name, column]) => ({ name, ...column }));
    const many = (count: number) => ({
      columns: [{ name: 'ID', type: T.NUMBER, precision: 9, scale: 0 }],
      rows: Array.from({ length: count }, (_, id): SqlRow => [id]),
    });
    const backend = new ScriptedBackend()
      .when(/sys_context/, rows({ SID: T.NUMBER }, [[1]]))
      .when('select * from everything', {
        columns: all,
        rows: [COLUMNS.map(([, , sent]) => sent), COLUMNS.map(() => null)],
      })
      .when(/^select many/, ({ rows: sent }) => many(Number(sent[0]?.[0])))
      .when(/^insert/, (request) => {
        noteBinds(request);
        return { rowCounts: [1] };
      })
      .when(/returning/, (request) => {
        noteBinds(request);
        return {
          rowCounts: [2],
          returning: [
            [
              ['7', '9007199254740993'],
              ['1', '.5'],
              [parts('2024-03-10 02:30:00'), null],
            ],
          ],
        };
      })
      .when(/begin several/, gives({ 1: '42', 2: 'ABC', 3: 'x'.repeat(30_000), 4: null, 5: true }))
      .when(/begin double/, (request) => ({
        outDirs: request.binds.map(() => 'inout' as const),
        outValues: [request.rows[0]?.map((value) => String(2n * BigInt(value as string))) ?? []],
      }))
      .when(/^create/, { warning: { code: 24_344, message: 'ORA-24344: success with compilation error' } })
      .when(/begin echo/, (request) => {
        noteBinds(request);
        return { outDirs: request.binds.map(() => 'inout' as const), outValues: [request.rows[0] ?? []] };
      })
      .when('select ids', { columns: [{ name: 'ID', type: T.NUMBER, precision: 18, scale: 0 }], rows: [['5']] })
      .when('select json', { columns: [{ name: 'J', type: T.JSON }], rows: [[new SqlJson({ a: [1, 'x', null] })]] })
      .when('select vector', {
        columns: [{ name: 'V', type: T.VECTOR, vector: { dimensions: 2, format: 2 } }],
        rows: [[new Float32Array([1, 2.5])]],
      })
      .when('select truth', { columns: [{ name: 'B', type: T.BOOLEAN }], rows: [[true], [false], [null]] });
    server = await startOracleServer({ backend, profile });
  });
  afterAll(async () => {
    await Promise.all(opened.map((db) => db.disconnect()));
    await server.stop();
    expect(server.observed.protocolErrors).toEqual([]);
  });

  it.each([
    ['LOBs read one by one', {}],
    ['LOBs with their rows', { lobLimit: Infinity }],
  ])('brings every type without loss, and NULL of each: %s', async (_, options) => {
    const result = await open(options).execute('select * from everything');
    const [row, nulls] = result.rows as Record<string, unknown>[];
    for (const [name, , , value] of COLUMNS) expect([name, row?.[name]]).toEqual([name, value]);
    expect(Object.values(nulls ?? {}).every((value) => value === null)).toBe(true);
    expect(result.fields.map(({ name, type }) => `${name} ${type}`)).toEqual(
      expect.arrayContaining(['N9 NUMBER', 'NS NVARCHAR2', 'TZ TIMESTAMP WITH TIME ZONE', 'CL CLOB']),
    );
  });

  it('brings and sends the same, whatever others in the process have set the library to', async () => {
    const oracledb = library as Record<string, unknown>;
    server.observed.forgetCalls();
    const names = [
      'autoCommit',
      'fetchAsString',
      'fetchTypeHandler',
      'maxRows',
      'outFormat',
      'prefetchRows',
      'errorOnConcurrentExecute',
    ];
    const before = names.map((name) => [name, oracledb[name]] as const);
    const handler = () => ({ converter: () => 'theirs' });
    const theirs = [
      true,
      [oracledb['DATE'], oracledb['NUMBER'], oracledb['CLOB']],
      handler,
      1,
      oracledb['OUT_FORMAT_OBJECT'],
      0,
      true,
    ];
    for (const [at, name] of names.entries()) oracledb[name] = theirs[at];
    try {
      const db = open();
      const [row] = await db.query<Record<string, unknown>>('select * from everything');
      expect(COLUMNS.map(([name]) => [name, row?.[name]])).toEqual(COLUMNS.map(([name, , , value]) => [name, value]));
      expect(await db.query('select many :1', [250])).toHaveLength(250);
      await db.transaction((tx) => tx.exec('insert into t (v) values (:1)', ['x']));
      expect(received.splice(0)).toHaveLength(1);
      expect(server.observed.calls.filter(({ autoCommit }) => autoCommit === true)).toEqual([]);
    } finally {
      for (const [name, value] of before) oracledb[name] = value;
    }
  });

  it.each(['America/New_York', 'Europe/Lisbon', 'Pacific/Kiritimati'])(
    'reads and writes dates the same in %s',
    async (zone) => {
      const { TZ: before = 'UTC' } = process.env;
      process.env['TZ'] = zone;
      try {
        expect(new Date(2024, 6, 1).getTimezoneOffset()).not.toBe(0);
        const db = open();
        const [row] = await db.query<Record<string, unknown>>('select * from everything');
        expect(COLUMNS.map(([name]) => [name, row?.[name]])).toEqual(COLUMNS.map(([name, , , value]) => [name, value]));
        const moment = new Date('2024-03-10T02:30:00.123Z');
        await db.exec('insert into t (a, b) values (:1, :2)', [moment, bind(moment, 'date')]);
        expect(received.pop()?.map(({ value }) => value)).toEqual([
          parts('2024-03-10 02:30:00.123'),
          parts('2024-03-10 02:30:00'),
        ]);
      } finally {
        process.env['TZ'] = before;
      }
    },
  );

  it('brings what the options choose', async () => {
    const chosen = open({ integers: 'bigint', columnNames: 'lower' }, { bigint: 'bigint', decimal: 'number' });
    expect(await chosen.query('select ids')).toEqual([{ id: 5n }]);
    await expect(chosen.query('select * from everything')).rejects.toMatchObject({
      code: 'QUERY',
      reason: 'data',
      outcome: 'applied',
    });
    expect(await chosen.query('select ids')).toEqual([{ id: 5n }]);
  });

  if (profile === '23ai') {
    it.each(['America/New_York', 'Pacific/Kiritimati'])(
      'sends and brings the dates in JSON as UTC in %s',
      async (zone) => {
        const { TZ: before = 'UTC' } = process.env;
        process.env['TZ'] = zone;
        try {
          const at = new Date('2024-07-01T02:30:15.005Z');
          const { outBinds } = await open().execute('begin echo(:j); end;', { j: inOut({ at, all: [at] }, 'json') });
          expect(outBinds).toEqual({ j: { at, all: [at] } });
          const [sent] = received.pop() ?? [];
          expect((sent?.value as SqlJson).value).toMatchObject({ at: parts('2024-07-01 02:30:15.005') });
        } finally {
          process.env['TZ'] = before;
        }
      },
    );

    it('brings JSON, VECTOR and BOOLEAN', async () => {
      const db = open();
      expect(await db.queryValue('select json')).toEqual({ a: [1, 'x', null] });
      expect(await db.queryValue('select vector')).toEqual(new Float32Array([1, 2.5]));
      expect(await db.query('select truth')).toEqual([{ B: true }, { B: false }, { B: null }]);
    });
  }

  it('sends each value as what it is', async () => {
    const db = open();
    const moment = new Date('2024-03-10T02:30:00.123Z');
    const values: [value: unknown, type: number, arrives: SqlValue][] = [
      ['Zürich 🚆', T.VARCHAR, 'Zürich 🚆'],
      ['1.10', T.VARCHAR, '1.10'],
      [0.1, T.NUMBER, '.1'],
      [9_223_372_036_854_775_807n, T.NUMBER, '9223372036854775807'],
      [Number.NaN, T.BINARY_DOUBLE, Number.NaN],
      [moment, T.TIMESTAMP, parts('2024-03-10 02:30:00.123')],
      [bind(moment, 'date'), T.DATE, parts('2024-03-10 02:30:00')],
      [bind(moment, 'timestamp with time zone'), T.TIMESTAMP_TZ, { ...parts('2024-03-10 02:30:00.123'), offsetMin: 0 }],
      [Buffer.from([0, 255]), T.RAW, Buffer.from([0, 255])],
      [new Uint8Array([1, 2]), T.RAW, Buffer.from([1, 2])],
      [{ a: [1, 'x'] }, T.VARCHAR, '{"a":[1,"x"]}'],
      [null, T.VARCHAR, null],
      ['x'.repeat(40_000), T.CLOB, 'x'.repeat(40_000)],
      [Buffer.alloc(40_000, 1), T.BLOB, Buffer.alloc(40_000, 1)],
      profile === '23ai' ? [true, T.BOOLEAN, true] : [true, T.NUMBER, '1'],
    ];
    for (const [value, type, arrives] of values) {
      await db.exec('insert into t (v) values (:1)', [value]);
      const [sent] = received.pop() ?? [];
      const plain =
        typeof sent?.value === 'string' && type === T.NUMBER ? sent.value.replace(/^0\./, '.') : sent?.value;
      expect([sent?.type, plain]).toEqual([type, arrives]);
    }
    await expect(db.exec('insert into t (v) values (:1)', [new Map()])).rejects.toMatchObject({ outcome: 'not-sent' });
    expect(received).toEqual([]);
  });

  it('loses no digit of a number and no millisecond of a date on the way, whatever they are', async () => {
    const db = open();
    const numbers = fc.oneof(
      fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n }),
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e100, max: 1e100 }),
    );
    const dates = fc.date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59.999Z'),
      noInvalidDate: true,
    });
    await fc.assert(
      fc.asyncProperty(numbers, dates, async (number, date) => {
        await db.exec('insert into t (a, b) values (:1, :2)', [number, date]);
        const [first, second] = received.pop() ?? [];
        const back = typeof number === 'bigint' ? BigInt(first?.value as string) : Number(first?.value);
        expect(back === number || (back === 0 && number === 0)).toBe(true);
        expect(isoOf(second?.value as DateParts)).toBe(date.toISOString());
      }),
      { numRuns: 60 },
    );
  });

  it('gives back what OUT binds and RETURNING INTO bring, by their names or positions', async () => {
    const db = open();
    const several = await db.execute('begin several(:n, :s, :long, :none, :yes); end;', {
      n: out('integer'),
      s: out(),
      long: out('varchar2'),
      none: out('date'),
      yes: out('boolean'),
    });
    expect(several).toMatchObject({ rows: [], command: 'BEGIN' });
    expect(several.outBinds).toEqual({ n: 42n, s: 'ABC', long: 'x'.repeat(30_000), none: null, yes: true });
    const returned = await db.exec('update t set a = 1 returning id, n, d into :1, :2, :3', [
      out('integer', { name: 'id' }),
      out('number'),
      out('date'),
    ]);
    expect(returned).toEqual({
      rowsAffected: 2,
      outBinds: { id: [7n, 9_007_199_254_740_993n], 2: ['1', '0.5'], 3: [new Date('2024-03-10T02:30:00Z'), null] },
    });
    received.length = 0;
    expect((await db.execute('begin double(:n); end;', { n: inOut(2n ** 60n, 'integer') })).outBinds).toEqual({
      n: 2n ** 61n,
    });
  });

  it('sends an empty text as NULL, which a program may give back', async () => {
    const db = open();
    for (const value of ['', Buffer.alloc(0), bind('', 'varchar2'), bind(Buffer.alloc(0), 'raw')]) {
      await db.execute('begin echo(:1); end;', [value]);
      expect(received.pop()?.map((sent) => sent.value)).toEqual([null]);
    }
  });

  it('refuses an integer that is none, and goes on', async () => {
    const db = open();
    const echo = (value: unknown) => db.execute('begin echo(:n); end;', { n: inOut(value, 'integer') });
    await expect(echo('1.5')).rejects.toMatchObject({ code: 'QUERY', reason: 'data', outcome: 'applied' });
    expect((await echo('1.0E+2')).outBinds).toEqual({ n: 100n });
    received.length = 0;
  });

  it('says of a procedure that does not compile that it was created all the same', async () => {
    const db = open();
    const text = 'create procedure p as begin x; end;';
    for (const result of [await db.execute(text), await db.exec(text)])
      expect(result.warning).toMatch(/compilation errors \(ORA-24344\).*USER_ERRORS/);
    expect(await db.exec('begin echo(:1); end;', [1])).not.toHaveProperty('warning');
    received.length = 0;
  });

  it('takes one round trip for a small result, two for one that is no longer than a page', async () => {
    const db = open();
    await db.query('select many :1', [1]);
    for (const [count, trips] of [
      [0, 1],
      [200, 1],
      [900, 2],
    ] as const) {
      const before = server.observed.counters.roundTrips;
      expect(await db.query('select many :1', [count])).toHaveLength(count);
      expect([count, server.observed.counters.roundTrips - before]).toEqual([count, trips]);
    }
  });
});
