/**
 * Which line a caller stands in. `exclusive`: whoever holds the connection for as long as they like (transactions,
 * sessions, streams, batches). `short`: one statement that is known to be short, and may travel with others on one
 * connection. `long`: one statement that is slow, or that nobody knows yet; it has its connection alone.
 */
export type Lane = 'exclusive' | 'short' | 'long';

/** Where the driver can pipeline: how several short statements share a connection. */
export interface SharingPorts {
  /** Most statements in flight on one connection, at least 1. Asked at every join: it may be reconfigured. */
  depth(): number;
  /** Up to this moving latency a statement is short. */
  readonly maxStatementMs: number;
  /** Milliseconds that short statements take at the server, one with the other; 0 when nobody knows. */
  statementMs(): number;
}
