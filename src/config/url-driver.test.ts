import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Driver, FailureSituation, TransactionStatements } from '../driver/driver.js';
import { mariadb } from '../driver/mariadb/mariadb.js';
import { mysql } from '../driver/mysql/mysql.js';
import { oracle } from '../driver/oracle/oracle.js';
import { pglite } from '../driver/pglite/pglite.js';
import { postgres } from '../driver/postgres/postgres.js';
import { ConfigError } from '../errors/config-error.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import { DOORS } from './doors.js';
import { urlDriver } from './url-driver.js';

const REAL: Readonly<Record<string, Driver>> = {
  postgres: postgres(),
  postgresql: postgres(),
  pglite: pglite(),
  mysql: mysql(),
  mariadb: mariadb(),
  oracle: oracle({ serviceName: 'd' }),
};

const SITUATION: FailureSituation = {
  phase: 'connect',
  wasSent: false,
  isReadOnly: false,
  isSafeToRepeat: false,
  inTransaction: false,
  askedReadOnly: false,
  context: {},
};

const optionalMembers = (words: TransactionStatements) => [
  words.hasDeferrable ?? false,
  'commitsByItself' in words,
  'witness' in words,
];

function driverOf(url: string): Driver {
  const issues: OptionIssue[] = [];
  const driver = urlDriver(url, issues);
  if (driver === undefined) throw new Error(JSON.stringify(issues));
  return driver;
}

describe('the driver of a URL', () => {
  it.each(Object.keys(DOORS))('%s: says of itself what the driver behind the door says', (scheme) => {
    const [driver, real] = [driverOf(scheme === 'pglite' ? 'pglite:' : `${scheme}://app@h/d`), REAL[scheme]];
    expect([driver.name, driver.dialect]).toEqual([real?.name, real?.dialect]);
    expect(driver.capabilities).toEqual(real?.capabilities);
    expect([driver.outcomes === undefined, driver.listen === undefined]).toEqual([
      real?.outcomes === undefined,
      real?.listen === undefined,
    ]);
    expect([driver.transactions.commit, driver.transactions.rollback]).toEqual([
      real?.transactions.commit,
      real?.transactions.rollback,
    ]);
    expect(real && optionalMembers(driver.transactions)).toEqual(real && optionalMembers(real.transactions));
  });

  it.each([
    ['postgres://app:secret@db.example:6000/shop', 'postgres://app@db.example:6000/shop'],
    ['postgresql://db.example/shop?sslmode=require', 'postgres://db.example:5432/shop'],
    ['mysql://app:secret@[::1]/shop', 'mysql://app@[::1]:3306/shop'],
    ['mariadb://db', 'mariadb://db:3306/'],
    ['oracle://app:secret@db.example/shop', 'oracle://app@db.example:1521/shop'],
    ['oracle://app:secret@sales', 'oracle://app@sales'],
    ['oracle://app:secret@db.example?sid=XE', 'oracle://app@db.example:1521/XE'],
    ['oracle://db.example/shop?tls=true', 'oracle://db.example:2484/shop'],
    ['oracle://db.example:2000/shop?tls=true', 'oracle://db.example:2000/shop'],
    ['oracle://[::1]/shop', 'oracle://[::1]:1521/shop'],
    ['pglite:', 'pglite:memory'],
    ['pglite:./data', 'pglite:./data'],
  ])('shows of %s what is no secret', (url, endpoint) => {
    expect(driverOf(url).endpoint).toBe(endpoint);
  });

  it.each(['sales', 'db/shop', 'db?sid=XE', 'db/shop?tls=true', 'db:2000/shop?tls=true', '[::1]/shop'])(
    'oracle://%s: shows before it is loaded what it shows then',
    (rest) => {
      const url = `oracle://app@${rest}`;
      expect(driverOf(url).endpoint).toBe(oracle({ url }).endpoint);
    },
  );

  it('keeps the URL where nobody can print it', () => {
    const driver = driverOf('postgres://app:secret-marker@h/d');
    expect(inspect(driver, { depth: 9, showHidden: true })).not.toContain('secret-marker');
    expect(JSON.stringify(driver)).not.toContain('secret-marker');
  });

  it.each([
    ['postgres://a:b@h:x/d', 'a text that is not a URL'],
    ['postgres://a:pass/word@h/d', 'a text that is not a URL'],
    ['postgres://a:%@h/d', "a password with a stray '%'"],
    ['pglite://app:secret@h/d', "'//' and an '@', as in the URL of a server"],
    ['db2://h/d', "the scheme 'db2:'"],
  ])('refuses %s, and does not quote it', (url, got) => {
    const issues: OptionIssue[] = [];
    expect(urlDriver(url, issues)).toBeUndefined();
    expect(issues).toMatchObject([{ path: 'url', got }]);
  });

  it('opens the door when it is loaded, and refuses then what only the driver knows', async () => {
    const driver = driverOf('postgres://app@h/d?sslmod=require');
    await expect(driver.load()).rejects.toBeInstanceOf(ConfigError);
    const wrong: unknown = await driver.load().catch((error: unknown) => error);
    expect(driver.classify(wrong, SITUATION)).toBe(wrong);
    expect(wrong).toMatchObject({ issues: [{ path: 'postgres.url?sslmod' }] });
  });

  it('has the words of the driver once that is there, and its classification', async () => {
    const driver = driverOf('postgres://app@h/d');
    expect(() => driver.transactions.begin({})).toThrow(/bug/);
    await driver.load();
    const { transactions: words, outcomes } = driver;
    expect([words.commit, words.rollback, words.savepoint('a'), words.rollbackTo('a')]).toEqual([
      'commit',
      'rollback',
      'savepoint a',
      'rollback to savepoint a',
    ]);
    expect(words.releaseSavepoint('a')).toBe('release savepoint a');
    expect(words.begin({ readOnly: true })).toBe('begin read only');
    expect(outcomes?.marks).toBe(REAL['postgres']?.outcomes?.marks);
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    expect(driver.classify(refused, SITUATION)).toMatchObject({ code: 'CONNECTION', reason: 'refused' });
    expect(driver.endpoint).toBe('postgres://app@h:5432/d');
  });

  it('has an error of the house for what kept the door from opening', () => {
    const error = driverOf('postgres://app@h/d').classify(new Error('no such file'), SITUATION);
    expect(error).toMatchObject({ code: 'CONNECTION', cause: expect.any(Error) as Error });
  });
});
