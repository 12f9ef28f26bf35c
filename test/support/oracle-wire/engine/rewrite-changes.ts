/**
 * INSERT, UPDATE, DELETE, MERGE and LOCK TABLE. RETURNING … INTO becomes PostgreSQL's RETURNING, whose rows the session puts
 * into the binds; a MERGE's conditions move from behind its actions to in front of them.
 */
import { OraError } from '../backend.js';
import type { Rewriter, Rule } from './rewriter.js';

/** RETURNING a, b INTO :x, :y: the binds are not for the server. */
export function returningInto(rewriter: Rewriter): void {
  if (rewriter.statement.returnBinds.size === 0) return;
  const returning = rewriter.find(0, rewriter.end, 'RETURNING', 'RETURN');
  if (returning < 0) return;
  rewriter.replace(returning, 'RETURNING');
  const into = rewriter.find(returning, rewriter.end, 'INTO');
  if (into >= 0) rewriter.drop(into, rewriter.end);
}

/** DELETE t, without FROM. */
export const deleteFrom: Rule = (rewriter, index) => {
  if (!rewriter.is(index, 'DELETE') || rewriter.previous(index) >= 0 || rewriter.is(rewriter.next(index), 'FROM'))
    return undefined;
  rewriter.put('DELETE FROM', index);
  return index;
};

/**
 * WHEN MATCHED THEN UPDATE SET … WHERE c → WHEN MATCHED AND (c) THEN UPDATE SET …; and no column that is changed has its
 * table in front of it.
 */
export const mergeActions: Rule = (rewriter, index) => {
  if (
    rewriter.statement.verb !== 'MERGE' ||
    !rewriter.is(index, 'THEN') ||
    !rewriter.is(rewriter.previous(index), 'MATCHED')
  )
    return undefined;
  const nextWhen = rewriter.find(index + 1, rewriter.end, 'WHEN');
  const end = nextWhen < 0 ? rewriter.end : nextWhen;
  const removal = rewriter.find(index + 1, end, 'DELETE');
  if (removal >= 0) throw new OraError(3001, 'unimplemented feature: MERGE with DELETE', rewriter.positionOf(removal));
  const where = rewriter.find(index + 1, end, 'WHERE');
  if (where >= 0) {
    rewriter.put('AND (', index);
    rewriter.emit(where + 1, end);
    rewriter.put(') ', index);
  }
  rewriter.put('THEN ', index);
  mergeAction(rewriter, rewriter.next(index), where < 0 ? end : where);
  rewriter.put(' ', index);
  return end - 1;
};

function mergeAction(rewriter: Rewriter, from: number, end: number): void {
  const set = rewriter.find(from, end, 'SET');
  const columns = rewriter.next(from);
  if (rewriter.is(from, 'INSERT') && rewriter.is(columns, '(')) {
    rewriter.put('INSERT (', from);
    for (const [position, [start, stop]] of rewriter.arguments(columns).entries()) {
      if (position > 0) rewriter.put(', ', from);
      rewriter.putToken(rewriter.chain(rewriter.solid(start)).at(-1) ?? start);
      if (start >= stop) break;
    }
    rewriter.put(')', from);
    return rewriter.emit(rewriter.close(columns) + 1, end);
  }
  if (set < 0) return rewriter.emit(from, end);
  rewriter.emit(from, set + 1);
  for (const [position, [start, stop]] of rewriter.split(set + 1, end).entries()) {
    rewriter.put(position > 0 ? ', ' : ' ', start);
    const chain = rewriter.chain(rewriter.solid(start));
    rewriter.emit(chain.at(-1) ?? start, stop);
  }
}

/** LOCK TABLE t IN … MODE [NOWAIT | WAIT n]. */
export const lockTable: Rule = (rewriter, index) => {
  if (rewriter.statement.kind !== 'lock') return undefined;
  if (rewriter.is(index, 'WAIT')) {
    rewriter.lockTimeoutMs = Math.max(1, Number(rewriter.at(rewriter.next(index))?.value) * 1_000);
    return rewriter.next(index);
  }
  const share = rewriter.sequence(index, 'SHARE', 'UPDATE');
  if (share < 0) return undefined;
  rewriter.put('ROW SHARE', index);
  return share;
};
