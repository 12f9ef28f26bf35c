/**
 * An error as a MySQL or MariaDB server sends it, and what of it may be shown. Called by mysql-errors.ts.
 * Invariant: no text that can hold a value (a literal, a key, an application's message) gets into a message of ours; it
 * stays on `cause`.
 */
import type { ConstraintFacts } from '../../errors/query-error.js';

/** The fields of an ERR packet. */
export interface MysqlServerError {
  readonly errno: number;
  /** Five characters; empty where the server gave none (errors before the login). */
  readonly sqlState: string;
  readonly message: string;
}

/**
 * A number above 0 makes it one: system errors of Node carry negative numbers. mysql2 puts the number of what a server says
 * unasked (4031, the idle kick) into `code`, and gives no `errno`. The numbers 45001 to 45099 are those of the mariadb
 * connector itself, unless a state says that the server's SIGNAL took one.
 */
export function serverErrorOf(error: unknown): MysqlServerError | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { errno, code, sqlState, sqlMessage, message } = error as Partial<Record<string, unknown>>;
  const number = isErrno(errno) ? errno : code;
  if (!isErrno(number)) return undefined;
  const state = typeof sqlState === 'string' ? sqlState : '';
  if (number > 45_000 && number < 45_100 && !state.startsWith('45')) return undefined;
  const text = typeof sqlMessage === 'string' ? sqlMessage : typeof message === 'string' ? message : '';
  return { errno: number, sqlState: state, message: text };
}

function isErrno(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0;
}

/**
 * Raised by SIGNAL or RESIGNAL in the database's own code, or with a state that only such code uses. One that takes a number and
 * a state of the server's own sends the same packet, and is not known here.
 */
export function isSignalled({ errno, sqlState }: MysqlServerError): boolean {
  return errno === 1644 || sqlState.startsWith('45');
}

/** A name of the schema in quotation marks, or several with points between them. */
const NAME = "(?:'[^']*'|`[^`]*`)(?:\\.`[^`]*`)?";
const USER = `${NAME}(?:@${NAME})?`;

const form = (text: string): RegExp => new RegExp(`^${text.replaceAll('USER', USER).replaceAll('NAME', NAME)}$`);

/** What the servers say of objects and rights, in English: each of these texts holds names of the schema and nothing else. */
const NAMES_ONLY: ReadonlyMap<number, RegExp> = new Map([
  [1007, form("Can't create database NAME; database exists")],
  [1044, form('Access denied for user USER to database NAME')],
  [1049, form('Unknown database NAME')],
  [1050, form('Table NAME already exists')],
  [1051, form('Unknown table NAME')],
  [1054, form('Unknown column NAME in NAME')],
  [1060, form('Duplicate column name NAME')],
  [1061, form('Duplicate key name NAME')],
  [1072, form("Key column NAME doesn't exist in table")],
  [1091, form("Can't DROP (?:[A-Z ]+ )?NAME; check that (?:column/key|it) exists")],
  [1109, form('Unknown table NAME in [A-Z ]+')],
  [1142, form('[A-Z ,]+ command denied to user USER for table NAME')],
  [1143, form('[A-Z ,]+ command denied to user USER for column NAME in table NAME')],
  [1146, form("Table NAME doesn't exist")],
  [1193, form('Unknown system variable NAME')],
  [1227, form('Access denied; you need \\(at least one of\\) the [A-Z_, ]+ privilege\\(s\\) for this operation')],
  [1305, form('(?:FUNCTION|PROCEDURE|SAVEPOINT|PACKAGE|PACKAGE BODY) \\S+ does not exist')],
  [1370, form('[A-Za-z ,]+ command denied to user USER for routine NAME')],
  [1524, form('Plugin NAME is not loaded')],
]);

/** Texts that name only objects of the schema may be shown; texts that can quote a value are replaced. */
export function describeRefusal(error: MysqlServerError, reason: string): string {
  const { message } = error;
  const number = numberText(error);
  if (reason === 'application' || isSignalled(error)) {
    return `the database's own code raised an error (${number}); its text is on cause`;
  }
  if (reason === 'syntax') return `the server could not accept the statement (${number}): ${withoutValues(message)}`;
  const namesOnly = reason === 'undefined-object' || reason === 'duplicate-object' || reason === 'permission';
  if (!namesOnly) return `${withoutValues(message)} (${number})`;
  // The database's own code may have taken the number, and another language is not known.
  if (NAMES_ONLY.get(error.errno)?.test(message) !== true)
    return `the server refused the statement (${number}); its text is on cause`;
  return `${message} (${number})`;
}

/** What the servers say of connections and transactions, in English. The database's own code may take any of their numbers. */
const PLAIN_TEXTS: readonly RegExp[] = [
  form('Deadlock found when trying to get lock; try restarting transaction'),
  form('Lock wait timeout exceeded; try restarting transaction'),
  form('Statement aborted because lock\\(s\\) could not be acquired immediately and NOWAIT is set\\.'),
  form('Record has changed since last read in table NAME(?:; try restarting transaction)?'),
  form('Cannot execute statement in a READ ONLY transaction\\.?'),
  form('The (?:MySQL|MariaDB) server is running with the [a-z_-]+ option so it cannot execute this statement'),
  form('Too many connections'),
  form(
    'User NAME (?:already has more than|has exceeded the) NAME (?:active connections|resource \\(current value: \\d+\\))',
  ),
  form(
    'Host NAME is (?:blocked because of many connection errors.*|not allowed to connect to this (?:MySQL|MariaDB) server)',
  ),
  form('Unknown database NAME'),
  form('Server shutdown in progress'),
  form('Connection was killed'),
  form('The client was disconnected by the server because of inactivity\\. See wait_timeout and [a-z_ ]+\\.'),
];

export function describeServer(error: MysqlServerError): string {
  const { message } = error;
  if (PLAIN_TEXTS.some((known) => known.test(message))) return `${withoutValues(message)} (${numberText(error)})`;
  return `the server answered with an error (${numberText(error)}); its text is on cause`;
}

/** Of a login. Proxies say the same in front of it. */
const LOGIN_REFUSED = form('(?:ProxySQL Error: )?Access denied for user USER(?: \\(using password: (?:YES|NO)\\))?');

export function describeLoginRefusal(error: MysqlServerError): string {
  const { message, errno } = error;
  return LOGIN_REFUSED.test(message) ? `${message} (error ${errno})` : describeServer(error);
}

export function describeConstraint(error: MysqlServerError, reason: string, facts: ConstraintFacts): string {
  const name = facts.constraint === undefined ? '' : ` "${facts.constraint}"`;
  const column = facts.column === undefined ? '' : ` of column "${facts.column}"`;
  const table = facts.table === undefined ? '' : ` on table "${facts.table}"`;
  return `${reason} constraint${name}${column}${table} was violated (${numberText(error)})`;
}

/** Where the text says it in English; `lc_messages` may have it say it in another language, and then they are not known. */
export function constraintFacts({ errno, message }: MysqlServerError): ConstraintFacts {
  switch (errno) {
    case 1062:
    case 1586:
      return uniqueFacts(/^Duplicate entry '.*' for key '([^']+)'$/s.exec(message)?.[1]);
    case 1022:
      return { table: /^Can't write; duplicate key in table '([^']+)'$/.exec(message)?.[1] };
    case 1048:
      return { column: /^Column '([^']+)'/.exec(message)?.[1] };
    case 1364:
      return { column: /^Field '([^']+)'/.exec(message)?.[1] };
    case 3819:
      return { constraint: /^Check constraint '([^']+)'/.exec(message)?.[1] };
    case 4025: {
      const [, constraint, table] = /^CONSTRAINT `([^`]+)` failed for `[^`]*`\.`([^`]+)`/.exec(message) ?? [];
      // Of a column's own CHECK the name is `table.column`.
      return { constraint, table };
    }
    default: {
      // What quotes a row before the parenthesis (1761) is another text.
      const [, table, constraint] = /^[^'`"]*\(`[^`]*`\.`([^`]+)`, CONSTRAINT `([^`]+)`/.exec(message) ?? [];
      return { table, constraint };
    }
  }
}

/** MySQL puts the table before the key, MariaDB does not: `users.email`, `email`. */
function uniqueFacts(key: string | undefined): ConstraintFacts {
  if (key === undefined) return {};
  const at = key.indexOf('.');
  return at === -1 ? { constraint: key } : { table: key.slice(0, at), constraint: key.slice(at + 1) };
}

function numberText({ errno, sqlState }: MysqlServerError): string {
  return sqlState === '' ? `error ${errno}` : `error ${errno}, SQLSTATE ${sqlState}`;
}

/** Of every language that the servers speak. */
const QUOTED = /["'`´«»‹›„“”‟‘’‚‛].*["'`´«»‹›„“”‟‘’‚‛]|["'`´«»‹›„“”‟‘’‚‛].*$/s;

/**
 * `Incorrect integer value: '4711x' for column 'n' at row 1` → `Incorrect integer value: …`: quoted parts can be values, and so can
 * what follows a colon. From the first quotation mark to the last, because a value may hold quotation marks of its own.
 */
function withoutValues(message: string): string {
  // The apostrophe of "doesn't" is no quotation mark.
  return message
    .replace(/n't\b/g, 'n not')
    .replace(QUOTED, '"…"')
    .replace(/([:：]).*$/s, '$1 …');
}
