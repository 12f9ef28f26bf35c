/**
 * The acceptance tests of OpenTelemetry, for whoever has run the scenarios: this process, or another one with another SDK.
 * What is compared with stands in expected-spans.ts and expected-metrics.ts.
 */
import { expect, it } from 'vitest';
import { EXPECTED_INSTRUMENTS, EXPECTED_LABELS, OPERATION_ATTRIBUTES } from './expected-metrics.js';
import { expectedSpans } from './expected-spans.js';
import type { Attributes, ObservedMetric, ObservedSpan } from './observed.js';
import type { Observation, TwoRuntimes } from './observe.js';
import type { OtelTarget, ScenarioName } from './scenarios.js';
import { CANARY, CANARY_NUMBER, SCENARIO_NAMES } from './scenarios.js';

export interface Observed {
  readonly system: OtelTarget['system'];
  readonly database: string;
  /** What must be nowhere, besides values and literals. */
  readonly secrets: readonly string[];
  /** The same each time it is asked for. */
  readonly scenario: (name: ScenarioName) => Promise<Observation>;
  readonly two: () => Promise<TwoRuntimes>;
}

const POOL = 'db.client.connection.pool.name';
const ERRORS = ['error.type', 'db.response.status_code'] as const;
/** Where no span is wanted, the metrics go on. */
const SILENT: readonly ScenarioName[] = ['no spans', 'an application span that is not sampled'];

/** What single metrics have to say of a scenario: by name, points as attributes beside the pool's name, and a value. */
const FACTS: Partial<Record<ScenarioName, Readonly<Record<string, readonly (readonly [Attributes, number])[]>>>> = {
  'a statement whose first connection is lost': { 'fluxor.query.retries': [[{ 'fluxor.reason': 'CONNECTION' }, 1]] },
  'a call that the circuit breaker refuses': {
    'fluxor.circuit.rejected': [[{}, 1]],
    'fluxor.circuit.state': [[{}, 3]],
    'fluxor.circuit.transitions': [[{ 'fluxor.from': 'closed', 'fluxor.to': 'forced-open' }, 1]],
  },
  'a call that the rate limit refuses': { 'fluxor.ratelimit.rejected': [[{}, 1]] },
  'a call that gets no connection in time': { 'db.client.connection.timeouts': [[{}, 1]] },
  'a transaction that is committed': {
    'fluxor.transaction.ended': [
      [{ 'fluxor.end': 'committed' }, 1],
      [{ 'fluxor.end': 'rolled-back' }, 0],
      [{ 'fluxor.end': 'lost' }, 0],
      [{ 'fluxor.end': 'unknown' }, 0],
    ],
  },
  'a health check': { 'fluxor.health.up': [[{}, 1]] },
};

export function itTellsEverything({ system, database, secrets, scenario, two }: Observed): void {
  const table = expectedSpans(system, database);

  it.each(SCENARIO_NAMES)('%s: the spans are those of the table, with all of their attributes', async (name) => {
    const { below, beside = [], besideRepeats, ignoresWaits } = table[name];
    const observed = (await scenario(name)).spans;
    const spans = ignoresWaits === true ? withoutWaits(observed) : observed;
    const isApplication = ({ name: root, scope }: ObservedSpan): boolean =>
      root === 'application' && scope === 'application';
    expect(spans.filter(isApplication).map(({ children }) => children)).toEqual(below === undefined ? [] : [below]);
    const others = spans.filter((span) => !isApplication(span));
    if (besideRepeats === undefined) expect(others).toEqual(beside);
    else {
      expect(others.length).toBeGreaterThan(0);
      expect(others).toEqual(others.map(() => beside[0]));
    }
  });

  it.each(SCENARIO_NAMES)('%s: no value, no literal and no secret is anywhere', async (name) => {
    const told = JSON.stringify(await scenario(name));
    for (const hidden of [CANARY, String(CANARY_NUMBER), ...secrets]) expect(told).not.toContain(hidden);
  });

  it.each(SCENARIO_NAMES)(
    '%s: every query is in the durations, and an error is called as on its span',
    async (name) => {
      const { spans, metrics } = await scenario(name);
      const points = metricOf(metrics, 'db.client.operation.duration')?.points ?? [];
      for (const { attributes } of points) {
        const errors = ERRORS.filter((key) => key in attributes);
        expect(Object.keys(attributes).sort()).toEqual([...OPERATION_ATTRIBUTES, ...errors].sort());
      }
      const counted = points.flatMap(({ attributes, count = 0 }) =>
        Array.from({ length: count }, () => errorOf(attributes)),
      );
      const shown = queriesOf(spans).map(({ attributes }) => errorOf(attributes));
      expect(counted.sort()).toEqual(SILENT.includes(name) ? [errorOf({})] : shown.sort());
    },
  );

  it('every instrument is in the table, as it is there, and none is missing', async () => {
    const all = (await Promise.all(SCENARIO_NAMES.map(scenario))).flatMap(ownMetrics);
    const found: Record<string, unknown> = {};
    for (const { name, kind, unit, points } of all) {
      found[name] ??= kind === 'histogram' ? [kind, unit, points[0]?.boundaries] : [kind, unit];
    }
    expect(found).toEqual(EXPECTED_INSTRUMENTS);
    for (const { name, points } of all.filter(({ name: each }) => each !== 'db.client.operation.duration')) {
      const labels = [POOL, ...(EXPECTED_LABELS[name] ?? [])].sort();
      for (const { attributes } of points) expect([name, Object.keys(attributes).sort()]).toEqual([name, labels]);
    }
    for (const { count, counts } of all.flatMap(({ points }) => points)) {
      expect(counts?.reduce((sum, each) => sum + each, 0)).toBe(count);
    }
  });

  it.each(Object.keys(FACTS) as ScenarioName[])('%s: the metrics say so', async (name) => {
    const { metrics } = await scenario(name);
    for (const [metric, points] of Object.entries(FACTS[name] ?? {})) {
      const observed = metricOf(metrics, metric)?.points.map(({ attributes: { [POOL]: pool, ...rest }, value }) => {
        expect(pool).toBe('shop');
        return [rest, value];
      });
      expect([metric, observed]).toEqual([metric, points]);
    }
  });

  it('two runtimes of one process count for themselves, and one that has ended counts nothing', async () => {
    const { both, left, none } = await two();
    const read = (points: TwoRuntimes['both']) => {
      const counts: Record<string, number> = {};
      for (const { attributes, value = 0 } of points) {
        const key = `${String(attributes[POOL])} ${String(attributes['db.client.connection.state'])}`;
        if (value !== 0) counts[key] = value;
      }
      return counts;
    };
    expect(read(both)).toEqual({ 'shop idle': 1, 'shop used': 2, 'store idle': 1, 'store used': 1 });
    expect(read(left)).toEqual({ 'store idle': 1, 'store used': 1 });
    expect(read(none)).toEqual({});
  });
}

function ownMetrics({ metrics }: Observation): ObservedMetric[] {
  return metrics.filter(({ scope }) => scope === 'fluxor-db');
}

function metricOf(metrics: readonly ObservedMetric[], name: string): ObservedMetric | undefined {
  return metrics.find((metric) => metric.scope === 'fluxor-db' && metric.name === name);
}

/** Of statements, and of nothing else. */
function queriesOf(spans: readonly ObservedSpan[]): ObservedSpan[] {
  return spans.flatMap((span) => [
    ...(span.scope === 'fluxor-db' && span.kind === 'CLIENT' && !span.name.startsWith('connect ') ? [span] : []),
    ...queriesOf(span.children),
  ]);
}

function withoutWaits(spans: readonly ObservedSpan[]): ObservedSpan[] {
  return spans
    .filter(({ name }) => name !== 'acquire shop')
    .map((span) => {
      const { 'fluxor.acquire.duration_ms': _waited, ...attributes } = span.attributes;
      return { ...span, attributes, children: withoutWaits(span.children) };
    });
}

function errorOf(attributes: Attributes): string {
  return ERRORS.map((key) => (typeof attributes[key] === 'string' ? attributes[key] : '-')).join(' ');
}
