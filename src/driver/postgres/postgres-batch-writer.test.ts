/** The messages of a batch, byte for byte what `pg` itself would write. */
import fc from 'fast-check';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { BatchWriter } from './postgres-batch-writer.js';

/** As much of `pg-protocol` as is compared with. */
interface Serializer {
  bind(message: { readonly values: readonly (string | Buffer | null)[] }): Buffer;
  execute(message: object): Buffer;
  copyData(chunk: Buffer): Buffer;
}
const fromPg = createRequire(createRequire(import.meta.url).resolve('pg'));
const { serialize } = fromPg('pg-protocol') as { readonly serialize: Serializer };

const value = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constant(null),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc.string({ minLength: 1 }).map((text) => text.repeat(20_000)),
);

/** All values as text need no formats, and `pg` writes them all the same. */
function withoutFormats(message: Buffer, count: number): Buffer {
  const rest = message.subarray(9 + count * 2);
  const short = Buffer.concat([message.subarray(0, 7), Buffer.from([0, 0]), rest]);
  short.writeInt32BE(short.length - 1, 1);
  return short;
}

describe('the writer of a batch', () => {
  it('writes Bind and Execute as pg does, set after set', () => {
    fc.assert(
      fc.property(fc.array(fc.array(value, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 5 }), (sets) => {
        const writer = new BatchWriter();
        for (const values of sets) writer.addBindAndExecute(values);
        const expected = sets.flatMap((values) => {
          const bind = Buffer.from(serialize.bind({ values }));
          const hasBytes = values.some((one) => Buffer.isBuffer(one));
          return [hasBytes ? bind : withoutFormats(bind, values.length), serialize.execute({})];
        });
        expect(writer.take().equals(Buffer.concat(expected))).toBe(true);
        expect(writer.take()).toHaveLength(0);
      }),
    );
  });

  it('takes as many values as the protocol can count', () => {
    const writer = new BatchWriter();
    writer.addBindAndExecute(Array.from({ length: 65_535 }, () => ''));
    const piece = writer.take();
    expect(piece.readUInt16BE(9)).toBe(65_535);
    expect(piece.readInt32BE(1)).toBe(piece.length - 1 - 10);
  });

  it('makes one message of all lines, and says when there is enough', () => {
    const writer = new BatchWriter();
    for (let line = 0; !writer.isFull; line += 1) writer.addLine(`${line}\té\n`);
    const piece = writer.take();
    expect(piece.equals(serialize.copyData(piece.subarray(5)))).toBe(true);
    expect(piece.length).toBeGreaterThan(65_536);
    expect(writer.isFull).toBe(false);
  });

  it('forgets what was gathered', () => {
    const writer = new BatchWriter();
    writer.addLine('x\n');
    writer.addBindAndExecute(['x']);
    writer.clear();
    expect(writer.take()).toHaveLength(0);
  });
});
