/**
 * The LOBs of a session, and the calls on them. Text is kept as UTF-16, big end first, as it travels; lengths and offsets
 * of text count its code units. Locators are 40 bytes of which the client copies all and reads a few.
 */
import { OraError } from './backend.js';
import { CHARSET, LOB_OPERATION, MESSAGE } from './codec/ttc-codes.js';
import type { LobCall } from './codec/ttc-read.js';
import { CSFRM, T } from './codec/type-codes.js';
import { textOfUtf16, utf16 } from './codec/utf16.js';
import { Writer } from './codec/wire.js';

export interface Lob {
  readonly id: number;
  readonly isBinary: boolean;
  readonly isNational: boolean;
  /** Made by the client; others belong to a row and cannot be written. */
  readonly isTemporary: boolean;
  data: Buffer;
}

export const LOB_CHUNK_BYTES = 8132;
const LOCATOR_BYTES = 40;
const ID_AT = 10;
const FLAG = { BLOB: 0x01, CLOB: 0x02, INITIALIZED: 0x08, UTF16: 0x80, TEMPORARY: 0x01 } as const;

export class LobTable {
  readonly #lobs = new Map<number, Lob>();
  readonly #sid: number;
  #lastId = 0;

  constructor(sid: number) {
    this.#sid = sid;
  }

  get size(): number {
    return this.#lobs.size;
  }

  create(data: Buffer | string, options: { isTemporary: boolean; isNational: boolean; isBinary: boolean }): Lob {
    const bytes = typeof data === 'string' ? utf16(data) : data;
    const lob: Lob = { id: ++this.#lastId, ...options, data: bytes };
    this.#lobs.set(lob.id, lob);
    return lob;
  }

  /** Those that rows have brought are kept while the session is, as their locators may be read at any time. */
  find(locator: Buffer): Lob | undefined {
    return locator.length >= LOCATOR_BYTES ? this.#lobs.get(locator.readUInt32BE(ID_AT)) : undefined;
  }

  valueOf(locator: Buffer): Buffer | string {
    const lob = this.#get(locator);
    return lob.isBinary ? lob.data : textOfUtf16(lob.data);
  }

  locatorOf(lob: Lob): Buffer {
    const bytes = Buffer.alloc(LOCATOR_BYTES);
    bytes.writeUInt16BE(LOCATOR_BYTES - 2, 0);
    bytes.writeUInt16BE(4, 2);
    bytes[4] = lob.isBinary ? FLAG.BLOB : FLAG.CLOB;
    bytes[5] = FLAG.INITIALIZED;
    bytes[6] = lob.isBinary ? 0 : FLAG.UTF16;
    bytes[7] = lob.isTemporary ? FLAG.TEMPORARY : 0;
    bytes.writeUInt32BE(lob.id, ID_AT);
    bytes.writeUInt32BE(this.#sid, 14);
    return bytes;
  }

  /** The driver takes every BLOB it fetched for a temporary one: a row's LOB is not freed by this. */
  free(locator: Buffer): void {
    const lob = this.find(locator);
    if (lob?.isTemporary === true) this.#lobs.delete(lob.id);
  }

  closeAll(): void {
    this.#lobs.clear();
  }

  /** The answer up to the end of the call. Throws ORA-22275 for a locator of no LOB. */
  call(call: LobCall): Writer {
    if (call.operation === LOB_OPERATION.CREATE_TEMP) return this.#createTemporary(call);
    const locator = call.locator ?? Buffer.alloc(0);
    const lob = this.#get(locator);
    const writer = new Writer(4096);
    const amount = this.#operate(call, lob, writer);
    writer.u8(MESSAGE.PARAMETER).raw(locator);
    if (call.amount !== null) writer.ub8(amount);
    if (call.operation === LOB_OPERATION.IS_OPEN) writer.u8(0);
    return writer;
  }

  #createTemporary({ destinationOffset, sourceOffset }: LobCall): Writer {
    const isBinary = destinationOffset === T.BLOB;
    const isNational = sourceOffset === CSFRM.NATIONAL;
    const lob = this.create(Buffer.alloc(0), { isTemporary: true, isBinary, isNational });
    return new Writer().u8(MESSAGE.PARAMETER).raw(this.locatorOf(lob)).ub2(CHARSET.UTF8).u8(0);
  }

  #operate(call: LobCall, lob: Lob, writer: Writer): number {
    const unit = lob.isBinary ? 1 : 2;
    const start = (call.sourceOffset - 1) * unit;
    const amount = call.amount ?? 0;
    switch (call.operation) {
      case LOB_OPERATION.READ: {
        const part = lob.data.subarray(start, start + amount * unit);
        if (part.length > 0) writer.u8(MESSAGE.LOB_DATA).bytes(part);
        return part.length / unit;
      }
      case LOB_OPERATION.WRITE:
        this.#write(lob, start, call);
        return amount;
      case LOB_OPERATION.TRIM:
        lob.data = lob.data.subarray(0, amount * unit);
        return amount;
      case LOB_OPERATION.GET_LENGTH:
        return lob.data.length / unit;
      case LOB_OPERATION.GET_CHUNK_SIZE:
        return LOB_CHUNK_BYTES;
      case LOB_OPERATION.FREE_TEMP:
        this.#lobs.delete(lob.id);
        return 0;
      case LOB_OPERATION.OPEN:
      case LOB_OPERATION.CLOSE:
      case LOB_OPERATION.IS_OPEN:
        return 0;
      default:
        throw new OraError(3115, `unsupported LOB operation ${call.operation}`);
    }
  }

  #write(lob: Lob, start: number, { data, locator }: LobCall): void {
    if (!lob.isTemporary) throw new OraError(22920, 'row containing the LOB value is not locked');
    const sent = data ?? Buffer.alloc(0);
    const isUtf16 = lob.isBinary || lob.isNational || ((locator?.[6] ?? 0) & FLAG.UTF16) !== 0;
    const bytes = isUtf16 ? sent : utf16(sent.toString('utf8'));
    const grown = Buffer.alloc(Math.max(lob.data.length, start + bytes.length));
    lob.data.copy(grown);
    bytes.copy(grown, start);
    lob.data = grown;
  }

  #get(locator: Buffer): Lob {
    const lob = this.find(locator);
    if (lob === undefined) throw new OraError(22275, 'invalid LOB locator specified');
    return lob;
  }
}
