/** The messages of statements, byte for byte what `pg` itself would write, in pieces that stay as they are. */
import fc from 'fast-check';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { WireWriter } from './postgres-wire-writer.js';

type Values = readonly (string | Buffer | null)[];

/** As much of `pg-protocol` as is compared with. */
interface Serializer {
  parse(message: { readonly name: string; readonly text: string }): Buffer;
  bind(message: { readonly statement: string; readonly values: Values }): Buffer;
  describe(message: { readonly type: 'S' | 'P'; readonly name?: string }): Buffer;
  close(message: { readonly type: 'S'; readonly name: string }): Buffer;
  execute(): Buffer;
  sync(): Buffer;
}
const fromPg = createRequire(createRequire(import.meta.url).resolve('pg'));
const { serialize } = fromPg('pg-protocol') as { readonly serialize: Serializer };

const name = fc.stringMatching(/^[a-zé_0-9]{0,30}$/);
const text = fc.string({ unit: 'binary', maxLength: 60 }).map((value) => value.replaceAll('\0', ''));
const value = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constant(null),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc.constantFrom('', '1', 'ü', 'a'.repeat(24), 'a'.repeat(25), '€'.repeat(9), 'é'.repeat(20_000), 'x'.repeat(40_000)),
);
const statement = fc.record({ name, text, values: fc.array(value, { maxLength: 6 }), isTaken: fc.boolean() });

function write(
  writer: WireWriter,
  one: { readonly name: string; readonly text: string; readonly values: Values },
): void {
  writer.closeStatement(one.name);
  writer.parse(one.name, one.text);
  writer.describeStatement(one.name);
  writer.bind(one.name, one.values);
  writer.describePortal();
  writer.executeAndSync();
}

/** All values as text need no formats, and `pg` writes them all the same. */
function bindOfPg(statement: string, values: Values): Buffer {
  const bind = Buffer.from(serialize.bind({ statement, values }));
  if (values.some((one) => Buffer.isBuffer(one))) return bind;
  const at = 7 + Buffer.byteLength(statement);
  const short = Buffer.concat([bind.subarray(0, at), Buffer.from([0, 0]), bind.subarray(at + 2 + values.length * 2)]);
  short.writeInt32BE(short.length - 1, 1);
  return short;
}

const byPg = (one: { readonly name: string; readonly text: string; readonly values: Values }): Buffer =>
  Buffer.concat([
    serialize.close({ type: 'S', name: one.name }),
    Buffer.from(serialize.parse({ name: one.name, text: one.text })),
    serialize.describe({ type: 'S', name: one.name }),
    bindOfPg(one.name, one.values),
    serialize.describe({ type: 'P' }),
    serialize.execute(),
    serialize.sync(),
  ]);

describe('the writer of statements', () => {
  it('writes every message as pg does, and never touches what was taken', () => {
    fc.assert(
      fc.property(fc.array(statement, { minLength: 1, maxLength: 8 }), (statements) => {
        const writer = new WireWriter();
        const pieces: Buffer[] = [];
        let sizes = 0;
        for (const one of statements) {
          write(writer, one);
          if (!one.isTaken) continue;
          sizes += writer.size;
          pieces.push(writer.take());
          expect(writer.size).toBe(0);
        }
        sizes += writer.size;
        pieces.push(writer.take());
        const written = Buffer.concat(pieces);
        expect(written.equals(Buffer.concat(statements.map(byPg)))).toBe(true);
        expect(written.length).toBe(sizes);
      }),
    );
  });

  it('forgets what is cut off, and keeps what came before', () => {
    const one = { name: 's', text: 'select $1', values: ['a', null, Buffer.from([0])] };
    const writer = new WireWriter();
    write(writer, one);
    const before = writer.size;
    write(writer, { ...one, values: ['x'.repeat(100_000)] });
    writer.cutTo(before);
    write(writer, one);
    expect(writer.take().equals(Buffer.concat([byPg(one), byPg(one)]))).toBe(true);
  });

  it('writes a thousand statements in one piece', () => {
    const writer = new WireWriter();
    const one = { name: '', text: 'select $1::text', values: ['y'.repeat(300)] };
    for (let n = 0; n < 1_000; n += 1) write(writer, one);
    const piece = writer.take();
    expect(piece.length).toBe(byPg(one).length * 1_000);
    expect(piece.subarray(-byPg(one).length).equals(byPg(one))).toBe(true);
    expect(writer.take().length).toBe(0);
  });
});
