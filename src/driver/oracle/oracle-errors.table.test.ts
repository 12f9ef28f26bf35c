/**
 * Each ORA number of the survey of Oracle's errors, asked for in every place where it can come: what may be repeated, on which
 * connection, and what the breaker hears. The tables were written down by hand (test/fakes/oracle-error-table.ts), and the errors
 * have the shape that the client library gives them; what one number means beside them is in oracle-errors.test.ts.
 */
import { describe, expect, it } from 'vitest';
import {
  AT_CONNECT,
  BREAKER,
  DEAD,
  OF_A_STATEMENT,
  SLOW_MS,
  each,
  numbersOf,
} from '../../../test/fakes/oracle-error-table.js';
import { COMMIT, CONNECT, IDLE, INSIDE, SENT } from '../../../test/fakes/situations.js';
import type { FailureSituation } from '../driver.js';
import { ORA_CODES } from './oracle-codes.js';
import { classifyOracleError } from './oracle-errors.js';

const name = (number: number): string => `ORA-${String(number).padStart(5, '0')}`;

/** What thin mode disconnects after, and gives a code of its own. */
const WRAPPED = new Set([...DEAD.split(' ').map(Number), 600, 1089, 1092, 2396]);

/** As the real library gives it: read off oracledb 26.0 against a server that sends the number. */
const native = (number: number) => {
  const said = `${name(number)}: text\nHelp: https://docs.oracle.com/error-help/db/${name(number).toLowerCase()}/`;
  const isWrapped = WRAPPED.has(number);
  const message = isWrapped ? `NJS-500: connection to Oracle Database was closed or broken\n${said}` : said;
  const code = isWrapped ? 'NJS-500' : name(number);
  // The library calls a lost COMMIT recoverable. It is not asked.
  return Object.assign(new Error(message), { offset: 0, errorNum: number, isRecoverable: true, code });
};

const classify = (number: number, situation: FailureSituation) =>
  classifyOracleError(native(number), situation, 'oracle://h:1521/s');

describe('an error of Oracle while connecting', () => {
  it.each(each(AT_CONNECT))(
    'ORA-%i is %s; same connection: %s, new: %s, when: %s, ended: %s, breaker: %s',
    (number, category, _same, next, when, kill, breaker) => {
      const error = classify(number, CONNECT);
      expect([error.reason, error.outcome]).toEqual([category, 'not-sent']);
      expect(error.decision).toBe(when === 'always' ? 'new-connection' : 'never');
      expect(error.retryAfterMs).toBe(next === 'slow' ? SLOW_MS : undefined);
      expect([error.isConnectionFatal, error.breaker]).toEqual([kill === 'yes', BREAKER[breaker]]);
      expect(error.vendorCode).toBe(number);
    },
  );
});

describe('an error of Oracle under a statement that commits by itself', () => {
  it.each(each(OF_A_STATEMENT))(
    'ORA-%i is %s; same connection: %s, new: %s, when: %s, ended: %s, breaker: %s',
    (number, category, same, next, when, kill, breaker) => {
      const error = classify(number, SENT);
      expect(error.reason ?? error.code).toBe(category);
      expect([error.isConnectionFatal, error.breaker]).toEqual([kill === 'yes', BREAKER[breaker]]);
      expect(error.retryAfterMs).toBe(next === 'slow' ? SLOW_MS : undefined);
      expect(error.outcome).toBe(['idem', 'open', 'unknown'].includes(when) ? 'unknown' : 'not-applied');
      if (same === 'Y') expect([error.isConnectionFatal, error.retryable]).toEqual([false, true]);
      expect(error.decision).toBe(
        {
          always: 'new-connection',
          tx: 'whole-transaction',
          idem: 'never',
          open: 'never',
          unknown: 'never',
          '-': 'never',
        }[when],
      );
      const declared = classify(number, { ...SENT, isSafeToRepeat: true });
      expect(declared.decision).toBe(when === 'idem' ? 'new-connection' : error.decision);
      expect(error.vendorCode).toBe(number);
    },
  );

  it.each(each(OF_A_STATEMENT).filter(([, , , , when]) => when === 'idem' || when === 'open'))(
    'ORA-%i (%s) has applied nothing where the statement was declared to read only',
    (number) => {
      expect(classify(number, { ...SENT, isReadOnly: true, isSafeToRepeat: true }).outcome).toBe('not-applied');
    },
  );
});

describe('an error of Oracle inside a transaction', () => {
  it.each(each(OF_A_STATEMENT))(
    'ORA-%i (%s): the whole of it again, or nothing (%s, %s, when: %s)',
    (number, _category, _same, _next, when) => {
      const error = classify(number, INSIDE);
      const isNever = when === 'unknown' || when === '-' || when === 'open';
      expect(error.decision).toBe(isNever ? 'never' : 'whole-transaction');
      // A statement that a break hid may be part of the transaction, until that is rolled back.
      const isOpen = when === 'unknown' || number === 1013;
      expect(error.outcome).toBe(isOpen ? 'unknown' : 'not-applied');
    },
  );
});

describe('an error of Oracle under a COMMIT', () => {
  it.each(each(OF_A_STATEMENT).filter(([, , , , when]) => when === 'idem' || when === 'open' || when === 'unknown'))(
    'ORA-%i (%s): nobody knows, and it is never repeated, whatever was declared',
    (number) => {
      for (const situation of [COMMIT, { ...COMMIT, isSafeToRepeat: true, isReadOnly: false }])
        expect(classify(number, situation)).toMatchObject({
          code: 'OUTCOME_UNKNOWN',
          decision: 'never',
          retryable: false,
          isConnectionFatal: true,
        });
    },
  );

  it.each([12_170, 2396, 1033, 1034, 1090, 25_402, 376, 4031, 1652, 20_001, 942, 99_999])(
    'ORA-%i does not say that nothing was kept either',
    (number) => {
      expect(classify(number, COMMIT)).toMatchObject({ code: 'OUTCOME_UNKNOWN', retryable: false });
    },
  );

  it.each([60, 8177, 1555, 54, 1, 1400, 2290, 2291, 2292, 16_000, 14_909, 2091])(
    'ORA-%i says that nothing was kept',
    (number) => {
      expect(classify(number, COMMIT).outcome).toBe('not-applied');
    },
  );
});

describe('an error of Oracle on an idle connection', () => {
  it.each([...DEAD.split(' ').map(Number), 1089, 1092, 2396, 2399, 1033])(
    'ORA-%i says nothing of the server now: another connection is taken, and the breaker does not hear of it',
    (number) => {
      expect(classify(number, IDLE)).toMatchObject({
        code: 'CONNECTION',
        outcome: 'not-sent',
        decision: 'new-connection',
        breaker: 'ignore',
        isConnectionFatal: true,
      });
    },
  );
});

it('every number of the code stands in one of these tables', () => {
  // Found beside the survey: seldom, and of the kinds that it has.
  const beyondTheSurvey = [
    ...[957, 959, 990, 1001, 1006, 1008, 1036, 1086, 1408, 1418, 1427, 1430, 1432, 1434, 1435, 1453, 1466, 1481, 1745],
    ...[
      1747, 1789, 1790, 1795, 1918, 1920, 1921, 2050, 2053, 2054, 2091, 2264, 2443, 2449, 3048, 3049, 3050, 3405, 4063,
    ],
    ...[4080, 4091, 4098, 6503, 6508, 6510, 6511, 6530, 6531, 6532, 6533, 6553, 6592, 11534, 12838, 14452, 14909],
    ...[25708, 41900],
  ];
  const known = new Set([...numbersOf(AT_CONNECT), ...numbersOf(OF_A_STATEMENT), ...beyondTheSurvey]);
  expect([...ORA_CODES.keys()].filter((number) => !known.has(number))).toEqual([]);
});
