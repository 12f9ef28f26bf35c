/**
 * From ACCEPT to a session: PROTOCOL, DATA TYPES, AUTH one (challenge) and AUTH two (proofs). A 23ai client sends the
 * first three as one request, whose answer is the three answers in a row; others take three round trips, and the first
 * two of those answers have no end mark. The good answers end with STATUS, not with ERROR.
 */
import type { LogonPair } from './codec/o5logon.js';
import { LogonExchange } from './codec/o5logon.js';
import { FUNCTION, MESSAGE } from './codec/ttc-codes.js';
import type { AuthCall } from './codec/ttc-logon.js';
import {
  readAuth,
  readDataTypes,
  skipProtocol,
  writeAuthPairs,
  writeDataTypes,
  writeProtocol,
} from './codec/ttc-logon.js';
import type { Reader } from './codec/wire.js';
import type { Writer } from './codec/wire.js';
import type { InstanceState } from './faults.js';
import type { SessionContext } from './session-context.js';
import { oraError } from './session-context.js';

/** Clients refuse one of 48 bytes or more. */
const BANNER = 'x86_64/Linux 2.4.xx';
const CLIENT_ENDS_ANSWERS = { at: 40, bit: 0x20 } as const;
const FIELD_VERSION_AT = 7;

const REFUSED_BY_STATE: Readonly<Record<InstanceState, number | null>> = {
  open: null,
  'read-only': null,
  starting: 1033,
  'shutting-down': 1090,
  down: 1034,
};

export interface Negotiated {
  readonly fieldVersion: number;
  /** The client can tell where an answer ends by its mark. */
  readonly understandsEndMark: boolean;
}

export interface LogonFacts {
  readonly sid: number;
  readonly serial: number;
  readonly service: string;
}

export class Logon {
  readonly #context: SessionContext;
  #exchange: LogonExchange | null = null;
  #user = '';

  constructor(context: SessionContext) {
    this.#context = context;
  }

  get user(): string {
    return this.#user;
  }

  /** PROTOCOL and DATA TYPES, as far as the request holds them. `isWhole` when AUTH one was with them. */
  negotiate(reader: Reader, writer: Writer, onAgreed: (agreed: Negotiated) => void): { authOne: boolean } {
    const { profile } = this.#context;
    const isFast = reader.peek() === MESSAGE.FAST_AUTH;
    if (isFast) reader.skip(4);
    if (reader.peek() === MESSAGE.PROTOCOL) {
      reader.u8();
      skipProtocol(reader);
      writeProtocol(writer, BANNER, profile.fieldVersion);
      if (!isFast) return { authOne: false };
      reader.skip(6); // what the client takes the server's protocol answer to be
    }
    if (reader.peek() === MESSAGE.DATA_TYPES) {
      reader.u8();
      const types = readDataTypes(reader);
      onAgreed(agreedWith(types.capabilities, profile.fieldVersion));
      writeDataTypes(writer, types);
      if (!isFast) return { authOne: false };
    }
    const [message, code] = [reader.u8(), reader.u8()];
    reader.u8(); // sequence; no token, whatever the field version
    if (message !== MESSAGE.FUNCTION || code !== FUNCTION.AUTH_ONE) throw new Error('A fast logon without AUTH one.');
    return { authOne: true };
  }

  /** The challenge. The pairs of the client (program, machine, …) are told to `onPairs`. */
  authOne(reader: Reader, writer: Writer, onPairs: (pairs: ReadonlyMap<string, string>) => void): void {
    const call = readAuth(reader);
    this.#user = accountOf(call.user);
    onPairs(call.pairs);
    const { verifier, exists } = this.#context.verifierOf(this.#user);
    this.#exchange = new LogonExchange(verifier, exists);
    writeAuthPairs(writer, this.#exchange.challenge());
  }

  /** Throws ORA-01017, or what the state of the instance says. A new password in the call is taken over. */
  prove(reader: Reader): { readonly proof: string; readonly zone: string | null; readonly pairs: AuthCall['pairs'] } {
    const { pairs } = readAuth(reader);
    const code = REFUSED_BY_STATE[this.#context.faults.instance];
    if (code !== null) throw oraError(code);
    const proof = this.#exchange?.verify(pairs) ?? null;
    if (proof === null) throw oraError(1017);
    const changed = pairs.get('AUTH_NEWPASSWORD');
    const password = changed === undefined ? null : this.#exchange?.decryptPassword(changed);
    if (password) this.#context.setPassword(this.#user, password);
    const zone = /TIME_ZONE\s*=\s*'([^']+)'/i.exec(pairs.get('AUTH_ALTER_SESSION') ?? '')?.[1] ?? null;
    return { proof, zone, pairs };
  }

  /** AUTH two within a session. False for a wrong old password. */
  changePassword(reader: Reader): boolean {
    const { pairs } = readAuth(reader);
    const old = this.#exchange?.decryptPassword(pairs.get('AUTH_PASSWORD') ?? '') ?? null;
    const next = this.#exchange?.decryptPassword(pairs.get('AUTH_NEWPASSWORD') ?? '') ?? null;
    if (next === null || !this.#context.isPassword(this.#user, old)) return false;
    this.#context.setPassword(this.#user, next);
    return true;
  }

  writeWelcome(writer: Writer, proof: string, { sid, serial, service }: LogonFacts): void {
    const { profile, maxOpenCursors } = this.#context;
    const facts: Record<string, string> = {
      AUTH_SVR_RESPONSE: proof,
      AUTH_VERSION_STRING: '- Production',
      AUTH_VERSION_SQL: '26',
      AUTH_VERSION_NO: String(profile.versionNumber),
      AUTH_SESSION_ID: String(sid),
      AUTH_SERIAL_NUM: String(serial),
      AUTH_MAX_OPEN_CURSORS: String(maxOpenCursors),
      AUTH_MAX_IDEN_LENGTH: '128',
      AUTH_INSTANCENAME: 'WIRE',
      AUTH_DBNAME: 'WIREPDB1',
      AUTH_SC_SERVICE_NAME: service,
      AUTH_SC_DBUNIQUE_NAME: 'WIRE',
      AUTH_SC_REAL_DBUNIQUE_NAME: 'WIRE',
      AUTH_SC_DB_DOMAIN: '',
      AUTH_USER_ID: '101',
      AUTH_NLS_LXLAN: 'AMERICAN',
      AUTH_NLS_LXCTERRITORY: 'AMERICA',
    };
    writeAuthPairs(
      writer,
      Object.entries(facts).map(([key, value]): LogonPair => [key, value, 0]),
    );
  }
}

function agreedWith(capabilities: Buffer, offered: number): Negotiated {
  const { at, bit } = CLIENT_ENDS_ANSWERS;
  return {
    fieldVersion: Math.min(offered, capabilities[FIELD_VERSION_AT] ?? offered),
    understandsEndMark: ((capabilities[at] ?? 0) & bit) !== 0,
  };
}

/** Upper case, unless it was quoted. */
function accountOf(sent: string): string {
  return /^"(.*)"$/.exec(sent)?.[1] ?? sent.toUpperCase();
}
