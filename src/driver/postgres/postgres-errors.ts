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
import { classifyNodeError, lostConnection, repeatUnsent } from '../node-errors.js';
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
    unknownError(error, situation, endpoint)
  );
}

function unknownError(error: unknown, situation: FailureSituation, endpoint: string): FluxorError {
  const text = `${endpoint}: the client library failed in an unknown way; see cause`;
  const init = { cause: error, context: situation.context, isConnectionFatal: true };
  // Whatever it was, a COMMIT that had been sent may have been carried out.
  if (situation.phase === 'commit' && situation.wasSent) return lostConnection('protocol', text, situation, init);
  const outcome = situation.wasSent && situation.phase !== 'connect' ? 'unknown' : 'not-sent';
  return new ConnectionError('protocol', text, { ...init, outcome, breaker: 'failure' });
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
  // `drop database nowhere` names it in a statement; only a connection to it can fail for want of it.
  if (error.code === '3D000' && situation.phase !== 'connect' && !isFatal(error)) {
    return new QueryError('undefined-object', describe(error, 'undefined-object'), init);
  }
  if (error.code === '08P01') return classifyProtocolViolation(error, situation, endpoint);
  return undefined;
}

/** PgBouncer reports all of its own errors as 08P01; only its text tells them apart. */
function classifyProtocolViolation(
  error: ServerError,
  situation: FailureSituation,
  endpoint: string,
): FluxorError | undefined {
  // The caller's miscount, and no fault of the protocol: the session goes on.
  if (error.routine === 'exec_bind_message' && !isFatal(error)) {
    const text = 'the number of values differs from the number of placeholders in the statement (SQLSTATE 08P01)';
    return new QueryError('statement-invalid', text, repliedInit(error, situation));
  }
  const init = { ...repliedInit(error, situation), isConnectionFatal: true, breaker: 'failure' as const };
  if (/query_wait_timeout|no more connections allowed|server login has been failing/.test(error.message)) {
    const text = `${endpoint}: the connection pooler had no server connection to give`;
    return new ConnectionError('too-many-connections', text, {
      ...init,
      outcome: 'not-sent',
      decision: repeatUnsent(situation),
    });
  }
  if (/client_idle_timeout/.test(error.message)) {
    const text = `${endpoint}: the connection pooler closed an idle connection`;
    return new ConnectionError('idle-timeout', text, {
      ...init,
      outcome: 'not-sent',
      decision: repeatUnsent(situation),
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
  const text = serverText(error);
  switch (is.kind) {
    case 'connection':
      if (row.when === 'lost')
        return lostConnection(is.reason, `${endpoint}: ${text}`, situation, { ...init, breaker: undefined });
      return new ConnectionError(is.reason, `${endpoint}: ${text}`, init);
    case 'auth':
      return new ConnectionError('credentials', `${endpoint}: ${text}; check user and password`, {
        ...init,
        code: 'AUTH',
        // In a session that is open already, the server answered; see resilience.md §2.
        breaker: situation.phase === 'connect' ? row.breaker : 'success',
      });
    case 'query':
      return new QueryError(is.reason, describe(error, is.reason), init);
    case 'constraint':
      return new ConstraintError(is.reason, describeConstraint(error, is.reason), error, init);
    case 'transaction':
      // CockroachDB names keys in its serialization failures.
      return new TransactionError(is.reason, withoutValues(text), init);
    case 'timeout':
      return new TimeoutError(is.phase, text, init);
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
    return `PostgreSQL could not accept the statement${at} (${state}): ${withoutValues(serverText(error))}`;
  }
  if (reason === 'application') return `${APPLICATION_TEXT} (${state}); its text is on cause`;
  if (reason === 'data' || reason === 'internal') return `${withoutValues(serverText(error))} (${state})`;
  return `${serverText(error)} (${state})`;
}

const APPLICATION_TEXT = "the database's own code raised an error";

/** PL/pgSQL's RAISE may borrow any SQLSTATE, and its text is the application's. */
function serverText(error: ServerError): string {
  return error.routine === 'exec_stmt_raise' ? APPLICATION_TEXT : error.message;
}

function describeConstraint(error: ServerError, reason: string): string {
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

/**
 * Messages of `pg` that carry no code (pg 8.23: client.js, connection.js, query.js, crypto/sasl.js). Those of `pg.Pool`
 * are not here: this room opens single clients only.
 */
function classifyClientMessage(error: unknown, situation: FailureSituation, endpoint: string): FluxorError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { message } = error;
  const init = { cause: error, context: situation.context, isConnectionFatal: true };
  if (/^timeout expired$|due to connection timeout$/.test(message)) {
    const text = `${endpoint}: connecting took longer than the client library allows`;
    return new TimeoutError('connect', text, { ...init, decision: repeatUnsent(situation), breaker: 'failure' });
  }
  if (message === 'Query read timeout') return readTimeout(situation, endpoint, init);
  if (message === 'Connection terminated unexpectedly')
    return lostConnection('lost', `${endpoint}: the connection was lost`, situation, init);
  if (/^Connection terminated/.test(message)) return endedByUs(situation, endpoint, init);
  if (/not queryable$/.test(message)) {
    const unsent = { ...situation, wasSent: false };
    return lostConnection('lost', `${endpoint}: the connection was already closed`, unsent, init);
  }
  if (/SSL connection/.test(message)) return tlsError(message, situation, endpoint, init);
  if (/^SASL:|Password must be a string|Unknown authenticationOk message/.test(message)) {
    const text = `${endpoint}: the credentials could not be used (is a password set?)`;
    return new ConnectionError('credentials', text, { ...init, code: 'AUTH', breaker: 'failure' });
  }
  if (/^Received unexpected|^received invalid response/.test(message)) {
    return lostConnection('protocol', `${endpoint}: the server sent something unexpected`, situation, init);
  }
  if (/^Prepared statements must be unique|^Query values must be an array|^A query must have either/.test(message)) {
    const text = 'the client library refused the statement; see cause';
    return new QueryError('statement-invalid', text, { cause: error, context: situation.context });
  }
  return undefined;
}

/** `query_timeout` of the client library: its connection would answer the next caller with the leftovers of this one. */
function readTimeout(
  situation: FailureSituation,
  endpoint: string,
  init: Omit<FluxorErrorInit, 'reason'>,
): FluxorError {
  const text = `${endpoint}: the client library stopped waiting for an answer`;
  const lost = lostConnection('lost', text, situation, init);
  if (lost instanceof OutcomeUnknownError) return lost;
  const { outcome, decision } = lost;
  return new TimeoutError('statement', text, { ...init, outcome, decision, breaker: 'failure' });
}

/** `end()` was called here, so it says nothing about the server; the statement's fate is that of any lost one. */
function endedByUs(situation: FailureSituation, endpoint: string, init: Omit<FluxorErrorInit, 'reason'>): FluxorError {
  const text = `${endpoint}: the connection was closed by this side`;
  const lost = lostConnection('lost', text, situation, init);
  if (lost instanceof OutcomeUnknownError) return lost;
  const { outcome, decision } = lost;
  return new CancelledError('runtime', text, { ...init, outcome, decision });
}

function tlsError(
  message: string,
  situation: FailureSituation,
  endpoint: string,
  init: Omit<FluxorErrorInit, 'reason'>,
): FluxorError {
  const isRefused = /does not support SSL/.test(message);
  const why = isRefused ? 'the server does not offer TLS, and the options ask for it' : 'TLS could not be set up';
  // The second may be an overloaded server's way to say so.
  const decision = isRefused ? 'never' : repeatUnsent(situation);
  return new ConnectionError('tls', `${endpoint}: ${why}`, { ...init, decision, breaker: 'failure' });
}
