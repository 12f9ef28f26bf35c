/**
 * The socket where a database plugs in. A driver room implements `Driver` over one client library, using single
 * connections only (never the library's own pool); the rooms above know nothing but this file.
 *
 * What every driver promises, and the contract suite checks on real servers:
 * - `state` tells the protocol's truth: a connection says `idle` only when the server is ready for the next statement;
 * - errors come out untouched, and `classify` turns them into the errors of the house;
 * - a lost connection is reported exactly once through `onLost`, and never as an unhandled event;
 * - nothing waits for ever: `close()` is gentle and may hang on a dead network, `destroy()` always works at once.
 */
import type { ErrorContext, FluxorError } from '../errors/fluxor-error.js';
import type { Dialect } from '../sql/dialect.js';
import type { DriverBatch, DriverBatchResult } from './batch.js';
import type { SessionEffects } from '../sql/session-effects.js';
import type { Capabilities } from './capabilities.js';
import type { OutcomeProtocol } from './outcome.js';
import type { DriverCursor, DriverQuery, DriverResult, TypeConfig } from './query.js';

/** What the protocol last said about the session. */
export type SessionState = 'idle' | 'busy' | 'in-transaction' | 'failed-transaction' | 'closed';

export type IsolationLevel = 'read uncommitted' | 'read committed' | 'repeatable read' | 'serializable';

export interface BeginOptions {
  /**
   * How much it sees of others.
   * @default the database's
   */
  readonly isolation?: IsolationLevel;
  /**
   * The database refuses writes in it.
   * @default the database's
   */
  readonly readOnly?: boolean;
  /**
   * Waits at its first statement until it can run without being rolled back for the sake of others, and without making
   * them roll back. Only with `isolation: 'serializable'` and `readOnly: true`, and where the database has it.
   * @default `false`
   */
  readonly deferrable?: boolean;
}

/**
 * How a statement commits that nobody called COMMIT. `whole`: it commits what is open, and is itself applied as a whole or not at
 * all (`create table`). `parts`: it commits what is open, and what fails of it may have been applied in part (`drop table a, b`).
 * `program`: it runs what its text does not show, which may commit, and begin anew, at any point (`call`).
 */
export type OwnCommit = 'whole' | 'parts' | 'program';

/** The database's words for transactions. */
export interface TransactionStatements {
  /**
   * Tells whoever looks at the server's sessions which trace the transaction belongs to; what is told ends with it. `carrier` is
   * a W3C `traceparent`. Absent where there is no such way.
   */
  tellTrace?(carrier: string): string | undefined;
  /** `begin` understands `deferrable`. Default false. */
  readonly hasDeferrable?: boolean;
  begin(options: BeginOptions): string;
  readonly commit: string;
  readonly rollback: string;
  savepoint(name: string): string;
  rollbackTo(name: string): string;
  releaseSavepoint(name: string): string;
  /**
   * What is sent before a program that may commit midway, and after it: `check` fails with a TransactionError `invalid-state` where
   * the transaction is not the same any more. Absent: a savepoint that is set before it, and released after it.
   */
  readonly witness?: { readonly set: string; readonly check: string };
  /**
   * Whether a statement commits by itself; `undefined` for those that are part of the transaction around them. Absent: none does in
   * a transaction, and outside of one CALL and DO may commit midway.
   */
  commitsByItself?(text: string): OwnCommit | undefined;
}

export interface ConnectRequest {
  /** Aborted when nobody wants the connection any more or its time is up: give up and free the socket at once. */
  readonly signal: AbortSignal;
  readonly types: TypeConfig;
  /** Called once, when the connection breaks for a reason that was not asked for. */
  readonly onLost: (error: unknown) => void;
  /** The credentials had been refused, and fresh ones worked: connections made with the old ones should be renewed. */
  readonly onRotated?: () => void;
  /** Called when a prepared statement that the server had lost or outgrown was prepared anew, and has succeeded. */
  readonly onHealed?: () => void;
  /** What `DriverConnection.statementLimitMs` should be at the start; absent or 0 for none. */
  readonly statementLimitMs?: number;
  /**
   * How many statements the session may keep prepared, where the client library keeps them itself
   * (`capabilities.statements: 'driver'`); 0 for none. Default: the driver's own.
   */
  readonly preparedStatements?: number;
  /** What the session is to be called at the server, unless the user has said it. Drivers without such a name ignore it. */
  readonly sessionName?: string | undefined;
  /**
   * Around calls into the client library that the driver makes by itself later, in answer to what the server says: it keeps other
   * tools from tracing them. Default: none.
   */
  readonly quietly?: <T>(work: () => T) => T;
  /** Called for every notification that the session gets, in the order in which they come. Must not throw. */
  readonly onNotification?: (notification: DriverNotification) => void;
}

/** What was sent to a channel that the session listens to (`capabilities.hasNotifications`). */
export interface DriverNotification {
  readonly channel: string;
  /** Empty where nothing was sent along. */
  readonly payload: string;
  /** The server's number for the session that sent it; 0 where it has none. */
  readonly processId: number;
}

/** The session that notifications come through. One question at a time: the caller waits for the settlement. */
export interface DriverListener extends Pick<DriverConnection, 'sessionId' | 'isPooled' | 'close' | 'destroy'> {
  /** There is no network between: a question that waits for its turn is no sign of a loss. Default false. */
  readonly isEmbedded?: boolean;
  listen(channel: string): Promise<void>;
  unlisten(channel: string): Promise<void>;
  /** One round trip that proves the server answers. */
  ping(): Promise<void>;
}

/** A statement that is in flight with others, as whoever sent it keeps it: in the order in which they will be answered. */
export interface InFlight {
  /**
   * Asked where the statement was not begun for want of what was prepared for it, and could be prepared anew and sent once
   * more: whether it is still wanted. If so, it counts as behind all others from then on.
   */
  goBehind(): boolean;
}

export interface DriverConnection {
  readonly state: SessionState;
  /** The server's own name for the session (a process id in PostgreSQL); for people, logs and `pg_stat_activity`. */
  readonly sessionId: string;
  /** Bytes handed to the socket so far. Unchanged since dispatch proves that a statement was not sent. */
  readonly bytesWritten: number;
  /**
   * Rejects with the client library's own error. One at a time: the caller waits for the settlement.
   * Where `canPipeline` is true, more may be sent outside transactions while others are in flight: they are answered in
   * order, each is a transaction of its own, and an error of one touches no other. Lost with the connection, all of them
   * reject with one and the same error.
   * With a `statement`, the text is prepared under this name, or run as what was prepared under it before. A prepared
   * statement that the server has lost or outgrown is prepared anew without a word, where nothing is undone by its error:
   * outside transactions. Drivers whose client library keeps its own statements ignore the name.
   * `inFlight` comes with a statement that others may be sent behind.
   */
  execute(query: DriverQuery, statement?: string, inFlight?: InFlight): Promise<DriverResult>;
  /** Closes a prepared statement at the server, with whatever is sent next; nobody waits for it. */
  forget?(statement: string): void;
  /** Rows as they are asked for, in constant memory; nothing is sent before the first `read`. */
  openCursor?(query: DriverQuery): DriverCursor;
  /**
   * One statement for many sets of values, as one unit: outside a transaction it is applied as a whole or not at all. Draws
   * its sets as fast as the server takes them. Absent where there is nothing better than one statement after the other.
   */
  runBatch?(batch: DriverBatch): Promise<DriverBatchResult>;
  /**
   * The server's own limit for each statement of this session, as a second line behind the runtime's; 0 for none. What is
   * set inside a transaction ends with it. A limit that somebody else has set is left alone. Absent where the server has none, or the session is not ours alone.
   */
  limitStatements?(ms: number): Promise<void>;
  /** What `limitStatements` has set, or the session began with; 0 also where the limit in force is the user's. */
  readonly statementLimitMs?: number;
  /** The server process is lent to this session for a transaction at a time (a pooler): nothing it is told lasts. */
  readonly isPooled?: boolean;
  /**
   * `execute` may be called while others are in flight (`capabilities.pipelining`): they are sent at once, and answered in order,
   * each with its own result or error. Absent as the capability says; false where this session cannot, such as behind a pooler.
   */
  readonly canPipeline?: boolean;
  /** Settings that the server reports by itself are not those that the session began with. */
  readonly hasChangedSettings?: boolean;
  /** Results that were given out read on through this session; `reset` cuts them off. */
  readonly hasOpenResults?: boolean;
  /**
   * Resolves when the server is ready and nothing is in flight any more, also after an error; rejects when the connection
   * is gone.
   */
  untilReady(): Promise<void>;
  /**
   * Asks the server to stop what runs now: of several in flight, whichever it works on when the request comes. Resolves
   * when the request has been delivered and can hit nothing later; rejects where it could not be delivered. Settles at once when the connection is destroyed: a COMMIT may be waiting for it.
   */
  cancel(): Promise<void>;
  /** One round trip that proves the server answers. `query` replaces the protocol's cheapest. */
  ping(query?: string): Promise<void>;
  /**
   * Undoes what was left behind in the session: settings, temporary tables, locks, what users have prepared with SQL. What was
   * prepared by `execute` stays. What cannot be undone in parts is undone as a whole.
   */
  reset(left: SessionEffects): Promise<void>;
  close(): Promise<void>;
  /** Ends it at once, and settles whatever is pending: statements, `untilReady`, every `cancel`. Nothing is sent after it. */
  destroy(): void;
}

/** What the runtime knows about a failure and the database's text cannot tell. */
export interface FailureSituation {
  readonly phase: 'connect' | 'validate' | 'idle' | 'statement' | 'commit' | 'reset';
  /** False only when it is proved that nothing reached the socket. */
  readonly wasSent: boolean;
  /** The caller declared the statement read-only: there is nothing that could have been applied. */
  readonly isReadOnly: boolean;
  /** The caller declared the statement idempotent or read-only. */
  readonly isSafeToRepeat: boolean;
  /** Inside a transaction the runtime opened: losing the connection undoes the statement. */
  readonly inTransaction: boolean;
  /** The caller asked for a read-only transaction, so "read-only" is no news about the server. */
  readonly askedReadOnly: boolean;
  /** The connection was opened for this very loan: what it says about the server is no old news. Default false. */
  readonly isFirstLoan?: boolean;
  /** False where the database has one session only, so that no error says anything about others. Default true. */
  readonly hasSiblings?: boolean;
  readonly context: ErrorContext;
}

export interface Driver {
  /** The door's name: `postgres`, `pglite`. */
  readonly name: string;
  readonly dialect: Dialect;
  readonly capabilities: Capabilities;
  /** Where it connects to, for people: `postgres://app@localhost:5432/shop`. Never a secret. */
  readonly endpoint: string;
  readonly transactions: TransactionStatements;
  /** How to find out what became of a COMMIT whose answer was lost; absent where the database has no way to tell. */
  readonly outcomes?: OutcomeProtocol;
  /**
   * Loads the client library; raises `DRIVER_MISSING` with the install command when it is absent, and a ConnectionError
   * `local-resources` when it is there and cannot be loaded.
   */
  load(): Promise<void>;
  connect(request: ConnectRequest): Promise<DriverConnection>;
  /**
   * Opens the one session that notifications come through. Only where `connect` cannot open another one for it; absent, a
   * connection of its own is told `listen "channel"`.
   */
  listen?(request: ConnectRequest): Promise<DriverListener>;
  classify(error: unknown, situation: FailureSituation): FluxorError;
  /** Frees what the driver itself holds (an embedded database), after its last connection is closed. */
  close(): Promise<void>;
}
