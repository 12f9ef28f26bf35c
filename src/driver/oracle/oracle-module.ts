/**
 * The part of `oracledb` that this room stands on, written down so that no published type mentions the package (oracledb 26.0,
 * and 6.8 or later). Single connections only, and no setting of the module: another user of it in the process must not notice us.
 * What is not here keeps its default. What lies beneath a connection, and is no documented part of it, is oracle-socket.ts's.
 *
 * Over 300 lines, because it is one vocabulary, and nothing but declarations.
 */

/** One of `DB_TYPE_*`. */
export interface OracleDbType {
  readonly num: number;
  readonly name: string;
  readonly columnTypeName: string;
}

/** A column, as the server describes it. */
export interface OracleMetadata {
  /** Made unique in its result: of two columns `N` the second one is `N_1`. */
  readonly name: string;
  /** As the server has it. Absent in old versions. */
  readonly dbColumnName?: string;
  readonly dbType: OracleDbType;
  /** `NUMBER`, `VARCHAR2`, `TIMESTAMP WITH TIME ZONE`. */
  readonly dbTypeName: string;
  readonly fetchType?: OracleDbType;
  readonly nullable?: boolean;
  /** Of NUMBER: 0 where none was declared. Of TIMESTAMP and INTERVAL DS: that of the seconds, or of the days. */
  readonly precision?: number;
  /** Of NUMBER: -127 where neither precision nor scale were declared. */
  readonly scale?: number;
  readonly byteSize?: number;
  readonly isJson?: boolean;
  readonly isOson?: boolean;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly domainName?: string;
  readonly domainSchema?: string;
  readonly vectorDimensions?: number;
  readonly vectorFormat?: number;
  /** Of a column of cursors, as soon as one of them was read with its row. */
  readonly metaData?: readonly OracleMetadata[];
}

/** What a column is fetched as, and what becomes of each of its values; `undefined`: as the library does by itself. */
export interface OracleFetchType {
  readonly type?: OracleDbType;
  readonly converter?: (value: unknown) => unknown;
}

/** Called by the library for each column, once for each parse. */
export type OracleFetchTypeHandler = (metadata: OracleMetadata) => OracleFetchType | undefined;

/** A value with its direction and type. A bare value is an IN bind of the type that the library sees in it. */
export interface OracleBind {
  /** `BIND_IN`, `BIND_OUT` or `BIND_INOUT`. */
  readonly dir?: number;
  readonly type?: OracleDbType | string;
  /** Of OUT and IN OUT strings and buffers, in bytes; the library's own is 200. */
  readonly maxSize?: number;
  /** Of PL/SQL index-by tables. */
  readonly maxArraySize?: number;
  readonly val?: unknown;
}

/** The type of a column of `executeMany`'s rows. */
export interface OracleBindDefinition {
  readonly dir?: number;
  readonly type: OracleDbType | string;
  /** In bytes. */
  readonly maxSize?: number;
}

export interface OracleExecuteOptions {
  /** Commits when the statement has succeeded, in its own round trip. */
  readonly autoCommit?: boolean;
  /** Rows of one round trip, of a fetch. */
  readonly fetchArraySize?: number;
  /** Rows that come with the answer to the execution. */
  readonly prefetchRows?: number;
  /** 0: all. */
  readonly maxRows?: number;
  readonly outFormat?: number;
  readonly fetchTypeHandler?: OracleFetchTypeHandler;
  /** Answers with a result set in the place of rows; implicit results come as result sets as well. */
  readonly resultSet?: boolean;
  readonly keepInStmtCache?: boolean;
  /** Database objects come as plain ones, which need no session. */
  readonly dbObjectAsPojo?: boolean;
}

export interface OracleExecuteManyOptions {
  readonly autoCommit?: boolean;
  /** Rows that fail are skipped, and told in `batchErrors`. */
  readonly batchErrors?: boolean;
  readonly dmlRowCounts?: boolean;
  readonly bindDefs?: readonly OracleBindDefinition[] | Readonly<Record<string, OracleBindDefinition>>;
  readonly keepInStmtCache?: boolean;
}

export interface OracleResult {
  readonly rows?: readonly unknown[];
  readonly metaData?: readonly OracleMetadata[];
  readonly resultSet?: OracleResultSet;
  readonly rowsAffected?: number;
  /** By position where binds were given so. Of RETURNING INTO, each is an array: one value for each row. */
  readonly outBinds?: readonly unknown[] | Readonly<Record<string, unknown>>;
  /** Of DBMS_SQL.RETURN_RESULT: rows, or result sets with `resultSet: true`. */
  readonly implicitResults?: readonly (OracleResultSet | readonly unknown[])[];
  readonly lastRowid?: string;
  /** Compilation errors, an expiring password: it succeeded, though. */
  readonly warning?: Error;
}

export interface OracleManyResult {
  readonly rowsAffected?: number;
  /** One for each set, with `dmlRowCounts`. */
  readonly dmlRowCounts?: readonly number[];
  /** Thin mode gives none an `errorNum`: only a message, and `offset`, the position of its set. */
  readonly batchErrors?: readonly (Error & { readonly offset?: number; readonly errorNum?: number })[];
  /** One for each set. */
  readonly outBinds?: readonly unknown[];
  readonly warning?: Error;
}

export interface OracleResultSet {
  readonly metaData: readonly OracleMetadata[];
  /** Without a number, or with 0: all. */
  getRows(numRows?: number): Promise<unknown[]>;
  getRow(): Promise<unknown>;
  /** Its cursor is closed with what is sent next. */
  close(): Promise<void>;
}

/** Also a Duplex stream of Node's; the room reads by `getData`, which holds nothing open. */
export interface OracleLob {
  readonly type: OracleDbType;
  /** Bytes of a BLOB, UCS-2 code units of a CLOB. */
  readonly length: number | undefined;
  readonly chunkSize: number;
  pieceSize: number;
  /** `offset` counts from 1. */
  getData(offset?: number, amount?: number): Promise<string | Buffer | null>;
  close(): Promise<void>;
  destroy(error?: Error): unknown;
  write(chunk: string | Buffer, done?: (error?: Error | null) => void): boolean;
  end(done?: () => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): this;
  once(event: 'close' | 'finish', listener: () => void): this;
}

export interface OracleIntervalYM {
  readonly years: number;
  readonly months: number;
}

export interface OracleIntervalDS {
  readonly days: number;
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
  /** Fractional seconds, in nanoseconds. */
  readonly fseconds: number;
}

/**
 * Calls wait for one another inside, in the order in which they were made. A call that the peer never answers is never settled,
 * `callTimeout` or not; neither is `close`.
 */
export interface OracleClientConnection {
  execute(text: string, binds: readonly unknown[], options: OracleExecuteOptions): Promise<OracleResult>;
  executeMany(
    text: string,
    rows: readonly (readonly unknown[])[] | number,
    options: OracleExecuteManyOptions,
  ): Promise<OracleManyResult>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Stops what runs. On an idle connection it stops the next call, with ORA-01013. */
  break(): Promise<void>;
  ping(): Promise<void>;
  /** `drop: true`: a session of DRCP is not kept for others. */
  close(options?: { readonly drop?: boolean }): Promise<void>;
  createLob(type: OracleDbType): Promise<OracleLob>;
  getStatementInfo(text: string): Promise<{ readonly statementType: number; readonly bindNames: readonly string[] }>;
  /** Takes apart the bytes of a BLOB that holds JSON in Oracle's own form. */
  decodeOSON(bytes: Buffer): unknown;
  isHealthy(): boolean;
  /** Milliseconds until a break is sent; 0 for none. No deadline: the answer to the break is waited for. */
  callTimeout: number;
  stmtCacheSize: number;
  /** Sent with the next call; as are the following. Reading them gives nothing. */
  module: string;
  action: string;
  clientId: string;
  clientInfo: string;
  /** Of the session; '' or undefined where it is the user's own. */
  currentSchema: string | undefined;
  readonly transactionInProgress: boolean;
  readonly thin: boolean;
  /** Of the next COMMIT, where the service has Transaction Guard: as the last answer said. In both modes. */
  readonly ltxid?: Buffer | undefined;
  /** `2300000000`, `1903000000`. */
  readonly oracleServerVersion: number;
  readonly oracleServerVersionString: string;
  readonly serviceName?: string;
  readonly instanceName?: string;
  readonly warning?: Error | undefined;
  on?(event: string, listener: (...details: unknown[]) => void): unknown;
}

/** What a connection is made with; see the package's documentation for each. */
export interface OracleConnectAttributes {
  readonly user?: string;
  readonly password?: string;
  readonly connectString?: string;
  readonly accessToken?: unknown;
  readonly walletLocation?: string;
  readonly walletPassword?: string;
  readonly walletContent?: string;
  readonly configDir?: string;
  readonly sslServerDNMatch?: boolean;
  readonly sslServerCertDN?: string;
  readonly sslAllowWeakDNMatch?: boolean;
  readonly httpsProxy?: string;
  readonly httpsProxyPort?: number;
  /** Seconds, whole ones; until the session is there. */
  readonly connectTimeout?: number;
  /** Seconds, whole ones; until the socket is there. */
  readonly transportConnectTimeout?: number;
  readonly retryCount?: number;
  readonly retryDelay?: number;
  /** Minutes. */
  readonly expireTime?: number;
  readonly sdu?: number;
  readonly stmtCacheSize?: number;
  readonly edition?: string;
  readonly privilege?: number;
  readonly externalAuth?: boolean;
  readonly events?: boolean;
  readonly tag?: string;
  readonly matchAny?: boolean;
  readonly program?: string;
  readonly machine?: string;
  readonly osUser?: string;
  readonly terminal?: string;
  readonly driverName?: string;
  readonly connectionIdPrefix?: string;
  /** `[namespace, name, value]`. */
  readonly appContext?: readonly (readonly [string, string, string])[];
}

/** Names of the types, as the module exports them. */
export type OracleTypeName =
  | 'DB_TYPE_BFILE'
  | 'DB_TYPE_BINARY_DOUBLE'
  | 'DB_TYPE_BINARY_FLOAT'
  | 'DB_TYPE_BINARY_INTEGER'
  | 'DB_TYPE_BLOB'
  | 'DB_TYPE_BOOLEAN'
  | 'DB_TYPE_CHAR'
  | 'DB_TYPE_CLOB'
  | 'DB_TYPE_CURSOR'
  | 'DB_TYPE_DATE'
  | 'DB_TYPE_INTERVAL_DS'
  | 'DB_TYPE_INTERVAL_YM'
  | 'DB_TYPE_JSON'
  | 'DB_TYPE_LONG'
  | 'DB_TYPE_LONG_NVARCHAR'
  | 'DB_TYPE_LONG_RAW'
  | 'DB_TYPE_NCHAR'
  | 'DB_TYPE_NCLOB'
  | 'DB_TYPE_NUMBER'
  | 'DB_TYPE_NVARCHAR'
  | 'DB_TYPE_OBJECT'
  | 'DB_TYPE_RAW'
  | 'DB_TYPE_ROWID'
  | 'DB_TYPE_TIMESTAMP'
  | 'DB_TYPE_TIMESTAMP_LTZ'
  | 'DB_TYPE_TIMESTAMP_TZ'
  | 'DB_TYPE_VARCHAR'
  | 'DB_TYPE_VECTOR'
  | 'DB_TYPE_XMLTYPE';

export interface OracleModule extends Readonly<Record<OracleTypeName, OracleDbType>> {
  readonly BIND_IN: number;
  readonly BIND_INOUT: number;
  readonly BIND_OUT: number;
  readonly OUT_FORMAT_ARRAY: number;
  readonly OUT_FORMAT_OBJECT: number;
  readonly SYSASM: number;
  readonly SYSBACKUP: number;
  readonly SYSDBA: number;
  readonly SYSDG: number;
  readonly SYSKM: number;
  readonly SYSOPER: number;
  readonly SYSRAC: number;
  readonly thin: boolean;
  readonly versionString: string;
  readonly Lob: new () => OracleLob;
  readonly ResultSet: new () => OracleResultSet;
  readonly IntervalYM: new (parts?: Partial<OracleIntervalYM>) => OracleIntervalYM;
  readonly IntervalDS: new (parts?: Partial<OracleIntervalDS>) => OracleIntervalDS;
  readonly JsonId: new (...bytes: never[]) => Uint8Array;
  /** Of every object of a database type; made by its class, which `getDbObjectClass` brings. */
  readonly BaseDbObject: new () => object;
  readonly SparseVector: new (...parts: never[]) => object;
  getConnection(attributes: OracleConnectAttributes): Promise<OracleClientConnection>;
  /** Once for the process; raises NJS-118 where thin mode is already in use, and NJS-045 or DPI-1047 where the libraries are missing. */
  initOracleClient(options?: { readonly libDir?: string; readonly configDir?: string }): void;
}
