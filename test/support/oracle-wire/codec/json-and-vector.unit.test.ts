import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeOson } from './oson-decode.js';
import { JsonNumber } from './oson-codes.js';
import { encodeOson } from './oson-encode.js';
import type { VectorValue } from './vector.js';
import { decodeVector, encodeVector } from './vector.js';
import { WireError } from './wire.js';

function always<Value>(values: fc.Arbitrary<Value>, check: (value: Value) => void): void {
  fc.assert(fc.property(values, (value) => void check(value)));
}

describe('OSON', () => {
  it('brings back any JSON', () => {
    const json = fc.jsonValue({ maxDepth: 4 }).filter((value) => !JSON.stringify(value).includes('"__proto__"'));
    fc.assert(
      fc.property(json, (value) => {
        // No sign of zero, no number that NUMBER cannot hold.
        const held = JSON.parse(JSON.stringify(value), (_, part: unknown) =>
          typeof part === 'number' && (part === 0 || Math.abs(part) > 1e125 || Math.abs(part) < 1e-129) ? 0 : part,
        ) as unknown;
        expect(decodeOson(encodeOson(held))).toEqual(held);
      }),
    );
  });

  it('has more than 255 names, long texts and bytes', () => {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`name${index}`, index]));
    expect(decodeOson(encodeOson(many))).toEqual(many);
    const long = ['x'.repeat(70_000), 'y'.repeat(300), Buffer.from([0, 255])];
    expect(decodeOson(encodeOson(long))).toEqual(long);
  });

  it('keeps digits that a JavaScript number would lose', () => {
    const digits = '123456789012345678901234567890.5';
    expect(decodeOson(encodeOson({ a: new JsonNumber(digits), b: 0.1 }))).toEqual({
      a: new JsonNumber(digits),
      b: 0.1,
    });
  });

  it('is known by its first bytes', () => {
    expect(() => decodeOson(Buffer.from('{"a":1}'))).toThrow(WireError);
    expect(() => encodeOson({ ['n'.repeat(256)]: 1 })).toThrow(WireError);
  });
});

describe('VECTOR', () => {
  it('brings back every format', () => {
    const elements = fc.array(fc.float({ noNaN: true }), { minLength: 1 });
    const bytes = fc.array(fc.integer({ min: -128, max: 127 }), { minLength: 1 });
    const vectors = fc.oneof<fc.Arbitrary<VectorValue>[]>(
      elements.map((list) => Float32Array.from(list)),
      elements.map((list) => Float64Array.from(list)),
      bytes.map((list) => Int8Array.from(list)),
      bytes.map((list) => Uint8Array.from(list)),
    );
    always(vectors, (value) => {
      expect(decodeVector(encodeVector(value))).toEqual(value);
    });
  });

  it('hands a sparse one through, and refuses what is none', () => {
    const sparse = Buffer.from([0xdb, 2, 0, 0x20, 2, 0, 0, 0, 9, 1, 2, 3]);
    expect(decodeVector(sparse)).toEqual(sparse);
    expect(() => decodeVector(Buffer.from([1, 2, 3]))).toThrow(WireError);
  });
});
