/**
 * What hangs on one session and was given to a caller: LOBs above the limit, REF CURSORs and implicit results that have more rows.
 * They read through the connection of their session, and so are good for as long as the caller has it. One for each connection.
 *
 * Invariant: after `detach` nothing of before reads through the connection any more, whoever has it by then.
 */
import { UsageError } from '../../errors/usage-error.js';
import type { AttachedReads } from './oracle-attached-reads.js';

/** What is told to free what it holds at the server, and to read no more. Must not throw, nor wait for the server. */
export interface Attached {
  detach(): void;
}

export class OracleAttachments {
  readonly #open = new Set<Attached>();
  readonly #reads: Pick<AttachedReads, 'run'>;

  constructor(reads: Pick<AttachedReads, 'run'>) {
    this.#reads = reads;
  }

  /** Something is open: the session is not to be lent to somebody else as it is. */
  get isOpen(): boolean {
    return this.#open.size > 0;
  }

  add(attached: Attached): void {
    this.#open.add(attached);
  }

  /** A caller reads on. @throws FluxorError */
  read<T>(read: () => Promise<T>): Promise<T> {
    return this.#reads.run(read);
  }

  /** It has ended by itself. */
  delete(attached: Attached): void {
    this.#open.delete(attached);
  }

  /** The session goes to somebody else, or is gone. */
  detach(): void {
    const open = [...this.#open];
    this.#open.clear();
    for (const attached of open) attached.detach();
  }
}

/** `what` begins the sentence: "The LOB", "The cursor". */
export function detachedError(what: string): UsageError {
  const text = `${what} is read through the session that it came from, and that has been given back; read it in db.use() or in a transaction`;
  return new UsageError('LEASE_RELEASED', text);
}
