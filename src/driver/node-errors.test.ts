import { describe, expect, it } from 'vitest';
import type { FluxorError } from '../errors/fluxor-error.js';
import type { FailureSituation } from './driver.js';
import { classifyNodeError, lostConnection, SLOW_RETRY_MS } from './node-errors.js';
import { COMMIT, CONNECT, IDLE, SENT, UNSENT } from '../../test/fakes/situations.js';

const nodeError = (code: string, extra: object = {}) => Object.assign(new Error(`native ${code}`), { code, ...extra });
const classify = (error: unknown, situation: FailureSituation): FluxorError | undefined =>
  classifyNodeError(error, situation, 'postgres://app@db:5432/shop');

type Facts = readonly [reason: string, decision: string, breaker: string, outcome: string];
const factsOf = (error: FluxorError | undefined): Facts | undefined =>
  error && [String(error.reason), error.decision, error.breaker, error.outcome];

/** resilience.md §3.1: what the code means when connecting and when found on an idle connection. */
const TABLE: readonly { readonly codes: string; readonly connect: Facts; readonly idle: Facts }[] = [
  {
    codes: 'ECONNREFUSED ENOENT',
    connect: ['refused', 'new-connection', 'failure', 'not-sent'],
    idle: ['refused', 'new-connection', 'ignore', 'not-sent'],
  },
  {
    codes: 'EHOSTUNREACH ENETUNREACH EHOSTDOWN ENETDOWN ERR_SOCKET_CONNECTION_TIMEOUT',
    connect: ['unreachable', 'new-connection', 'failure', 'not-sent'],
    idle: ['unreachable', 'new-connection', 'ignore', 'not-sent'],
  },
  {
    codes: 'ENOTFOUND EAI_AGAIN EAI_FAIL',
    connect: ['dns', 'new-connection', 'failure', 'not-sent'],
    idle: ['dns', 'new-connection', 'ignore', 'not-sent'],
  },
  {
    codes: 'ECONNRESET ETIMEDOUT EPIPE ECONNABORTED',
    connect: ['lost', 'new-connection', 'failure', 'not-sent'],
    idle: ['lost', 'new-connection', 'ignore', 'not-sent'],
  },
  {
    codes: 'ERR_STREAM_DESTROYED ERR_SOCKET_CLOSED ERR_SOCKET_CLOSED_BEFORE_CONNECTION ERR_STREAM_WRITE_AFTER_END',
    connect: ['lost', 'new-connection', 'ignore', 'not-sent'],
    idle: ['lost', 'new-connection', 'ignore', 'not-sent'],
  },
  {
    codes: 'EADDRNOTAVAIL EADDRINUSE EMFILE ENFILE ENOBUFS ENOMEM',
    connect: ['local-resources', 'new-connection', 'ignore', 'not-sent'],
    idle: ['local-resources', 'new-connection', 'ignore', 'not-sent'],
  },
  {
    codes: 'EACCES EPERM EINVAL',
    connect: ['settings', 'never', 'ignore', 'not-sent'],
    idle: ['settings', 'never', 'ignore', 'not-sent'],
  },
  {
    codes:
      'ERR_TLS_CERT_ALTNAME_INVALID CERT_HAS_EXPIRED DEPTH_ZERO_SELF_SIGNED_CERT SELF_SIGNED_CERT_IN_CHAIN ' +
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE UNABLE_TO_GET_ISSUER_CERT UNABLE_TO_GET_ISSUER_CERT_LOCALLY ' +
      'CERT_UNTRUSTED HOSTNAME_MISMATCH CRL_HAS_EXPIRED ERR_SSL_WRONG_VERSION_NUMBER ERR_SSL_TLSV1_ALERT_UNKNOWN_CA ' +
      'ERR_OSSL_PEM_NO_START_LINE ERR_OSSL_X509_KEY_VALUES_MISMATCH',
    connect: ['tls', 'never', 'failure', 'not-sent'],
    idle: ['tls', 'never', 'ignore', 'not-sent'],
  },
  {
    codes: 'EPROTO',
    connect: ['tls', 'new-connection', 'failure', 'not-sent'],
    idle: ['tls', 'new-connection', 'ignore', 'not-sent'],
  },
];
const ROWS = TABLE.flatMap(({ codes, ...row }) => codes.split(' ').map((code) => ({ code, ...row })));

describe.each(ROWS)('$code', ({ code, connect, idle }) => {
  it('says while connecting what the table says', () => {
    const native = nodeError(code);
    const error = classify(native, CONNECT);
    expect(factsOf(error)).toEqual(connect);
    expect(error).toMatchObject({ code: 'CONNECTION', vendorCode: code, isConnectionFatal: true, cause: native });
    expect(error?.context).toEqual({ connectionId: 3 });
    expect(error?.message).toMatch(/^postgres:\/\/app@db:5432\/shop: .*\([A-Z0-9_]+\)$/);
    expect(error?.message).not.toContain('native');
  });

  it('says nothing about the server when it is found on an idle connection', () => {
    expect(factsOf(classify(nodeError(code), IDLE))).toEqual(idle);
  });

  it('leaves the fate of a statement that was sent open, and repeats it only when that is safe', () => {
    const [reason] = connect;
    const error = classify(nodeError(code), SENT);
    expect(factsOf(error)).toEqual([reason, 'never', 'failure', 'unknown']);
    expect(error?.message).toContain('may or may not have been applied');
    const safe = classify(nodeError(code), { ...SENT, isSafeToRepeat: true });
    expect(factsOf(safe)).toEqual([reason, 'new-connection', 'failure', 'unknown']);
    const reading = classify(nodeError(code), { ...SENT, isSafeToRepeat: true, isReadOnly: true });
    expect(factsOf(reading)).toEqual([reason, 'new-connection', 'failure', 'not-applied']);
  });

  it('calls a COMMIT that was sent unknown, never to be repeated, however safe its statements', () => {
    const error = classify(nodeError(code), { ...COMMIT, isSafeToRepeat: true });
    expect(error).toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      outcome: 'unknown',
      decision: 'never',
      breaker: 'failure',
      isConnectionFatal: true,
    });
  });
});

describe('classifyNodeError', () => {
  it('calls a lost statement of a transaction not applied, and repeats the whole transaction', () => {
    const error = classify(nodeError('ECONNRESET'), { ...SENT, inTransaction: true });
    expect(factsOf(error)).toEqual(['lost', 'whole-transaction', 'failure', 'not-applied']);
  });

  it.each(['ECONNRESET', 'ERR_STREAM_DESTROYED', 'ECONNREFUSED', 'EMFILE'])(
    'repeats what was not sent: %s, alone outside a transaction, with all of it inside',
    (code) => {
      expect(classify(nodeError(code), UNSENT)).toMatchObject({ decision: 'new-connection', outcome: 'not-sent' });
      const inside = { ...UNSENT, inTransaction: true };
      expect(classify(nodeError(code), inside)).toMatchObject({ decision: 'whole-transaction', outcome: 'not-sent' });
      const commit = { ...COMMIT, wasSent: false };
      expect(classify(nodeError(code), commit)).toMatchObject({ decision: 'whole-transaction', outcome: 'not-sent' });
    },
  );

  it.each([
    ['the first of several addresses', new AggregateError([nodeError('ECONNREFUSED'), nodeError('ENETUNREACH')], '')],
    ['an AggregateError with a code of its own', Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' })],
    ['a cause', new Error('outer', { cause: nodeError('ECONNREFUSED') })],
    ['an originalError', Object.assign(new Error('outer'), { originalError: nodeError('ECONNREFUSED') })],
    [
      'several wrappings with codes that say nothing',
      nodeError('WRAPPED', { cause: new AggregateError([new Error('x', { cause: nodeError('ECONNREFUSED') })]) }),
    ],
  ])('looks into %s', (_, native) => {
    expect(classify(native, CONNECT)).toMatchObject({ reason: 'refused', vendorCode: 'ECONNREFUSED', cause: native });
  });

  it('believes, of several addresses, the one that speaks of the server: this machine may have no IPv6', () => {
    const tried = ['EADDRNOTAVAIL', 'EACCES', 'ECONNREFUSED', 'ENETUNREACH'].map((code) => nodeError(code));
    const native = Object.assign(new AggregateError(tried, ''), { code: 'EADDRNOTAVAIL' });
    expect(factsOf(classify(native, CONNECT))).toEqual(['refused', 'new-connection', 'failure', 'not-sent']);
    const local = new AggregateError([nodeError('UNHEARD_OF'), nodeError('EADDRNOTAVAIL'), nodeError('EACCES')], '');
    expect(classify(local, CONNECT)).toMatchObject({ reason: 'local-resources', vendorCode: 'EADDRNOTAVAIL' });
  });

  it('asks for a longer pause where this machine has run short, and only there', () => {
    expect(classify(nodeError('EMFILE'), CONNECT)?.retryAfterMs).toBe(SLOW_RETRY_MS);
    for (const code of ['ECONNREFUSED', 'ECONNRESET', 'EACCES', 'EPROTO', 'ENOTFOUND'])
      expect(classify(nodeError(code), CONNECT)?.retryAfterMs).toBeUndefined();
  });

  it('comes to an end where an error is its own cause', () => {
    const loop: { cause?: unknown } = new Error('loop');
    loop.cause = loop;
    expect(classify(loop, CONNECT)).toBeUndefined();
  });

  it.each([
    undefined,
    null,
    'ECONNREFUSED',
    5,
    {},
    new Error('x'),
    nodeError('EBUSY'),
    nodeError('40001'),
    { code: 5 },
  ])('does not know %s', (error) => {
    expect(classify(error, CONNECT)).toBeUndefined();
  });

  it.each([
    nodeError('ABORT_ERR'),
    Object.assign(new Error('x'), { name: 'AbortError' }),
    new DOMException('x', 'AbortError'),
  ])('calls an abort cancelled, and lets the driver say whether the connection survived (%#)', (native) => {
    const facts = {
      code: 'CANCELLED',
      reason: 'caller',
      decision: 'never',
      breaker: 'ignore',
      isConnectionFatal: false,
    };
    expect(classify(native, CONNECT)).toMatchObject({ ...facts, outcome: 'not-sent', cause: native });
    expect(classify(native, SENT)).toMatchObject({ ...facts, outcome: 'unknown' });
    expect(classify(native, { ...SENT, isReadOnly: true })).toMatchObject({ ...facts, outcome: 'not-applied' });
  });
});

describe('what a failure says about the other connections', () => {
  it.each(['ECONNRESET', 'ETIMEDOUT', 'EPIPE'])('%s under a call or at rest: they may be dead too', (code) => {
    for (const situation of [SENT, COMMIT, UNSENT, IDLE, { ...IDLE, phase: 'validate' as const }])
      expect(classify(nodeError(code), situation)?.siblings).toBe('validate');
  });

  it('a route that vanishes under a statement: they may be dead too', () => {
    expect(classify(nodeError('EHOSTUNREACH'), SENT)?.siblings).toBe('validate');
  });

  it.each(ROWS.map(({ code }) => code))('%s while connecting: nothing, it never was a connection', (code) => {
    expect(classify(nodeError(code), CONNECT)?.siblings).toBe('keep');
  });

  it.each(['EMFILE', 'EACCES', 'EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ABORT_ERR'])(
    '%s under a call: nothing, the trouble is its own',
    (code) => {
      expect(classify(nodeError(code), SENT)?.siblings).toBe('keep');
    },
  );

  it('nothing where there are no others', () => {
    expect(classify(nodeError('ECONNRESET'), { ...SENT, hasSiblings: false })?.siblings).toBe('keep');
  });

  it('what the caller knows better', () => {
    expect(lostConnection('lost', 'x', SENT, { siblings: 'keep' }).siblings).toBe('keep');
  });
});

describe('lostConnection', () => {
  const lose = (situation: FailureSituation) => lostConnection('lost', 'db: gone', situation, {});

  it('counts as a failure of the server while connecting or in flight, and not where a pooled connection is found dead', () => {
    const verdicts = [CONNECT, { ...IDLE, phase: 'validate' as const }, SENT, IDLE, UNSENT].map(lose);
    expect(verdicts.map(({ breaker }) => breaker)).toEqual(['failure', 'ignore', 'failure', 'ignore', 'ignore']);
  });

  it('says so where a write may have been applied, and only there', () => {
    expect(lose(SENT).message).toBe('db: gone; the statement may or may not have been applied');
    expect(lose(UNSENT).message).toBe('db: gone');
    expect(lose(COMMIT).message).toBe('db: gone; the COMMIT had been sent and its answer is lost');
  });
});
