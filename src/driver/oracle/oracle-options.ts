/**
 * What a user may say about an Oracle database, and the complete configuration that the room works with. What only the client
 * library understands (wallets, tokens, TNS names) is checked for its kind and passed on.
 *
 * Over 300 lines, because every option stands here with what it means, its bounds and its default, and is read below.
 */
import { ConfigError } from '../../errors/config-error.js';
import type { Duration } from '../../kernel/duration.js';
import type { OptionIssue } from '../../kernel/option-reader.js';
import { OptionReader } from '../../kernel/option-reader.js';
import type { CredentialsProvider } from '../credentials.js';
import type { TypeConfig } from '../query.js';
import type { OracleDrcp } from './oracle-descriptor.js';
import { descriptorOf, isName, printConnectString } from './oracle-descriptor.js';
import type { OracleTypeConfig } from './oracle-port.js';
import type { Fields } from './oracle-url.js';
import { PLACE, overUrl, readUrl } from './oracle-url.js';

/** Values of session parameters, as in `alter session set name = value`. */
export type OracleSettings = Readonly<Record<string, string | number | boolean>>;

export type OraclePrivilege = 'sysasm' | 'sysbackup' | 'sysdba' | 'sysdg' | 'syskm' | 'sysoper' | 'sysrac';

/** A token of an identity service: as text, with its private key, or a function that gives either. */
export type OracleAccessToken =
  | string
  | { readonly token: string; readonly privateKey: string }
  | ((
      refresh: boolean,
    ) =>
      | string
      | { readonly token: string; readonly privateKey: string }
      | Promise<string | { readonly token: string; readonly privateKey: string }>);

/** Options of `oracle()`. Each field wins over the same part of `url`. */
export interface OracleOptions {
  /**
   * `oracle://user:password@host:port/service?key=value`. Percent-encode special characters. `?sid=XE` in the place of the service
   * names an instance; with neither port, service nor sid, the host is a TNS name. The other keys are the options `tls`,
   * `walletLocation`, `configDir`, `mode`, `libDir`, `edition`, `schema`, `drcp`, `connectionClass`, `purity`, `applicationName`,
   * `clientIdentifier`, `connectTimeout`, `privilege`, `sslServerDNMatch`, `sslServerCertDN`. Any other key is refused.
   */
  readonly url?: string;
  /** Name or address. Default `localhost`. */
  readonly host?: string;
  /** 1 to 65535. Default 1521, and 2484 with `tls`. */
  readonly port?: number;
  /** The service, as `lsnrctl services` lists it: `FREEPDB1`. Needed, unless `sid` or `connectString` is given. */
  readonly serviceName?: string;
  /** The instance, in the place of a service. Default none. */
  readonly sid?: string;
  /**
   * In the place of host, port and service, whatever the client library understands: EZConnect (`host:1521/service?…`), a TNS name,
   * or a whole descriptor. Never with a user or a password in it. Default none.
   */
  readonly connectString?: string;
  /** Default: none, for `externalAuth`. `user[schema]` is a proxy user. */
  readonly user?: string;
  /** The password, or a function asked before every connect (rotating and short-lived credentials). Default none. */
  readonly password?: string | (() => string | Promise<string>);
  /**
   * A function that gives user and password, in the place of `password`: asked when a connection is made, kept until shortly
   * before `expiresAt`, and asked again at once when the server refuses what it gave. Default none.
   */
  readonly credentials?: CredentialsProvider;
  /** In the place of a password: a token, passed to the client library as it is. Default none. */
  readonly accessToken?: OracleAccessToken;
  /** The server, or a wallet, knows who it is; there is no password. Default false, and true with `accessToken`. */
  readonly externalAuth?: boolean;
  /** Logs in with an administrator's privilege. Default none. */
  readonly privilege?: OraclePrivilege;
  /** TLS (TCPS), with the server's certificate verified. Default false; a connect string says it by itself. */
  readonly tls?: boolean;
  /** The certificate must be for the host's name, or for `sslServerCertDN`. Default true. */
  readonly sslServerDNMatch?: boolean;
  /** The distinguished name that the server's certificate must have. Default: the host's name is looked for. */
  readonly sslServerCertDN?: string;
  /** A certificate that names the service is enough. Default false. */
  readonly sslAllowWeakDNMatch?: boolean;
  /** The folder of `ewallet.pem`. Default: the certificates that Node trusts. */
  readonly walletLocation?: string;
  /** Of the private key in the wallet. Default none. */
  readonly walletPassword?: string;
  /** The text of a PEM file, in the place of `walletLocation`. Default none. */
  readonly walletContent?: string;
  /** The folder of `tnsnames.ora`. Default: the environment's TNS_ADMIN. */
  readonly configDir?: string;
  /** A proxy between here and the database, for TLS only. Default none. */
  readonly httpsProxy?: string;
  /** 1 to 65535. Default: the client library's, 80. */
  readonly httpsProxyPort?: number;
  /**
   * `'thin'`: the client library speaks to the database by itself. `'thick'`: by Oracle's Client libraries, which must be installed,
   * and for the whole process. Default `'thin'`, or what the process has chosen already.
   */
  readonly mode?: 'thin' | 'thick';
  /** Where Oracle's Client libraries are, for `'thick'`. Default: where the system looks for libraries. */
  readonly libDir?: string;
  /** Asks for a server process out of the database's own pool (DRCP). Not with `connectString`, which says `:pooled`. Default false. */
  readonly drcp?: boolean | OracleDrcp;
  /** The edition of the session, for edition-based redefinition. Default: the database's. */
  readonly edition?: string;
  /** Whose objects are meant by names without a schema. Default: the user's own. */
  readonly schema?: string;
  /**
   * Session parameters, set when a connection is made and after a reset: `{ nls_date_format: 'YYYY-MM-DD', ddl_lock_timeout: 5 }`.
   * Default none.
   */
  readonly settings?: OracleSettings;
  /**
   * NUMBER of 16 to 38 digits without a scale: a decimal like every other NUMBER that fits no JavaScript number
   * (`types.decimal`), or an integer (`types.bigint`). Default `'decimal'`.
   */
  readonly integers?: 'decimal' | 'bigint';
  /** `'lower'`: names that are all upper case, as Oracle makes them of names without quotes, in lower case. Default `'exact'`. */
  readonly columnNames?: 'exact' | 'lower';
  /**
   * Longest LOB, in bytes of a BLOB and UTF-16 units of a CLOB, that comes as a Buffer or a string, and not as a stream: 0 or more,
   * `Infinity` for all. Default 1,048,576.
   */
  readonly lobLimit?: number;
  /**
   * Rows of a REF CURSOR or an implicit result that are read ahead, 1 to 100,000; one that has no more needs its session no longer.
   * Default 1,000.
   */
  readonly readAhead?: number;
  /** Shown as MODULE, and as PROGRAM where it may be one, in V$SESSION. Default `'fluxor-db'`. */
  readonly applicationName?: string;
  /** Shown as ACTION. Default none. */
  readonly action?: string;
  /** Shown as CLIENT_IDENTIFIER, and in the audit trail. Default none. */
  readonly clientIdentifier?: string;
  /**
   * How long the client library tries one address, in whole seconds rounded up: 1 s to 1 h. A second line behind
   * `pool.connectTimeout`; without it the library waits for ever for a listener that does not answer. Default 60 s.
   */
  readonly connectTimeout?: Duration;
}

export interface OracleConfig {
  /** Ready for the client library. */
  readonly connectString: string;
  readonly user: string | undefined;
  readonly password: string | (() => string | Promise<string>) | undefined;
  readonly credentials: CredentialsProvider | undefined;
  readonly accessToken: OracleAccessToken | undefined;
  readonly externalAuth: boolean;
  readonly privilege: OraclePrivilege | undefined;
  readonly sslServerDNMatch: boolean | undefined;
  readonly sslServerCertDN: string | undefined;
  readonly sslAllowWeakDNMatch: boolean | undefined;
  readonly walletLocation: string | undefined;
  readonly walletPassword: string | undefined;
  readonly walletContent: string | undefined;
  readonly configDir: string | undefined;
  readonly httpsProxy: string | undefined;
  readonly httpsProxyPort: number | undefined;
  readonly mode: 'thin' | 'thick' | undefined;
  readonly libDir: string | undefined;
  readonly edition: string | undefined;
  readonly schema: string | undefined;
  readonly settings: OracleSettings;
  readonly applicationName: string;
  readonly action: string | undefined;
  readonly clientIdentifier: string | undefined;
  readonly connectTimeoutMs: number;
  /** Beside what the runtime says of types. */
  readonly ownTypes: Omit<OracleTypeConfig, keyof TypeConfig>;
  /** Printable, without a secret. */
  readonly endpoint: string;
}

const DOOR = 'oracle';
const SECRETS = ['password', 'credentials', 'accessToken', 'walletPassword', 'walletContent'] as const;
const PRIVILEGES = ['sysasm', 'sysbackup', 'sysdba', 'sysdg', 'syskm', 'sysoper', 'sysrac'] as const;
/** Throws one ConfigError that lists everything wrong. */
export function resolveOracleOptions(options: OracleOptions): OracleConfig {
  const issues: OptionIssue[] = [];
  const fromUrl = readUrl((options as Fields | undefined)?.['url'], issues);
  const isObject = typeof options === 'object' && options !== null;
  const reader = new OptionReader(isObject ? overUrl(fromUrl, options as Fields) : options, DOOR, issues);
  reader.raw('url');
  const place = readPlace(reader, issues);
  const accessToken = readAccessToken(reader, issues);
  const config = {
    ...place,
    user: reader.text('user', undefined),
    password: readPassword(reader, issues),
    credentials: readCredentials(reader, issues),
    accessToken,
    externalAuth: reader.boolean('externalAuth', accessToken !== undefined),
    privilege: reader.has('privilege') ? reader.oneOf('privilege', PRIVILEGES, 'sysdba') : undefined,
    sslServerDNMatch: readFlag(reader, 'sslServerDNMatch'),
    sslServerCertDN: reader.text('sslServerCertDN', undefined),
    sslAllowWeakDNMatch: readFlag(reader, 'sslAllowWeakDNMatch'),
    walletLocation: reader.text('walletLocation', undefined),
    walletPassword: readSecret(reader, 'walletPassword', issues),
    walletContent: readSecret(reader, 'walletContent', issues),
    configDir: reader.text('configDir', undefined),
    httpsProxy: reader.text('httpsProxy', undefined),
    httpsProxyPort: reader.has('httpsProxyPort')
      ? reader.integer('httpsProxyPort', 80, { min: 1, max: 65_535 })
      : undefined,
    mode: reader.has('mode') ? reader.oneOf('mode', ['thin', 'thick'], 'thin') : undefined,
    libDir: reader.text('libDir', undefined),
    edition: reader.text('edition', undefined),
    schema: readSchema(reader),
    settings: readSettings(reader),
    applicationName: reader.text('applicationName', 'fluxor-db'),
    action: reader.text('action', undefined),
    clientIdentifier: reader.text('clientIdentifier', undefined),
    ownTypes: {
      integers: reader.oneOf('integers', ['decimal', 'bigint'], 'decimal'),
      columnNames: reader.oneOf('columnNames', ['exact', 'lower'], 'exact'),
      lobLimit: reader.raw('lobLimit') === Infinity ? Infinity : reader.integer('lobLimit', 1_048_576, { min: 0 }),
      readAhead: reader.integer('readAhead', 1_000, { min: 1, max: 100_000 }),
    },
    connectTimeoutMs: reader.duration('connectTimeout', 60_000, { minMs: 1_000, maxMs: 3_600_000 }),
  };
  reader.refuseUnknown();
  assertOneLogin(config, reader, issues);
  if (config.libDir !== undefined && config.mode !== 'thick')
    issues.push({ path: `${DOOR}.libDir`, got: 'a folder of Client libraries', expected: "mode: 'thick' beside it" });
  if (issues.length > 0) throw ConfigError.fromIssues(issues);
  const secretless = { ...config, endpoint: printEndpoint(config.user, place.endpoint) };
  // Not enumerable: a printed or logged config must not show them.
  for (const name of SECRETS) Object.defineProperty(secretless, name, { enumerable: false });
  return Object.freeze(secretless);
}

function readPlace(reader: OptionReader, issues: OptionIssue[]): { connectString: string; endpoint: string } {
  const connectString = reader.text('connectString', undefined);
  const tls = reader.boolean('tls', false);
  const host = readName(reader, 'host') ?? 'localhost';
  const port = reader.integer('port', tls ? 2484 : 1521, { min: 1, max: 65_535 });
  const serviceName = readName(reader, 'serviceName');
  const sid = readName(reader, 'sid');
  const drcp = readDrcp(reader);
  if (connectString !== undefined) {
    const beside = [...PLACE, 'tls', 'drcp'].filter((name) => reader.has(name));
    if (beside.length > 0)
      issues.push({ path: `${DOOR}.connectString`, got: `${beside.join(', ')} as well`, expected: 'one of the two' });
    // Not shown: what stands before it may be a password.
    if (connectString.includes('@'))
      issues.push({
        path: `${DOOR}.connectString`,
        got: "a text with an '@'",
        expected: 'user and password as options',
      });
    return { connectString, endpoint: printConnectString(connectString) };
  }
  if (serviceName === undefined && sid === undefined) {
    const expected = 'the name of a service, or sid, or connectString';
    if (!reader.has('serviceName')) issues.push({ path: `${DOOR}.serviceName`, got: 'undefined', expected });
  } else if (serviceName !== undefined && sid !== undefined) {
    issues.push({ path: `${DOOR}.sid`, got: 'a serviceName as well', expected: 'one of the two' });
  }
  const place = { host, port, serviceName, sid, tls, drcp };
  const shown = host.includes(':') ? `[${host}]` : host;
  return { connectString: descriptorOf(place), endpoint: `${shown}:${port}/${serviceName ?? sid ?? ''}` };
}

function readName(reader: OptionReader, name: string): string | undefined {
  const text = reader.text(name, undefined);
  if (text === undefined || isName(text)) return text;
  return reader.refuse(name, 'a name without white space, quotes, parentheses, commas, equals signs', undefined);
}

function readDrcp(reader: OptionReader): OracleDrcp | undefined {
  const value = reader.raw('drcp');
  if (value === undefined || value === false) return undefined;
  if (value === true) return {};
  const group = reader.group('drcp');
  const connectionClass = readName(group, 'connectionClass');
  const purity = group.has('purity') ? group.oneOf('purity', ['new', 'self'], 'new') : undefined;
  group.refuseUnknown();
  return { ...(connectionClass && { connectionClass }), ...(purity && { purity }) };
}

function readFlag(reader: OptionReader, name: string): boolean | undefined {
  return reader.has(name) ? reader.boolean(name, false) : undefined;
}

function readPassword(reader: OptionReader, issues: OptionIssue[]): OracleConfig['password'] {
  const value = reader.raw('password');
  if (typeof value === 'function') return value as () => string | Promise<string>;
  return readSecret(reader, 'password', issues, 'a string, or a function that gives one');
}

/** Not by way of the reader, which would show it. */
function readSecret(
  reader: OptionReader,
  name: string,
  issues: OptionIssue[],
  expected = 'a string',
): string | undefined {
  const value = reader.raw(name);
  if (value === undefined || typeof value === 'string') return value;
  issues.push({ path: `${DOOR}.${name}`, got: kindOf(value), expected });
  return undefined;
}

function readCredentials(reader: OptionReader, issues: OptionIssue[]): CredentialsProvider | undefined {
  const value = reader.raw('credentials');
  if (value === undefined || typeof value === 'function') return value as CredentialsProvider | undefined;
  const expected = 'a function that gives user and password';
  issues.push({ path: `${DOOR}.credentials`, got: kindOf(value), expected });
  return undefined;
}

/** What it holds is the client library's to check. */
function readAccessToken(reader: OptionReader, issues: OptionIssue[]): OracleAccessToken | undefined {
  const value = reader.raw('accessToken');
  const isToken = value !== null && ['string', 'object', 'function', 'undefined'].includes(typeof value);
  if (isToken) return value as OracleAccessToken | undefined;
  issues.push({ path: `${DOOR}.accessToken`, got: kindOf(value), expected: 'a token, or a function that gives one' });
  return undefined;
}

/** Two ways of saying who it is are a mistake. */
function assertOneLogin(
  config: Pick<OracleConfig, 'password' | 'credentials' | 'accessToken' | 'externalAuth'>,
  reader: OptionReader,
  issues: OptionIssue[],
): void {
  const given = (['password', 'credentials', 'accessToken'] as const).filter((name) => config[name] !== undefined);
  if (given.length > 1)
    issues.push({ path: `${DOOR}.${given[1]}`, got: `a ${given[0]} as well`, expected: 'one of the two' });
  const isExternal = reader.raw('externalAuth') === true && config.accessToken === undefined;
  if (isExternal && given.length > 0)
    issues.push({ path: `${DOOR}.externalAuth`, got: `a ${given[0]} as well`, expected: 'one of the two' });
}

/** A name as it goes into SQL. */
function readSchema(reader: OptionReader): string | undefined {
  const text = reader.text('schema', undefined);
  if (text === undefined || /^[^"\0]{1,128}$/.test(text)) return text;
  return reader.refuse('schema', 'the name of a schema, without quotes', undefined);
}

/** Names go into SQL as they are, so only what is surely one passes. */
function readSettings(reader: OptionReader): OracleSettings {
  const value = reader.raw('settings');
  if (value === undefined) return {};
  const expected = 'session parameters with text, number or boolean values';
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return reader.refuse('settings', expected, {});
  for (const [name, setting] of Object.entries(value)) {
    const isSetting = typeof setting === 'string' || typeof setting === 'boolean' || Number.isFinite(setting);
    if (!/^[A-Za-z_][\w$#]*$/.test(name) || !isSetting) return reader.refuse('settings', expected, {});
  }
  return Object.freeze({ ...value });
}

/** Never the value: a secret may stand in any place. */
function kindOf(value: unknown): string {
  return value === null ? 'null' : `a value of type ${typeof value}`;
}

function printEndpoint(user: string | undefined, place: string): string {
  return `oracle://${user === undefined ? '' : `${user}@`}${place}`;
}
