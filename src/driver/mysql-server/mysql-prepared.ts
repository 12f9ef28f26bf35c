/**
 * The prepared statements of one session, most recently used last, closed at the server when they are too many. In the place of
 * the client libraries' own caches, which keep one of each text; `S` is a statement of theirs.
 *
 * More than one of a text, because MySQL (8.0.22 and later) gives a placeholder the type of the value that came first, where
 * nothing else says what it is (`json_array(?)`, `select ?`), and reads what comes later as that: after a number, the text 'xy'
 * is 0. So a run is given a statement that has seen values of the same kinds only. A null is a kind of its own, because the type of
 * `coalesce(?, 1)` hangs on it, except where its type changes nothing (mysql-lone-places.ts): rows with a null here and there
 * would all be prepared anew. MariaDB reads each run's values anew.
 * Refuses to know: client libraries, results.
 */
import { QueryError } from '../../errors/query-error.js';
import { STALE_STATEMENT_ERRNOS, TOO_MANY_STATEMENTS_ERRNO } from './mysql-errnos.js';
import type { Flavour } from './mysql-flavour.js';
import { lonePlaces } from './mysql-lone-places.js';
import { serverErrorOf } from './mysql-server-error.js';
import type { MysqlParameter } from './mysql-values.js';
import { MAX_INT64 } from './mysql-values.js';

/** What a client library has prepared. */
export interface Closable {
  /** Gives it back to the server; nobody waits for that. */
  close(): unknown;
}

interface Variant<S> {
  readonly statement: S;
  /** `undefined` where the server does not mind. */
  readonly kinds: Kinds | undefined;
}

type Kind = 'whole' | 'fraction' | 'huge' | 'text' | 'bytes' | 'date' | 'null';

/** For each placeholder of a text the kind of its value. */
export interface Kinds {
  readonly text: string;
  readonly each: Kind[];
  /** Where a null has no kind; read from the text when that is asked for the first time. */
  lone?: readonly boolean[];
}

/** Of one text, at most: a statement whose values come in more combinations is prepared anew now and then. */
const MAX_VARIANTS = 8;

export class PreparedStatements<S extends Closable> {
  readonly #limit: number;
  readonly #kept = new Map<string, Variant<S>[]>();
  #count = 0;
  /** The text that was used last. */
  #newest: string | undefined;

  /** `limit`: how many are kept; 0 closes each after its use. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Names of tables mean those of the database that was chosen when it was prepared. */
  static keyOf(database: string | undefined, text: string): string {
    return `${database ?? ''}|${text}`;
  }

  get(key: string, kinds: Kinds | undefined): S | undefined {
    const variants = this.#kept.get(key);
    if (variants === undefined) return undefined;
    const at = variants.findIndex((variant) => takes(variant.kinds, kinds));
    const found = variants[at];
    if (found === undefined) return undefined;
    if (at !== variants.length - 1) {
      variants.splice(at, 1);
      variants.push(found);
    }
    if (key !== this.#newest) this.#moveToEnd(key, variants);
    return found.statement;
  }

  add(key: string, statement: S, kinds: Kinds | undefined): void {
    if (this.#limit === 0) return;
    const variants = this.#kept.get(key) ?? [];
    this.#moveToEnd(key, variants);
    variants.push({ statement, kinds });
    this.#count += 1;
    if (variants.length > MAX_VARIANTS) this.#closeFirst(variants);
    this.#evict();
  }

  /** Its run has ended. */
  release(statement: S): void {
    if (this.#limit === 0) statement.close();
  }

  /** Those of this text are of no use any more. */
  drop(key: string): void {
    const variants = this.#kept.get(key) ?? [];
    while (variants.length > 0) this.#closeFirst(variants);
    this.#kept.delete(key);
  }

  /** Gives all of them back to the server. */
  closeAll(): void {
    for (const key of [...this.#kept.keys()]) this.drop(key);
  }

  /**
   * What an error says is in the way of the next run is dropped: a stale statement, or all, where the server holds too many.
   * `failed`: what had run. Of several runs in flight the first has dropped it, and what was prepared since is of use.
   */
  clearAfter(key: string, error: unknown, failed?: S): void {
    const errno = serverErrorOf(error)?.errno ?? 0;
    if (STALE_STATEMENT_ERRNOS.has(errno)) {
      if (failed === undefined || this.#holds(key, failed)) this.drop(key);
    } else if (errno === TOO_MANY_STATEMENTS_ERRNO) this.closeAll();
  }

  /** The server has forgotten them already. */
  forgetAll(): void {
    this.#kept.clear();
    this.#count = 0;
  }

  #holds(key: string, statement: S): boolean {
    return this.#kept.get(key)?.some((variant) => variant.statement === statement) === true;
  }

  #moveToEnd(key: string, variants: Variant<S>[]): void {
    this.#kept.delete(key);
    this.#kept.set(key, variants);
    this.#newest = key;
  }

  #evict(): void {
    for (const [key, variants] of this.#kept) {
      while (this.#count > this.#limit && variants.length > 0) this.#closeFirst(variants);
      if (variants.length === 0) this.#kept.delete(key);
      if (this.#count <= this.#limit) return;
    }
  }

  #closeFirst(variants: Variant<S>[]): void {
    variants.shift()?.statement.close();
    this.#count -= 1;
  }
}

/** What the clients send all the same: MySQL takes what it needs and drops the rest, and MariaDB reads what nobody has sent. */
export function wrongCountError(given: number, wanted: number): QueryError {
  const text = `the number of values (${given}) differs from the number of placeholders in the statement (${wanted})`;
  return new QueryError('statement-invalid', text, { outcome: 'not-applied', breaker: 'success' });
}

/** CALL and others may have done half of their work when an EXECUTE or a SIGNAL inside them raises one of these numbers. */
const ONE_STATEMENT: ReadonlySet<string> = new Set([
  ...['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'WITH', 'REPLACE', 'VALUES', 'TABLE'],
]);

/**
 * What the server itself says before it begins. A SIGNAL has another text, and an EXECUTE inside a procedure is "given to
 * EXECUTE". In another language (`lc_messages`) the last one is not known, and its error is left to the caller.
 * A SIGNAL that takes the server's state, number and text sends the same packet, and cannot be told apart. Then one statement is
 * sent again that its error has undone; only what a trigger did to tables without transactions is done twice.
 */
const NOT_BEGUN: ReadonlyMap<number, RegExp> = new Map([
  [1243, /\(\d+\).*\bmysqld?_stmt_(?:execute|precheck)\b/],
  [TOO_MANY_STATEMENTS_ERRNO, /\bmax_prepared_stmt_count\b/],
  [1615, /^Prepared statement needs to be re-prepared$/],
]);

/** Whether a statement that ended with this error was not begun, for want of what was prepared. `command` is in upper case. */
export function isNotBegun(command: string, error: unknown): boolean {
  const serverError = serverErrorOf(error);
  if (serverError === undefined || !ONE_STATEMENT.has(command)) return false;
  return NOT_BEGUN.get(serverError.errno)?.test(serverError.message) === true;
}

/** `undefined` where the server reads each run's values anew. */
export function kindsOf({ isMariaDb }: Flavour, text: string, values: readonly MysqlParameter[]): Kinds | undefined {
  return isMariaDb ? undefined : { text, each: values.map(kindOf) };
}

function kindOf(value: MysqlParameter): Kind {
  if (value === null) return 'null';
  switch (typeof value) {
    case 'bigint':
      return value > MAX_INT64 ? 'huge' : 'whole';
    case 'number':
      return 'fraction';
    case 'string':
      return 'text';
    default:
      return value instanceof Date ? 'date' : 'bytes';
  }
}

/** Where it does, the places that have seen nothing but null are decided by this run. */
function takes(known: Kinds | undefined, kinds: Kinds | undefined): boolean {
  if (known === undefined || kinds === undefined) return true;
  let isEqual = true;
  for (let at = 0; at < kinds.each.length; at += 1) {
    const [kind, before] = [kinds.each[at], known.each[at]];
    if (kind === before) continue;
    if ((kind !== 'null' && before !== 'null') || !isLone(known, at)) return false;
    isEqual = false;
  }
  if (!isEqual) for (const [at, kind] of kinds.each.entries()) if (kind !== 'null') known.each[at] = kind;
  return true;
}

function isLone(known: Kinds, at: number): boolean {
  known.lone ??= lonePlaces(known.text);
  return known.lone[at] === true;
}
