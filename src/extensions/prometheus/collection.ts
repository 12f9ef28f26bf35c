/**
 * The runtimes of an exporter, and what they count as families of series: the form of which both ways out are made, the text
 * and prom-client's registry.
 * Invariants: one `pool`, one runtime; a runtime that is closed is forgotten; all series of one collection are of one moment for each
 * runtime, and everybody who asks while one is under way gets the same.
 */
import type { BucketCounts, ConfigIssue, DBRuntime, Metric, MetricsSnapshot } from '../../index.js';
import { ConfigError, METRICS } from '../../index.js';
import { isRuntime, notARuntime } from './prometheus-options.js';
import type { PrometheusConfig } from './prometheus-options.js';

/** A number with its labels, or a histogram in the metric's unit. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value?: number;
  readonly histogram?: BucketCounts;
}

/** All series of one name. There may be none yet. */
export interface Family {
  readonly metric: Metric;
  /** With the prefix. */
  readonly name: string;
  readonly series: readonly Series[];
}

export class Collection {
  readonly #config: PrometheusConfig;
  readonly #runtimes = new Set<DBRuntime>();
  #underway: Promise<readonly Family[]> | undefined;

  /** @throws ConfigError when two runtimes have one name. */
  constructor(config: PrometheusConfig) {
    this.#config = config;
    const issues = config.runtimes.flatMap((db, index) => this.#take(db, `runtimes[${index}]`));
    if (issues.length > 0) throw ConfigError.fromIssues(issues);
  }

  /** @throws ConfigError when it is no runtime, or its name is taken. */
  add(db: DBRuntime): Disposable {
    const issues = isRuntime(db) ? this.#take(db, 'runtime') : [notARuntime('runtime', db)];
    if (issues.length > 0) throw ConfigError.fromIssues(issues);
    return { [Symbol.dispose]: () => void this.#runtimes.delete(db) };
  }

  /** In the order of the table of metrics, and in it of the runtimes. */
  async collect(): Promise<readonly Family[]> {
    this.#underway ??= this.#collect().finally(() => (this.#underway = undefined));
    return this.#underway;
  }

  async #collect(): Promise<readonly Family[]> {
    this.#forgetClosed();
    if (this.#config.healthCheck) await Promise.all([...this.#runtimes].filter(isInUse).map(checkHealth));
    this.#forgetClosed();
    const snapshots = [...this.#runtimes].map((db) => db.metrics());
    return METRICS.map((metric) => {
      const series = snapshots.flatMap((snapshot) => this.#seriesOf(metric, snapshot));
      return { metric, name: this.#config.prefix + metric.prometheus, series };
    });
  }

  #seriesOf(metric: Metric, snapshot: MetricsSnapshot): readonly Series[] {
    const common = { pool: snapshot.name, ...this.#config.labels };
    return metric.read(snapshot).map((point) => ({ ...point, labels: { ...common, ...point.labels } }));
  }

  /** A suffix would hang on the order in which they came, and so name another one after the next start. */
  #take(db: DBRuntime, path: string): ConfigIssue[] {
    this.#forgetClosed();
    const { name } = db.config;
    const other = [...this.#runtimes].find(({ config }) => config.name === name);
    if (other !== undefined && other !== db && other.state === 'draining') this.#runtimes.delete(other);
    else if (other !== undefined) {
      return [
        { path, got: `'${name}', which another runtime here has`, expected: 'a `name` of its own in its options' },
      ];
    }
    this.#runtimes.add(db);
    return [];
  }

  #forgetClosed(): void {
    for (const db of this.#runtimes) if (db.state === 'closed') this.#runtimes.delete(db);
  }
}

/** To ask one that nobody has used would start it, and one that is being disconnected answers that it is. */
function isInUse({ state }: DBRuntime): boolean {
  return state === 'running' || state === 'starting';
}

/** What could not be asked keeps the health that was found last, and nobody his numbers from being shown. */
async function checkHealth(db: DBRuntime): Promise<void> {
  await db.healthCheck().catch(() => undefined);
}
