/** What a call is once its message is read, what it may ask of its session, and how it says more than an error. */
import type { SqlSession } from './backend.js';
import { OraError } from './backend.js';
import type { CallEnd } from './codec/ttc-write.js';
import type { Writer } from './codec/wire.js';
import type { CursorTable } from './cursors.js';
import type { FaultPoint } from './faults.js';
import type { LobTable } from './lobs.js';
import type { WireCall } from './observation.js';
import type { SessionContext } from './session-context.js';
import type { LogicalTransactions } from './transaction-guard.js';

export type EndOfCall = Omit<CallEnd, 'status' | 'sequence' | 'callNumber'>;

/** A call whose message is read: faults can stop it, and know its SQL. */
export interface PreparedCall {
  readonly point: FaultPoint;
  readonly sql: string;
  /** The answer up to its end mark; null when there is none. */
  run(): Promise<Writer | null>;
  /** Closes the cursor that was opened for it, when the client hears of an error that names none. */
  readonly forget?: () => void;
}

/** An error that tells more than itself: its cursor, the rows that stay. */
export class CallError extends OraError {
  readonly end: EndOfCall;

  constructor(error: OraError, end: EndOfCall) {
    super(error.code, error.message, error.position);
    this.end = end;
  }
}

export interface CallPort {
  readonly context: SessionContext;
  readonly cursors: CursorTable;
  readonly lobs: LobTable;
  readonly transactions: LogicalTransactions;
  readonly fieldVersion: number;
  readonly sql: SqlSession;
  record(call: Omit<WireCall, 'sid'>): void;
  /** ERROR and STATUS, with the state of the transaction. */
  writeEnd(writer: Writer, end: EndOfCall): void;
  writeStatus(writer: Writer): Writer;
  onSchema(schema: string): void;
  /** The rest of an answer, to be sent when the client has asked for it. */
  awaitFlush(rest: Writer): void;
}
