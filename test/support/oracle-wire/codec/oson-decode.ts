/** OSON as the driver writes it, read. Dates and intervals come as their parts, RAW as Buffers, vectors as typed arrays. */
import { decodeDouble, decodeFloat } from './binary-float.js';
import { decodeDate } from './date.js';
import { decodeIntervalDS, decodeIntervalYM } from './interval.js';
import { decodeNumber, encodeNumber } from './number.js';
import { JsonNumber, LONG_NAME_SEGMENT_UINT16, OSON_FLAG, OSON_MAGIC, OSON_NODE, OSON_VERSION } from './oson-codes.js';
import { decodeVector } from './vector.js';
import { Reader, WireError } from './wire.js';

/** Throws a WireError for what is no OSON. */
export function decodeOson(image: Buffer): unknown {
  const reader = new Reader(image);
  if (!reader.raw(3).equals(OSON_MAGIC)) throw new WireError('No OSON.');
  const version = reader.u8();
  const flags = reader.u16();
  if ((flags & OSON_FLAG.SCALAR) !== 0) {
    reader.skip((flags & OSON_FLAG.TREE_UINT32) !== 0 ? 4 : 2);
    return decodeScalar(reader, reader.u8());
  }
  const idBytes = (flags & OSON_FLAG.NAMES_UINT32) !== 0 ? 4 : (flags & OSON_FLAG.NAMES_UINT16) !== 0 ? 2 : 1;
  const shortCount = unsigned(reader, idBytes);
  const wideSegment = (flags & OSON_FLAG.NAME_SEGMENT_UINT32) !== 0;
  const shortBytes = wideSegment ? reader.u32() : reader.u16();
  const long =
    version === OSON_VERSION.LONG_NAMES ? { flags: reader.u16(), count: reader.u32(), bytes: reader.u32() } : null;
  reader.skip((flags & OSON_FLAG.TREE_UINT32) !== 0 ? 4 : 2);
  reader.skip(2);
  const names = readNames(reader, shortCount, shortBytes, wideSegment ? 4 : 2, 1);
  if (long !== null) {
    const offsetBytes = (long.flags & LONG_NAME_SEGMENT_UINT16) !== 0 ? 2 : 4;
    names.push(...readNames(reader, long.count, long.bytes, offsetBytes, 2));
  }
  const tree = image.subarray(reader.position);
  return decodeNode({ tree, names, idBytes, relative: (flags & OSON_FLAG.RELATIVE_OFFSETS) !== 0 }, 0);
}

function readNames(reader: Reader, count: number, bytes: number, offsetBytes: number, lengthBytes: number): string[] {
  reader.skip(count * lengthBytes);
  const offsets = Array.from({ length: count }, () => unsigned(reader, offsetBytes));
  const segment = reader.raw(bytes);
  return offsets.map((offset) => {
    const length = lengthBytes === 1 ? segment.readUInt8(offset) : segment.readUInt16BE(offset);
    return segment.toString('utf8', offset + lengthBytes, offset + lengthBytes + length);
  });
}

interface Tree {
  readonly tree: Buffer;
  readonly names: string[];
  readonly idBytes: number;
  readonly relative: boolean;
}

function decodeNode(context: Tree, at: number): unknown {
  const reader = new Reader(context.tree.subarray(at));
  const code = reader.u8();
  if ((code & 0x80) === 0) return decodeScalar(reader, code);
  const countBytes = [1, 2, 4][(code & 0x18) >> 3];
  if (countBytes === undefined) throw new WireError('OSON with shared field names, which the driver does not write.');
  const count = unsigned(reader, countBytes);
  const isObject = (code & 0x40) === 0;
  const ids = isObject ? Array.from({ length: count }, () => unsigned(reader, context.idBytes)) : [];
  const children = Array.from({ length: count }, () => {
    const offset = unsigned(reader, (code & 0x20) !== 0 ? 4 : 2);
    return decodeNode(context, context.relative ? at + offset : offset);
  });
  if (!isObject) return children;
  return Object.fromEntries(children.map((child, index) => [context.names[(ids[index] ?? 0) - 1] ?? '', child]));
}

function decodeScalar(reader: Reader, code: number): unknown {
  switch (code) {
    case OSON_NODE.NULL:
      return null;
    case OSON_NODE.TRUE:
      return true;
    case OSON_NODE.FALSE:
      return false;
    case OSON_NODE.STRING8:
      return reader.raw(reader.u8()).toString('utf8');
    case OSON_NODE.STRING16:
      return reader.raw(reader.u16()).toString('utf8');
    case OSON_NODE.STRING32:
      return reader.raw(reader.u32()).toString('utf8');
    case OSON_NODE.NUMBER:
      return exact(decodeNumber(reader.raw(reader.u8())));
    case OSON_NODE.DOUBLE:
      return decodeDouble(reader.raw(8));
    case OSON_NODE.FLOAT:
      return decodeFloat(reader.raw(4));
    case OSON_NODE.DATE:
    case OSON_NODE.TIMESTAMP7:
      return decodeDate(reader.raw(7));
    case OSON_NODE.TIMESTAMP:
      return decodeDate(reader.raw(11));
    case OSON_NODE.TIMESTAMP_TZ:
      return decodeDate(reader.raw(13));
    case OSON_NODE.INTERVAL_YM:
      return decodeIntervalYM(reader.raw(5));
    case OSON_NODE.INTERVAL_DS:
      return decodeIntervalDS(reader.raw(11));
    case OSON_NODE.BINARY16:
      return Buffer.from(reader.raw(reader.u16()));
    case OSON_NODE.BINARY32:
      return Buffer.from(reader.raw(reader.u32()));
    case OSON_NODE.ID:
      return Buffer.from(reader.raw(reader.u8()));
    case OSON_NODE.EXTENDED:
      reader.skip(1);
      return decodeVector(reader.raw(reader.u32()));
    default:
      return decodePacked(reader, code);
  }
}

/** Scalars whose length is part of their code: numbers and short strings. */
function decodePacked(reader: Reader, code: number): unknown {
  const kind = code & 0xf0;
  if (kind === 0x20 || kind === 0x60) return exact(decodeNumber(reader.raw((code & 0x0f) + 1)));
  if (kind === 0x40 || kind === 0x50) return exact(decodeNumber(reader.raw(code & 0x0f)));
  if ((code & 0xe0) === 0) return reader.raw(code).toString('utf8');
  throw new WireError(`OSON with a node of type ${code}.`);
}

function exact(digits: string): number | JsonNumber {
  const number = Number(digits);
  return encodeNumber(String(number)).equals(encodeNumber(digits)) ? number : new JsonNumber(digits);
}

function unsigned(reader: Reader, bytes: number): number {
  if (bytes === 1) return reader.u8();
  return bytes === 2 ? reader.u16() : reader.u32();
}
