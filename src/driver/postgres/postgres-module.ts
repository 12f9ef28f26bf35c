/** The part of `pg` that this room stands on, written down so that no published type mentions the package (pg 8.16 to 8.23). */
import type { WireField, WireRow } from './postgres-rows.js';

/** The socket below, as `pg` exposes it. */
export interface PgStream {
  readonly bytesWritten: number;
  /** Bytes that wait in memory because the other side does not read; above the mark, writers should wait for `drain`. */
  readonly writableNeedDrain: boolean;
  readonly writable: boolean;
  write(piece: Buffer): boolean;
  once(event: 'drain' | 'close', listener: () => void): unknown;
  off(event: 'drain' | 'close', listener: () => void): unknown;
  /** What is written between the two leaves in one piece. */
  cork(): void;
  uncork(): void;
  destroy(error?: Error): unknown;
}

/** The wire protocol object below a Client. */
export interface PgWire {
  readonly stream: PgStream;
  connect(port: number | string, host?: string): void;
  /** The connection request, with what the session shall begin with. */
  startup(parameters: Readonly<Record<string, unknown>>): void;
  requestSsl(): void;
  cancel(processId: number, secretKey: unknown): void;
  parse(message: { readonly name?: string; readonly text: string }): void;
  bind(message: {
    readonly portal?: string;
    readonly statement?: string;
    readonly values: readonly (string | Buffer | null)[];
  }): void;
  /** `S`: what was prepared under the name, `P`: the portal. */
  describe(message: { readonly type: 'S' | 'P'; readonly name?: string }): void;
  /** `rows`: at most so many; 0 for all. */
  execute(message?: { readonly portal?: string; readonly rows?: number }): void;
  close(message: { readonly type: 'S' | 'P'; readonly name?: string }): void;
  flush(): void;
  sync(): void;
  /** The simple protocol: several statements in one text, without values. */
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(message: string): void;
  on(event: 'connect' | 'sslconnect' | 'end' | 'bindComplete', listener: () => void): this;
  on(event: 'error', listener: (error: unknown) => void): this;
  on(event: 'readyForQuery', listener: (message: { readonly status: string }) => void): this;
  on(event: 'parameterStatus', listener: (message: PgParameterStatus) => void): this;
}

export interface PgParameterStatus {
  readonly parameterName: string;
  readonly parameterValue: string;
}

/**
 * What `pg` submits and feeds with the server's answers. It writes its own messages to the wire, among them the Sync that
 * makes the server say that it is ready; after an error it hears nothing more.
 */
export interface PgSubmittable {
  submit(wire: PgWire): undefined;
  handleRowDescription(message: { readonly fields: readonly WireField[] }): void;
  handleDataRow(message: { readonly fields: WireRow }): void;
  handlePortalSuspended(wire: PgWire): void;
  handleCommandComplete(message: { readonly text: string }, wire: PgWire): void;
  handleEmptyQuery(wire: PgWire): void;
  handleCopyInResponse(wire: PgWire): void;
  handleCopyData(message: unknown): void;
  handleReadyForQuery(): void;
  handleError(error: unknown, wire: PgWire): void;
}

export interface PgClient {
  readonly connection: PgWire;
  readonly processID: number | null;
  readonly secretKey: unknown;
  readonly host: string;
  readonly port: number;
  connect(): Promise<unknown>;
  query(submittable: PgSubmittable): void;
  end(): Promise<void>;
  on(event: 'error', listener: (error: unknown) => void): this;
  on(event: 'notice', listener: (notice: { readonly code?: string }) => void): this;
  on(event: 'notification', listener: (notification: PgNotification) => void): this;
  on(event: 'end', listener: () => void): this;
}

export interface PgNotification {
  readonly channel: string;
  readonly payload: string;
  readonly processId: number;
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
}

export interface PgModule {
  readonly Client: new (config: PgClientConfig) => PgClient;
  readonly Connection: new (config: { readonly ssl?: unknown }) => PgWire;
}
