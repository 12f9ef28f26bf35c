import oracledb from 'oracledb';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../errors/config-error.js';
import { QueryError } from '../../errors/query-error.js';
import { StatementCompiler } from '../../sql/statement-compiler.js';
import type { BindFacts } from './oracle-binds.js';
import { bindsOf, encodeValue } from './oracle-binds.js';
import { OracleChunk } from './oracle-chunk.js';
import { UtcFields } from '../utc-fields.js';
import type { OracleBind, OracleModule } from './oracle-module.js';
import { bind, inOut, out } from './oracle-parameters.js';

const module: OracleModule = oracledb as never;
const SQL: BindFacts = { module, isProgram: false, hasBoolean: true };
const PROGRAM: BindFacts = { ...SQL, isProgram: true };

const typeOf = (value: unknown, facts = SQL): string | undefined => encodeValue(value, facts).type;
const first = (value: unknown, facts = SQL): unknown => bindsOf([value], facts).binds[0];
const one = (value: unknown, facts = SQL): OracleBind => first(value, facts) as OracleBind;

describe('a value without a type', () => {
  it.each([
    ['text', 'DB_TYPE_VARCHAR'],
    [0.1, 'DB_TYPE_NUMBER'],
    [-0, 'DB_TYPE_NUMBER'],
    [10n ** 39n, 'DB_TYPE_NUMBER'],
    [Number.NaN, 'DB_TYPE_BINARY_DOUBLE'],
    [-Infinity, 'DB_TYPE_BINARY_DOUBLE'],
    [1e126, 'DB_TYPE_BINARY_DOUBLE'],
    [5e-324, 'DB_TYPE_BINARY_DOUBLE'],
    [true, 'DB_TYPE_BOOLEAN'],
    [new Date(0), 'DB_TYPE_TIMESTAMP'],
    [Buffer.from([1]), 'DB_TYPE_RAW'],
    [new Uint8Array([1]), 'DB_TYPE_RAW'],
    [new Uint16Array([1]), 'DB_TYPE_RAW'],
    [new ArrayBuffer(1), 'DB_TYPE_RAW'],
    [new Float32Array([1]), 'DB_TYPE_VECTOR'],
    [new Float64Array([1]), 'DB_TYPE_VECTOR'],
    [new Int8Array([1]), 'DB_TYPE_VECTOR'],
    [{ a: 1 }, 'DB_TYPE_VARCHAR'],
    [[1, 2], 'DB_TYPE_VARCHAR'],
    [new module.IntervalDS({ days: 1 }), 'DB_TYPE_INTERVAL_DS'],
    [new module.IntervalYM({ years: 1 }), 'DB_TYPE_INTERVAL_YM'],
    [null, undefined],
  ])('%s', (value, type) => {
    expect(typeOf(value)).toBe(type);
  });

  it.each([
    [undefined, /undefined/],
    [() => 1, /function/],
    [Symbol('x'), /symbol/],
    [new Map(), /Map/],
    [/x/, /RegExp/],
    [{ big: 1n }, /JSON/],
    [{ toJSON: () => undefined }, /toJSON/],
    [10n ** 41n + 1n, /40 digits/],
    [new Date(Number.NaN), /invalid Date/],
  ])('%s is refused before anything is sent', (value, message) => {
    const refused = () => bindsOf([value], SQL);
    expect(refused).toThrow(QueryError);
    expect(refused).toThrow(message);
  });

  it('is handed to the library as it is, where the library sees the same type in it', () => {
    for (const value of ['x', 1, 5n, true, null, Buffer.from([1])]) expect(first(value)).toBe(value);
  });

  it('of an empty text, or of no bytes, is NULL, as it is to Oracle', () => {
    expect([first(''), first(Buffer.alloc(0)), first(new ArrayBuffer(0))]).toEqual([null, null, null]);
  });

  it('of more than 32,767 bytes is a LOB', () => {
    expect(first('x'.repeat(32_767))).toBe('x'.repeat(32_767));
    expect(one('é'.repeat(16_384)).type).toBe(module.DB_TYPE_CLOB);
    expect(one(Buffer.alloc(32_768)).type).toBe(module.DB_TYPE_BLOB);
  });

  it('of a boolean is a number where SQL knows no BOOLEAN', () => {
    expect(first(true, { ...SQL, hasBoolean: false })).toBe(1);
    expect(first(false, { ...SQL, hasBoolean: false })).toBe(0);
  });

  it('of a Date is a TIMESTAMP with the fields of UTC', () => {
    const { type, val } = one(new Date('2024-03-10T02:30:00.123Z'));
    expect([type, val instanceof UtcFields]).toEqual([module.DB_TYPE_TIMESTAMP, true]);
  });
});

describe('a value with a type', () => {
  it.each([
    [bind('x', 'nvarchar2'), module.DB_TYPE_NVARCHAR, 'x'],
    [bind('x', 'clob'), module.DB_TYPE_CLOB, 'x'],
    [bind(5, 'varchar2'), module.DB_TYPE_VARCHAR, '5'],
    [bind(1, 'binary_double'), module.DB_TYPE_BINARY_DOUBLE, 1],
    [bind('1.10', 'number'), module.DB_TYPE_VARCHAR, '1.10'],
    [bind('3 04:05:06', 'interval day to second'), module.DB_TYPE_VARCHAR, '3 04:05:06'],
    [bind(Buffer.from([1]), 'blob'), module.DB_TYPE_BLOB, Buffer.from([1])],
    [bind({ a: 1 }, 'json'), module.DB_TYPE_JSON, { a: 1 }],
    [bind(5n, 'binary_double'), module.DB_TYPE_BINARY_DOUBLE, 5],
    [bind(-(2n ** 31n), 'binary_integer'), module.DB_TYPE_BINARY_INTEGER, -(2 ** 31)],
    [bind('', 'varchar2'), module.DB_TYPE_VARCHAR, null],
    [bind(null, 'date'), module.DB_TYPE_DATE, null],
    [bind(Buffer.from([3]), 'vector'), module.DB_TYPE_VECTOR, new Uint8Array([3])],
    [bind([1, 2], 'number', { maxArraySize: 9 }), module.DB_TYPE_NUMBER, [1, 2]],
  ])('%#: %o', (parameter, type, val) => {
    expect(one(parameter)).toMatchObject({ dir: module.BIND_IN, type, val });
  });

  it.each([
    [bind(2n ** 60n + 1n, 'binary_double'), /binary_double/],
    [bind(Number.NaN, 'binary_integer'), /32 bits/],
    [bind(0.5, 'binary_integer'), /32 bits/],
    [bind(2 ** 31, 'binary_integer'), /32 bits/],
    [inOut(2n ** 60n + 1n, 'binary_float'), /binary_float/],
    [bind(['1'], 'vector'), /vector/],
    [bind({ a: Number.NaN }, 'json'), /NaN/],
  ])('is refused where the library would write something else, or fail halfway: %#', (parameter, message) => {
    const refused = () => bindsOf([parameter], PROGRAM);
    expect(refused).toThrow(QueryError);
    expect(refused).toThrow(message);
  });

  it('of a Date with a zone is the moment itself', () => {
    const moment = new Date('2024-03-10T02:30:00Z');
    const { type, val } = one(bind(moment, 'timestamp with time zone'));
    expect([type, val, val instanceof UtcFields]).toEqual([module.DB_TYPE_TIMESTAMP_TZ, moment, false]);
    expect(one(bind(moment, 'date')).val).toBeInstanceOf(UtcFields);
  });
});

describe('a bind that comes back', () => {
  it('has room for the longest value: 32,767 bytes in PL/SQL, 4,000 of a table', () => {
    expect(one(out(), PROGRAM)).toEqual({ dir: module.BIND_OUT, type: module.DB_TYPE_VARCHAR, maxSize: 32_767 });
    expect(one(out()).maxSize).toBe(4_000);
    expect(one(out('raw', { maxSize: 16 })).maxSize).toBe(16);
    expect(one(out('date'))).toEqual({ dir: module.BIND_OUT, type: module.DB_TYPE_DATE });
    expect(one(out('cursor'))).toEqual({ dir: module.BIND_OUT, type: module.DB_TYPE_CURSOR });
  });

  it('of a number comes back as text, which loses no digit, and goes in as text too', () => {
    expect(one(out('number')).type).toBe(module.DB_TYPE_VARCHAR);
    expect(one(inOut(21n, 'integer'), PROGRAM)).toMatchObject({ dir: module.BIND_INOUT, val: '21' });
    expect(one(inOut([1, 2], 'number', { maxArraySize: 5 }), PROGRAM)).toMatchObject({
      val: ['1', '2'],
      maxArraySize: 5,
    });
  });

  it('is called by its position, or by the name that it was given', () => {
    const { outs } = bindsOf([1, out(), out('integer', { name: 'id' })], SQL);
    expect(outs).toEqual([
      { name: '2', type: 'varchar2' },
      { name: 'id', type: 'integer' },
    ]);
  });

  it('is called by its name in the text, and bound once for a name that PL/SQL uses twice', () => {
    const compiler = new StatementCompiler('oracle');
    const { text, values } = compiler.compile('begin :n := :n * :by; end;', { n: inOut(2), by: 3 });
    expect(text).toBe('begin :1 := :1 * :2; end;');
    expect(bindsOf(values, PROGRAM).outs).toEqual([{ name: 'n', type: 'number' }]);
    expect(compiler.compile('select :a, :a from dual', { a: 1 })).toEqual({
      text: 'select :1, :2 from dual',
      values: [1, 1],
    });
  });

  it('takes the type of its value, and asks for one where the value says none', () => {
    expect(['x', 1, 1n, true, new Date(0), Buffer.alloc(1)].map((value) => inOut(value).type)).toEqual([
      'varchar2',
      'number',
      'number',
      'boolean',
      'timestamp',
      'raw',
    ]);
    expect(() => inOut(null)).toThrow(ConfigError);
  });

  it('refuses a type and sizes that Oracle does not have, all at once', () => {
    const wrong = () => out('int' as never, { maxSize: 40_000, maxArraySize: 0 });
    expect(wrong).toThrow(ConfigError);
    expect(wrong).toThrow(/varchar2[\s\S]*maxSize[\s\S]*maxArraySize/);
  });
});

describe('a chunk of sets', () => {
  const filled = (sets: readonly (readonly unknown[])[]): [OracleChunk, boolean[]] => {
    const chunk = new OracleChunk(SQL);
    return [chunk, sets.map((set) => chunk.add(set))];
  };

  it('has one type for each column, and a size for the longest of its values, in steps', () => {
    const [chunk, added] = filled([
      [1, 'short', null],
      [2n, 'é'.repeat(20), null],
      [null, null, null],
    ]);
    expect(added).toEqual([true, true, true]);
    const dir = module.BIND_IN;
    expect(chunk.definitions).toEqual([
      { dir, type: module.DB_TYPE_NUMBER },
      { dir, type: module.DB_TYPE_VARCHAR, maxSize: 128 },
      { dir, type: module.DB_TYPE_VARCHAR, maxSize: 1 },
    ]);
  });

  it('ends before a set whose values are of other types, or more or fewer', () => {
    expect(filled([[1], ['1']])[1]).toEqual([true, false]);
    expect(filled([[1], [Number.NaN]])[1]).toEqual([true, false]);
    expect(filled([[1], [1, 2]])[1]).toEqual([true, false]);
    expect(filled([[null], ['x'], [1]])[1]).toEqual([true, true, false]);
    expect(filled([[out()], [out('integer')]])[1]).toEqual([true, false]);
  });

  it('ends at 1 MiB, but takes a single set of any size', () => {
    const half = 'x'.repeat(600_000);
    expect(filled([[half], [half]])[1]).toEqual([true, false]);
    const [chunk] = filled([['x'.repeat(3_000_000)]]);
    expect(chunk.definitions[0]?.maxSize).toBe(4_194_304);
  });

  it('ends at 4,096 sets', () => {
    const [chunk, added] = filled(Array.from({ length: 4_097 }, (_, n) => [n]));
    expect([chunk.size, added.at(-1)]).toEqual([4_096, false]);
  });

  it('has places for what comes back', () => {
    const [chunk] = filled([[1, out('integer', { name: 'id' }), out('raw')]]);
    expect(chunk.outs.map(({ name }) => name)).toEqual(['id', '3']);
    expect(chunk.fields).toEqual([
      { name: 'id', type: 'INTEGER', typeId: 2010 },
      { name: '3', type: 'RAW', typeId: 2006 },
    ]);
    expect(chunk.definitions.slice(1)).toEqual([
      { dir: module.BIND_OUT, type: module.DB_TYPE_VARCHAR, maxSize: 200 },
      { dir: module.BIND_OUT, type: module.DB_TYPE_RAW, maxSize: 4_000 },
    ]);
  });

  it('refuses what no statement that changes rows can take', () => {
    expect(() => filled([[inOut(1)]])).toThrow(/IN OUT/);
    expect(() => filled([[undefined]])).toThrow(QueryError);
  });
});
