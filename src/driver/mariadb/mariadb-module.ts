/**
 * The part of the connector `mariadb` (callback API) that this room stands on, written down so that no published type mentions
 * the package, which is under the LGPL and only ever an optional peer (mariadb 3.5).
 */

/** The socket below, plain or TLS. */
export interface ClientSocket {
  readonly bytesWritten: number;
  readonly destroyed: boolean;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  resume(): unknown;
  /** What is written from here on is gathered, until `uncork`. */
  cork(): void;
  uncork(): void;
  unref(): unknown;
  destroy(error?: Error): unknown;
}

/** A column as the connector describes it. */
export interface ClientColumn {
  readonly columnType: number;
  readonly flags: number;
  readonly scale: number;
  /** Unknown to the connector where the server is younger. */
  readonly collation?: { readonly index: number } | undefined;
  readonly _dataTypeFormat?: Buffer | undefined;
  name(): string;
  /** With `typeCast`: the value as it came. */
  buffer?(): Buffer | null;
}

/** How statements without rows answer. */
export interface ClientOk {
  readonly affectedRows: number;
  readonly insertId: bigint | number | string;
}

export type ClientRows = unknown[][];

/** One result set, or a list of them where a procedure gave several. */
export type ClientData = ClientOk | ClientRows | readonly (ClientOk | ClientRows)[];
export type ClientMeta = readonly (ClientColumn | readonly ClientColumn[] | null | undefined)[];

export type ClientCallback<T extends readonly unknown[] = []> = (error: unknown, ...answer: T) => void;

/** Reads a value in the place of the connector: it is given the column and the connector's own way. */
export type ClientTypeCast = (column: ClientColumn, next: () => unknown) => unknown;

export interface ClientStatement {
  readonly sql: string;
  readonly rowsAsArray: true;
  readonly typeCast?: ClientTypeCast;
  readonly fullResult?: boolean;
  readonly metaAsArray?: boolean;
}

/** What is said of one run of a prepared statement; the rest is said to the connection (mariadb-client-options.ts). */
export interface ClientExecution {
  readonly typeCast: ClientTypeCast;
}

/**
 * Where the rows of a statement go one by one. The connector makes a Readable of it; this room takes its place at `push`, which
 * sees each row, each end of a result set (a ClientOk) and the end (`null`) in the order of the wire.
 */
export interface ClientStream {
  push(row: unknown): boolean;
  on(event: 'fields', listener: (columns: readonly ClientColumn[]) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
}

/** The command object of a text statement. */
export interface ClientCommand {
  on(event: 'fields', listener: (columns: readonly ClientColumn[]) => void): unknown;
  stream(): ClientStream;
  /** Not in the connector's documentation: one reader for each column, made just before `fields` is emitted. */
  readonly _parseFunction?: unknown[];
}

export interface ClientPrepared {
  readonly columns: readonly ClientColumn[];
  readonly parameterCount: number;
  execute(
    values: readonly unknown[],
    options: ClientExecution | undefined,
    callback: ClientCallback<[answer: readonly [ClientData, ClientMeta]]>,
  ): void;
  executeStream(values: readonly unknown[], options: ClientExecution | undefined): ClientStream;
  close(): void;
}

export interface ClientInfo {
  readonly threadId: number;
  /** The status flags of the last OK packet; after an error packet the connector sets "in a transaction" by itself. */
  status: number;
  readonly serverVersion: { readonly raw: string } | null;
  readonly database: string | undefined;
}

export interface MariadbClient {
  readonly info: ClientInfo;
  /** "Internal public testing methods", and the one way to the socket: `destroy()` may open another connection first. */
  readonly __tests: { getSocket(): ClientSocket | undefined };
  connect(callback: (error?: unknown) => void): void;
  query(
    statement: ClientStatement,
    values?: undefined,
    callback?: ClientCallback<[data: ClientData, meta: ClientMeta]>,
  ): ClientCommand;
  prepare(sql: string, callback: ClientCallback<[prepared: ClientPrepared]>): void;
  batch(statement: ClientStatement, sets: readonly unknown[][], callback: ClientCallback<[ok: ClientOk]>): void;
  ping(callback: ClientCallback): void;
  reset(callback: ClientCallback): void;
  end(callback: ClientCallback): void;
  on(event: 'error', listener: (error: unknown) => void): this;
  on(event: 'end', listener: () => void): this;
}

export interface MariadbClientOptions {
  readonly host: string;
  readonly port: number;
  readonly socketPath: string | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
  readonly ssl: object | false;
  readonly allowPublicKeyRetrieval: boolean;
  readonly connectAttributes: Readonly<Record<string, string>>;
  readonly connectTimeout: number;
  readonly keepAliveDelay: number;
  readonly collation: string;
  readonly pipelining: boolean;
  readonly rowsAsArray: true;
  readonly metaAsArray: true;
  readonly prepareCacheLength: number;
  readonly multipleStatements: boolean;
  readonly permitLocalInfile: boolean;
  readonly permitRedirect: boolean;
  readonly foundRows: boolean;
  readonly bulk: boolean;
  readonly dateStrings: boolean;
  readonly jsonStrings: boolean;
  readonly bitOneIsBoolean: boolean;
  readonly checkDuplicate: boolean;
  readonly logParam: boolean;
}

export interface MariadbModule {
  createConnection(options: MariadbClientOptions): MariadbClient;
}
