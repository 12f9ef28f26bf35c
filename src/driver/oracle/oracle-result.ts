/**
 * One statement, from its values to its result: binds, the execution, all of its rows, what LOBs, OUT binds and cursors bring.
 *
 * So many rows come with the answer to the execution that a small result takes one round trip. Of a query that has been small before,
 * the library brings all rows with one call in the place of three; others are read by the room from a result set, page by page.
 * Invariants: a result set is closed whatever happens; no option is left to the settings of the process.
 */
import { firstWord } from '../../sql/first-words.js';
import type { DriverQuery, DriverResult, Field } from '../query.js';
import type { BindFacts, BindPlan, OutBind } from './oracle-binds.js';
import { bindsOf } from './oracle-binds.js';
import { letGo } from './oracle-leftovers.js';
import { isLob, readLob } from './oracle-lobs.js';
import type { OracleExecuteOptions, OracleModule, OracleResult, OracleResultSet } from './oracle-module.js';
import { outDecoderOf } from './oracle-out-values.js';
import type { OraclePort } from './oracle-port.js';
import { OracleImplicitResult, OracleRefCursor } from './oracle-ref-cursor.js';
import { SMALL_RESULT } from './oracle-readers.js';
import { oraNumberOf } from './oracle-room-errors.js';
import { OracleRowSource, readRows } from './oracle-row-source.js';
import { oraName } from './oracle-server-error.js';
import { fetchTypeHandlerFor } from './oracle-types.js';

/** They come with the answer to the execution. One more than a page of most programs: then it is known that there are no more. */
const FETCH_ROWS = SMALL_RESULT;
const PREFETCH_ROWS = FETCH_ROWS + 1;
/** Of each further round trip of a query that has been small, and is not any more. */
const ROWS_AT_ONCE = 1_000;

const NO_ROWS: readonly unknown[] = [];
const NO_FIELDS: readonly Field[] = [];

/** The statements that the client library runs as PL/SQL. */
const PROGRAMS: ReadonlySet<string> = new Set(['BEGIN', 'DECLARE', 'CALL']);

/** `  select …` → `SELECT`. */
export function verbOf(text: string): string {
  const verb = /^\s*([a-z]+)\b/i.exec(text)?.[1] ?? firstWord('oracle', text);
  return verb.toUpperCase();
}

/** The statements whose rows the library may bring by itself. */
const QUERIES: ReadonlySet<string> = new Set(['SELECT', 'WITH']);

export function isProgram(verb: string): boolean {
  return PROGRAMS.has(verb);
}

export function bindFactsOf(port: OraclePort, verb: string): BindFacts {
  const isPlSql = isProgram(verb);
  return { module: port.module, isProgram: isPlSql, hasBoolean: isPlSql || port.hasSqlBoolean };
}

/** Every option that the settings of the process would stand for otherwise. `rows` of the first round trip. */
export function executeOptionsFor(port: OraclePort, autoCommit: boolean, rows = FETCH_ROWS): OracleExecuteOptions {
  return {
    autoCommit,
    resultSet: true,
    outFormat: port.module.OUT_FORMAT_ARRAY,
    fetchTypeHandler: fetchTypeHandlerFor(port.types, port.module),
    fetchArraySize: rows,
    prefetchRows: rows === FETCH_ROWS ? PREFETCH_ROWS : rows,
    maxRows: 0,
    dbObjectAsPojo: true,
  };
}

/** The library takes an empty text for a cursor that is closed. The server says what it is: no statement. */
export function sentText(text: string): string {
  return text === '' ? ' ' : text;
}

/**
 * Runs `query`. `autoCommit`: it is a transaction of its own, and commits when it has succeeded.
 *
 * @throws QueryError for values that cannot be sent or read; otherwise the library's own error.
 */
export async function executeQuery(port: OraclePort, query: DriverQuery, autoCommit: boolean): Promise<DriverResult> {
  const verb = verbOf(query.text);
  const plan = bindsOf(query.values, bindFactsOf(port, verb));
  const isSmall = QUERIES.has(verb) && port.readers.isSmall(query.text);
  const options = executeOptionsFor(port, autoCommit);
  const whole = { resultSet: false, fetchArraySize: ROWS_AT_ONCE };
  const chosen = isSmall ? { ...options, ...whole } : options;
  const raw = await port.call((client) => client.execute(sentText(query.text), plan.binds, chosen));
  return resultOf(port, raw, query, plan, verb);
}

/** What the library has answered, read to its end. `verb` in upper case. */
export async function resultOf(
  port: OraclePort,
  raw: OracleResult,
  { text, rowMode }: Pick<DriverQuery, 'text' | 'rowMode'>,
  plan: BindPlan,
  verb: string,
): Promise<DriverResult> {
  const { metaData: metadata } = raw;
  if (raw.rows !== undefined && metadata !== undefined) {
    const reader = port.readers.readerOf(text, metadata);
    const rows = await readRows(port, reader, raw.rows as unknown[][], { rowMode, metadata });
    port.readers.note(text, rows.length);
    return { rows, fields: reader.fields, rowsAffected: 0, command: 'SELECT' };
  }
  if (raw.resultSet !== undefined) {
    const source = new OracleRowSource(port, raw.resultSet, rowMode);
    const { rows } = await source.readAll();
    port.readers.note(text, rows.length);
    return { rows, fields: source.fields, rowsAffected: 0, command: 'SELECT' };
  }
  const { outBinds, resultSets } = await returnedOf(port, raw, rowMode, plan);
  const [first] = resultSets;
  return {
    rows: first?.rows ?? NO_ROWS,
    fields: first?.fields ?? NO_FIELDS,
    rowsAffected: raw.rowsAffected ?? 0,
    command: verb,
    ...(resultSets.length === 0 ? undefined : { resultSets }),
    ...(outBinds === undefined ? undefined : { outBinds }),
    ...(raw.warning === undefined ? undefined : { warning: warningText(raw.warning) }),
  };
}

/** What a program, or RETURNING INTO, gives back. Where one part cannot be read, nothing of the others stays open. */
async function returnedOf(port: OraclePort, raw: OracleResult, rowMode: 'object' | 'array', plan: BindPlan) {
  const named: [string, unknown][] = [];
  try {
    const values = (raw.outBinds ?? []) as readonly unknown[];
    for (const [at, out] of plan.outs.entries()) named.push([out.name, await readOut(port, values[at], out, rowMode)]);
    const resultSets = await implicitResultsOf(port, raw, rowMode);
    return { outBinds: plan.outs.length === 0 ? undefined : Object.fromEntries(named), resultSets };
  } catch (error) {
    const given = named.map(([, value]) => value);
    letGo(port, [given, raw.outBinds, raw.implicitResults]);
    throw error;
  }
}

/** ORA-24344: a procedure, view or trigger that does not compile is kept as it is. */
const COMPILED_WITH_ERRORS = 24_344;

function warningText(warning: Error): string {
  const number = oraNumberOf(warning);
  if (number === COMPILED_WITH_ERRORS)
    return 'created with compilation errors (ORA-24344), which USER_ERRORS has; it cannot be run like that';
  return number === undefined ? 'the server has warned' : `the server has warned (${oraName(number)})`;
}

async function implicitResultsOf(
  port: OraclePort,
  { implicitResults = [] }: OracleResult,
  rowMode: 'object' | 'array',
): Promise<OracleImplicitResult[]> {
  const results: OracleImplicitResult[] = [];
  for (const native of implicitResults) {
    results.push(await OracleImplicitResult.read(port, native as OracleResultSet, rowMode));
  }
  return results;
}

/** Of RETURNING INTO and index-by tables, an array. */
export async function readOut(
  port: OraclePort,
  value: unknown,
  out: OutBind,
  rowMode: 'object' | 'array',
): Promise<unknown> {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) {
    const values: unknown[] = [];
    for (const one of value) values.push(await readOut(port, one, out, rowMode));
    return values;
  }
  if (isLob(value, port)) return readLob(port, value);
  if (isResultSet(value, port.module)) return OracleRefCursor.open(port, value, rowMode, port.types.readAhead);
  return outDecoderOf(out.type, port)(value);
}

function isResultSet(value: unknown, module: OracleModule): value is OracleResultSet {
  return value instanceof module.ResultSet;
}
