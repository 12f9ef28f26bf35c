/**
 * What a user may say about an exporter, and how it is read. Wrong options are refused all at once.
 * Invariant: no label of the user can take the place of one that a metric has.
 */
import type { ConfigIssue, DBRuntime } from '../../index.js';
import { ConfigError, METRICS } from '../../index.js';
import { OptionReader } from '../../kernel/option-reader.js';

export interface PrometheusOptions {
  /** The runtimes to begin with; more can come by `add()`. Default: none. Every one needs a name of its own. */
  readonly runtimes?: DBRuntime | readonly DBRuntime[];
  /**
   * Put before every name of a metric. When: other metrics of the process are called `db_…` too. Letters, digits and
   * underscores, 60 of them at most.
   * @warning The dashboard and the alert rules that come with the package know the names without it.
   * @default none
   */
  readonly prefix?: string;
  /**
   * Labels for every series, such as `{ service: 'shop' }`: at most 10, with texts that do not change.
   * @warning What Prometheus adds by itself (`job`, `instance`) need not be said. `pool`, `le` and the labels of the metrics are taken.
   * @default none
   */
  readonly labels?: Readonly<Record<string, string>>;
  /**
   * Whether each scrape asks the databases of the runtimes in use for a sign of life, which is what `db_health_up` says. One question a
   * second at most, for a second at most. With `false`, `db_health_up` says what the last `db.healthCheck()` of somebody else has found.
   * @default true
   */
  readonly healthCheck?: boolean;
  /**
   * Who does not send it as `Authorization: Bearer …` gets 401 of the handler and of the server. Several while one takes the place of
   * another. 8 to 512 printable characters without spaces.
   * @default none: everybody who can reach the handler may read
   */
  readonly token?: string | readonly string[];
}

export interface PrometheusConfig {
  readonly runtimes: readonly DBRuntime[];
  readonly prefix: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly healthCheck: boolean;
  readonly tokens: readonly string[];
}

const PREFIX = /^[a-zA-Z_][a-zA-Z0-9_]{0,59}$/;
/** Names with two underscores in front are Prometheus' own. */
const LABEL_NAME = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]{0,99}$/;
const MOST_LABELS = 10;
const TOKEN = /^[\x21-\x7e]{8,512}$/;
const TAKEN: ReadonlySet<string> = new Set(['pool', 'le', ...METRICS.flatMap(({ labels }) => labels)]);

/** @throws ConfigError */
export function resolvePrometheusOptions(options: PrometheusOptions | undefined): PrometheusConfig {
  const issues: ConfigIssue[] = [];
  const reader = new OptionReader(options, '', issues);
  const given = reader.raw('runtimes') ?? [];
  const runtimes = (Array.isArray(given) ? given : [given]) as readonly unknown[];
  for (const [index, runtime] of runtimes.entries()) {
    const path = Array.isArray(given) ? `runtimes[${index}]` : 'runtimes';
    if (!isRuntime(runtime)) issues.push(notARuntime(path, runtime));
  }
  const config = {
    runtimes: runtimes.filter(isRuntime),
    prefix: readPrefix(reader),
    labels: readLabels(reader, issues),
    healthCheck: reader.boolean('healthCheck', true),
    tokens: readTokens(reader, issues),
  };
  reader.refuseUnknown();
  if (issues.length > 0) throw ConfigError.fromIssues(issues);
  return config;
}

/** By what the exporter needs: it may come from another copy of the package. */
export function isRuntime(value: unknown): value is DBRuntime {
  if (typeof value !== 'object' || value === null) return false;
  const { metrics, healthCheck, config } = value as Partial<DBRuntime>;
  return typeof metrics === 'function' && typeof healthCheck === 'function' && typeof config?.name === 'string';
}

export function notARuntime(path: string, value: unknown): ConfigIssue {
  return { path, got: value === null ? 'null' : typeof value, expected: 'a runtime, as createRuntime() makes it' };
}

function readPrefix(reader: OptionReader): string {
  const prefix = reader.text('prefix', undefined);
  if (prefix === undefined || PREFIX.test(prefix)) return prefix ?? '';
  return reader.refuse('prefix', 'letters, digits and underscores, no digit first, at most 60', '');
}

function readLabels(reader: OptionReader, issues: ConfigIssue[]): Readonly<Record<string, string>> {
  const given = reader.raw('labels') ?? {};
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    return reader.refuse('labels', 'an object of texts', {});
  }
  const labels = Object.entries(given as Readonly<Record<string, unknown>>);
  if (labels.length > MOST_LABELS) return reader.refuse('labels', `at most ${MOST_LABELS} labels`, {});
  for (const [name, value] of labels) {
    const path = `labels.${name}`;
    if (TAKEN.has(name)) issues.push({ path, got: `'${name}'`, expected: 'a name that no metric has as a label' });
    else if (!LABEL_NAME.test(name)) {
      issues.push({ path, got: `'${name}'`, expected: 'letters, digits and underscores, not two of these first' });
    }
    if (typeof value !== 'string') issues.push({ path, got: typeof value, expected: 'a text' });
  }
  return { ...(given as Readonly<Record<string, string>>) };
}

/** What was given instead is never shown: it is somebody's secret. */
function readTokens(reader: OptionReader, issues: ConfigIssue[]): readonly string[] {
  const given = reader.raw('token');
  if (given === undefined) return [];
  const tokens = (Array.isArray(given) ? given : [given]) as readonly unknown[];
  const areTokens = tokens.length > 0 && tokens.every((token) => typeof token === 'string' && TOKEN.test(token));
  if (areTokens) return tokens as readonly string[];
  const expected = '8 to 512 printable characters without spaces, or a list of such texts';
  issues.push({ path: 'token', got: 'something else', expected });
  return [];
}
