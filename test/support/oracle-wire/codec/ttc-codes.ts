/** The numbers of TTC, the layer in which client and server call each other's functions. */

/** What stands in a payload: a message begins with one of these. */
export const MESSAGE = {
  PROTOCOL: 1,
  DATA_TYPES: 2,
  FUNCTION: 3,
  ERROR: 4,
  ROW_HEADER: 6,
  ROW_DATA: 7,
  PARAMETER: 8,
  STATUS: 9,
  IO_VECTOR: 11,
  LOB_DATA: 14,
  WARNING: 15,
  DESCRIBE: 16,
  PIGGYBACK: 17,
  FLUSH_OUT_BINDS: 19,
  BIT_VECTOR: 21,
  SERVER_PIGGYBACK: 23,
  ONE_WAY: 26,
  IMPLICIT_RESULTS: 27,
  END_OF_REQUEST: 29,
  TOKEN: 33,
  FAST_AUTH: 34,
} as const;

/** The functions a client may call, alone or as piggybacks in front of another call. */
export const FUNCTION = {
  REEXECUTE: 4,
  FETCH: 5,
  LOGOFF: 9,
  COMMIT: 14,
  ROLLBACK: 15,
  REEXECUTE_AND_FETCH: 78,
  EXECUTE: 94,
  LOB_OPERATION: 96,
  CLOSE_CURSORS: 105,
  AUTH_TWO: 115,
  AUTH_ONE: 118,
  CANCEL_CURSORS: 120,
  SET_END_TO_END: 135,
  PING: 147,
  SET_SCHEMA: 152,
  APPLICATION_CONTEXT: 154,
  SESSION_RELEASE: 163,
  SESSION_STATE: 176,
  PIPELINE_BEGIN: 199,
  PIPELINE_END: 200,
} as const;

/** Bits of EXECUTE. */
export const OPTION = {
  PARSE: 0x1,
  BIND: 0x8,
  DEFINE: 0x10,
  EXECUTE: 0x20,
  FETCH: 0x40,
  COMMIT: 0x100,
  BATCH_ERRORS: 0x8_0000,
} as const;

/** A bit of al8i4[9] of EXECUTE: the row count of each iteration is asked for. */
export const EXECUTE_FLAG_ROW_COUNTS = 0x4000;
/** A bit of the second flags of REEXECUTE. */
export const REEXECUTE_FLAG_COMMIT = 0x1;

/** Field versions (compile capability 7) from which messages carry more. */
export const FIELD_VERSION = {
  V12_2: 8,
  V12_2_EXT: 9,
  V20: 14,
  V23_1: 17,
  /** Function headers carry a token from here on. */
  V23_1_EXT1: 18,
  V23_1_EXT3: 20,
  V23_4: 24,
} as const;

export const DIRECTION = { OUT: 16, IN: 32, IN_OUT: 48 } as const;

/** Bits of a LOB call; a call has one of them, the arrays' one aside. */
export const LOB_OPERATION = {
  GET_LENGTH: 0x1,
  READ: 0x2,
  TRIM: 0x20,
  WRITE: 0x40,
  CREATE_TEMP: 0x110,
  FREE_TEMP: 0x111,
  GET_CHUNK_SIZE: 0x4000,
  OPEN: 0x8000,
  CLOSE: 0x1_0000,
  IS_OPEN: 0x1_1000,
} as const;

/** What the server may say on its own in front of an answer. */
export const SERVER_PIGGYBACK_LTXID = 7;
/** The bit of a call's status that says that a transaction is open. */
export const STATUS_IN_TRANSACTION = 0x2;
/** A bind is a PL/SQL table. */
export const BIND_IS_ARRAY = 0x40;

export const CHARSET = { UTF8: 873, UTF16: 2000 } as const;

/** Strings and RAW of more bytes than this are LONGs to the wire: they come after all other values of a row. */
export const LONGEST_VALUE = 32_767;
