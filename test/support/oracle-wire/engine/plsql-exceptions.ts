/** PL/SQL's exceptions: which errors their names mean, what RAISE raises, and where it happened. */
import { OraError } from '../backend.js';
import { lineOf } from './plsql-syntax.js';
import type { Handler } from './plsql-tree.js';
import type { Scope } from './plsql-values.js';

/** What a handler calls an error. */
const EXCEPTIONS: Readonly<Record<string, readonly number[]>> = {
  NO_DATA_FOUND: [1403],
  TOO_MANY_ROWS: [1422],
  DUP_VAL_ON_INDEX: [1],
  ZERO_DIVIDE: [1476],
  VALUE_ERROR: [6502],
  INVALID_NUMBER: [1722],
  INVALID_CURSOR: [1001],
  TIMEOUT_ON_RESOURCE: [51],
};
/** A user's exception without a number. */
export const USER_EXCEPTION = 6510;
/** They end the call, whatever its handlers say. */
export const UNSTOPPABLE: ReadonlySet<number> = new Set([28, 1013, 3113]);

export function handles({ names }: Handler, { code }: OraError, scope: Scope): boolean {
  return names.some(
    (name) => name === 'OTHERS' || scope.codeOf(name) === code || (EXCEPTIONS[name]?.includes(code) ?? false),
  );
}

/** RAISE, with the error of the handler it stands in. */
export function raised(name: string | undefined, scope: Scope, current: OraError | undefined): OraError {
  if (name === undefined) {
    const outside = 'PLS-00367: a RAISE statement with no exception name must be inside an exception handler';
    return current ?? new OraError(6550, `line 1, column 1:\n${outside}`);
  }
  const code = scope.codeOf(name) ?? EXCEPTIONS[name]?.[0] ?? USER_EXCEPTION;
  const text = code === USER_EXCEPTION ? 'PL/SQL: unhandled user-defined exception' : `exception ${name} raised`;
  return new OraError(code, text);
}

/** With the line where it happened, once. */
export function located(error: unknown, source: string, offset: number): unknown {
  if (!(error instanceof OraError) || UNSTOPPABLE.has(error.code) || error.message.includes('ORA-06512')) return error;
  return new OraError(error.code, `${error.message}\nORA-06512: at line ${lineOf(source, offset)}`, error.position);
}
