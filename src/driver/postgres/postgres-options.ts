/** What a user may say about a PostgreSQL server, and the complete configuration that the room works with. */
import { ConfigError } from '../../errors/config-error.js';
import type { OptionIssue } from '../../kernel/option-reader.js';
import { OptionReader, nearestName } from '../../kernel/option-reader.js';
import type { ConnectionUrl } from '../connection-url.js';
import { parseConnectionUrl } from '../connection-url.js';
import type { CredentialsProvider } from '../credentials.js';
import type { TlsOptions } from '../tls-options.js';

/** What stands between here and the server; see `PostgresOptions.pooler`. */
export type Pooler = 'auto' | 'none' | 'transaction';

const POOLERS: readonly Pooler[] = ['auto', 'none', 'transaction'];

/** Options of `postgres()`. Each field wins over the same part of `url`. */
export interface PostgresOptions {
  /**
   * `postgres://user:password@host:port/database?sslmode=…`. Percent-encode special characters. Query keys: `sslmode`
   * (`disable`, `require`, `verify-ca`, `verify-full`, `no-verify`), `application_name`, `host` (a folder of Unix
   * sockets), `options`.
   * @takes a URL
   * @warning Any other key is refused.
   * @default none
   */
  readonly url?: string;
  /**
   * Name, address, or folder of the Unix socket.
   * @default `PGHOST`, else `localhost`
   */
  readonly host?: string;
  /**
   * Where the server listens.
   * @limits 1 to 65535
   * @default `PGPORT`, else `5432`
   */
  readonly port?: number;
  /**
   * The database to connect to.
   * @default `PGDATABASE`, else the user's name
   */
  readonly database?: string;
  /**
   * The role to log in as.
   * @default `PGUSER`, else the system's user
   */
  readonly user?: string;
  /**
   * The password, or a function asked before every connect (rotating and short-lived credentials).
   * @default `PGPASSWORD`
   */
  readonly password?: string | (() => string | Promise<string>);
  /**
   * A function that gives user and password, in the place of `password`: asked when a connection is made, kept until
   * shortly before `expiresAt`, and asked again at once when the server refuses what it gave.
   * @when For credentials that change.
   * @default none
   * @see docs/guide/postgres.md#credentials-that-change
   */
  readonly credentials?: CredentialsProvider;
  /**
   * `true` or TLS options encrypt and verify the server's certificate; `false` never encrypts.
   * @when Set it wherever the network is not your own.
   * @takes `true`, `false`, TLS options
   * @default `PGSSLMODE`, else `false`
   */
  readonly ssl?: boolean | TlsOptions;
  /**
   * Shown in `pg_stat_activity`.
   * @when Name your service.
   * @limits up to 63 characters
   * @default `'fluxor-db'`
   */
  readonly applicationName?: string;
  /**
   * Run-time settings of every session, sent with the connection request: `{ search_path: 'shop', lock_timeout: '2s' }`.
   * @warning Connection poolers may refuse them.
   * @default none
   */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /**
   * Whether a connection pooler lends the server's processes for a transaction at a time, as PgBouncer in transaction
   * mode does. Through one, no statement is prepared under a name, and nothing is set for a session. `'auto'` finds out
   * with every connection, in one round trip, and takes any pooler for such a one; `'none'` says that each session has a
   * process of its own (also through PgBouncer in session mode), `'transaction'` that it has not.
   * @when Say it where nobody should have to find out: each connection saves a round trip.
   * @default `'auto'`
   * @see docs/guide/postgres.md
   */
  readonly pooler?: Pooler;
}

export interface PostgresConfig {
  readonly pooler: Pooler;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly database: string | undefined;
  readonly user: string | undefined;
  readonly password: string | (() => string | Promise<string>) | undefined;
  readonly credentials: CredentialsProvider | undefined;
  readonly ssl: false | TlsOptions;
  /** `undefined` where the user has not said one. */
  readonly applicationName: string | undefined;
  /** libpq's `options` string made of `settings`. */
  readonly sessionOptions: string | undefined;
  /** Printable, without the password. */
  readonly endpoint: string;
}

/** For who has not said one. */
export const DEFAULT_APPLICATION_NAME = 'fluxor-db';

const URL_PARAMETERS: readonly string[] = ['sslmode', 'application_name', 'host', 'options'];
const SSL_MODES: Readonly<Record<string, false | TlsOptions>> = {
  disable: false,
  require: {},
  'verify-ca': {},
  'verify-full': {},
  'no-verify': { rejectUnauthorized: false },
};

/** Throws one ConfigError that lists everything wrong. */
export function resolvePostgresOptions(options: PostgresOptions): PostgresConfig {
  const issues: OptionIssue[] = [];
  const reader = new OptionReader(options, 'postgres', issues);
  const url = readUrl(reader, issues);
  const parameter = (name: string) => url?.parameters.get(name);
  const config = {
    host: reader.text('host', undefined) ?? parameter('host') ?? url?.host,
    port: reader.has('port') ? reader.integer('port', 5432, { min: 1, max: 65_535 }) : url?.port,
    database: reader.text('database', undefined) ?? url?.database,
    user: reader.text('user', undefined) ?? url?.user,
    password: readPassword(reader, issues) ?? url?.password,
    credentials: readCredentials(reader, issues),
    ssl:
      readSsl(reader) ??
      readSslMode(parameter('sslmode'), 'postgres.url?sslmode', issues) ??
      readSslMode(process.env['PGSSLMODE'] || undefined, 'PGSSLMODE', issues) ??
      (false as const),
    applicationName: reader.text('applicationName', undefined) ?? parameter('application_name'),
    sessionOptions: readSettings(reader, parameter('options')),
    pooler: reader.oneOf('pooler', POOLERS, 'auto'),
  };
  reader.refuseUnknown();
  if (issues.length > 0) throw ConfigError.fromIssues(issues);
  const secretless = { ...config, endpoint: printEndpoint(config) };
  // Not enumerable: a printed or logged config must not show them.
  for (const name of ['password', 'credentials']) Object.defineProperty(secretless, name, { enumerable: false });
  return Object.freeze(secretless);
}

function readUrl(reader: OptionReader, issues: OptionIssue[]): ConnectionUrl | undefined {
  const text = reader.text('url', undefined);
  if (text === undefined) return undefined;
  const url = parseConnectionUrl(text, ['postgres', 'postgresql'], 'postgres.url', issues);
  for (const name of url?.parameters.keys() ?? []) {
    if (URL_PARAMETERS.includes(name)) continue;
    const nearest = nearestName(name, URL_PARAMETERS);
    const expected = nearest === undefined ? `one of ${URL_PARAMETERS.join(', ')}` : `did you mean '${nearest}'?`;
    issues.push({ path: `postgres.url?${name}`, got: 'an unknown parameter', expected });
  }
  return url;
}

function readPassword(reader: OptionReader, issues: OptionIssue[]): PostgresConfig['password'] {
  const value = reader.raw('password');
  if (value === undefined || typeof value === 'string') return value;
  if (typeof value === 'function') return value as () => string | Promise<string>;
  // Not by way of the reader, which would show it: a password of digits may well arrive as a number.
  issues.push({
    path: 'postgres.password',
    got: value === null ? 'null' : `a value of type ${typeof value}`,
    expected: 'a string, or a function that gives one',
  });
  return undefined;
}

/** The provider wins over a URL's user and password, as fields do; two fields that say the same are a mistake. */
function readCredentials(reader: OptionReader, issues: OptionIssue[]): CredentialsProvider | undefined {
  const value = reader.raw('credentials');
  if (value === undefined) return undefined;
  const path = 'postgres.credentials';
  if (typeof value !== 'function') {
    // Not by way of the reader, which would show it.
    const got = value === null ? 'null' : `a value of type ${typeof value}`;
    issues.push({ path, got, expected: 'a function that gives user and password' });
    return undefined;
  }
  if (reader.has('password')) issues.push({ path, got: 'a password as well', expected: 'one of the two' });
  return value as CredentialsProvider;
}

function readSsl(reader: OptionReader): false | TlsOptions | undefined {
  const value = reader.raw('ssl');
  if (value === undefined || value === false) return value;
  if (value === true) return {};
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  return reader.refuse('ssl', 'true, false or TLS options', undefined);
}

function readSslMode(mode: string | undefined, path: string, issues: OptionIssue[]): false | TlsOptions | undefined {
  if (mode === undefined) return undefined;
  // Own keys only: every object also has a `constructor`.
  if (Object.hasOwn(SSL_MODES, mode)) return SSL_MODES[mode];
  // `prefer` and `allow` fall back to plain text without a word, so they promise nothing.
  const expected = `one of ${Object.keys(SSL_MODES).join(', ')}`;
  issues.push({ path, got: `'${mode}'`, expected });
  return undefined;
}

/** PostgreSQL manual, 20.1.4 and libpq's `options`: `-c name=value`, with white space and backslashes escaped. */
function readSettings(reader: OptionReader, fromUrl: string | undefined): string | undefined {
  const value = reader.raw('settings');
  const parts = fromUrl === undefined ? [] : [fromUrl];
  if (value !== undefined && (typeof value !== 'object' || value === null || Array.isArray(value))) {
    return reader.refuse('settings', 'an object of setting names and values', undefined);
  }
  for (const [name, setting] of Object.entries(value ?? {})) {
    if (!/^[A-Za-z_][\w.]*$/.test(name) || !['string', 'number', 'boolean'].includes(typeof setting)) {
      return reader.refuse('settings', 'setting names with text, number or boolean values', undefined);
    }
    parts.push(`-c ${name}=${String(setting).replace(/[\\\s]/g, '\\$&')}`);
  }
  return parts.length === 0 ? undefined : parts.join(' ');
}

/** With what the environment fills in, as `pg` will: an endpoint that names the wrong host misleads whoever reads it. */
function printEndpoint(config: Omit<PostgresConfig, 'endpoint'>): string {
  const { PGHOST, PGPORT, PGUSER, PGDATABASE } = process.env;
  const host = config.host ?? (PGHOST || 'localhost');
  const user = config.user ?? PGUSER ?? '';
  const database = config.database ?? (PGDATABASE || user);
  const at = host.includes(':') ? `[${host}]` : host;
  return `postgres://${user === '' ? '' : `${user}@`}${at}:${config.port ?? (PGPORT || 5432)}/${database}`;
}
