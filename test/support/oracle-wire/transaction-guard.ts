/**
 * Transaction Guard: every transaction has a logical id (LTXID), which the client is told ahead of it. After a lost answer
 * a new session asks DBMS_APP_CONT.GET_LTXID_OUTCOME whether it was committed; a question that is answered with no
 * forbids the commit for good. Commits are seen by the wire server itself, so that any backend has it.
 * Invariant: an answer stays true. A COMMIT that has begun cannot be forbidden any more, so a question waits for its end; also
 * where its session is gone, which may keep the backend busy for long after COMMIT was carried out (50 ms of cancelling).
 */
import { randomBytes } from 'node:crypto';
import type { BindSpec, SqlResult, SqlValue } from './backend.js';
import { OraError } from './backend.js';
import type { ParsedStatement } from './sql-scan.js';
import { T } from './values.js';

type Outcome = 'open' | 'committed' | 'forbidden';

const QUESTION = /DBMS_APP_CONT\s*\.\s*GET_LTXID_OUTCOME/i;
const LTXID_BYTES = 32;

export class TransactionGuard {
  readonly #outcomes = new Map<string, Outcome>();
  /** COMMITs that are being carried out; each settles when it has been, or has failed. */
  readonly #underWay = new Map<string, Promise<unknown>>();

  issue(): Buffer {
    const ltxid = randomBytes(LTXID_BYTES);
    this.#outcomes.set(keyOf(ltxid), 'open');
    return ltxid;
  }

  /**
   * Carries out `work`, which commits; what it rejects with has committed nothing. Throws ORA-14909, and does nothing, when
   * somebody was told that this would not be committed.
   */
  async commit<Value>(ltxid: Buffer, work: () => Promise<Value>): Promise<Value> {
    const key = keyOf(ltxid);
    if (this.#outcomes.get(key) === 'forbidden') {
      throw new OraError(
        14909,
        'Your session has been blocked from committing by another user with the same username.',
      );
    }
    const committed = this.#carryOut(key, work);
    this.#underWay.set(
      key,
      committed.catch(() => undefined),
    );
    return committed;
  }

  asks(statement: ParsedStatement): boolean {
    return statement.kind === 'plsql' && QUESTION.test(statement.sql);
  }

  /**
   * The first RAW bind is the id; the OUT binds, in order, are whether it was committed and whether its call had ended:
   * BOOLEAN, or 1 and 0 in a NUMBER, or `TRUE` and `FALSE` in a text. Throws ORA-14903 for an id of nobody.
   */
  async answer(binds: readonly BindSpec[], row: readonly (SqlValue | SqlValue[])[]): Promise<SqlResult> {
    const idAt = row.findIndex((value) => Buffer.isBuffer(value));
    const ltxid = row[idAt];
    const committed = await this.#settle(Buffer.isBuffer(ltxid) ? keyOf(ltxid) : '');
    return {
      outDirs: binds.map((_, index) => (index === idAt ? 'in' : 'out')),
      outValues: [binds.map((bind, index) => (index === idAt ? null : asBind(bind, committed)))],
    };
  }

  async #carryOut<Value>(key: string, work: () => Promise<Value>): Promise<Value> {
    try {
      const value = await work();
      this.#outcomes.set(key, 'committed');
      return value;
    } finally {
      this.#underWay.delete(key);
    }
  }

  /** Whether it was committed; if not, it never will be. */
  async #settle(key: string): Promise<boolean> {
    while (this.#underWay.has(key)) await this.#underWay.get(key);
    const outcome = this.#outcomes.get(key);
    if (outcome === undefined) throw new OraError(14903, 'corrupt logical transaction detected');
    if (outcome === 'open') this.#outcomes.set(key, 'forbidden');
    return outcome === 'committed';
  }
}

/** The ids of one session's transactions, one after the other; nothing at all without a guard. */
export class LogicalTransactions {
  readonly #guard: TransactionGuard | null;
  #current: Buffer | null = null;
  #isUntold = false;

  constructor(guard: TransactionGuard | null) {
    this.#guard = guard;
  }

  /** A new id: the client is told with the next answer. */
  begin(): void {
    if (this.#guard === null) return;
    this.#current = this.#guard.issue();
    this.#isUntold = true;
  }

  /** Around whatever commits. What it throws was not committed. */
  async committing<Value>(commits: boolean, work: () => Promise<Value>): Promise<Value> {
    if (this.#guard === null || this.#current === null || !commits) return work();
    const value = await this.#guard.commit(this.#current, work);
    this.begin();
    return value;
  }

  /** The id that the client is not told yet, once. */
  takeUntold(): Buffer | null {
    const untold = this.#isUntold ? this.#current : null;
    this.#isUntold = false;
    return untold;
  }
}

function asBind({ type }: BindSpec, value: boolean): SqlValue {
  if (type === T.BOOLEAN) return value;
  return type === T.NUMBER || type === T.INTEGER ? Number(value) : value ? 'TRUE' : 'FALSE';
}

function keyOf(ltxid: Buffer): string {
  return ltxid.toString('hex');
}
