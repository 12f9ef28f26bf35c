import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Reader, WireError, Writer } from './wire.js';

const bytes = (options: object): fc.Arbitrary<Buffer> => fc.uint8Array(options).map((value) => Buffer.from(value));

function reread<Value>(
  write: (writer: Writer) => void,
  read: (reader: Reader) => Value,
): { value: Value; left: number } {
  const writer = new Writer(1);
  write(writer);
  const reader = new Reader(Buffer.from(writer.view()));
  return { value: read(reader), left: reader.left };
}

describe('universal integers', () => {
  it('come back as they were written, in as few bytes as they need', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(
          reread(
            (writer) => writer.ub8(value),
            (reader) => reader.ub8(),
          ),
        ).toEqual({ value, left: 0 });
      }),
    );
    expect([...new Writer().ub4(0).ub4(255).ub4(256).view()]).toEqual([0, 1, 255, 2, 1, 0]);
  });

  it('keep their sign', () => {
    fc.assert(
      fc.property(fc.integer(), (value) => {
        expect(
          reread(
            (writer) => writer.sb4(value),
            (reader) => reader.sb4(),
          ),
        ).toEqual({ value, left: 0 });
      }),
    );
  });

  it('are refused when they are longer than their place', () => {
    expect(() => new Reader(Buffer.from([5, 1, 2, 3, 4, 5])).ub4()).toThrow(WireError);
  });
});

describe('length-prefixed bytes', () => {
  it('come back as they were written, whether they go in one piece or in chunks', () => {
    fc.assert(
      fc.property(
        fc.oneof(bytes({ minLength: 1, maxLength: 600 }), bytes({ minLength: 65_000, maxLength: 70_000 })),
        (value) => {
          const found = reread(
            (writer) => writer.bytes(value),
            (reader) => reader.bytes(),
          );
          expect(found.left).toBe(0);
          expect(value.equals(found.value ?? Buffer.alloc(0))).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each([252, 253, 254, 255, 32_767, 32_768])('have no gap at a length of %i', (length) => {
    const value = Buffer.alloc(length, 7);
    expect(
      reread(
        (writer) => writer.bytes(value),
        (reader) => reader.bytes()?.length,
      ),
    ).toEqual({ value: length, left: 0 });
  });

  it('are null when there are none', () => {
    expect(
      reread(
        (writer) => writer.bytes(null),
        (reader) => reader.bytes(),
      ),
    ).toEqual({ value: null, left: 0 });
    expect(new Reader(Buffer.from([255])).bytes()).toBeNull();
  });
});

it('pairs come back with their flags', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string(), fc.nat(), (key, value, flags) => {
      const found = reread(
        (writer) => writer.keyValue(key, value, flags),
        (reader) => reader.keyValue(),
      );
      expect(found).toEqual({ value: { key, value, flags }, left: 0 });
    }),
  );
});

it('reading past the end is an error that says where', () => {
  const reader = new Reader(Buffer.from([1, 2]));
  reader.u8();
  expect(() => reader.u16()).toThrow('2 bytes wanted at 1, 1 there');
  expect(reader.peek()).toBe(2);
});
