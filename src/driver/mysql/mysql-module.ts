/**
 * The part of `mysql2` that this room stands on, written down so that no published type mentions the package (mysql2 3.24).
 * The core with callbacks and events, single connections only. What begins with an underscore, `handlePacket` and `startTLS`
 * are no documented parts of it: each use says what there is no other way to know, and has a test.
 */

/** A column definition. Of a field that is changed before its first row, the row parser takes the changed type. */
export interface Mysql2Field {
  name: string;
  columnType: number;
  characterSet: number;
  encoding: string;
  readonly flags: number;
  readonly decimals: number;
  readonly extendedFormat?: string | undefined;
}

/** An OK packet. */
export interface Mysql2Header {
  readonly affectedRows: number | string;
  readonly insertId: number | string;
  readonly serverStatus: number;
  readonly stateChanges?: {
    readonly systemVariables: Readonly<Record<string, string>>;
    readonly schema: string | null;
    readonly gtids: readonly string[];
  };
}

/**
 * A command on its way. Without a callback it tells of each result set as it comes: `fields` (nothing before an OK packet),
 * then `result` for each row or the OK packet; `error`; and `end` after either.
 */
export interface Mysql2Command {
  on(event: 'fields', listener: (fields: readonly Mysql2Field[] | undefined) => void): this;
  on(event: 'result', listener: (rowOrHeader: unknown[] | Mysql2Header) => void): this;
  on(event: 'error', listener: (error: unknown) => void): this;
  on(event: 'end', listener: () => void): this;
}

export interface Mysql2Statement {
  /** The definitions of its placeholders. */
  readonly parameters: readonly unknown[];
  execute(values: readonly unknown[]): Mysql2Command;
  /** With what is sent next; there is no answer. */
  close(): unknown;
}

/** Of `prepare`, by text. */
export interface Mysql2StatementCache {
  get(key: string): undefined;
  set(key: string, statement: Mysql2Statement): void;
  clear(): void;
}

/** A packet as it is parsed: one instance that is used again, so nothing of it may be kept. */
export interface Mysql2Packet {
  readonly buffer: Buffer;
  readonly offset: number;
  readonly end: number;
  /** More than one where it was too long for one, 16 MiB. */
  readonly numPackets: number;
}

export interface Mysql2Stream {
  readonly bytesWritten: number;
  readonly destroyed: boolean;
  destroy(error?: Error): unknown;
  once(event: 'close', listener: () => void): unknown;
  unref(): unknown;
}

export interface Mysql2Connection {
  readonly stream: Mysql2Stream;
  readonly threadId: number | null;
  handlePacket(packet?: Mysql2Packet): void;
  _bumpSequenceId(packets: number): void;
  startTLS(onSecure: (error?: Error) => void): void;
  readonly packetParser: { execute(chunk: Buffer): void };
  _handleNetworkError(error: Error): void;
  readonly _handshakePacket?: { readonly serverVersion?: string } | null;
  _statements: Mysql2StatementCache;
  query(options: { readonly sql: string }): Mysql2Command;
  prepare(options: { readonly sql: string }, done: (error: unknown, statement: Mysql2Statement) => void): unknown;
  ping(done: (error?: unknown) => void): unknown;
  reset(done: (error?: unknown) => void): unknown;
  connect(done: (error: unknown) => void): void;
  pause(): void;
  resume(): void;
  end(done?: (error?: unknown) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): this;
}

/** See the package's documentation for what each means; what is not here keeps its default. */
export interface Mysql2Config {
  readonly host: string;
  readonly port: number;
  readonly socketPath?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly database?: string | undefined;
  readonly ssl?: object | undefined;
  readonly connectAttributes: Readonly<Record<string, string>>;
  /** 0: no limit of the library's own. */
  readonly connectTimeout: number;
  readonly enableKeepAlive: boolean;
  readonly keepAliveInitialDelay: number;
  readonly flags: readonly string[];
  readonly multipleStatements: boolean;
  /** Ways to log in, in the place of mysql2's own; called when the server asks for one. What is thrown ends the login. */
  readonly authPlugins: Readonly<Record<string, () => never>>;
  readonly charset: string;
  readonly timezone: string;
  readonly rowsAsArray: boolean;
  readonly supportBigNumbers: boolean;
  readonly bigNumberStrings: boolean;
  readonly dateStrings: boolean;
  readonly jsonStrings: boolean;
  readonly queryFormat: (sql: string) => string;
}

export interface Mysql2Module {
  createConnection(config: Mysql2Config): Mysql2Connection;
  readonly TypedParameter: {
    LONGLONG(value: bigint): unknown;
    NEWDECIMAL(value: string): unknown;
  };
}
