/** Piggybacks: calls without an answer, which ride in front of the next one that has one. */
import { FUNCTION, MESSAGE } from './ttc-codes.js';
import { readFunctionHeader } from './ttc-read.js';
import type { Reader } from './wire.js';

export interface Piggybacks {
  readonly closedCursors: number[];
  readonly cancelledCursors: number[];
  readonly freedLobs: Buffer[];
  /** Module, action, client identifier and their like, as far as they were set. */
  readonly endToEnd: Record<string, string>;
  schema: string | null;
  /** A function that this server does not know: what follows cannot be read. */
  unknown: number | null;
}

const LOCATOR_BYTES = 40;
const END_TO_END_HEAD = ['clientId', 'module', 'action', 'ecid'] as const;

/** Reads all of them; the reader then stands in front of the call itself. */
export function readPiggybacks(reader: Reader, fieldVersion: number): Piggybacks {
  const found: Piggybacks = {
    closedCursors: [],
    cancelledCursors: [],
    freedLobs: [],
    endToEnd: {},
    schema: null,
    unknown: null,
  };
  while (reader.peek() === MESSAGE.PIGGYBACK && found.unknown === null) {
    reader.u8();
    readPiggyback(reader, readFunctionHeader(reader, fieldVersion).code, found);
  }
  return found;
}

function readPiggyback(reader: Reader, code: number, found: Piggybacks): void {
  switch (code) {
    case FUNCTION.CLOSE_CURSORS:
      return readCursors(reader, found.closedCursors);
    case FUNCTION.CANCEL_CURSORS:
      return readCursors(reader, found.cancelledCursors);
    case FUNCTION.SET_SCHEMA:
      reader.u8();
      reader.ub4();
      found.schema = reader.text();
      return;
    case FUNCTION.LOB_OPERATION:
      return readFreedLobs(reader, found.freedLobs);
    case FUNCTION.SET_END_TO_END:
      return readEndToEnd(reader, found.endToEnd);
    case FUNCTION.APPLICATION_CONTEXT:
      return skipApplicationContext(reader);
    case FUNCTION.PIPELINE_BEGIN:
      reader.ub2();
      reader.skip(2); // error mode, pipeline mode: each answer tells its own error either way
      return;
    case FUNCTION.SESSION_STATE:
      reader.ub8();
      return;
    default:
      found.unknown = code;
  }
}

function readCursors(reader: Reader, into: number[]): void {
  reader.u8();
  for (let count = reader.ub4(); count > 0; count--) into.push(reader.ub4());
}

function readFreedLobs(reader: Reader, into: Buffer[]): void {
  reader.u8();
  let bytes = reader.ub4();
  reader.u8();
  reader.ub4();
  reader.ub4();
  reader.ub4();
  reader.skip(3);
  reader.ub4(); // FREE_TEMP, of an array
  reader.u8();
  reader.ub4();
  reader.ub8();
  reader.ub8();
  reader.u8();
  for (let index = 0; index < 3; index++) {
    reader.u8();
    reader.ub4();
  }
  for (; bytes >= LOCATOR_BYTES; bytes -= LOCATOR_BYTES) into.push(Buffer.from(reader.raw(LOCATOR_BYTES)));
  reader.skip(bytes);
}

function readEndToEnd(reader: Reader, into: Record<string, string>): void {
  reader.skip(2);
  reader.ub4(); // which of them changed
  const set: string[] = [];
  const readHead = (name: string): void => {
    const isChanged = reader.u8() === 1;
    if (reader.ub4() > 0) set.push(name);
    // Without a text it is taken back.
    else if (isChanged) into[name] = '';
  };
  for (const name of END_TO_END_HEAD) readHead(name);
  reader.u8();
  reader.ub4(); // execution context sequence
  readHead('clientInfo');
  for (let index = 0; index < 2; index++) {
    reader.u8();
    reader.ub4();
  }
  readHead('dbOperation');
  for (const name of set) into[name] = reader.text();
}

function skipApplicationContext(reader: Reader): void {
  if (reader.u8() === 1) reader.ub4();
  reader.u8();
  const count = reader.ub4();
  reader.ub2();
  reader.u8();
  reader.text(); // namespace
  for (let index = 0; index < count; index++) reader.keyValue();
}
