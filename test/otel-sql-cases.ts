/**
 * Test data: the 24 cases of OpenTelemetry's conformance file for SQL, as they stand in the semantic conventions 1.44.0.
 * Origin: https://github.com/open-telemetry/semantic-conventions, docs/non-normative/database-test-cases/
 * db-sql-test-cases.json (last changed in 41bee64). Copyright The OpenTelemetry Authors, Apache License 2.0. Only the form
 * was changed: the fields are renamed, and `db.system.name`, which is other_sql in all of them, is left out.
 */

export interface OtelSqlCase {
  readonly name: string;
  readonly query: string;
  /** Each is a correct `db.query.text`. */
  readonly texts: readonly string[];
  /** `db.query.summary` */
  readonly summary: string;
}

export const OTEL_SQL_CASES: readonly OtelSqlCase[] = [
  {
    name: 'numeric_literal_integers',
    query: 'SELECT 12, -12, +12',
    texts: ['SELECT ?, ?, ?'],
    summary: 'SELECT',
  },
  {
    name: 'numeric_literal_with_decimal_point',
    query: 'SELECT 12.34, -12.34, +12.34, .01, -.01',
    texts: ['SELECT ?, ?, ?, ?, ?'],
    summary: 'SELECT',
  },
  {
    name: 'numeric_literal_exponential',
    query: 'SELECT 12.34e56, -12.34e56, +12.34e56',
    texts: ['SELECT ?, ?, ?'],
    summary: 'SELECT',
  },
  {
    name: 'numeric_literal_negative_exponential',
    query: 'SELECT 12.34e-56, -12.34e-56, +12.34e-56',
    texts: ['SELECT ?, ?, ?'],
    summary: 'SELECT',
  },
  {
    name: 'arithmetic_on_numeric_literals',
    query: 'SELECT 99+100',
    texts: ['SELECT ??'],
    summary: 'SELECT',
  },
  {
    name: 'hex_literal',
    query: 'SELECT 0xDEADBEEF, 0XdeadBEEF',
    texts: ['SELECT ?, ?'],
    summary: 'SELECT',
  },
  {
    name: 'string_literal',
    query: "SELECT 'hello'",
    texts: ['SELECT ?'],
    summary: 'SELECT',
  },
  {
    name: 'string_literal_escaped_single_quote',
    query: "SELECT 'My name''s not important'",
    texts: ['SELECT ?'],
    summary: 'SELECT',
  },
  {
    name: 'string_with_embedded_newline',
    query: "SELECT 'My name is \n not important'",
    texts: ['SELECT ?'],
    summary: 'SELECT',
  },
  {
    name: 'numbers_in_identifiers',
    query: 'SELECT c3po, r2d2 FROM covid19 WHERE n1h1=1234',
    texts: ['SELECT c3po, r2d2 FROM covid19 WHERE n1h1=?'],
    summary: 'SELECT covid19',
  },
  {
    name: 'periods_in_identifiers',
    query: 'SELECT a FROM dbo.Table JOIN dbo.AnotherTable',
    texts: ['SELECT a FROM dbo.Table JOIN dbo.AnotherTable'],
    summary: 'SELECT dbo.Table dbo.AnotherTable',
  },
  {
    name: 'insert_into',
    query: 'INSERT INTO X VALUES(1, 23456, 123.456, 99+100)',
    texts: ['INSERT INTO X VALUES(?, ?, ?, ??)'],
    summary: 'INSERT X',
  },
  {
    name: 'uuid',
    query: "SELECT { guid '01234567-89ab-cdef-0123-456789abcdef' }",
    texts: ['SELECT { guid ? }'],
    summary: 'SELECT',
  },
  {
    name: 'in_clause',
    query: "SELECT * FROM table WHERE value IN (123, 456, 'abc')",
    texts: ['SELECT * FROM table WHERE value IN (?)', 'SELECT * FROM table WHERE value IN (?, ?, ?)'],
    summary: 'SELECT table',
  },
  {
    name: 'comments',
    query: 'SELECT column -- end of line comment\nFROM /* block \n comment */ table',
    texts: ['SELECT column \nFROM  table'],
    summary: 'SELECT table',
  },
  {
    name: 'insert_into_select',
    query:
      'INSERT INTO shipping_details\n(order_id,\naddress)\nSELECT order_id,\naddress\nFROM   orders\nWHERE  order_id = 1',
    texts: [
      'INSERT INTO shipping_details\n(order_id,\naddress)\nSELECT order_id,\naddress\nFROM   orders\nWHERE  order_id = ?',
    ],
    summary: 'INSERT shipping_details SELECT orders',
  },
  {
    name: 'select_nested_query',
    query: 'SELECT order_date\nFROM   (SELECT *\nFROM   orders o\nJOIN customers c\nON o.customer_id = c.customer_id)',
    texts: [
      'SELECT order_date\nFROM   (SELECT *\nFROM   orders o\nJOIN customers c\nON o.customer_id = c.customer_id)',
    ],
    summary: 'SELECT SELECT orders customers',
  },
  {
    name: 'select_nested_query_case_preserved',
    query: 'SELEcT order_date\nFROM   (sELECT *\nFROM   orders o\nJOIN customers c\nON o.customer_id = c.customer_id)',
    texts: [
      'SELEcT order_date\nFROM   (sELECT *\nFROM   orders o\nJOIN customers c\nON o.customer_id = c.customer_id)',
    ],
    summary: 'SELEcT sELECT orders customers',
  },
  {
    name: 'case_preserved',
    query: 'SELEcT order_date\nFROM ORders',
    texts: ['SELEcT order_date\nFROM ORders'],
    summary: 'SELEcT ORders',
  },
  {
    name: 'cross_join',
    query: 'SELECT * FROM Orders o CROSS JOIN OrderDetails od',
    texts: ['SELECT * FROM Orders o CROSS JOIN OrderDetails od'],
    summary: 'SELECT Orders OrderDetails',
  },
  {
    name: 'cross_join_comma_separated_syntax',
    query: 'SELECT * FROM Orders o, OrderDetails od',
    texts: ['SELECT * FROM Orders o, OrderDetails od'],
    summary: 'SELECT Orders OrderDetails',
  },
  {
    name: 'create_table',
    query: 'CREATE  TABLE MyTable (\n    ID NOT NULL IDENTITY(1,1) PRIMARY KEY\n)',
    texts: ['CREATE  TABLE MyTable (\n    ID NOT NULL IDENTITY(?,?) PRIMARY KEY\n)'],
    summary: 'CREATE TABLE MyTable',
  },
  {
    name: 'alter_table',
    query: 'ALTER  TABLE MyTable ADD Name varchar(255)',
    texts: ['ALTER  TABLE MyTable ADD Name varchar(?)'],
    summary: 'ALTER TABLE MyTable',
  },
  {
    name: 'drop_table',
    query: 'DROP  TABLE MyTable',
    texts: ['DROP  TABLE MyTable'],
    summary: 'DROP TABLE MyTable',
  },
];
