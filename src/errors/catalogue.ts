/**
 * Every error code there is, what it means and what to do about it. Codes are stable and never reused.
 * `docs/errors.md` is tested against this table; a code without an entry does not compile.
 */

interface CatalogueEntry {
  /** The class that carries the code. */
  readonly class: string;
  readonly meaning: string;
  /** What the person on call does next. */
  readonly action: string;
}

export const ERROR_CATALOGUE = {
  CONFIG: {
    class: 'ConfigError',
    meaning: 'Options are wrong; `issues` lists all of them at once.',
    action: 'Correct every path listed in `issues`.',
  },
  DRIVER_MISSING: {
    class: 'ConfigError',
    meaning: 'The package that speaks to this database is not installed.',
    action: 'Run the install command given in the message.',
  },
  LEASE_RELEASED: {
    class: 'UsageError',
    meaning: 'A statement was sent through a session that had been released.',
    action: 'Keep the session until its last statement is awaited, or use `db.use()`.',
  },
  TRANSACTION_CLOSED: {
    class: 'UsageError',
    meaning: 'A statement was sent through a transaction that had ended.',
    action: 'Await every statement before the transaction function returns.',
  },
  STATEMENT_NOT_AWAITED: {
    class: 'UsageError',
    meaning: 'A transaction was to be committed while statements of it were still under way; it was rolled back.',
    action: 'Await the statements named in the message before the function returns or `commit()` is called.',
  },
  STREAM_OPEN: {
    class: 'UsageError',
    meaning:
      'A statement was sent to a connection that a stream of a session, or a batch that waits for it, keeps busy.',
    action: 'End the stream first, read it in a transaction or before the batch, or use another connection.',
  },
  STREAM_CONSUMED: {
    class: 'UsageError',
    meaning: 'A stream of rows or of notifications was iterated a second time.',
    action: 'Call `stream()` or `listen()` again, or keep what came.',
  },
  RUNTIME_CLOSED: {
    class: 'UsageError',
    meaning: 'The runtime is disconnecting or disconnected.',
    action: 'Stop calling before `disconnect()`, or create a new runtime.',
  },
  NESTED_LEASE: {
    class: 'UsageError',
    meaning: 'A call holding a connection waited for a second one, and none could ever come.',
    action: 'Use the connection already held, or raise `pool.maxSize`.',
  },
  CONNECTION: {
    class: 'ConnectionError',
    meaning: 'No connection could be made, or the one in use was lost; `reason` says how.',
    action: 'Check that the database is up and reachable; `outcome` says whether the statement may have run.',
  },
  AUTH: {
    class: 'ConnectionError',
    meaning: 'The database refused the credentials.',
    action: 'Correct user, password or the permission to connect; it is never retried, so accounts are not locked.',
  },
  TIMEOUT: {
    class: 'TimeoutError',
    meaning: 'A time limit was reached; `phase` says which.',
    action:
      'See `phase`: raise the limit, the pool size, or make the statement faster; read `outcome` before repeating a write.',
  },
  CANCELLED: {
    class: 'CancelledError',
    meaning: 'The caller aborted, or an administrator cancelled the statement.',
    action: 'Nothing, if the abort was meant; read `outcome` before repeating a write.',
  },
  CIRCUIT_OPEN: {
    class: 'RejectedError',
    meaning: 'The circuit breaker is open; nothing was sent.',
    action: 'Find out why the database failed; try again after `retryAfterMs`.',
  },
  RATE_LIMIT: {
    class: 'RejectedError',
    meaning: 'The rate limiter had no token; nothing was sent.',
    action: 'Send less, raise the rate, or allow waiting; try again after `retryAfterMs`.',
  },
  POOL_EXHAUSTED: {
    class: 'RejectedError',
    meaning: 'Too many calls were already waiting for a connection; nothing was sent.',
    action: 'Shed load, raise `pool.maxSize`, or make statements shorter.',
  },
  QUERY: {
    class: 'QueryError',
    meaning: 'The database refused the statement; `reason` says why.',
    action: 'Correct the statement or its values; the server text is on `cause`.',
  },
  CONSTRAINT: {
    class: 'ConstraintError',
    meaning: 'A constraint was violated; `reason`, `constraint`, `table` and `column` name it.',
    action: 'Handle it as a conflict of the data.',
  },
  TRANSACTION: {
    class: 'TransactionError',
    meaning: 'The transaction could not go on (deadlock, serialization, lock timeout, aborted, read-only).',
    action: 'Run the whole transaction again when `retryable`.',
  },
  OUTCOME_UNKNOWN: {
    class: 'OutcomeUnknownError',
    meaning: 'A COMMIT or write was sent and its answer lost: it may or may not have been applied.',
    action: 'Look in the database before repeating; never repeat blindly.',
  },
} as const satisfies Record<string, CatalogueEntry>;

/** Every code an error of the runtime can carry. */
export type ErrorCode = keyof typeof ERROR_CATALOGUE;
