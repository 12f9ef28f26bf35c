/**
 * Oracle's transactions on PostgreSQL's: they begin by themselves with the first change, and a statement that fails undoes
 * itself alone. PostgreSQL fails the whole transaction, so that a savepoint always stands in front of the next statement.
 * Invariant: while a transaction is open, the savepoint `ora_stmt` exists; it is moved only when something has been changed
 * or locked since, so a query costs one round trip and a change two, which travel together. And when none is open here, none is
 * open at PostgreSQL, whatever a late cancel has hit: BEGIN, COMMIT and ROLLBACK can be cancelled there, too.
 */
import { OraError } from '../backend.js';
import { EngineError } from './pg-link.js';
import type { EngineResult, PgLink } from './pg-link.js';

const MARK = 'SAVEPOINT ora_stmt';
const MOVE = `RELEASE SAVEPOINT ora_stmt; ${MARK}`;
const UNDO = 'ROLLBACK TO SAVEPOINT ora_stmt';
const CANCELLED = '57014';
/** That come late for one call. */
const MOST_CANCELS = 3;

export type Params = readonly (string | null)[];

export interface Run {
  /** Of a prepared statement. */
  readonly name?: string | undefined;
  /** It may change or lock something. */
  readonly changes?: boolean;
}

export class EngineTransaction {
  /** SET TRANSACTION READ ONLY. */
  isReadOnly = false;
  readonly #link: Pick<PgLink, 'query'>;
  /** What a rollback has taken away from the session has to be set again. */
  readonly #onUndone: () => Promise<void>;
  #isOpen = false;
  #isDirty = false;

  constructor(link: Pick<PgLink, 'query'>, onUndone: () => Promise<void>) {
    this.#link = link;
    this.#onUndone = onUndone;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** `mode` is what BEGIN takes; nothing happens where one is open. */
  async begin(mode = ''): Promise<void> {
    if (this.#isOpen) return;
    // Cancelled between the two it is open, and has failed.
    await this.#orEnd(`BEGIN${mode}; ${MARK}`);
    this.#isOpen = true;
    this.#isDirty = false;
    this.isReadOnly = mode.includes('READ ONLY');
  }

  /** One statement, undone alone where it fails. */
  async run(text: string, params: Params = [], { name, changes = false }: Run = {}): Promise<EngineResult> {
    if (!this.#isOpen) return this.#link.query(text, params, name);
    const [outcome] = await this.#together([() => this.#link.query(text, params, name)], changes);
    return outcome as EngineResult;
  }

  /**
   * The same change with many sets of values, all on their way together. Answers how many of the first went well; those are
   * in the transaction, unless one failed: then none is.
   */
  async runAll(
    text: string,
    sets: readonly Params[],
    name: string,
  ): Promise<{ results: EngineResult[]; failure?: unknown }> {
    const results: EngineResult[] = [];
    try {
      const all = sets.map((params) => async () => {
        const result = await this.#link.query(text, params, name);
        results.push(result);
        return result;
      });
      await this.#together(all, true);
      return { results };
    } catch (failure) {
      return { results, failure };
    }
  }

  /** A constraint that waited makes COMMIT fail; the transaction is over all the same. */
  async commit(): Promise<void> {
    await this.#finish('COMMIT');
  }

  async rollback(): Promise<void> {
    if (!this.#isOpen) return;
    // Cancelled, it is done again.
    await this.#finish('ROLLBACK').catch(ignoreCancel);
    await this.#onUndone();
  }

  async savepoint(name: string): Promise<void> {
    await this.begin();
    await this.#link.query(`RELEASE SAVEPOINT ora_stmt; SAVEPOINT ${savepointName(name)}; ${MARK}`);
    this.#isDirty = false;
  }

  async rollbackTo(name: string): Promise<void> {
    const unknown = new OraError(
      1086,
      `savepoint '${name.toUpperCase()}' never established in this session or is invalid`,
    );
    if (!this.#isOpen) throw unknown;
    await this.#move();
    try {
      await this.#link.query(`ROLLBACK TO SAVEPOINT ${savepointName(name)}; ${MARK}`);
    } catch {
      await this.#link.query(UNDO);
      throw unknown;
    }
    await this.#onUndone();
  }

  /** Statements that are sent at once: the first to fail undoes all of them. */
  async #together(statements: readonly (() => Promise<unknown>)[], changes: boolean): Promise<unknown[]> {
    const before = this.#isDirty ? [this.#move()] : [];
    const outcomes = await Promise.allSettled([...before, ...statements.map((send) => send())]);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed === undefined) {
      this.#isDirty ||= changes;
      return outcomes
        .slice(before.length)
        .map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : undefined));
    }
    await this.#undo();
    throw failed.reason;
  }

  async #move(): Promise<void> {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    await this.#link.query(MOVE);
  }

  async #undo(): Promise<void> {
    this.#isDirty = false;
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#link.query(UNDO);
        return;
      } catch (error) {
        // A cancel that came late.
        if (isCancelled(error) && attempt < MOST_CANCELS) continue;
        // The session has been ended, or a cancel came between the two halves of a move: the transaction is lost.
        this.#isOpen = false;
        await this.#end();
        return;
      }
    }
  }

  async #finish(verb: string): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.isReadOnly = false;
    await this.#orEnd(verb);
  }

  /** What it fails with leaves no transaction. */
  async #orEnd(text: string): Promise<void> {
    try {
      await this.#link.query(text);
    } catch (error) {
      await this.#end();
      throw error;
    }
  }

  /** Where none is open, ROLLBACK does nothing. */
  async #end(): Promise<void> {
    for (let attempt = 0; attempt <= MOST_CANCELS; attempt++) {
      const failure = await this.#link.query('ROLLBACK').then(
        () => undefined,
        (error: unknown) => error,
      );
      if (!isCancelled(failure)) return;
    }
  }
}

function ignoreCancel(error: unknown): void {
  if (!isCancelled(error)) throw error;
}

function isCancelled(error: unknown): boolean {
  return error instanceof EngineError && error.server.code === CANCELLED;
}

const savepointName = (name: string): string => `"sp_${name.toLowerCase().replaceAll('"', '')}"`;
