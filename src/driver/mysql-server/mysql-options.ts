/**
 * What a user may say about a MySQL or MariaDB server, and the complete configuration that both rooms work with. The two doors
 * share these options: which client library speaks changes none of them.
 */
import { ConfigError } from '../../errors/config-error.js';
import type { OptionIssue } from '../../kernel/option-reader.js';
import { OptionReader, nearestName } from '../../kernel/option-reader.js';
import type { ConnectionUrl } from '../connection-url.js';
import { parseConnectionUrl } from '../connection-url.js';
import type { CredentialsProvider } from '../credentials.js';
import type { TlsOptions } from '../tls-options.js';
import type { MysqlSettings } from './mysql-session.js';
import type { ZeroDates } from './mysql-time.js';

/** Options of `mysql()` and `mariadb()`. Each field wins over the same part of `url`. */
export interface MysqlOptions {
  /**
   * `mysql://user:password@host:port/database?ssl-mode=…`, or `mariadb://…`. Percent-encode special characters. Query
   * keys: `ssl-mode` (`DISABLED`, `REQUIRED`, `VERIFY_CA`, `VERIFY_IDENTITY`, `NO_VERIFY`), `socketPath`,
   * `applicationName`, `allowPublicKeyRetrieval`, `zeroDates`.
   * @takes a URL
   * @warning Any other key is refused.
   * @default none
   */
  readonly url?: string;
  /**
   * Name or address.
   * @default `localhost`
   */
  readonly host?: string;
  /**
   * Where the server listens.
   * @limits 1 to 65535
   * @default 3306
   */
  readonly port?: number;
  /**
   * A Unix socket, in the place of `host` and `port`.
   * @default none
   */
  readonly socketPath?: string;
  /**
   * The account to log in as.
   * @default none
   */
  readonly user?: string;
  /**
   * The password, or a function asked before every connect (rotating and short-lived credentials).
   * @default none
   */
  readonly password?: string | (() => string | Promise<string>);
  /**
   * A function that gives user and password, in the place of `password`: asked when a connection is made, kept until
   * shortly before `expiresAt`, and asked again at once when the server refuses what it gave.
   * @default none
   * @see docs/guide/postgres.md#credentials-that-change
   */
  readonly credentials?: CredentialsProvider;
  /**
   * Without one, names of tables need their database.
   * @default none
   */
  readonly database?: string;
  /**
   * `true` or TLS options encrypt and verify the server's certificate and its name, TLS options beside
   * `ssl-mode=VERIFY_CA` the certificate alone; `false` never encrypts.
   * @takes `true`, `false`, TLS options
   * @default `false`
   */
  readonly tls?: boolean | TlsOptions;
  /**
   * Without TLS, `caching_sha2_password` and `sha256_password` may need the server's public key to hide the password, and
   * whoever stands between can answer with their own.
   * @default on loopback addresses
   * @see docs/guide/mysql.md#tls-and-logging-in
   */
  readonly allowPublicKeyRetrieval?: boolean;
  /**
   * Shown as `program_name` in `performance_schema.session_connect_attrs`.
   * @when Name your service.
   * @default `'fluxor-db'`
   */
  readonly applicationName?: string;
  /**
   * Session variables, set when a connection is made and after every reset: `{ sql_mode: 'ANSI', lock_wait_timeout: 2 }`.
   * @takes an object of names and values
   * @default none
   */
  readonly settings?: MysqlSettings;
  /**
   * What a DATETIME, a TIMESTAMP, or a DATE read as a `Date` is when no Date can hold it (`0000-00-00`, `2024-00-10`): an
   * error, `null`, or the string as the server has it.
   * @default `'error'`
   */
  readonly zeroDates?: ZeroDates;
}

/** TLS as a room needs it. */
export interface MysqlTls extends TlsOptions {
  /** The certificate must be for the name that was asked for, and not only from somebody trusted. */
  readonly verifiesName: boolean;
}

export interface MysqlConfig {
  readonly host: string;
  readonly port: number;
  readonly socketPath: string | undefined;
  readonly user: string | undefined;
  readonly password: string | (() => string | Promise<string>) | undefined;
  readonly credentials: CredentialsProvider | undefined;
  readonly database: string | undefined;
  readonly tls: false | MysqlTls;
  readonly allowPublicKeyRetrieval: boolean;
  readonly applicationName: string;
  readonly settings: MysqlSettings;
  readonly zeroDates: ZeroDates;
  /** Printable, without the password. */
  readonly endpoint: string;
}

/** The room whose options they are: the first word of every path. */
export type MysqlDoor = 'mysql' | 'mariadb';

const DEFAULT_PORT = 3306;
const ZERO_DATES: readonly ZeroDates[] = ['error', 'null', 'string'];
const URL_PARAMETERS: readonly string[] = [
  'ssl-mode',
  'socketPath',
  'applicationName',
  'allowPublicKeyRetrieval',
  'zeroDates',
];

/**
 * MySQL's own words. `REQUIRED` verifies too, because encryption without knowing whom one talks to protects from nobody who
 * can stand between; `PREFERRED` is missing, because it falls back to plain text without a word.
 */
const SSL_MODES: Readonly<Record<string, false | MysqlTls>> = {
  disabled: false,
  required: { verifiesName: true },
  verify_ca: { verifiesName: false },
  verify_identity: { verifiesName: true },
  no_verify: { rejectUnauthorized: false, verifiesName: false },
};

/** Throws one ConfigError that lists everything wrong. */
export function resolveMysqlOptions(options: MysqlOptions, door: MysqlDoor): MysqlConfig {
  const issues: OptionIssue[] = [];
  const reader = new OptionReader(options, door, issues);
  const url = readUrl(reader, door, issues);
  const parameter = (name: string) => url?.parameters.get(name);
  const host = reader.text('host', undefined) ?? url?.host ?? 'localhost';
  const sslMode = readSslMode(parameter('ssl-mode'), `${door}.url?ssl-mode`, issues);
  const config = {
    host,
    port: reader.has('port')
      ? reader.integer('port', DEFAULT_PORT, { min: 1, max: 65_535 })
      : (url?.port ?? DEFAULT_PORT),
    socketPath: reader.text('socketPath', undefined) ?? parameter('socketPath'),
    database: reader.text('database', undefined) ?? url?.database,
    user: reader.text('user', undefined) ?? url?.user,
    password: readPassword(reader, door, issues) ?? url?.password,
    credentials: readCredentials(reader, door, issues),
    tls: readTls(reader, sslMode) ?? sslMode ?? (false as const),
    allowPublicKeyRetrieval:
      readRetrieval(reader, parameter('allowPublicKeyRetrieval'), door, issues) ?? isLoopback(host),
    applicationName: reader.text('applicationName', parameter('applicationName') ?? 'fluxor-db'),
    settings: readSettings(reader),
    zeroDates: readZeroDates(reader, parameter('zeroDates'), door, issues),
  };
  reader.refuseUnknown();
  if (issues.length > 0) throw ConfigError.fromIssues(issues);
  const secretless = { ...config, endpoint: printEndpoint(config, door) };
  // Not enumerable: a printed or logged config must not show them.
  for (const name of ['password', 'credentials']) Object.defineProperty(secretless, name, { enumerable: false });
  return Object.freeze(secretless);
}

function readUrl(reader: OptionReader, door: MysqlDoor, issues: OptionIssue[]): ConnectionUrl | undefined {
  const text = reader.text('url', undefined);
  if (text === undefined) return undefined;
  const url = parseConnectionUrl(text, ['mysql', 'mariadb'], `${door}.url`, issues);
  for (const name of url?.parameters.keys() ?? []) {
    if (URL_PARAMETERS.includes(name)) continue;
    const nearest = nearestName(name, URL_PARAMETERS);
    const expected = nearest === undefined ? `one of ${URL_PARAMETERS.join(', ')}` : `did you mean '${nearest}'?`;
    issues.push({ path: `${door}.url?${name}`, got: 'an unknown parameter', expected });
  }
  return url;
}

function readPassword(reader: OptionReader, door: MysqlDoor, issues: OptionIssue[]): MysqlConfig['password'] {
  const value = reader.raw('password');
  if (value === undefined || typeof value === 'string') return value;
  if (typeof value === 'function') return value as () => string | Promise<string>;
  // Not by way of the reader, which would show it: a password of digits may well arrive as a number.
  const got = value === null ? 'null' : `a value of type ${typeof value}`;
  issues.push({ path: `${door}.password`, got, expected: 'a string, or a function that gives one' });
  return undefined;
}

/** The provider wins over a URL's user and password, as fields do; two fields that say the same are a mistake. */
function readCredentials(
  reader: OptionReader,
  door: MysqlDoor,
  issues: OptionIssue[],
): CredentialsProvider | undefined {
  const value = reader.raw('credentials');
  if (value === undefined) return undefined;
  const path = `${door}.credentials`;
  if (typeof value !== 'function') {
    // Not by way of the reader, which would show it.
    const got = value === null ? 'null' : `a value of type ${typeof value}`;
    issues.push({ path, got, expected: 'a function that gives user and password' });
    return undefined;
  }
  if (reader.has('password')) issues.push({ path, got: 'a password as well', expected: 'one of the two' });
  return value as CredentialsProvider;
}

/** TLS options win over the URL's mode, but for the one thing that they have no word for: a certificate for whatever name. */
function readTls(reader: OptionReader, sslMode: false | MysqlTls | undefined): false | MysqlTls | undefined {
  const value = reader.raw('tls');
  if (value === undefined || value === false) return value;
  if (value === true) return { verifiesName: true };
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return reader.refuse('tls', 'true, false or TLS options', undefined);
  const tls = value as TlsOptions;
  const isForAnyName = tls.rejectUnauthorized === false || sslMode === SSL_MODES['verify_ca'];
  return { ...tls, verifiesName: !isForAnyName };
}

function readSslMode(mode: string | undefined, path: string, issues: OptionIssue[]): false | MysqlTls | undefined {
  if (mode === undefined) return undefined;
  const name = mode.toLowerCase();
  // Own keys only: every object also has a `constructor`.
  if (Object.hasOwn(SSL_MODES, name)) return SSL_MODES[name];
  const expected = `one of ${Object.keys(SSL_MODES).join(', ').toUpperCase()}`;
  issues.push({ path, got: `'${mode}'`, expected });
  return undefined;
}

function readRetrieval(
  reader: OptionReader,
  fromUrl: string | undefined,
  door: MysqlDoor,
  issues: OptionIssue[],
): boolean | undefined {
  if (reader.has('allowPublicKeyRetrieval')) return reader.boolean('allowPublicKeyRetrieval', false);
  if (fromUrl === undefined || fromUrl === 'true' || fromUrl === 'false') return fromUrl && fromUrl === 'true';
  issues.push({ path: `${door}.url?allowPublicKeyRetrieval`, got: `'${fromUrl}'`, expected: 'true or false' });
  return undefined;
}

function readZeroDates(
  reader: OptionReader,
  fromUrl: string | undefined,
  door: MysqlDoor,
  issues: OptionIssue[],
): ZeroDates {
  if (reader.has('zeroDates') || fromUrl === undefined) return reader.oneOf('zeroDates', ZERO_DATES, 'error');
  if (ZERO_DATES.includes(fromUrl as ZeroDates)) return fromUrl as ZeroDates;
  issues.push({ path: `${door}.url?zeroDates`, got: `'${fromUrl}'`, expected: `one of ${ZERO_DATES.join(', ')}` });
  return 'error';
}

/** Names go into SQL as they are, so only what is surely one passes. */
function readSettings(reader: OptionReader): MysqlSettings {
  const value = reader.raw('settings');
  if (value === undefined) return {};
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const expected = 'session variables with text, number or boolean values';
  if (!isObject) return reader.refuse('settings', expected, {});
  for (const [name, setting] of Object.entries(value)) {
    const isSetting = typeof setting === 'string' || typeof setting === 'boolean' || Number.isFinite(setting);
    if (!/^[A-Za-z_]\w*(\.\w+)?$/.test(name) || !isSetting) return reader.refuse('settings', expected, {});
    // Without it whatever is not in a transaction of ours is rolled back with its session, and nobody is told.
    if (/(^|\.)autocommit$/i.test(name))
      return reader.refuse('settings', `${expected}, and no autocommit, which is on`, {});
  }
  return Object.freeze({ ...value });
}

function isLoopback(host: string): boolean {
  // Asked for by a host's options, and not by an import.
  const { isIP } = process.getBuiltinModule('node:net');
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function printEndpoint(config: Omit<MysqlConfig, 'endpoint'>, door: MysqlDoor): string {
  const { host, port, user, database, socketPath } = config;
  const name = host.includes(':') ? `[${host}]` : host;
  const at = socketPath ?? `${name}:${port}`;
  return `${door}://${user === undefined ? '' : `${user}@`}${at}/${database ?? ''}`;
}
