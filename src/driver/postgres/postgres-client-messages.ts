/**
 * What `pg` itself says without a code: its errors are told apart by their texts, which are listed here and nowhere else.
 * Called by postgres-errors.ts when neither the server nor Node has claimed an error.
 */
import { ConnectionError } from '../../errors/connection-error.js';
import type { FluxorError, FluxorErrorInit } from '../../errors/fluxor-error.js';
import { OutcomeUnknownError, QueryError } from '../../errors/query-error.js';
import { CancelledError, TimeoutError } from '../../errors/timeout-error.js';
import type { FailureSituation } from '../driver.js';
import { lostConnection, repeatUnsent } from '../node-errors.js';

/**
 * Messages of `pg` that carry no code (pg 8.23: client.js, connection.js, query.js, crypto/sasl.js). Those of `pg.Pool`
 * are not here: this room opens single clients only.
 */
export function classifyClientMessage(
  error: unknown,
  situation: FailureSituation,
  endpoint: string,
): FluxorError | undefined {
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
