/**
 * When an error means that a prepared statement is to be prepared again, because the server has lost it, has another under
 * its name, or prepared it for a table that looks different now. Asked only for errors that came
 * before BindComplete: up to there nothing is carried out.
 * `routine`, the C function that raised the error, is used in the place of the message, which may be translated.
 */
import type { ServerError } from './postgres-server-error.js';
import { isServerError } from './postgres-server-error.js';

/** Raised whatever the statement's age: 26000 does not exist (a pooler, DEALLOCATE), 42P05 exists already (a pooler). */
const MISPLACED: ReadonlySet<string> = new Set(['26000', '42P05']);

/**
 * Raised also by a user's own mistake; they mean "outgrown" only where the statement had been prepared earlier: its
 * parameters keep the types that the columns had then. Assigned or compared with a column of another type now, cast to
 * one (42846), or written in the old type's form, which the new value is not.
 */
const OUTGROWN: ReadonlySet<string> = new Set(['42804', '42883', '42846', '22P02', '22P03', '22003', '22007', '22008']);

/** "cached plan must not change result type": a plain 0A000 says that something is not supported. */
const CHANGED_RESULT = { code: '0A000', routine: 'RevalidateCachedQuery' } as const;

/** `wasPreparedBefore`: not by the very call that failed. */
export function isStaleStatement(error: unknown, wasPreparedBefore: boolean): boolean {
  if (!isServerError(error) || isFromInside(error)) return false;
  const { code, routine } = error;
  if (MISPLACED.has(code)) return true;
  if (code === CHANGED_RESULT.code) return routine === CHANGED_RESULT.routine;
  return wasPreparedBefore && OUTGROWN.has(code);
}

/**
 * Raised while the statement ran, by a function that it called: that may have done something no rollback undoes. The
 * context of a parameter that could not be read names the parameter (`portal parameter $1`), in every language.
 */
function isFromInside({ where }: ServerError): boolean {
  return where !== undefined && !where.includes('$');
}
