/**
 * The complete configuration that the Oracle room works with, read from what the user said (oracle-options.ts). What only the client
 * library understands (wallets, tokens, TNS names) is checked for its kind and passed on.
 */
import { ConfigError } from '../../errors/config-error.js';
import type { OptionIssue } from '../../kernel/option-reader.js';
import { OptionReader } from '../../kernel/option-reader.js';
import type { CredentialsProvider } from '../credentials.js';
import type { TypeConfig } from '../query.js';
import type { OracleDrcp } from './oracle-descriptor.js';
import { descriptorOf, isName, printConnectString } from './oracle-descriptor.js';
import type { OracleAccessToken, OracleOptions, OraclePrivilege, OracleSettings } from './oracle-options.js';
import type { OracleTypeConfig } from './oracle-port.js';
import type { Fields } from './oracle-url.js';
import { PLACE, overUrl, readUrl } from './oracle-url.js';

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
