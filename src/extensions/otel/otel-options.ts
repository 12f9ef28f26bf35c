/** What a user may say about OpenTelemetry, and what the adapter works with. */
import type { MeterProvider, TracerProvider } from '@opentelemetry/api';
import type { ConfigIssue } from '../../index.js';
import { ConfigError } from '../../index.js';
import { OptionReader } from '../../kernel/option-reader.js';

/** What `db.query.text` shows. */
export type CaptureText = 'parameterized' | 'sanitized' | 'off';

/** What instruments are called. */
export type MetricNames = 'otel' | 'brief' | 'both';

/** What the database is told of the trace. */
export type Propagation = 'off' | 'tags' | 'trace';

/** Options of `openTelemetry()`. */
export interface OpenTelemetryOptions {
  /**
   * Where spans are made.
   * @default the one that is registered with `@opentelemetry/api`, also where that is done later
   */
  readonly tracerProvider?: TracerProvider;
  /**
   * Where instruments are made.
   * @default the one that is registered with `@opentelemetry/api`
   * @warning One that is registered after this call hears nothing: start the SDK first.
   */
  readonly meterProvider?: MeterProvider;
  /** @default `true` */
  readonly spans?: boolean;
  /** @default `true` */
  readonly metrics?: boolean;
  /**
   * `'otel'`: the names of the semantic conventions, and `fluxor.…` where they have none. `'brief'`: those of
   * docs/reference/metrics.md. `'both'`: twice as many series.
   * @default `'otel'`
   */
  readonly metricNames?: MetricNames;
  /**
   * `'parameterized'`: the text as it is sent, of statements whose values travel apart from it, and without literals of all
   * others. `'sanitized'`: without literals, always. `'off'`: none.
   * @default `'parameterized'`
   * @warning A literal that the application writes beside placeholders is in the text as it is sent.
   */
  readonly captureText?: CaptureText;
  /**
   * How many rows came back, as `db.response.returned_rows` of each span.
   * @default `false`
   */
  readonly captureRows?: boolean;
  /**
   * What the database is told, for those who look at it from the other side; PostgreSQL only. `'tags'`: sessions opened from now
   * on are called by service (`OTEL_SERVICE_NAME`) and pool, unless `applicationName` is set. `'trace'`: also, from BEGIN to its
   * end, each transaction that is sampled shows its `traceparent` as `application_name`.
   * @warning `'trace'` costs a round trip for each of them.
   * @default `'off'`
   */
  readonly propagation?: Propagation;
  /**
   * Keeps instrumentations of `pg` and `mysql2` from making a second span of what the runtime does. Only with `spans`.
   * @default `true`
   */
  readonly suppressDriverSpans?: boolean;
}

export interface OpenTelemetryConfig extends Required<Omit<OpenTelemetryOptions, 'tracerProvider' | 'meterProvider'>> {
  readonly tracerProvider: TracerProvider | undefined;
  readonly meterProvider: MeterProvider | undefined;
}

/** `driver`: the name of the runtime's. @throws ConfigError that lists everything wrong. */
export function resolveOpenTelemetryOptions(options: OpenTelemetryOptions, driver: string): OpenTelemetryConfig {
  const issues: ConfigIssue[] = [];
  const reader = new OptionReader(options, 'openTelemetry', issues);
  const config: OpenTelemetryConfig = {
    tracerProvider: readProvider<TracerProvider>(reader, 'tracerProvider', 'getTracer'),
    meterProvider: readProvider<MeterProvider>(reader, 'meterProvider', 'getMeter'),
    spans: reader.boolean('spans', true),
    metrics: reader.boolean('metrics', true),
    metricNames: reader.oneOf<MetricNames>('metricNames', ['otel', 'brief', 'both'], 'otel'),
    captureText: reader.oneOf<CaptureText>('captureText', ['parameterized', 'sanitized', 'off'], 'parameterized'),
    captureRows: reader.boolean('captureRows', false),
    propagation: reader.oneOf<Propagation>('propagation', ['off', 'tags', 'trace'], 'off'),
    suppressDriverSpans: reader.boolean('suppressDriverSpans', true),
  };
  if (config.propagation !== 'off' && driver !== 'postgres') {
    reader.refuse('propagation', `'off'; the ${driver} driver has no way to tell the database`, undefined);
  }
  reader.refuseUnknown();
  if (issues.length > 0) throw ConfigError.fromIssues(issues);
  return Object.freeze(config);
}

function readProvider<P extends object>(reader: OptionReader, name: string, method: keyof P & string): P | undefined {
  const value = reader.raw(name);
  if (value === undefined) return undefined;
  if (typeof value === 'object' && value !== null && typeof (value as P)[method] === 'function') return value as P;
  return reader.refuse(name, `an object with ${method}()`, undefined);
}
