/**
 * Oracle's transactions on PostgreSQL's: they begin by themselves with the first change, and a statement that fails undoes
 * itself alone. PostgreSQL fails the whole transaction, so that a savepoint always stands in front of the next statement.
 * Invariant: while a transaction is open, the savepoint `ora_stmt` exists; it is moved only when something has been changed
 * or locked since, so a query costs one round trip and a change two, which travel together.
 */
import { OraError } from '../backend.js';
import { EngineError } from './pg-link.js';
import type { EngineResult, PgLink } from './pg-link.js';

const MARK = 'SAVEPOINT ora_stmt';
const MOVE = `RELEASE SAVEPOINT ora_stmt; ${MARK}`;
const UNDO = 'ROLLBACK TO SAVEPOINT ora_stmt';
const CANCELLED = '57014';

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
  readonly #link: PgLink;
  /** What a rollback has taken away from the session has to be set again. */
  readonly #onUndone: () => Promise<void>;
  #isOpen = false;
  #isDirty = false;

  constructor(link: PgLink, onUndone: () => Promise<void>) {
    this.#link = link;
    this.#onUndone = onUndone;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** `mode` is what BEGIN takes; nothing happens where one is open. */
  async begin(mode = ''): Promise<void> {
    if (this.#isOpen) return;
    await this.#link.query(`BEGIN${mode}; ${MARK}`);
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
    await this.#finish('ROLLBACK');
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
        const code = error instanceof EngineError ? error.server.code : undefined;
        // A cancel that came late.
        if (code === CANCELLED && attempt < 3) continue;
        // The session has been ended, or a cancel came between the two halves of a move: the transaction is lost.
        this.#isOpen = false;
        if (code !== undefined) await this.#link.query('ROLLBACK').catch(() => undefined);
        return;
      }
    }
  }

  async #finish(verb: string): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.isReadOnly = false;
    await this.#link.query(verb);
  }
}

const savepointName = (name: string): string => `"sp_${name.toLowerCase().replaceAll('"', '')}"`;
