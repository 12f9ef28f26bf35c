/**
 * The numbers of MySQL's and MariaDB's errors, and what each means for the caller, the connection and the breaker: data only,
 * read by mysql-errors.ts. Sources: MySQL manual, "Server Error Message Reference"; MariaDB, "Error Codes"; the verdicts are
 * the project's survey of 2026, tried on MySQL 9.7 and MariaDB 10.11.
 *
 * By number, never by name: client libraries carry the names of one of the two servers, and the other uses the same numbers
 * for something else (4025 is a CHECK in MariaDB, and an InnoDB option in mysql2's table).
 *
 * `when` an attempt may be repeated: `always` = proved not applied; `tx` = by running the whole transaction again (an
 * autocommit statement counts as one); `lost` = the connection went away, see `lostConnection`; `fix` = after a repair;
 * `unknown` = nobody can tell; `never`.
 */
import type { ConnectionErrorReason } from '../../errors/connection-error.js';
import type { BreakerVerdict, Siblings } from '../../errors/fluxor-error.js';
import type { ConstraintErrorReason, QueryErrorReason, TransactionErrorReason } from '../../errors/query-error.js';
import { SLOW_RETRY_MS } from '../node-errors.js';

export type ErrnoKind =
  | { readonly kind: 'connection'; readonly reason: ConnectionErrorReason }
  /** Of a login; in an open session the same number is a missing right. */
  | { readonly kind: 'auth' }
  | { readonly kind: 'query'; readonly reason: QueryErrorReason }
  | { readonly kind: 'constraint'; readonly reason: ConstraintErrorReason }
  | { readonly kind: 'transaction'; readonly reason: TransactionErrorReason }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'unknown-outcome' };

export interface ErrnoRow {
  readonly is: ErrnoKind;
  readonly when: 'always' | 'tx' | 'lost' | 'fix' | 'unknown' | 'never';
  readonly breaker: BreakerVerdict;
  /** The connection must be destroyed, or is already gone. */
  readonly kill: boolean;
  readonly siblings?: Siblings;
  /** Another attempt makes no sense before. */
  readonly retryAfterMs?: number;
}

type More = Pick<ErrnoRow, 'siblings' | 'retryAfterMs'>;
const VALIDATE: More = { siblings: 'validate' };
const EVICT: More = { siblings: 'evict' };
/** What is short now (memory, places, locks) is still short in a tenth of a second. */
const SLOW: More = { retryAfterMs: SLOW_RETRY_MS };

const connection = (reason: ConnectionErrorReason): ErrnoKind => ({ kind: 'connection', reason });
const query = (reason: QueryErrorReason): ErrnoKind => ({ kind: 'query', reason });
const constraint = (reason: ConstraintErrorReason): ErrnoKind => ({ kind: 'constraint', reason });
const transaction = (reason: TransactionErrorReason): ErrnoKind => ({ kind: 'transaction', reason });

/** F, S, I: how the breaker counts; `!` marks numbers that end the connection. */
type Verdict = 'F' | 'S' | 'I' | 'F!' | 'S!' | 'I!';
const BREAKER = { F: 'failure', S: 'success', I: 'ignore' } as const;

function makeRow(is: ErrnoKind, when: ErrnoRow['when'], verdict: Verdict, more: More = {}): ErrnoRow {
  const breaker = BREAKER[verdict[0] as keyof typeof BREAKER];
  return { is, when, breaker, kill: verdict.endsWith('!'), ...more };
}

function rows(
  numbers: string,
  is: ErrnoKind,
  when: ErrnoRow['when'],
  verdict: Verdict,
  more: More = {},
): [number, ErrnoRow][] {
  const row = makeRow(is, when, verdict, more);
  return numbers.split(' ').map((number) => [Number(number), row]);
}

/** The server itself cannot tell, or its word proves nothing. */
export const UNKNOWN_OUTCOME: ErrnoRow = makeRow({ kind: 'unknown-outcome' }, 'unknown', 'F!');

export const ERRNOS: ReadonlyMap<number, ErrnoRow> = new Map([
  ...rows('1040 1203 1135', connection('too-many-connections'), 'always', 'F!', SLOW),
  // Of a statement; at connect mysql-errors.ts makes it one of the above.
  ...rows('1226', query('resource'), 'never', 'S'),
  ...rows('1042 1043 1081 1152 1154 1155 1156 1157 1158 1159 1160 1161 1184', connection('lost'), 'lost', 'F!'),
  ...rows('1153', query('data'), 'never', 'S!'),
  ...rows('1044 1045 1130 1251 1524 1698 1820 1862 3118 4151', { kind: 'auth' }, 'never', 'F!'),
  ...rows('1129', connection('refused'), 'never', 'F!'),
  ...rows('1049', connection('unknown-database'), 'never', 'F!'),
  ...rows('1053 3032 3168', connection('shutting-down'), 'lost', 'F!', VALIDATE),
  ...rows('1927 3169', connection('lost'), 'lost', 'F!', VALIDATE),
  ...rows('4031', connection('idle-timeout'), 'always', 'I!'),
  ...rows('1205 3572', transaction('lock-timeout'), 'tx', 'S'),
  ...rows('1213 1614', transaction('deadlock'), 'tx', 'S'),
  ...rows('1020 1412 1613 1689 3058 3101', transaction('serialization'), 'tx', 'S'),
  ...rows('1206 1637', query('resource'), 'tx', 'F', SLOW),
  ...rows('1180 3100', { kind: 'unknown-outcome' }, 'unknown', 'F!'),
  ...rows('1615 1243', query('statement-invalid'), 'fix', 'S'),
  // Of all sessions together: somebody does not close theirs.
  ...rows('1461', query('resource'), 'fix', 'S'),
  ...rows('1290 1836 1223', transaction('read-only'), 'always', 'I!', EVICT),
  ...rows('1792', transaction('read-only'), 'always', 'I!', EVICT),
  ...rows('3024 1969', { kind: 'timeout' }, 'tx', 'F'),
  ...rows('1317', { kind: 'cancelled' }, 'never', 'I'),
  ...rows('1062 1586 1022 1169', constraint('unique'), 'never', 'S'),
  ...rows('1216 1217 1451 1452 1557 1761 1762', constraint('foreign-key'), 'never', 'S'),
  ...rows('1048 1364 1263', constraint('not-null'), 'never', 'S'),
  ...rows('3819 4025', constraint('check'), 'never', 'S'),
  ...rows('1264 1265 1292 1365 1366 1406 1411 1690 3140', query('data'), 'never', 'S'),
  ...rows('1064 1065 1149 1052 1055 1136 1210', query('syntax'), 'never', 'S'),
  ...rows('1146 1051 1054 1305 1072 1091 1193', query('undefined-object'), 'never', 'S'),
  ...rows('1050 1060 1061 1007', query('duplicate-object'), 'never', 'S'),
  ...rows('1142 1143 1227 1370 1410', query('permission'), 'never', 'S'),
  // It was lost with a reset, or never chosen.
  ...rows('1046', query('object-state'), 'never', 'S'),
  ...rows('1568 1399 1400 1568', transaction('invalid-state'), 'never', 'S'),
  ...rows('1021 1030 1037 1038 1041 1114 1878', query('resource'), 'tx', 'F', SLOW),
  ...rows('1105', connection('protocol'), 'lost', 'F!'),
  ...rows('1644', query('application'), 'never', 'S'),
  ...rows('9001', connection('too-many-connections'), 'always', 'F', SLOW),
  // Codes of libmysqlclient, which neither client library for Node makes: a proxy built on it may pass them on.
  ...rows('2002 2003 2005', connection('refused'), 'always', 'F!'),
  ...rows('2006 2013 2055', connection('lost'), 'lost', 'F!'),
]);

/** By SQLSTATE, for numbers without a row: the whole state, or its class, which is its first two characters. */
const SQLSTATES: ReadonlyMap<string, ErrnoRow> = new Map<string, ErrnoRow>([
  ['40001', makeRow(transaction('serialization'), 'tx', 'S')],
  ['42S02', makeRow(query('undefined-object'), 'never', 'S')],
  ['42S22', makeRow(query('undefined-object'), 'never', 'S')],
  ['42S01', makeRow(query('duplicate-object'), 'never', 'S')],
  ['42S21', makeRow(query('duplicate-object'), 'never', 'S')],
  ['08', makeRow(connection('lost'), 'lost', 'F!')],
  ['0A', makeRow(query('syntax'), 'never', 'S')],
  ['21', makeRow(query('data'), 'never', 'S')],
  ['22', makeRow(query('data'), 'never', 'S')],
  ['23', makeRow(constraint('check'), 'never', 'S')],
  ['24', makeRow(query('statement-invalid'), 'never', 'S')],
  ['25', makeRow(transaction('invalid-state'), 'never', 'S')],
  ['28', makeRow({ kind: 'auth' }, 'never', 'F!')],
  ['40', makeRow(transaction('serialization'), 'tx', 'S')],
  ['42', makeRow(query('syntax'), 'never', 'S')],
  ['45', makeRow(query('application'), 'never', 'S')],
  ['70', makeRow({ kind: 'cancelled' }, 'never', 'I')],
]);

export function findErrno(errno: number, sqlState: string): ErrnoRow | undefined {
  return ERRNOS.get(errno) ?? SQLSTATES.get(sqlState) ?? SQLSTATES.get(sqlState.slice(0, 2));
}

/** Kinds of which a COMMIT that ends with one was not carried out. A resource may have run short in the middle of it. */
const NOT_COMMITTED: ReadonlySet<ErrnoKind['kind']> = new Set(['constraint', 'transaction', 'timeout', 'cancelled']);

/** Whether the table says of a COMMIT that ended with this error that it was undone; a class of states says so of 40 only. */
export function provesRollback({ errno, sqlState }: { readonly errno: number; readonly sqlState: string }): boolean {
  const row = ERRNOS.get(errno);
  if (row === undefined) return sqlState.startsWith('40');
  if (row.when === 'always' || TRANSACTION_ENDING_ERRNOS.has(errno)) return true;
  if (row.is.kind === 'query') return row.is.reason !== 'resource';
  return NOT_COMMITTED.has(row.is.kind);
}

/**
 * Files, engines and logs that have failed, or run out of space or memory. Of a write that commits by itself these may come from its
 * COMMIT, as 1180 and 3100 do.
 */
const WRITE_FAILURES: ReadonlySet<number> = new Set([
  1002, 1003, 1015, 1021, 1023, 1024, 1025, 1026, 1030, 1037, 1041, 1114, 1181, 1296, 1297, 1878,
]);

/** Below it are the numbers of the server's file layer, which passes some on as they are (3: error writing a file). */
const FIRST_SERVER_ERRNO = 1_000;

/** Whether an autocommit write that ended with it may have been kept. */
export function isWriteFailure(errno: number): boolean {
  return errno < FIRST_SERVER_ERRNO || WRITE_FAILURES.has(errno);
}

/** The statement has lost what was prepared for it, or outgrown it: prepared anew it runs. */
export const STALE_STATEMENT_ERRNOS: ReadonlySet<number> = new Set([1615, 1243]);

/** The server holds as many prepared statements as it may (`max_prepared_stmt_count`, of all sessions together). */
export const TOO_MANY_STATEMENTS_ERRNO = 1461;

/** User or password were not accepted. */
const LOGIN_REFUSALS: ReadonlySet<number> = new Set([1045, 1698, 1862]);

export function isLoginRefusalErrno(errno: number): boolean {
  return LOGIN_REFUSALS.has(errno);
}

/**
 * After these the whole transaction is gone, and what comes next would commit by itself. For clients that cannot ask the server;
 * the status in its next answer is the better word (1205 ends it or not, as innodb_rollback_on_timeout says).
 */
export const TRANSACTION_ENDING_ERRNOS: ReadonlySet<number> = new Set([1213, 1020, 1206, 1613, 1614, 1637, 3101]);
