/** OpenTelemetry's own cases: every summary is theirs, and where a fingerprint differs from their text, here is why. */
import { describe, expect, it } from 'vitest';
import { OTEL_SQL_CASES } from '../../test/otel-sql-cases.js';
import type { Dialect } from './dialect.js';
import { fingerprint } from './fingerprint.js';
import { summarise } from './summary.js';

const ALL: readonly Dialect[] = ['postgres', 'mysql', 'oracle'];

const ONE_LINE = 'whitespace is one space, so that a statement has one fingerprint however it is laid out';
const SIGN_KEPT = 'the operator stays: a sum and two values side by side are different shapes';

/** Deliberate differences, by the case's name: our fingerprint and the reason. */
const DIFFERENCES: Readonly<Record<string, readonly [fingerprint: string, reason: string]>> = {
  arithmetic_on_numeric_literals: ['SELECT ?+?', SIGN_KEPT],
  insert_into: ['INSERT INTO X VALUES(?, ?, ?, ?+?)', SIGN_KEPT],
  comments: ['SELECT column FROM table', ONE_LINE],
  insert_into_select: [
    'INSERT INTO shipping_details (order_id, address) SELECT order_id, address FROM orders WHERE order_id = ?',
    ONE_LINE,
  ],
  select_nested_query: [
    'SELECT order_date FROM (SELECT * FROM orders o JOIN customers c ON o.customer_id = c.customer_id)',
    ONE_LINE,
  ],
  select_nested_query_case_preserved: [
    'SELEcT order_date FROM (sELECT * FROM orders o JOIN customers c ON o.customer_id = c.customer_id)',
    ONE_LINE,
  ],
  case_preserved: ['SELEcT order_date FROM ORders', ONE_LINE],
  create_table: [
    'CREATE TABLE MyTable ( ID NOT NULL IDENTITY(?) PRIMARY KEY )',
    `${ONE_LINE}; and lists of values fold, whoever's arguments they are`,
  ],
  alter_table: ['ALTER TABLE MyTable ADD Name varchar(?)', ONE_LINE],
  drop_table: ['DROP TABLE MyTable', ONE_LINE],
};

describe.each(ALL)('OpenTelemetry’s cases (%s)', (dialect) => {
  it.each(OTEL_SQL_CASES)('$name: the summary is the one of the conventions', ({ query, summary }) => {
    expect(summarise(dialect, query)).toBe(summary);
  });

  it.each(OTEL_SQL_CASES)(
    '$name: the fingerprint is one of their texts, or differs as listed',
    ({ name, query, texts }) => {
      const difference = DIFFERENCES[name];
      const ours = fingerprint(dialect, query);
      if (difference === undefined) expect(texts).toContain(ours);
      else {
        expect(ours).toBe(difference[0]);
        expect(texts).not.toContain(ours);
      }
    },
  );
});

it('has no difference listed for a case that is not there', () => {
  expect(OTEL_SQL_CASES).toHaveLength(24);
  const names = OTEL_SQL_CASES.map(({ name }) => name);
  expect(Object.keys(DIFFERENCES).filter((name) => !names.includes(name))).toEqual([]);
});
