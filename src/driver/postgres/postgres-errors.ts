/**
 * What PostgreSQL (and `pg`, and PGlite) means by an error. A pure function: native error and situation in, error of
 * the house out. Order, because each step can be fooled by what the next one looks at: server fields (`severity` next to
 * a five-character code), Node's own codes, `pg`'s code-less messages, unknown.
 * Invariant: no text that can hold a value (a literal, a key, an application's message) gets into a message; it stays on
 * `cause`.
 */
import { ConnectionError } from '../../errors/connection-error.js';
import type { FluxorError, FluxorErrorInit, Outcome, RetryDecision } from '../../errors/fluxor-error.js';
import { isFluxorError } from '../../errors/fluxor-error.js';
import { ConstraintError, OutcomeUnknownError, QueryError, TransactionError } from '../../errors/query-error.js';
import { CancelledError, TimeoutError } from '../../errors/timeout-error.js';
import type { FailureSituation } from '../driver.js';
import { classifyNodeError, lostConnection } from '../node-errors.js';
import type { SqlStateRow } from './postgres-sqlstates.js';
import { findSqlState } from './postgres-sqlstates.js';

/** The fields of an ErrorResponse, as `pg` and PGlite both give them (PostgreSQL manual, 53.8). */
interface ServerError {
  readonly code: string;
  readonly severity: string;
  readonly message: string;
  readonly routine?: string;
  readonly position?: string;
  readonly constraint?: string;
  readonly table?: string;
  readonly column?: string;
}

export function classifyPostgresError(error: unknown, situation: FailureSituation, endpoint: string): FluxorError {
  if (isFluxorError(error)) return error;
  if (isServerError(error)) return classifyServerError(error, situation, endpoint);
  return (
    classifyNodeError(error, situation, endpoint) ??
    classifyClientMessage(error, situation, endpoint) ??
    new ConnectionError('protocol', `${endpoint}: the client library failed in an unknown way; see cause`, {
      cause: error,
      context: situation.context,
      outcome: situation.wasSent && situation.phase !== 'connect' ? 'unknown' : 'not-sent',
      isConnectionFatal: true,
      breaker: 'failure',
    })
  );
}

/** `severity` must be there: `/^[0-9A-Z]{5}$/` alone also matches Node's EPIPE, EPERM and EBUSY. */
function isServerError(error: unknown): error is ServerError {
  if (typeof error !== 'object' || error === null) return false;
  const { code, severity, message } = error as Partial<Record<string, unknown>>;
  return (
    typeof code === 'string' &&
    /^[0-9A-Z]{5}$/.test(code) &&
    typeof severity === 'string' &&
    typeof message === 'string'
  );
}

function classifyServerError(error: ServerError, situation: FailureSituation, endpoint: string): FluxorError {
  const special = classifyByMoreThanCode(error, situation, endpoint);
  if (special !== undefined) return special;
  const row = findSqlState(error.code);
  if (row === undefined)
    return new QueryError(
      'internal',
      `PostgreSQL raised SQLSTATE ${error.code}; see cause`,
      repliedInit(error, situation),
    );
  return buildError(error, row, situation, endpoint);
}

/** The codes whose meaning hangs on a second fact. */
function classifyByMoreThanCode(
  error: ServerError,
  situation: FailureSituation,
  endpoint: string,
): FluxorError | undefined {
  const init = repliedInit(error, situation);
  if (error.code === '0A000' && error.routine === 'RevalidateCachedQuery') {
    const text = "a prepared statement's result type changed; it must be prepared again";
    return new QueryError('statement-invalid', text, {
      ...init,
      decision: situation.inTransaction ? 'whole-transaction' : 'after-fix',
    });
  }
  if (error.code === 'XX000' && error.message.includes('tuple concurrently updated')) {
    return new TransactionError('serialization', 'a catalogue row was updated concurrently', {
      ...init,
      decision: 'whole-transaction',
    });
  }
  if (error.code === '25006' && situation.askedReadOnly) {
    return new TransactionError('read-only', 'a write inside a transaction that was begun read-only', init);
  }
  // The server's text is the only hint here, and a server with a translated catalogue gives none: then it reads
  // "cancelled by an administrator", which is never retried either.
  if (error.code === '57014' && error.message.includes('statement timeout')) {
    const text = "the server's own statement_timeout stopped the statement";
    return new TimeoutError('statement', text, { ...init, decision: 'whole-transaction', breaker: 'failure' });
  }
  if (error.code === '08P01') return classifyPooler(error, situation, endpoint);
  return undefined;
}

/** PgBouncer reports all of its own errors as 08P01; only its text tells them apart. */
function classifyPooler(error: ServerError, situation: FailureSituation, endpoint: string): FluxorError | undefined {
  const init = { ...repliedInit(error, situation), isConnectionFatal: true, breaker: 'failure' as const };
  if (/query_wait_timeout|no more connections allowed|server login has been failing/.test(error.message)) {
    const text = `${endpoint}: the connection pooler had no server connection to give`;
    return new ConnectionError('too-many-connections', text, {
      ...init,
      outcome: 'not-sent',
      decision: 'new-connection',
    });
  }
  if (/client_idle_timeout/.test(error.message)) {
    const text = `${endpoint}: the connection pooler closed an idle connection`;
    return new ConnectionError('idle-timeout', text, {
      ...init,
      outcome: 'not-sent',
      decision: 'new-connection',
      breaker: 'ignore',
    });
  }
  if (/query_timeout|server conn crashed|idle transaction timeout|transaction timeout/.test(error.message)) {
    return lostConnection('lost', `${endpoint}: the connection pooler dropped the connection`, situation, init);
  }
  return undefined;
}

function buildError(error: ServerError, row: SqlStateRow, situation: FailureSituation, endpoint: string): FluxorError {
  const init = {
    ...repliedInit(error, situation),
    ...fate(row, situation),
    breaker: row.breaker,
    isConnectionFatal: row.kill || isFatal(error),
  };
  const { is } = row;
  switch (is.kind) {
    case 'connection':
      if (row.when === 'lost')
        return lostConnection(is.reason, `${endpoint}: ${error.message}`, situation, { ...init, breaker: undefined });
      return new ConnectionError(is.reason, `${endpoint}: ${error.message}`, init);
    case 'auth':
      return new ConnectionError('credentials', `${endpoint}: ${error.message}; check user and password`, {
        ...init,
        code: 'AUTH',
      });
    case 'query':
      return new QueryError(is.reason, describe(error, is.reason), init);
    case 'constraint':
      return new ConstraintError(is.reason, describeConstraint(error, is.reason), error, init);
    case 'transaction':
      return new TransactionError(is.reason, error.message, init);
    case 'timeout':
      return new TimeoutError(is.phase, error.message, init);
    case 'cancelled':
      return new CancelledError('administrator', 'somebody else cancelled the statement at the server', init);
    case 'unknown-outcome':
      return new OutcomeUnknownError(
        `PostgreSQL could not tell whether the statement was applied (SQLSTATE ${error.code})`,
        init,
      );
  }
}

function repliedInit(error: ServerError, situation: FailureSituation): FluxorErrorInit {
  return {
    cause: error,
    sqlState: error.code,
    context: situation.context,
    outcome: situation.phase === 'connect' || situation.phase === 'idle' ? 'not-sent' : 'not-applied',
    breaker: 'success',
    isConnectionFatal: isFatal(error),
  };
}

function fate(row: SqlStateRow, situation: FailureSituation): { decision: RetryDecision; outcome: Outcome } {
  const outcome = situation.phase === 'connect' || situation.phase === 'idle' ? 'not-sent' : 'not-applied';
  if (row.when === 'unknown') return { decision: 'never', outcome: 'unknown' };
  if (row.when === 'tx') return { decision: 'whole-transaction', outcome };
  if (row.when === 'fix') return { decision: situation.inTransaction ? 'whole-transaction' : 'after-fix', outcome };
  if (row.when === 'never') return { decision: 'never', outcome };
  return { decision: situation.inTransaction ? 'whole-transaction' : 'new-connection', outcome };
}

function isFatal(error: ServerError): boolean {
  return error.severity === 'FATAL' || error.severity === 'PANIC';
}

/** Texts that name only objects of the schema may be shown; texts that can quote a value are replaced. */
function describe(error: ServerError, reason: string): string {
  const state = `SQLSTATE ${error.code}`;
  if (reason === 'syntax') {
    const at = error.position === undefined ? '' : ` at character ${error.position}`;
    return `PostgreSQL could not accept the statement${at} (${state}): ${withoutQuotes(error.message)}`;
  }
  if (reason === 'application') return `the database's own code raised an error (${state}); its text is on cause`;
  if (reason === 'data' || reason === 'internal') return `${withoutQuotes(error.message)} (${state})`;
  return `${error.message} (${state})`;
}

function describeConstraint(error: ServerError, reason: string): string {
  const name = error.constraint === undefined ? '' : ` "${error.constraint}"`;
  const column = error.column === undefined ? '' : ` of column "${error.column}"`;
  const table = error.table === undefined ? '' : ` on table "${error.table}"`;
  return `${reason} constraint${name}${column}${table} was violated (SQLSTATE ${error.code})`;
}

/** `invalid input syntax for type integer: "4711x"` → `… integer: "…"`: quoted parts can be values, and so can what follows a colon. */
function withoutQuotes(message: string): string {
  return message.replace(/"[^"]*"|'[^']*'/g, '"…"').replace(/: (?!"…")[^:]*$/, ': …');
}

/** Messages of `pg` that carry no code (pg 8.23; client.js, connection.js, crypto/sasl.js). */
function classifyClientMessage(error: unknown, situation: FailureSituation, endpoint: string): FluxorError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { message } = error;
  const init = { cause: error, context: situation.context, isConnectionFatal: true };
  if (/^Connection terminated/.test(message))
    return lostConnection('lost', `${endpoint}: the connection was lost`, situation, init);
  if (/not queryable$/.test(message)) {
    return lostConnection(
      'lost',
      `${endpoint}: the connection was already closed`,
      { ...situation, wasSent: false },
      init,
    );
  }
  if (/SSL connection/.test(message)) {
    const text = `${endpoint}: the server does not offer TLS, and the options ask for it`;
    return new ConnectionError('tls', text, { ...init, breaker: 'failure' });
  }
  if (/^SASL:|Password must be a string|Unknown authenticationOk message/.test(message)) {
    const text = `${endpoint}: the credentials could not be used (is a password set?)`;
    return new ConnectionError('credentials', text, { ...init, code: 'AUTH', breaker: 'failure' });
  }
  if (/^Received unexpected|^received invalid response/.test(message)) {
    return lostConnection('protocol', `${endpoint}: the server sent something unexpected`, situation, init);
  }
  return undefined;
}
