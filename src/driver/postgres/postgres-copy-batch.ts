/**
 * A batch of a plain insert as one COPY: the server's bulk path. The line that an error names is the set's; where it names
 * none, or COPY refuses the table, the report asks for statements.
 */
import { nextTurn } from '../../kernel/next-turn.js';
import type { InsertPlan } from '../../sql/insert-plan.js';
import type { DriverBatch, DriverBatchResult } from '../batch.js';
import { PostgresBatch } from './postgres-batch.js';
import { copyLine, copyStatement, rowOfCopyError } from './postgres-copy.js';
import type { PgWire } from './postgres-module.js';
import { countOf } from './postgres-statement.js';
import type { StatementSession } from './postgres-statement.js';

/** Codes with which COPY refuses a table before it takes a row: 0A000 (row-level security), 42809 (views), and whatever
 * is wrong with names and rights, which the statement then says in its own words. */
const REFUSALS = /^(?:0A|42)/;

/** A view is refused when the data could begin already. */
const LATE_REFUSALS = /^(?:0A000|42809)$/;

/** A row may be at fault: values, constraints, the application's triggers. */
const ROW_FAULTS = /^(?:2[0-3]|44|54|P0)/;

export class PostgresCopyBatch extends PostgresBatch {
  readonly #plan: InsertPlan;
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
    wire.parse({ text: copyStatement(this.#plan) });
    wire.bind({ values: [] });
    wire.execute();
    wire.flush();
  }

  protected override add(values: readonly unknown[]): void {
    this.writer.addLine(copyLine(values, this.#plan.order));
  }

  protected override complete(wire: PgWire): void {
    wire.endCopyFrom();
  }

  protected override fail(wire: PgWire): void {
    wire.sendCopyFail('the batch was given up');
  }

  protected override locate(error: unknown, code: string): void {
    const { report } = this.batch;
    const row = rowOfCopyError(error, this.#plan);
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

  override handleRowDescription(): void {
    // COPY FROM brings no rows.
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
