/** The part of `pg` that this room stands on, written down so that no published type mentions the package (pg 8.16 to 8.23). */

/** The socket below, as `pg` exposes it. */
export interface PgStream {
  readonly bytesWritten: number;
  destroy(error?: Error): unknown;
}

/** The wire protocol object below a Client. */
export interface PgWire {
  readonly stream: PgStream;
  connect(port: number | string, host?: string): void;
  requestSsl(): void;
  cancel(processId: number, secretKey: unknown): void;
  on(event: 'connect' | 'sslconnect' | 'end', listener: () => void): this;
  on(event: 'error', listener: (error: unknown) => void): this;
  on(event: 'readyForQuery', listener: (message: { readonly status: string }) => void): this;
  on(event: 'parameterStatus', listener: (message: PgParameterStatus) => void): this;
}

export interface PgParameterStatus {
  readonly parameterName: string;
  readonly parameterValue: string;
}

export interface PgResult {
  readonly command: string | null;
  readonly rowCount: number | null;
  readonly rows: unknown[];
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}

export interface PgQueryConfig {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly rowMode?: 'array';
  /** Always extended: one statement a call on every database, and the same text format for every result. */
  readonly queryMode: 'extended';
}

export interface PgClient {
  readonly connection: PgWire;
  readonly processID: number | null;
  readonly secretKey: unknown;
  readonly host: string;
  readonly port: number;
  connect(): Promise<unknown>;
  query(config: PgQueryConfig, callback: (error: unknown, result: PgResult) => void): void;
  end(): Promise<void>;
  on(event: 'error', listener: (error: unknown) => void): this;
  on(event: 'notice', listener: (notice: { readonly code?: string }) => void): this;
  on(event: 'end', listener: () => void): this;
}

export interface PgClientConfig {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly database?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | (() => string | Promise<string>) | undefined;
  readonly ssl?: unknown;
  readonly application_name?: string;
  readonly options?: string | undefined;
  readonly keepAlive: boolean;
  readonly keepAliveInitialDelayMillis: number;
  readonly types: { getTypeParser(oid: number, format?: string): (text: string) => unknown };
}

export interface PgModule {
  readonly Client: new (config: PgClientConfig) => PgClient;
  readonly Connection: new (config: { readonly ssl?: unknown }) => PgWire;
}
