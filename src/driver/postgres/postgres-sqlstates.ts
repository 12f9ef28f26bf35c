/**
 * PostgreSQL's SQLSTATEs and what each means for the caller, the connection and the breaker: data only, read by
 * postgres-errors.ts. Source of the codes: PostgreSQL manual, Appendix A "PostgreSQL Error Codes"; source of the
 * verdicts: the project's survey of 2026, tried on PostgreSQL 15.
 *
 * `when` an attempt may be repeated: `always` = proved not applied; `tx` = by running the whole transaction again (an
 * autocommit statement counts as one); `lost` = the connection went away, see `lostConnection`; `fix` = after a repair;
 * `unknown` = nobody can tell; `never`.
 * `siblings`: what the code says about the other connections; for `lost` codes that leave it out, see `lostConnection`.
 * 57P01 is both a server that stops and an administrator who ended one session, so it asks and does not evict.
 */
import type { ConnectionErrorReason } from '../../errors/connection-error.js';
import type { BreakerVerdict, Siblings } from '../../errors/fluxor-error.js';
import type { ConstraintErrorReason, QueryErrorReason, TransactionErrorReason } from '../../errors/query-error.js';
import { SLOW_RETRY_MS } from '../node-errors.js';

export type SqlStateKind =
  | { readonly kind: 'connection'; readonly reason: ConnectionErrorReason }
  | { readonly kind: 'auth' }
  | { readonly kind: 'query'; readonly reason: QueryErrorReason }
  | { readonly kind: 'constraint'; readonly reason: ConstraintErrorReason }
  | { readonly kind: 'transaction'; readonly reason: TransactionErrorReason }
  | { readonly kind: 'timeout'; readonly phase: 'transaction' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'unknown-outcome' };

export interface SqlStateRow {
  readonly is: SqlStateKind;
  readonly when: 'always' | 'tx' | 'lost' | 'fix' | 'unknown' | 'never';
  readonly breaker: BreakerVerdict;
  /** The connection must be destroyed, or is already gone. */
  readonly kill: boolean;
  readonly siblings?: Siblings;
  /** Another attempt makes no sense before. */
  readonly retryAfterMs?: number;
}

type More = Pick<SqlStateRow, 'siblings' | 'retryAfterMs'>;
const VALIDATE: More = { siblings: 'validate' };
/** What is short now (memory, places, an object that is in use) is still short in a tenth of a second. */
const SLOW: More = { retryAfterMs: SLOW_RETRY_MS };

const connection = (reason: ConnectionErrorReason): SqlStateKind => ({ kind: 'connection', reason });
const query = (reason: QueryErrorReason): SqlStateKind => ({ kind: 'query', reason });
const constraint = (reason: ConstraintErrorReason): SqlStateKind => ({ kind: 'constraint', reason });
const transaction = (reason: TransactionErrorReason): SqlStateKind => ({ kind: 'transaction', reason });

/** F, S, I: how the breaker counts; `!` marks codes that end the connection. */
type Verdict = 'F' | 'S' | 'I' | 'F!' | 'S!' | 'I!';
const BREAKER = { F: 'failure', S: 'success', I: 'ignore' } as const;

function rows(
  codes: string,
  is: SqlStateKind,
  when: SqlStateRow['when'],
  verdict: Verdict,
  more: More = {},
): [string, SqlStateRow][] {
  const breaker = BREAKER[verdict[0] as keyof typeof BREAKER];
  const row = { is, when, breaker, kill: verdict.endsWith('!'), ...more };
  return codes.split(' ').map((code) => [code, row]);
}

/** Exact codes first; `CLASSES` answers for the rest by the first two characters. */
export const SQLSTATES: ReadonlyMap<string, SqlStateRow> = new Map([
  ...rows('08000 08003 08006', connection('lost'), 'lost', 'F!', VALIDATE),
  ...rows('08001 08004', connection('refused'), 'always', 'F!'),
  ...rows('08007', { kind: 'unknown-outcome' }, 'unknown', 'F!'),
  ...rows('08P01', connection('protocol'), 'never', 'F!'),
  ...rows('23502', constraint('not-null'), 'never', 'S'),
  ...rows('23503 23001', constraint('foreign-key'), 'never', 'S'),
  ...rows('23505', constraint('unique'), 'never', 'S'),
  ...rows('23514 23000 44000', constraint('check'), 'never', 'S'),
  ...rows('23P01', constraint('exclusion'), 'never', 'S'),
  ...rows('24000 34000', query('statement-invalid'), 'never', 'S'),
  ...rows('25006', transaction('read-only'), 'always', 'I!', { siblings: 'evict' }),
  ...rows('25P02', transaction('aborted'), 'never', 'S'),
  ...rows('25P03', { kind: 'timeout', phase: 'transaction' }, 'tx', 'I!'),
  ...rows('25P04', { kind: 'timeout', phase: 'transaction' }, 'never', 'F!'),
  ...rows('26000 42P05', query('statement-invalid'), 'fix', 'S'),
  ...rows('28000 28P01', { kind: 'auth' }, 'never', 'F!'),
  ...rows('3D000 57P04', connection('unknown-database'), 'never', 'F!'),
  ...rows('3F000 42P01 42703 42883 42704 42P02', query('undefined-object'), 'never', 'S'),
  ...rows('40001 40000 40002', transaction('serialization'), 'tx', 'S'),
  ...rows('40P01', transaction('deadlock'), 'tx', 'S'),
  ...rows('40003', { kind: 'unknown-outcome' }, 'unknown', 'S'),
  ...rows('42501', query('permission'), 'never', 'S'),
  ...rows('42P07 42710 42P04 42P06 42723', query('duplicate-object'), 'never', 'S'),
  ...rows('53000 53100 53200', query('resource'), 'always', 'F', SLOW),
  ...rows('53300', connection('too-many-connections'), 'always', 'F!', SLOW),
  ...rows('53400', query('resource'), 'never', 'S'),
  ...rows('55000 55006', query('object-state'), 'tx', 'S', SLOW),
  ...rows('55P03', transaction('lock-timeout'), 'tx', 'S'),
  ...rows('57014', { kind: 'cancelled' }, 'never', 'I'),
  ...rows('57P01 57P02', connection('shutting-down'), 'lost', 'F!', VALIDATE),
  ...rows('57P03', connection('starting-up'), 'always', 'F!', VALIDATE),
  ...rows('57P05', connection('idle-timeout'), 'always', 'I!'),
  ...rows('72000', transaction('serialization'), 'tx', 'S'),
  ...rows('HV00N', connection('unreachable'), 'never', 'S'),
]);

/** By class, the first two characters, for codes without a row of their own. */
export const SQLSTATE_CLASSES: ReadonlyMap<string, SqlStateRow> = new Map([
  ...rows('08', connection('lost'), 'lost', 'F!'),
  ...rows('0A', query('syntax'), 'never', 'S'),
  ...rows('20 21 22', query('data'), 'never', 'S'),
  ...rows('23', constraint('check'), 'never', 'S'),
  ...rows('24 26 34', query('statement-invalid'), 'never', 'S'),
  ...rows('25 2D 3B 0B', transaction('invalid-state'), 'never', 'S'),
  ...rows('28', { kind: 'auth' }, 'never', 'F!'),
  ...rows('3D', connection('unknown-database'), 'never', 'F!'),
  ...rows('3F', query('undefined-object'), 'never', 'S'),
  ...rows('40', transaction('serialization'), 'tx', 'S'),
  ...rows('42', query('syntax'), 'never', 'S'),
  ...rows('53', query('resource'), 'always', 'F', SLOW),
  ...rows('54', query('resource'), 'never', 'S'),
  ...rows('55', query('object-state'), 'tx', 'S', SLOW),
  ...rows('57', { kind: 'cancelled' }, 'never', 'I'),
  ...rows('58', query('internal'), 'tx', 'F!'),
  ...rows('F0 HV', query('internal'), 'never', 'S'),
  ...rows('P0 38 39 2F', query('application'), 'never', 'S'),
  ...rows('XX', query('internal'), 'never', 'F!'),
]);

export function findSqlState(code: string): SqlStateRow | undefined {
  return SQLSTATES.get(code) ?? SQLSTATE_CLASSES.get(code.slice(0, 2));
}
