/**
 * What the contract says in the dialect of the database it runs on: the same questions, written as that database reads them,
 * and the facts in which databases differ by meaning. words-postgres.ts and words-mysql.ts are the dialects.
 * Invariant: a difference is either a phrase of this file, or a fact of it with an assertion for both of its values. The
 * contract files name no database.
 */
import type { IsolationLevel, Row, Sql } from 'fluxor-db';
import { sql } from 'fluxor-db';
import type { PoolerLimit } from './pooler-limits.js';

/** How a value comes back to JavaScript: as a `number`, a `bigint` or a `string`. */
export type ValueType = 'int' | 'bigint' | 'text';

/** Asked of a table with a statement and its values; `rows` is what comes back each time. */
export interface Repeated {
  readonly text: string;
  readonly params: readonly unknown[];
  readonly rows: readonly Row[];
  readonly columns: number;
}

/** What a borrower can leave in its session; `look` answers one value, `left` where it is there. */
export interface Trace {
  readonly leave: string;
  readonly look: string;
  readonly left: unknown;
  /** The limit of a pooler that leaves it where it was made (pooler-limits.ts). */
  readonly limit?: PoolerLimit;
}

/** The native codes that the contract waits for: SQLSTATEs in PostgreSQL, errnos in MySQL and MariaDB. */
export interface NativeCodes {
  readonly cancelled: unknown;
  readonly division: unknown;
  readonly limit: unknown;
  readonly syntax: unknown;
  readonly undefinedTable: unknown;
}

/** In which the databases differ by meaning. Each has an assertion for both values. */
export interface WordFacts {
  /** A failed statement fails its transaction: nothing but a rollback can follow. Otherwise only the statement is undone. */
  readonly errorsEndTransaction: boolean;
  /** A statement that defines something commits what was open, and cannot be rolled back. */
  readonly definitionsCommit: boolean;
  /** A constraint can wait for COMMIT. */
  readonly defersConstraints: boolean;
  /** INSERT answers rows. */
  readonly hasReturning: boolean;
  /** Parameters and columns can be arrays. */
  readonly hasArrays: boolean;
  /** A text with nothing in it is a statement. */
  readonly takesEmptyText: boolean;
  /** What is set inside a transaction ends with it. */
  readonly settingsEndWithTransaction: boolean;
  /** Rows that are read one page after the other keep everything else in their transaction waiting. */
  readonly cursorsHoldTransaction: boolean;
  /** A session that is ended says why with its last words. */
  readonly saysWhyItEnds: boolean;
  /** What breaks a foreign key is told with the table that it was to be written into. */
  readonly tellsReferencingTable: boolean;
  /** A database that is not known may be known a moment later: the server begins to listen before it has all of them. */
  readonly learnsOfDatabases: boolean;
  /** Whatever a session has been left with can be undone; otherwise `reset` rejects, and the session is of no more use. */
  readonly undoesEverything: boolean;
}

/** The phrases and the facts of one dialect. */
export interface Words {
  readonly facts: WordFacts;
  readonly codes: NativeCodes;
  /** The database's own number of an error, as `codes` has them. */
  readonly codeOf: (native: unknown) => unknown;
  /** SQLSTATEs of the errors that the runtime's contract asks for, where the database has them. */
  readonly sqlStates: {
    readonly division: string | undefined;
    readonly undefinedTable: string | undefined;
    readonly noNumber: string | undefined;
  };
  /** Run once before everything else. */
  readonly setup: readonly string[];

  placeholder(position: number): string;
  cast(expression: string, type: ValueType): string;
  readonly types: Readonly<Record<ValueType, { readonly type: string; readonly typeId: number }>>;
  /** How a column is declared whose values are numbers, or texts. */
  readonly columns: { readonly int: string; readonly text: string };
  /** What `count(*)` answers for so many. */
  count(rows: number): unknown;
  /** How a decimal number comes back that was written so, with all the digits that its column has behind the point. */
  decimal(written: string): unknown;
  /** How the database keeps a name that was written without quotes. */
  kept(name: string): string;
  /** A name that only quotes can write. */
  readonly oddName: string;
  /** For FROM: the numbers from 1 to `last`, 100,000 at most, in the column `i`, in their order. */
  series(last: string): string;
  /** 10 divided by it, an error where it is 0. */
  tenOver(expression: string): string;
  /** As a text of any length. */
  large(expression: string): string;
  /** A longer text made of it. */
  hash(expression: string): string;

  /** Waits, if nobody stops it; `marker` is a name that no other running statement has. */
  sleep(seconds: string, marker: string): string;
  /** The names of the sessions (`sessionId`) that sleep in a statement with this word: what else it reads has been read by then. */
  running(marker: string): string;
  /** An expression: the server's name for the session that asks, a number or a text. */
  readonly sessionId: string;
  /** How many sessions have this name: one, or none. */
  sessionsOf(id: string): string;
  endSession(id: string): string;
  cancelSession(id: string): string;

  /** Begin a transaction. `command` is the verb. */
  readonly begin: { readonly text: string; readonly command: string; readonly readOnly: string };
  /** A table that is this session's alone. */
  temporaryTable(
    name: string,
    columns: string,
  ): { readonly name: string; readonly create: string; readonly drop: string };
  /**
   * What is said about a transaction from inside it: `[isolation, read only, deferrable]`, the last two `'on'` or `'off'`. `ask`
   * answers the rows of a statement as arrays. Outside, where the database says nothing then, `undefined`.
   */
  showTransaction(ask: (text: string) => Promise<readonly unknown[]>): Promise<unknown>;
  /** The level that a transaction has which was asked for this one; absent where each is one of its own. */
  readonly levels?: Partial<Readonly<Record<IsolationLevel, IsolationLevel>>>;
  /** A transaction that is begun to read sees one moment throughout, whatever its level. */
  readonly readsAtOneMoment?: boolean;
  readonly defaultIsolation: 'read committed' | 'repeatable read';
  /** After a column's REFERENCES; empty where constraints cannot be deferred. */
  readonly deferred: string;
  /** An error for which the whole transaction is worth repeating, with its reason. */
  readonly contention: { readonly text: string; readonly reason: string };

  /** Neither reads nor changes anything. `command` is its verb. */
  readonly harmless: { readonly text: string; readonly command: string };
  /** What changes rows of `executor_items (id, name, parent, score)`, which has the ids 1 to 5; with how many. */
  readonly changes: readonly (readonly [text: string, rowsAffected: number])[];
  /** A statement with one parameter, which must be a number. */
  readonly refusesNoNumber: string;
  /** Values that go in and come out as they are. */
  readonly values: { readonly text: string; readonly params: readonly unknown[]; readonly row: Row };
  /** A JSON value of one parameter, which is its text. */
  readonly jsonValue: string;
  /** Values for one parameter of the type text, and how the database writes them. */
  readonly written: readonly (readonly [value: unknown, text: unknown])[];
  /** Texts with one placeholder that nothing else gives a type, in turn with such values, and what they answer. */
  readonly untyped: readonly (readonly [
    text: string,
    rounds: readonly (readonly [value: unknown, answer: unknown])[],
  ])[];
  /** About `statement_rows (id, name)`. */
  readonly repeated: readonly Repeated[];
  /** Statements for the type of the column `v`: text, then 64-bit integers. */
  changeType(table: string): { readonly toText: readonly string[]; readonly toBigint: readonly string[] };
  /** How many statements the server has prepared for the runtime; absent where names are the client library's matter. */
  readonly namedStatements?: string;
  /** What could make a session lose what it has prepared. */
  readonly unsettling: readonly string[];

  /** A setting of a session: `look` answers `value` after `set`. */
  readonly setting: {
    readonly set: string;
    readonly toDefault: string;
    readonly byFunction: string;
    readonly look: string;
    readonly value: unknown;
  };
  readonly timeZone: { readonly set: string; readonly look: string; readonly utc: string };
  /** For the driver's option `settings`. */
  readonly startSetting: {
    readonly settings: Readonly<Record<string, string>>;
    readonly look: string;
    readonly value: unknown;
  };
  /** The server's limit for statements; absent where the client library keeps it, and only its effect is seen. */
  readonly limit?: { readonly look: string; shown(ms: number): unknown };
  readonly traces: readonly Trace[];
  /** What the traces need, and what takes it away again. */
  readonly traceSetup: readonly string[];
  readonly traceTeardown: readonly string[];
}

/** A parameter of a type. */
export const param = (words: Words, position: number, type: ValueType): string =>
  words.cast(words.placeholder(position), type);

/** In a template, a value of a type; the template writes the placeholder itself, between the pieces of the cast. */
export function typed(words: Words, value: unknown, type: ValueType): Sql {
  const [before = '', after = ''] = words.cast('|', type).split('|');
  return sql`${sql.raw(before)}${value}${sql.raw(after)}`;
}

/** A number that comes back as a `number`, whatever the database makes of its digits. */
export const int = (words: Words, value: number): string => words.cast(String(value), 'int');

/** Three rows `(id, name)`, the last name is NULL. */
export const threeRows = (words: Words): string =>
  `select * from (select ${int(words, 1)} as id, 'a' as name union all select ${int(words, 2)}, 'b'
     union all select ${int(words, 3)}, null) t`;

/** After SELECT and its columns: no row. */
export const NO_ROW = 'from (select 1 as x) one where x = 2';

/** How many rows a table has, as a `number`. */
export const countOf = (words: Words, table: string): string => `select ${words.cast('count(*)', 'int')} from ${table}`;

/** For `showTransaction`: the last of these answers one row about the transaction, or none. */
export const showBy =
  (...texts: readonly string[]): Words['showTransaction'] =>
  async (ask) => {
    let rows: readonly unknown[] = [];
    for (const text of texts) rows = await ask(text);
    return rows[0];
  };

/** What `showTransaction` answers in a transaction that was begun so. */
export function shownOf(words: Words, isolation: IsolationLevel, readOnly = false): readonly string[] {
  const level = words.levels?.[isolation] ?? isolation;
  const shown = readOnly && words.readsAtOneMoment === true ? 'serializable' : level;
  return [shown, readOnly ? 'on' : 'off', 'off'];
}
