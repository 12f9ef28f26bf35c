/**
 * The part of a driver that can say what became of a COMMIT whose answer was lost. Optional: a driver has it where its
 * database can be asked. Called by the runtime's outcome-resolver.ts; decision 0017 has the reasons.
 * Invariant: an answer is proved, or it is `unknown`. A wrong `committed` loses a write, a wrong `rolled-back` makes it
 * twice.
 */
import type { DriverQuery, DriverResult } from './query.js';

/** What is remembered of a transaction before its COMMIT goes out; opaque to the rooms above. */
export type OutcomeTicket = readonly (string | null)[];

/** `in-progress`: not decided yet, or not to be known on this server yet; ask again. `unknown`: asking again won't help. */
export type TransactionFate = 'committed' | 'rolled-back' | 'in-progress' | 'unknown';

/** A connection on which the database is asked. */
export interface OutcomeSource {
  /** Its `DriverConnection.sessionId`. */
  readonly sessionId: string;
  /** It was open already when the ticket was drawn. A pooler in between may have changed the server under it since. */
  readonly isOlder: boolean;
  ask(query: DriverQuery): Promise<DriverResult>;
}

export interface OutcomeProtocol {
  /**
   * The last statement inside a transaction, in several forms, the best first: a server may refuse one for want of a right
   * or of a function. Each answers one row of text, and changes nothing that a statement could read.
   */
  readonly marks: readonly DriverQuery[];
  /** `undefined` when there is nothing that could be asked for later: the transaction is read-only. */
  ticketOf(result: DriverResult): OutcomeTicket | undefined;
  /** Rejects when the server could not be asked. */
  fateOf(ticket: OutcomeTicket, source: OutcomeSource): Promise<TransactionFate>;
  /** Ends the transaction's session if it still waits for a COMMIT that will not come; nobody else's. */
  endSession?(ticket: OutcomeTicket, source: OutcomeSource): Promise<void>;
}
