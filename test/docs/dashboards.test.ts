/** The dashboard and the alert rules ask for metrics and labels that there are, and the guide says what each alert means. */
import { describe, expect, it } from 'vitest';
import { METRICS } from '../../src/monitor/metric-table.js';
import { codeWords, readDoc, sectionOf, tableRows } from './markdown.js';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
}

const dashboard = JSON.parse(readDoc('dashboards/fluxor.json')) as Dashboard;
const alerts = readDoc('dashboards/alerts.yml');
const targets = dashboard.panels.flatMap(({ targets = [] }) => targets);
/** Names of series, with the labels that they have. */
const SERIES = new Map(
  METRICS.flatMap(({ prometheus, type, labels }): [string, readonly string[]][] => {
    const own = ['pool', ...labels];
    if (type !== 'histogram') return [[prometheus, own]];
    return [
      [`${prometheus}_bucket`, [...own, 'le']],
      [`${prometheus}_sum`, own],
      [`${prometheus}_count`, own],
    ];
  }),
);

const seriesIn = (text: string): string[] => text.match(/\bdb_[a-z_]+/g) ?? [];

describe('the dashboard', () => {
  it('has its rows and variables', () => {
    expect(dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title)).toEqual([
      ...['Status', 'Pool', 'Wait / timeouts', 'Latency heatmap', 'Errors', 'Breaker / limiter'],
    ]);
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['datasource', 'pool']);
    expect(JSON.stringify(dashboard.templating.list[1]?.query)).toContain('label_values(db_pool_info, pool)');
  });

  it('asks for series that there are, of the pools that were chosen, and leaves no metric out', () => {
    const asked = targets.flatMap(({ expr }) => seriesIn(expr));
    expect(asked.filter((name) => !SERIES.has(name))).toEqual([]);
    const unchosen = targets.filter(
      ({ expr }) => (expr.match(/\{pool=~"\$pool"/g) ?? []).length !== seriesIn(expr).length,
    );
    expect(unchosen).toEqual([]);
    const shown = (name: string): boolean => asked.some((one) => one === name || one.startsWith(`${name}_`));
    expect(METRICS.map(({ prometheus }) => prometheus).filter((name) => !shown(name))).toEqual([]);
  });

  it('groups and writes legends by labels that the series have', () => {
    for (const { expr, legendFormat } of targets) {
      const labels = new Set(seriesIn(expr).flatMap((name) => SERIES.get(name) ?? []));
      const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(', '));
      const matched = [...expr.matchAll(/[{,](\w+)(?:=~|!~|!=|=)/g)].map(([, name]) => name ?? '');
      const written = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name ?? '');
      expect([...grouped, ...matched, ...written].filter((name) => !labels.has(name))).toEqual([]);
      // What was summed away cannot be in the legend.
      if (grouped.length > 0) expect(written.filter((name) => !grouped.includes(name))).toEqual([]);
    }
  });

  it('has every panel once, in a place of its own', () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { h, w, x, y } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
    const elsewhere = panels.filter(({ type, datasource }) => type !== 'row' && datasource?.uid !== '${datasource}');
    expect(elsewhere).toEqual([]);
  });
});

describe('the alert rules', () => {
  const rules = alerts.split(/^ {6}- alert: /m).slice(1);
  const names = rules.map((rule) => rule.split('\n')[0]);

  it('ask for series that there are', () => {
    expect(seriesIn(alerts).filter((name) => !SERIES.has(name))).toEqual([]);
  });

  it('each say how bad it is, what it means and what to do', () => {
    expect(rules.length).toBe(7);
    for (const rule of rules) {
      expect(rule).toMatch(/severity: (warning|critical)\n/);
      for (const part of ['summary: ', 'description: ', 'runbook: >-']) expect(rule).toContain(`          ${part}`);
    }
  });

  it('are explained in the guide, in their order', () => {
    const rows = tableRows(sectionOf(readDoc('docs/guide/prometheus.md'), 'Alerts'));
    expect(rows.map(([name = '']) => codeWords(name)[0])).toEqual(names);
  });
});
