/**
 * OSON, the binary form of JSON: a header, the distinct field names (hash, offset, text), then a tree whose containers
 * point at their children. Its numbers, and how a JSON number with all its digits is told from others.
 */
/** A number whose digits matter is written from this; decoding gives plain numbers where they are exact. */
export class JsonNumber {
  readonly digits: string;

  constructor(digits: string) {
    this.digits = digits;
  }
}

export const OSON_MAGIC = Buffer.from([0xff, 0x4a, 0x5a]);
export const OSON_VERSION = { SHORT_NAMES: 1, LONG_NAMES: 3 } as const;
export const OSON_FLAG = {
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
export const LONG_NAME_SEGMENT_UINT16 = 0x100;
export const OSON_NODE = {
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
