/**
 * EXECUTE, REEXECUTE and FETCH. A call is prepared first (its message read, its cursor found) and run afterwards, so that
 * faults know the SQL of a call that they stop. What an answer looks like depends on the kind of statement:
 * - a query: DESCRIBE the first time and when its columns change, the rows, return parameters, ERROR with 0 or 1403 (end);
 *   LOB, JSON and VECTOR columns bring no rows before the client has said (DEFINE) as what it wants them;
 * - DML: the values of RETURNING, return parameters (with row counts where asked for), ERROR with the rows touched;
 * - PL/SQL: the directions of the binds, the OUT values, implicit results, return parameters, ERROR.
 * More than 300 lines because an execution's message and its answer are one story.
 */
import { randomBytes } from 'node:crypto';
import type { BindSpec, SqlResult, SqlRow, SqlValue } from './backend.js';
import { OraError } from './backend.js';
import type { CallPort, EndOfCall, PreparedCall } from './calls.js';
import { CallError } from './calls.js';
import { DIRECTION, EXECUTE_FLAG_ROW_COUNTS, MESSAGE, OPTION, REEXECUTE_FLAG_COMMIT } from './codec/ttc-codes.js';
import type { BindMeta, BindShape, ExecuteCall, WireValue } from './codec/ttc-read.js';
import { isArrayBind, readBindRows, readExecute, readFetch, readReexecute } from './codec/ttc-read.js';
import { writeDescribe, writeReturnParameters, writeWarning } from './codec/ttc-write.js';
import type { Reader } from './codec/wire.js';
import { Writer } from './codec/wire.js';
import type { Cursor } from './cursors.js';
import type { LobTable } from './lobs.js';
import { OutWriter } from './out-writer.js';
import { RowQueue } from './row-queue.js';
import { RowWriter } from './row-writer.js';
import { oraError } from './session-context.js';
import type { ParsedStatement } from './sql-scan.js';
import { parseStatement } from './sql-scan.js';
import { valueOfBind } from './value-codec.js';
import { stringToRowid, T } from './values.js';

interface Execution {
  readonly autoCommit: boolean;
  readonly batchErrors: boolean;
  readonly wantsRowCounts: boolean;
  readonly fetchRows: number;
  readonly iterations: number;
}

const SQL_TYPES: Readonly<Record<string, number>> = {
  CREATE: 1,
  INSERT: 2,
  SELECT: 3,
  WITH: 3,
  UPDATE: 6,
  DELETE: 7,
  DROP: 12,
  ALTER: 15,
  BEGIN: 47,
  DECLARE: 47,
  MERGE: 189,
};
const NO_DATA_FOUND = 1403;
const DEFINED_FIRST: ReadonlySet<number> = new Set([T.CLOB, T.BLOB, T.JSON, T.VECTOR]);
/** After these the driver keeps its cursor. */
const CONSTRAINTS: ReadonlySet<number> = new Set([1, 1400, 1438, 2290, 2291, 2292, 21525, 40479]);
const WRITES: ReadonlySet<string> = new Set(['dml', 'ddl', 'lock']);

export class Statements {
  readonly #port: CallPort;
  readonly #rows: RowWriter;
  readonly #out: OutWriter;

  constructor(port: CallPort) {
    this.#port = port;
    this.#rows = new RowWriter(port.lobs, port.context.leavesOutEqual);
    this.#out = new OutWriter(port);
  }

  execute(reader: Reader): PreparedCall {
    const { cursors, fieldVersion } = this.#port;
    let parsed: ParsedStatement | null = null;
    const call = readExecute(reader, fieldVersion, (sql, id) => {
      parsed = sql === null ? (cursors.find(id)?.statement ?? null) : parseStatement(sql);
      return shapeOf(parsed, null);
    });
    const cursor = this.#cursorOf(call, parsed);
    this.#port.record({
      op:
        (call.options & OPTION.DEFINE) !== 0
          ? 'define'
          : (call.options & OPTION.EXECUTE) === 0
            ? 'describe'
            : 'execute',
      sql: cursor.statement.sql,
      sqlSent: call.sql !== null,
      cursorId: cursor.id,
      iterations: call.rows.length,
      autoCommit: (call.options & OPTION.COMMIT) !== 0,
    });
    if (call.binds.length > 0) {
      cursor.binds = call.binds;
      cursor.directions = null;
    }
    const { sql } = cursor.statement;
    const fetchRows = (call.options & OPTION.FETCH) !== 0 ? call.fetchRows : 0;
    if (call.defines.length > 0)
      return { point: 'fetch', sql, run: () => this.#define(cursor, call.defines, fetchRows) };
    if ((call.options & (OPTION.EXECUTE | OPTION.PARSE)) === 0 && cursor.rows !== null) {
      // The first fetch of a REF CURSOR is an EXECUTE that executes nothing.
      return { point: 'fetch', sql, run: () => this.#answerRows(new Writer(4096), cursor, fetchRows, false) };
    }
    const forget = (): void => {
      if (call.sql !== null && call.cursorId === 0) cursors.close(cursor.id);
    };
    if ((call.options & OPTION.EXECUTE) === 0) {
      return { point: 'execute', sql, run: () => this.#describe(cursor), forget };
    }
    const execution: Execution = {
      autoCommit: (call.options & OPTION.COMMIT) !== 0,
      batchErrors: (call.options & OPTION.BATCH_ERRORS) !== 0,
      wantsRowCounts: (call.flags & EXECUTE_FLAG_ROW_COUNTS) !== 0,
      fetchRows,
      iterations: call.executions,
    };
    return { point: 'execute', sql, run: () => this.#run(cursor, call.rows, execution), forget };
  }

  reexecute(reader: Reader, fetches: boolean): PreparedCall {
    const { cursorId, count, flags } = readReexecute(reader);
    const cursor = this.#port.cursors.get(cursorId);
    const rows = readBindRows(reader, cursor.binds, shapeOf(cursor.statement, cursor.directions));
    const { sql } = cursor.statement;
    const autoCommit = !fetches && (flags & REEXECUTE_FLAG_COMMIT) !== 0;
    this.#port.record({ op: 'reexecute', sql, sqlSent: false, cursorId, iterations: rows.length, autoCommit });
    const execution: Execution = {
      autoCommit,
      batchErrors: false,
      wantsRowCounts: false,
      fetchRows: fetches ? count : 0,
      iterations: fetches ? 1 : count,
    };
    return { point: 'execute', sql, run: () => this.#run(cursor, rows, execution) };
  }

  fetch(reader: Reader): PreparedCall {
    const { cursorId, count } = readFetch(reader);
    const cursor = this.#port.cursors.get(cursorId);
    const { sql } = cursor.statement;
    this.#port.context.observation.counters.fetches += 1;
    this.#port.record({ op: 'fetch', sql, cursorId, rows: count });
    if (cursor.rows === null) throw new OraError(1002, 'fetch out of sequence');
    return { point: 'fetch', sql, run: () => this.#answerRows(new Writer(16_384), cursor, count, false) };
  }

  /** A statement of the server's own making (a schema set by piggyback). */
  async runPlain(sql: string): Promise<void> {
    const statement = parseStatement(sql);
    await this.#port.sql.execute({ statement, binds: [], rows: [[]], autoCommit: false, batchErrors: false });
  }

  #cursorOf({ sql, cursorId }: ExecuteCall, parsed: ParsedStatement | null): Cursor {
    const { cursors, context } = this.#port;
    if (sql === null) return cursors.get(cursorId);
    context.observation.counters.parses += 1;
    const known = cursors.find(cursorId);
    if (known !== undefined) cursors.close(known.id);
    return cursors.open(parsed ?? parseStatement(sql), known?.id);
  }

  async #define(cursor: Cursor, defines: readonly BindMeta[], fetchRows: number): Promise<Writer> {
    cursor.defines = defines;
    if (fetchRows > 0 && cursor.rows !== null) return this.#answerRows(new Writer(16_384), cursor, fetchRows, false);
    const writer = new Writer();
    this.#port.writeEnd(writer, { cursorId: cursor.id });
    return writer;
  }

  async #describe(cursor: Cursor): Promise<Writer> {
    const writer = new Writer();
    const columns = await this.#orForget(cursor, this.#port.sql.describe(cursor.statement));
    if (cursor.statement.kind === 'query') {
      cursor.columns = columns;
      writeDescribe(writer, columns, this.#port.fieldVersion, randomBytes(16));
    }
    this.#port.writeEnd(writer, { cursorId: cursor.id });
    return writer;
  }

  async #run(cursor: Cursor, wireRows: WireValue[][], execution: Execution): Promise<Writer | null> {
    const { context, lobs, sql } = this.#port;
    const { statement } = cursor;
    context.observation.counters.executions += 1;
    if (context.faults.instance === 'read-only' && WRITES.has(statement.kind)) throw oraError(16000);
    const binds = bindSpecs(cursor);
    const rows = wireRows.map((row) => row.map((value, index) => bindValue(cursor, index, value, lobs)));
    const wanted = statement.kind === 'query' ? 1 : Math.max(1, execution.iterations);
    while (rows.length < wanted) rows.push(new Array<SqlValue>(binds.length).fill(null));
    if (context.guard?.asks(statement) === true) {
      return this.#answerOther(cursor, await context.guard.answer(binds, rows[0] ?? []), execution);
    }
    const autoCommit = execution.autoCommit && statement.kind !== 'query';
    const request = { statement, binds, rows, autoCommit, batchErrors: execution.batchErrors };
    const commits = autoCommit || statement.kind === 'ddl' || statement.kind === 'commit';
    const run = this.#port.transactions.committing(commits, () => sql.execute(request));
    const result = await this.#orForget(cursor, run);
    if (result.currentSchema !== undefined) this.#port.onSchema(result.currentSchema);
    return result.columns === undefined
      ? this.#answerOther(cursor, result, execution)
      : this.#answerQuery(cursor, result, execution.fetchRows);
  }

  /**
   * What fails the first time leaves no cursor, unless a constraint stopped it: then, as with a proven cursor, the client is
   * told its id. (It keeps the cursor after a constraint, and closes it after any other error.)
   */
  async #orForget<Value>(cursor: Cursor, work: Promise<Value>): Promise<Value> {
    try {
      const value = await work;
      cursor.isProven = true;
      return value;
    } catch (error) {
      if (!(error instanceof OraError)) throw error;
      if (cursor.isProven || CONSTRAINTS.has(error.code)) throw new CallError(error, { cursorId: cursor.id });
      this.#port.cursors.close(cursor.id);
      throw error;
    }
  }

  async #answerQuery(cursor: Cursor, { columns = [], rows = [] }: SqlResult, fetchRows: number): Promise<Writer> {
    const writer = new Writer(16_384);
    const shape = JSON.stringify(columns);
    if (shape !== cursor.shape) {
      writeDescribe(writer, columns, this.#port.fieldVersion, randomBytes(16));
      cursor.shape = shape;
      cursor.defines = null;
    }
    cursor.columns = columns;
    cursor.rows?.close();
    cursor.rows = new RowQueue(rows);
    cursor.fetched = 0;
    const waitsForDefine = cursor.defines === null && columns.some(({ type }) => DEFINED_FIRST.has(type));
    return this.#answerRows(writer, cursor, waitsForDefine ? 0 : fetchRows, true);
  }

  async #answerRows(writer: Writer, cursor: Cursor, count: number, isExecution: boolean): Promise<Writer> {
    const taken: readonly SqlRow[] = count > 0 ? ((await cursor.rows?.take(count)) ?? []) : [];
    if (taken.length > 0) this.#rows.write(writer, cursor, taken, count, isExecution);
    cursor.fetched += taken.length;
    if (isExecution) this.#writeReturned(writer, cursor, null, null);
    const isEnded = count > 0 && taken.length < count;
    const end = { cursorId: cursor.id, rowCount: cursor.fetched, sqlType: 3 };
    this.#port.writeEnd(writer, isEnded ? { ...end, code: NO_DATA_FOUND, message: 'ORA-01403: no data found\n' } : end);
    return writer;
  }

  async #answerOther(cursor: Cursor, result: SqlResult, execution: Execution): Promise<Writer | null> {
    const { statement } = cursor;
    const rowCounts = result.rowCounts ?? [];
    if (result.partial !== undefined) {
      const { error, rowCount } = result.partial;
      throw new CallError(error, { cursorId: cursor.id, rowCount });
    }
    const end: EndOfCall = {
      cursorId: cursor.id,
      rowCount: rowCounts.reduce((sum, count) => sum + count, 0),
      batchErrors: result.batchErrors ?? [],
      sqlType: SQL_TYPES[statement.verb] ?? 0,
      rowid: result.rowid === undefined ? null : stringToRowid(result.rowid),
    };
    const writer = new Writer();
    if (result.outDirs !== undefined) this.#out.writeOutBinds(writer, cursor, result);
    const returning = statement.returnBinds.size > 0 ? (result.returning ?? []) : [];
    const flushes = this.#port.context.flushesOutBinds && returning.length > 0;
    const body = flushes ? new Writer() : writer;
    for (const iteration of returning) this.#out.writeReturning(body, cursor, iteration);
    this.#out.writeImplicitResults(body, result.implicitResults ?? []);
    if (result.warning !== undefined) writeWarning(body, result.warning.code, result.warning.message);
    this.#writeReturned(body, cursor, execution.wantsRowCounts ? rowCounts : null, result.currentSchema ?? null);
    this.#port.writeEnd(body, end);
    if (statement.kind === 'ddl') this.#port.cursors.close(cursor.id);
    if (flushes) this.#port.awaitFlush(body);
    return flushes ? writer.u8(MESSAGE.FLUSH_OUT_BINDS) : writer;
  }

  #writeReturned(
    writer: Writer,
    { id }: Cursor,
    rowCounts: readonly number[] | null,
    currentSchema: string | null,
  ): void {
    writeReturnParameters(writer, { scn: this.#port.context.nextScn(), cursorId: id, rowCounts, currentSchema });
  }
}

function shapeOf(statement: ParsedStatement | null, directions: readonly number[] | null): BindShape {
  return {
    isPlsql: statement?.kind === 'plsql',
    hasValue: (index: number): boolean =>
      statement?.returnBinds.has(index) !== true && directions?.[index] !== DIRECTION.OUT,
  };
}

function bindSpecs({ binds, statement }: Cursor): BindSpec[] {
  return binds.map((meta, index) => ({
    name: statement.binds[index] ?? String(index + 1),
    type: meta.type,
    maxSize: meta.maxSize,
    csfrm: meta.csfrm,
    isArray: isArrayBind(meta),
    isReturn: statement.returnBinds.has(index),
  }));
}

function bindValue({ binds }: Cursor, index: number, value: WireValue, lobs: LobTable): SqlValue | SqlValue[] {
  const meta = binds[index];
  return meta === undefined ? null : valueOfBind(meta, value, lobs);
}
