/**
 * The statements of one transaction that commit without being called COMMIT: definitions and procedures, on databases where they
 * do. Kept by transaction-control.ts, which asks at every end whether what it believes to be undone may have been kept.
 *
 * Of a definition the server's state tells: it commits first, and then there is no transaction any more. A program (CALL) may have
 * begun another one. So a savepoint is set before it: where that is still there afterwards, nothing was committed.
 * Invariant: as long as a statement is suspected, nothing of the transaction counts as undone.
 */
import type { OwnCommit, TransactionStatements } from '../driver/driver.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { Dialect } from '../sql/dialect.js';
import { shapeOf } from './transaction-failures.js';

/** The savepoint before a program. */
const WITNESS = 'fluxor_witness';

/** Runs a statement of the transaction's own. */
type Say = (text: string) => Promise<unknown>;

interface Suspect {
  readonly text: string;
  readonly kind: OwnCommit;
  /** How many savepoints the transaction had had by then. */
  readonly savepoints: number;
}

export class OwnCommits {
  readonly #words: TransactionStatements;
  readonly #dialect: Dialect;
  /** Under way, or ended without a proof that it has committed nothing. */
  #suspect: Suspect | undefined;
  /** It has committed. */
  #found: string | undefined;

  constructor(words: TransactionStatements, dialect: Dialect) {
    this.#words = words;
    this.#dialect = dialect;
  }

  kindOf(text: string): OwnCommit | undefined {
    return this.#words.commitsByItself?.(text);
  }

  get hasFound(): boolean {
    return this.#found !== undefined;
  }

  /** Something of the transaction has been kept, or may have been. */
  get mayHaveKept(): boolean {
    return this.#found !== undefined || this.#suspect !== undefined;
  }

  /** Why the transaction is not what its handle was; with the statement's shape. `undefined` where nothing of the kind has happened. */
  get reason(): string | undefined {
    if (this.#found !== undefined) return `was committed by the statement itself: ${this.#shapeOf(this.#found)}`;
    if (this.#suspect === undefined) return undefined;
    return `may have been committed by a statement of it: ${this.#shapeOf(this.#suspect.text)}`;
  }

  /** About to be sent, after `savepoints` savepoints. Whatever `say` sends for it goes out before this returns. */
  begin(text: string, kind: OwnCommit, savepoints: number, say: Say): void {
    // One savepoint proves it for all that come after it.
    if (kind === 'program' && this.#suspect?.kind !== 'program') {
      say(this.#words.witness?.set ?? this.#words.savepoint(WITNESS)).catch(() => {
        // Then the release finds nothing, and the program stays suspected.
      });
    }
    this.#suspect ??= { text, kind, savepoints };
  }

  /** The server's state proves that there was no COMMIT. Of a program that is no proof. */
  clear(): void {
    if (this.#suspect?.kind !== 'program') this.#suspect = undefined;
  }

  /** A savepoint is there that was made after `savepoints` others: nothing was committed since. */
  clearSince(savepoints: number): void {
    if (this.#suspect !== undefined && this.#suspect.savepoints >= savepoints) this.#suspect = undefined;
  }

  /** It was not sent. */
  forget(text: string): void {
    if (this.#suspect?.text === text) this.#suspect = undefined;
  }

  /** The transaction is over, and only by `text` can it have been committed. */
  find(text: string): void {
    this.#found ??= text;
  }

  /** Asks for the savepoint, where it matters. Never rejects: without an answer the program stays suspected. */
  async settle(say: Say): Promise<void> {
    const suspect = this.#suspect;
    if (suspect?.kind !== 'program') return;
    try {
      await say(this.#words.witness?.check ?? this.#words.releaseSavepoint(WITNESS));
      if (this.#suspect === suspect) this.#suspect = undefined;
    } catch (error) {
      if (isFluxorError(error, 'TRANSACTION') && error.reason === 'invalid-state') this.#found ??= suspect.text;
    }
  }

  /** Lets an error of the transaction say that what came before it was kept, or may have been. */
  tell(error: FluxorError): void {
    const { reason } = this;
    if (reason === undefined) return;
    const { breaker, isConnectionFatal } = error;
    const outcome = this.#found === undefined || error.outcome === 'unknown' ? 'unknown' : 'applied';
    // Of one that says so already only the outcome was about its own statement.
    if (error.message.includes(reason))
      return error.overrule({ decision: 'never', outcome, breaker, isConnectionFatal });
    if (outcome === 'unknown') error.raiseOutcome(outcome);
    error.noteKept(`what came before it in its transaction ${reason}`, 'never');
  }

  #shapeOf(text: string): string {
    return shapeOf(this.#dialect, text);
  }
}
