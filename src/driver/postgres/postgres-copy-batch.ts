/**
 * A batch of a plain insert as one COPY: the server's bulk path. The line that an error names is the set's; where it names
 * none, or COPY refuses the table or cannot say a value, the report asks for statements.
 *
 *     Parse and Describe of the columns, Parse, Bind, Execute, Flush │ CopyData … , CopyDone, Sync
 */
import { nextTurn } from '../../kernel/next-turn.js';
import { QueryError } from '../../errors/query-error.js';
import type { InsertPlan } from '../../sql/insert-plan.js';
import type { DriverBatch, DriverBatchResult } from '../batch.js';
import { PostgresBatch } from './postgres-batch.js';
import { columnsStatement, copyLine, copyStatement, hasBytesElsewhere, rowOfCopyError } from './postgres-copy.js';
import type { PgWire } from './postgres-module.js';
import type { WireField } from './postgres-rows.js';
import { countOf } from './postgres-statement.js';
import type { StatementSession } from './postgres-statement.js';

/** Codes with which COPY refuses a table before it takes a row: 0A000 (row-level security), 42809 (views), and whatever
 * is wrong with names and rights, which the statement then says in its own words. */
const REFUSALS = /^(?:0A|42)/;

/** A view is refused when the data could begin already. */
const LATE_REFUSALS = /^(?:0A000|42809)$/;

/**
 * The row does not fit its page. Rows are gathered by the server and written many at once, and the line it names is the one
 * it has read last. (PostgreSQL 18, `heap_multi_insert` in copyfrom.c)
 */
const WRONG_LINE = '54000';

/** A row may be at fault: values, constraints, the application's triggers. */
const ROW_FAULTS = /^(?:2[0-3]|44|54|P0)/;

export class PostgresCopyBatch extends PostgresBatch {
  readonly #plan: InsertPlan;
  /** The columns' types, by their OIDs. Known before the first set is drawn. */
  #types: readonly number[] = [];
  #isCopying = false;
  #count = 0;

  constructor(
    session: StatementSession,
    batch: DriverBatch & { readonly bulk: InsertPlan },
    resolve: (result: DriverBatchResult) => void,
    reject: (error: unknown) => void,
  ) {
    super(session, batch, resolve, reject);
    this.#plan = batch.bulk;
  }

  protected override open(wire: PgWire): void {
    wire.parse({ text: columnsStatement(this.#plan) });
    wire.describe({ type: 'S' });
    wire.parse({ text: copyStatement(this.#plan) });
    wire.bind({ values: [] });
    wire.execute();
    wire.flush();
  }

  protected override add(values: readonly unknown[]): void {
    const { order } = this.#plan;
    if (hasBytesElsewhere(values, order, this.#types)) {
      this.batch.report.wantsStatements = true;
      throw bytesElsewhereError();
    }
    this.writer.addLine(copyLine(values, order));
  }

  protected override complete(wire: PgWire): void {
    wire.endCopyFrom();
  }

  protected override fail(wire: PgWire): void {
    wire.sendCopyFail('the batch was given up');
  }

  protected override locate(error: unknown, code: string): void {
    const { report } = this.batch;
    const row = code === WRONG_LINE ? undefined : rowOfCopyError(error, this.#plan);
    if (row !== undefined && row < this.written) report.failedSet = row;
    const isRefused = this.#isCopying ? LATE_REFUSALS.test(code) : REFUSALS.test(code);
    report.wantsStatements = report.failedSet === undefined && (isRefused || ROW_FAULTS.test(code));
  }

  /** A refusal that comes late comes at once: before a set is drawn, whoever can be read but once can still be read. */
  override handleCopyInResponse(wire: PgWire): void {
    this.#isCopying = true;
    void nextTurn().then(() => this.pump(wire));
  }

  override handleCommandComplete({ text }: { readonly text: string }): void {
    this.#count = countOf(text);
  }

  /** Of the columns; COPY FROM itself brings no rows. */
  override handleRowDescription({ fields }: { readonly fields: readonly WireField[] }): void {
    this.#types = fields.map(({ dataTypeID }) => dataTypeID);
  }

  override handleDataRow(): void {
    // COPY FROM brings no rows.
  }

  protected override unreadable(): undefined {
    return undefined;
  }

  protected override result(): DriverBatchResult {
    return { mode: 'copy', rows: [], fields: [], rowsAffected: this.#count, affected: undefined, command: 'COPY' };
  }
}

/** For whoever must go by COPY, or has drawn sets that cannot be drawn again. */
function bytesElsewhereError(): QueryError {
  const text = "a set has bytes for a column that is no bytea, which COPY cannot take; mode: 'statements' can";
  return new QueryError('data', text, { outcome: 'not-sent', breaker: 'ignore' });
}
