import { describe, expect, it } from 'vitest';
import type { FluxorError } from '../../errors/fluxor-error.js';
import { QueryError } from '../../errors/query-error.js';
import type { FailureSituation } from '../driver.js';
import { classifyPostgresError } from './postgres-errors.js';
import { COMMIT, CONNECT, IDLE, INSIDE, SENT, UNSENT } from '../../../test/fakes/situations.js';

const classify = (error: unknown, situation: FailureSituation): FluxorError =>
  classifyPostgresError(error, situation, 'postgres://app@db:5432/shop');
const server = (code: string, message = 'x', fields: object = {}) =>
  Object.assign(new Error(message), { code, severity: 'ERROR', ...fields });

type Facts = readonly [code: string, reason: string | undefined, decision: string, breaker: string, outcome: string];
const factsOf = ({ code, reason, decision, breaker, outcome }: FluxorError): Facts => [
  code,
  reason,
  decision,
  breaker,
  outcome,
];

/** resilience.md §3.2, without the rows of pg.Pool, which this driver never uses. */
const MESSAGES: readonly {
  readonly message: string;
  readonly connect?: Facts;
  readonly sent?: Facts;
  readonly idle?: Facts;
  readonly unsent?: Facts;
}[] = [
  {
    message: 'Connection terminated unexpectedly',
    connect: ['CONNECTION', 'lost', 'new-connection', 'failure', 'not-sent'],
    sent: ['CONNECTION', 'lost', 'never', 'failure', 'unknown'],
    idle: ['CONNECTION', 'lost', 'new-connection', 'ignore', 'not-sent'],
    unsent: ['CONNECTION', 'lost', 'new-connection', 'ignore', 'not-sent'],
  },
  {
    message: 'Connection terminated',
    sent: ['CANCELLED', 'runtime', 'never', 'ignore', 'unknown'],
    unsent: ['CANCELLED', 'runtime', 'new-connection', 'ignore', 'not-sent'],
  },
  {
    message: 'Connection terminated: nobody waits for it any more',
    connect: ['CANCELLED', 'runtime', 'new-connection', 'ignore', 'not-sent'],
  },
  { message: 'timeout expired', connect: ['TIMEOUT', 'connect', 'new-connection', 'failure', 'not-sent'] },
  {
    message: 'Connection terminated due to connection timeout',
    connect: ['TIMEOUT', 'connect', 'new-connection', 'failure', 'not-sent'],
  },
  { message: 'Query read timeout', sent: ['TIMEOUT', 'statement', 'never', 'failure', 'unknown'] },
  {
    message: 'Client has encountered a connection error and is not queryable',
    sent: ['CONNECTION', 'lost', 'new-connection', 'ignore', 'not-sent'],
    unsent: ['CONNECTION', 'lost', 'new-connection', 'ignore', 'not-sent'],
  },
  {
    message: 'Client was closed and is not queryable',
    sent: ['CONNECTION', 'lost', 'new-connection', 'ignore', 'not-sent'],
  },
  {
    message: 'The server does not support SSL connections',
    connect: ['CONNECTION', 'tls', 'never', 'failure', 'not-sent'],
  },
  {
    message: 'There was an error establishing an SSL connection',
    connect: ['CONNECTION', 'tls', 'new-connection', 'failure', 'not-sent'],
  },
  {
    message: 'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string',
    connect: ['AUTH', 'credentials', 'never', 'failure', 'not-sent'],
  },
  {
    message: 'Received unexpected commandComplete message from backend.',
    sent: ['CONNECTION', 'protocol', 'never', 'failure', 'unknown'],
  },
  {
    message: 'received invalid response: 52',
    connect: ['CONNECTION', 'protocol', 'new-connection', 'failure', 'not-sent'],
  },
];
/** The client library refused the statement: nothing was sent, and the connection is as good as before. */
const MISUSES = [
  "Prepared statements must be unique - 'a' was used for a different statement",
  'Query values must be an array',
  'A query must have either text or a name. Supplying neither is unsupported.',
];

describe('messages of pg without a code', () => {
  for (const { message, ...rows } of MESSAGES) {
    for (const [name, situation] of Object.entries({ connect: CONNECT, sent: SENT, idle: IDLE, unsent: UNSENT })) {
      const expected = rows[name as keyof typeof rows];
      if (expected === undefined) continue;
      it(`reads '${message}' (${name}) as the table says, and gives the connection up`, () => {
        const native = new Error(message);
        const error = classify(native, situation);
        expect(factsOf(error)).toEqual(expected);
        expect(error).toMatchObject({ isConnectionFatal: true, cause: native, context: { connectionId: 3 } });
      });
    }
  }

  it.each(['Connection terminated unexpectedly', 'Connection terminated', 'Query read timeout', 'who knows'])(
    "calls a COMMIT that was sent unknown when pg says '%s'",
    (message) => {
      const error = classify(new Error(message), COMMIT);
      expect(error).toMatchObject({ code: 'OUTCOME_UNKNOWN', decision: 'never', isConnectionFatal: true });
    },
  );

  it.each(['Connection terminated unexpectedly', 'Connection terminated', 'Query read timeout'])(
    "repeats the whole transaction when '%s' cut it off, and a declared-safe statement outside of one",
    (message) => {
      expect(classify(new Error(message), INSIDE)).toMatchObject({
        decision: 'whole-transaction',
        outcome: 'not-applied',
      });
      const safe = { ...SENT, isSafeToRepeat: true };
      expect(classify(new Error(message), safe)).toMatchObject({ decision: 'new-connection', outcome: 'unknown' });
    },
  );

  it.each(MISUSES)("blames the statement, not the connection, for '%s'", (message) => {
    expect(classify(new Error(message), UNSENT)).toMatchObject({
      code: 'QUERY',
      reason: 'statement-invalid',
      decision: 'never',
      breaker: 'ignore',
      outcome: 'not-sent',
      isConnectionFatal: false,
    });
  });

  it('does not trust what it does not know: the connection goes, nothing is repeated, a sent statement is unknown', () => {
    const facts = {
      code: 'CONNECTION',
      reason: 'protocol',
      decision: 'never',
      isConnectionFatal: true,
    };
    const failure = { ...facts, breaker: 'failure' };
    expect(classify(new Error('secret-marker'), SENT)).toMatchObject({ ...failure, outcome: 'unknown' });
    expect(classify('secret-marker', CONNECT)).toMatchObject({ ...failure, outcome: 'not-sent' });
    expect(classify(undefined, UNSENT)).toMatchObject({ ...facts, breaker: 'ignore', outcome: 'not-sent' });
    expect(classify(undefined, IDLE)).toMatchObject({ ...facts, breaker: 'ignore', outcome: 'not-sent' });
    expect(classify(new Error('secret-marker'), SENT).message).not.toContain('secret-marker');
  });

  it('passes on what is an error of the house already', () => {
    const error = new QueryError('data', 'a bigint beyond 2^53', { outcome: 'applied' });
    expect(classify(error, SENT)).toBe(error);
  });
});

describe('codes of Node that look like a SQLSTATE', () => {
  it.each([
    ['EPIPE', ['CONNECTION', 'lost', 'never', 'failure', 'unknown']],
    ['EPERM', ['CONNECTION', 'settings', 'never', 'failure', 'unknown']],
    ['EBUSY', ['CONNECTION', 'protocol', 'never', 'failure', 'unknown']],
  ])('%s is none without the fields of a server', (code, expected) => {
    const error = classify(Object.assign(new Error('x'), { code }), SENT);
    expect(factsOf(error)).toEqual(expected);
    expect(error.sqlState).toBeUndefined();
  });

  it('and a SQLSTATE is none without severity', () => {
    expect(classify(Object.assign(new Error('x'), { code: '23505' }), SENT).sqlState).toBeUndefined();
    expect(classify({ code: '23505', severity: 'ERROR', message: 'x' }, SENT).sqlState).toBe('23505');
  });
});

describe('what an error says about the other connections', () => {
  it.each(['Connection terminated unexpectedly', 'Client has encountered a connection error and is not queryable'])(
    "pg's '%s': they may be dead too",
    (message) => {
      expect(classify(new Error(message), SENT).siblings).toBe('validate');
      expect(classify(new Error(message), IDLE).siblings).toBe('validate');
    },
  );

  it.each(['Connection terminated', 'Query read timeout', 'who knows', 'received invalid response: 52'])(
    "pg's '%s': nothing",
    (message) => {
      expect(classify(new Error(message), SENT).siblings).toBe('keep');
    },
  );

  it('a failover is a failure of the server once the connection opened after it is read-only too', () => {
    expect(classify(server('25006'), SENT).breaker).toBe('ignore');
    expect(classify(server('25006'), { ...SENT, isFirstLoan: true }).breaker).toBe('failure');
    expect(classify(server('25006'), { ...INSIDE, askedReadOnly: true, isFirstLoan: true }).breaker).toBe('success');
  });

  it('a write refused by a server that turned read-only: they are no longer wanted', () => {
    for (const situation of [SENT, INSIDE, COMMIT]) expect(classify(server('25006'), situation).siblings).toBe('evict');
  });

  it('a write in a transaction that was begun read-only: nothing', () => {
    expect(classify(server('25006'), { ...INSIDE, askedReadOnly: true }).siblings).toBe('keep');
  });

  it("PgBouncer's limits: nothing; a server that crashed behind it: they may be dead too", () => {
    for (const message of ['query_timeout', 'idle transaction timeout', 'client_idle_timeout', 'query_wait_timeout'])
      expect(classify(server('08P01', message), SENT).siblings).toBe('keep');
    expect(classify(server('08P01', 'server conn crashed?'), SENT).siblings).toBe('validate');
  });

  it.each(['57P01', '57P02', '57P03', '08006', '25006'])('%s of an embedded database: nothing', (code) => {
    expect(classify(server(code), { ...SENT, hasSiblings: false }).siblings).toBe('keep');
  });
});

describe('codes that need a second fact', () => {
  it.each([
    [SENT, 'after-fix'],
    [INSIDE, 'whole-transaction'],
  ])('prepares again after "cached plan must not change result type" (%#)', (situation, decision) => {
    const error = server('0A000', 'cached plan must not change result type', { routine: 'RevalidateCachedQuery' });
    expect(factsOf(classify(error, situation))).toEqual([
      'QUERY',
      'statement-invalid',
      decision,
      'success',
      'not-applied',
    ]);
  });

  it('takes "tuple concurrently updated" for a serialization failure, and the connection for healthy', () => {
    const error = classify(server('XX000', 'tuple concurrently updated'), SENT);
    expect(factsOf(error)).toEqual(['TRANSACTION', 'serialization', 'whole-transaction', 'success', 'not-applied']);
    expect(error.isConnectionFatal).toBe(false);
  });

  it('blames the caller for a write in a transaction that was begun read-only, not the server', () => {
    const error = classify(server('25006'), { ...INSIDE, askedReadOnly: true });
    expect(factsOf(error)).toEqual(['TRANSACTION', 'read-only', 'never', 'success', 'not-applied']);
    expect(error.isConnectionFatal).toBe(false);
  });

  it("calls the server's own statement_timeout a timeout, and any other cancel an administrator's", () => {
    const timeout = classify(server('57014', 'canceling statement due to statement timeout'), SENT);
    expect(factsOf(timeout)).toEqual(['TIMEOUT', 'statement', 'whole-transaction', 'failure', 'not-applied']);
    const cancel = classify(server('57014', 'canceling statement due to user request'), SENT);
    expect(factsOf(cancel)).toEqual(['CANCELLED', 'administrator', 'never', 'ignore', 'not-applied']);
  });

  it.each([
    'query_wait_timeout',
    'no more connections allowed (max_client_conn)',
    'server login has been failing, try again later',
  ])("knows that PgBouncer's '%s' was not forwarded", (message) => {
    const expected = ['CONNECTION', 'too-many-connections', 'new-connection', 'failure', 'not-sent'];
    expect(factsOf(classify(server('08P01', message), SENT))).toEqual(expected);
    expect(classify(server('08P01', message), INSIDE).decision).toBe('whole-transaction');
  });

  it.each([
    ['SASL authentication failed', ['AUTH', 'credentials', 'never', 'failure', 'not-sent']],
    ['no such database: nowhere', ['CONNECTION', 'unknown-database', 'never', 'failure', 'not-sent']],
    ['database "nowhere" does not exist', ['CONNECTION', 'unknown-database', 'never', 'failure', 'not-sent']],
  ])("knows what PgBouncer's '%s' means while connecting", (message, expected) => {
    const error = classify(server('08P01', message, { severity: 'FATAL' }), CONNECT);
    expect(factsOf(error)).toEqual(expected);
  });

  it.each([
    'query_timeout',
    'query timeout',
    'database removed',
    'database "shop" is disabled',
    'server conn crashed?',
    'idle transaction timeout',
    'transaction timeout',
  ])("takes PgBouncer's '%s' for a lost connection", (message) => {
    const error = classify(server('08P01', message), SENT);
    expect(factsOf(error)).toEqual(['CONNECTION', 'lost', 'never', 'failure', 'unknown']);
    expect(error.isConnectionFatal).toBe(true);
  });

  it("takes PgBouncer's client_idle_timeout for what it is", () => {
    const expected = ['CONNECTION', 'idle-timeout', 'new-connection', 'ignore', 'not-sent'];
    expect(factsOf(classify(server('08P01', 'client_idle_timeout'), IDLE))).toEqual(expected);
  });

  it('blames the caller for a wrong number of values, although the code says protocol', () => {
    const text = 'bind message supplies 1 parameters, but prepared statement "" requires 2';
    const error = classify(server('08P01', text, { routine: 'exec_bind_message' }), SENT);
    expect(factsOf(error)).toEqual(['QUERY', 'statement-invalid', 'never', 'success', 'not-applied']);
    expect(error.isConnectionFatal).toBe(false);
  });

  it('tells a statement about an absent database from a connection to one', () => {
    const dropping = classify(server('3D000', 'database "nowhere" does not exist'), SENT);
    expect(factsOf(dropping)).toEqual(['QUERY', 'undefined-object', 'never', 'success', 'not-applied']);
    expect(dropping.isConnectionFatal).toBe(false);
  });

  it.each([
    'BeginCopyFrom',
    'BeginCopyTo',
    'internal_load_library',
    'read_binary_file',
    'pg_stat_file',
    'ReadDirExtended',
    'lo_import_internal',
    'create_tablespace_directories',
  ])('blames the statement for a file that it names and the server does not have (%s)', (routine) => {
    const error = classify(server('58P01', 'could not open file "/secret-marker"', { routine }), SENT);
    expect(factsOf(error)).toEqual(['QUERY', 'undefined-object', 'never', 'success', 'not-applied']);
    expect(error.isConnectionFatal).toBe(false);
    expect(error.message).not.toContain('secret-marker');
  });

  it.each(['08006', '08P01', '25006', '28000', '53100', '57P01', '57014', '58030', 'XX000'])(
    'does not believe the application when it borrows %s to speak of the server: it has just run its code',
    (code) => {
      const raised = server(code, 'canceling statement due to statement timeout', { routine: 'exec_stmt_raise' });
      const error = classify(raised, SENT);
      expect(factsOf(error)).toEqual(['QUERY', 'application', 'never', 'success', 'not-applied']);
      expect(error.isConnectionFatal).toBe(false);
      expect(classify({ ...raised, severity: 'FATAL', message: 'x' }, SENT).isConnectionFatal).toBe(true);
    },
  );

  it.each([
    ['40001', 'TRANSACTION', 'serialization', 'whole-transaction'],
    ['23505', 'CONSTRAINT', 'unique', 'never'],
  ])('believes it when it borrows %s to speak of its own data', (code, ...expected) => {
    const error = classify(server(code, 'x', { routine: 'exec_stmt_raise' }), SENT);
    expect([error.code, error.reason, error.decision]).toEqual(expected);
  });

  it('takes a file of the database that is gone for an internal error', () => {
    const error = classify(server('58P01', 'could not open file "base/5/1259"', { routine: 'mdopenfork' }), SENT);
    expect(factsOf(error)).toEqual(['QUERY', 'internal', 'whole-transaction', 'failure', 'not-applied']);
    expect(error.isConnectionFatal).toBe(true);
  });

  it.each(['28000', '28P01'])('counts %s as a failure of the server only while connecting', (code) => {
    expect(classify(server(code), CONNECT).breaker).toBe('failure');
    expect(classify(server(code), SENT)).toMatchObject({ code: 'AUTH', breaker: 'success', decision: 'never' });
  });

  it('reads the crash of a neighbour from its notice, which is a warning', () => {
    const error = classify(server('57P02', 'terminating connection because of crash', { severity: 'WARNING' }), SENT);
    expect(factsOf(error)).toEqual(['CONNECTION', 'shutting-down', 'never', 'failure', 'unknown']);
    expect(error.isConnectionFatal).toBe(true);
  });
});
