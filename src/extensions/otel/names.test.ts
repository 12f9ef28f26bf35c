import { afterEach, describe, expect, it, vi } from 'vitest';
import type { DBRuntime, FluxorError } from '../../index.js';
import {
  CancelledError,
  ConnectionError,
  ConstraintError,
  createRuntime,
  QueryError,
  RejectedError,
  TimeoutError,
  UsageError,
} from '../../index.js';
import { mariadb } from '../../driver/mariadb/index.js';
import { mysql } from '../../driver/mysql/index.js';
import { oracle } from '../../driver/oracle/index.js';
import { pglite } from '../../driver/pglite/index.js';
import { postgres } from '../../driver/postgres/index.js';
import { postgresTransactions } from '../../driver/postgres/postgres-transactions.js';
import { errorFacts } from './error-attributes.js';
import { openTelemetry } from './open-telemetry.js';
import { sessionNameOf, traceparentOf } from './propagation.js';
import { targetOf } from './target.js';

const made: DBRuntime[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const db of made.splice(0)) await db.disconnect();
});

function runtime(driver: Parameters<typeof createRuntime>[0]['driver']): DBRuntime {
  const db = createRuntime({ driver, name: 'shop' });
  made.push(db);
  return db;
}

describe('where a runtime connects to', () => {
  it.each([
    [
      'postgres://app:secret@db.example:5432/shop',
      postgres,
      { 'db.system.name': 'postgresql', 'db.namespace': 'shop', 'server.address': 'db.example' },
    ],
    ['postgres://app@127.0.0.1:6432/shop', postgres, { 'server.address': '127.0.0.1', 'server.port': 6432 }],
    ['postgres://app@[::1]:5432/shop', postgres, { 'server.address': '::1' }],
    [
      'mysql://app@db.example:3307/shop',
      mysql,
      { 'db.system.name': 'mysql', 'db.namespace': 'shop', 'server.port': 3307 },
    ],
    ['mariadb://app@db.example/shop', mariadb, { 'db.system.name': 'mariadb', 'server.address': 'db.example' }],
    [
      'oracle://app:secret@db.example:1521/FREEPDB1',
      oracle,
      { 'db.system.name': 'oracle.db', 'server.address': 'db.example' },
    ],
  ] as const)('%s', (url, driver, expected) => {
    const { attributes, peer } = targetOf(runtime(driver({ url })));
    expect(attributes).toMatchObject({ ...expected, 'db.client.connection.pool.name': 'shop' });
    expect('server.port' in attributes).toBe('server.port' in expected);
    expect('db.namespace' in attributes).toBe(driver !== oracle);
    expect('network.peer.address' in peer).toBe(/127|::1/.test(url));
    expect(JSON.stringify(attributes)).not.toContain('secret');
  });

  it('has no address inside the process', () => {
    const { attributes, fallbackName } = targetOf(runtime(pglite()));
    expect(attributes).toEqual({ 'db.system.name': 'postgresql', 'db.client.connection.pool.name': 'shop' });
    expect(fallbackName).toBe('postgresql');
  });
});

describe('what an error is called', () => {
  const cases: readonly (readonly [FluxorError, 'postgres' | 'mysql' | 'oracle', string, string | undefined])[] = [
    [new ConstraintError('unique', 'x', {}, { sqlState: '23505' }), 'postgres', '23505', '23505'],
    [new ConstraintError('unique', 'x', {}, { sqlState: '23000', vendorCode: 1062 }), 'mysql', '1062', '1062'],
    [new ConstraintError('unique', 'x', {}, { vendorCode: 1 }), 'oracle', 'ORA-00001', 'ORA-00001'],
    [new ConstraintError('unique', 'x', {}, { vendorCode: 'ORA-00001' }), 'oracle', 'ORA-00001', 'ORA-00001'],
    [new ConnectionError('lost', 'x', { vendorCode: 'ECONNRESET' }), 'mysql', 'fluxor.connection', undefined],
    [new QueryError('syntax', 'x', { vendorCode: "a 'value'" }), 'mysql', 'fluxor.query', undefined],
    [new RejectedError('CIRCUIT_OPEN', 'x'), 'postgres', 'fluxor.circuit_open', undefined],
    [new RejectedError('RATE_LIMIT', 'x'), 'postgres', 'fluxor.rate_limited', undefined],
    [new RejectedError('POOL_EXHAUSTED', 'x'), 'postgres', 'fluxor.pool_exhausted', undefined],
    [new TimeoutError('acquire', 'x'), 'postgres', 'fluxor.acquire_timeout', undefined],
    [new TimeoutError('statement', 'x', { sqlState: '57014' }), 'postgres', 'fluxor.query_timeout', undefined],
    [new TimeoutError('connect', 'x'), 'postgres', 'fluxor.connect_timeout', undefined],
    [new CancelledError('caller', 'x', { sqlState: '57014' }), 'postgres', 'fluxor.cancelled', undefined],
    [new CancelledError('administrator', 'x', { sqlState: '57014' }), 'postgres', '57014', '57014'],
    [new UsageError('RUNTIME_CLOSED', 'x'), 'postgres', 'fluxor.pool_closed', undefined],
  ];
  it.each(cases)('%s on %s: %s', (error, dialect, type, status) => {
    expect(errorFacts(error, { dialect })).toEqual({
      attributes: { 'error.type': type, ...(status === undefined ? {} : { 'db.response.status_code': status }) },
      description: `${error.name} ${error.code}`,
    });
  });

  it('is its name, where it is none of ours, if that is a name', () => {
    class Odd extends Error {
      override name = 'canary of 4111 1111';
    }
    expect(errorFacts(new TypeError('canary'), { dialect: 'mysql' }).description).toBe('TypeError');
    expect(errorFacts(new Odd(), { dialect: 'mysql' }).description).toBe('_OTHER');
    expect(errorFacts('canary', { dialect: 'mysql' }).attributes).toEqual({ 'error.type': '_OTHER' });
  });
});

describe('the options', () => {
  it('are refused all at once', () => {
    const db = runtime(pglite());
    const wrong = { span: true, metricNames: 'all', captureText: 1, tracerProvider: {} } as never;
    expect(() => openTelemetry(db, wrong)).toThrow(/4 options are wrong[^]*did you mean openTelemetry\.spans/);
  });

  it('refuse a propagation that the driver has no way for', () => {
    expect(() => openTelemetry(runtime(mysql({ url: 'mysql://h/d' })), { propagation: 'trace' })).toThrow(
      /propagation: got .*mysql driver/,
    );
    expect(() => openTelemetry(runtime(pglite()), { propagation: 'tags' })).toThrow(/pglite driver/);
    expect(() => openTelemetry(runtime(postgres({ url: 'postgres://h/d' })), { propagation: 'trace' })).not.toThrow();
  });
});

describe('what the database is told', () => {
  it('is the name of the service and the pool', () => {
    vi.stubEnv('OTEL_SERVICE_NAME', 'checkout');
    expect(sessionNameOf('shop')).toBe('checkout/shop');
    vi.stubEnv('OTEL_SERVICE_NAME', '');
    expect(sessionNameOf('Läden')).toBe('L?den');
    expect(sessionNameOf('x'.repeat(99))).toHaveLength(63);
  });

  it('is the traceparent, and nothing else fits into the statement', () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const carrier = traceparentOf({ traceId, spanId: 'b7ad6b7169203331', traceFlags: 1 });
    expect(carrier).toBe(`00-${traceId}-b7ad6b7169203331-01`);
    expect(postgresTransactions.tellTrace?.(carrier)).toBe(`set local application_name = '${carrier}'`);
    expect(postgresTransactions.tellTrace?.("x'; drop table t; --")).toBeUndefined();
  });
});
