/**
 * What Oracle and its client library mean by an error. A pure function: native error and situation in, error of the house out.
 * Order, because each step can be fooled by what the next one looks at: the server's number, wherever it stands; the library's
 * own NJS code, which it also puts over the server's; Node's codes; unknown.
 * Invariants: the caller's own facts come before the server's text wherever both could decide; nothing that a break may have
 * hidden is called not applied; `isRecoverable` is not looked at, as it says "ask for the outcome", and not "try again".
 */
import { ConnectionError } from '../../errors/connection-error.js';
import type { ConnectionErrorReason } from '../../errors/connection-error.js';
import type {
  BreakerVerdict,
  FluxorError,
  FluxorErrorInit,
  Outcome,
  RetryDecision,
} from '../../errors/fluxor-error.js';
import { MAYBE_APPLIED, isFluxorError } from '../../errors/fluxor-error.js';
import { ConstraintError, OutcomeUnknownError, QueryError, TransactionError } from '../../errors/query-error.js';
import { CancelledError, TimeoutError } from '../../errors/timeout-error.js';
import type { FailureSituation } from '../driver.js';
import { classifyNodeError, lostConnection, unknownError } from '../node-errors.js';
import type { OraRow } from './oracle-codes.js';
import { LOGIN_REFUSALS, ROLLED_BACK, UNKNOWN_OUTCOME, findOra, leavesOpen, provesRollback } from './oracle-codes.js';
import { classifyNjs, openOutcome } from './oracle-njs.js';
import type { OracleServerError } from './oracle-server-error.js';
import { constraintFacts, describeConstraint, describeRefusal, oraName, serverErrorOf } from './oracle-server-error.js';

export function classifyOracleError(error: unknown, given: FailureSituation, endpoint: string): FluxorError {
  if (isFluxorError(error)) return error;
  const situation = provenSituation(error, given);
  const serverError = serverErrorOf(error);
  const row = serverError && findOra(serverError.number);
  if (serverError !== undefined && row !== undefined)
    return new Verdict(error, serverError, row, situation, endpoint).error();
  const own = classifyNjs(error, situation, endpoint);
  if (own !== undefined) return own;
  if (serverError !== undefined) return new Verdict(error, serverError, UNLISTED, situation, endpoint).error();
  return classifyNodeError(error, situation, endpoint) ?? unknownError(error, situation, endpoint);
}

/** The server refused user, password or token: fresh ones may be taken. */
export function isLoginRefusal(error: unknown): boolean {
  const number = serverErrorOf(error)?.number;
  if (number !== undefined) return LOGIN_REFUSALS.has(number);
  return typeof error === 'object' && error !== null && (error as { code?: unknown }).code === 'NJS-087';
}

const NOTHING_APPLIED = Symbol('nothing applied');

/**
 * For a statement that was broken off (ORA-01013, NJS-123) and certainly left nothing: it did not commit by itself, and the
 * session says that no transaction is open. Its error alone does not tell.
 */
export function noteNothingApplied(error: unknown): void {
  if (error instanceof Error) Object.defineProperty(error, NOTHING_APPLIED, { value: true });
}

/** The caller's situation, as far as is proved: what left nothing is as if it had been declared to change nothing. */
function provenSituation(error: unknown, situation: FailureSituation): FailureSituation {
  const isProved = error instanceof Error && NOTHING_APPLIED in error && situation.phase === 'statement';
  return isProved ? { ...situation, isReadOnly: true } : situation;
}

/** A number that nobody has looked at yet. */
const UNLISTED: OraRow = { is: { kind: 'query', reason: 'internal' }, when: 'never', breaker: 'success', kill: false };

const COMMIT_FAILED = 'the server could not complete the COMMIT';

const CONNECTION_TEXTS: Readonly<Partial<Record<ConnectionErrorReason, string>>> = {
  lost: 'the session was ended, or the connection broke',
  'shutting-down': 'the database is shutting down, or changes its role',
  'starting-up': 'the database is starting, or not open yet',
  'idle-timeout': 'the database had ended the session for idling',
  'too-many-connections': 'the database, or its listener, has no place left',
  'unknown-database': 'the listener does not know the service, or not yet',
  settings: 'the connect string leads to no service',
  dns: 'the host of the connect string is not known',
  refused: 'the listener did not take the connection; is it running?',
  unreachable: 'no way leads to the listener',
};

const AUTH_TEXTS: ReadonlyMap<number, string> = new Map([
  [1005, 'no password was given'],
  [1045, 'the user has no right to log in (CREATE SESSION)'],
  [25708, 'the access token has expired'],
  [28000, 'the account is locked'],
  [28001, 'the password has expired'],
  [28009, 'this user logs in with a privilege only (SYSDBA, SYSOPER)'],
  [28040, 'server and client have no way of logging in in common'],
]);

/** One error of the server, seen in one situation. */
class Verdict {
  readonly #cause: unknown;
  readonly #server: OracleServerError;
  readonly #row: OraRow;
  readonly #situation: FailureSituation;
  readonly #endpoint: string;

  constructor(cause: unknown, server: OracleServerError, row: OraRow, situation: FailureSituation, endpoint: string) {
    this.#cause = cause;
    this.#server = server;
    this.#row = row;
    this.#situation = situation;
    this.#endpoint = endpoint;
  }

  error(): FluxorError {
    const { is } = this.#row;
    if (this.#isUnprovenCommit()) return this.#unknownCommit();
    switch (is.kind) {
      case 'connection':
        return this.#connectionError(is.reason);
      case 'network-timeout':
        if (this.#situation.phase !== 'connect') return this.#lost('lost');
        return new TimeoutError('connect', this.#at('the network gave up waiting'), this.#init());
      case 'auth':
        return this.#authError();
      case 'query':
        return this.#queryError(this.#isMissingInBlock() ? 'undefined-object' : is.reason);
      case 'constraint': {
        const facts = constraintFacts(this.#server);
        return new ConstraintError(is.reason, describeConstraint(this.#server, is.reason, facts), facts, this.#init());
      }
      case 'transaction':
        return this.#transactionError(is.reason);
      case 'cancelled': {
        const text = `the statement was cancelled at the server (${oraName(this.#server.number)})`;
        const init = this.#init();
        return new CancelledError('administrator', init.outcome === 'unknown' ? text + MAYBE_APPLIED : text, init);
      }
      case 'unknown-outcome':
        return new OutcomeUnknownError(this.#at('the server cannot tell whether it was applied'), this.#init());
    }
  }

  #isMissingInBlock(): boolean {
    return this.#server.number === 6550 && this.#server.isNameMissing;
  }

  /** Of a COMMIT that reached the server and ended with an error of which nobody knows that it undoes one. */
  #isUnprovenCommit(): boolean {
    const { phase, wasSent } = this.#situation;
    const { number, wrappers } = this.#server;
    if (phase !== 'commit' || !wasSent) return false;
    return !wrappers.includes(ROLLED_BACK) && !provesRollback(number);
  }

  #unknownCommit(): FluxorError {
    const { is, siblings } = this.#row;
    if (is.kind === 'connection' || is.kind === 'network-timeout')
      return this.#lost(is.kind === 'connection' ? is.reason : 'lost');
    const row = UNKNOWN_OUTCOME;
    const init = { ...this.#init(), breaker: row.breaker, isConnectionFatal: row.kill, siblings };
    return new OutcomeUnknownError(this.#at(COMMIT_FAILED), init);
  }

  #connectionError(reason: ConnectionErrorReason): FluxorError {
    const { phase } = this.#situation;
    if (this.#row.when === 'lost') return this.#lost(reason);
    const isTelling = phase === 'connect' || phase === 'statement' || phase === 'commit';
    const init = { ...this.#init(), breaker: isTelling ? this.#row.breaker : ('ignore' as const) };
    return new ConnectionError(reason, this.#at(CONNECTION_TEXTS[reason] ?? reason), init);
  }

  #lost(reason: ConnectionErrorReason): FluxorError {
    const { decision: _decision, outcome: _outcome, breaker: _breaker, ...init } = this.#init();
    const text = this.#at(CONNECTION_TEXTS[reason] ?? reason);
    const error = lostConnection(reason, text, this.#situation, init);
    if (this.#row.breaker === 'ignore') error.overrule({ ...error, isConnectionFatal: true, breaker: 'ignore' });
    return error;
  }

  #authError(): FluxorError {
    const { number } = this.#server;
    const isExpiredToken = this.#row.when === 'fix';
    if (this.#situation.phase !== 'connect' && !isExpiredToken) {
      const { decision: _decision, ...init } = this.#init();
      const text = describeRefusal(this.#server, 'permission');
      return new QueryError('permission', text, { ...init, breaker: 'success', isConnectionFatal: false });
    }
    const why = AUTH_TEXTS.get(number) ?? 'user or password were not accepted';
    return new ConnectionError('credentials', this.#at(why), { ...this.#init(), code: 'AUTH' });
  }

  #queryError(reason: QueryError['reason']): FluxorError {
    const init = this.#init();
    // A server that is short of something, or ill, takes nobody in.
    const isRefused = reason === 'resource' || reason === 'internal';
    if (this.#situation.phase === 'connect' && isRefused)
      return new ConnectionError('refused', this.#at('the database takes no new session now'), init);
    const text = describeRefusal(this.#server, reason);
    return new QueryError(reason, init.outcome === 'unknown' ? text + MAYBE_APPLIED : text, init);
  }

  #transactionError(reason: TransactionError['reason']): FluxorError {
    const init = this.#init();
    if (this.#server.number === 1456 && this.#situation.askedReadOnly) {
      const asked = { ...init, decision: 'never', breaker: 'success', isConnectionFatal: false } as const;
      return new TransactionError('read-only', 'a write inside a transaction that was begun read-only', asked);
    }
    return new TransactionError(reason, describeRefusal(this.#server, reason), init);
  }

  #init(): FluxorErrorInit {
    const { number } = this.#server;
    const { siblings, retryAfterMs, kill } = this.#row;
    return {
      ...this.#fate(),
      cause: this.#cause,
      vendorCode: number,
      context: this.#situation.context,
      breaker: this.#breaker(),
      isConnectionFatal: kill,
      siblings: this.#situation.hasSiblings === false ? undefined : siblings,
      retryAfterMs,
    };
  }

  /**
   * A server that takes no writes is news of a failover, and the connection goes. When the one opened in its place says the
   * same, there is no writer to be had.
   */
  #breaker(): BreakerVerdict {
    const { siblings, breaker } = this.#row;
    return siblings === 'evict' && this.#situation.isFirstLoan === true ? 'failure' : breaker;
  }

  #outcome(): Outcome {
    const { phase, inTransaction } = this.#situation;
    if (phase === 'connect' || phase === 'idle') return 'not-sent';
    const { number } = this.#server;
    if (!leavesOpen(number)) return 'not-applied';
    // With the session goes its transaction.
    return inTransaction && this.#row.kill ? 'not-applied' : openOutcome(this.#situation);
  }

  #fate(): { decision: RetryDecision; outcome: Outcome } {
    const outcome = this.#outcome();
    const { phase, inTransaction } = this.#situation;
    switch (this.#row.when) {
      case 'never':
        return { decision: 'never', outcome };
      case 'unknown':
        return { decision: 'never', outcome: 'unknown' };
      case 'fix':
        return { decision: inTransaction ? 'whole-transaction' : 'after-fix', outcome };
      case 'tx':
        return { decision: phase === 'connect' ? 'new-connection' : 'whole-transaction', outcome };
      default:
        return { decision: inTransaction ? 'whole-transaction' : 'new-connection', outcome };
    }
  }

  #at(text: string): string {
    return `${this.#endpoint}: ${text} (${oraName(this.#server.number)})`;
  }
}
