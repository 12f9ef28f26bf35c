/**
 * What is under way through one handle of a transaction: statements and pages of streams in flight or waiting for their turn,
 * and the inner transaction. Whoever wants to commit asks here first: what nobody awaited would become part of the transaction by chance,
 * and its error would reach nobody.
 * Invariant: a piece of work has left before its caller hears of its end, so work that was awaited is never found here.
 * Refuses to know what the work does.
 */
import type { Statement } from './executor.js';

/** Work whose caller has no answer yet. */
export interface Pending {
  /** What was sent; `'savepoint'` for an inner transaction. */
  readonly what: { readonly sql: Statement<unknown> } | 'savepoint';
  /** What is under way through the handle of the inner transaction. */
  readonly inner: PendingWork | undefined;
  /** What the caller was given. */
  answer: Promise<unknown> | undefined;
}

export class PendingWork {
  readonly #pending = new Set<Pending>();
  #isExcused = false;

  get isEmpty(): boolean {
    return this.#pending.size === 0;
  }

  /** In the order in which they were sent. */
  list(): Pending[] {
    return [...this.#pending];
  }

  /** Answers what `work` answers; until then it is under way. */
  follow<T>(work: Promise<T>, what: Pending['what'], inner?: PendingWork): Promise<T> {
    const pending: Pending = { what, inner, answer: undefined };
    this.#pending.add(pending);
    const answer = this.#leaveAfter(work, pending);
    pending.answer = answer;
    if (this.#isExcused) excuse(pending);
    return answer;
  }

  /**
   * The transaction tells of what is under way, or is undone for another reason: a rejection that nobody hears must not end
   * the process as well. Whoever awaits it later gets it all the same. It holds for what comes later too: that is refused, and
   * most of it is sent by what was under way.
   */
  excuse(): void {
    this.#isExcused = true;
    for (const pending of this.#pending) excuse(pending);
  }

  /** An async function and not `then`, so that the stack of an error leads on to the line that sent the statement. */
  async #leaveAfter<T>(work: Promise<T>, pending: Pending): Promise<T> {
    try {
      return await work;
    } finally {
      this.#pending.delete(pending);
    }
  }
}

function excuse({ answer, inner }: Pending): void {
  answer?.catch(() => undefined);
  inner?.excuse();
}
