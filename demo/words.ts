/**
 * The few phrases in which the databases of the demo differ; all else that it says is SQL that each of them reads. Used by cities.ts and
 * workload.ts.
 */
import type { Dialect } from 'fluxor-db';

export interface Words {
  /** Types whose values come back as JavaScript numbers: integers of nine digits, and floats. */
  readonly integer: string;
  readonly float: string;
  /** Up to 200 characters. */
  readonly text: string;
  /** At the end of a query. */
  limit(rows: number): string;
  /** Tells the planner what is in the table. */
  analyze(table: string): string;
}

const STANDARD: Words = {
  integer: 'integer',
  float: 'double precision',
  text: 'varchar(200)',
  limit: (rows) => `limit ${rows}`,
  analyze: (table) => `analyze ${table}`,
};

export const WORDS: Readonly<Record<Dialect, Words>> = {
  postgres: STANDARD,
  mysql: { ...STANDARD, analyze: (table) => `analyze table ${table}` },
  oracle: {
    // Of INTEGER and DOUBLE PRECISION Oracle makes NUMBERs that come back as text.
    integer: 'number(9)',
    float: 'binary_double',
    text: 'varchar2(200 char)',
    limit: (rows) => `fetch first ${rows} rows only`,
    analyze: (table) => `begin dbms_stats.gather_table_stats(user, '${table.toUpperCase()}'); end;`,
  },
};
