/** Values of every type, in and out, through the real driver: exact digits, moments, LOBs, JSON. */
import { beforeAll, expect, it } from 'vitest';
import type { DriverConnection } from '../driver-bench.js';
import { driver } from '../driver-bench.js';
import { onEveryPostgres, oraOf, rowsOf, runAll } from './wire-database.js';

const moment = new Date('2024-02-29T13:14:15.678Z');
const whole = new Date('2024-02-29T13:14:15Z');
const of = (type: string, val: unknown): object => ({ type: driver[type], val });
const asText = { fetchTypeHandler: () => ({ type: driver['STRING'] }) };
const lobs = {
  fetchTypeHandler: ({ dbType }: { dbType: unknown }) => {
    if (dbType === driver['DB_TYPE_CLOB']) return { type: driver['STRING'] };
    return dbType === driver['DB_TYPE_BLOB'] ? { type: driver['BUFFER'] } : undefined;
  },
};

/** `[column, type, bind, what comes back]`. */
const VALUES: readonly (readonly [column: string, type: string, bind: unknown, value: unknown])[] = [
  ['n', 'number', -1_234_567.89, -1_234_567.89],
  ['n2', 'number(10, 4)', 0.0001, 0.0001],
  ['vc', 'varchar2(200 char)', 'Größe 漢字 🐎', 'Größe 漢字 🐎'],
  ['ch', 'char(6)', 'ab', 'ab    '],
  ['nv', 'nvarchar2(50)', of('DB_TYPE_NVARCHAR', 'ñandú'), 'ñandú'],
  ['d', 'date', of('DB_TYPE_DATE', whole), whole],
  ['ts', 'timestamp', of('DB_TYPE_TIMESTAMP', moment), moment],
  ['tz', 'timestamp(3) with time zone', of('DB_TYPE_TIMESTAMP_TZ', moment), moment],
  ['ltz', 'timestamp with local time zone', moment, moment],
  ['rw', 'raw(64)', Buffer.from([0, 1, 255]), Buffer.from([0, 1, 255])],
  ['cl', 'clob', of('DB_TYPE_CLOB', 'ž'.repeat(70_000)), 'ž'.repeat(70_000)],
  ['bl', 'blob', of('DB_TYPE_BLOB', Buffer.alloc(70_000, 'abc')), Buffer.alloc(70_000, 'abc')],
  ['bd', 'binary_double', of('DB_TYPE_BINARY_DOUBLE', 1e300), 1e300],
  ['bf', 'binary_float', of('DB_TYPE_BINARY_FLOAT', 1.5), 1.5],
  ['bo', 'boolean', of('DB_TYPE_BOOLEAN', true), true],
  ['js', 'json', of('DB_TYPE_JSON', { a: [1, null, 'x'] }), { a: [1, null, 'x'] }],
];

onEveryPostgres('types', (database) => {
  let connection: DriverConnection;

  beforeAll(async () => {
    connection = database.connection;
    await runAll(
      connection,
      `create table typed (id number primary key, ${VALUES.map(([column, type]) => `${column} ${type}`).join(', ')})`,
    );
    await runAll(connection, 'insert into typed (id) values (0)', 'commit');
  });

  it.each(VALUES)('%s %s', async (column, _type, bind, value) => {
    await connection.execute(
      `merge into typed t using dual on (t.id = 1) when not matched then insert (id) values (1)`,
    );
    await connection.execute(`update typed set ${column} = :1 where id = 1`, [bind]);
    expect(await rowsOf(connection, `select ${column} from typed where id = 1`, [], lobs)).toEqual([[value]]);
    expect(await rowsOf(connection, `select ${column} from typed where id = 0`, [], lobs)).toEqual([[null]]);
  });

  it('keeps every digit of a number', async () => {
    const digits = [
      '12345678901234567890.123456789012345678',
      '-0.00000000000000000001',
      '99999999999999999999999999999999999999',
      '1e-100',
    ];
    for (const text of digits) {
      const [[seen]] = (await rowsOf(connection, 'select cast(:1 as number) from dual', [text], asText)) as [[string]];
      expect(Number(seen)).toBe(Number(text));
      if (!text.includes('e')) expect(seen.replace(/^(-?)\./, '$10.')).toBe(text);
    }
    expect(await rowsOf(connection, 'select 9223372036854775807 + 1 - 1 from dual', [], asText)).toEqual([
      ['9223372036854775807'],
    ]);
  });

  it('casts as it is asked to, and says so in the description', async () => {
    const sql = `select cast('1' as number(19)), cast('x' as varchar2(7)), cast('x' as char(3)), cast(sysdate as date), cast(systimestamp as timestamp),
      cast(systimestamp as timestamp with time zone), cast(systimestamp as timestamp with local time zone), cast('x' as clob),
      to_clob('x'), cast('1.5' as binary_double), json('{"a":1}') from dual`;
    const { metaData = [] } = await connection.execute(sql);
    expect(metaData.map(({ dbTypeName }) => dbTypeName)).toEqual([
      'NUMBER',
      'VARCHAR2',
      'CHAR',
      'DATE',
      'TIMESTAMP',
      'TIMESTAMP WITH TIME ZONE',
      'TIMESTAMP WITH LOCAL TIME ZONE',
      'CLOB',
      'CLOB',
      'BINARY_DOUBLE',
      'JSON',
    ]);
    expect(metaData[0]).toMatchObject({ precision: 19, scale: 0 });
  });

  it('writes values as Oracle writes them', async () => {
    const values = [0.5, '1.10', of('DB_TYPE_BOOLEAN', true), of('DB_TYPE_JSON', { a: 1 }), Buffer.from([0, 255])];
    const texts = ['.5', '1.10', 'TRUE', '{"a":1}', '00FF'];
    for (const [index, value] of values.entries()) {
      expect(await rowsOf(connection, 'select cast(:1 as varchar2(100)) from dual', [value])).toEqual([[texts[index]]]);
    }
    expect(await rowsOf(connection, 'select to_char(:1), json_serialize(json(:2)) from dual', [-0.25, '[1]'])).toEqual([
      ['-.25', '[1]'],
    ]);
  });

  it('tells national texts from others, and knows years before Christ', async () => {
    await runAll(connection, 'create table national (a nvarchar2(10), b nchar(3), c varchar2(10))');
    const { metaData = [] } = await connection.execute('select * from national');
    expect(metaData.map(({ dbTypeName }) => dbTypeName)).toEqual(['NVARCHAR2', 'NCHAR', 'VARCHAR2']);
    const [[date]] = (await rowsOf(connection, "select date '-4712-01-01' from dual")) as [[Date]];
    expect(date.getUTCFullYear()).toBe(-4712);
  });

  it('has both kinds of intervals', async () => {
    await runAll(connection, 'create table spans (a interval day to second, b interval year(4) to month)');
    const days = new driver.IntervalDS({ days: 3, hours: 4, minutes: 5, seconds: 6, fseconds: 789_000_000 });
    const months = new driver.IntervalYM({ years: 2, months: 7 });
    await connection.execute('insert into spans values (:1, :2)', [
      of('DB_TYPE_INTERVAL_DS', days),
      of('DB_TYPE_INTERVAL_YM', months),
    ]);
    const [[a, b]] = (await rowsOf(connection, 'select a, b from spans')) as [[object, object]];
    expect(a).toMatchObject({ days: 3, hours: 4, minutes: 5, seconds: 6, fseconds: 789_000_000 });
    expect(b).toMatchObject({ years: 2, months: 7 });
    const literals =
      "select interval '1 02:03:04.5' day to second, interval '-3' month, numtodsinterval(90, 'minute') from dual";
    const [[first, second, third]] = (await rowsOf(connection, literals)) as [[object, object, object]];
    expect(first).toMatchObject({ days: 1, hours: 2, minutes: 3, seconds: 4, fseconds: 500_000_000 });
    expect(second).toMatchObject({ months: -3 });
    expect(third).toMatchObject({ hours: 1, minutes: 30 });
  });

  it('takes JSON only where a column IS JSON', async () => {
    await runAll(
      connection,
      'create table documents (d varchar2(100) constraint documents_json check (d is json), j json)',
    );
    await connection.execute('insert into documents (d) values (:1)', ['{"a":1}']);
    expect(await oraOf(connection.execute('insert into documents (d) values (:1)', ['{nope']))).toContain('ORA-02290');
    expect(await oraOf(connection.execute("insert into documents (j) values ('{nope')"))).toContain('ORA-40441');
  });

  it('converts between texts, numbers and moments where they meet', async () => {
    await runAll(connection, 'create table mixed (n number, t varchar2(10), d date)');
    await connection.execute('insert into mixed values (:1, :2, :3)', ['7', 7, moment]);
    expect(await rowsOf(connection, "select n, t from mixed where n = '7' and t = 7 and n = :1", ['7'])).toEqual([
      [7, '7'],
    ]);
    expect(await rowsOf(connection, 'select count(*) from mixed where d > :1', [new Date(0)])).toEqual([[1]]);
  });
});
