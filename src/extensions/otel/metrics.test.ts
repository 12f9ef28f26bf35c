import type { Attributes } from '@opentelemetry/api';
import type { MetricData } from '@opentelemetry/sdk-metrics';
import { DataPointType, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { describe, expect, it, vi } from 'vitest';
import { ServerError } from '../../../test/fakes/fake-session.js';
import { checkRuntimeLeftovers, runtimeBench } from '../../../test/fakes/runtime-bench.js';
import { METRICS } from '../../index.js';
import { openTelemetry } from './open-telemetry.js';

checkRuntimeLeftovers();

class Reader extends MetricReader {
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}

  async all(): Promise<MetricData[]> {
    const { resourceMetrics, errors } = await this.collect();
    expect(errors).toEqual([]);
    return resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
  }
}

function collecting() {
  const reader = new Reader();
  return { reader, meterProvider: new MeterProvider({ readers: [reader] }) };
}

/** The points of one metric, as its value or its count, with their attributes. */
function pointsOf(metrics: readonly MetricData[], name: string): [value: number, attributes: Attributes][] {
  const found = metrics.find(({ descriptor }) => descriptor.name === name);
  if (found === undefined) return [];
  return found.dataPointType === DataPointType.HISTOGRAM
    ? found.dataPoints.map(({ value, attributes }) => [value.count, attributes])
    : found.dataPoints.map(({ value, attributes }) => [value as number, attributes]);
}

const POOL = { 'db.client.connection.pool.name': 'shop' };
const WHERE = { ...POOL, 'db.system.name': 'fake', 'server.address': 'server' };

describe('the instruments', () => {
  it('have the names, units and bounds of the conventions, and ours where they have none', async () => {
    const { reader, meterProvider } = collecting();
    const bench = runtimeBench({ name: 'shop' });
    using _telemetry = openTelemetry(bench.db, { spans: false, meterProvider });
    await bench.run(bench.db.query('select 1'));
    const metrics = await reader.all();
    const known = new Set(METRICS.flatMap(({ otel }) => (otel === undefined ? [] : [otel.name])));
    expect(metrics.filter(({ descriptor }) => !known.has(descriptor.name))).toEqual([]);
    const duration = metrics.find(({ descriptor }) => descriptor.name === 'db.client.operation.duration');
    expect(duration?.descriptor).toMatchObject({ unit: 's' });
    expect(duration?.dataPoints[0]?.value).toMatchObject({
      buckets: { boundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] },
    });
    const rows = metrics.find(({ descriptor }) => descriptor.name === 'db.client.response.returned_rows');
    expect(rows?.dataPoints[0]?.value).toMatchObject({ count: 1, sum: 1 });
  });

  it('say how many connections are used and idle, as one metric', async () => {
    const { reader, meterProvider } = collecting();
    const bench = runtimeBench({ name: 'shop' });
    using _telemetry = openTelemetry(bench.db, { spans: false, meterProvider });
    const session = await bench.db.acquire();
    expect(pointsOf(await reader.all(), 'db.client.connection.count')).toEqual([
      [0, { ...POOL, 'db.client.connection.state': 'idle' }],
      [1, { ...POOL, 'db.client.connection.state': 'used' }],
    ]);
    session.release();
    await bench.clock.settle();
    const after = await reader.all();
    expect(pointsOf(after, 'db.client.connection.count').map(([value]) => value)).toEqual([1, 0]);
    for (const name of ['wait_time', 'use_time', 'create_time']) {
      expect(pointsOf(after, `db.client.connection.${name}`)).toEqual([[1, POOL]]);
    }
  });

  it('record each query once, with the type of its error', async () => {
    const { reader, meterProvider } = collecting();
    const bench = runtimeBench({ name: 'shop' });
    using _telemetry = openTelemetry(bench.db, { spans: false, meterProvider });
    await bench.run(bench.db.query('select 1'));
    await bench.run(bench.db.query('select 1'));
    bench.sessions[0]?.answers.set('insert into t', new ServerError('unique'));
    await bench.run(bench.db.exec('insert into t'));
    await bench.run(bench.db.transaction(async (tx) => tx.exec('update a set b = 1')));
    expect(pointsOf(await reader.all(), 'db.client.operation.duration')).toEqual([
      [2, { ...WHERE, 'fluxor.operation': 'select' }],
      [1, { ...WHERE, 'fluxor.operation': 'insert', 'error.type': 'fluxor.constraint' }],
      [1, { ...WHERE, 'fluxor.operation': 'update' }],
    ]);
    const { total } = bench.db.metrics().queries;
    expect(total).toBe(4);
  });

  it('have the brief’s names where those are asked for, or both', async () => {
    for (const metricNames of ['brief', 'both'] as const) {
      const { reader, meterProvider } = collecting();
      const bench = runtimeBench({ name: 'shop' });
      using _telemetry = openTelemetry(bench.db, { spans: false, meterProvider, metricNames });
      await bench.run(bench.db.query('select 1'));
      const metrics = await reader.all();
      const names = metrics.map(({ descriptor }) => descriptor.name);
      expect(names.includes('db.client.operation.duration')).toBe(metricNames === 'both');
      expect(pointsOf(metrics, 'db.queries.total')).toEqual([[1, POOL]]);
      expect(pointsOf(metrics, 'db.connections.open')).toEqual([[1, POOL]]);
      expect(pointsOf(metrics, 'db.queries.duration').map(([count]) => count)).toEqual([1]);
      const ours = METRICS.filter(({ name }) => !names.includes(name) && !EMPTY.has(name));
      expect(ours.map(({ name }) => name)).toEqual([]);
    }
  });

  it('know where the values of every distribution come from', async () => {
    const { meterProvider } = collecting();
    const bench = runtimeBench();
    expect(METRICS.filter(({ type }) => type === 'histogram').length).toBeGreaterThan(0);
    expect(() => openTelemetry(bench.db, { spans: false, meterProvider, metricNames: 'both' })).not.toThrow();
  });

  it('of two runtimes are apart, and read one snapshot of each', async () => {
    const { reader, meterProvider } = collecting();
    const [one, other] = [runtimeBench({ name: 'one' }), runtimeBench({ name: 'other' })];
    using _first = openTelemetry(one.db, { spans: false, meterProvider });
    using _second = openTelemetry(other.db, { spans: false, meterProvider });
    await one.run(one.db.query('select 1'));
    const read = vi.spyOn(one.db, 'metrics');
    const idle = pointsOf(await reader.all(), 'db.client.connection.count').filter(
      ([, attributes]) => attributes['db.client.connection.state'] === 'idle',
    );
    expect(idle.map(([value, attributes]) => [attributes['db.client.connection.pool.name'], value])).toEqual([
      ['one', 1],
      ['other', 0],
    ]);
    expect(read).toHaveBeenCalledTimes(1);
  });

  it('observe nothing any more after dispose, or disconnect', async () => {
    for (const end of ['dispose', 'disconnect'] as const) {
      const { reader, meterProvider } = collecting();
      const bench = runtimeBench({ name: 'shop' });
      const telemetry = openTelemetry(bench.db, { spans: false, meterProvider });
      await bench.run(bench.db.query('select 1'));
      expect(pointsOf(await reader.all(), 'db.client.connection.max')).toHaveLength(1);
      if (end === 'dispose') telemetry[Symbol.dispose]();
      else await bench.run(bench.db.disconnect());
      const read = vi.spyOn(bench.db, 'metrics');
      await reader.all();
      expect(read).not.toHaveBeenCalled();
    }
  });

  it('say at the end that nothing is in use, while totals stay, and leave the turns of others alone', async () => {
    const { reader, meterProvider } = collecting();
    const shop = runtimeBench({ name: 'shop' });
    const telemetry = openTelemetry(shop.db, { spans: false, meterProvider });
    const store = runtimeBench({ name: 'store' });
    using _other = openTelemetry(store.db, { spans: false, meterProvider });
    for (const bench of [shop, store]) await bench.run(bench.db.query('select 1'));
    const sessions = await Promise.all([shop.db.acquire(), store.db.acquire()]);
    const read = async () => {
      const metrics = await reader.all();
      return ['db.client.connection.count', 'db.client.connection.max', 'fluxor.ratelimit.allowed'].map((name) =>
        pointsOf(metrics, name).map(([value]) => value),
      );
    };
    const before = [
      [0, 1, 0, 1],
      [50, 50],
      [2, 2],
    ];
    expect(await read()).toEqual(before);
    telemetry[Symbol.dispose]();
    const stores = vi.spyOn(store.db, 'metrics');
    for (let collections = 1; collections <= 12; collections += 1) {
      expect(await read()).toEqual([
        [0, 0, 0, 1],
        [0, 50],
        [2, 2],
      ]);
      expect(stores).toHaveBeenCalledTimes(collections);
    }
    for (const session of sessions) session.release();
  });
});

/** No series before something has happened. */
const EMPTY = new Set([
  'db.health.up',
  'db.queries.failed',
  'db.queries.retries',
  'db.circuit.transitions',
  'db.connections.use',
]);
