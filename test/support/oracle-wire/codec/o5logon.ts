/**
 * The server's half of O5LOGON. The server knows the account's password and makes the verifier from it; the client proves
 * that it knows the password, and the server proves in return that it could derive the session's key. Two verifiers:
 * `12c` (PBKDF2, SHA-512) and `11g` (SHA-1). Passwords are compared here and nowhere kept in a message.
 */
import { createCipheriv, createDecipheriv, createHash, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';

export type VerifierKind = '12c' | '11g';

/** What a database stores of an account; `password` stands for the account itself. */
export interface Verifier {
  readonly kind: VerifierKind;
  readonly salt: Buffer;
  readonly key: Buffer;
  readonly password: Buffer;
}

/** Key, value and flag of a logon message. */
export type LogonPair = readonly [key: string, value: string, flags: number];

const NO_IV = Buffer.alloc(16);
const BLOCK = 16;
const VERIFIER_ROUNDS = 4096;
const SESSION_ROUNDS = 3;
const VERIFIER_FLAG = { '12c': 0x4815, '11g': 0xb152 } as const;
const SESSION_KEY_BYTES = { '12c': 32, '11g': 48 } as const;
const PROOF = Buffer.from('SERVER_TO_CLIENT');
const SPEEDY_KEY = Buffer.from('AUTH_PBKDF2_SPEEDY_KEY');

export function makeVerifier(account: string, kind: VerifierKind): Verifier {
  const password = Buffer.from(account, 'utf8');
  if (kind === '12c') {
    const salt = randomBytes(16);
    const speedy = pbkdf2Sync(password, Buffer.concat([salt, SPEEDY_KEY]), VERIFIER_ROUNDS, 64, 'sha512');
    const key = createHash('sha512').update(speedy).update(salt).digest().subarray(0, 32);
    return { kind, salt, key, password };
  }
  const salt = randomBytes(10);
  const key = Buffer.concat([createHash('sha1').update(password).update(salt).digest(), Buffer.alloc(4)]);
  return { kind, salt, key, password };
}

export class LogonExchange {
  readonly #verifier: Verifier;
  /** An account that is not there is challenged like any other, and denied at the end. */
  readonly #exists: boolean;
  readonly #serverKey: Buffer;
  readonly #mixSalt = randomBytes(16);
  #sharedKey: Buffer | null = null;

  constructor(verifier: Verifier, exists: boolean) {
    this.#verifier = verifier;
    this.#exists = exists;
    this.#serverKey = randomBytes(SESSION_KEY_BYTES[verifier.kind]);
  }

  /** The answer to AUTH one. */
  challenge(): LogonPair[] {
    const { kind, key, salt } = this.#verifier;
    const pairs: LogonPair[] = [
      ['AUTH_SESSKEY', hex(encrypt(key, this.#serverKey)), 0],
      ['AUTH_VFR_DATA', hex(salt), VERIFIER_FLAG[kind]],
    ];
    if (kind === '12c') {
      pairs.push(['AUTH_PBKDF2_CSK_SALT', hex(this.#mixSalt), 0]);
      pairs.push(['AUTH_PBKDF2_VGEN_COUNT', String(VERIFIER_ROUNDS), 0]);
      pairs.push(['AUTH_PBKDF2_SDER_COUNT', String(SESSION_ROUNDS), 0]);
    }
    return pairs;
  }

  /** Checks AUTH two. The server's proof, or null when the logon must be denied. */
  verify(pairs: ReadonlyMap<string, string>): string | null {
    const sessionKey = Buffer.from(pairs.get('AUTH_SESSKEY') ?? '', 'hex');
    const sealed = Buffer.from(pairs.get('AUTH_PASSWORD') ?? '', 'hex');
    const keyBytes = SESSION_KEY_BYTES[this.#verifier.kind];
    if (sessionKey.length < keyBytes || sealed.length < 2 * BLOCK || sealed.length % BLOCK !== 0) return null;
    const shared = this.#deriveSharedKey(decrypt(this.#verifier.key, sessionKey.subarray(0, keyBytes)));
    this.#sharedKey = shared;
    const given = unsealed(decrypt(shared, sealed));
    const { password } = this.#verifier;
    const right = given !== null && given.length === password.length && timingSafeEqual(given, password);
    if (!right || !this.#exists) return null;
    return hex(encrypt(shared, padded(Buffer.concat([randomBytes(BLOCK), PROOF]))));
  }

  /** A password of the change-password call, which travels under the session's key. */
  decryptPassword(hexText: string): string | null {
    if (this.#sharedKey === null) return null;
    return unsealed(decrypt(this.#sharedKey, Buffer.from(hexText, 'hex')))?.toString('utf8') ?? null;
  }

  #deriveSharedKey(clientKey: Buffer): Buffer {
    if (this.#verifier.kind === '12c') {
      const mix = Buffer.from(hex(Buffer.concat([clientKey, this.#serverKey])));
      return pbkdf2Sync(mix, this.#mixSalt, SESSION_ROUNDS, 32, 'sha512');
    }
    const mixed = Buffer.alloc(24);
    for (const index of mixed.keys()) {
      mixed[index] = this.#serverKey.readUInt8(index + BLOCK) ^ clientKey.readUInt8(index + BLOCK);
    }
    const halves = [mixed.subarray(0, BLOCK), mixed.subarray(BLOCK)];
    return Buffer.concat(halves.map((half) => createHash('md5').update(half).digest())).subarray(0, 24);
  }
}

function encrypt(key: Buffer, data: Buffer): Buffer {
  const cipher = createCipheriv(cipherOf(key), key, NO_IV).setAutoPadding(false);
  return Buffer.concat([cipher.update(data), cipher.final()]);
}

function decrypt(key: Buffer, data: Buffer): Buffer {
  const decipher = createDecipheriv(cipherOf(key), key, NO_IV).setAutoPadding(false);
  return Buffer.concat([decipher.update(data), decipher.final()]);
}

function cipherOf(key: Buffer): string {
  return `aes-${key.length * 8}-cbc`;
}

function padded(data: Buffer): Buffer {
  const more = BLOCK - (data.length % BLOCK);
  return Buffer.concat([data, Buffer.alloc(more, more)]);
}

/** Without its padding and the random block in front; null where the padding is wrong, as it is under a wrong key. */
function unsealed(data: Buffer): Buffer | null {
  const more = data[data.length - 1] ?? 0;
  if (more < 1 || more > BLOCK || more > data.length) return null;
  const padding = data.subarray(data.length - more);
  return padding.every((byte) => byte === more) ? data.subarray(BLOCK, data.length - more) : null;
}

function hex(bytes: Buffer): string {
  return bytes.toString('hex').toUpperCase();
}
