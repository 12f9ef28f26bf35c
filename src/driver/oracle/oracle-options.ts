/**
 * What a user may say about an Oracle database. Each option is told in five beats, out of which scripts/options-reference.mjs
 * makes the reference; oracle-config.ts reads them.
 */
import type { Duration } from '../../kernel/duration.js';
import type { CredentialsProvider } from '../credentials.js';
import type { OracleDrcp } from './oracle-descriptor.js';

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
   * Percent-encode special characters. `?sid=XE` in the place of the service names an instance; with neither port,
   * service nor sid, the host is a TNS name. The other keys are the options `tls`, `walletLocation`, `configDir`,
   * `mode`, `libDir`, `edition`, `schema`, `drcp`, `connectionClass`, `purity`, `applicationName`,
   * `clientIdentifier`, `connectTimeout`, `privilege`, `sslServerDNMatch`, `sslServerCertDN`.
   * @takes `oracle://user:password@host:port/service?key=value`
   * @warning Any other key is refused.
   * @default none
   */
  readonly url?: string;
  /**
   * Name or address of the listener.
   * @default `localhost`
   */
  readonly host?: string;
  /**
   * @limits 1 to 65535
   * @default 1521, or 2484 with `tls`
   */
  readonly port?: number;
  /**
   * The service, as `lsnrctl services` lists it: `FREEPDB1`. Needed, unless `sid` or `connectString` is given.
   * @default none
   */
  readonly serviceName?: string;
  /**
   * The instance, in the place of a service.
   * @when Set it for databases that are known by an instance only.
   * @default none
   */
  readonly sid?: string;
  /**
   * In the place of host, port and service, whatever the client library understands: EZConnect
   * (`host:1521/service?…`), a TNS name, or a whole descriptor.
   * @takes EZConnect, a TNS name, a descriptor
   * @warning Never with a user or a password in it.
   * @default none
   */
  readonly connectString?: string;
  /**
   * `user[schema]` is a proxy user.
   * @default none, for `externalAuth`
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
   * In the place of a password: a token of an identity service, passed to the client library as it is.
   * @takes text, `{ token, privateKey }`, a function that gives either
   * @default none
   */
  readonly accessToken?: OracleAccessToken;
  /**
   * The server, or a wallet, knows who it is; there is no password.
   * @default `false`, or `true` with `accessToken`
   */
  readonly externalAuth?: boolean;
  /**
   * Logs in with an administrator's privilege.
   * @warning Not meant for applications.
   * @default none
   */
  readonly privilege?: OraclePrivilege;
  /**
   * TLS (TCPS), with the server's certificate verified.
   * @warning With `connectString`, which says it by itself, it is refused.
   * @default `false`
   */
  readonly tls?: boolean;
  /**
   * The certificate must be for the host's name, or for `sslServerCertDN`.
   * @warning `false` trusts whoever has a certificate of the same authority.
   * @default `true`
   */
  readonly sslServerDNMatch?: boolean;
  /**
   * The distinguished name that the server's certificate must have.
   * @default none: the host's name is looked for
   */
  readonly sslServerCertDN?: string;
  /**
   * A certificate that names the service is enough.
   * @default `false`
   */
  readonly sslAllowWeakDNMatch?: boolean;
  /**
   * The folder of `ewallet.pem`.
   * @takes a folder
   * @default none: the certificates that Node trusts
   */
  readonly walletLocation?: string;
  /**
   * Of the private key in the wallet.
   * @default none
   */
  readonly walletPassword?: string;
  /**
   * The text of a PEM file, in the place of `walletLocation`.
   * @when Set it where secrets come as text and not as files.
   * @default none
   */
  readonly walletContent?: string;
  /**
   * The folder of `tnsnames.ora`.
   * @takes a folder
   * @default the environment's `TNS_ADMIN`
   */
  readonly configDir?: string;
  /**
   * A proxy between here and the database.
   * @takes a host
   * @warning For TLS only.
   * @default none
   */
  readonly httpsProxy?: string;
  /**
   * Where the proxy listens.
   * @limits 1 to 65535
   * @default the client library's, 80
   */
  readonly httpsProxyPort?: number;
  /**
   * `'thin'`: the client library speaks to the database by itself. `'thick'`: by Oracle's Client libraries, which
   * must be installed.
   * @when `'thick'` for what thin mode cannot do, such as native network encryption.
   * @warning It holds for the whole process.
   * @default `'thin'`, or what the process has chosen already
   */
  readonly mode?: 'thin' | 'thick';
  /**
   * Where Oracle's Client libraries are, for `mode: 'thick'`.
   * @takes a folder
   * @default none: where the system looks for libraries
   */
  readonly libDir?: string;
  /**
   * Asks for a server process out of the database's own pool (DRCP). Not with `connectString`, which says `:pooled`.
   * @takes `true`, `false`, `{ connectionClass, purity }`
   * @when `true` where many processes share one database.
   * @default `false`
   */
  readonly drcp?: boolean | OracleDrcp;
  /**
   * The edition of the session, for edition-based redefinition.
   * @default the database's
   */
  readonly edition?: string;
  /**
   * Whose objects are meant by names without a schema.
   * @default the user's own
   */
  readonly schema?: string;
  /**
   * Session parameters, set when a connection is made and after a reset: `{ nls_date_format: 'YYYY-MM-DD',
   * ddl_lock_timeout: 5 }`.
   * @takes an object of names and values
   * @default none
   */
  readonly settings?: OracleSettings;
  /**
   * NUMBER of 16 to 38 digits without a scale: a decimal like every other NUMBER that fits no JavaScript number
   * (`types.decimal`), or an integer (`types.bigint`).
   * @default `'decimal'`
   */
  readonly integers?: 'decimal' | 'bigint';
  /**
   * `'lower'`: names that are all upper case, as Oracle makes them of names without quotes, in lower case.
   * @default `'exact'`
   */
  readonly columnNames?: 'exact' | 'lower';
  /**
   * Longest LOB, in bytes of a BLOB and UTF-16 units of a CLOB, that comes as a Buffer or a string, and not as a
   * stream. `Infinity` for all.
   * @limits 0 or more, `Infinity`
   * @when Lower where many long LOBs are read at once.
   * @default `1048576`
   */
  readonly lobLimit?: number;
  /**
   * Rows of a REF CURSOR or an implicit result that are read ahead; one that has no more needs its session no
   * longer.
   * @limits 1 to 100,000
   * @default `1000`
   */
  readonly readAhead?: number;
  /**
   * Shown as MODULE, and as PROGRAM where it may be one, in `V$SESSION`.
   * @when Name your service.
   * @default `'fluxor-db'`
   */
  readonly applicationName?: string;
  /**
   * Shown as ACTION in `V$SESSION`.
   * @default none
   */
  readonly action?: string;
  /**
   * Shown as CLIENT_IDENTIFIER in `V$SESSION`, and in the audit trail.
   * @default none
   */
  readonly clientIdentifier?: string;
  /**
   * How long the client library tries one address, in whole seconds rounded up. A second line behind
   * `pool.connectTimeout`; without it the library waits for ever for a listener that does not answer.
   * @limits 1 s to 1 h
   * @default `'60s'`
   */
  readonly connectTimeout?: Duration;
}
