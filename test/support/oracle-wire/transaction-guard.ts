/**
 * Transaction Guard: every transaction has a logical id (LTXID), which the client is told ahead of it. After a lost answer
 * a new session asks DBMS_APP_CONT.GET_LTXID_OUTCOME whether it was committed; a question that is answered with no
 * forbids the commit for good. Commits are seen by the wire server itself, so that any backend has it.
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

  issue(): Buffer {
    const ltxid = randomBytes(LTXID_BYTES);
    this.#outcomes.set(keyOf(ltxid), 'open');
    return ltxid;
  }

  /** Throws ORA-14909 when somebody was told that this would not be committed. */
  assertMayCommit(ltxid: Buffer): void {
    if (this.#outcomes.get(keyOf(ltxid)) === 'forbidden') {
      throw new OraError(
        14909,
        'Your session has been blocked from committing by another user with the same username.',
      );
    }
  }

  committed(ltxid: Buffer): void {
    this.#outcomes.set(keyOf(ltxid), 'committed');
  }

  asks(statement: ParsedStatement): boolean {
    return statement.kind === 'plsql' && QUESTION.test(statement.sql);
  }

  /**
   * The first RAW bind is the id; the OUT binds, in order, are whether it was committed and whether its call had ended:
   * BOOLEAN, or 1 and 0 in a NUMBER, or `TRUE` and `FALSE` in a text. Throws ORA-14903 for an id of nobody.
   */
  answer(binds: readonly BindSpec[], row: readonly (SqlValue | SqlValue[])[]): SqlResult {
    const idAt = row.findIndex((value) => Buffer.isBuffer(value));
    const ltxid = row[idAt];
    const outcome = Buffer.isBuffer(ltxid) ? this.#outcomes.get(keyOf(ltxid)) : undefined;
    if (outcome === undefined) throw new OraError(14903, 'corrupt logical transaction detected');
    if (outcome === 'open') this.#outcomes.set(keyOf(ltxid as Buffer), 'forbidden');
    const committed = outcome === 'committed';
    return {
      outDirs: binds.map((_, index) => (index === idAt ? 'in' : 'out')),
      outValues: [binds.map((bind, index) => (index === idAt ? null : asBind(bind, committed)))],
    };
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
    this.#guard.assertMayCommit(this.#current);
    const value = await work();
    this.#guard.committed(this.#current);
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
