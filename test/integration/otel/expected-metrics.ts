/**
 * Which instruments there have to be, by the semantic conventions and beside them: names, kinds and units, as one table. What
 * is not in it must not be there.
 */
import type { ObservedMetric } from './observed.js';

type Instrument = readonly [kind: ObservedMetric['kind'], unit: string, boundaries?: readonly number[]];

/** Advised by the conventions for everything that takes time, in seconds. */
const SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] as const;
const ROWS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000] as const;

/** Of the semantic conventions; and ours, where they have no name. */
export const EXPECTED_INSTRUMENTS: Readonly<Record<string, Instrument>> = {
  'db.client.operation.duration': ['histogram', 's', SECONDS],
  'db.client.response.returned_rows': ['histogram', '{row}', ROWS],
  'db.client.connection.count': ['updowncounter', '{connection}'],
  'db.client.connection.max': ['updowncounter', '{connection}'],
  'db.client.connection.pending_requests': ['updowncounter', '{request}'],
  'db.client.connection.timeouts': ['counter', '{timeout}'],
  'db.client.connection.create_time': ['histogram', 's', SECONDS],
  'db.client.connection.wait_time': ['histogram', 's', SECONDS],
  'db.client.connection.use_time': ['histogram', 's', SECONDS],
  'fluxor.connection.max_wait': ['gauge', 's'],
  'fluxor.connection.acquire_timeout': ['gauge', 's'],
  'fluxor.connection.connecting': ['updowncounter', '{connection}'],
  'fluxor.connection.create_failed': ['counter', '{connection}'],
  'fluxor.connection.closed': ['counter', '{connection}'],
  'fluxor.connection.leaked': ['counter', '{connection}'],
  'fluxor.query.slow': ['counter', '{query}'],
  'fluxor.query.in_flight': ['updowncounter', '{query}'],
  'fluxor.query.retries': ['counter', '{query}'],
  'fluxor.circuit.state': ['gauge', '1'],
  'fluxor.circuit.failures': ['counter', '{query}'],
  'fluxor.circuit.rejected': ['counter', '{query}'],
  'fluxor.circuit.transitions': ['counter', '1'],
  'fluxor.ratelimit.allowed': ['counter', '{query}'],
  'fluxor.ratelimit.rejected': ['counter', '{query}'],
  'fluxor.ratelimit.tokens': ['gauge', '1'],
  'fluxor.connectionlimit.limit': ['gauge', '{connection}'],
  'fluxor.connectionlimit.in_use': ['updowncounter', '{connection}'],
  'fluxor.connectionlimit.waiting': ['updowncounter', '{request}'],
  'fluxor.connectionlimit.max_wait': ['gauge', 's'],
  'fluxor.transaction.ended': ['counter', '1'],
  'fluxor.transaction.active': ['updowncounter', '1'],
  'fluxor.statement.cache': ['counter', '1'],
  'fluxor.monitor.callback_errors': ['counter', '1'],
  'fluxor.health.up': ['gauge', '1'],
  'fluxor.pool.info': ['gauge', '1'],
};

/** Attributes beside the pool's name, of those that have any. */
export const EXPECTED_LABELS: Readonly<Record<string, readonly string[]>> = {
  'db.client.connection.count': ['db.client.connection.state'],
  'fluxor.connection.closed': ['fluxor.reason'],
  'fluxor.query.retries': ['fluxor.reason'],
  'fluxor.circuit.transitions': ['fluxor.from', 'fluxor.to'],
  'fluxor.transaction.ended': ['fluxor.end'],
  'fluxor.statement.cache': ['fluxor.result'],
  'fluxor.pool.info': ['fluxor.version', 'fluxor.driver'],
};

export const OPERATION_ATTRIBUTES = [
  'db.system.name',
  'db.namespace',
  'server.address',
  'server.port',
  'db.client.connection.pool.name',
  'fluxor.operation',
] as const;
