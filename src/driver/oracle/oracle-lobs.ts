/**
 * LOBs: read whole up to the limit, and given out as objects to iterate above it.
 *
 * A LOB of the library is a place at the server, read through its session. Each read holds the connection for one round trip, and
 * nothing is open between two.
 * Invariants: memory holds one piece; a piece never ends in the middle of a character; what is read whole is freed at once.
 */
import type { Attached } from './oracle-attachments.js';
import { detachedError } from './oracle-attachments.js';
import type { OracleClientConnection, OracleLob as NativeLob } from './oracle-module.js';
import type { OraclePort } from './oracle-port.js';
import { ORACLE_TYPES } from './oracle-types.js';

/** Of one round trip: UTF-16 units or bytes. Whole chunks of the LOB, which the server reads best. */
const PIECE = 262_144;

/** What `lob` holds where that is within the limit; an object to read it by where it is more. */
export async function readLob(port: OraclePort, lob: NativeLob): Promise<string | Buffer | OracleLob> {
  const length = lob.length ?? 0;
  if (length > port.types.lobLimit) return new OracleLob(port, lob, length);
  const data = await port.call(() => lob.getData());
  // Waited for: some programs forbid the library calls that wait for one another.
  await freeLob(lob);
  return data ?? (isBytes(lob) ? Buffer.alloc(0) : '');
}

/**
 * A CLOB, NCLOB or BLOB above the driver's option `lobLimit`: iterate it (`for await`) for its pieces, strings or Buffers, or have
 * it whole by `read()`. It is read through the session that it came from: inside `db.use()` or a transaction, as long as that lasts.
 *
 * @example
 * await db.use(async (session) => {
 *   const film = await session.queryValue<OracleLob>('select film from films where id = :id', { id });
 *   for await (const piece of film) file.write(piece);
 * });
 */
export class OracleLob implements AsyncIterable<string | Buffer>, Attached {
  readonly type: 'CLOB' | 'NCLOB' | 'BLOB';
  /** Bytes of a BLOB, UTF-16 units of a CLOB. */
  readonly length: number;
  readonly #port: OraclePort;
  readonly #native: NativeLob;
  #isClosed = false;

  /** @internal */
  constructor(port: OraclePort, native: NativeLob, length: number) {
    this.type = native.type.columnTypeName as 'CLOB' | 'NCLOB' | 'BLOB';
    this.length = length;
    this.#port = port;
    this.#native = native;
    port.attachments.add(this);
  }

  /**
   * All of it, from the beginning: a string, or a Buffer of a BLOB.
   *
   * @throws UsageError `LEASE_RELEASED` when its session has been given back, or it was closed.
   */
  async read(): Promise<string | Buffer> {
    const pieces: (string | Buffer)[] = [];
    for await (const piece of this) pieces.push(piece);
    return this.type === 'BLOB' ? Buffer.concat(pieces as Buffer[]) : pieces.join('');
  }

  /**
   * Of the library, to be bound: as a value of another statement of the same session.
   *
   * @internal
   */
  get native(): NativeLob {
    if (this.#isClosed) throw detachedError('The LOB');
    return this.#native;
  }

  /** Each iteration reads it from its beginning. @throws UsageError `LEASE_RELEASED` as {@link read} does. */
  async *[Symbol.asyncIterator](): AsyncIterator<string | Buffer, undefined> {
    const size = pieceSize(this.#native.chunkSize);
    let held = '';
    for (let at = 0; at < this.length;) {
      if (this.#isClosed) throw detachedError('The LOB');
      const piece = await this.#read(at + 1, Math.min(size, this.length - at));
      if (piece === null || piece.length === 0) break;
      at += piece.length;
      if (typeof piece !== 'string') {
        yield piece;
        continue;
      }
      const text = held + piece;
      held = at < this.length && endsInside(text) ? text.slice(-1) : '';
      yield held === '' ? text : text.slice(0, -1);
    }
    return undefined;
  }

  #read(offset: number, amount: number): Promise<string | Buffer | null> {
    return this.#port.attachments.read(() => this.#port.call(() => this.#native.getData(offset, amount)));
  }

  /** Frees it at the server, with whatever is sent next. What ends the session, or gives it back, does so too. */
  close(): void {
    this.#port.attachments.delete(this);
    this.detach();
  }

  /** @internal */
  detach(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    void freeLob(this.#native);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}

export function isLob(value: unknown, { module }: Pick<OraclePort, 'module'>): value is NativeLob {
  return value instanceof module.Lob;
}

/** With whatever is sent next. Never rejects: what cannot be freed because the connection is gone is free. */
export async function freeLob(lob: NativeLob): Promise<void> {
  // It is a stream as well, and one that fails without a listener ends the process.
  lob.on('error', () => undefined);
  await lob.close().catch(() => undefined);
}

/** For the port's `decodeOson`. */
export function osonDecoder(client: OracleClientConnection): (bytes: Buffer) => unknown {
  return (bytes) => client.decodeOSON(bytes);
}

function isBytes({ type }: NativeLob): boolean {
  return type.num === ORACLE_TYPES.blob;
}

function pieceSize(chunk: number): number {
  if (!(chunk > 0) || chunk > PIECE) return PIECE;
  return PIECE - (PIECE % chunk);
}

/** A character of two UTF-16 units has its second one in the next piece. */
function endsInside(text: string): boolean {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff;
}
