/**
 * What `mysql2` itself says, by its own codes where it has some and by texts where not (3.24: base/connection.js,
 * commands/client_handshake.js, commands/auth_switch.js). This room opens single connections and sets no limit of mysql2's own;
 * what its pools and limits say is here for libraries that wrap it. `fatal` is not looked at: it is left out where it matters.
 */
import { ConnectionError } from '../../errors/connection-error.js';
import type { FluxorError } from '../../errors/fluxor-error.js';
import { CancelledError } from '../../errors/timeout-error.js';
import type { FailureSituation } from '../driver.js';
import { classifyNodeError, lostConnection, repeatUnsent } from '../node-errors.js';

export function classifyMysql2Error(
  error: unknown,
  situation: FailureSituation,
  endpoint: string,
): FluxorError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { message } = error;
  const { code } = error as { readonly code?: unknown };
  const init = { cause: error, context: situation.context, isConnectionFatal: true };
  switch (code) {
    case 'PROTOCOL_CONNECTION_LOST':
      return lostConnection('lost', `${endpoint}: the server closed the connection`, situation, init);
    case 'PROTOCOL_SEQUENCE_TIMEOUT':
      // Its statement runs on, and the answer to the next one would wait for it.
      return lostConnection('lost', `${endpoint}: mysql2 gave up waiting for the answer`, situation, init);
    case 'POOL_NOEXIST':
    case 'POOL_NONEONLINE': {
      const text = `${endpoint}: a pool of mysql2 has no server that answers`;
      return new ConnectionError('unreachable', text, {
        ...init,
        decision: repeatUnsent(situation),
        breaker: 'failure',
      });
    }
    case 'FLUXOR_GIVEN_UP': {
      const text = `${endpoint}: the connection was given up while it was being made`;
      return new CancelledError('runtime', text, { ...init, decision: 'new-connection' });
    }
    case 'PROTOCOL_ERROR':
    case 'PROTOCOL_UNEXPECTED_PACKET':
    case 'HANDSHAKE_UNKNOWN_ERROR':
      return lostConnection(
        'protocol',
        `${endpoint}: the server sent what the protocol does not allow`,
        situation,
        init,
      );
    case 'HANDSHAKE_NO_SSL_SUPPORT': {
      const text = `${endpoint}: the server does not offer TLS, and the options ask for it`;
      return new ConnectionError('tls', text, { ...init, breaker: 'failure' });
    }
    case 'HANDSHAKE_SSL_ERROR':
      return tlsError(error, situation, endpoint);
    case 'AUTH_SWITCH_PLUGIN_ERROR':
    case 'MYSQL_CLEAR_PASSWORD_NOT_ENABLED':
      return pluginError(error, situation, endpoint);
    default:
      return classifyText(message, error, situation, endpoint);
  }
}

/** mysql2 writes its own code over that of Node, and what is left is the text. */
function tlsError(error: Error, situation: FailureSituation, endpoint: string): FluxorError {
  const node = error.cause === undefined ? undefined : classifyNodeError(error.cause, situation, endpoint);
  if (node !== undefined) return node;
  const text = `${endpoint}: the TLS handshake failed, or the server's certificate was not accepted; see cause`;
  const init = { cause: error, context: situation.context, isConnectionFatal: true };
  return new ConnectionError('tls', text, { ...init, breaker: 'failure' });
}

/** The login failed on this side: a method that mysql2 does not know, or one that it may not use. */
function pluginError(error: Error, { context }: FailureSituation, endpoint: string): FluxorError {
  const method = /unknown plugin (\w+)/.exec(error.message)?.[1];
  const text =
    method === undefined
      ? `${endpoint}: the server's way of logging in cannot be used here; see cause`
      : `${endpoint}: the user logs in by '${method}', which mysql2 does not know; fluxor-db/mariadb may`;
  return new ConnectionError('credentials', text, {
    cause: error,
    context,
    code: 'AUTH',
    isConnectionFatal: true,
    breaker: 'failure',
  });
}

function classifyText(
  message: string,
  error: Error,
  situation: FailureSituation,
  endpoint: string,
): FluxorError | undefined {
  const init = { cause: error, context: situation.context, isConnectionFatal: true };
  if (/in closed state$/.test(message)) {
    const text = `${endpoint}: the connection was already closed`;
    return new ConnectionError('lost', text, { ...init, decision: repeatUnsent(situation) });
  }
  if (/^(Pool is closed|No connections available|Queue limit reached)\.$/.test(message)) {
    const text = `${endpoint}: a pool of mysql2 had no connection to give`;
    return new ConnectionError('local-resources', text, { ...init, decision: repeatUnsent(situation) });
  }
  if (/packets out of order/.test(message)) {
    return lostConnection('protocol', `${endpoint}: the server's packets came out of order`, situation, init);
  }
  return undefined;
}

/** Made by this room where mysql2 says nothing of its own. */
export function roomError(code: 'PROTOCOL_CONNECTION_LOST' | 'FLUXOR_GIVEN_UP', message: string): Error {
  return Object.assign(new Error(message), { code });
}

export function publicKeyError(endpoint: string): FluxorError {
  const text =
    `${endpoint}: the login needs the server's public key, and without TLS anybody in between could give theirs; use TLS, ` +
    'or set allowPublicKeyRetrieval';
  return new ConnectionError('credentials', text, { code: 'AUTH', isConnectionFatal: true, breaker: 'ignore' });
}
