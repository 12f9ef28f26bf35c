/**
 * What the mariadb connector itself says, by its numbers 45001 to 45099, and what this room says when it ends a connection.
 * Called by mysql-errors.ts before it asks for the server's numbers. Source: lib/misc/errors.js of the connector, 3.5.4.
 *
 * `fatal` and `code` are never looked at: the connector calls every 70100 fatal (a KILL QUERY and a timeout, after which the
 * connection is as good as before), and its names are those of MariaDB's numbers alone.
 */
import { ConnectionError } from '../../errors/connection-error.js';
import type { FluxorError } from '../../errors/fluxor-error.js';
import { OutcomeUnknownError, QueryError } from '../../errors/query-error.js';
import { CancelledError, TimeoutError } from '../../errors/timeout-error.js';
import type { FailureSituation } from '../driver.js';
import { classifyNodeError, lostConnection, repeatUnsent } from '../node-errors.js';
import { serverErrorOf } from '../mysql-server/mysql-server-error.js';

type Kind =
  'lost' | 'closed' | 'connect-timeout' | 'protocol' | 'tls' | 'auth' | 'settings' | 'pool' | 'value' | 'misuse';

const kinds = (numbers: string, kind: Kind): [number, Kind][] =>
  numbers.split(' ').map((number) => [45_000 + Number(number), kind]);

const KINDS: ReadonlyMap<number, Kind> = new Map([
  ...kinds('4 9 19 26 42', 'lost'),
  ...kinds('1 13', 'closed'),
  ...kinds('12', 'connect-timeout'),
  ...kinds('11 14 15 20 24 32 65', 'protocol'),
  ...kinds('8 23 56 57 59 62 63', 'tls'),
  ...kinds('25 44 47 64', 'auth'),
  ...kinds('29 30 33 36 39', 'settings'),
  // Of its pool, which this room does not use; another library may wrap it.
  ...kinds('27 28 35 37 60 61', 'pool'),
  ...kinds('50', 'value'),
]);

const CLOSED_HERE = 'FLUXOR_CLOSED_HERE';

/** The connection was destroyed by this side. */
export function closedHere(): Error {
  return Object.assign(new Error('the connection was closed by this side'), { code: CLOSED_HERE });
}

/** `undefined` for what the connector only passes on. */
export function classifyMariadbClient(
  error: unknown,
  situation: FailureSituation,
  endpoint: string,
): FluxorError | undefined {
  if (!(error instanceof Error)) return undefined;
  if ((error as { code?: unknown }).code === CLOSED_HERE) return endedByUs(error, situation, endpoint);
  const number = clientNumber(error);
  if (number === undefined) return undefined;
  return byKind(KINDS.get(number) ?? 'misuse', error, situation, endpoint);
}

/** A SIGNAL of the database's own code may take the same number; its state says so. */
function clientNumber(error: Error): number | undefined {
  const { errno } = error as { errno?: unknown };
  const isOwn = typeof errno === 'number' && errno > 45_000 && errno < 45_100 && serverErrorOf(error) === undefined;
  return isOwn ? errno : undefined;
}

function byKind(kind: Kind, error: Error, situation: FailureSituation, endpoint: string): FluxorError {
  const init = { cause: error, context: situation.context, isConnectionFatal: true, vendorCode: clientNumber(error) };
  switch (kind) {
    case 'lost':
      return lostConnection('lost', `${endpoint}: the connection was lost`, situation, init);
    case 'closed': {
      const unsent = { ...situation, wasSent: false };
      return lostConnection('lost', `${endpoint}: the connection was already closed`, unsent, init);
    }
    case 'connect-timeout': {
      const text = `${endpoint}: connecting took longer than the client library allows`;
      return new TimeoutError('connect', text, { ...init, decision: repeatUnsent(situation), breaker: 'failure' });
    }
    case 'protocol':
      return lostConnection('protocol', `${endpoint}: the server sent something unexpected`, situation, init);
    case 'tls':
      return new ConnectionError('tls', `${endpoint}: ${tlsText(init.vendorCode)}`, { ...init, breaker: 'failure' });
    case 'auth':
      return new ConnectionError('credentials', `${endpoint}: ${authText(init.vendorCode)}`, {
        ...init,
        code: 'AUTH',
        breaker: 'failure',
      });
    case 'settings':
      return new ConnectionError('settings', `${endpoint}: the session could not be set up; see cause`, init);
    case 'pool':
      return poolError(error, situation, endpoint, init);
    case 'value': {
      const text = 'a value could not be read by the client library; see cause';
      return new QueryError('data', text, {
        ...init,
        isConnectionFatal: false,
        outcome: 'applied',
        breaker: 'success',
      });
    }
    case 'misuse': {
      const text = 'the client library refused the statement; see cause';
      return new QueryError('statement-invalid', text, { cause: error, context: situation.context });
    }
  }
}

/** "Could not get a connection in time": why not is in `cause`, and decides. */
function poolError(
  error: Error,
  situation: FailureSituation,
  endpoint: string,
  init: { readonly cause: unknown; readonly vendorCode: number | undefined },
): FluxorError {
  const behind = error.cause;
  const known =
    behind === undefined
      ? undefined
      : (classifyMariadbClient(behind, situation, endpoint) ?? classifyNodeError(behind, situation, endpoint));
  if (known !== undefined) return known;
  const text = `${endpoint}: a pool of the client library had no connection to give`;
  return new ConnectionError('local-resources', text, {
    ...init,
    decision: repeatUnsent(situation),
    breaker: 'ignore',
  });
}

function tlsText(number: number | undefined): string {
  if (number === 45_023) return 'the server does not offer TLS, and the options ask for it';
  return "the server's certificate was not accepted";
}

function authText(number: number | undefined): string {
  if (number === 45_044) {
    return "the login needs the server's public key: use TLS, a Unix socket, or allowPublicKeyRetrieval: true";
  }
  if (number === 45_064) return 'the login would send the password in clear: use TLS';
  return 'the server asks for a way to log in that the client library does not have';
}

/**
 * It says nothing about the server. Whoever was stopped hears of that; what others had in flight on the connection, nobody has
 * cancelled: it is lost, and can be sent again where any lost statement can.
 */
function endedByUs(cause: Error, situation: FailureSituation, endpoint: string): FluxorError {
  const text = `${endpoint}: the connection was closed by this side`;
  const init = { cause, context: situation.context, isConnectionFatal: true };
  const lost = lostConnection('lost', text, situation, { ...init, siblings: 'keep' });
  if (lost instanceof OutcomeUnknownError) return lost;
  const { outcome, decision, message } = lost;
  if (situation.phase === 'connect') return new CancelledError('runtime', text, { ...init, outcome, decision });
  return new ConnectionError('lost', message, { ...init, outcome, decision, breaker: 'ignore' });
}

/** The connector puts the statement into each error: into a field, the message and the stack. */
export function withoutStatement(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { sql } = error as { sql?: unknown };
  if (typeof sql !== 'string' || sql === '') return error;
  const tail = `\nsql: ${sql}`;
  const stack = error.stack?.replace(tail, () => '');
  if (error.message.endsWith(tail)) error.message = error.message.slice(0, -tail.length);
  if (stack !== undefined) error.stack = stack;
  delete (error as { sql?: unknown }).sql;
  return error;
}
