/**
 * The metrics of one runtime as OpenTelemetry's instruments, made from the table `METRICS`. What is counted anyway is read when
 * somebody collects, in one snapshot; distributions are recorded as they come, because OpenTelemetry takes no finished ones.
 * Invariants: every series has the pool's name; after `dispose` nothing is in use any more, and after a few collections nothing
 * is observed.
 */
import type {
  Attributes,
  BatchObservableCallback,
  Context,
  Histogram,
  Meter,
  MetricOptions,
  Observable,
} from '@opentelemetry/api';
import { context, ROOT_CONTEXT, ValueType } from '@opentelemetry/api';
import type { DBRuntime, Metric, MetricPoint, QueryTrace } from '../../index.js';
import { METRICS } from '../../index.js';
import { errorFacts } from './error-attributes.js';
import type { MetricNames } from './otel-options.js';
import { DURATION_BOUNDS, OPERATION, POOL_NAME } from './semconv.js';
import type { Target } from './target.js';

interface Watched {
  readonly metric: Metric;
  readonly observable: Observable;
  readonly attributes: Attributes;
}

type Observed = readonly [observable: Observable, value: number, attributes: Attributes];

/** Collections that hear of the end: how many readers there are cannot be asked, and each collects at its own pace. */
const LAST_TELLINGS = 10;

/** Where the values of a distribution come from, by the brief's name. */
const RECORDED = [
  'db.queries.duration',
  'db.queries.rows',
  'db.connections.acquire',
  'db.connections.create',
  'db.connections.use',
] as const;
type Recorded = (typeof RECORDED)[number];

const SECOND = 1_000;

export class Instruments {
  readonly #db: DBRuntime;
  readonly #meter: Meter;
  readonly #target: Target;
  readonly #pool: Attributes;
  readonly #watched: Watched[] = [];
  readonly #observables: Observable[] = [];
  readonly #histograms: Record<Recorded, Histogram[]>;
  /** Of the durations that succeeded, by operation. */
  readonly #ofOperation = new Map<string | undefined, Attributes>();
  readonly #subscriptions: Disposable[] = [];
  readonly #observe: BatchObservableCallback;
  /** What is told at the end; `undefined` until then. */
  #last: readonly Observed[] | undefined;
  /** How often yet. */
  #tellings = LAST_TELLINGS;

  constructor(db: DBRuntime, meter: Meter, target: Target, names: MetricNames) {
    this.#db = db;
    this.#meter = meter;
    this.#target = target;
    this.#pool = Object.freeze({ [POOL_NAME]: target.pool });
    this.#histograms = Object.fromEntries(RECORDED.map((name) => [name, []])) as unknown as Record<
      Recorded,
      Histogram[]
    >;
    for (const metric of METRICS) {
      if (names !== 'brief') this.#makeOtel(metric);
      if (names !== 'otel') this.#makeBrief(metric);
    }
    this.#observe = (result) => {
      for (const [observable, value, attributes] of this.#last ?? this.#read()) {
        result.observe(observable, value, attributes);
      }
      if (this.#last !== undefined) this.#stopIfTold();
    };
    meter.addBatchObservableCallback(this.#observe, this.#observables);
    this.#listen();
  }

  /** One logical query, with the same attributes as its span has; exemplars refer to the span of `inner`. */
  queryEnded({ operation, durationMs = 0, rows, error }: QueryTrace, inner: Context = context.active()): void {
    const { 'db.queries.duration': durations, 'db.queries.rows': counts } = this.#histograms;
    let attributes = this.#attributesOf(operation);
    if (error !== undefined) attributes = { ...attributes, ...errorFacts(error, this.#target).attributes };
    for (const histogram of durations) histogram.record(durationMs / SECOND, attributes, inner);
    if (rows === undefined) return;
    for (const histogram of counts) histogram.record(rows, this.#pool, inner);
  }

  /**
   * SDKs go on exporting what they were told last of a series: so they are told once more, that nothing is open or in use any
   * more. By the callback that was there before, so that a later runtime of the same name has the last word.
   */
  dispose(): void {
    if (this.#last !== undefined) return;
    const isTotal = new Set(
      this.#watched.filter(({ metric }) => metric.type === 'counter').map((one) => one.observable),
    );
    this.#last = this.#read().map(([observable, value, attributes]) => [
      observable,
      isTotal.has(observable) ? value : 0,
      attributes,
    ]);
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
    for (const name of RECORDED) this.#histograms[name].length = 0;
  }

  #read(): Observed[] {
    const metrics = this.#db.metrics();
    return this.#watched.flatMap(({ metric, observable, attributes }) =>
      metric
        .read(metrics)
        .flatMap(({ labels, value }): Observed[] =>
          value === undefined ? [] : [[observable, value, { ...attributes, ...attributesOf(labels) }]],
        ),
    );
  }

  #stopIfTold(): void {
    this.#tellings -= 1;
    if (this.#tellings > 0) return;
    // Not at once: the SDK is going through its callbacks, and would pass over the next.
    const stop = (): void => this.#meter.removeBatchObservableCallback(this.#observe, this.#observables);
    void Promise.resolve().then(stop);
  }

  #attributesOf(operation: string | undefined): Attributes {
    const known = this.#ofOperation.get(operation);
    if (known !== undefined) return known;
    const made = Object.freeze({ ...this.#target.attributes, [OPERATION]: operation ?? 'other' });
    this.#ofOperation.set(operation, made);
    return made;
  }

  #listen(): void {
    const {
      'db.connections.acquire': acquire,
      'db.connections.create': create,
      'db.connections.use': use,
    } = this.#histograms;
    const record = (histograms: readonly Histogram[], ms: number): void => {
      for (const histogram of histograms) histogram.record(ms / SECOND, this.#pool, ROOT_CONTEXT);
    };
    this.#subscriptions.push(
      this.#db.on('lease:acquired', ({ waitedMs }) => record(acquire, waitedMs)),
      this.#db.on('connection:created', ({ durationMs }) => record(create, durationMs)),
      this.#db.on('lease:released', ({ heldMs }) => record(use, heldMs)),
    );
  }

  #makeOtel(metric: Metric): void {
    if (metric.otel === undefined) return;
    const { name, instrument, attributes = {} } = metric.otel;
    if (instrument === 'Histogram') return this.#addHistogram(metric, name, DURATION_BOUNDS);
    // Two rows of the table may be one instrument, told apart by an attribute.
    const known = this.#watched.find((one) => one.metric.otel?.name === name)?.observable;
    const observable = known ?? this.#meter[`create${instrument}`](name, optionsOf(metric));
    this.#watch(metric, observable, attributes);
  }

  #makeBrief(metric: Metric): void {
    if (metric.type === 'histogram') return this.#addHistogram(metric, metric.name, this.#ownBounds(metric));
    const make = metric.type === 'gauge' ? 'createObservableGauge' : 'createObservableCounter';
    this.#watch(metric, this.#meter[make](metric.name, optionsOf(metric)), {});
  }

  #watch(metric: Metric, observable: Observable, attributes: Attributes): void {
    if (!this.#observables.includes(observable)) this.#observables.push(observable);
    this.#watched.push({ metric, observable, attributes: { ...this.#pool, ...attributes } });
  }

  #addHistogram(metric: Metric, name: string, durationBounds: readonly number[]): void {
    const explicitBucketBoundaries = [...(metric.unit === 's' ? durationBounds : this.#ownBounds(metric))];
    const options = { ...optionsOf(metric), advice: { explicitBucketBoundaries } };
    this.#histograms[metric.name as Recorded].push(this.#meter.createHistogram(name, options));
  }

  /** Those that the runtime itself counts with. */
  #ownBounds(metric: Metric): readonly number[] {
    const metrics = this.#db.metrics();
    const { bounds } = metric.read(metrics)[0]?.histogram ?? {};
    return bounds ?? metrics.queries.duration.bounds.map((ms) => ms / SECOND);
  }
}

function optionsOf({ help, unit }: Metric): MetricOptions {
  return { description: help, unit, valueType: unit.startsWith('{') ? ValueType.INT : ValueType.DOUBLE };
}

/** Labels of ours are attributes of ours. */
function attributesOf(labels: MetricPoint['labels']): Attributes {
  const attributes: Attributes = {};
  for (const [name, value] of Object.entries(labels)) attributes[`fluxor.${name}`] = value;
  return attributes;
}
