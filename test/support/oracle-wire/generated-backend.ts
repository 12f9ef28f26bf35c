/**
 * The backend of a server in a process of its own, whose script cannot be sent: it makes what it is asked for.
 * `SELECT … FROM GENERATED WHERE N <= 100000` gives so many rows (N, TEXT), made one by one; any DML touches one row for
 * each iteration; any other statement is done.
 */
import type { SqlRow } from './backend.js';
import { rows, ScriptedBackend, touched } from './scripted-backend.js';
import { T } from './values.js';

export function openBackend(): ScriptedBackend {
  return new ScriptedBackend()
    .when(/./, {})
    .when(/^\s*(INSERT|UPDATE|DELETE|MERGE)\b/i, touched())
    .when(/FROM\s+GENERATED\b/i, ({ statement, rows: [binds = []] }) => {
      const written = /N\s*<=\s*(\d+)/i.exec(statement.sql)?.[1];
      return rows({ N: T.NUMBER, TEXT: T.VARCHAR }, generated(Number(written ?? binds[0] ?? 1)));
    })
    .when(/^\s*SELECT\s+1\s+FROM\s+DUAL\s*$/i, rows({ '1': T.NUMBER }, [[1]]));
}

function* generated(count: number): Generator<SqlRow> {
  for (let n = 1; n <= count; n++) yield [n, `row ${n}`];
}
