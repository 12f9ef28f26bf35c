/**
 * A batch as one prepared statement and a Bind and Execute for each set, none of which waits for the one before. The answers
 * that came before an error tell which set it is about.
 *
 *     Parse, Describe statement, (Bind, Execute) for each set … , Sync
 */
import type { DriverBatchResult } from '../batch.js';
import { PostgresBatch } from './postgres-batch.js';
import type { PgWire } from './postgres-module.js';
import type { WireField, WireRow } from './postgres-rows.js';
import { noColumns, RowReader } from './postgres-rows.js';
import { CHANGING_COMMANDS, commandOf, countOf } from './postgres-statement.js';
import { encodeValue } from './postgres-types.js';

/** A name that nobody prepares under: naming it is an error, which undoes the implicit transaction. */
const NO_SUCH_STATEMENT = 'fluxor_batch_given_up';

export class PostgresStatementBatch extends PostgresBatch {
  #reader: RowReader | undefined;
  readonly #rows: unknown[] = [];
  readonly #affected: number[] = [];
  #sum = 0;
  #command = '';
  #unreadable: { readonly error: unknown } | undefined;

  protected override open(wire: PgWire): void {
    wire.parse({ text: this.batch.text });
    wire.describe({ type: 'S' });
    void this.pump(wire);
  }

  protected override add(values: readonly unknown[]): void {
    this.writer.addBindAndExecute(values.map(encodeValue));
  }

  protected override complete(): void {
    // The Sync is all.
  }

  protected override fail(wire: PgWire): void {
    wire.bind({ statement: NO_SUCH_STATEMENT, values: [] });
  }

  /** As many sets as were completed came before it. When all were, it is COMMIT that failed, and no set alone. */
  protected override locate(_error: unknown, code: string): void {
    const completed = this.#affected.length;
    const isAboutText = completed === 0 && (code.startsWith('42') || code.startsWith('0A'));
    const isAboutAll = completed === this.written && this.batch.report.isEnding;
    if (!isAboutText && !isAboutAll) this.batch.report.failedSet = completed;
  }

  override handleRowDescription({ fields }: { readonly fields: readonly WireField[] }): void {
    this.#reader = new RowReader(fields, this.session.decoders);
  }

  override handleDataRow({ fields }: { readonly fields: WireRow }): void {
    if (this.#unreadable !== undefined || this.#reader === undefined) return;
    try {
      this.#rows.push(this.batch.rowMode === 'array' ? this.#reader.toArray(fields) : this.#reader.toObject(fields));
    } catch (error) {
      this.#unreadable = { error };
    }
  }

  override handleCommandComplete({ text }: { readonly text: string }): void {
    this.#command = commandOf(text);
    const count = CHANGING_COMMANDS.has(this.#command) ? countOf(text) : 0;
    this.#affected.push(count);
    this.#sum += count;
  }

  override handleEmptyQuery(): void {
    this.#affected.push(0);
  }

  /** A COPY written as a statement has nobody to bring the data. */
  override handleCopyInResponse(wire: PgWire): void {
    wire.sendCopyFail('COPY … FROM STDIN cannot be run as a statement');
  }

  protected override unreadable(): { readonly error: unknown } | undefined {
    return this.#unreadable;
  }

  protected override result(): DriverBatchResult {
    const { fields } = this.#reader ?? noColumns();
    return {
      mode: 'statements',
      rows: this.#rows,
      fields,
      rowsAffected: this.#sum,
      affected: this.#affected,
      command: this.#command,
    };
  }
}
