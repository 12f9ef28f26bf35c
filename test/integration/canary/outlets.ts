/**
 * Everything that comes out of a runtime, caught: whatever is written down, told, measured or printed on the way. Each outlet has
 * a name, so that a leak says where it was, and each can be tried with a canary that was put into it on purpose.
 *
 * A new way out (an exporter, a page, a program) is added in `look()` where it is asked for, and in the constructor where it
 * tells by itself: hand its text to `add()` under a name of its own. The self-check of canary.test.ts then knows it.
 *
 * What is said to hold what others wrote is not searched for it: `cause` of an error, which is the client library's own,
 * untouched; and the literals of a statement in `text` of a tracing context and in `db.query.text` of a span with the default
 * `captureText`.
 */
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { DBRuntime, FluxorEvents, LogRecord, RuntimeOptions } from 'fluxor-db';
import { METRICS, Monitor, describeConfig, explainConfig, isFluxorError } from 'fluxor-db';
import { openTelemetry } from 'fluxor-db/otel';
import { prometheus } from 'fluxor-db/prometheus';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import pino from 'pino';
import { EVENT_NAMES } from '../../../src/telemetry/events.js';
import type { CanaryName } from './canaries.js';
import { canariesIn } from './canaries.js';

const CHANNELS = ['query', 'acquire', 'connect', 'transaction'].flatMap((name) =>
  ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((moment) => `tracing:fluxor:${name}:${moment}`),
);

const DEEP = {
  depth: 10,
  showHidden: true,
  maxArrayLength: 1_000,
  maxStringLength: 100_000,
  breakLength: 200,
} as const;

export interface Leak {
  readonly outlet: string;
  readonly canary: CanaryName;
  readonly excerpt: string;
}

export class Outlets {
  readonly #leaks = new Map<string, Leak>();
  readonly #counts = new Map<string, number>();
  readonly #spans = new InMemorySpanExporter();
  readonly #metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  readonly #reader = new PeriodicExportingMetricReader({ exporter: this.#metrics, exportIntervalMillis: 3_600_000 });
  readonly #tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.#spans)] });
  readonly #sanitized = new InMemorySpanExporter();
  readonly #sanitizedProvider = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(this.#sanitized)],
  });
  readonly #meterProvider = new MeterProvider({ readers: [this.#reader] });
  readonly #stops: (() => void)[] = [];
  readonly #warned = (warning: Error): void => this.addPrinted('warnings of the process', warning);

  constructor() {
    for (const channel of CHANNELS) {
      const listener = (context: unknown): void => {
        const { text: _asWritten, ...shown } = context as Record<string, unknown>;
        this.addPrinted('tracing contexts', shown);
      };
      subscribe(channel, listener);
      this.#stops.push(() => unsubscribe(channel, listener));
    }
    process.on('warning', this.#warned);
    this.#stops.push(() => process.off('warning', this.#warned));
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  /** Options of a logger that writes into an outlet. */
  loggers(): { readonly function: RuntimeOptions['logger']; readonly pino: RuntimeOptions['logger'] } {
    const line = { write: (text: string) => this.add('pino', text) };
    return {
      function: { to: (record: LogRecord) => this.addPrinted('log function', record), level: 'debug' },
      pino: { to: pino({ level: 'trace' }, line), level: 'debug' },
    };
  }

  /** Listens to all that a runtime tells by itself. */
  listen(db: DBRuntime): void {
    for (const event of Object.keys(EVENT_NAMES) as (keyof FluxorEvents)[])
      db.on(event, (fact) => this.addPrinted('events', { event, fact }));
    new Monitor(db, { interval: 100, onEvent: (event) => this.addPrinted('monitor', event) });
    db.setLeakCallback((...args) => this.addPrinted('callbacks', args));
    db.setCircuitBreakerCallback((...args) => this.addPrinted('callbacks', args));
    db.setMetricsCallback((snapshot) => this.addPrinted('callbacks', snapshot), 100);
    openTelemetry(db, {
      tracerProvider: this.#tracerProvider,
      meterProvider: this.#meterProvider,
      captureRows: true,
      metricNames: 'both',
    });
    openTelemetry(db, { tracerProvider: this.#sanitizedProvider, captureText: 'sanitized', metrics: false });
  }

  /** Asks a runtime for everything that it answers. */
  async look(db: DBRuntime): Promise<void> {
    const metrics = db.metrics();
    this.addPrinted('metrics', metrics);
    this.addPrinted(
      'metric points',
      METRICS.map((metric) => [metric.name, metric.read(metrics)]),
    );
    this.addPrinted('diagnostics', db.diagnostics());
    this.addPrinted('stats', [db.stats(), db.gate.stats()]);
    this.addPrinted('health', await db.healthCheck());
    this.addPrinted('configuration', [db.config, explainConfig(db.config)]);
    this.add('configuration', describeConfig(db.config));
    this.addPrinted('runtime', db);
    this.addPrinted('driver', db.config.driver);
    const exporter = prometheus({ runtimes: db });
    for (const accept of [undefined, 'application/openmetrics-text'])
      this.add('prometheus', (await exporter.metrics(accept)).body);
    await this.lookAtTelemetry();
  }

  async lookAtTelemetry(): Promise<void> {
    for (const exporter of [this.#spans, this.#sanitized]) {
      for (const span of exporter.getFinishedSpans()) {
        const { name, attributes, events, links, status, instrumentationScope, resource } = span;
        const { 'db.query.text': text, ...others } = attributes;
        this.addPrinted('spans', { name, others, events, links, status, instrumentationScope, resource });
        // A statement with values is shown as it was written unless it is to be sanitized: the conventions want it so.
        this.add('spans', String(text), exporter === this.#spans ? 'literal' : undefined);
      }
      exporter.reset();
    }
    await this.#reader.forceFlush();
    this.addPrinted(
      'otel metrics',
      this.#metrics.getMetrics().map(({ scopeMetrics }) => scopeMetrics),
    );
    this.#metrics.reset();
  }

  /** An error that reached a caller, with all that we hung on it. Not its cause. */
  addError(error: unknown): void {
    if (!isFluxorError(error)) return;
    this.add('errors', [error.message, String(error), error.stack, error.name, error.code, error.reason].join('\n'));
    this.add('errors', JSON.stringify(error));
    this.addPrinted('errors', error);
    for (const key of Object.keys(error)) this.addPrinted('errors', (error as unknown as Record<string, unknown>)[key]);
    for (const earlier of error.attempts ?? []) this.addError(earlier);
    for (const { error: ofSet } of error.setErrors ?? []) this.addError(ofSet);
  }

  /** As JSON, and as `console.log` would show it at its most talkative. */
  addPrinted(outlet: string, value: unknown): void {
    this.add(outlet, toJson(value));
    this.add(outlet, inspect(value, DEEP));
  }

  /** `allowed`: what the application itself has written may be there. */
  add(outlet: string, text: string, allowed?: CanaryName): void {
    this.#counts.set(outlet, (this.#counts.get(outlet) ?? 0) + 1);
    for (const canary of canariesIn(text)) {
      if (canary === allowed) continue;
      const key = `${outlet} ${canary}`;
      if (!this.#leaks.has(key)) this.#leaks.set(key, { outlet, canary, excerpt: text.slice(0, 1_500) });
    }
  }

  /** How often something came out, by outlet: what never said anything has hidden nothing. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  get leaks(): Leak[] {
    return [...this.#leaks.values()];
  }
}

function toJson(value: unknown): string {
  try {
    return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part)) ?? '';
  } catch (error) {
    // A runtime goes round in circles; it is printed the other way.
    if (error instanceof TypeError && error.message.includes('circular')) return '';
    throw error;
  }
}
