/**
 * What PostgreSQL (and `pg`, and PGlite) means by an error. A pure function: native error and situation in, error of
 * the house out. Order, because each step can be fooled by what the next one looks at: server fields (`severity` next to
 * a five-character code), Node's own codes, `pg`'s code-less messages, unknown.
 * Invariant: the caller's own facts come before the server's text wherever both could decide.
 */
import { ConnectionError } from '../../errors/connection-error.js';
import type {
  BreakerVerdict,
  FluxorError,
  FluxorErrorInit,
  Outcome,
  RetryDecision,
} from '../../errors/fluxor-error.js';
import { isFluxorError } from '../../errors/fluxor-error.js';
import { ConstraintError, OutcomeUnknownError, QueryError, TransactionError } from '../../errors/query-error.js';
import { CancelledError, TimeoutError } from '../../errors/timeout-error.js';
import type { FailureSituation } from '../driver.js';
import { classifyNodeError, lostConnection, repeatUnsent, unknownError } from '../node-errors.js';
import { classifyClientMessage } from './postgres-client-messages.js';
import type { ServerError } from './postgres-server-error.js';
import {
  describeConstraint,
  describeRefusal,
  describeTransactionEnd,
  isFatal,
  isServerError,
  serverText,
} from './postgres-server-error.js';
import type { SqlStateRow } from './postgres-sqlstates.js';
import { findSqlState } from './postgres-sqlstates.js';

export function classifyPostgresError(error: unknown, situation: FailureSituation, endpoint: string): FluxorError {
  if (isFluxorError(error)) return error;
  if (isServerError(error)) return classifyServerError(error, situation, endpoint);
  return (
    classifyNodeError(error, situation, endpoint) ??
    classifyClientMessage(error, situation, endpoint) ??
    unknownError(error, situation, endpoint)
  );
}

function classifyServerError(error: ServerError, situation: FailureSituation, endpoint: string): FluxorError {
  const row = findSqlState(error.code);
  if (row !== undefined && isBorrowed(error, row)) {
    return new QueryError('application', describeRefusal(error, 'application'), repliedInit(error, situation));
  }
  const special = classifyByMoreThanCode(error, situation, endpoint);
  if (special !== undefined) return special;
  if (row !== undefined) return buildError(error, row, situation, endpoint);
  const text = `PostgreSQL raised SQLSTATE ${error.code}; see cause`;
  return new QueryError('internal', text, repliedInit(error, situation));
}

/**
 * PL/pgSQL's RAISE may borrow any code, and what borrowed ones say about the application (a deadlock to be tried again, a
 * constraint) is believed. What they say about the server is not: it has just run the application's code.
 */
function isBorrowed(error: ServerError, row: SqlStateRow): boolean {
  return error.routine === 'exec_stmt_raise' && !isFatal(error) && (row.kill || row.breaker !== 'success');
}

/**
 * Where the server raises 58P01 for a file that the statement itself names: COPY, LOAD and functions in C, `pg_read_file`
 * and its relatives, `lo_import`, CREATE TABLESPACE (tried on PostgreSQL 18). Anywhere else it is a file of the database
 * that is gone.
 */
const NAMED_FILES: ReadonlySet<string | undefined> = new Set([
  'BeginCopyFrom',
  'BeginCopyTo',
  'internal_load_library',
  'read_binary_file',
  'pg_stat_file',
  'ReadDirExtended',
  'lo_import_internal',
  'create_tablespace_directories',
]);

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
  if (namesWhatIsNotThere(error, situation)) {
    return new QueryError('undefined-object', describeRefusal(error, 'undefined-object'), init);
  }
  if (error.code === '08P01') return classifyProtocolViolation(error, situation, endpoint);
  return undefined;
}

/** The statement names a database or a file that the server does not have; neither says anything about this connection. */
function namesWhatIsNotThere(error: ServerError, situation: FailureSituation): boolean {
  // `drop database nowhere` names it in a statement; only a connection to it can fail for want of it.
  if (error.code === '3D000') return situation.phase !== 'connect' && !isFatal(error);
  return error.code === '58P01' && NAMED_FILES.has(error.routine);
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
  const refused = situation.phase === 'connect' ? refusedByPooler(error, endpoint, init) : undefined;
  if (refused !== undefined) return refused;
  if (DROPPED_BY_POOLER.test(error.message)) {
    // A limit was reached by this connection alone; a server that crashed takes others with it.
    const siblings = error.message.includes('server conn crashed') ? undefined : 'keep';
    const text = `${endpoint}: the connection pooler dropped the connection`;
    return lostConnection('lost', text, situation, { ...init, siblings });
  }
  return undefined;
}

/**
 * Of a session that runs something. PgBouncer 1.18 and 1.26 were seen to send `query timeout` and `database removed` for a
 * statement that the server carried out and committed all the same.
 */
const DROPPED_BY_POOLER =
  /query[_ ]timeout|server conn crashed|idle transaction timeout|transaction timeout|database removed|database ".*" is disabled/;

/** PgBouncer 1.18 to 1.26 says so by text where the server itself would give a code of its own. */
function refusedByPooler(error: ServerError, endpoint: string, init: FluxorErrorInit): FluxorError | undefined {
  if (/SASL authentication failed|password authentication failed|no such user/.test(error.message)) {
    const text = `${endpoint}: the connection pooler refused the credentials; check user and password`;
    return new ConnectionError('credentials', text, { ...init, code: 'AUTH' });
  }
  if (/no such database|database removed|database ".*" (?:does not exist|is disabled)/.test(error.message)) {
    const text = `${endpoint}: the connection pooler does not have this database`;
    return new ConnectionError('unknown-database', text, init);
  }
  return undefined;
}

function buildError(error: ServerError, row: SqlStateRow, situation: FailureSituation, endpoint: string): FluxorError {
  const init = {
    ...repliedInit(error, situation),
    ...fate(row, situation),
    breaker: breakerOf(error, row, situation),
    isConnectionFatal: row.kill || isFatal(error),
    siblings: situation.hasSiblings === false ? undefined : row.siblings,
    retryAfterMs: row.retryAfterMs,
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
        // In a session that is open already, the server answered, and is alive.
        breaker: situation.phase === 'connect' ? row.breaker : 'success',
      });
    case 'query':
      return new QueryError(is.reason, describeRefusal(error, is.reason), init);
    case 'constraint':
      return new ConstraintError(is.reason, describeConstraint(error, is.reason), error, init);
    case 'transaction':
      return new TransactionError(is.reason, describeTransactionEnd(error, is.reason), init);
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

/**
 * A server that takes no writes is news of a failover, and the connection goes. When the one opened in its place says the
 * same, there is no writer to be had.
 */
function breakerOf(error: ServerError, row: SqlStateRow, { isFirstLoan = false }: FailureSituation): BreakerVerdict {
  return error.code === '25006' && isFirstLoan ? 'failure' : row.breaker;
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
