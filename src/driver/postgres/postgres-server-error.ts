/**
 * An error as PostgreSQL's server sends it, and what of it may be shown. Called by postgres-errors.ts.
 * Invariant: no text that can hold a value (a literal, a key, an application's message) gets into a message of ours; it
 * stays on `cause`.
 */

/** The fields of an ErrorResponse, as `pg` and PGlite both give them (PostgreSQL manual, 53.8). */
export interface ServerError {
  readonly code: string;
  readonly severity: string;
  readonly message: string;
  readonly routine?: string;
  /** The context: which function called which. */
  readonly where?: string;
  readonly position?: string;
  readonly constraint?: string;
  readonly table?: string;
  readonly column?: string;
}

/** `severity` must be there: `/^[0-9A-Z]{5}$/` alone also matches Node's EPIPE, EPERM and EBUSY. */
export function isServerError(error: unknown): error is ServerError {
  if (typeof error !== 'object' || error === null) return false;
  const { code, severity, message } = error as Partial<Record<string, unknown>>;
  return (
    typeof code === 'string' &&
    /^[0-9A-Z]{5}$/.test(code) &&
    typeof severity === 'string' &&
    typeof message === 'string'
  );
}

export function isFatal(error: ServerError): boolean {
  return error.severity === 'FATAL' || error.severity === 'PANIC';
}

/** Class 28: user or password were not accepted (28P01), or the user may not log in, or is none (28000). */
export function isLoginRefusal(error: unknown): boolean {
  return isServerError(error) && error.code.startsWith('28');
}

/** Texts that name only objects of the schema may be shown; texts that can quote a value are replaced. */
export function describeRefusal(error: ServerError, reason: string): string {
  const state = `SQLSTATE ${error.code}`;
  // Our own words hold no value, and an apostrophe that is no quotation mark.
  if (reason === 'application' || isRaised(error)) return `${APPLICATION_TEXT} (${state}); its text is on cause`;
  if (reason === 'syntax') {
    const at = error.position === undefined ? '' : ` at character ${error.position}`;
    return `PostgreSQL could not accept the statement${at} (${state}): ${withoutValues(error.message)}`;
  }
  if (reason === 'data' || reason === 'internal' || reason === 'undefined-object')
    return `${namesOnly(error) ? error.message : withoutNumbers(withoutValues(error.message))} (${state})`;
  const isName =
    (reason === 'duplicate-object' && error.routine !== 'ReplicationSlotCreate') || reason === 'permission';
  return `${isName || error.position !== undefined ? error.message : withoutValues(error.message)} (${state})`;
}

/**
 * Where the server looks up names that stand in the statement as such. With a position alone a name may come from a literal
 * (`'…'::regclass`), and without one from a value (`select nextval($1)`).
 */
const NAME_LOOKUPS: ReadonlySet<string | undefined> = new Set([
  'parserOpenTable',
  'errorMissingColumn',
  'errorMissingRTE',
  'ParseFuncOrColumn',
  'op_error',
]);

function namesOnly({ code, position, routine }: ServerError): boolean {
  return code.startsWith('42') && position !== undefined && NAME_LOOKUPS.has(routine);
}

/** CockroachDB names keys in its serialization failures. */
export function describeTransactionEnd(error: ServerError, reason: string): string {
  return isRaised(error) ? describeRefusal(error, reason) : withoutValues(error.message);
}

const APPLICATION_TEXT = "the database's own code raised an error";

/** PL/pgSQL's RAISE may borrow any SQLSTATE, and its text is the application's. */
export function serverText(error: ServerError): string {
  return isRaised(error) ? `${APPLICATION_TEXT} (SQLSTATE ${error.code})` : error.message;
}

function isRaised({ routine }: ServerError): boolean {
  return routine === 'exec_stmt_raise';
}

export function describeConstraint(error: ServerError, reason: string): string {
  const name = error.constraint === undefined ? '' : ` "${error.constraint}"`;
  const column = error.column === undefined ? '' : ` of column "${error.column}"`;
  const table = error.table === undefined ? '' : ` on table "${error.table}"`;
  return `${reason} constraint${name}${column}${table} was violated (SQLSTATE ${error.code})`;
}

/** Of every language that PostgreSQL speaks: a German server writes »4711x«. */
const QUOTED = /["'`´«»‹›„“”‟‘’‚‛「」『』〝〞].*["'`´«»‹›„“”‟‘’‚‛「」『』〝〞]|["'`´«»‹›„“”‟‘’‚‛「」『』〝〞].*$/s;

/**
 * `invalid input syntax for type integer: "4711x"` → `… integer: …`: quoted parts can be values, and so can what follows a
 * colon. From the first quotation mark to the last, because a value may hold quotation marks of its own.
 */
function withoutValues(message: string): string {
  return message.replace(QUOTED, '"…"').replace(/([:：]).*$/s, '$1 …');
}

/** `large object 4711 does not exist`: numbers are values too, but for those of a type: `character varying(20)`. */
function withoutNumbers(message: string): string {
  return message.replace(/(?<![\w(,.])\d[\w.,]*/g, '…');
}
