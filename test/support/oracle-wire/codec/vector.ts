/**
 * The image of a VECTOR: magic byte, version, flags, format, number of dimensions, 8 bytes of norm, then the elements
 * (floats in their sortable form). Dense vectors only: a sparse one is handed through as the bytes it came as.
 */
import { decodeDouble, decodeFloat, encodeDouble, encodeFloat } from './binary-float.js';
import { Reader, WireError, Writer } from './wire.js';

/** Bits of a binary vector are packed, eight in a byte. */
export type VectorValue = Float32Array | Float64Array | Int8Array | Uint8Array;

const MAGIC = 0xdb;
const FLAG = { NORM: 0x02, NORM_SPACE: 0x10, SPARSE: 0x20 } as const;
const FORMAT = { FLOAT32: 2, FLOAT64: 3, INT8: 4, BINARY: 5 } as const;
const NORM_BYTES = 8;

export function encodeVector(value: VectorValue): Buffer {
  const writer = new Writer(32 + value.byteLength);
  const binary = formatOf(value) === FORMAT.BINARY;
  writer.u8(MAGIC).u8(binary ? 1 : 0);
  writer.u16(binary ? FLAG.NORM_SPACE : FLAG.NORM_SPACE | FLAG.NORM);
  writer.u8(formatOf(value)).u32(binary ? value.length * 8 : value.length);
  writer.raw(Buffer.alloc(NORM_BYTES));
  for (const element of value) {
    if (value instanceof Float32Array) writer.raw(encodeFloat(element));
    else if (value instanceof Float64Array) writer.raw(encodeDouble(element));
    else writer.u8(element);
  }
  return Buffer.from(writer.view());
}

/** A sparse vector comes back as its bytes. Throws a WireError for what is no image of a vector. */
export function decodeVector(image: Buffer): VectorValue {
  const reader = new Reader(image);
  if (reader.u8() !== MAGIC) throw new WireError('No image of a vector.');
  reader.u8();
  const flags = reader.u16();
  const format = reader.u8();
  const dimensions = reader.u32();
  if ((flags & FLAG.SPARSE) !== 0) return Buffer.from(image);
  if (format === FORMAT.BINARY || (flags & FLAG.NORM) !== 0) reader.skip(NORM_BYTES);
  if (format === FORMAT.FLOAT32) return Float32Array.from({ length: dimensions }, () => decodeFloat(reader.raw(4)));
  if (format === FORMAT.FLOAT64) return Float64Array.from({ length: dimensions }, () => decodeDouble(reader.raw(8)));
  if (format === FORMAT.INT8) return Int8Array.from({ length: dimensions }, () => reader.u8());
  if (format === FORMAT.BINARY) return Uint8Array.from({ length: dimensions / 8 }, () => reader.u8());
  throw new WireError(`A vector of format ${format}.`);
}

function formatOf(value: VectorValue): number {
  if (value instanceof Float32Array) return FORMAT.FLOAT32;
  if (value instanceof Float64Array) return FORMAT.FLOAT64;
  return value instanceof Int8Array ? FORMAT.INT8 : FORMAT.BINARY;
}
