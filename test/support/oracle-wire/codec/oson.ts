/**
 * OSON, the binary form of JSON: a header, the distinct field names (hash, offset, text), then a tree whose containers
 * point at their children. Written with 32-bit offsets and short names (255 bytes) only; read with all that the driver
 * writes. Scalars: null, booleans, numbers (as NUMBER texts on the way in, so that no digit is lost), strings, Buffers
 * (RAW), DateParts, and intervals on the way in.
 */
import { decodeDouble, decodeFloat } from './binary-float.js';
import type { DateParts } from './date.js';
import { decodeDate, encodeDate } from './date.js';
import { decodeIntervalDS, decodeIntervalYM } from './interval.js';
import { decodeNumber, encodeNumber } from './number.js';
import { T } from './type-codes.js';
import { decodeVector } from './vector.js';
import { Reader, WireError, Writer } from './wire.js';

/** A number whose digits matter is written from this; decoding gives plain numbers where they are exact. */
export class JsonNumber {
  readonly digits: string;

  constructor(digits: string) {
    this.digits = digits;
  }
}

const MAGIC = Buffer.from([0xff, 0x4a, 0x5a]);
const VERSION = { SHORT_NAMES: 1, LONG_NAMES: 3 } as const;
const FLAG = {
  RELATIVE_OFFSETS: 0x01,
  INLINE_LEAF: 0x02,
  LENGTH_IN_CODE: 0x04,
  NAMES_UINT32: 0x08,
  SCALAR: 0x10,
  HASH_UINT8: 0x100,
  NAMES_UINT16: 0x400,
  NAME_SEGMENT_UINT32: 0x800,
  TREE_UINT32: 0x1000,
} as const;
const LONG_NAME_SEGMENT_UINT16 = 0x100;
const NODE = {
  NULL: 0x30,
  TRUE: 0x31,
  FALSE: 0x32,
  STRING8: 0x33,
  NUMBER: 0x34,
  DOUBLE: 0x36,
  STRING16: 0x37,
  STRING32: 0x38,
  TIMESTAMP: 0x39,
  BINARY16: 0x3a,
  BINARY32: 0x3b,
  DATE: 0x3c,
  INTERVAL_YM: 0x3d,
  INTERVAL_DS: 0x3e,
  EXTENDED: 0x7b,
  TIMESTAMP_TZ: 0x7c,
  TIMESTAMP7: 0x7d,
  ID: 0x7e,
  FLOAT: 0x7f,
  /** Object and array with a 32-bit count and 32-bit offsets. */
  OBJECT32: 0xb4,
  ARRAY32: 0xf4,
} as const;

export function encodeOson(value: unknown): Buffer {
  const names = [...namesIn(value, new Set())];
  if (names.length > 255) return encodeWith(value, names, 2);
  return encodeWith(value, names, 1);
}

function encodeWith(value: unknown, names: string[], idBytes: 1 | 2): Buffer {
  const ids = new Map(names.map((name, index) => [name, index + 1]));
  const tree = encodeNode(value, ids, idBytes, 0);
  const writer = new Writer(64 + tree.length).raw(MAGIC).u8(VERSION.SHORT_NAMES);
  const common = FLAG.INLINE_LEAF | FLAG.LENGTH_IN_CODE | FLAG.TREE_UINT32;
  if (!isContainer(value)) {
    writer.u16(common | FLAG.SCALAR).u32(tree.length);
    return Buffer.from(writer.raw(tree).view());
  }
  const texts = names.map((name) => Buffer.from(name, 'utf8'));
  if (texts.some((text) => text.length > 255)) throw new WireError('A field name of more than 255 bytes.');
  const segment = Buffer.concat(texts.map((text) => Buffer.concat([Buffer.from([text.length]), text])));
  writer.u16(common | FLAG.HASH_UINT8 | FLAG.NAME_SEGMENT_UINT32 | (idBytes === 2 ? FLAG.NAMES_UINT16 : 0));
  if (idBytes === 2) writer.u16(names.length);
  else writer.u8(names.length);
  writer.u32(segment.length).u32(tree.length).u16(0);
  for (const text of texts) writer.u8(hashOf(text));
  let offset = 0;
  for (const text of texts) {
    writer.u32(offset);
    offset += 1 + text.length;
  }
  return Buffer.from(writer.raw(segment).raw(tree).view());
}

function encodeNode(value: unknown, ids: ReadonlyMap<string, number>, idBytes: 1 | 2, at: number): Buffer {
  if (Array.isArray(value)) {
    const head = new Writer().u8(NODE.ARRAY32).u32(value.length);
    return withChildren(head, value, ids, idBytes, at);
  }
  if (!isContainer(value)) return encodeScalar(value);
  const fields = Object.entries(value);
  const head = new Writer().u8(NODE.OBJECT32).u32(fields.length);
  for (const [name] of fields) {
    const id = ids.get(name) ?? 0;
    if (idBytes === 2) head.u16(id);
    else head.u8(id);
  }
  return withChildren(
    head,
    fields.map(([, child]) => child),
    ids,
    idBytes,
    at,
  );
}

/** Children stand behind the container, in order; offsets count from the start of the tree. */
function withChildren(
  head: Writer,
  children: unknown[],
  ids: ReadonlyMap<string, number>,
  idBytes: 1 | 2,
  at: number,
): Buffer {
  let next = at + head.length + 4 * children.length;
  const nodes = children.map((child) => {
    head.u32(next);
    const node = encodeNode(child, ids, idBytes, next);
    next += node.length;
    return node;
  });
  return Buffer.concat([head.view(), ...nodes]);
}

function encodeScalar(value: unknown): Buffer {
  const writer = new Writer(32);
  if (value === null || value === undefined) writer.u8(NODE.NULL);
  else if (typeof value === 'boolean') writer.u8(value ? NODE.TRUE : NODE.FALSE);
  else if (typeof value === 'number' || typeof value === 'bigint') sizedNumber(writer, String(value));
  else if (value instanceof JsonNumber) sizedNumber(writer, value.digits);
  else if (typeof value === 'string') sizedText(writer, Buffer.from(value, 'utf8'));
  else if (Buffer.isBuffer(value)) writer.u8(NODE.BINARY32).u32(value.length).raw(value);
  else if (isDateParts(value)) {
    const bytes = encodeDate(value, T.TIMESTAMP);
    writer.u8(bytes.length === 7 ? NODE.TIMESTAMP7 : NODE.TIMESTAMP).raw(bytes);
  } else throw new WireError(`JSON with a ${typeof value} in it.`);
  return Buffer.from(writer.view());
}

function sizedNumber(writer: Writer, digits: string): void {
  const bytes = encodeNumber(digits);
  writer.u8(NODE.NUMBER).u8(bytes.length).raw(bytes);
}

function sizedText(writer: Writer, bytes: Buffer): void {
  if (bytes.length < 0x100) writer.u8(NODE.STRING8).u8(bytes.length);
  else if (bytes.length < 0x1_0000) writer.u8(NODE.STRING16).u16(bytes.length);
  else writer.u8(NODE.STRING32).u32(bytes.length);
  writer.raw(bytes);
}

function isContainer(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return !(Buffer.isBuffer(value) || value instanceof JsonNumber || isDateParts(value));
}

function isDateParts(value: unknown): value is DateParts {
  return typeof value === 'object' && value !== null && 'nanos' in value && 'year' in value;
}

function namesIn(value: unknown, names: Set<string>): Set<string> {
  if (Array.isArray(value)) for (const item of value) namesIn(item, names);
  else if (isContainer(value)) {
    for (const [name, child] of Object.entries(value)) namesIn(child, names.add(name));
  }
  return names;
}

/** The low byte of FNV-1a. */
function hashOf(text: Buffer): number {
  let hash = 0x811c_9dc5;
  for (const byte of text) hash = Math.imul(hash ^ byte, 16_777_619) >>> 0;
  return hash & 0xff;
}

/** Throws a WireError for what is no OSON. Intervals and dates come as their parts. */
export function decodeOson(image: Buffer): unknown {
  const reader = new Reader(image);
  if (!reader.raw(3).equals(MAGIC)) throw new WireError('No OSON.');
  const version = reader.u8();
  const flags = reader.u16();
  if ((flags & FLAG.SCALAR) !== 0) {
    reader.skip((flags & FLAG.TREE_UINT32) !== 0 ? 4 : 2);
    return decodeScalar(reader, reader.u8());
  }
  const idBytes = (flags & FLAG.NAMES_UINT32) !== 0 ? 4 : (flags & FLAG.NAMES_UINT16) !== 0 ? 2 : 1;
  const shortCount = unsigned(reader, idBytes);
  const wideSegment = (flags & FLAG.NAME_SEGMENT_UINT32) !== 0;
  const shortBytes = wideSegment ? reader.u32() : reader.u16();
  const long =
    version === VERSION.LONG_NAMES ? { flags: reader.u16(), count: reader.u32(), bytes: reader.u32() } : null;
  reader.skip((flags & FLAG.TREE_UINT32) !== 0 ? 4 : 2);
  reader.skip(2);
  const names = readNames(reader, shortCount, shortBytes, wideSegment ? 4 : 2, 1);
  if (long !== null) {
    const offsetBytes = (long.flags & LONG_NAME_SEGMENT_UINT16) !== 0 ? 2 : 4;
    names.push(...readNames(reader, long.count, long.bytes, offsetBytes, 2));
  }
  const tree = image.subarray(reader.position);
  return decodeNode({ tree, names, idBytes, relative: (flags & FLAG.RELATIVE_OFFSETS) !== 0 }, 0);
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
    case NODE.NULL:
      return null;
    case NODE.TRUE:
      return true;
    case NODE.FALSE:
      return false;
    case NODE.STRING8:
      return reader.raw(reader.u8()).toString('utf8');
    case NODE.STRING16:
      return reader.raw(reader.u16()).toString('utf8');
    case NODE.STRING32:
      return reader.raw(reader.u32()).toString('utf8');
    case NODE.NUMBER:
      return exact(decodeNumber(reader.raw(reader.u8())));
    case NODE.DOUBLE:
      return decodeDouble(reader.raw(8));
    case NODE.FLOAT:
      return decodeFloat(reader.raw(4));
    case NODE.DATE:
    case NODE.TIMESTAMP7:
      return decodeDate(reader.raw(7));
    case NODE.TIMESTAMP:
      return decodeDate(reader.raw(11));
    case NODE.TIMESTAMP_TZ:
      return decodeDate(reader.raw(13));
    case NODE.INTERVAL_YM:
      return decodeIntervalYM(reader.raw(5));
    case NODE.INTERVAL_DS:
      return decodeIntervalDS(reader.raw(11));
    case NODE.BINARY16:
      return Buffer.from(reader.raw(reader.u16()));
    case NODE.BINARY32:
      return Buffer.from(reader.raw(reader.u32()));
    case NODE.ID:
      return Buffer.from(reader.raw(reader.u8()));
    case NODE.EXTENDED:
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
