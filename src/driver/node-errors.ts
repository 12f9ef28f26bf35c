/**
 * The errors that Node itself raises for sockets, DNS and TLS: the same for every database. The table is
 * resilience.md §3.1 of the design; each driver's errors file asks here after it has asked its own database.
 * A pure function over data; it never looks at message texts except to unwrap.
 */
import type { ConnectionErrorReason } from '../errors/connection-error.js';
import { ConnectionError } from '../errors/connection-error.js';
import type { BreakerVerdict, FluxorError, FluxorErrorInit, Outcome, RetryDecision } from '../errors/fluxor-error.js';
import { OutcomeUnknownError } from '../errors/query-error.js';
import type { FailureSituation } from './driver.js';

interface NodeErrorRow {
  readonly reason: ConnectionErrorReason;
  /** `unsent`: certain that no statement was involved. `lost`: depends on the situation. `local`/`config`: our own side. */
  readonly kind: 'unsent' | 'lost' | 'local' | 'config';
  readonly text: string;
}

const rows = (codes: string, row: NodeErrorRow): [string, NodeErrorRow][] =>
  codes.split(' ').map((code) => [code, row]);

const NODE_ERRORS: ReadonlyMap<string, NodeErrorRow> = new Map([
  ...rows('ECONNREFUSED ENOENT', {
    reason: 'refused',
    kind: 'unsent',
    text: 'the server refused the connection; is it running?',
  }),
  ...rows('EHOSTUNREACH ENETUNREACH EHOSTDOWN ENETDOWN', {
    reason: 'unreachable',
    kind: 'unsent',
    text: 'no route to the server',
  }),
  ...rows('ENOTFOUND', { reason: 'dns', kind: 'unsent', text: 'the host name is unknown; check its spelling' }),
  ...rows('EAI_AGAIN', { reason: 'dns', kind: 'unsent', text: 'the name server did not answer' }),
  ...rows('ECONNRESET ETIMEDOUT EPIPE ECONNABORTED', { reason: 'lost', kind: 'lost', text: 'the connection was lost' }),
  ...rows('ERR_STREAM_DESTROYED ERR_SOCKET_CLOSED ERR_STREAM_WRITE_AFTER_END', {
    reason: 'lost',
    kind: 'unsent',
    text: 'the connection was already closed',
  }),
  ...rows('EADDRNOTAVAIL EMFILE ENFILE ENOBUFS', {
    reason: 'local-resources',
    kind: 'local',
    text: 'this machine ran out of sockets or file handles',
  }),
  ...rows('EACCES EPERM EINVAL ERR_SOCKET_BAD_PORT ERR_INVALID_ARG_TYPE ERR_INVALID_ARG_VALUE', {
    reason: 'settings',
    kind: 'config',
    text: 'this machine does not allow the connection as configured',
  }),
  ...rows(
    'ERR_TLS_CERT_ALTNAME_INVALID CERT_HAS_EXPIRED CERT_NOT_YET_VALID DEPTH_ZERO_SELF_SIGNED_CERT SELF_SIGNED_CERT_IN_CHAIN ' +
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE UNABLE_TO_GET_ISSUER_CERT UNABLE_TO_GET_ISSUER_CERT_LOCALLY CERT_REVOKED',
    { reason: 'tls', kind: 'config', text: "the server's certificate was not accepted" },
  ),
  ...rows('EPROTO', { reason: 'tls', kind: 'lost', text: 'the TLS handshake failed' }),
]);

/** The error of the house for one of Node's, or `undefined` when it is not one of Node's. */
export function classifyNodeError(
  error: unknown,
  situation: FailureSituation,
  endpoint: string,
): FluxorError | undefined {
  const code = nodeCode(error);
  if (code === undefined) return undefined;
  const row = NODE_ERRORS.get(code) ?? (code.startsWith('ERR_SSL_') ? NODE_ERRORS.get('CERT_HAS_EXPIRED') : undefined);
  if (row === undefined) return undefined;
  const init = { cause: error, vendorCode: code, context: situation.context, isConnectionFatal: true };
  const where = `${endpoint}: ${row.text} (${code})`;
  if (row.kind === 'local') return new ConnectionError(row.reason, where, { ...init, decision: 'new-connection' });
  if (row.kind === 'config') {
    return new ConnectionError(row.reason, where, { ...init, breaker: row.reason === 'tls' ? 'failure' : 'ignore' });
  }
  if (row.kind === 'unsent') {
    const breaker = situation.phase === 'connect' ? 'failure' : 'ignore';
    return new ConnectionError(row.reason, where, { ...init, breaker, decision: 'new-connection' });
  }
  return lostConnection(row.reason, where, situation, init);
}

/**
 * A connection that went away, for whatever reason: what became of the statement depends on where it was.
 * resilience.md §4: not sent → always repeatable; in a transaction before COMMIT → the server rolls back;
 * during COMMIT → unknown, never repeated; in flight → unknown, repeated only when declared safe.
 */
export function lostConnection(
  reason: ConnectionErrorReason,
  text: string,
  situation: FailureSituation,
  init: Omit<FluxorErrorInit, 'reason'>,
): FluxorError {
  if (situation.phase === 'commit' && situation.wasSent) {
    return new OutcomeUnknownError(`${text}; the COMMIT had been sent and its answer is lost`, {
      ...init,
      isConnectionFatal: true,
      breaker: 'failure',
    });
  }
  const [decision, outcome] = fateOfLostStatement(situation);
  const breaker: BreakerVerdict =
    situation.phase === 'idle' || !isInFlight(situation) ? idleVerdict(situation) : 'failure';
  const suffix = outcome === 'unknown' ? '; the statement may or may not have been applied' : '';
  return new ConnectionError(reason, text + suffix, { ...init, isConnectionFatal: true, decision, outcome, breaker });
}

function fateOfLostStatement(situation: FailureSituation): [RetryDecision, Outcome] {
  if (!isInFlight(situation)) return ['new-connection', 'not-sent'];
  if (situation.inTransaction) return ['whole-transaction', 'not-applied'];
  const outcome = situation.isReadOnly ? 'not-applied' : 'unknown';
  return [situation.isSafeToRepeat ? 'new-connection' : 'never', outcome];
}

/** Connecting that fails is a failure of the server; finding an idle connection dead says nothing about it now. */
function idleVerdict(situation: FailureSituation): BreakerVerdict {
  return situation.phase === 'connect' || situation.phase === 'validate' ? 'failure' : 'ignore';
}

function isInFlight(situation: FailureSituation): boolean {
  return situation.wasSent && (situation.phase === 'statement' || situation.phase === 'commit');
}

/** Node's `code`, looked for also inside the AggregateError that trying several addresses of one host raises. */
function nodeCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, errors } = error as { code?: unknown; errors?: unknown };
  if (typeof code === 'string') return code;
  return Array.isArray(errors) ? nodeCode(errors[0]) : undefined;
}
