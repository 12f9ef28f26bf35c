/**
 * JSON written as OSON: 32-bit offsets throughout, field names up to 255 bytes. Scalars: null, booleans, numbers (a
 * `JsonNumber` where every digit counts), strings, Buffers (RAW) and DateParts.
 */
import type { DateParts } from './date.js';
import { encodeDate } from './date.js';
import { encodeNumber } from './number.js';
import { JsonNumber, OSON_FLAG, OSON_MAGIC, OSON_NODE, OSON_VERSION } from './oson-codes.js';
import { T } from './type-codes.js';
import { WireError, Writer } from './wire.js';

export function encodeOson(value: unknown): Buffer {
  const names = [...namesIn(value, new Set())];
  if (names.length > 255) return encodeWith(value, names, 2);
  return encodeWith(value, names, 1);
}

function encodeWith(value: unknown, names: string[], idBytes: 1 | 2): Buffer {
  const ids = new Map(names.map((name, index) => [name, index + 1]));
  const tree = encodeNode(value, ids, idBytes, 0);
  const writer = new Writer(64 + tree.length).raw(OSON_MAGIC).u8(OSON_VERSION.SHORT_NAMES);
  const common = OSON_FLAG.INLINE_LEAF | OSON_FLAG.LENGTH_IN_CODE | OSON_FLAG.TREE_UINT32;
  if (!isContainer(value)) {
    writer.u16(common | OSON_FLAG.SCALAR).u32(tree.length);
    return Buffer.from(writer.raw(tree).view());
  }
  const texts = names.map((name) => Buffer.from(name, 'utf8'));
  if (texts.some((text) => text.length > 255)) throw new WireError('A field name of more than 255 bytes.');
  const segment = Buffer.concat(texts.map((text) => Buffer.concat([Buffer.from([text.length]), text])));
  writer.u16(
    common | OSON_FLAG.HASH_UINT8 | OSON_FLAG.NAME_SEGMENT_UINT32 | (idBytes === 2 ? OSON_FLAG.NAMES_UINT16 : 0),
  );
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
    const items = value as unknown[];
    const head = new Writer().u8(OSON_NODE.ARRAY32).u32(items.length);
    return withChildren(head, items, ids, idBytes, at);
  }
  if (!isContainer(value)) return encodeScalar(value);
  const fields: [string, unknown][] = Object.entries(value);
  const head = new Writer().u8(OSON_NODE.OBJECT32).u32(fields.length);
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
  if (value === null || value === undefined) writer.u8(OSON_NODE.NULL);
  else if (typeof value === 'boolean') writer.u8(value ? OSON_NODE.TRUE : OSON_NODE.FALSE);
  else if (typeof value === 'number' || typeof value === 'bigint') sizedNumber(writer, String(value));
  else if (value instanceof JsonNumber) sizedNumber(writer, value.digits);
  else if (typeof value === 'string') sizedText(writer, Buffer.from(value, 'utf8'));
  else if (Buffer.isBuffer(value)) writer.u8(OSON_NODE.BINARY32).u32(value.length).raw(value);
  else if (isDateParts(value)) {
    const bytes = encodeDate(value, T.TIMESTAMP);
    writer.u8(bytes.length === 7 ? OSON_NODE.TIMESTAMP7 : OSON_NODE.TIMESTAMP).raw(bytes);
  } else throw new WireError(`JSON with a ${typeof value} in it.`);
  return Buffer.from(writer.view());
}

function sizedNumber(writer: Writer, digits: string): void {
  const bytes = encodeNumber(digits);
  writer.u8(OSON_NODE.NUMBER).u8(bytes.length).raw(bytes);
}

function sizedText(writer: Writer, bytes: Buffer): void {
  if (bytes.length < 0x100) writer.u8(OSON_NODE.STRING8).u8(bytes.length);
  else if (bytes.length < 0x1_0000) writer.u8(OSON_NODE.STRING16).u16(bytes.length);
  else writer.u8(OSON_NODE.STRING32).u32(bytes.length);
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
