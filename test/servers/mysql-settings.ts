/**
 * What a MySQL or MariaDB server of the tests is told: its variables as flags, and the logins it begins with as SQL.
 * Used by mysql-installation.ts. Text only: it starts nothing and touches no file.
 */
import type { MysqlProduct } from './mysql-binaries.js';

/** Server variables by name, with `_` or `-`, such as `{ max_connections: '10' }`. */
export type MysqlSettings = Readonly<Record<string, string>>;

export const LOGIN = {
  database: 'fluxor',
  user: 'fluxor',
  password: 'fluxor-secret',
  admin: 'root',
  adminPassword: 'root-secret',
  /** On MariaDB, where the plugin is: the same password under another protocol. */
  ed25519: 'fluxor_ed25519',
} as const;

/**
 * Tests kill the server and never the machine: what was handed to the kernel stays, so nothing is synced. The doublewrite
 * buffer stays on, since a SIGKILL can tear a page of 16 kB. Few open tables keep the memory of MySQL below 400 MB, and
 * asynchronous I/O of the kernel is a limited good that containers with many servers run out of.
 */
const COMMON: MysqlSettings = {
  'bind-address': '127.0.0.1',
  'skip-name-resolve': 'ON',
  'local-infile': 'OFF',
  'character-set-server': 'utf8mb4',
  'max-connections': '200',
  'table-open-cache': '400',
  'table-definition-cache': '400',
  'innodb-buffer-pool-size': '64M',
  'innodb-log-buffer-size': '4M',
  'innodb-flush-method': 'nosync',
  'innodb-flush-log-at-trx-commit': '2',
  'innodb-use-native-aio': 'OFF',
  'sync-binlog': '0',
  'server-id': '1',
  // Else an ordinary user can't make functions and triggers on a server with a binary log.
  'log-bin-trust-function-creators': 'ON',
};

/** Both write a binary log and give every transaction a GTID; MySQL's log is on unless it is switched off. */
const OWN: Readonly<Record<MysqlProduct, MysqlSettings>> = {
  mysql: {
    'gtid-mode': 'ON',
    'enforce-gtid-consistency': 'ON',
    'innodb-redo-log-capacity': '32M',
    'secure-file-priv': 'NULL',
    mysqlx: 'OFF',
  },
  mariadb: { 'log-bin': 'binlog', 'innodb-log-file-size': '16M' },
};

/** Those that a data folder is made with and that can't change afterwards. */
const FROM_BIRTH = ['lower-case-table-names', 'innodb-page-size', 'innodb-redo-log-capacity', 'innodb-log-file-size'];

/** The caller's settings come last, and the last one counts. */
export function settingFlags(product: MysqlProduct, settings: MysqlSettings): string[] {
  const merged = { ...COMMON, ...OWN[product], ...withDashes(settings) };
  return Object.entries(merged).map(([name, value]) => `--${name}=${value}`);
}

/** For the making of the data folder. */
export function birthFlags(product: MysqlProduct, settings: MysqlSettings): string[] {
  const kept = Object.entries({ ...COMMON, ...OWN[product], ...withDashes(settings) }).filter(
    ([name]) => FROM_BIRTH.includes(name) || name.startsWith('innodb-flush') || name === 'character-set-server',
  );
  return kept.map(([name, value]) => `--${name}=${value}`);
}

/**
 * The database, its user, and root, all with passwords and from anywhere; one statement a line, as `--init-file` wants
 * it. The user has all rights on its database and sees everybody's sessions; ending its own ones needs no right.
 */
export function loginStatements(product: MysqlProduct, hasEd25519: boolean): string {
  const { database, user, password, admin, adminPassword } = LOGIN;
  const identified = (word: string, mariadbPlugin = 'mysql_native_password') =>
    product === 'mysql'
      ? `IDENTIFIED WITH caching_sha2_password BY '${word}'`
      : `IDENTIFIED VIA ${mariadbPlugin} USING PASSWORD('${word}')`;
  const rights = (name: string) => [
    `GRANT PROCESS ON *.* TO '${name}'@'%';`,
    `GRANT ALL ON ${database}.* TO '${name}'@'%';`,
  ];
  const ed25519 = [
    `INSTALL SONAME 'auth_ed25519';`,
    `CREATE USER '${LOGIN.ed25519}'@'%' ${identified(password, 'ed25519')};`,
    ...rights(LOGIN.ed25519),
  ];
  const lines = [
    // MariaDB's bootstrap looks at no rights before, and so can't give any.
    product === 'mariadb' ? 'FLUSH PRIVILEGES;' : '',
    `CREATE DATABASE ${database} CHARACTER SET utf8mb4;`,
    `CREATE USER '${user}'@'%' ${identified(password)};`,
    ...rights(user),
    ...(hasEd25519 ? ed25519 : []),
    `CREATE USER '${admin}'@'%' ${identified(adminPassword)};`,
    `GRANT ALL ON *.* TO '${admin}'@'%' WITH GRANT OPTION;`,
    // Those that it was born with have no password. Host names are not looked at in MariaDB's table of them.
    product === 'mysql'
      ? `DROP USER 'root'@'localhost';`
      : `DELETE FROM mysql.global_priv WHERE User IN ('', 'root') AND Host <> '%';`,
    product === 'mariadb' ? `DELETE FROM mysql.proxies_priv;` : '',
  ];
  return lines.filter(Boolean).concat('').join('\n');
}

function withDashes(settings: MysqlSettings): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name.replaceAll('_', '-'), value]));
}
