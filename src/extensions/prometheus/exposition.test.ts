import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkRuntimeLeftovers, runtimeBench } from '../../../test/fakes/runtime-bench.js';
import type { BucketCounts } from '../../kernel/bucket-histogram.js';
import { METRICS } from '../../monitor/metric-table.js';
import type { MetricType, MetricUnit } from '../../monitor/metric-table.js';
import type { Family, Series } from './collection.js';
import { Collection } from './collection.js';
import { expose, numberText } from './exposition.js';
import { resolvePrometheusOptions } from './prometheus-options.js';

checkRuntimeLeftovers();

/** A family by hand. */
function family(name: string, type: MetricType, series: readonly Series[], unit: MetricUnit = '1'): Family {
  const metric = { name, type, unit, help: `Of ${name}.`, prometheus: name, labels: [], read: () => [] };
  return { metric, name, series };
}

const at = (pool: string, value: number): Series => ({ labels: { pool }, value });
const LATENCIES: BucketCounts = { bounds: [0.001, 1, 2.5], counts: [2, 0, 3, 1], count: 6, sum: 7.25 };

describe("Prometheus' text format", () => {
  it('says what a family is, and then all its series, in their order', () => {
    const families = [
      family('db_things_total', 'counter', [at('shop', 7), at('mail', 0)]),
      family('db_never', 'gauge', []),
      family('db_now', 'gauge', [{ labels: { pool: 'shop', role: 'primary' }, value: 0.5 }]),
    ];
    expect(expose(families, 'text')).toEqual({
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
      body: [
        '# HELP db_things_total Of db_things_total.',
        '# TYPE db_things_total counter',
        'db_things_total{pool="shop"} 7',
        'db_things_total{pool="mail"} 0',
        '# HELP db_now Of db_now.',
        '# TYPE db_now gauge',
        'db_now{pool="shop",role="primary"} 0.5',
        '',
      ].join('\n'),
    });
  });

  it('adds buckets up, to the count', () => {
    const { body } = expose([family('db_s', 'histogram', [{ labels: { pool: 'p' }, histogram: LATENCIES }])], 'text');
    expect(body.split('\n').slice(2, -1)).toEqual([
      'db_s_bucket{pool="p",le="0.001"} 2',
      'db_s_bucket{pool="p",le="1"} 2',
      'db_s_bucket{pool="p",le="2.5"} 5',
      'db_s_bucket{pool="p",le="+Inf"} 6',
      'db_s_sum{pool="p"} 7.25',
      'db_s_count{pool="p"} 6',
    ]);
  });

  it('is nothing at all for nobody', () => {
    expect(expose([], 'text').body).toBe('');
  });
});

describe('OpenMetrics', () => {
  it('calls a counter without its ending, names the unit, writes bounds as numbers with a point, and has an end', () => {
    const families = [
      family('db_wait_seconds_total', 'counter', [at('p', 1)], 's'),
      family('db_s', 'histogram', [{ labels: { pool: 'p' }, histogram: LATENCIES }]),
    ];
    expect(expose(families, 'openmetrics')).toEqual({
      contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
      body: [
        '# HELP db_wait_seconds Of db_wait_seconds_total.',
        '# TYPE db_wait_seconds counter',
        '# UNIT db_wait_seconds seconds',
        'db_wait_seconds_total{pool="p"} 1',
        '# HELP db_s Of db_s.',
        '# TYPE db_s histogram',
        'db_s_bucket{pool="p",le="0.001"} 2',
        'db_s_bucket{pool="p",le="1.0"} 2',
        'db_s_bucket{pool="p",le="2.5"} 5',
        'db_s_bucket{pool="p",le="+Inf"} 6',
        'db_s_sum{pool="p"} 7.25',
        'db_s_count{pool="p"} 6',
        '# EOF',
        '',
      ].join('\n'),
    });
    expect(expose([], 'openmetrics').body).toBe('# EOF\n');
  });

  it('has the unit as the ending of every name that has one', () => {
    const timed = METRICS.filter(({ unit }) => unit === 's').map(({ prometheus }) => prometheus.replace(/_total$/, ''));
    expect(timed.length).toBeGreaterThan(5);
    expect(timed.filter((name) => !name.endsWith('_seconds'))).toEqual([]);
  });
});

describe('values', () => {
  it('are numbers as Prometheus reads them', () => {
    expect([0, 1.5, -2, 1e21, NaN, Infinity, -Infinity].map(numberText)).toEqual([
      ...['0', '1.5', '-2', '1e+21'],
      ...['NaN', '+Inf', '-Inf'],
    ]);
  });

  it('of labels come back as they were, whatever they hold, and stay on their line', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('text' as const, 'openmetrics' as const),
        (text, format) => {
          const { body } = expose([family('db_x', 'gauge', [at(text, 1)])], format);
          const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
          expect(lines.length).toBe(1);
          // As Prometheus' lexer has it: anything but a bare quote or backslash.
          const [, escaped] = /^db_x\{pool="((?:\\.|[^\\"])*)"\} 1$/su.exec(lines[0] ?? '') ?? [];
          const value = escaped?.replace(/\\(.)/gsu, (_, char: string) => (char === 'n' ? '\n' : char));
          expect(value).toBe(text);
        },
      ),
    );
  });
});

describe('a runtime as text', () => {
  it('has every sum that its metrics have, one family after the other, no line twice', async () => {
    const bench = runtimeBench({ name: 'shop' });
    for (let count = 0; count < 3; count += 1) await bench.run(bench.db.query('select 1'));
    bench.db.gate.circuit.forceOpen();
    await bench.run(bench.db.query('select 1'));
    const collection = new Collection(resolvePrometheusOptions({ runtimes: bench.db }));
    const { value: families = [] } = await bench.run(collection.collect());
    const { body } = expose(families, 'text');
    const samples = new Map(
      body
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
    );
    const { queries, connections } = bench.db.metrics();
    expect(samples.get('db_queries_total{pool="shop"}')).toBe(4);
    expect(samples.get('db_queries_failed_total{pool="shop",error_type="CIRCUIT_OPEN"}')).toBe(1);
    expect(samples.get('db_connections_use_seconds_count{pool="shop"}')).toBe(connections.use.count);
    const durations = [...samples].filter(([name]) => name.startsWith('db_queries_duration_seconds_count'));
    expect(durations.reduce((sum, [, count]) => sum + count, 0)).toBe(queries.total);
    for (const [name, count] of samples) {
      if (!name.includes('_count{') || name.startsWith('db_connections_wait_count')) continue;
      const last = name.replace('_count{', '_bucket{').replace('}', ',le="+Inf"}');
      expect(samples.get(last), last).toBe(count);
    }
    const lines = body.trimEnd().split('\n');
    expect(new Set(lines).size).toBe(lines.length);
    const order = lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2]);
    expect(order).toEqual(METRICS.map(({ prometheus }) => prometheus).filter((name) => order.includes(name)));
  });
});
