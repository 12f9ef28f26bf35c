/**
 * Every number that the survey lists of the mariadb connector's own errors, asked for in every place where it can come. The table
 * is written down by hand; what single numbers mean beside it is in mariadb-client-errors.test.ts.
 */
import { describe, expect, it } from 'vitest';
import { COMMIT, CONNECT, IDLE, INSIDE, SENT, UNSENT } from '../../../test/fakes/situations.js';
import type { FailureSituation } from '../driver.js';
import { classifyMysqlError } from '../mysql-server/mysql-errors.js';
import { classifyMariadbClient } from './mariadb-client-errors.js';

const classify = (errno: number, situation: FailureSituation, more: object = {}) => {
  // Its `fatal` and `code` are never a word to go by.
  const facts = { errno, sqlState: '08S01', code: 'UNKNOWN', fatal: errno % 2 === 0, ...more };
  return classifyMysqlError(Object.assign(new Error('x'), facts), situation, 'mariadb://db', classifyMariadbClient);
};

describe('numbers of the mariadb connector', () => {
  it.each([45_009, 45_026, 45_004, 45_042])('%i: lost, its fate open in flight, and the connection gone', (errno) => {
    expect(classify(errno, SENT)).toMatchObject({
      code: 'CONNECTION',
      outcome: 'unknown',
      decision: 'never',
      breaker: 'failure',
      isConnectionFatal: true,
    });
    expect(classify(errno, { ...SENT, isSafeToRepeat: true })).toMatchObject({ decision: 'new-connection' });
    expect(classify(errno, INSIDE)).toMatchObject({ outcome: 'not-applied', decision: 'whole-transaction' });
    expect(classify(errno, COMMIT)).toMatchObject({ code: 'OUTCOME_UNKNOWN', decision: 'never' });
    expect(classify(errno, CONNECT)).toMatchObject({
      outcome: 'not-sent',
      decision: 'new-connection',
      breaker: 'failure',
    });
    expect(classify(errno, IDLE)).toMatchObject({ outcome: 'not-sent', breaker: 'ignore' });
  });

  it('45012: a connect that took too long may be tried again', () => {
    expect(classify(45_012, CONNECT)).toMatchObject({
      code: 'TIMEOUT',
      outcome: 'not-sent',
      decision: 'new-connection',
      breaker: 'failure',
    });
  });

  it.each([45_013, 45_001])('%i: never sent, and nothing said of the server', (errno) => {
    for (const situation of [SENT, UNSENT])
      expect(classify(errno, situation)).toMatchObject({
        outcome: 'not-sent',
        decision: 'new-connection',
        breaker: 'ignore',
        isConnectionFatal: true,
      });
  });

  it.each([45_028, 45_060, 45_061])(
    '%i of its pool is what stands behind it, and nothing of the server where nothing does',
    (errno) => {
      const cause = Object.assign(new Error('x'), { code: 'ECONNREFUSED', syscall: 'connect' });
      expect(classify(errno, CONNECT, { cause })).toMatchObject({ reason: 'refused', breaker: 'failure' });
      const login = Object.assign(new Error('x'), { errno: 45_012 });
      expect(classify(errno, CONNECT, { cause: login })).toMatchObject({ code: 'TIMEOUT', breaker: 'failure' });
      expect(classify(errno, UNSENT)).toMatchObject({
        outcome: 'not-sent',
        decision: 'new-connection',
        breaker: 'ignore',
      });
    },
  );

  it.each([45_027, 45_035, 45_037])('%i: a pool of its own that closes says nothing of the server', (errno) => {
    expect(classify(errno, UNSENT)).toMatchObject({ outcome: 'not-sent', breaker: 'ignore' });
  });

  it.each([45_011, 45_020, 45_065])('%i: the protocol is broken, and the connection goes', (errno) => {
    expect(classify(errno, SENT)).toMatchObject({
      reason: 'protocol',
      outcome: 'unknown',
      isConnectionFatal: true,
      breaker: 'failure',
    });
  });

  it.each([45_016, 45_017, 45_018, 45_031, 45_043, 45_049, 45_038])(
    '%i: a mistake of whoever calls, and the connection is as good as before',
    (errno) => {
      expect(classify(errno, UNSENT)).toMatchObject({
        code: 'QUERY',
        decision: 'never',
        breaker: 'ignore',
        isConnectionFatal: false,
      });
    },
  );

  it.each([45_056, 45_057, 45_059, 45_062, 45_063, 45_064])('%i: TLS or login, never repeated', (errno) => {
    const error = classify(errno, CONNECT);
    expect(error).toMatchObject({
      outcome: 'not-sent',
      decision: 'never',
      breaker: 'failure',
      isConnectionFatal: true,
    });
    expect([error.code, error.reason]).toEqual(errno === 45_064 ? ['AUTH', 'credentials'] : ['CONNECTION', 'tls']);
  });
});
