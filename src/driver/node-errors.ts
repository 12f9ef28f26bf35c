/**
 * The errors that Node itself raises for sockets, DNS and TLS: the same for every database. Each driver's
 * errors file asks here after it has asked its own database.
 * A pure function over data; it never looks at message texts except to unwrap.
 */
import type { ConnectionErrorReason } from '../errors/connection-error.js';
import { ConnectionError } from '../errors/connection-error.js';
import type {
  BreakerVerdict,
  FluxorError,
  FluxorErrorInit,
  Outcome,
  RetryDecision,
  Siblings,
} from '../errors/fluxor-error.js';
import { MAYBE_APPLIED } from '../errors/fluxor-error.js';
import { OutcomeUnknownError } from '../errors/query-error.js';
import { CancelledError } from '../errors/timeout-error.js';
import type { FailureSituation } from './driver.js';

interface NodeErrorRow {
  readonly reason: ConnectionErrorReason;
  /**
   * What it means when no statement is under way. `unsent`: the server can't be reached. `closed`: found closed before
   * anything was written. `lost`: it went away. `local`/`config`: our own side.
   */
  readonly kind: 'unsent' | 'closed' | 'lost' | 'local' | 'config';
  readonly text: string;
}

/**
 * The shortest pause before another attempt where something has run short, here or at the server. With the usual back-off
 * of 100 ms all attempts would be used up before anything could have changed.
 */
export const SLOW_RETRY_MS = 1_000;

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
  ...rows('ERR_SOCKET_CONNECTION_TIMEOUT', {
    reason: 'unreachable',
    kind: 'unsent',
    text: "none of the server's addresses answered",
  }),
  ...rows('ENOTFOUND', { reason: 'dns', kind: 'unsent', text: 'the host name is unknown; check its spelling' }),
  ...rows('EAI_AGAIN EAI_FAIL', { reason: 'dns', kind: 'unsent', text: 'the name server did not answer' }),
  ...rows('ECONNRESET ETIMEDOUT EPIPE ECONNABORTED', { reason: 'lost', kind: 'lost', text: 'the connection was lost' }),
  ...rows('ERR_STREAM_DESTROYED ERR_SOCKET_CLOSED ERR_SOCKET_CLOSED_BEFORE_CONNECTION ERR_STREAM_WRITE_AFTER_END', {
    reason: 'lost',
    kind: 'closed',
    text: 'the connection was already closed',
  }),
  ...rows('EADDRNOTAVAIL EADDRINUSE EMFILE ENFILE ENOBUFS ENOMEM', {
    reason: 'local-resources',
    kind: 'local',
    text: 'this machine ran out of sockets, ports, file handles or memory',
  }),
  ...rows('EACCES EPERM EINVAL ERR_SOCKET_BAD_PORT ERR_INVALID_ARG_TYPE ERR_INVALID_ARG_VALUE', {
    reason: 'settings',
    kind: 'config',
    text: 'this machine does not allow the connection as configured',
  }),
  ...rows(
    'ERR_TLS_CERT_ALTNAME_INVALID CERT_HAS_EXPIRED CERT_NOT_YET_VALID DEPTH_ZERO_SELF_SIGNED_CERT SELF_SIGNED_CERT_IN_CHAIN ' +
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE UNABLE_TO_GET_ISSUER_CERT UNABLE_TO_GET_ISSUER_CERT_LOCALLY CERT_REVOKED ' +
      'CERT_UNTRUSTED CERT_REJECTED CERT_SIGNATURE_FAILURE CERT_CHAIN_TOO_LONG PATH_LENGTH_EXCEEDED INVALID_CA ' +
      'INVALID_PURPOSE HOSTNAME_MISMATCH UNABLE_TO_GET_CRL CRL_HAS_EXPIRED CRL_NOT_YET_VALID CRL_SIGNATURE_FAILURE',
    { reason: 'tls', kind: 'config', text: "the server's certificate was not accepted" },
  ),
  ...rows('EPROTO', { reason: 'tls', kind: 'lost', text: 'the TLS handshake failed' }),
]);

const TLS_FAILED: NodeErrorRow = { reason: 'tls', kind: 'config', text: 'the TLS handshake failed' };
/** OpenSSL on what it was given: no PEM text, a key of another certificate, a wrong passphrase. */
const TLS_UNREADABLE: NodeErrorRow = {
  reason: 'tls',
  kind: 'config',
  text: 'the certificate, key or authority in the TLS options could not be used',
};

/** The error of the house for one of Node's, or `undefined` when it is not one of Node's. */
export function classifyNodeError(
  error: unknown,
  situation: FailureSituation,
  endpoint: string,
): FluxorError | undefined {
  if (isAbort(error)) return abortedError(error, situation, endpoint);
  const found = findRow(error);
  if (found === undefined) return undefined;
  const [code, row] = found;
  const init = { cause: error, vendorCode: code, context: situation.context, isConnectionFatal: true };
  const where = `${endpoint}: ${row.text} (${code})`;
  // With a statement on the wire its fate is open, whatever the code says: a route that vanishes under an established
  // connection is also an EHOSTUNREACH, and a bad TLS record an ERR_SSL_*.
  if (row.kind === 'lost' || isInFlight(situation)) return lostConnection(row.reason, where, situation, init);
  const decision = row.kind === 'config' ? 'never' : repeatUnsent(situation);
  const isServers = row.kind === 'unsent' || row.reason === 'tls';
  const breaker: BreakerVerdict = isServers && situation.phase === 'connect' ? 'failure' : 'ignore';
  const retryAfterMs = row.kind === 'local' ? SLOW_RETRY_MS : undefined;
  return new ConnectionError(row.reason, where, { ...init, breaker, decision, retryAfterMs });
}

/** Somebody's AbortSignal, handed to the client library or to a password function. */
function abortedError(error: unknown, situation: FailureSituation, endpoint: string): FluxorError {
  const outcome = isInFlight(situation) ? fateOfLostStatement(situation)[1] : 'not-sent';
  return new CancelledError('caller', `${endpoint}: aborted`, { cause: error, context: situation.context, outcome });
}

/**
 * A connection that went away, for whatever reason: what became of the statement depends on where it was.
 * Not sent → always repeatable; in a transaction before COMMIT → the server rolls back;
 * during COMMIT → unknown, never repeated; in flight → unknown, repeated only when declared safe.
 * `init.siblings` wins where the caller knows better what the loss says about the others.
 */
export function lostConnection(
  reason: ConnectionErrorReason,
  text: string,
  situation: FailureSituation,
  given: Omit<FluxorErrorInit, 'reason'>,
): FluxorError {
  const init = { ...given, siblings: given.siblings ?? siblingsOfLost(reason, situation) };
  if (situation.phase === 'commit' && situation.wasSent) {
    return new OutcomeUnknownError(`${text}; the COMMIT had been sent and its answer is lost`, {
      ...init,
      isConnectionFatal: true,
      breaker: 'failure',
    });
  }
  const [decision, outcome] = fateOfLostStatement(situation);
  const breaker = isInFlight(situation) ? 'failure' : idleVerdict(situation);
  const suffix = outcome === 'unknown' ? MAYBE_APPLIED : '';
  return new ConnectionError(reason, text + suffix, { ...init, isConnectionFatal: true, decision, outcome, breaker });
}

/** Losses that what killed one connection may have caused: the server's end, the machine's, the network's. */
const SHARED_LOSSES: ReadonlySet<ConnectionErrorReason> = new Set(['lost', 'shutting-down', 'unreachable', 'refused']);

/** A connection that never was says nothing about those that are. */
function siblingsOfLost(reason: ConnectionErrorReason, situation: FailureSituation): Siblings {
  const isTold = situation.phase !== 'connect' && situation.hasSiblings !== false;
  return isTold && SHARED_LOSSES.has(reason) ? 'validate' : 'keep';
}

function fateOfLostStatement(situation: FailureSituation): [RetryDecision, Outcome] {
  if (!isInFlight(situation)) return [repeatUnsent(situation), 'not-sent'];
  if (situation.inTransaction) return ['whole-transaction', 'not-applied'];
  const outcome = situation.isReadOnly ? 'not-applied' : 'unknown';
  return [situation.isSafeToRepeat ? 'new-connection' : 'never', outcome];
}

/** A statement that was not sent, alone or as part of a transaction that went with its connection. */
export function repeatUnsent(situation: FailureSituation): RetryDecision {
  return situation.inTransaction ? 'whole-transaction' : 'new-connection';
}

/**
 * Connecting that fails is a failure of the server. Finding a connection dead that was idle, also by asking it, says
 * nothing about the server now: the first five requests of a morning would open the circuit.
 */
function idleVerdict(situation: FailureSituation): BreakerVerdict {
  return situation.phase === 'connect' ? 'failure' : 'ignore';
}

function isInFlight(situation: FailureSituation): boolean {
  return situation.wasSent && (situation.phase === 'statement' || situation.phase === 'commit');
}

/** Deep enough for any wrapping seen, and an end where an error is its own cause. */
const MAX_WRAPPINGS = 5;

type Found = readonly [code: string, row: NodeErrorRow];

/**
 * The row of Node's `code`, looked for also inside: the AggregateError that trying several addresses of one host raises,
 * and the causes of wrappers.
 */
function findRow(error: unknown, depth = 0): Found | undefined {
  if (typeof error !== 'object' || error === null || depth > MAX_WRAPPINGS) return undefined;
  const { code, errors, cause, originalError } = error as Partial<Record<string, unknown>>;
  const tried = Array.isArray(errors) ? mostTelling(errors, depth) : undefined;
  if (tried !== undefined) return tried;
  const row = typeof code === 'string' ? rowOf(code) : undefined;
  if (row !== undefined) return [code as string, row];
  return findRow(cause, depth + 1) ?? findRow(originalError, depth + 1);
}

/**
 * Of the errors of several addresses, the first that comes from the server's side. Node puts the code of the very first on
 * top, and on a machine without IPv6 that is EADDRNOTAVAIL for `::1`, whatever the server said on 127.0.0.1.
 */
function mostTelling(errors: readonly unknown[], depth: number): Found | undefined {
  const found = errors.map((error) => findRow(error, depth + 1)).filter((row) => row !== undefined);
  return found.find(([, { kind }]) => kind === 'unsent' || kind === 'lost') ?? found[0];
}

function rowOf(code: string): NodeErrorRow | undefined {
  const known = NODE_ERRORS.get(code);
  if (known !== undefined) return known;
  if (code.startsWith('ERR_OSSL_')) return TLS_UNREADABLE;
  return code.startsWith('ERR_SSL_') ? TLS_FAILED : undefined;
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || (error as { code?: unknown }).code === 'ABORT_ERR');
}

/** What no table of a room knows. */
export function unknownError(error: unknown, situation: FailureSituation, endpoint: string): FluxorError {
  const text = `${endpoint}: the client library failed in an unknown way; see cause`;
  const init = { cause: error, context: situation.context, isConnectionFatal: true };
  // Whatever it was, a COMMIT that had been sent may have been carried out.
  if (situation.phase === 'commit' && situation.wasSent) return lostConnection('protocol', text, situation, init);
  const isConnecting = situation.phase === 'connect';
  const outcome = situation.wasSent && !isConnecting ? 'unknown' : 'not-sent';
  // What fails before anything is written fails on this side, and says nothing about the server.
  const breaker = situation.wasSent || isConnecting ? 'failure' : 'ignore';
  return new ConnectionError('protocol', text, { ...init, outcome, breaker });
}
