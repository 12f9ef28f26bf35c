/**
 * What the server says about the session in its answers: the status flags of OK and EOF packets (MySQL manual, "OK_Packet",
 * "EOF_Packet"). mysql2 shows those of OK packets and drops those behind rows, so every packet is looked at as it comes in.
 * Invariant: never throws, keeps nothing of a packet, and changes nothing of what mysql2 sees.
 */
import type { Mysql2Connection, Mysql2Packet } from './mysql-module.js';

const IN_TRANSACTION = 1;
const AUTOCOMMIT = 2;

const EOF = 0xfe;
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

  /** `onFullAuthentication` may end the connection: called before mysql2 answers, during the login. */
  constructor(client: Mysql2Connection, onFullAuthentication: () => void) {
    const handle = client.handlePacket.bind(client);
    client.handlePacket = (packet) => {
      if (packet !== undefined) {
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

  #look({ buffer, offset, end }: Mysql2Packet): void {
    const first = buffer[offset];
    const length = end - offset;
    if (first === EOF && length <= MAX_EOF_BYTES && length >= 5) this.#flags = buffer.readUInt16LE(offset + 3);
    // Nothing was affected and nothing inserted: two bytes of 0 before the flags.
    else if (this.#expectsOk && first === OK && length >= 5) this.#flags = buffer.readUInt16LE(offset + 3);
    this.#expectsOk = false;
  }
}

function asksForPassword({ buffer, offset, end }: Mysql2Packet): boolean {
  return buffer[offset] === AUTH_MORE_DATA && end - offset === 2 && buffer[offset + 1] === FULL_AUTHENTICATION;
}
