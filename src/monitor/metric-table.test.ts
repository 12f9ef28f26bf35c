import { describe, expect, it } from 'vitest';
import { checkRuntimeLeftovers, runtimeBench } from '../../test/fakes/runtime-bench.js';
import { VERSION } from '../telemetry/version.js';
import { METRICS } from './metric-table.js';

checkRuntimeLeftovers();

/** The brief's own. */
const BRIEF = [
  ...['open', 'idle', 'max_open', 'wait_count', 'wait_duration'].map((name) => `db.connections.${name}`),
  ...['total', 'success', 'failed', 'slow', 'duration'].map((name) => `db.queries.${name}`),
  ...['db.circuit.state', 'db.circuit.failures', 'db.circuit.rejected'],
  ...['db.ratelimit.allowed', 'db.ratelimit.rejected', 'db.ratelimit.tokens'],
];

describe('the table of metrics', () => {
  it('has every metric of the brief, and each name once', () => {
    const names = METRICS.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(BRIEF));
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(METRICS.map(({ prometheus }) => prometheus)).size).toBe(METRICS.length);
  });

  it('keeps to the rules of Prometheus: counters end in _total, seconds say so, and no name ends as its parts do', () => {
    for (const { type, unit, prometheus, help } of METRICS) {
      expect(prometheus).toMatch(/^db_[a-z_]+$/);
      expect(prometheus.endsWith('_total')).toBe(type === 'counter');
      if (unit === 's') expect(prometheus).toContain('_seconds');
      if (type !== 'counter') expect(prometheus).not.toMatch(/_(count|sum|bucket|created)$/);
      expect(help).toMatch(/\.$/);
    }
  });

  it('reads every metric from a snapshot, with the labels it says and no other', async () => {
    const bench = runtimeBench();
    await bench.run(bench.db.query('select 1'));
    bench.db.gate.circuit.forceOpen();
    await bench.run(bench.db.query('select 1'));
    const metrics = bench.db.metrics();
    const read = new Map(METRICS.map((metric) => [metric.name, metric.read(metrics)]));
    for (const { name, type, labels } of METRICS) {
      for (const point of read.get(name) ?? []) {
        expect(Object.keys(point.labels), name).toEqual(labels);
        expect(type === 'histogram' ? point.histogram?.count : point.value, name).toBeTypeOf('number');
      }
    }
    expect(read.get('db.circuit.state')).toEqual([{ labels: {}, value: 3 }]);
    expect(read.get('db.queries.total')).toEqual([{ labels: {}, value: 2 }]);
    expect(read.get('db.queries.failed')).toEqual([{ labels: { error_type: 'CIRCUIT_OPEN' }, value: 1 }]);
    expect(read.get('db.queries.duration')?.[0]?.histogram?.bounds[0]).toBe(0.0005);
  });

  it('knows no health before the first check, and then what the last one found', async () => {
    const bench = runtimeBench();
    const up = (): unknown => METRICS.find(({ name }) => name === 'db.health.up')?.read(bench.db.metrics());
    expect(up()).toEqual([]);
    expect(bench.db.metrics().health).toEqual({ status: 'unknown', at: undefined });
    const { value } = await bench.run(bench.db.healthCheck());
    expect([up(), bench.db.metrics().health]).toEqual([[{ labels: {}, value: 1 }], { status: 'up', at: value?.at }]);
    bench.db.gate.circuit.forceOpen();
    await bench.clock.advance(1_000);
    await bench.run(bench.db.healthCheck());
    expect([up(), bench.db.metrics().health.status]).toEqual([[{ labels: {}, value: 0 }], 'down']);
  });

  it('follows a timeout that is changed while it runs, and says who it is', () => {
    const { db } = runtimeBench({ pool: { acquireTimeout: '4s', connectTimeout: '1s' } });
    const read = (name: string): unknown => METRICS.find((metric) => metric.name === name)?.read(db.metrics());
    expect(read('db.connections.acquire_timeout')).toEqual([{ labels: {}, value: 4 }]);
    db.pool.reconfigure({ acquireTimeout: '2s' });
    expect(read('db.connections.acquire_timeout')).toEqual([{ labels: {}, value: 2 }]);
    expect(read('db.pool.info')).toEqual([{ labels: { version: VERSION, driver: db.metrics().driver }, value: 1 }]);
  });
});
