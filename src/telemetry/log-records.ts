/**
 * The table of everything that is written to a log: of which event, how grave, with which of its facts, in which words.
 * docs/reference/logging.md is checked against it. What is not here is not written: what every call tells (`query:completed`,
 * `lease:acquired`) is for metrics.
 *
 * More than 300 lines because it is one table.
 * Invariants: no text of an error is taken over, of whatever kind: class, code and reason say what happened, and servers quote
 * values in their texts; no error is handed on, since loggers print the texts of its causes; no name of a field is one that
 * loggers use for their own (`name`, `msg`, `time`, `err`).
 */
import type { FluxorError } from '../errors/fluxor-error.js';
import { formatMs } from '../kernel/duration.js';
import { factsOf, kindOf } from './error-facts.js';
import type { EventName, FluxorEvents } from './events.js';

/** From the chattiest to the gravest. */
export const LOG_LEVELS = Object.freeze(['debug', 'info', 'warn', 'error'] as const);

export type LogLevel = (typeof LOG_LEVELS)[number];

/** One line of a log. */
export interface LogRecord {
  readonly level: LogLevel;
  /** Name of the event that it tells of; see `docs/reference/logging.md`. */
  readonly event: EventName;
  /** In words, for people. */
  readonly message: string;
  /** Name of the runtime. */
  readonly runtime: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** So many of the same kind were left out before it: an outage must not write a line for each call. */
  readonly omitted?: number;
  readonly connectionId?: number;
  readonly queryId?: number;
  readonly transactionId?: number;
  /** As the caller named the statement. */
  readonly queryName?: string;
  /** The statement's shape, without its literals. */
  readonly fingerprint?: string;
  readonly durationMs?: number;
  /** Of an error: its class, code and so on. */
  readonly errorName?: string;
  readonly code?: string;
  readonly reason?: string;
  readonly phase?: string;
  readonly sqlState?: string;
  readonly vendorCode?: string;
  readonly outcome?: string;
  readonly retryAfterMs?: number;
  /** What else the table has for its event. */
  readonly [fact: string]: unknown;
}

/** How an event is written. */
export interface LogRule<E extends EventName = EventName> {
  /** Those it may have; the first unless `levelOf` says more. */
  readonly levels: readonly [LogLevel, ...LogLevel[]];
  /** `undefined`: this one is not written. */
  readonly levelOf?: (fact: FluxorEvents[E]) => LogLevel | undefined;
  /** Facts of the event that are taken over, where they are known. Those of its error come by themselves. */
  readonly facts: readonly (keyof FluxorEvents[E] & string)[];
  /** Its error is none of the house: somebody else's code threw it. */
  readonly isForeign?: boolean;
  /** `where` is the database's address, without a password. */
  readonly say: (fact: FluxorEvents[E], where: string) => string;
}

/** Facts that are called otherwise in a log. */
const CALLED: Readonly<Record<string, string>> = { name: 'queryName', event: 'listener' };

/** Facts of an error, in the order of the reference. */
export const ERROR_FACTS = Object.freeze([
  ...['errorName', 'code', 'reason', 'phase', 'sqlState', 'vendorCode', 'outcome', 'retryAfterMs'],
]);

const LEAK = Object.freeze([
  ...(['connectionId', 'holder', 'label', 'ageMs', 'acquiredAt', 'lastStatement', 'state', 'stack'] as const),
]);

type Rules = { readonly [E in EventName]?: LogRule<E> };

export const LOG_RULES: Rules = {
  'runtime:started': { levels: ['info'], facts: [], say: (_, where) => `started, on ${where}` },
  'runtime:draining': {
    levels: ['info'],
    facts: ['inUse', 'waiting'],
    say: ({ inUse, waiting }) => `disconnecting: ${inUse} connections in use, ${waiting} calls waiting`,
  },
  'runtime:closed': {
    levels: ['info', 'warn'],
    levelOf: ({ forced }) => (forced > 0 ? 'warn' : 'info'),
    facts: ['durationMs', 'forced'],
    say: ({ durationMs, forced }) =>
      `disconnected after ${formatMs(durationMs)}${forced > 0 ? `; ${forced} leases were taken away` : ''}`,
  },

  'connection:created': {
    levels: ['debug'],
    facts: ['connectionId', 'durationMs'],
    say: ({ connectionId, durationMs }) => `connection ${connectionId} was opened in ${formatMs(durationMs)}`,
  },
  'connection:create-failed': {
    levels: ['warn'],
    facts: ['durationMs', 'retryInMs'],
    say: ({ error, retryInMs }, where) =>
      `no connection to ${where}: ${inWords(error)}${retryInMs === undefined ? '' : `; tried again in ${formatMs(retryInMs)}`}`,
  },
  'connection:lost': {
    levels: ['warn'],
    facts: ['connectionId'],
    say: ({ connectionId, error }, where) => `connection ${connectionId} to ${where} was lost: ${inWords(error)}`,
  },
  'connection:reset': {
    levels: ['debug'],
    facts: ['connectionId', 'durationMs'],
    say: ({ connectionId, durationMs }) => `connection ${connectionId} was cleaned in ${formatMs(durationMs)}`,
  },
  'connection:closed': {
    levels: ['debug'],
    facts: ['connectionId', 'reason', 'ageMs'],
    say: ({ connectionId, reason, ageMs }) =>
      `connection ${connectionId} was closed after ${formatMs(ageMs)}: ${reason}`,
  },

  'acquire:timed-out': {
    levels: ['warn'],
    facts: ['waitedMs'],
    say: ({ waitedMs, error }) =>
      `a call got no connection within ${formatMs(waitedMs)}: ${error.code === 'TIMEOUT' ? 'the pool is exhausted' : inWords(error)}`,
  },
  'lease:leak-suspected': {
    levels: ['warn'],
    facts: LEAK,
    say: ({ connectionId, holder, ageMs, label }) =>
      `connection ${connectionId} may have leaked: a ${holder}${named(label)} has held it for ${formatMs(ageMs)}`,
  },
  'lease:leak-resolved': {
    levels: ['info'],
    facts: ['connectionId', 'heldMs'],
    say: ({ connectionId, heldMs }) =>
      `connection ${connectionId} had not leaked: it came back after ${formatMs(heldMs)}`,
  },
  'lease:reclaimed': {
    levels: ['warn'],
    facts: ['connectionId', 'heldMs'],
    say: ({ connectionId, heldMs }) => `connection ${connectionId} was taken away after ${formatMs(heldMs)}`,
  },
  'lease:dropped': {
    levels: ['warn'],
    facts: LEAK,
    say: ({ connectionId, holder, label }) =>
      `connection ${connectionId} leaked: its ${holder}${named(label)} was dropped without an end; it was taken back`,
  },
  'lease:nested': {
    levels: ['warn'],
    facts: ['connectionId', 'stack', 'outerStack'],
    say: ({ connectionId }) =>
      `a caller who holds connection ${connectionId} waits for another one, which can end in a deadlock`,
  },

  'pool:warmed': {
    levels: ['debug', 'warn'],
    levelOf: ({ opened, wanted }) => (opened < wanted ? 'warn' : 'debug'),
    facts: ['wanted', 'opened', 'durationMs'],
    say: ({ wanted, opened, durationMs }) =>
      `the warm-up opened ${opened} of ${wanted} connections in ${formatMs(durationMs)}`,
  },
  'pool:suspended': { levels: ['info'], facts: [], say: () => 'the pool was suspended and lends nothing' },
  'pool:resumed': { levels: ['info'], facts: [], say: () => 'the pool was resumed' },
  'pool:reconfigured': {
    levels: ['info'],
    facts: ['changed'],
    say: ({ changed }) => `the pool was reconfigured: ${changed.join(', ')}`,
  },
  'pool:evicted': {
    levels: ['info', 'warn'],
    levelOf: ({ reason }) => (reason === 'siblings' ? 'warn' : 'info'),
    facts: ['reason', 'count'],
    say: ({ reason, count }) =>
      `${count} connections were told to go${reason === 'siblings' ? ': the server is not the wanted one any more' : ''}`,
  },
  'pool:unreachable': {
    levels: ['error'],
    facts: ['failures'],
    say: ({ failures, error }, where) => `${where} is out of reach after ${failures} attempts: ${inWords(error)}`,
  },
  'pool:reachable': {
    levels: ['info'],
    facts: ['downMs'],
    say: ({ downMs }, where) => `${where} is back after ${formatMs(downMs)}`,
  },
  'pool:frozen': {
    levels: ['warn'],
    facts: ['frozenMs'],
    say: ({ frozenMs }) => `the process stood still for ${formatMs(frozenMs)}: every connection is proved again`,
  },
  'pooler:detected': {
    levels: ['info'],
    facts: ['connectionId'],
    say: () => 'a pooler lends the server a transaction at a time: no statement is prepared under a name',
  },
  'statement:healed': {
    levels: ['debug'],
    facts: ['connectionId'],
    say: ({ connectionId }) => `a prepared statement of connection ${connectionId} was prepared anew`,
  },

  'query:slow': {
    levels: ['warn'],
    facts: [
      ...(['queryId', 'name', 'connectionId', 'fingerprint', 'operation', 'durationMs', 'waitingMs'] as const),
      ...(['connectingMs', 'executingMs', 'fetchingMs', 'attempts', 'rows', 'rowsAffected', 'errorCode'] as const),
    ],
    say: ({ durationMs, waitingMs, connectingMs, executingMs, fetchingMs }) =>
      `a query took ${formatMs(durationMs)}: waiting ${formatMs(waitingMs)}, connecting ${formatMs(connectingMs)}, ` +
      `executing ${formatMs(executingMs)}, fetching ${formatMs(fetchingMs)}`,
  },
  'query:failed': {
    levels: ['info', 'debug', 'warn', 'error'],
    levelOf: ({ error }) => levelOfFailure(error),
    facts: ['queryId', 'name', 'connectionId', 'fingerprint', 'durationMs'],
    say: ({ durationMs, error }) => `a query failed after ${formatMs(durationMs)}: ${inWords(error)}`,
  },
  'query:cancelled': {
    levels: ['debug'],
    facts: ['queryId', 'connectionId', 'cause'],
    say: ({ cause, connectionId }) => `a statement on connection ${connectionId} was stopped: ${cause}`,
  },
  'query:retried': {
    levels: ['info'],
    facts: ['queryId', 'name', 'attempt', 'delayMs'],
    say: ({ attempt, delayMs, error }) =>
      `attempt ${attempt} of a query follows in ${formatMs(delayMs)}: ${inWords(error)}`,
  },
  'call:rejected': {
    levels: ['warn'],
    facts: ['queryId', 'name', 'kind'],
    say: ({ kind, error }) => `a ${kind} was refused, and nothing was sent: ${inWords(error)}`,
  },

  'circuit:state-changed': {
    levels: ['info', 'warn', 'error'],
    levelOf: ({ to }) => (to === 'open' ? 'error' : to === 'closed' || to === 'half-open' ? 'info' : 'warn'),
    facts: ['from', 'to', 'why', 'retryAfterMs'],
    say: ({ from, to, why }) => `the circuit went from ${from} to ${to}: ${why}`,
  },

  'transaction:ended': {
    levels: ['warn', 'error'],
    levelOf: ({ end }) => (end === 'unknown' ? 'error' : end === 'lost' ? 'warn' : undefined),
    facts: ['connectionId', 'transactionId', 'end', 'durationMs', 'statements'],
    say: ({ end }) =>
      end === 'unknown' ? 'nobody knows whether a transaction was committed' : 'a transaction was lost',
  },
  'transaction:resolved': {
    levels: ['info', 'error'],
    levelOf: ({ fate }) => (fate === 'unknown' ? 'error' : 'info'),
    facts: ['connectionId', 'transactionId', 'fate', 'durationMs', 'attempts'],
    say: ({ fate }) => `the database was asked about a lost COMMIT: ${fate}`,
  },
  'transaction:retried': {
    levels: ['info'],
    facts: ['attempt', 'delayMs'],
    say: ({ attempt, delayMs, error }) =>
      `attempt ${attempt} of a transaction follows in ${formatMs(delayMs)}: ${inWords(error)}`,
  },

  'error:override-refused': {
    levels: ['warn'],
    facts: ['why', 'detail'],
    say: ({ detail }) => `errors.override was not followed: ${detail}`,
  },
  'listening:started': {
    levels: ['debug'],
    facts: ['serverId', 'durationMs'],
    say: ({ serverId }) => `listening as ${serverId}`,
  },
  'listening:lost': {
    levels: ['warn'],
    facts: ['serverId', 'retryInMs'],
    say: ({ error, retryInMs }) => `nothing is heard: ${inWords(error)}; tried again in ${formatMs(retryInMs)}`,
  },
  'listening:restore-failed': {
    levels: ['warn'],
    facts: ['attempt', 'durationMs', 'retryInMs'],
    say: ({ attempt, error, retryInMs }) =>
      `attempt ${attempt} to listen again failed: ${inWords(error)}; tried again in ${formatMs(retryInMs)}`,
  },
  'listening:restored': {
    levels: ['info'],
    facts: ['serverId', 'lostMs', 'attempts'],
    say: ({ lostMs }) => `listening again after ${formatMs(lostMs)}; what was sent in between may have been missed`,
  },
  'listening:stopped': { levels: ['debug'], facts: ['serverId', 'ageMs'], say: () => 'nobody listens any more' },

  'health:changed': {
    levels: ['info', 'warn', 'error'],
    levelOf: ({ to }) => (to === 'up' ? 'info' : to === 'degraded' ? 'warn' : 'error'),
    facts: ['from', 'to', 'reasons', 'latencyMs'],
    say: ({ from, to, reasons }) =>
      `health went from ${from} to ${to}${reasons.length === 0 ? '' : `: ${reasons.join('; ')}`}`,
  },
  'listener:failed': {
    levels: ['warn'],
    facts: ['event'],
    isForeign: true,
    say: ({ event, error }) => `a listener of ${event} failed: ${kindOf(error)}`,
  },
};

/** What is written under each name, in the order of the table. */
export function fieldsOfRule({ facts }: Pick<LogRule, 'facts'>): string[] {
  return facts.map((fact) => CALLED[fact] ?? fact);
}

/** What of the fact goes into the record. */
export function factsOfRecord<E extends EventName>(rule: LogRule<E>, fact: FluxorEvents[E]): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  for (const name of rule.facts) if (fact[name] !== undefined) record[CALLED[name] ?? name] = fact[name];
  const { error } = fact as { readonly error?: FluxorError };
  if (error === undefined) return record;
  return { ...record, ...(rule.isForeign === true ? { errorName: kindOf(error) } : errorFacts(error)) };
}

function errorFacts(error: FluxorError): Record<string, unknown> {
  const { retryAfterMs } = error;
  const { phase } = error as { readonly phase?: string };
  return {
    errorName: error.name,
    code: error.code,
    ...factsOf(error),
    ...(phase === undefined ? {} : { phase }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** `CONNECTION refused (ECONNREFUSED)` */
function inWords(error: FluxorError): string {
  const { reason, vendorCode, sqlState } = factsOf(error);
  const { phase } = error as { readonly phase?: string };
  const number = vendorCode ?? sqlState;
  const words = [error.code, reason ?? phase].filter((word) => word !== undefined).join(' ');
  return number === undefined ? words : `${words} (${number})`;
}

function named(label: string | undefined): string {
  return label === undefined ? '' : ` '${label}'`;
}

/** What the application's own doing is, it hears of by itself; what the database or the network did, somebody has to see. */
function levelOfFailure(error: FluxorError): LogLevel | undefined {
  const { code, outcome, breaker } = error;
  // `call:rejected` and `acquire:timed-out` tell of these, once.
  if (code === 'RATE_LIMIT' || code === 'CIRCUIT_OPEN' || code === 'POOL_EXHAUSTED') return undefined;
  if (code === 'TIMEOUT' && (error as { readonly phase?: string }).phase === 'acquire') return undefined;
  if (outcome === 'unknown') return 'error';
  if (breaker === 'failure' || code === 'TIMEOUT' || code === 'CONNECTION' || code === 'AUTH') return 'warn';
  return code === 'CONSTRAINT' || code === 'CANCELLED' ? 'debug' : 'info';
}
