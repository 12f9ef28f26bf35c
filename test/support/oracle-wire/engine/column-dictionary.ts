/**
 * What a row description does not say: the domain of a table's column, whether it may be NULL, whether it is JSON. Looked up
 * once, and remembered until somebody defines something.
 */
import type { Column } from '../backend.js';
import { columnOf } from './column-types.js';
import type { EngineShared } from './engine-shared.js';
import type { EngineField, EngineResult } from './pg-link.js';

export async function describeFields(
  fields: readonly EngineField[],
  { columns }: EngineShared,
  run: (text: string) => Promise<EngineResult>,
): Promise<Column[]> {
  const unknown = fields.filter(({ tableId, columnId }) => tableId !== 0 && !columns.has(`${tableId}:${columnId}`));
  if (unknown.length > 0) {
    const tables = [...new Set(unknown.map(({ tableId }) => tableId))].join();
    const { rows } = await run(
      `SELECT a.attrelid, a.attnum, t.typname, a.atttypmod, a.attnotnull, EXISTS (SELECT FROM pg_constraint k
         WHERE k.conrelid = a.attrelid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum] AND pg_get_constraintdef(k.oid) LIKE '%is_json%'),
         a.attcollation = (SELECT oid FROM pg_collation WHERE collname = 'C' AND collnamespace = 'pg_catalog'::regnamespace)
       FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid WHERE a.attrelid IN (${tables})`,
    );
    for (const [table, column, type, typeMod, notNull, json, national] of rows) {
      const declared = {
        type: type ?? '',
        typeMod: Number(typeMod),
        notNull: notNull === 't',
        json: json === 't',
        national: national === 't',
      };
      columns.set(`${table}:${column}`, declared);
    }
  }
  return fields.map((field) => columnOf(field, columns.get(`${field.tableId}:${field.columnId}`)));
}
