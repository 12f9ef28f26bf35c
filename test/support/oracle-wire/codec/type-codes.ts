/** The numbers that say on the wire what a column or a bind is. */
export const T = {
  VARCHAR: 1,
  NUMBER: 2,
  INTEGER: 3,
  LONG: 8,
  ROWID: 11,
  DATE: 12,
  RAW: 23,
  LONG_RAW: 24,
  CHAR: 96,
  BINARY_FLOAT: 100,
  BINARY_DOUBLE: 101,
  CURSOR: 102,
  OBJECT: 109,
  CLOB: 112,
  BLOB: 113,
  BFILE: 114,
  JSON: 119,
  VECTOR: 127,
  TIMESTAMP: 180,
  TIMESTAMP_TZ: 181,
  INTERVAL_YM: 182,
  INTERVAL_DS: 183,
  UROWID: 208,
  TIMESTAMP_LTZ: 231,
  BOOLEAN: 252,
} as const;

/** Character set forms: the database's own, and the national one, which travels as UTF-16. */
export const CSFRM = { IMPLICIT: 1, NATIONAL: 2 } as const;
