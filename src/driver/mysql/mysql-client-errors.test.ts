/** What mysql2 says by itself, each of its codes and texts in the places where it comes. */
import { describe, expect, it } from 'vitest';
import { COMMIT, CONNECT, IDLE, INSIDE, SENT, UNSENT } from '../../../test/fakes/situations.js';
import type { FailureSituation } from '../driver.js';
import { classifyMysqlError } from '../mysql-server/mysql-errors.js';
import { classifyMysql2Error } from './mysql-client-errors.js';

/** As mysql2 makes them: `fatal` where it is not, and none where it is. */
const own = (code: string | undefined, message = 'as mysql2 says it', more: object = {}): Error =>
  Object.assign(new Error(message), code === undefined ? {} : { code }, { fatal: false }, more);

const classify = (error: unknown, situation: FailureSituation = SENT) =>
  classifyMysqlError(error, situation, 'mysql://h:3306/d', classifyMysql2Error);

describe('errors of mysql2', () => {
  it('PROTOCOL_CONNECTION_LOST: always at connect, open in flight, the whole transaction inside, nothing of the server when idle', () => {
    const lost = own('PROTOCOL_CONNECTION_LOST', 'Connection lost: The server closed the connection.');
    const base = { code: 'CONNECTION', reason: 'lost', isConnectionFatal: true };
    expect(classify(lost, CONNECT)).toMatchObject({ ...base, decision: 'new-connection', breaker: 'failure' });
    expect(classify(lost)).toMatchObject({ ...base, outcome: 'unknown', decision: 'never', breaker: 'failure' });
    expect(classify(lost, { ...SENT, isSafeToRepeat: true })).toMatchObject({ decision: 'new-connection' });
    expect(classify(lost, INSIDE)).toMatchObject({ outcome: 'not-applied', decision: 'whole-transaction' });
    expect(classify(lost, COMMIT)).toMatchObject({ code: 'OUTCOME_UNKNOWN', retryable: false });
    expect(classify(lost, IDLE)).toMatchObject({ ...base, outcome: 'not-sent', breaker: 'ignore' });
  });

  it('"connect ETIMEDOUT" of its connect timer: nothing was sent', () => {
    const late = own('ETIMEDOUT', 'connect ETIMEDOUT', { errorno: 'ETIMEDOUT', syscall: 'connect', fatal: true });
    expect(classify(late, CONNECT)).toMatchObject({
      code: 'CONNECTION',
      outcome: 'not-sent',
      decision: 'new-connection',
      breaker: 'failure',
    });
  });

  it('PROTOCOL_SEQUENCE_TIMEOUT: the query runs on, so its fate is open and its connection goes', () => {
    const late = own('PROTOCOL_SEQUENCE_TIMEOUT', 'Query inactivity timeout', { errorno: 'PROTOCOL_SEQUENCE_TIMEOUT' });
    const base = { isConnectionFatal: true, breaker: 'failure' };
    expect(classify(late)).toMatchObject({ ...base, outcome: 'unknown', decision: 'never' });
    expect(classify(late, { ...SENT, isSafeToRepeat: true })).toMatchObject({ ...base, decision: 'new-connection' });
    expect(classify(late, COMMIT)).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
  });

  it.each([
    ['PROTOCOL_ERROR', 'x'],
    ['PROTOCOL_UNEXPECTED_PACKET', 'x'],
    ['HANDSHAKE_UNKNOWN_ERROR', 'x'],
    [undefined, 'Warning: got packets out of order. Expected 5 but received 2'],
  ])('%s (%s): the protocol is broken, and the connection goes', (code, message) => {
    expect(classify(own(code, message))).toMatchObject({
      code: 'CONNECTION',
      reason: 'protocol',
      outcome: 'unknown',
      isConnectionFatal: true,
      breaker: 'failure',
    });
  });

  it.each(["Can't add new command when connection is in closed state", "Can't write in closed state"])(
    '"%s": closed before, and so never sent',
    (message) => {
      for (const situation of [SENT, UNSENT])
        expect(classify(own(undefined, message), situation)).toMatchObject({
          code: 'CONNECTION',
          reason: 'lost',
          outcome: 'not-sent',
          decision: 'new-connection',
          breaker: 'ignore',
        });
      expect(classify(own(undefined, message), INSIDE)).toMatchObject({ decision: 'whole-transaction' });
    },
  );

  it.each(['Pool is closed.', 'No connections available.', 'Queue limit reached.'])(
    '"%s" of its pool, which another library may wrap: nothing was sent, and nothing said of the server',
    (message) => {
      expect(classify(own(undefined, message), UNSENT)).toMatchObject({
        code: 'CONNECTION',
        reason: 'local-resources',
        outcome: 'not-sent',
        decision: 'new-connection',
        breaker: 'ignore',
      });
    },
  );

  it.each(['POOL_NOEXIST', 'POOL_NONEONLINE'])('%s of its cluster: nobody could be reached', (code) => {
    expect(classify(own(code), UNSENT)).toMatchObject({
      code: 'CONNECTION',
      reason: 'unreachable',
      outcome: 'not-sent',
      decision: 'new-connection',
      breaker: 'failure',
    });
  });

  it('HANDSHAKE_NO_SSL_SUPPORT and HANDSHAKE_SSL_ERROR: TLS, and never repeated', () => {
    const none = classify(own('HANDSHAKE_NO_SSL_SUPPORT'), CONNECT);
    expect(none).toMatchObject({ reason: 'tls', decision: 'never', breaker: 'failure' });
    expect(none.message).toContain('does not offer TLS');
    const failed = own('HANDSHAKE_SSL_ERROR', 'self-signed certificate');
    expect(classify(failed, CONNECT)).toMatchObject({ reason: 'tls', decision: 'never', breaker: 'failure' });
    const cause = Object.assign(new Error('x'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    expect(classify(own('HANDSHAKE_SSL_ERROR', 'x', { cause }), CONNECT)).toMatchObject({
      reason: 'tls',
      vendorCode: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });

  it.each(['AUTH_SWITCH_PLUGIN_ERROR', 'MYSQL_CLEAR_PASSWORD_NOT_ENABLED'])(
    '%s: a login, and never repeated',
    (code) => {
      const error = classify(own(code, 'Server requests authentication using unknown plugin ed25519. See …'), CONNECT);
      expect(error).toMatchObject({ code: 'AUTH', decision: 'never', breaker: 'failure' });
      expect(error.message).toContain("'ed25519'");
    },
  );

  it('the code-less AggregateError of a name with several addresses is what its first telling one is', () => {
    const refused = (address: string) =>
      Object.assign(new Error(`connect ECONNREFUSED ${address}`), { code: 'ECONNREFUSED', syscall: 'connect' });
    const both = Object.assign(new AggregateError([refused('::1'), refused('127.0.0.1')], ''), {
      code: 'ECONNREFUSED',
      errno: undefined,
    });
    const error = classify(both, CONNECT);
    expect(error).toMatchObject({ code: 'CONNECTION', reason: 'refused', outcome: 'not-sent', breaker: 'failure' });
    expect(error.message).toContain('ECONNREFUSED');
  });

  it('what it only passes on is not claimed', () => {
    const passedOn = [own('ER_DUP_ENTRY', 'x', { errno: 1062 }), own(undefined, 'plain'), 'text', undefined];
    for (const error of passedOn) expect(classifyMysql2Error(error, SENT, 'mysql://h')).toBeUndefined();
  });
});
