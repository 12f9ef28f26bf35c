import { describe, expect, it } from 'vitest';
import { COMMIT, CONNECT, IDLE, INSIDE, SENT } from '../../../test/fakes/situations.js';
import type { FailureSituation } from '../driver.js';
import { classifyMysqlError } from '../mysql-server/mysql-errors.js';
import { classifyMariadbClient, closedHere, withoutStatement } from './mariadb-client-errors.js';

/** As the connector makes them; its `fatal` and `code` are wrong on purpose. */
function clientError(errno: number, more: object = {}): Error {
  return Object.assign(new Error('as the connector says it'), {
    errno,
    sqlState: '08S01',
    code: 'UNKNOWN',
    fatal: false,
    ...more,
  });
}

const classify = (error: unknown, situation: FailureSituation = SENT) =>
  classifyMysqlError(error, situation, 'mariadb://db', classifyMariadbClient);

describe('errors of the mariadb connector', () => {
  it.each([45_004, 45_009, 45_026])(
    '%i is a lost connection: unknown in flight, certain inside a transaction',
    (errno) => {
      expect(classify(clientError(errno))).toMatchObject({ code: 'CONNECTION', reason: 'lost', outcome: 'unknown' });
      expect(classify(clientError(errno), INSIDE)).toMatchObject({
        outcome: 'not-applied',
        decision: 'whole-transaction',
      });
      expect(classify(clientError(errno), COMMIT)).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
      expect(classify(clientError(errno), IDLE)).toMatchObject({ outcome: 'not-sent', breaker: 'ignore' });
    },
  );

  it.each([45_001, 45_013])('%i was not sent: the connection was closed before', (errno) => {
    const error = classify(clientError(errno));
    expect(error).toMatchObject({
      code: 'CONNECTION',
      outcome: 'not-sent',
      decision: 'new-connection',
      breaker: 'ignore',
    });
  });

  it('45012 is a connect that took too long', () => {
    const error = classify(clientError(45_012), CONNECT);
    expect(error).toMatchObject({ code: 'TIMEOUT', decision: 'new-connection', breaker: 'failure' });
  });

  it.each([45_011, 45_020, 45_065])('%i is a broken protocol, and the connection goes', (errno) => {
    expect(classify(clientError(errno))).toMatchObject({ reason: 'protocol', isConnectionFatal: true });
  });

  it.each([45_023, 45_056, 45_059])('%i is about TLS, and never repeated', (errno) => {
    const error = classify(clientError(errno), CONNECT);
    expect(error).toMatchObject({ code: 'CONNECTION', reason: 'tls', decision: 'never', breaker: 'failure' });
  });

  it.each([45_025, 45_044, 45_064])('%i is about the login, and never repeated', (errno) => {
    expect(classify(clientError(errno), CONNECT)).toMatchObject({ code: 'AUTH', decision: 'never' });
  });

  it('45044 names the option that would help', () => {
    expect(classify(clientError(45_044), CONNECT).message).toContain('allowPublicKeyRetrieval');
  });

  it('45028, a pool that had none to give, is what its cause is: refused, dead, or nothing of the server', () => {
    const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED', errno: -111, syscall: 'connect' });
    expect(classify(clientError(45_028, { cause: refused }), CONNECT)).toMatchObject({ reason: 'refused' });
    expect(classify(clientError(45_028, { cause: clientError(45_009) }), CONNECT)).toMatchObject({ reason: 'lost' });
    const full = classify(clientError(45_028), CONNECT);
    expect(full).toMatchObject({ reason: 'local-resources', breaker: 'ignore', decision: 'new-connection' });
  });

  it.each([45_016, 45_018, 45_031, 45_038, 45_043, 45_049])(
    '%i is a mistake of whoever calls, and nothing else',
    (errno) => {
      const error = classify(clientError(errno));
      expect(error).toMatchObject({ code: 'QUERY', reason: 'statement-invalid', isConnectionFatal: false });
    },
  );

  it('the same number by SIGNAL of the database’s own code is an error of the application', () => {
    const signalled = clientError(45_009, { sqlState: '45000', sqlMessage: 'out of stock' });
    expect(classify(signalled)).toMatchObject({ code: 'QUERY', reason: 'application', isConnectionFatal: false });
  });

  it('70100 is not the end of the connection, whatever "fatal" says', () => {
    const killed = clientError(1317, { sqlState: '70100', fatal: true, sqlMessage: 'Query execution was interrupted' });
    expect(classify(killed)).toMatchObject({ code: 'CANCELLED', isConnectionFatal: false });
  });

  // Nobody had cancelled what others had in flight on it, and it was not sent again although it only read.
  it('a connection that this side destroyed is lost to its statements, and no news of the server', () => {
    const isNoNews = { code: 'CONNECTION', reason: 'lost', breaker: 'ignore', siblings: 'keep' };
    expect(classify(closedHere())).toMatchObject({ ...isNoNews, outcome: 'unknown', decision: 'never' });
    const reading = { ...SENT, isReadOnly: true, isSafeToRepeat: true };
    expect(classify(closedHere(), reading)).toMatchObject({ outcome: 'not-applied', decision: 'new-connection' });
    const unsent = { ...SENT, wasSent: false };
    expect(classify(closedHere(), unsent)).toMatchObject({ ...isNoNews, outcome: 'not-sent', retryable: true });
    expect(classify(closedHere(), CONNECT)).toMatchObject({ code: 'CANCELLED', reason: 'runtime' });
    expect(classify(closedHere(), COMMIT)).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
  });

  it('nothing is claimed that the connector only passes on', () => {
    for (const error of ['text', undefined, new Error('plain'), clientError(1062, { sqlState: '23000' })])
      expect(classifyMariadbClient(error, SENT, 'mariadb://db')).toBeUndefined();
  });
});

describe('the text of the statement', () => {
  it('goes from message, stack and field, and the rest stays', () => {
    const sql = "select 'secret $& value'";
    const error = Object.assign(new Error(`(no: 1064) wrong\nsql: ${sql}`), { sql, errno: 1064 });
    expect(withoutStatement(error)).toBe(error);
    expect(error.message).toBe('(no: 1064) wrong');
    expect(error.stack).not.toContain('secret');
    expect(error).not.toHaveProperty('sql');
    expect(error.errno).toBe(1064);
  });

  it('is nothing to look for in what is no error', () => {
    expect(withoutStatement('text')).toBe('text');
    const plain = new Error('plain');
    expect(withoutStatement(plain)).toBe(plain);
  });
});
