/** What the client library is told for one connection: the options, as it calls them. */
import type { OracleConnectAttributes, OracleModule } from './oracle-module.js';
import type { OracleConfig } from './oracle-config.js';
import type { OracleAccessToken, OraclePrivilege } from './oracle-options.js';

/** As whom a session is opened. */
export interface Login {
  readonly user: string | undefined;
  readonly password: string | undefined;
}

/** Without a word from the runtime. */
const PREPARED_STATEMENTS = 100;

/** For one address; of those that do not answer, the library goes on to the next one. */
const MOST_SECONDS_FOR_A_SOCKET = 20;

/**
 * A fresh object for each connect: the library writes into it. `preparedStatements`: how many the session keeps; 0 for none.
 */
export function connectAttributes(
  module: OracleModule,
  config: OracleConfig,
  { user, password }: Login,
  preparedStatements = PREPARED_STATEMENTS,
): OracleConnectAttributes {
  const seconds = Math.ceil(config.connectTimeoutMs / 1_000);
  const { privilege, accessToken, externalAuth } = config;
  const attributes = {
    connectString: config.connectString,
    user,
    password,
    accessToken: accessToken && ownToken(accessToken),
    // These are said in any case: left out, they would be what the process has set the library to.
    externalAuth,
    events: false,
    privilege: privilege && module[privilege.toUpperCase() as Uppercase<OraclePrivilege>],
    walletLocation: config.walletLocation,
    walletPassword: config.walletPassword,
    walletContent: config.walletContent,
    configDir: config.configDir,
    sslServerDNMatch: config.sslServerDNMatch,
    sslServerCertDN: config.sslServerCertDN,
    sslAllowWeakDNMatch: config.sslAllowWeakDNMatch,
    httpsProxy: config.httpsProxy,
    httpsProxyPort: config.httpsProxyPort,
    edition: config.edition ?? '',
    program: programOf(config.applicationName),
    stmtCacheSize: preparedStatements,
    connectTimeout: seconds,
    transportConnectTimeout: Math.min(seconds, MOST_SECONDS_FOR_A_SOCKET),
  };
  // An option that is there must have a value.
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}

type GivenToken = Exclude<OracleAccessToken, (refresh: boolean) => unknown>;

/** The library shortens the private key in the very object that it is given; the caller's stays as it is, and may be frozen. */
function ownToken(accessToken: OracleAccessToken): OracleAccessToken {
  const copyOf = (token: GivenToken): GivenToken => (typeof token === 'object' ? { ...token } : token);
  return typeof accessToken === 'function'
    ? async (refresh) => copyOf(await accessToken(refresh))
    : copyOf(accessToken);
}

/** The network allows fewer characters in it than MODULE does, and 48 bytes are kept. */
function programOf(name: string): string {
  return name.replace(/[^A-Za-z0-9<>/\\,.:;'"\-$+*#&!%?@_]/g, '_').slice(0, 48);
}
