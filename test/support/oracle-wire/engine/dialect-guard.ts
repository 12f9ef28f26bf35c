/**
 * What PostgreSQL would take and Oracle would not: such a statement must fail here too, or a test would prove that it runs on
 * Oracle. It refuses the usual slips only; it is no grammar of Oracle's SQL.
 */
import { OraError } from '../backend.js';
import { isInFrom } from './rewrite-queries.js';
import type { Rewriter } from './rewriter.js';

const ended = (rewriter: Rewriter, index: number): OraError =>
  new OraError(933, 'SQL command not properly ended', rewriter.positionOf(index));

export function guardDialect(rewriter: Rewriter): void {
  const { version } = rewriter.options;
  for (let index = 0; index < rewriter.end; index++) {
    if (rewriter.is(index, ';')) throw ended(rewriter, index);
    // A cast of PostgreSQL's, or SELECT with nothing to select.
    const isEmpty = rewriter.is(index, 'SELECT') && rewriter.is(rewriter.next(index), 'FROM');
    if (rewriter.is(index, ':') || isEmpty) throw new OraError(936, 'missing expression', rewriter.positionOf(index));
    if (rewriter.is(index, '$', '`', '?'))
      throw new OraError(
        911,
        `invalid character after ${rewriter.text(Math.max(0, index - 1), index + 1)}`,
        rewriter.positionOf(index),
      );
    if (
      rewriter.is(index, 'LIMIT') &&
      isNumberOrBind(rewriter, rewriter.next(index)) &&
      !rewriter.is(rewriter.previous(index), '.', ',')
    ) {
      throw ended(rewriter, index);
    }
    if (rewriter.is(index, 'ILIKE') && rewriter.at(rewriter.next(index))?.kind === 'string')
      throw ended(rewriter, index);
    if (rewriter.is(index, 'AS') && isTableAlias(rewriter, index)) throw ended(rewriter, index);
    if (
      rewriter.is(index, 'RETURNING') &&
      rewriter.statement.kind === 'dml' &&
      rewriter.statement.returnBinds.size === 0
    ) {
      throw new OraError(925, 'missing INTO keyword', rewriter.positionOf(rewriter.end));
    }
    if (rewriter.is(index, 'CONFLICT') && rewriter.is(rewriter.previous(index), 'ON')) throw ended(rewriter, index);
  }
  if (version < 23) guardOlder(rewriter);
}

const isNumberOrBind = (rewriter: Rewriter, index: number): boolean => {
  const kind = rewriter.at(index)?.kind;
  return kind === 'number' || kind === 'bind';
};

/** FROM t AS x: Oracle has AS for columns only. */
function isTableAlias(rewriter: Rewriter, as: number): boolean {
  const before = rewriter.previous(as);
  const start = rewriter.is(before, ')') ? rewriter.open(before) : chainStart(rewriter, before);
  const lead = rewriter.previous(start);
  if (rewriter.is(rewriter.next(as), 'OF', 'SELECT', 'WITH', '(')) return false;
  return rewriter.is(lead, 'FROM', 'JOIN') || (rewriter.is(lead, ',') && isInFrom(rewriter, lead));
}

function chainStart(rewriter: Rewriter, last: number): number {
  let at = last;
  while (rewriter.is(rewriter.previous(at), '.')) at = rewriter.previous(rewriter.previous(at));
  return at;
}

/** What 23ai has brought: SELECT without FROM, several rows of VALUES, IF [NOT] EXISTS. */
function guardOlder(rewriter: Rewriter): void {
  for (let index = 0; index < rewriter.end; index++) {
    if (rewriter.is(index, 'SELECT') && rewriter.statement.kind !== 'ddl') {
      const end = rewriter.blockEnd(index, 'FROM', 'UNION', 'MINUS', 'INTERSECT');
      if (!rewriter.is(end, 'FROM'))
        throw new OraError(923, 'FROM keyword not found where expected', rewriter.positionOf(end));
    }
    const exists = rewriter.is(index, 'IF') && rewriter.is(rewriter.next(index), 'NOT', 'EXISTS');
    if (exists && rewriter.statement.kind === 'ddl') throw ended(rewriter, index);
    const row = rewriter.is(index, 'VALUES') ? rewriter.next(index) : -1;
    const behind = row >= 0 && rewriter.is(row, '(') ? rewriter.next(rewriter.close(row)) : -1;
    if (rewriter.is(behind, ',')) throw ended(rewriter, behind);
  }
}
