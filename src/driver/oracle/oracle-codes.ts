/**
 * The ORA numbers, and what each means for the caller, the connection and the breaker: data only, read by oracle-errors.ts.
 * Sources: Oracle's "Database Error Messages"; the lists of dead sessions in the client libraries; the verdicts are the
 * project's survey of 2026. No Oracle Database was at hand: what is here was tried with the real client library on a wire server.
 *
 * `when` an attempt may be repeated: `always` = proved not applied; `tx` = by running the whole transaction again (an
 * autocommit statement counts as one); `lost` = the connection went away, see `lostConnection`; `fix` = after a repair;
 * `unknown` = nobody can tell; `never`. The library's `isRecoverable` means "ask for the outcome first", and is not used.
 */
import type { ConnectionErrorReason } from '../../errors/connection-error.js';
import type { BreakerVerdict, Siblings } from '../../errors/fluxor-error.js';
import type { ConstraintErrorReason, QueryErrorReason, TransactionErrorReason } from '../../errors/query-error.js';
import { SLOW_RETRY_MS } from '../node-errors.js';

export type OraKind =
  | { readonly kind: 'connection'; readonly reason: ConnectionErrorReason }
  /** Of a login; in an open session the same number is a missing right. */
  | { readonly kind: 'auth' }
  | { readonly kind: 'query'; readonly reason: QueryErrorReason }
  | { readonly kind: 'constraint'; readonly reason: ConstraintErrorReason }
  | { readonly kind: 'transaction'; readonly reason: TransactionErrorReason }
  /** The network gave up waiting: a timeout of connecting, a lost connection under a call. */
  | { readonly kind: 'network-timeout' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'unknown-outcome' };

export interface OraRow {
  readonly is: OraKind;
  readonly when: 'always' | 'tx' | 'lost' | 'fix' | 'unknown' | 'never';
  readonly breaker: BreakerVerdict;
  /** The connection must be destroyed, or is already gone. */
  readonly kill: boolean;
  readonly siblings?: Siblings;
  /** Another attempt makes no sense before. */
  readonly retryAfterMs?: number;
}

type More = Pick<OraRow, 'siblings' | 'retryAfterMs'>;
const EVICT: More = { siblings: 'evict' };
/** Of one session: it says nothing about the others. */
const ALONE: More = { siblings: 'keep' };
/** What is short now (memory, places, undo) is still short in a tenth of a second. */
const SLOW: More = { retryAfterMs: SLOW_RETRY_MS };

const connection = (reason: ConnectionErrorReason): OraKind => ({ kind: 'connection', reason });
const query = (reason: QueryErrorReason): OraKind => ({ kind: 'query', reason });
const constraint = (reason: ConstraintErrorReason): OraKind => ({ kind: 'constraint', reason });
const transaction = (reason: TransactionErrorReason): OraKind => ({ kind: 'transaction', reason });

/** F, S, I: how the breaker counts; `!` marks numbers that end the connection. */
type Verdict = 'F' | 'S' | 'I' | 'F!' | 'S!' | 'I!';
const BREAKER = { F: 'failure', S: 'success', I: 'ignore' } as const;

function makeRow(is: OraKind, when: OraRow['when'], verdict: Verdict, more: More = {}): OraRow {
  const breaker = BREAKER[verdict[0] as keyof typeof BREAKER];
  return { is, when, breaker, kill: verdict.endsWith('!'), ...more };
}

function rows(
  numbers: string,
  is: OraKind,
  when: OraRow['when'],
  verdict: Verdict,
  more: More = {},
): [number, OraRow][] {
  const row = makeRow(is, when, verdict, more);
  return numbers.split(' ').map((number) => [Number(number), row]);
}

/** The server itself cannot tell, or its word proves nothing. */
export const UNKNOWN_OUTCOME: OraRow = makeRow({ kind: 'unknown-outcome' }, 'unknown', 'F!');

const APPLICATION: OraRow = makeRow(query('application'), 'never', 'S');
const SYNTAX: OraRow = makeRow(query('syntax'), 'never', 'S');

export const ORA_CODES: ReadonlyMap<number, OraRow> = new Map([
  // The session is dead; the same list in node-oracledb, python-oracledb and ODPI-C.
  ...rows('22 28 31 45 378 602 603 609 1012 1041 1043 3113 3114 3122 3135', connection('lost'), 'lost', 'F!'),
  ...rows('12153 12537 12547 12570 12583 27146 28511 56600', connection('lost'), 'lost', 'F!'),
  ...rows('1089 1092', connection('shutting-down'), 'lost', 'F!'),
  // Said to the next call of a session that had been ended for idling; that call was not looked at.
  ...rows('2396', connection('idle-timeout'), 'always', 'I!', ALONE),
  ...rows('2399', connection('lost'), 'lost', 'I!', ALONE),
  // Thin mode disconnects after ORA-00600; what the statement had done by then is anybody's guess.
  ...rows('600 7445', query('internal'), 'never', 'F!'),
  ...rows(
    '18 20 2391 12516 12518 12519 12520 24418 24457 24459 24496',
    connection('too-many-connections'),
    'always',
    'F!',
    SLOW,
  ),
  ...rows('1033 1034 1035 1109 12526 12527 12528 12757', connection('starting-up'), 'always', 'F!'),
  ...rows('1090 16456', connection('shutting-down'), 'always', 'F!'),
  // A service registers itself with the listener when its database has started.
  ...rows('12505 12514 12521', connection('unknown-database'), 'always', 'F!'),
  ...rows('12154 12504', connection('settings'), 'never', 'F!'),
  ...rows('12545', connection('dns'), 'never', 'F!'),
  ...rows('12170 12535 12606 12608 12609 3136 3156', { kind: 'network-timeout' }, 'lost', 'F!'),
  ...rows('12541 12564 12560 12500', connection('refused'), 'lost', 'F!'),
  ...rows('12543 12203', connection('unreachable'), 'lost', 'F!'),
  ...rows('12571 12637 25401 25409', connection('lost'), 'lost', 'F!'),
  // The server was replaced under an open transaction, which is gone.
  ...rows('25402', connection('lost'), 'tx', 'F!'),
  ...rows('25405 25408', { kind: 'unknown-outcome' }, 'unknown', 'F!'),
  // Distributed transactions that are in doubt, or were decided differently in places.
  ...rows('2050 2053 2054', { kind: 'unknown-outcome' }, 'unknown', 'F!'),
  ...rows('1013', { kind: 'cancelled' }, 'never', 'I'),
  // Oracle undoes the statement only: the transaction goes on, and holds its locks until it is rolled back.
  ...rows('60 4020 63300 63302', transaction('deadlock'), 'tx', 'S'),
  ...rows('8177 8176 1466', transaction('serialization'), 'tx', 'S'),
  ...rows('1555', transaction('serialization'), 'tx', 'S', SLOW),
  ...rows('30036 1652 1653 1654 1536 4030 4031 4036', query('resource'), 'tx', 'F', SLOW),
  // Somebody does not close result sets; a new session has none.
  ...rows('1000', query('resource'), 'tx', 'S!', SLOW),
  ...rows('54 30006 4021 2049 51', transaction('lock-timeout'), 'tx', 'S'),
  // The variables of a package are gone with its state: only the whole transaction can be sure of what it had read.
  ...rows('4061 4065 4068', query('statement-invalid'), 'tx', 'S'),
  ...rows('8103 1410 1002 24338', query('statement-invalid'), 'tx', 'S'),
  ...rows('1001 1006 1007 1008 1036 6508 6511', query('statement-invalid'), 'never', 'S'),
  ...rows('16000', transaction('read-only'), 'always', 'I!', EVICT),
  // Of a transaction that somebody began so, and not of the server.
  ...rows('1456', transaction('read-only'), 'always', 'I!', ALONE),
  ...rows('1086 1453 12838', transaction('invalid-state'), 'never', 'S'),
  // Somebody asked for the outcome of this transaction, which forbids it to commit.
  ...rows('14909', transaction('aborted'), 'tx', 'S'),
  // Where nothing behind it says why.
  ...rows('2091', transaction('aborted'), 'tx', 'S'),
  ...rows('376 1115 257', query('internal'), 'tx', 'F', SLOW),
  ...rows('1', constraint('unique'), 'never', 'S'),
  ...rows('1400 1407', constraint('not-null'), 'never', 'S'),
  ...rows('2290 11534', constraint('check'), 'never', 'S'),
  ...rows('2291 2292', constraint('foreign-key'), 'never', 'S'),
  ...rows(
    '1401 1403 1422 1426 1427 1438 1476 1481 1722 6502 6503 6530 6531 6532 6533 6592 12899',
    query('data'),
    'never',
    'S',
  ),
  ...rows('904 942 959 1418 1432 1434 1435 1918 2289 2443 4043 4080', query('undefined-object'), 'never', 'S'),
  ...rows('955 957 1408 1430 1920 1921 2264', query('duplicate-object'), 'never', 'S'),
  ...rows('990 1031 1950 41900', query('permission'), 'never', 'S'),
  ...rows('1745 1747 1756 1789 1790 1795 3048 3049 3050 3405 6550 6553', query('syntax'), 'never', 'S'),
  ...rows('4063 4091 4098 2449 14452', query('object-state'), 'never', 'S'),
  ...rows('6510', query('application'), 'never', 'S'),
  // Never in a loop: FAILED_LOGIN_ATTEMPTS locks the account.
  ...rows('1005 1017 1045 28000 28001 28009 28040 28547', { kind: 'auth' }, 'never', 'F!'),
  // Nobody is locked out by a token that has expired; a new one is fetched once.
  ...rows('25708', { kind: 'auth' }, 'fix', 'I!'),
]);

export function findOra(number: number): OraRow | undefined {
  const row = ORA_CODES.get(number);
  if (row !== undefined) return row;
  if (number >= 20_000 && number <= 20_999) return APPLICATION;
  // Dates and times that are none; every number between has its own fault.
  if (number >= 1_830 && number <= 1_899) return ORA_CODES.get(1_722);
  return number >= 900 && number <= 999 ? SYNTAX : undefined;
}

/**
 * They say where it happened, and the next number in the message says what: recursive SQL, a transaction that was rolled back,
 * a trigger, the stack of PL/SQL, a parallel server, a refresh of a materialized view.
 */
export const WRAPPERS: ReadonlySet<number> = new Set([604, 2091, 4088, 6512, 12008, 12801]);

/** "transaction rolled back": what a deferred constraint does at COMMIT. */
export const ROLLED_BACK = 2091;

/** Of these nobody can tell what an autocommit write had done by then. */
const OPEN: ReadonlySet<number> = new Set([600, 1013, 7445]);

/**
 * Whether a statement that ended with it may have been applied. A break (1013) that comes when the answer is on its way takes
 * its place: the client library drops the answer and reports the break.
 */
export function leavesOpen(number: number): boolean {
  return OPEN.has(number);
}

/** The statement was not understood: nothing of it has begun, and a definition has not committed what was there before it. */
export function isSyntaxError(number: number): boolean {
  const is = findOra(number)?.is;
  return is?.kind === 'query' && is.reason === 'syntax';
}

/** Whether the number says of a COMMIT that ended with it that nothing was kept. */
export function provesRollback(number: number): boolean {
  const row = findOra(number);
  return row?.is.kind === 'constraint' || row?.is.kind === 'transaction';
}

/** User, password or token were not accepted: fresh ones may be taken. A locked account (28000) is not helped by them. */
export const LOGIN_REFUSALS: ReadonlySet<number> = new Set([1005, 1017, 28001, 25708]);
