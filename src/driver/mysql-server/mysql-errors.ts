/**
 * What MySQL, MariaDB and their clients mean by an error. A pure function: native error and situation in, error of the house
 * out. Order, because each step can be fooled by what the next one looks at: the client library's own errors, the server's
 * number, Node's codes, unknown.
 * Invariants: the server's number decides, never the symbolic `code` or `fatal`, which client libraries get wrong; the
 * caller's own facts come before the server's text wherever both could decide.
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
import { SLOW_RETRY_MS, classifyNodeError, lostConnection, unknownError } from '../node-errors.js';
import type { ErrnoRow } from './mysql-errnos.js';
import { UNKNOWN_OUTCOME, findErrno, isLoginRefusalErrno, isWriteFailure, provesRollback } from './mysql-errnos.js';
import type { MysqlServerError } from './mysql-server-error.js';
import {
  constraintFacts,
  describeConstraint,
  describeLoginRefusal,
  describeRefusal,
  describeServer,
  isSignalled,
  serverErrorOf,
} from './mysql-server-error.js';

/** What a client library says by itself; `undefined` for what it passes on. */
export type ClassifyClient = (error: unknown, situation: FailureSituation, endpoint: string) => FluxorError | undefined;

export function classifyMysqlError(
  error: unknown,
  situation: FailureSituation,
  endpoint: string,
  classifyClient: ClassifyClient,
): FluxorError {
  if (isFluxorError(error)) return error;
  const own = classifyClient(error, situation, endpoint);
  if (own !== undefined) return own;
  const serverError = serverErrorOf(error);
  if (serverError !== undefined) return classifyServerError(error, serverError, situation, endpoint);
  return classifyNodeError(error, situation, endpoint) ?? unknownError(error, situation, endpoint);
}

const COMMIT_FAILED = 'the server could not complete the COMMIT';

/** The server refused user or password: fresh ones may be taken. */
export function isLoginRefusal(error: unknown): boolean {
  const serverError = serverErrorOf(error);
  return serverError !== undefined && isLoginRefusalErrno(serverError.errno);
}

function classifyServerError(
  cause: unknown,
  error: MysqlServerError,
  situation: FailureSituation,
  endpoint: string,
): FluxorError {
  const init = repliedInit(cause, error, situation);
  // SIGNAL may borrow any number; a state of class 45 says whose word it is.
  if (isSignalled(error)) return new QueryError('application', describeRefusal(error, 'application'), init);
  const row = findErrno(error.errno, error.sqlState);
  if (situation.phase === 'commit' && isUnproven(error))
    return buildError(error, UNKNOWN_OUTCOME, situation, endpoint, init);
  const special = classifyByMoreThanNumber(error, situation, endpoint, init);
  if (special !== undefined) return special;
  if (row !== undefined) return buildError(error, row, situation, endpoint, init);
  return new QueryError('internal', describeRefusal(error, 'internal'), init);
}

/** An engine or a log that fails at COMMIT may have written it already. A lost connection says so itself. */
function isUnproven(error: MysqlServerError): boolean {
  return findErrno(error.errno, error.sqlState)?.when !== 'lost' && !provesRollback(error);
}

/** Of a COMMIT that a driver sends by itself: an error of the house where nobody can tell what became of it, else the same. */
export function commitFailure(cause: unknown): unknown {
  const error = serverErrorOf(cause);
  if (error === undefined || !isUnproven(error)) return cause;
  return new OutcomeUnknownError(`${COMMIT_FAILED}: ${describeServer(error)}`, {
    cause,
    sqlState: error.sqlState === '' ? undefined : error.sqlState,
    vendorCode: error.errno,
    breaker: 'failure',
    isConnectionFatal: true,
  });
}

/** The numbers whose meaning hangs on a second fact. */
function classifyByMoreThanNumber(
  error: MysqlServerError,
  situation: FailureSituation,
  endpoint: string,
  init: FluxorErrorInit,
): FluxorError | undefined {
  const isConnecting = situation.phase === 'connect';
  switch (error.errno) {
    case 1290:
      // "The MySQL server is running with the --secure-file-priv option so it cannot execute this statement."
      if (/read[-_]only/.test(error.message)) return undefined;
      return new QueryError('permission', describeRefusal(error, 'data'), init);
    case 1792:
    case 1207:
      if (!situation.askedReadOnly) return undefined;
      return new TransactionError('read-only', 'a write inside a transaction that was begun read-only', init);
    case 1226:
      if (!isConnecting) return undefined;
      return new ConnectionError('too-many-connections', `${endpoint}: ${describeServer(error)}`, {
        ...init,
        decision: 'new-connection',
        breaker: 'failure',
        isConnectionFatal: true,
        retryAfterMs: SLOW_RETRY_MS,
      });
    case 1049:
      // `use nowhere`; only a connection to it can fail for want of it.
      return isConnecting
        ? undefined
        : new QueryError('undefined-object', describeRefusal(error, 'undefined-object'), init);
    case 1305:
      // Procedures, functions and savepoints have one number.
      if (!error.message.startsWith('SAVEPOINT')) return undefined;
      return new TransactionError('invalid-state', describeRefusal(error, 'undefined-object'), init);
    case 1030:
      // "Got error 28 from storage engine" is a full disk; any other number an engine that has failed.
      if (/\b28\b/.test(error.message)) return undefined;
      return new QueryError('internal', describeRefusal(error, 'internal'), { ...init, breaker: 'failure' });
    default:
      return undefined;
  }
}

function buildError(
  error: MysqlServerError,
  row: ErrnoRow,
  situation: FailureSituation,
  endpoint: string,
  replied: FluxorErrorInit,
): FluxorError {
  const init = {
    ...replied,
    ...fate(row, error.errno, situation),
    breaker: breakerOf(row, situation),
    isConnectionFatal: row.kill,
    siblings: situation.hasSiblings === false ? undefined : row.siblings,
    retryAfterMs: row.retryAfterMs,
  };
  const { is } = row;
  switch (is.kind) {
    case 'connection':
      if (row.when === 'lost') {
        const lost = { ...init, breaker: undefined, outcome: undefined, decision: undefined };
        return lostConnection(is.reason, `${endpoint}: ${describeServer(error)}`, situation, lost);
      }
      return new ConnectionError(is.reason, `${endpoint}: ${describeServer(error)}`, init);
    case 'auth':
      if (situation.phase !== 'connect')
        return new QueryError('permission', describeRefusal(error, 'permission'), replied);
      return new ConnectionError(
        'credentials',
        `${endpoint}: ${describeLoginRefusal(error)}; check user and password`,
        {
          ...init,
          code: 'AUTH',
        },
      );
    case 'query':
      return new QueryError(is.reason, describeRefusal(error, is.reason), init);
    case 'constraint': {
      const facts = constraintFacts(error);
      return new ConstraintError(is.reason, describeConstraint(error, is.reason, facts), facts, init);
    }
    case 'transaction':
      return new TransactionError(is.reason, describeServer(error), init);
    case 'timeout':
      return new TimeoutError('statement', "the server's own limit for statements was reached", init);
    case 'cancelled':
      return new CancelledError('administrator', 'somebody else cancelled the statement at the server', init);
    case 'unknown-outcome':
      return new OutcomeUnknownError(`${COMMIT_FAILED}: ${describeServer(error)}`, init);
  }
}

/**
 * A server that takes no writes is news of a failover, and the connection goes. When the one opened in its place says the
 * same, there is no writer to be had.
 */
function breakerOf(row: ErrnoRow, { isFirstLoan = false }: FailureSituation): BreakerVerdict {
  return row.siblings === 'evict' && isFirstLoan ? 'failure' : row.breaker;
}

function repliedInit(cause: unknown, error: MysqlServerError, situation: FailureSituation): FluxorErrorInit {
  return {
    cause,
    sqlState: error.sqlState === '' ? undefined : error.sqlState,
    vendorCode: error.errno,
    context: situation.context,
    outcome: outcomeOf(error.errno, situation),
    breaker: 'success',
  };
}

/** A write outside a transaction ends with a COMMIT of its own, which can fail as any other. */
function outcomeOf(errno: number, { phase, inTransaction, isReadOnly }: FailureSituation): Outcome {
  if (phase === 'connect' || phase === 'idle') return 'not-sent';
  const mayBeKept = phase === 'statement' && !inTransaction && !isReadOnly && isWriteFailure(errno);
  return mayBeKept ? 'unknown' : 'not-applied';
}

function fate(
  row: ErrnoRow,
  errno: number,
  situation: FailureSituation,
): { decision: RetryDecision; outcome: Outcome } {
  const outcome = outcomeOf(errno, situation);
  if (outcome === 'unknown' && !situation.isSafeToRepeat) return { decision: 'never', outcome };
  if (row.when === 'unknown') return { decision: 'never', outcome: 'unknown' };
  if (row.when === 'tx') return { decision: 'whole-transaction', outcome };
  if (row.when === 'fix') return { decision: situation.inTransaction ? 'whole-transaction' : 'after-fix', outcome };
  if (row.when === 'never') return { decision: 'never', outcome };
  return { decision: situation.inTransaction ? 'whole-transaction' : 'new-connection', outcome };
}
