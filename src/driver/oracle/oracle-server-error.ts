/**
 * An error with an ORA number, wherever the client library has put it, and what of its text may be shown. Called by
 * oracle-errors.ts.
 * Invariant: no text that can hold a value gets into a message of ours; it stays on `cause`. From 23ai on the server writes
 * values into its texts, quoted, in parentheses or bare: "row with column values (ID:5) already exists", "value 12345 greater
 * than specified precision". So only texts whose form is known to hold names are shown, and all else is said in our own words.
 */
import type { ConstraintFacts } from '../../errors/query-error.js';
import { WRAPPERS } from './oracle-codes.js';

export interface OracleServerError {
  /** Of a PL/SQL block that does not compile: a name is missing, and not the grammar wrong. */
  readonly isNameMissing: boolean;
  /** That of the first line that says what happened; wrappers are passed over. */
  readonly number: number;
  /** The wrappers before it. */
  readonly wrappers: readonly number[];
  /** Its first line, without the number. May hold values. */
  readonly text: string;
  /** Where in the statement, counted from 1; absent where the server did not say. */
  readonly position?: number;
}

/** Whose message carries the number of the listener, the server or the network, which the library gives nowhere else. */
const CARRIERS: ReadonlySet<unknown> = new Set(['NJS-500', 'NJS-511', 'NJS-513', 'NJS-533']);

/** The listener's number that the library has replaced with a number of its own. */
const REPLACED: ReadonlyMap<unknown, number> = new Map([
  ['NJS-518', 12_514],
  ['NJS-519', 12_505],
]);

/**
 * `errorNum` first; then the number that the library has translated or carries in its text; then the number in `code`, as
 * errors of a batch have none of their own and begin with it.
 */
export function serverErrorOf(error: unknown): OracleServerError | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { errorNum, code, message: given, offset } = error as Partial<Record<string, unknown>>;
  const message = typeof given === 'string' ? given : '';
  const number = numberOf(errorNum, code, message);
  if (number === undefined) return undefined;
  const lines = linesOf(message);
  const from = Math.max(
    0,
    lines.findIndex((line) => line.number === number),
  );
  const primary = WRAPPERS.has(number) ? lines.slice(from).find((line) => !WRAPPERS.has(line.number)) : undefined;
  const wrappers = WRAPPERS.has(number) ? wrappersBefore(lines.slice(from), number) : [];
  const text = (primary ?? lines.find((line) => line.number === number))?.text ?? '';
  const position = typeof offset === 'number' && offset > 0 ? { position: offset + 1 } : {};
  return { isNameMissing: NAME_MISSING.test(message), number: primary?.number ?? number, wrappers, text, ...position };
}

/** "identifier 'X' must be declared"; "table or view does not exist", which PL/SQL quotes. */
const NAME_MISSING = /^(?:PLS-00201:|PL\/SQL: ORA-00942:|PL\/SQL: ORA-00904:|PL\/SQL: ORA-02289:)/m;

function numberOf(errorNum: unknown, code: unknown, message: string): number | undefined {
  if (typeof errorNum === 'number' && Number.isInteger(errorNum) && errorNum > 0) return errorNum;
  const replaced = REPLACED.get(code);
  if (replaced !== undefined) return replaced;
  if (CARRIERS.has(code)) return firstNumber(message, /(?:: |\bby )ORA-(\d+)/);
  if (typeof code === 'string' && code.startsWith('ORA-')) return firstNumber(code, /^ORA-(\d+)$/);
  return code === undefined ? firstNumber(message, /^ORA-(\d+):/) : undefined;
}

function firstNumber(text: string, form: RegExp): number | undefined {
  const number = Number(form.exec(text)?.[1] ?? 0);
  return number > 0 ? number : undefined;
}

interface Line {
  readonly number: number;
  readonly text: string;
}

/** `ORA-00001: unique constraint …` → 1 and the rest; lines of other kinds belong to the one before. */
function linesOf(message: string): Line[] {
  return [...message.matchAll(/^ORA-(\d+):[ \t]*(.*)$/gm)].map(([, number, text = '']) => ({
    number: Number(number),
    text: text.trim(),
  }));
}

function wrappersBefore(lines: readonly Line[], number: number): number[] {
  const end = lines.findIndex((line) => !WRAPPERS.has(line.number));
  const found = lines.slice(0, end === -1 ? undefined : end).map((line) => line.number);
  return found.length === 0 ? [number] : found;
}

/** `ORA-00001`, five digits as Oracle writes it. */
export function oraName(number: number): string {
  return `ORA-${String(number).padStart(5, '0')}`;
}

const NAME = '"[^"]+"';
const NAMES = `${NAME}(?:\\.${NAME})*`;

const form = (text: string): RegExp => new RegExp(`^${text.replaceAll('NAMES', NAMES)}$`);

/** What the servers say, in English, in forms that hold names of the statement and the schema and nothing else. */
const NAMES_ONLY: ReadonlyMap<number, RegExp> = new Map([
  [904, form('NAMES: invalid identifier')],
  [942, form('table or view (?:NAMES )?does not exist')],
  [955, form('name is already used by an existing object')],
  [1031, form('insufficient privileges')],
  [1418, form('specified index does not exist')],
  [2289, form('sequence (?:NAMES )?does not exist')],
  [4043, form('object [A-Za-z0-9_$#."]+ does not exist')],
  [12899, form('value too large for column NAMES \\(actual: \\d+, maximum: \\d+\\)')],
  [54, form('resource busy and acquire with NOWAIT specified or timeout expired')],
  [60, form('deadlock detected while waiting for resource')],
]);

/** Our own words, where the server's may hold a value. */
const WORDS: ReadonlyMap<number, string> = new Map([
  [1000, 'the session has as many open cursors as it may: result sets are not closed'],
  [1403, 'a SELECT INTO found no row'],
  [1422, 'a SELECT INTO found more than one row'],
  [1426, 'a number is out of range'],
  [1427, 'a subquery found more than one row'],
  [1438, 'a number has more digits than its column holds'],
  [1476, 'division by zero'],
  [1722, 'a text that should be a number is none'],
  [6502, 'a value does not fit a variable of PL/SQL'],
]);

const REASONS: Readonly<Record<string, string>> = {
  application: "the database's own code raised an error",
  data: 'a value was refused',
  'undefined-object': 'there is no such object, or no right to see it',
  'duplicate-object': 'an object of that name exists already',
  permission: 'the user may not do that',
  'statement-invalid': 'the statement and what it stands on do not fit together any more',
  resource: 'the server ran out of a resource',
  'object-state': 'an object is not in the state that the statement needs',
  internal: 'the server reports an error of its own',
  deadlock: 'a deadlock was found, and the statement undone; the transaction has to be rolled back',
  serialization: 'the transaction met changes of others, and has to be run again',
  'lock-timeout': 'a lock was not to be had in time',
  aborted: 'the transaction was rolled back',
  'read-only': 'the database, or the transaction, takes no writes',
  'invalid-state': 'the transaction is not in the state that the statement needs',
};

/** What the server refused, and where, without a value. */
export function describeRefusal(error: OracleServerError, reason: string): string {
  const { number, text, position } = error;
  const name = oraName(number);
  if (NAMES_ONLY.get(number)?.test(text) === true) return `${text} (${name})`;
  if (reason === 'syntax') {
    const at = position === undefined ? '' : ` at character ${position}`;
    return `Oracle could not accept the statement${at} (${name}); its text is on cause`;
  }
  const isDate = reason === 'data' && number >= 1_830 && number <= 1_899;
  const words = isDate ? 'a date or time is none' : (WORDS.get(number) ?? REASONS[reason] ?? 'the server refused it');
  return `${words} (${name}); its text is on cause`;
}

export function describeConstraint(error: OracleServerError, reason: string, facts: ConstraintFacts): string {
  const name = facts.constraint === undefined ? '' : ` "${facts.constraint}"`;
  const column = facts.column === undefined ? '' : ` of column "${facts.column}"`;
  const table = facts.table === undefined ? '' : ` on table "${facts.table}"`;
  return `${reason} constraint${name}${column}${table} was violated (${oraName(error.number)})`;
}

/**
 * Where the text says it, in any language: `(SCHEMA.CONSTRAINT)`, from 23ai on with the table and its columns behind it;
 * `("SCHEMA"."TABLE"."COLUMN")` of NOT NULL. The schema is left out; of several columns none is the one.
 */
export function constraintFacts({ number, text }: OracleServerError): ConstraintFacts {
  if (number === 1400 || number === 1407) {
    const [, table, column] = /\("[^"]+"\."([^"]+)"\."([^"]+)"\)/.exec(text) ?? [];
    return { table, column };
  }
  const [, constraint] = /^[^()"']*\([^().]+\.([^()]+)\)/.exec(text) ?? [];
  if (constraint === undefined) return {};
  const [, table, columns] = /\) violated on table [^().\s]+\.([^()\s]+) columns \(([^()]+)\)/.exec(text) ?? [];
  return { constraint, table, column: columns?.includes(',') === true ? undefined : columns };
}
