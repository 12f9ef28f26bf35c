/**
 * Oracle's SQL in, PostgreSQL's out: the passes and the rules of the translation in their order. The session calls it with a
 * statement that is no PL/SQL block and no control of sessions or transactions.
 */
import type { ParsedStatement } from '../sql-scan.js';
import { guardDialect } from './dialect-guard.js';
import { deleteFrom, lockTable, mergeActions, returningInto } from './rewrite-changes.js';
import { definitions } from './rewrite-definitions.js';
import {
  concatenated,
  dottedNames,
  functionCalls,
  literals,
  pseudoColumns,
  qualifiedNames,
  rowidValues,
} from './rewrite-expressions.js';
import {
  connectBy,
  forUpdate,
  inlineViews,
  limitByRownum,
  nameColumns,
  rowLimits,
  rownum,
  setOperators,
} from './rewrite-queries.js';
import { castTypes } from './rewrite-types.js';
import { Rewriter } from './rewriter.js';
import type { Rule, Translated, TranslateOptions } from './rewriter.js';

const RULES: readonly Rule[] = [
  inlineViews,
  rowLimits,
  rowidValues,
  dottedNames,
  qualifiedNames,
  literals,
  concatenated,
  forUpdate,
  connectBy,
  rownum,
  deleteFrom,
  mergeActions,
  lockTable,
  functionCalls,
  pseudoColumns,
  setOperators,
];

export function translate(statement: ParsedStatement, options: TranslateOptions): Translated {
  const rewriter = new Rewriter(statement, options, RULES);
  guardDialect(rewriter);
  castTypes(rewriter);
  if (statement.kind === 'ddl') definitions(rewriter);
  else {
    if (statement.kind === 'query') nameColumns(rewriter);
    limitByRownum(rewriter);
    returningInto(rewriter);
  }
  return rewriter.write();
}
