import { describe, expect, it } from 'vitest';
import { flavourOf, isAtLeast } from './mysql-flavour.js';
import { keepsLimit, limitText, quoteName, serverOf, setUpText } from './mysql-session.js';
import { mysqlTransactions, splitBegin } from './mysql-transactions.js';

const MYSQL = flavourOf('9.7.4-2');
const MARIADB = flavourOf('5.5.5-10.11.19-MariaDB-0+deb12u1-log');

describe('the flavour of a server', () => {
  it.each([
    ['9.7.4-2', false, [9, 7, 4]],
    ['8.0.36-28', false, [8, 0, 36]],
    ['5.5.5-10.11.19-MariaDB-0+deb12u1-log', true, [10, 11, 19]],
    ['11.8.2-MariaDB-ubu2404', true, [11, 8, 2]],
    ['8.0', false, [8, 0, 0]],
    ['', false, [0, 0, 0]],
  ])('%s', (version, isMariaDb, [major, minor, patch]) => {
    expect(flavourOf(version)).toEqual({ isMariaDb, major, minor, patch });
  });

  it('is compared number by number', () => {
    expect(isAtLeast(MARIADB, 10, 3)).toBe(true);
    expect(isAtLeast(MARIADB, 10, 11, 19)).toBe(true);
    expect(isAtLeast(MARIADB, 10, 11, 20)).toBe(false);
    expect(isAtLeast(MARIADB, 11, 0)).toBe(false);
  });
});

describe('which server a session is at', () => {
  it('is more than one fact, since a copied data folder keeps its UUID and MariaDB has none', async () => {
    const asked: string[] = [];
    const ask = (text: string): Promise<string> => Promise.resolve(`answer ${asked.push(text)}`);
    expect([await serverOf(MYSQL, ask), await serverOf(MARIADB, ask)]).toEqual(['answer 1', 'answer 2']);
    expect(asked).toEqual([
      "select concat_ws('/', @@hostname, @@port, @@server_id, @@server_uuid)",
      "select concat_ws('/', @@hostname, @@port, @@server_id)",
    ]);
  });

  it('is nothing where the server cannot say, and a lost connection is one still', async () => {
    const unknown = Object.assign(new Error('Unknown system variable'), { errno: 1193, sqlState: 'HY000' });
    expect(await serverOf(MYSQL, () => Promise.reject(unknown))).toBe('');
    expect(await serverOf(MYSQL, () => Promise.resolve(null))).toBe('');
    const lost = new Error('lost');
    await expect(serverOf(MYSQL, () => Promise.reject(lost))).rejects.toBe(lost);
  });
});

describe('the set-up of a session', () => {
  it('is one statement, by flavour: milliseconds and seconds, and what tells of transactions', () => {
    expect(setUpText(MYSQL, {}, 35_000)).toBe(
      "set names utf8mb4, autocommit = 1, time_zone = '+00:00', session_track_schema = 1, session_track_gtids = OWN_GTID, " +
        'max_execution_time = 35000',
    );
    expect(setUpText(MARIADB, {}, 35_500)).toBe(
      "set names utf8mb4, autocommit = 1, time_zone = '+00:00', session_track_schema = 1, " +
        "session_track_system_variables = if(@@session_track_system_variables = '*', '*', " +
        "concat_ws(',', nullif(@@session_track_system_variables, ''), 'last_gtid')), max_statement_time = 35.5",
    );
  });

  it('says nothing that an old server does not know, and no limit where there is none', () => {
    const OLD = "set names utf8mb4, autocommit = 1, time_zone = '+00:00'";
    expect(setUpText(flavourOf('5.6.51'), {}, 1_000)).toBe(OLD);
    expect(setUpText(flavourOf('5.5.5-10.0.38-MariaDB'), {}, 1_000)).toBe(OLD);
    expect(setUpText(MYSQL, {}, 0)).not.toContain('max_execution_time');
    expect(limitText(flavourOf('5.6.51'), {}, 1_000)).toBeUndefined();
  });

  it('lets the settings of the user come last, quoted', () => {
    const settings = { sql_mode: "it's", sql_big_selects: true, lock_wait_timeout: 2, init_connect: 'a\\b' };
    expect(setUpText(MYSQL, settings, 0)).toContain(
      "sql_mode = 'it''s', sql_big_selects = 1, lock_wait_timeout = 2, init_connect = x'615c62'",
    );
  });

  it('leaves the limit alone that the user has chosen', () => {
    const settings = { MAX_Execution_Time: 5 };
    expect(keepsLimit(MYSQL, settings)).toBe(true);
    expect(keepsLimit(MARIADB, settings)).toBe(false);
    expect(setUpText(MYSQL, settings, 9_000)).not.toContain('9000');
  });

  it('quotes names', () => {
    expect(quoteName('a`b')).toBe('`a``b`');
  });
});

describe('words for transactions', () => {
  it('say an isolation level in a statement of its own, which the driver sends first', () => {
    expect(mysqlTransactions.begin({})).toBe('start transaction');
    expect(mysqlTransactions.begin({ readOnly: true })).toBe('start transaction read only');
    const text = mysqlTransactions.begin({ isolation: 'serializable', readOnly: false });
    expect(splitBegin(text)).toEqual(['set transaction isolation level serializable', 'start transaction read write']);
  });

  it.each(['start transaction', 'select 1; start transaction', 'set transaction isolation level serializable'])(
    'leave %s as it is',
    (text) => {
      expect(splitBegin(text)).toBeUndefined();
    },
  );
});
