/**
 * Names of OpenTelemetry's semantic conventions (1.45.0), copied: the package that has them is 9.7 MB. Beside them ours, which
 * begin with `fluxor.`.
 */

export const DB_SYSTEM_NAME = 'db.system.name';
export const DB_NAMESPACE = 'db.namespace';
export const DB_QUERY_SUMMARY = 'db.query.summary';
export const DB_QUERY_TEXT = 'db.query.text';
export const DB_OPERATION_BATCH_SIZE = 'db.operation.batch.size';
export const DB_STORED_PROCEDURE_NAME = 'db.stored_procedure.name';
export const DB_RESPONSE_STATUS_CODE = 'db.response.status_code';
export const DB_RESPONSE_RETURNED_ROWS = 'db.response.returned_rows';
export const POOL_NAME = 'db.client.connection.pool.name';
export const ERROR_TYPE = 'error.type';
export const SERVER_ADDRESS = 'server.address';
export const SERVER_PORT = 'server.port';
export const NETWORK_PEER_ADDRESS = 'network.peer.address';
export const NETWORK_PEER_PORT = 'network.peer.port';

/** Attempts after the first. */
export const RETRY_COUNT = 'fluxor.retry.count';
/** Waited for a connection, all attempts together. */
export const ACQUIRE_DURATION_MS = 'fluxor.acquire.duration_ms';
/** How many were in the pool's line when the wait began. */
export const ACQUIRE_QUEUE_LENGTH = 'fluxor.acquire.queue_length';
export const QUERY_NAME = 'fluxor.query.name';
/** One of nine words; see `Operation`. */
export const OPERATION = 'fluxor.operation';
export const CONNECTION_ID = 'fluxor.connection.id';
export const TRANSACTION_ISOLATION = 'fluxor.transaction.isolation';
export const TRANSACTION_READ_ONLY = 'fluxor.transaction.read_only';
export const TRANSACTION_OUTCOME = 'fluxor.transaction.outcome';
export const TRANSACTION_STATEMENTS = 'fluxor.transaction.statements';
export const TRANSACTION_LABEL = 'fluxor.transaction.label';

/** `db.system.name` by the driver's name. */
export const SYSTEM_NAMES: Readonly<Record<string, string>> = Object.freeze({
  postgres: 'postgresql',
  pglite: 'postgresql',
  mysql: 'mysql',
  mariadb: 'mariadb',
  oracle: 'oracle.db',
});

/** Where servers listen: a port is told only where it is another one. */
export const DEFAULT_PORTS: Readonly<Record<string, number>> = Object.freeze({
  postgres: 5432,
  mysql: 3306,
  mariadb: 3306,
  oracle: 1521,
});

/** Advised for durations, in seconds. */
export const DURATION_BOUNDS: readonly number[] = Object.freeze([0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]);
