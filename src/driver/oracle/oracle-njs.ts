/**
 * What `oracledb` itself says, by its own `NJS-` codes (oracledb 26.0: lib/errors.js). Asked after the server's numbers, which
 * many of its errors carry. Thick mode's `DPI-` codes come out as NJS codes too, where they matter.
 * Invariant: what may have been sent is not called unsent because of where the library noticed.
 */
import { ConnectionError } from '../../errors/connection-error.js';
import type { ConnectionErrorReason } from '../../errors/connection-error.js';
import type { FluxorError, FluxorErrorInit, Outcome } from '../../errors/fluxor-error.js';
import { MAYBE_APPLIED } from '../../errors/fluxor-error.js';
import type { QueryErrorReason } from '../../errors/query-error.js';
import { OutcomeUnknownError, QueryError } from '../../errors/query-error.js';
import { TimeoutError } from '../../errors/timeout-error.js';
import type { FailureSituation } from '../driver.js';
import { classifyNodeError, lostConnection, repeatUnsent } from '../node-errors.js';

type NjsRow =
  | { readonly kind: 'lost' | 'unsent' | 'never'; readonly reason: ConnectionErrorReason; readonly text: string }
  | { readonly kind: 'tls' | 'auth' | 'expired' | 'settings' | 'closed' | 'pool' | 'pool-over'; readonly text: string }
  | { readonly kind: 'misuse'; readonly reason: QueryErrorReason; readonly text: string }
  | { readonly kind: 'connect-timeout' | 'call-timeout'; readonly text: string };

const rows = (numbers: string, row: NjsRow): [number, NjsRow][] =>
  numbers.split(' ').map((number) => [Number(number), row]);

export const NJS_CODES: ReadonlyMap<number, NjsRow> = new Map<number, NjsRow>([
  ...rows('500 501 521', { kind: 'lost', reason: 'lost', text: 'the connection was closed or broke' }),
  ...rows('503', { kind: 'unsent', reason: 'unreachable', text: 'no connection to the listener could be made' }),
  ...rows('504', { kind: 'unsent', reason: 'unreachable', text: 'the proxy made no connection' }),
  ...rows('530', { kind: 'unsent', reason: 'dns', text: 'no host of the connect string is known' }),
  ...rows('510', { kind: 'connect-timeout', text: 'connecting took longer than the client library allows' }),
  ...rows('511', { kind: 'unsent', reason: 'refused', text: 'the listener refused the connection' }),
  ...rows('512 514 515 516 517 520 522 523 524 529 535 125', {
    kind: 'settings',
    text: 'the connect string, or the files it stands on, cannot be used; see cause',
  }),
  ...rows('505 506 507 508', {
    kind: 'tls',
    text: "TLS could not be set up, or the server's certificate was not accepted",
  }),
  ...rows('509 102 103 106 531 532 533 534 536 173', {
    kind: 'lost',
    reason: 'protocol',
    text: 'the server sent what the client library does not understand',
  }),
  ...rows('513', { kind: 'lost', reason: 'shutting-down', text: 'the server announced that it ends the session' }),
  ...rows('123', { kind: 'call-timeout', text: 'the client library stopped the call at its callTimeout' }),
  ...rows('40 76 82', { kind: 'pool', text: 'a pool of oracledb had no connection to give' }),
  ...rows('2 64 65 104', { kind: 'pool-over', text: 'a pool of oracledb is closed, or cannot be' }),
  ...rows('3 18 147', { kind: 'closed', text: 'the connection, or its cursor, was already closed' }),
  ...rows('81', { kind: 'misuse', reason: 'object-state', text: 'the connection was busy with another call' }),
  ...rows('87', { kind: 'expired', text: 'the access token has expired' }),
  ...rows('101', { kind: 'auth', text: 'no credentials were given' }),
  ...rows('116', {
    kind: 'auth',
    text: "the user's password has a verifier that thin mode does not know; set it anew",
  }),
  ...rows('84 85 86 136 140', { kind: 'auth', text: 'the credentials do not fit the way of logging in' }),
  ...rows('138', { kind: 'never', reason: 'settings', text: 'the server is older than thin mode supports' }),
  ...rows('45 89 118', { kind: 'settings', text: 'the client library cannot do that in its mode; see cause' }),
  ...rows('97 98 137 55', {
    kind: 'misuse',
    reason: 'statement-invalid',
    text: 'the values and the placeholders of the statement do not fit together',
  }),
]);

/** Of thick mode: Oracle's own libraries are missing, too old, or of another kind of processor. */
const DPI_CODES: ReadonlyMap<number, NjsRow> = new Map(
  rows('1047 1050 1072', {
    kind: 'settings',
    text: "Oracle's client libraries, which thick mode needs, cannot be used; see cause",
  }),
);

/** Of an error without a row: a value, an argument, an option that the library refused. */
const MISUSE: NjsRow = { kind: 'misuse', reason: 'data', text: 'the client library refused a value; see cause' };

export function classifyNjs(error: unknown, situation: FailureSituation, endpoint: string): FluxorError | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, message } = error as Partial<Record<string, unknown>>;
  const text = typeof message === 'string' ? message : '';
  // Where the library failed to put the session right again, it says so in the text alone.
  const name = text.startsWith('NJS-500:') ? 'NJS-500' : code;
  if (typeof name !== 'string') return undefined;
  const [, prefix, digits] = /^(NJS|DPI)-(\d+)$/.exec(name) ?? [];
  if (prefix === undefined) return undefined;
  const row = (prefix === 'NJS' ? NJS_CODES : DPI_CODES).get(Number(digits)) ?? MISUSE;
  return build(error, row, name, text, situation, endpoint);
}

function build(
  cause: object,
  row: NjsRow,
  name: string,
  message: string,
  situation: FailureSituation,
  endpoint: string,
): FluxorError {
  const init = { cause, context: situation.context, vendorCode: name, isConnectionFatal: true };
  const text = `${endpoint}: ${row.text} (${name})`;
  switch (row.kind) {
    case 'lost':
      return lostConnection(row.reason, text, situation, init);
    case 'unsent':
      return unsent(row.reason, text, message, situation, endpoint, init);
    case 'never':
      return new ConnectionError(row.reason, text, { ...init, breaker: 'failure' });
    case 'settings':
      return new ConnectionError('settings', text, { ...init, isConnectionFatal: false });
    case 'tls':
      return tlsFailed(text, message, situation, init);
    case 'auth':
      return new ConnectionError('credentials', text, { ...init, code: 'AUTH', breaker: 'failure' });
    case 'expired':
      return new ConnectionError('credentials', text, { ...init, code: 'AUTH', decision: 'after-fix' });
    case 'connect-timeout':
      return new TimeoutError('connect', text, { ...init, decision: 'new-connection', breaker: 'failure' });
    case 'call-timeout':
      return callTimedOut(text, situation, init);
    case 'pool':
      return new ConnectionError('local-resources', text, {
        ...init,
        isConnectionFatal: false,
        decision: repeatUnsent(situation),
      });
    case 'pool-over':
      return new ConnectionError('local-resources', text, { ...init, isConnectionFatal: false });
    case 'closed':
      // Where something had been written before it was noticed, its fate is open.
      return lostConnection('lost', text, situation, init);
    case 'misuse': {
      if (situation.phase === 'connect')
        return new ConnectionError('settings', text, { ...init, isConnectionFatal: false });
      if (situation.phase === 'commit' && situation.wasSent)
        return new OutcomeUnknownError(text, { ...init, breaker: 'failure' });
      const outcome = openOutcome(situation);
      const suffix = outcome === 'unknown' ? MAYBE_APPLIED : '';
      return new QueryError(row.reason, `${row.text} (${name})${suffix}`, {
        ...init,
        isConnectionFatal: false,
        outcome,
      });
    }
  }
}

/** Thin mode puts Node's own words into its text, and no code of Node's anywhere else. */
function unsent(
  reason: ConnectionErrorReason,
  text: string,
  message: string,
  situation: FailureSituation,
  endpoint: string,
  init: FluxorErrorInit,
): FluxorError {
  const code = /\b(?:E[A-Z]{3,}|EAI_[A-Z]+)\b/.exec(message)?.[0];
  const node = code === undefined ? undefined : classifyNodeError({ code }, situation, endpoint);
  const known = node instanceof ConnectionError && node.decision !== 'never' ? node : undefined;
  const { retryAfterMs, breaker = 'failure', vendorCode = init.vendorCode } = known ?? {};
  return new ConnectionError(known?.reason ?? reason, known === undefined ? text : known.message, {
    ...init,
    vendorCode,
    retryAfterMs,
    breaker: situation.phase === 'connect' ? breaker : 'failure',
    decision: repeatUnsent(situation),
  });
}

/** A handshake that was cut is a server that went away; anything else is a certificate, and will be the same the next time. */
function tlsFailed(text: string, message: string, situation: FailureSituation, init: FluxorErrorInit): FluxorError {
  if (/ECONNRESET|EPIPE|socket disconnected|socket hang up/.test(message)) {
    return lostConnection('tls', text, situation, init);
  }
  return new ConnectionError('tls', text, { ...init, breaker: 'failure' });
}

/**
 * The break may have come when the answer was on its way, and the library drops that answer: a statement that commits by itself
 * may have been kept. In a transaction it may be part of it, until that is rolled back.
 */
function callTimedOut(text: string, situation: FailureSituation, init: FluxorErrorInit): FluxorError {
  if (situation.phase === 'commit' && situation.wasSent) {
    return new OutcomeUnknownError(text, { ...init, breaker: 'failure' });
  }
  const outcome = openOutcome(situation);
  const decision = situation.inTransaction
    ? 'whole-transaction'
    : outcome === 'unknown' && !situation.isSafeToRepeat
      ? 'never'
      : 'new-connection';
  const suffix = outcome === 'unknown' ? MAYBE_APPLIED : '';
  return new TimeoutError('statement', text + suffix, {
    ...init,
    isConnectionFatal: false,
    outcome,
    decision,
    breaker: 'failure',
  });
}

/** What is known of a statement whose answer says nothing about it. */
export function openOutcome({ phase, wasSent, isReadOnly }: FailureSituation): Outcome {
  if (!wasSent || (phase !== 'statement' && phase !== 'commit')) return 'not-sent';
  return isReadOnly ? 'not-applied' : 'unknown';
}
