/** What a test may ask of the server afterwards: the calls as they came, counters, sessions, errors of the protocol. */
export type WireOperation =
  | 'logon'
  | 'execute'
  | 'reexecute'
  /** EXECUTE that only says as what its columns are wanted. */
  | 'define'
  | 'describe'
  | 'fetch'
  | 'commit'
  | 'rollback'
  | 'ping'
  | 'lob'
  | 'logoff'
  | 'session-release'
  | 'pipeline-end'
  | 'change-password';

export interface WireCall {
  readonly sid: number;
  readonly op: WireOperation;
  readonly sql?: string;
  /** The statement came as its text; false when a cursor stood for it (the client's statement cache). */
  readonly sqlSent?: boolean;
  readonly cursorId?: number;
  /** Rows asked for. */
  readonly rows?: number;
  /** Rows of binds that came. */
  readonly iterations?: number;
  readonly autoCommit?: boolean;
}

export interface Counters {
  connects: number;
  logons: number;
  /** Statements that came as a text. */
  parses: number;
  executions: number;
  fetches: number;
  /** Requests: messages, or what was pipelined, one each. */
  roundTrips: number;
  bytesIn: number;
  bytesOut: number;
}

export interface SessionView {
  readonly sid: number;
  readonly serial: number;
  readonly user: string;
  readonly service: string;
  readonly schema: string;
  /** The statement of the last call that had one. */
  readonly sql: string;
  readonly inTransaction: boolean;
  readonly calls: number;
  readonly openCursors: number;
  readonly openLobs: number;
  /** A dedicated server, or `pooled` (DRCP, here a session like any other). */
  readonly serverKind: 'dedicated' | 'pooled';
  /** clientId, module, action, ecid, clientInfo, dbOperation as last set; and the AUTH_ pairs of the logon. */
  readonly endToEnd: Readonly<Record<string, string>>;
}

/** Older calls than these are forgotten: long measurements must not fill the memory. */
const KEPT_CALLS = 10_000;

export class Observation {
  readonly counters: Counters = {
    connects: 0,
    logons: 0,
    parses: 0,
    executions: 0,
    fetches: 0,
    roundTrips: 0,
    bytesIn: 0,
    bytesOut: 0,
  };
  readonly protocolErrors: Error[] = [];
  readonly #listeners = new Set<(call: WireCall) => void>();
  #calls: WireCall[] = [];

  get calls(): readonly WireCall[] {
    return this.#calls;
  }

  forgetCalls(): void {
    this.#calls = [];
  }

  onCall(listener: (call: WireCall) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  record(call: WireCall): void {
    if (this.#calls.length >= 2 * KEPT_CALLS) this.#calls = this.#calls.slice(-KEPT_CALLS);
    this.#calls.push(call);
    for (const listener of this.#listeners) listener(call);
  }

  /** Something that a client of this protocol does not do, or a fault of this server: no test may end with one. */
  protocolError(error: unknown): void {
    this.protocolErrors.push(error instanceof Error ? error : new Error(String(error)));
  }
}
