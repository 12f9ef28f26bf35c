/**
 * Messages of statements, gathered so that whatever is sent in one go is one piece and one write: three writes for each
 * statement cost more than the statement (postgres-pipeline.ts says when a piece leaves).
 * Invariants: a piece holds whole messages, and its bytes are not touched again once taken. (Formats of
 * the messages: PostgreSQL manual, 54.7)
 */

/** Room for some hundred statements; what is larger gets a buffer of its own. */
const SLAB_BYTES = 32_768;
/** Up to here a text is copied by character, which is faster than a call to write it. */
const SHORT_TEXT = 24;
/** A character of a JavaScript string is at most three bytes of UTF-8. */
const MAX_BYTES = 3;

const BIND = 0x42;
const CLOSE = 0x43;
const DESCRIBE = 0x44;
const EXECUTE = 0x45;
const PARSE = 0x50;
const SYNC = 0x53;
/** What a name is of. */
const OF_STATEMENT = 0x53;
const OF_PORTAL = 0x50;
/** Code, length, two names' ends, three counts and the format of the results. */
const BIND_BYTES = 15;
const EXECUTE_BYTES = 10;
const SYNC_BYTES = 5;

const NOTHING = Buffer.alloc(0);

export class WireWriter {
  #buffer = NOTHING;
  /** Where the piece begins that has not been taken yet. */
  #start = 0;
  #end = 0;

  /** Bytes gathered and not taken. */
  get size(): number {
    return this.#end - this.#start;
  }

  take(): Buffer {
    const piece = this.#buffer.subarray(this.#start, this.#end);
    this.#start = this.#end;
    // The socket has it until it is sent; nobody else needs to keep what a large value took.
    if (this.#buffer.length > SLAB_BYTES) this.#buffer = NOTHING;
    if (this.#buffer === NOTHING) this.#start = this.#end = 0;
    return piece;
  }

  /** Takes back what was gathered since the size was this: a message that could not be made. */
  cutTo(size: number): void {
    this.#end = this.#start + size;
  }

  closeStatement(name: string): void {
    this.#named(CLOSE, OF_STATEMENT, name);
  }

  describeStatement(name: string): void {
    this.#named(DESCRIBE, OF_STATEMENT, name);
  }

  describePortal(): void {
    this.#named(DESCRIBE, OF_PORTAL, '');
  }

  /** Without types: the server finds them out. */
  parse(name: string, text: string): void {
    this.#reserve(9 + (name.length + text.length) * MAX_BYTES);
    const length = this.#begin(PARSE);
    this.#cstring(name);
    this.#cstring(text);
    this.#int16(0);
    this.#finish(length);
  }

  /** Bind of the unnamed portal, with results as text. Bytes go binary, everything else as text. */
  bind(statement: string, values: readonly (string | Buffer | null)[]): void {
    this.#reserve(BIND_BYTES + statement.length * MAX_BYTES + values.length * 6);
    const length = this.#begin(BIND);
    this.#byte(0);
    this.#cstring(statement);
    this.#formats(values);
    this.#int16(values.length);
    for (let at = 0; at < values.length; at += 1) this.#value(values[at] ?? null);
    this.#reserve(4);
    this.#int16(1);
    this.#int16(0);
    this.#finish(length);
  }

  /** Of the unnamed portal, all rows; and the end of what shall be one transaction. */
  executeAndSync(): void {
    this.#reserve(EXECUTE_BYTES + SYNC_BYTES);
    const execute = this.#begin(EXECUTE);
    this.#byte(0);
    this.#int32(0);
    this.#finish(execute);
    this.#finish(this.#begin(SYNC));
  }

  #named(code: number, kind: number, name: string): void {
    this.#reserve(7 + name.length * MAX_BYTES);
    const length = this.#begin(code);
    this.#byte(kind);
    this.#cstring(name);
    this.#finish(length);
  }

  /** Answers where the length stands, which is known at the end. Space has been reserved. */
  #begin(code: number): number {
    this.#byte(code);
    const size = this.size;
    this.#end += 4;
    return size;
  }

  #finish(length: number): void {
    const at = this.#start + length;
    this.#putInt32(this.#end - at, at);
  }

  /** No formats at all say that all are text. */
  #formats(values: readonly (string | Buffer | null)[]): void {
    let hasBytes = false;
    for (let at = 0; at < values.length; at += 1) hasBytes ||= typeof values[at] === 'object' && values[at] !== null;
    if (!hasBytes) return this.#int16(0);
    this.#int16(values.length);
    for (const value of values) this.#int16(Buffer.isBuffer(value) ? 1 : 0);
  }

  #value(value: string | Buffer | null): void {
    if (value === null) {
      this.#reserve(4);
      return this.#int32(-1);
    }
    // A long text is measured: three times its length may be three times too much.
    const isLong = value.length * MAX_BYTES > SLAB_BYTES;
    const most =
      typeof value !== 'string' ? value.length : isLong ? Buffer.byteLength(value) : value.length * MAX_BYTES;
    this.#reserve(4 + most);
    const at = this.#end;
    this.#end += 4;
    if (typeof value === 'string') this.#text(value);
    else this.#end += value.copy(this.#buffer, this.#end);
    this.#putInt32(this.#end - at - 4, at);
  }

  #cstring(text: string): void {
    this.#text(text);
    this.#byte(0);
  }

  #text(text: string): void {
    const { length } = text;
    const buffer = this.#buffer;
    const from = this.#end;
    if (length <= SHORT_TEXT) {
      let at = 0;
      while (at < length) {
        const code = text.charCodeAt(at);
        if (code > 0x7f) break;
        buffer[from + at] = code;
        at += 1;
      }
      if (at === length) {
        this.#end = from + length;
        return;
      }
    }
    this.#end = from + buffer.write(text, from);
  }

  #byte(value: number): void {
    this.#buffer[this.#end] = value;
    this.#end += 1;
  }

  /** Counts have no sign. More than 65,535 of anything is for the server to refuse. */
  #int16(value: number): void {
    this.#buffer[this.#end] = (value >>> 8) & 0xff;
    this.#buffer[this.#end + 1] = value & 0xff;
    this.#end += 2;
  }

  #int32(value: number): void {
    this.#putInt32(value, this.#end);
    this.#end += 4;
  }

  #putInt32(value: number, at: number): void {
    const buffer = this.#buffer;
    buffer[at] = value >>> 24;
    buffer[at + 1] = (value >>> 16) & 0xff;
    buffer[at + 2] = (value >>> 8) & 0xff;
    buffer[at + 3] = value & 0xff;
  }

  /** What was gathered moves to the new buffer; what was taken stays in the old one, with whoever has taken it. */
  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#buffer.length) return;
    const { size } = this;
    const wanted = size + bytes;
    const larger = Buffer.allocUnsafeSlow(wanted <= SLAB_BYTES ? SLAB_BYTES : wanted * 2);
    this.#buffer.copy(larger, 0, this.#start, this.#end);
    this.#buffer = larger;
    this.#start = 0;
    this.#end = size;
  }
}
