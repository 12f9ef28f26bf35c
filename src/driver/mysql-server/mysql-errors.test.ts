import { describe, expect, it } from 'vitest';
import { COMMIT, CONNECT, IDLE, INSIDE, SENT, UNSENT } from '../../../test/fakes/situations.js';
import type { FailureSituation } from '../driver.js';
import { ERRNOS } from './mysql-errnos.js';
import { classifyMysqlError, isLoginRefusal } from './mysql-errors.js';

/** When an attempt may be repeated. */
type When = 'always' | 'tx' | 'write' | 'idem' | 'fix' | 'unknown' | 'never';
type Row = readonly [
  numbers: string,
  code: string,
  reason: string | undefined,
  when: When,
  breaker: 'failure' | 'success' | 'ignore',
  isConnectionFatal: boolean,
];

/** The survey's table of 2026, written down by hand. What hangs on more than the number is below. */
const TABLE: readonly Row[] = [
  ['1040 1203 1135', 'CONNECTION', 'too-many-connections', 'always', 'failure', true],
  ['1226', 'QUERY', 'resource', 'never', 'success', false],
  ['1042 1043 1081 1152 1154 1155 1156 1157 1158 1159 1160 1161 1184', 'CONNECTION', 'lost', 'idem', 'failure', true],
  ['1153', 'QUERY', 'data', 'never', 'success', true],
  // Of an open session: a missing right.
  ['1044 1045 1130 1251 1524 1698 1820 1862 3118 4151', 'QUERY', 'permission', 'never', 'success', false],
  ['1129', 'CONNECTION', 'refused', 'never', 'failure', true],
  ['1049', 'QUERY', 'undefined-object', 'never', 'success', false],
  ['1053 3032 3168', 'CONNECTION', 'shutting-down', 'idem', 'failure', true],
  ['1927 3169', 'CONNECTION', 'lost', 'idem', 'failure', true],
  ['4031', 'CONNECTION', 'idle-timeout', 'always', 'ignore', true],
  ['1205 3572', 'TRANSACTION', 'lock-timeout', 'tx', 'success', false],
  ['1213 1614', 'TRANSACTION', 'deadlock', 'tx', 'success', false],
  ['1020 1412 1613 1689 3058 3101', 'TRANSACTION', 'serialization', 'tx', 'success', false],
  ['1206 1637', 'QUERY', 'resource', 'tx', 'failure', false],
  ['1180 3100', 'OUTCOME_UNKNOWN', undefined, 'unknown', 'failure', true],
  ['1615 1243', 'QUERY', 'statement-invalid', 'fix', 'success', false],
  ['1461', 'QUERY', 'resource', 'fix', 'success', false],
  ['1836 1223 1792', 'TRANSACTION', 'read-only', 'always', 'ignore', true],
  ['3024 1969', 'TIMEOUT', 'statement', 'tx', 'failure', false],
  ['1317', 'CANCELLED', 'administrator', 'never', 'ignore', false],
  ['1062 1586 1022 1169', 'CONSTRAINT', 'unique', 'never', 'success', false],
  ['1216 1217 1451 1452 1557 1761 1762', 'CONSTRAINT', 'foreign-key', 'never', 'success', false],
  ['1048 1364 1263', 'CONSTRAINT', 'not-null', 'never', 'success', false],
  ['3819 4025', 'CONSTRAINT', 'check', 'never', 'success', false],
  ['1264 1265 1292 1365 1366 1406 1411 1690 3140', 'QUERY', 'data', 'never', 'success', false],
  ['1064 1065 1149 1052 1055 1136 1210', 'QUERY', 'syntax', 'never', 'success', false],
  ['1146 1051 1054 1305 1072 1091 1193', 'QUERY', 'undefined-object', 'never', 'success', false],
  ['1050 1060 1061 1007', 'QUERY', 'duplicate-object', 'never', 'success', false],
  ['1142 1143 1227 1370 1410', 'QUERY', 'permission', 'never', 'success', false],
  ['1046', 'QUERY', 'object-state', 'never', 'success', false],
  ['1568 1399 1400', 'TRANSACTION', 'invalid-state', 'never', 'success', false],
  ['1021 1037 1041 1114 1878', 'QUERY', 'resource', 'write', 'failure', false],
  ['1038', 'QUERY', 'resource', 'tx', 'failure', false],
  ['1105', 'CONNECTION', 'protocol', 'idem', 'failure', true],
  ['1644', 'QUERY', 'application', 'never', 'success', false],
  ['9001', 'CONNECTION', 'too-many-connections', 'always', 'failure', false],
  ['2002 2003 2005', 'CONNECTION', 'refused', 'always', 'failure', true],
  ['2006 2013 2055', 'CONNECTION', 'lost', 'idem', 'failure', true],
];

const numbers = (list: string) => list.split(' ').map(Number);
const CASES = TABLE.flatMap(([list, ...rest]) => numbers(list).map((errno) => [errno, ...rest] as const));

/** As mysql2 brings it: a symbolic code of the wrong server, and no word about whether it is fatal. */
const server = (errno: number, message = 'text', sqlState = 'HY000') =>
  Object.assign(new Error(message), { errno, sqlState, sqlMessage: message, code: 'ER_INNODB_AUTOEXTEND_SIZE' });

const classify = (error: unknown, situation: FailureSituation = SENT) =>
  classifyMysqlError(error, situation, 'mysql://h:3306/d', () => undefined);

describe('the numbers of MySQL and MariaDB', () => {
  it.each(CASES)(
    '%i is %s %s, repeated: %s, breaker: %s, ends the connection: %s',
    (errno, code, reason, when, ...rest) => {
      const error = classify(server(errno));
      expect([error.code, error.reason]).toEqual([code, reason]);
      expect([error.breaker, error.isConnectionFatal]).toEqual(rest);
      expect(error.vendorCode).toBe(errno);
      const decisions: Readonly<Record<When, string>> = {
        always: 'new-connection',
        tx: 'whole-transaction',
        write: 'never',
        idem: 'never',
        fix: 'after-fix',
        unknown: 'never',
        never: 'never',
      };
      expect(error.decision).toBe(decisions[when]);
      const isOpen = when === 'idem' || when === 'unknown' || when === 'write';
      expect(error.outcome).toBe(isOpen ? 'unknown' : 'not-applied');
      const safe = classify(server(errno), { ...SENT, isSafeToRepeat: true });
      if (when === 'idem') expect(safe.decision).toBe('new-connection');
      if (when === 'write') expect(safe.decision).toBe('whole-transaction');
      if (when === 'tx' || when === 'always' || when === 'idem' || when === 'write')
        expect(classify(server(errno), INSIDE).decision).toBe('whole-transaction');
    },
  );

  it.each([3, 1021, 1026, 1030, 1114, 1296])(
    '%i may come from the COMMIT of a write that commits by itself, which may have been kept then',
    (errno) => {
      const native = server(errno, 'Got error 168 from storage engine');
      expect(classify(native)).toMatchObject({ code: 'QUERY', outcome: 'unknown', decision: 'never' });
      expect(classify(native, { ...SENT, isReadOnly: true, isSafeToRepeat: true })).toMatchObject({
        outcome: 'not-applied',
      });
      expect(classify(native, INSIDE)).toMatchObject({ outcome: 'not-applied' });
    },
  );

  it('are all in this table', () => {
    const special = [1290, 1030];
    expect([...ERRNOS.keys()].sort()).toEqual([...CASES.map(([errno]) => errno), ...special].sort());
  });

  it('decide, and not the symbolic code, which is that of the other server, nor what the client calls fatal', () => {
    const check = Object.assign(server(4025, 'CONSTRAINT `t.n` failed for `d`.`t`', '23000'), { fatal: true });
    expect(classify(check)).toMatchObject({ reason: 'check', constraint: 't.n', table: 't', isConnectionFatal: false });
    expect(classify(Object.assign(server(1969), { code: undefined, sqlState: '70100', fatal: true }))).toMatchObject({
      code: 'TIMEOUT',
      isConnectionFatal: false,
    });
  });

  it('are read from a numeric code as well: so mysql2 brings what a server says unasked', () => {
    const kicked = Object.assign(new Error('The client was disconnected by the server'), { code: 4031, fatal: true });
    expect(classify(kicked, IDLE)).toMatchObject({ reason: 'idle-timeout', outcome: 'not-sent', breaker: 'ignore' });
  });

  it('below 0 are those of Node, and its own codes are never taken for a SQLSTATE', () => {
    const refused = Object.assign(new Error(''), { errno: -111, code: 'ECONNREFUSED', syscall: 'connect' });
    expect(classify(refused, CONNECT)).toMatchObject({ reason: 'refused', outcome: 'not-sent', breaker: 'failure' });
    const pipe = Object.assign(new Error('write EPIPE'), { errno: -32, code: 'EPIPE' });
    expect(classify(pipe)).toMatchObject({ reason: 'lost', outcome: 'unknown' });
  });

  it('without a row are told by their state, and without that are internal', () => {
    expect(classify(server(4999, 'x', '22012'))).toMatchObject({ code: 'QUERY', reason: 'data' });
    expect(classify(server(4999, 'x', '42S02'))).toMatchObject({ reason: 'undefined-object' });
    expect(classify(server(4999, 'x', '40001'))).toMatchObject({ reason: 'serialization', retryable: true });
    expect(classify(server(4999, 'x', ''))).toMatchObject({ code: 'QUERY', reason: 'internal' });
  });
});

describe('what hangs on more than the number', () => {
  it('a login that is refused, and the same number in an open session', () => {
    const denied = server(1045, "Access denied for user 'app'@'localhost' (using password: YES)", '28000');
    const error = classify(denied, CONNECT);
    expect(error).toMatchObject({ code: 'AUTH', reason: 'credentials', retryable: false, breaker: 'failure' });
    expect(error.message).toContain('check user and password');
    expect(isLoginRefusal(denied)).toBe(true);
    expect(isLoginRefusal(server(1040))).toBe(false);
    expect(classify(server(1044), SENT)).toMatchObject({ reason: 'permission', isConnectionFatal: false });
  });

  it('a database that is not there: of a connection, and of USE', () => {
    expect(classify(server(1049), CONNECT)).toMatchObject({ code: 'CONNECTION', reason: 'unknown-database' });
    expect(classify(server(1049), SENT)).toMatchObject({ code: 'QUERY', isConnectionFatal: false });
  });

  it('a limit of the user: of connections, and of statements', () => {
    expect(classify(server(1226), CONNECT)).toMatchObject({ reason: 'too-many-connections', breaker: 'failure' });
    expect(classify(server(1226), SENT)).toMatchObject({ reason: 'resource', breaker: 'success', retryable: false });
  });

  it('an option that forbids a statement: only read-only is news of a failover', () => {
    const readOnly = server(1290, 'The MySQL server is running with the --super-read-only option so it cannot …');
    expect(classify(readOnly)).toMatchObject({ reason: 'read-only', siblings: 'evict', isConnectionFatal: true });
    expect(classify(readOnly, { ...SENT, isFirstLoan: true }).breaker).toBe('failure');
    const file = server(1290, 'The MySQL server is running with the --secure-file-priv option so it cannot …');
    expect(classify(file)).toMatchObject({ reason: 'permission', isConnectionFatal: false, siblings: 'keep' });
  });

  it('a write in a transaction that was begun read-only is a mistake of the program', () => {
    const asked = classify(server(1792), { ...INSIDE, askedReadOnly: true });
    expect(asked).toMatchObject({
      reason: 'read-only',
      isConnectionFatal: false,
      breaker: 'success',
      retryable: false,
    });
    expect(classify(server(1792), INSIDE)).toMatchObject({ siblings: 'evict' });
  });

  it('a savepoint that is not there says that the transaction is not what its caller believes', () => {
    expect(classify(server(1305, 'SAVEPOINT s1 does not exist'), INSIDE)).toMatchObject({ reason: 'invalid-state' });
    expect(classify(server(1305, 'PROCEDURE d.p does not exist'))).toMatchObject({ reason: 'undefined-object' });
  });

  it('an error of a storage engine: a full disk, or any other', () => {
    expect(classify(server(1030, 'Got error 28 "No space left on device" from storage engine'))).toMatchObject({
      reason: 'resource',
    });
    expect(classify(server(1030, 'Got error 168 from storage engine'))).toMatchObject({ reason: 'internal' });
  });

  it('a COMMIT that the server may have carried out: lost, and failed midway', () => {
    for (const errno of [1053, 1927, 1105, 1180, 3100])
      expect(classify(server(errno), COMMIT)).toMatchObject({ code: 'OUTCOME_UNKNOWN', retryable: false });
    expect(classify(server(1213), COMMIT)).toMatchObject({ reason: 'deadlock', outcome: 'not-applied' });
  });

  it('a COMMIT that ends with an error of which nobody knows that it undoes one', () => {
    const unproven = [
      server(1030, 'Got error 168 from storage engine'),
      server(1030, 'Got error 28 "No space left on device" from storage engine'),
      ...[1026, 1598, 1021, 1114, 99_999].map((errno) => server(errno)),
      ...['23000', '42000', '0A000', '70100'].map((state) => server(99_999, 'text', state)),
    ];
    for (const error of unproven) {
      expect(classify(error, COMMIT)).toMatchObject({
        ...{
          code: 'OUTCOME_UNKNOWN',
          outcome: 'unknown',
          retryable: false,
          isConnectionFatal: true,
          breaker: 'failure',
        },
      });
    }
    // Of a statement the same say that it was undone.
    for (const error of unproven) expect(classify(error, INSIDE).outcome).toBe('not-applied');
    expect(classify(server(1026, "Error writing file 'secret-marker'"), COMMIT).message).not.toContain('secret-marker');
  });

  it('a COMMIT that was undone for certain', () => {
    const proven = [1213, 1205, 1020, 3101, 1206, 1637, 1290, 1836, 1223, 1399, 1317].map((errno) => server(errno));
    for (const error of [...proven, server(1290, '--read-only'), server(99_999, 'text', '40001')])
      expect(classify(error, COMMIT).outcome).toBe('not-applied');
  });

  it('SIGNAL, whatever number it borrows', () => {
    expect(classify(server(1213, 'pick me', '45000'))).toMatchObject({ code: 'QUERY', reason: 'application' });
    expect(classify(server(45_010, 'mine', '45000'))).toMatchObject({ reason: 'application', vendorCode: 45_010 });
  });

  // A canary in the message of a SIGNAL that had borrowed the number of a deadlock came out, because nothing in it was quoted.
  it('SIGNAL with a number and a state of the server, whose text is shown nowhere', () => {
    for (const [errno, state] of [
      [1213, '40001'],
      [1205, 'HY000'],
      [1053, '08S01'],
      [1927, '70100'],
      [1020, 'HY000'],
    ] as const)
      for (const situation of [SENT, COMMIT, CONNECT])
        expect(classify(server(errno, 'canary', state), situation).message).not.toContain('canary');
    expect(classify(server(1045, 'canary', '28000'), CONNECT).message).not.toContain('canary');
  });

  it('what the server says of transactions and logins in its own words, which are shown', () => {
    const deadlock = 'Deadlock found when trying to get lock; try restarting transaction';
    expect(classify(server(1213, deadlock, '40001')).message).toContain(deadlock);
    const refused = "Access denied for user 'app'@'localhost' (using password: YES)";
    expect(classify(server(1045, refused, '28000'), CONNECT).message).toContain(refused);
  });

  it('what nobody knows: open when it was sent, and never a COMMIT that can be repeated', () => {
    expect(classify(new Error('?'))).toMatchObject({ reason: 'protocol', outcome: 'unknown', breaker: 'failure' });
    expect(classify(new Error('?'), UNSENT)).toMatchObject({ outcome: 'not-sent', breaker: 'ignore' });
    expect(classify(new Error('?'), COMMIT).code).toBe('OUTCOME_UNKNOWN');
    // Those of the mariadb connector itself are no numbers of a server.
    expect(classify(server(45_009, 'socket', 'HY000')).code).toBe('CONNECTION');
  });
});

describe('messages', () => {
  it.each([
    [1062, "Duplicate entry 'secret-marker' for key 'users.email'", { table: 'users', constraint: 'email' }],
    [1062, "Duplicate entry 'secret-marker for key 'x'' for key 'PRIMARY'", { constraint: 'PRIMARY' }],
    [1048, "Column 'name' cannot be null", { column: 'name' }],
    [1364, "Field 'name' doesn't have a default value", { column: 'name' }],
    [3819, "Check constraint 'positive' is violated.", { constraint: 'positive' }],
    [
      1452,
      'Cannot add or update a child row: a foreign key constraint fails (`d`.`orders`, CONSTRAINT `fk_user` FOREIGN KEY (`u`) …)',
      { table: 'orders', constraint: 'fk_user' },
    ],
    [1062, "Duplicate entry 'key in table 'secret-marker'' for key 'PRIMARY'", { constraint: 'PRIMARY' }],
    [1062, "Duplicate entry 'for key 'secret-marker'", { constraint: undefined }],
    [1586, "Duplicate entry 'secret-marker' for key 'email'", { constraint: 'email' }],
    [1022, "Can't write; duplicate key in table 'users'", { table: 'users', constraint: undefined }],
    [
      1761,
      "Foreign key constraint for table 'users', record '(`d`.`secret-marker`, CONSTRAINT `secret-marker`' would lead to a duplicate entry in table 'orders', key 'PRIMARY'",
      { constraint: undefined, table: undefined },
    ],
    [1062, "Doppelter Eintrag 'secret-marker' für Schlüssel 'email'", { constraint: undefined }],
  ])('%i name what was violated, and never the values: %s', (errno, message, facts) => {
    const error = classify(server(errno, message, '23000'));
    expect(error).toMatchObject(facts);
    expect(error.message).not.toContain('secret-marker');
  });

  it.each([
    [1366, "Incorrect integer value: 'secret-marker' for column 'n' at row 1"],
    [1064, "You have an error in your SQL syntax; … near 'secret-marker' at line 1"],
    [1644, 'secret-marker'],
    [1105, "odd 'secret-marker' thing"],
    [1690, "BIGINT value is out of range in 'secret-marker + 1'"],
  ])('%i shows no value: %s', (errno, message) => {
    expect(classify(server(errno, message)).message).not.toContain('secret-marker');
  });

  it.each([
    [1007, "Can't create database 'shop'; database exists"],
    [1044, "Access denied for user 'app'@'%' to database 'shop'"],
    [1049, "Unknown database 'shop'"],
    [1050, "Table 'users' already exists"],
    [1051, "Unknown table 'shop.users,shop.orders'"],
    [1054, "Unknown column 'nam' in 'field list'"],
    [1060, "Duplicate column name 'name'"],
    [1061, "Duplicate key name 'by_name'"],
    [1072, "Key column 'nam' doesn't exist in table"],
    [1091, "Can't DROP 'nam'; check that column/key exists"],
    [1091, "Can't DROP COLUMN `nam`; check that it exists"],
    [1109, "Unknown table 'user' in MULTI DELETE"],
    [1142, "SELECT command denied to user 'app'@'10.0.0.1' for table 'users'"],
    [1142, "DELETE command denied to user 'app'@'10.0.0.1' for table `shop`.`users`"],
    [1143, "SELECT command denied to user 'app'@'10.0.0.1' for column 'name' in table 'users'"],
    [1146, "Table 'shop.users' doesn't exist"],
    [1193, "Unknown system variable 'nope'"],
    [1227, 'Access denied; you need (at least one of) the SUPER, CONNECTION ADMIN privilege(s) for this operation'],
    [1305, 'PROCEDURE shop.refresh does not exist'],
    [1370, "execute command denied to user 'app'@'%' for routine 'shop.refresh'"],
    [1524, "Plugin 'mysql_native_password' is not loaded"],
  ])('name objects of the schema (%i: %s)', (errno, text) => {
    const state = errno === 1109 ? '42S02' : '42000';
    expect(classify(server(errno, text, state)).message).toBe(`${text} (error ${errno}, SQLSTATE ${state})`);
  });

  it.each([
    [1142, 'secret-marker', '42000'],
    [1146, "Table 'users' doesn't exist: secret-marker", '42S02'],
    [1305, 'PROCEDURE of secret-marker does not exist', '42000'],
    [4999, 'secret-marker', '42S02'],
  ])(
    'show nothing of a SIGNAL that takes the number or the state of a missing object or right (%i: %s)',
    (...error) => {
      const { message } = classify(server(...error));
      expect(message).toBe(
        `the server refused the statement (error ${error[0]}, SQLSTATE ${error[2]}); its text is on cause`,
      );
    },
  );
});
