/**
 * What the server says about the session in its answers: the status flags of OK and EOF packets (MySQL manual, "OK_Packet",
 * "EOF_Packet"). mysql2 shows those of OK packets and drops those behind rows, so every packet is looked at as it comes in.
 * Invariant: never throws, keeps nothing of a packet, and changes nothing of what mysql2 sees, but for rows that are dropped and
 * the one flag that MySQL leaves out behind OUT parameters.
 */
import type { Mysql2Connection, Mysql2Packet } from './mysql-module.js';

const IN_TRANSACTION = 1;
const AUTOCOMMIT = 2;
const MORE_RESULTS = 8;
/** Of the EOF packet before the row of OUT parameters, and on MariaDB of the one behind it as well. */
const OUT_PARAMETERS = 0x1000;

const EOF = 0xfe;
const ERR = 0xff;
const OK = 0x00;
const AUTH_MORE_DATA = 0x01;
/** An EOF packet has 5 bytes; with 9 or more, 0xfe is the length of a value. */
const MAX_EOF_BYTES = 8;
/** Of AuthMoreData: the server has no cached verifier, and wants the password itself. */
const FULL_AUTHENTICATION = 0x04;

export class SessionStatus {
  #flags = AUTOCOMMIT;
  #isLoggedIn = false;
  #expectsOk = false;
  #isOut = false;
  /** Called for each row that is dropped; `undefined` where none is. */
  #onDropped: (() => void) | undefined;

  /** `onFullAuthentication` may end the connection: called before mysql2 answers, during the login. */
  constructor(client: Mysql2Connection, onFullAuthentication: () => void) {
    const handle = client.handlePacket.bind(client);
    client.handlePacket = (packet) => {
      if (packet !== undefined) {
        if (this.#onDropped !== undefined && !isEnd(packet)) return this.#drop(client, packet, this.#onDropped);
        this.#onDropped = undefined;
        if (this.#isLoggedIn) this.#look(packet);
        else if (asksForPassword(packet)) onFullAuthentication();
      }
      handle(packet);
    };
  }

  get isInTransaction(): boolean {
    return (this.#flags & IN_TRANSACTION) !== 0;
  }

  get isAutocommit(): boolean {
    return (this.#flags & AUTOCOMMIT) !== 0;
  }

  /** The row that comes now is the OUT parameters of a procedure. */
  get bringsOutParameters(): boolean {
    return this.#isOut;
  }

  /** During the login packets mean other things. */
  beginSession(): void {
    this.#isLoggedIn = true;
  }

  /** Of an OK packet that mysql2 has read. */
  take(flags: number): void {
    this.#flags = flags;
  }

  /** The next packet answers a ping, so 0x00 begins an OK packet, and no row. */
  expectOk(): void {
    this.#expectsOk = true;
  }

  /**
   * Rows that nobody wants are kept from mysql2, which would take each of them apart; up to the end of their result. Before the
   * first row it would be the columns that are kept from it, or an answer without rows.
   */
  dropRows(onDropped: () => void): void {
    this.#onDropped = onDropped;
  }

  #drop(client: Mysql2Connection, { numPackets }: Mysql2Packet, onDropped: () => void): void {
    client._bumpSequenceId(numPackets);
    onDropped();
  }

  #look({ buffer, offset, end }: Mysql2Packet): void {
    const first = buffer[offset];
    const length = end - offset;
    if (isEof(first, length)) this.#lookAtEof(buffer, offset + 3);
    // Nothing was affected and nothing inserted: two bytes of 0 before the flags.
    else if (this.#expectsOk && first === OK && length >= 5) this.#flags = buffer.readUInt16LE(offset + 3);
    else if (first === ERR) this.#isOut = false;
    this.#expectsOk = false;
  }

  /** Behind OUT parameters comes an OK packet; MySQL does not announce it, and mysql2 would take it for another answer. */
  #lookAtEof(buffer: Buffer, at: number): void {
    const flags = buffer.readUInt16LE(at);
    if (this.#isOut) buffer.writeUInt16LE(flags | MORE_RESULTS, at);
    this.#isOut = !this.#isOut && (flags & OUT_PARAMETERS) !== 0;
    this.#flags = flags;
  }
}

function isEof(first: number | undefined, length: number): boolean {
  return first === EOF && length <= MAX_EOF_BYTES && length >= 5;
}

/** Behind rows comes an EOF packet or an error. */
function isEnd({ buffer, offset, end }: Mysql2Packet): boolean {
  return buffer[offset] === ERR || isEof(buffer[offset], end - offset);
}

function asksForPassword({ buffer, offset, end }: Mysql2Packet): boolean {
  return buffer[offset] === AUTH_MORE_DATA && end - offset === 2 && buffer[offset + 1] === FULL_AUTHENTICATION;
}
