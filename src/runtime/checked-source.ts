/** Rows of a stream, checked by a schema page by page; a row that does not fit ends the stream and closes its cursor. */
import type { Field } from '../driver/query.js';
import type { ErrorContext } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { StandardSchema } from './row-schema.js';
import { parseRows } from './row-schema.js';
import type { RowPage, RowSource } from './row-stream.js';

export class CheckedSource implements RowSource {
  readonly #source: RowSource;
  readonly #schema: StandardSchema;
  readonly #whereabouts: ErrorContext;
  #rowsBefore = 0;

  constructor(source: RowSource, schema: StandardSchema, whereabouts: ErrorContext) {
    this.#source = source;
    this.#schema = schema;
    this.#whereabouts = whereabouts;
  }

  get fields(): readonly Field[] {
    return this.#source.fields;
  }

  get isStopped(): boolean {
    return this.#source.isStopped;
  }

  /** @throws QueryError `data`, outcome `applied`, for a row that does not fit; the rows before it on its page are lost with it. */
  async read(): Promise<RowPage> {
    const { rows, isDone } = await this.#source.read();
    try {
      const parsed = await parseRows(this.#schema, rows, this.#rowsBefore);
      this.#rowsBefore += rows.length;
      return { rows: parsed, isDone };
    } catch (error) {
      if (isFluxorError(error)) error.fillContext(this.#whereabouts);
      await this.#source.close().catch(() => undefined);
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  watch(handle: object): void {
    this.#source.watch(handle);
  }
}
