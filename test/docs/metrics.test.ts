/** docs/reference/metrics.md lists every metric of the table in the code, as it is, and no other. */
import { describe, expect, it } from 'vitest';
import { METRICS } from '../../src/monitor/metric-table.js';
import { OPERATIONS } from '../../src/sql/operation.js';
import { codeWords, readDoc, sectionOf, tableRows } from './markdown.js';

const document = readDoc('docs/reference/metrics.md');

describe('the reference of the metrics', () => {
  it('has every metric with its type, unit, names and labels, in the order of the code', () => {
    const said = tableRows(document)
      .filter(([name = '']) => name.startsWith('`db.') && !name.includes(','))
      .filter((row) => row.length === 7)
      .map(([name = '', type, unit = '', labels = '', prometheus = '', otel = '', help]) => ({
        name: codeWords(name)[0],
        type,
        unit: codeWords(unit)[0],
        labels: codeWords(labels),
        prometheus: codeWords(prometheus)[0],
        otel: codeWords(otel)[0],
        help,
      }));
    const table = METRICS.map(({ name, type, unit, labels, prometheus, otel, help }) => {
      return { name, type, unit, labels, prometheus, otel: otel?.name, help };
    });
    expect(said).toEqual(table);
  });

  it('names every operation', () => {
    const row = tableRows(sectionOf(document, 'What the labels can be')).find(([label]) => label === '`op`');
    expect(codeWords(row?.[2] ?? '')).toEqual([...OPERATIONS]);
  });
});
