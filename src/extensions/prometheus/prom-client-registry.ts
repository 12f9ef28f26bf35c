/**
 * Fluxor's metrics in a registry of prom-client: one collector for each metric, read when the registry is. Knows prom-client by
 * its shape alone and imports nothing of it.
 * Invariant: nothing is ever counted twice or kept; a registry that was cleared in between takes no harm when we leave it.
 */
import type { ConfigIssue, Metric, MetricType } from '../../index.js';
import { ConfigError, METRICS } from '../../index.js';
import type { Family, Series } from './collection.js';

/** As much of prom-client's `Registry` (15.x) as is used. */
export interface PromClientRegistry {
  registerMetric(metric: never): void;
  getSingleMetric(name: string): unknown;
  removeSingleMetric(name: string): void;
}

interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** Where it is not the metric's. */
  readonly metricName?: string;
}

type Aggregator = 'sum' | 'min' | 'max' | 'first';

interface Collected {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly aggregator: Aggregator;
  readonly values: readonly Sample[];
}

/** How the workers of a cluster are one: by their sum, but for these, and for how long something takes now. */
const AGGREGATORS: Readonly<Record<string, Aggregator>> = {
  'db.circuit.state': 'max',
  'db.health.up': 'min',
  'db.pool.info': 'first',
};

function aggregatorOf({ name, type, unit }: Metric): Aggregator {
  return AGGREGATORS[name] ?? (type === 'gauge' && unit === 's' ? 'max' : 'sum');
}

/** In the form of prom-client's `Metric`. */
class Collector {
  /** Taken from us by a registry that speaks OpenMetrics: it cuts `_total` off, and puts it back when it writes. */
  name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly aggregator: Aggregator;
  readonly #collect: () => Promise<Family | undefined>;

  constructor({ metric, name }: Omit<Family, 'series'>, collect: () => Promise<Family | undefined>) {
    this.name = name;
    this.help = metric.help;
    this.type = metric.type;
    this.aggregator = aggregatorOf(metric);
    this.#collect = collect;
  }

  async get(): Promise<Collected> {
    const family = await this.#collect();
    const { name, help, type, aggregator } = this;
    return { name, help, type, aggregator, values: (family?.series ?? []).flatMap((one) => samplesOf(name, one)) };
  }

  /** `registry.resetMetrics()` is for tests of who counts there. We count elsewhere. */
  reset(): void {
    // Nothing.
  }
}

/** @throws ConfigError when the registry is none, or has metrics of these names. */
export function registerMetrics(
  registry: PromClientRegistry,
  prefix: string,
  collect: () => Promise<readonly Family[]>,
): Disposable {
  const issues = isRegistry(registry) ? clashes(registry, prefix) : [notARegistry(registry)];
  if (issues.length > 0) throw ConfigError.fromIssues(issues);
  const collectors = METRICS.map((metric, index) => {
    const name = prefix + metric.prometheus;
    const collector = new Collector({ metric, name }, async () => (await collect())[index]);
    (registry as { registerMetric(metric: Collector): void }).registerMetric(collector);
    return { name, collector };
  });
  return {
    [Symbol.dispose]: () => {
      for (const { name, collector } of collectors) {
        if (registry.getSingleMetric(name) === collector) registry.removeSingleMetric(name);
      }
    },
  };
}

function samplesOf(name: string, { labels, value, histogram }: Series): Sample[] {
  if (histogram === undefined) return [{ labels, value: value ?? NaN }];
  const { bounds, counts, sum } = histogram;
  let below = 0;
  const buckets = counts.map((count, index): Sample => {
    below += count;
    return { labels: { ...labels, le: bounds[index] ?? '+Inf' }, value: below, metricName: `${name}_bucket` };
  });
  return [
    ...buckets,
    { labels, value: sum, metricName: `${name}_sum` },
    { labels, value: below, metricName: `${name}_count` },
  ];
}

function isRegistry(value: unknown): value is PromClientRegistry {
  if (typeof value !== 'object' || value === null) return false;
  const methods = ['registerMetric', 'getSingleMetric', 'removeSingleMetric'] as const;
  return methods.every((name) => typeof (value as Partial<PromClientRegistry>)[name] === 'function');
}

function notARegistry(value: unknown): ConfigIssue {
  return { path: 'registry', got: value === null ? 'null' : typeof value, expected: 'a Registry of prom-client' };
}

function clashes(registry: PromClientRegistry, prefix: string): ConfigIssue[] {
  const names = METRICS.map(({ prometheus }) => prefix + prometheus);
  const taken = names.filter((name) => registry.getSingleMetric(name) !== undefined);
  if (taken.length === 0) return [];
  const got = `${taken.slice(0, 3).join(', ')}${taken.length > 3 ? ` and ${taken.length - 3} more` : ''} there already`;
  const expected = 'one without them: add() runtimes to one exporter, or give this one a `prefix`';
  return [{ path: 'registry', got, expected }];
}
