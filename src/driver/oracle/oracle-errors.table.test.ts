/**
 * Each ORA number of the survey of Oracle's errors, asked for in every place where it can come: what may be repeated, on which
 * connection, and what the breaker hears. The tables are written down by hand, by the survey's columns, and the errors have the
 * shape that the client library gives them; what one number means beside them is in oracle-errors.test.ts.
 */
import { describe, expect, it } from 'vitest';
import { COMMIT, CONNECT, IDLE, INSIDE, SENT } from '../../../test/fakes/situations.js';
import type { FailureSituation } from '../driver.js';
import { ORA_CODES } from './oracle-codes.js';
import { classifyOracleError } from './oracle-errors.js';

/**
 * `always`: proved not applied; `tx`: the whole transaction again; `idem`: its fate is open, so only what was declared safe;
 * `open`: the same, and never repeated; `unknown`: nobody can tell; `-`: never.
 */
type When = 'always' | 'tx' | 'idem' | 'open' | 'unknown' | '-';
type Row = readonly [
  numbers: string,
  category: string,
  /** On the same connection, and on a new one: may it be repeated? `slow`: after a pause. */
  same: 'Y' | 'N' | '-',
  next: 'Y' | 'slow' | '-',
  when: When,
  kill: 'yes' | 'no',
  breaker: 'F' | 'S' | 'I',
];

/** The session is dead: node-oracledb, python-oracledb and ODPI-C have the same list. */
const DEAD =
  '22 28 31 45 378 602 603 609 1012 1041 1043 3113 3114 3122 3135 12153 12537 12547 12570 12583 27146 28511 56600';

/** Before there is a session. */
const AT_CONNECT: readonly Row[] = [
  [DEAD, 'lost', '-', 'Y', 'always', 'yes', 'F'],
  ['1089 1092', 'shutting-down', '-', 'Y', 'always', 'yes', 'F'],
  ['600 7445', 'refused', '-', '-', '-', 'yes', 'F'],
  [
    '18 20 2391 12516 12518 12519 12520 24418 24457 24459 24496',
    'too-many-connections',
    '-',
    'slow',
    'always',
    'yes',
    'F',
  ],
  ['1033 1034 1035 1109 12526 12527 12528 12757', 'starting-up', '-', 'Y', 'always', 'yes', 'F'],
  ['1090 16456', 'shutting-down', '-', 'Y', 'always', 'yes', 'F'],
  ['12505 12514 12521', 'unknown-database', '-', 'Y', 'always', 'yes', 'F'],
  ['12154 12504', 'settings', '-', '-', '-', 'yes', 'F'],
  ['12545', 'dns', '-', '-', '-', 'yes', 'F'],
  ['12170 12535 12606 12608 12609 3136 3156', 'connect', '-', 'Y', 'always', 'yes', 'F'],
  ['12541 12560 12564 12500', 'refused', '-', 'Y', 'always', 'yes', 'F'],
  ['12543 12203', 'unreachable', '-', 'Y', 'always', 'yes', 'F'],
  ['12571 12637 25401 25402 25409', 'lost', '-', 'Y', 'always', 'yes', 'F'],
  ['1005 1017 1045 28000 28001 28009 28040 28547', 'credentials', '-', '-', '-', 'yes', 'F'],
  ['257 4031 30036', 'refused', '-', 'slow', 'always', 'no', 'F'],
];

const OF_A_STATEMENT: readonly Row[] = [
  [DEAD, 'lost', 'N', 'Y', 'idem', 'yes', 'F'],
  ['1089 1092', 'shutting-down', 'N', 'Y', 'idem', 'yes', 'F'],
  // The session had been ended before: this call was not looked at.
  ['2396', 'idle-timeout', 'N', 'Y', 'always', 'yes', 'I'],
  ['2399', 'lost', 'N', 'Y', 'idem', 'yes', 'I'],
  ['600 7445', 'internal', 'N', '-', 'open', 'yes', 'F'],
  ['18 20 2391', 'too-many-connections', '-', 'slow', 'always', 'yes', 'F'],
  ['1033 1034 1035 1109', 'starting-up', '-', 'Y', 'always', 'yes', 'F'],
  ['1090 16456', 'shutting-down', '-', 'Y', 'always', 'yes', 'F'],
  ['12170 12535 12606 12608 12609 3136 3156', 'lost', 'N', 'Y', 'idem', 'yes', 'F'],
  ['12541 12560 12564 12500', 'refused', 'N', 'Y', 'idem', 'yes', 'F'],
  ['12543 12203', 'unreachable', 'N', 'Y', 'idem', 'yes', 'F'],
  ['12571 12637 25401 25409', 'lost', 'N', 'Y', 'idem', 'yes', 'F'],
  ['25402', 'lost', 'N', 'Y', 'tx', 'yes', 'F'],
  ['25405 25408', 'OUTCOME_UNKNOWN', 'N', '-', 'unknown', 'yes', 'F'],
  ['1013', 'administrator', '-', '-', 'open', 'no', 'I'],
  ['60 4020', 'deadlock', 'Y', 'Y', 'tx', 'no', 'S'],
  ['63300 63302', 'deadlock', 'Y', 'Y', 'tx', 'no', 'S'],
  ['8177 8176', 'serialization', 'Y', 'Y', 'tx', 'no', 'S'],
  ['1555', 'serialization', 'N', 'slow', 'tx', 'no', 'S'],
  ['30036 1652 1653 1654 1536 4030 4031 4036', 'resource', 'N', 'slow', 'tx', 'no', 'F'],
  ['1000', 'resource', 'N', 'slow', 'tx', 'yes', 'S'],
  ['54 30006 4021 2049 51', 'lock-timeout', 'Y', 'Y', 'tx', 'no', 'S'],
  ['4061 4065 4068', 'statement-invalid', 'Y', 'Y', 'tx', 'no', 'S'],
  ['8103 1410 1002 24338', 'statement-invalid', 'N', 'Y', 'tx', 'no', 'S'],
  ['16000', 'read-only', 'N', 'Y', 'always', 'yes', 'I'],
  ['1456', 'read-only', 'N', 'Y', 'always', 'yes', 'I'],
  ['376 1115 257', 'internal', 'N', 'slow', 'tx', 'no', 'F'],
  ['1', 'unique', '-', '-', '-', 'no', 'S'],
  ['1400 1407', 'not-null', '-', '-', '-', 'no', 'S'],
  ['2290', 'check', '-', '-', '-', 'no', 'S'],
  ['2291 2292', 'foreign-key', '-', '-', '-', 'no', 'S'],
  ['1403 1422 1401 1426 1438 1476 1722 6502 12899', 'data', '-', '-', '-', 'no', 'S'],
  ['1830 1839 1840 1841 1843 1847 1850 1858 1861 1862', 'data', '-', '-', '-', 'no', 'S'],
  ['900 905 907 911 917 918 920 921 922 923 932 933 936 947 979 1756 6550', 'syntax', '-', '-', '-', 'no', 'S'],
  // Thin mode has parsed it anew by then, and failed again.
  ['1007', 'statement-invalid', '-', '-', '-', 'no', 'S'],
  ['904 942 2289 4043', 'undefined-object', '-', '-', '-', 'no', 'S'],
  ['955', 'duplicate-object', '-', '-', '-', 'no', 'S'],
  ['1031 1950', 'permission', '-', '-', '-', 'no', 'S'],
  ['20000 20001 20500 20999', 'application', '-', '-', '-', 'no', 'S'],
];

const BREAKER = { F: 'failure', S: 'success', I: 'ignore' } as const;
const SLOW_MS = 1_000;

const each = (table: readonly Row[]) =>
  table.flatMap(([numbers, ...rest]) => numbers.split(' ').map((number) => [Number(number), ...rest] as const));
const numbersOf = (table: readonly Row[]) => each(table).map(([number]) => number);

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
    ...[1747, 1789, 1790, 1795, 1918, 1920, 1921, 2050, 2053, 2054, 2091, 2264, 2443, 2449, 3048, 3049, 3050, 4063],
    ...[4080, 4091, 4098, 6503, 6508, 6510, 6511, 6530, 6531, 6532, 6533, 6553, 6592, 11534, 12838, 14452, 14909],
    ...[25708, 41900],
  ];
  const known = new Set([...numbersOf(AT_CONNECT), ...numbersOf(OF_A_STATEMENT), ...beyondTheSurvey]);
  expect([...ORA_CODES.keys()].filter((number) => !known.has(number))).toEqual([]);
});
