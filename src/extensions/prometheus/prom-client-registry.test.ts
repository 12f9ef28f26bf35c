/** With the real prom-client. */
import type { OpenMetricsContentType } from 'prom-client';
import { AggregatorRegistry, Counter, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { checkRuntimeLeftovers, runtimeBench } from '../../../test/fakes/runtime-bench.js';
import { METRICS } from '../../monitor/metric-table.js';
import { prometheus } from './prometheus.js';

checkRuntimeLeftovers();

async function usedBench(name = 'shop') {
  const bench = runtimeBench({ name });
  await bench.run(bench.db.query('select 1'));
  return bench;
}

/** `# TYPE`, and values without the order, which prom-client sees to. */
const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('# HELP'));

describe('metrics in a registry of prom-client', () => {
  it('are those of the exposition, beside those of others, and are read when the registry is', async () => {
    const bench = await usedBench();
    const exporter = prometheus({ runtimes: bench.db, labels: { service: 'web' }, healthCheck: false });
    const registry = new Registry();
    new Counter({ name: 'orders_total', help: 'Orders.', registers: [registry] }).inc(3);
    exporter.registerWith(registry);
    const both = async (): Promise<[string[], string[]]> => [
      lines(await registry.metrics()),
      lines((await exporter.metrics()).body),
    ];
    const [shown, own] = await both();
    expect(shown).toEqual(expect.arrayContaining([...own, 'orders_total 3']));
    await bench.run(bench.db.query('select 1'));
    expect((await both())[0]).toContain('db_queries_total{pool="shop",service="web"} 2');
    expect(await registry.getSingleMetricAsString('db_queries_total')).toMatch(/\} 2$/);
  });

  it('are right in OpenMetrics too, again and again', async () => {
    const bench = await usedBench();
    const exporter = prometheus({ runtimes: bench.db, healthCheck: false });
    const registry = new Registry<OpenMetricsContentType>();
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    exporter.registerWith(registry);
    const first = await registry.metrics();
    expect(await registry.metrics()).toBe(first);
    expect(lines(first)).toEqual(
      expect.arrayContaining(['# TYPE db_queries counter', 'db_queries_total{pool="shop"} 1', '# EOF']),
    );
  });

  it('are all of one moment, and the database is asked once', async () => {
    const bench = await usedBench();
    const exporter = prometheus({ runtimes: bench.db });
    const registry = new Registry();
    exporter.registerWith(registry);
    let reads = 0;
    const read = bench.db.metrics.bind(bench.db);
    bench.db.metrics = () => {
      reads += 1;
      return read();
    };
    const { value } = await bench.run(registry.metrics());
    expect(value).toContain('db_health_up{pool="shop"} 1');
    expect(reads).toBe(1);
  });

  it('go through merge, JSON, default labels and the sums of a cluster', async () => {
    const bench = runtimeBench({ name: 'shop', pool: { maxSize: 9 }, gate: { connectionLimit: 1 } });
    const { value: session } = await bench.run(bench.db.acquire());
    await bench.run(session?.query('select 1') ?? Promise.reject(new Error('There is none.')));
    const waiting = bench.watch(bench.db.acquire());
    await bench.clock.advance(3_000);
    const [one, other] = [new Registry(), new Registry()];
    prometheus({ runtimes: bench.db, healthCheck: false }).registerWith(one);
    new Counter({ name: 'orders_total', help: 'Orders.', registers: [other] }).inc();
    const merged = Registry.merge([one, other]);
    merged.setDefaultLabels({ region: 'eu' });
    expect(lines(await merged.metrics())).toContain('db_queries_total{pool="shop",region="eu"} 1');
    const json = await one.getMetricsAsJSON();
    expect(json.length).toBe(METRICS.length);
    const workers = AggregatorRegistry.aggregate([json, json]);
    const text = lines(await workers.metrics());
    expect(text).toEqual(
      expect.arrayContaining(
        [
          'db_queries_total{pool="shop"} 2',
          'db_connections_acquire_timeout_seconds{pool="shop"} 10',
          'db_connectionlimit_waiting{pool="shop"} 2',
          'db_connectionlimit_oldest_wait_seconds{pool="shop"} 3',
          'db_queries_duration_seconds_bucket{le="+Inf",pool="shop",op="select",outcome="success"} 2',
        ].map((line) => expect.toSatisfy((found: string) => sameSample(found, line)) as string),
      ),
    );
    one.resetMetrics();
    expect(lines(await one.metrics())).toContain('db_queries_total{pool="shop"} 1');
    session?.release();
    await bench.clock.settle();
    waiting.value?.release();
  });

  it('are out of it when the answer is disposed, also of one that was cleared or filled anew', async () => {
    const bench = await usedBench();
    const exporter = prometheus({ runtimes: bench.db, healthCheck: false });
    const registry = new Registry();
    const registered = exporter.registerWith(registry);
    registry.clear();
    expect(lines(await registry.metrics())).toEqual([]);
    const again = exporter.registerWith(registry);
    // Of the first time nothing is left to take out.
    registered[Symbol.dispose]();
    expect(registry.getMetricsAsArray().length).toBe(METRICS.length);
    again[Symbol.dispose]();
    again[Symbol.dispose]();
    expect(registry.getMetricsAsArray()).toEqual([]);
  });

  it('that are there already are named, with what to do, and none is added', async () => {
    const bench = await usedBench();
    const registry = new Registry();
    prometheus({ runtimes: bench.db }).registerWith(registry);
    const other = await usedBench('other');
    expect(() => prometheus({ runtimes: other.db }).registerWith(registry)).toThrow(
      `registry: got db_connections_open, db_connections_idle, db_connections_in_use and ${METRICS.length - 3} more there already, ` +
        'expected one without them: add() runtimes to one exporter, or give this one a `prefix`',
    );
    prometheus({ runtimes: other.db, prefix: 'other_', healthCheck: false }).registerWith(registry);
    expect(lines(await registry.metrics())).toContain('other_db_queries_total{pool="other"} 1');
    expect(() => prometheus().registerWith({} as never)).toThrow('expected a Registry of prom-client');
  });
});

/** Labels in any order. */
function sameSample(one: string, other: string): boolean {
  const parts = (line: string): string =>
    line
      .split(/[{}, ]/)
      .sort()
      .join();
  return parts(one) === parts(other);
}
