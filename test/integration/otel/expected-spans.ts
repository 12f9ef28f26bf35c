/**
 * Which spans each scenario has to make: the model of spans, as one table. Spans are compared whole, with all their
 * attributes, so that what is not in the table must not be there.
 *
 * Where a place is chosen: `db.namespace` of PostgreSQL is the database alone, because the schema is the server's to say and may
 * change with every statement; a statement that nothing is known of is called by its database.
 */
import { expect } from 'vitest';
import type { Attributes, ObservedSpan } from './observed.js';
import type { OtelTarget, ScenarioName } from './scenarios.js';

/** What a scenario makes below the application's span, and beside it. `undefined` below: there is no application's span. */
export interface ExpectedSpans {
  readonly below: readonly ObservedSpan[] | undefined;
  readonly beside?: readonly ObservedSpan[];
  /** All that stand beside are like the one that is given, however many there are. */
  readonly besideRepeats?: true;
  /** Whether it waited for a connection, and for how long, is chance: spans and times of waits do not count. */
  readonly ignoresWaits?: true;
}

type System = OtelTarget['system'];
interface Failure {
  readonly type: string;
  /** What the database said; the same word as the type. */
  readonly isStatus?: true;
  readonly description: string;
}
interface Extras {
  readonly attributes?: Attributes;
  readonly failure?: Failure;
  readonly retries?: number;
  readonly waits?: boolean;
  readonly children?: readonly ObservedSpan[];
}

const ANY_MS = expect.any(Number) as unknown as number;
const POOL = { 'db.client.connection.pool.name': 'shop' } as const;

const own = (type: string, description: string): Failure => ({ type: `fluxor.${type}`, description });
const said = (type: string, description: string): Failure => ({ type, isStatus: true, description });

function span(name: string, kind: ObservedSpan['kind'], attributes: Attributes, extras: Extras = {}): ObservedSpan {
  const { failure, children = [] } = extras;
  const error =
    failure === undefined
      ? {}
      : {
          'error.type': failure.type,
          ...(failure.isStatus === true ? { 'db.response.status_code': failure.type } : {}),
        };
  return {
    name,
    kind,
    scope: 'fluxor-db',
    attributes: { ...attributes, ...extras.attributes, ...error },
    status: failure === undefined ? { code: 'UNSET' } : { code: 'ERROR', message: failure.description },
    events: [],
    links: 0,
    isWithinParent: true,
    children,
  };
}

/** Made by the application. */
const ofApplication = (name: string, children: readonly ObservedSpan[]): ObservedSpan => ({
  ...span(name, 'INTERNAL', {}, { children }),
  scope: 'application',
});

const acquire = (waiting: number, failure?: Failure): ObservedSpan =>
  span('acquire shop', 'INTERNAL', { ...POOL, 'fluxor.acquire.queue_length': waiting }, failure && { failure });

const attempt = (number: number, failure?: Failure): ObservedSpan =>
  span(
    `attempt ${number}`,
    'INTERNAL',
    { 'network.peer.address': '127.0.0.1', 'network.peer.port': 0, 'fluxor.connection.id': number },
    failure && { failure },
  );

/** The table of one database. */
export function expectedSpans(system: System, database: string): Readonly<Record<ScenarioName, ExpectedSpans>> {
  const isPostgres = system === 'postgresql';
  const target = {
    'db.system.name': system,
    'db.namespace': database,
    'server.address': '127.0.0.1',
    // Of the proxy, which is another in each run.
    'server.port': 0,
    ...POOL,
  };
  const query = (summary: string, text: string | undefined, extras: Extras = {}): ObservedSpan => {
    const about = {
      ...target,
      ...(summary === '' ? {} : { 'db.query.summary': summary }),
      ...(text === undefined ? {} : { 'db.query.text': text }),
      'fluxor.retry.count': extras.retries ?? 0,
      ...(extras.waits === true ? { 'fluxor.acquire.duration_ms': ANY_MS } : {}),
    };
    return span(summary === '' ? database : summary, 'CLIENT', about, extras);
  };
  const transaction = (outcome: string, statements: number, extras: Extras = {}): ObservedSpan =>
    span(
      'TRANSACTION shop',
      'INTERNAL',
      {
        ...target,
        'fluxor.transaction.statements': statements,
        'fluxor.transaction.outcome': outcome,
        'fluxor.retry.count': extras.retries ?? 0,
      },
      extras,
    );
  const connect = (id: unknown, failure?: Failure): ObservedSpan =>
    span('connect 127.0.0.1', 'CLIENT', { ...target, 'fluxor.connection.id': id }, failure && { failure });

  const selectText = `select id, name from otel_people where name = ${isPostgres ? '$1' : '?'}`;
  const select = (extras?: Extras): ObservedSpan => query('select otel_people', selectText, extras);
  const insertText = `insert into otel_people (id, name) values (${isPostgres ? '$1, $2' : '?, ?'})`;
  const insert = (extras?: Extras): ObservedSpan => query('insert otel_people', insertText, extras);
  const batch = (size: number, failure?: Failure): ObservedSpan =>
    query('BATCH insert otel_people', insertText, {
      attributes: { 'db.operation.batch.size': size },
      ...(failure && { failure }),
    });
  const call = (name: string, text: string, failure?: Failure): ObservedSpan =>
    query(`call ${name}`, text, { attributes: { 'db.stored_procedure.name': name }, ...(failure && { failure }) });
  const sleep = (extras?: Extras): ObservedSpan =>
    query('select', `select ${isPostgres ? 'pg_sleep' : 'sleep'}(?)`, extras);
  const one = (extras?: Extras): ObservedSpan => query('select', 'select ?', extras);
  const lost = (name: string): string => `select count(*) as ${name} from otel_people`;

  const duplicate = said(isPostgres ? '23505' : '1062', 'ConstraintError CONSTRAINT');
  const conflict = said(isPostgres ? '40001' : '1213', 'TransactionError TRANSACTION');
  const syntax = said(isPostgres ? '42601' : '1064', 'QueryError QUERY');
  const noConnection = own('connection', 'ConnectionError CONNECTION');
  const tooLate = own('acquire_timeout', 'TimeoutError TIMEOUT');

  return {
    'a SELECT with values': { below: [select()] },
    'a SELECT with literals': {
      below: [query('select otel_people', 'select id, name from otel_people where name = ? and id = ?')],
    },
    'rows counted': { below: [select({ attributes: { 'db.response.returned_rows': 1 } })] },
    'texts left out': { below: [query('select otel_people', undefined)] },
    'texts sanitized': {
      below: [query('select otel_people', 'select id, name from otel_people where name = ? and id = ?')],
    },
    'no spans': { below: [] },
    'an application span that is not sampled': { below: undefined },
    'a unique violation': { below: [insert({ failure: duplicate })] },
    'a syntax error': { below: [query('', 'selct ? from otel_people', { failure: syntax })] },
    // What was repeated with success is no error, neither of the query nor of the second attempt.
    'a statement whose first connection is lost': {
      below: [
        query('select otel_people', lost('lost_once'), {
          retries: 1,
          waits: true,
          children: [acquire(0), attempt(1, noConnection), attempt(2)],
        }),
      ],
      beside: [connect(2)],
    },
    'a statement whose connections are all lost': {
      below: [
        query('select otel_people', lost('lost_always'), {
          retries: 1,
          waits: true,
          failure: noConnection,
          children: [acquire(0), attempt(1, noConnection), attempt(2, noConnection)],
        }),
      ],
      beside: [connect(2)],
    },
    'a call that the circuit breaker refuses': {
      below: [select({ failure: own('circuit_open', 'RejectedError CIRCUIT_OPEN') })],
    },
    'a call that the rate limit refuses': {
      below: [one(), select({ failure: own('rate_limited', 'RejectedError RATE_LIMIT') })],
    },
    'a call that gets no connection in time': {
      below: [select({ waits: true, failure: tooLate, children: [acquire(0, tooLate)] })],
    },
    'a call that runs into its time limit': {
      below: [sleep({ failure: own('query_timeout', 'TimeoutError TIMEOUT') })],
    },
    'a call that is cancelled': { below: [sleep({ failure: own('cancelled', 'CancelledError CANCELLED') })] },
    'a call while the runtime ends': {
      below: [sleep(), select({ failure: own('pool_closed', 'UsageError RUNTIME_CLOSED') })],
    },
    'a call that waits for a connection': { below: [sleep(), select({ waits: true, children: [acquire(0)] })] },
    'a transaction that is committed': {
      below: [
        transaction('committed', 2, {
          attributes: { 'fluxor.transaction.isolation': 'serializable' },
          children: [insert(), ofApplication('work', [select()])],
        }),
      ],
    },
    'a transaction whose function throws': {
      below: [
        transaction('rolled-back', 1, { failure: { type: 'Error', description: 'Error' }, children: [insert()] }),
      ],
    },
    'a transaction whose statement fails': {
      below: [transaction('rolled-back', 1, { failure: duplicate, children: [insert({ failure: duplicate })] })],
    },
    'a transaction that is run twice': {
      below: [
        transaction('committed', 1, {
          retries: 1,
          children: [call('otel_conflict', 'call otel_conflict()', conflict), select()],
        }),
      ],
    },
    'a transaction that is begun and ended by hand': { below: [transaction('committed', 1, { children: [select()] })] },
    'a batch': { below: [batch(3)] },
    'a large batch': { below: [batch(50)] },
    'a batch of one': { below: [insert()] },
    'a batch that fails': { below: [batch(2, duplicate)] },
    'a stored procedure': { below: [call('otel_touch', 'call otel_touch(?)')] },
    'a stream': { below: [select()] },
    'statements at once on one connection': {
      below: [
        ofApplication('caller 1', [select()]),
        ofApplication('caller 2', [select()]),
        ofApplication('caller 3', [select()]),
      ],
      ignoresWaits: true,
    },
    'a health check': { below: [] },
    // The pool opens connections, and no caller: a trace of its own.
    'the first connection': { below: [one({ waits: true, children: [acquire(0)] })], beside: [connect(1)] },
    'a server that is not there': {
      below: [one({ waits: true, failure: noConnection, children: [acquire(0, noConnection)] })],
      beside: [connect(expect.any(Number), noConnection)],
      besideRepeats: true,
    },
  };
}
