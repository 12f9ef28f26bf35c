/**
 * The survey of Oracle's errors, written down by hand by its columns, and not made from the code: what the unit tests ask of plain
 * errors, and the integration tests of the real client library. The survey is of 2026; where it says nothing of a place, the row is
 * for the one that is meant.
 */

/**
 * `always`: proved not applied; `tx`: the whole transaction again; `idem`: its fate is open, so only what was declared safe;
 * `open`: the same, and never repeated; `unknown`: nobody can tell; `-`: never.
 */
export type When = 'always' | 'tx' | 'idem' | 'open' | 'unknown' | '-';
export type ErrorRow = readonly [
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
export const DEAD =
  '22 28 31 45 378 602 603 609 1012 1041 1043 3113 3114 3122 3135 12153 12537 12547 12570 12583 27146 28511 56600';

/** Before there is a session. */
export const AT_CONNECT: readonly ErrorRow[] = [
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

export const OF_A_STATEMENT: readonly ErrorRow[] = [
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

export const BREAKER = { F: 'failure', S: 'success', I: 'ignore' } as const;
export const SLOW_MS = 1_000;

/** A row for each number. */
export type ErrorCase = readonly [number: number, ...Tail<ErrorRow>];
type Tail<T extends readonly unknown[]> = T extends readonly [unknown, ...infer Rest] ? Rest : never;

export const each = (table: readonly ErrorRow[]): ErrorCase[] =>
  table.flatMap(([numbers, ...rest]) => numbers.split(' ').map((number): ErrorCase => [Number(number), ...rest]));

export const numbersOf = (table: readonly ErrorRow[]): number[] => each(table).map(([number]) => number);
