import oracledb from 'oracledb';
import { afterEach, describe, expect, it } from 'vitest';
import { QueryError } from '../../errors/query-error.js';
import { UtcFields } from '../utc-fields.js';
import { jsonReceived, jsonText, jsonToSend } from './oracle-json.js';
import type { OracleModule } from './oracle-module.js';

const module: OracleModule = oracledb as never;
const sent = (value: unknown): unknown => jsonToSend(value, module);

const { TZ: zone = 'UTC' } = process.env;
afterEach(() => {
  process.env['TZ'] = zone;
});

describe('what is sent as JSON', () => {
  it('is what its text would be: toJSON is asked, and what has no place in JSON is left out', () => {
    const value = { a: [1, undefined, () => 1], b: undefined, c: new URL('http://x/'), d: null, e: { f: Symbol('f') } };
    expect(sent(value)).toEqual(JSON.parse(jsonText(value)));
    for (const scalar of ['x', 1, true, null]) expect(sent(scalar)).toBe(scalar);
  });

  it('is a date, bytes, a vector or an interval where it is one', () => {
    const interval = new module.IntervalYM({ years: 1 });
    const value = sent({
      at: new Date(5),
      raw: new Uint16Array([1]),
      bytes: new Uint8Array([2]),
      v: new Int8Array(1),
      interval,
    });
    expect(value).toEqual({
      at: new Date(5),
      raw: Buffer.from([1, 0]),
      bytes: Buffer.from([2]),
      v: new Int8Array(1),
      interval,
    });
    expect((value as { at: unknown }).at).toBeInstanceOf(UtcFields);
  });

  it('may hold one object twice, and a member called __proto__', () => {
    const one = { a: 1 };
    expect(sent([one, one])).toEqual([one, one]);
    expect(Object.keys(sent(JSON.parse('{"__proto__":1}')) as object)).toEqual(['__proto__']);
  });

  const nested = (levels: number): unknown => Array.from({ length: levels }).reduce((inner) => [inner], 1);
  it('may be 1,024 levels deep', () => {
    expect(sent(nested(1_024))).toEqual(nested(1_024));
  });

  const cycle: Record<string, unknown> = {};
  cycle['self'] = [cycle];
  it.each([
    [cycle, /holds itself/],
    [nested(1_025), /1,024 levels/],
    [{ a: 1n }, /bigint/],
    [{ a: [Number.NaN] }, /NaN/],
    [{ a: new Map() }, /Map/],
    [new Set(), /Set/],
    [Promise.resolve(), /Promise/],
    [{ at: new Date(Number.NaN) }, /invalid Date/],
    [() => 1, /function/],
    [undefined, /undefined/],
  ])('is refused where it would become something else: %#', (value, message) => {
    expect(() => sent(value)).toThrow(QueryError);
    expect(() => sent(value)).toThrow(message);
  });
});

describe('what has come as JSON', () => {
  it.each(['America/New_York', 'Pacific/Kiritimati'])('has its dates in UTC, in %s too', (name) => {
    process.env['TZ'] = name;
    // As the library reads it.
    const local = new Date(2024, 6, 1, 2, 30, 15, 5);
    expect(local.toISOString()).not.toContain('T02:30');
    const at = new Date('2024-07-01T02:30:15.005Z');
    expect(jsonReceived({ at: local, all: [{ at: new Date(local) }, 'x', null], n: 1 })).toEqual({
      at,
      all: [{ at }, 'x', null],
      n: 1,
    });
    expect(jsonReceived(new Date(local))).toEqual(at);
  });

  it('keeps bytes and vectors as they are', () => {
    const values = [Buffer.from([1]), new Float32Array(2), 'x', 1, null];
    for (const value of values) expect(jsonReceived(value)).toBe(value);
  });
});
