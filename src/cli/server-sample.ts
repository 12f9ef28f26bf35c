/**
 * What a database server says of itself now, in one form for all. Filled by server-questions.ts, drawn by server-view.ts.
 * Invariant: a statement is there by its shape; its text, which has values, goes no further than the function that reads it.
 */

export interface BusySession {
  readonly id: string;
  readonly user: string;
  readonly state: string;
  /** Since the statement began. */
  readonly runningMs: number;
  /** Since its transaction began, where it has one. */
  readonly transactionMs?: number;
  /** What it waits for, in the server's words. */
  readonly waitsFor?: string;
  readonly fingerprint: string;
}

export interface BlockedSession {
  readonly id: string;
  readonly waitedMs: number;
  /** Sessions that have what it wants. */
  readonly blockedBy: string;
  readonly fingerprint: string;
}

export interface ServerSample {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly role?: string;
  /** Sessions by their state, this one not counted. */
  readonly states: Readonly<Record<string, number>>;
  readonly maxConnections?: number;
  /** Those with a transaction open, and the age of the oldest. */
  readonly transactions?: { readonly open: number; readonly oldestMs: number };
  /** Counters that only grow; rates are their differences. */
  readonly counters: Readonly<Record<string, number>>;
  /** The longest first. */
  readonly busy: readonly BusySession[];
  /** `undefined`: it may not be asked for. */
  readonly blocked?: readonly BlockedSession[];
  readonly replicas?: readonly string[];
  /** What was refused. */
  readonly unread: readonly string[];
}
