/** Rows of a stream, checked by a schema page by page; a row that does not fit ends the stream and closes its cursor. */
import type { ErrorContext } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { StandardSchema } from './row-schema.js';
import { parseRows } from './row-schema.js';
import type { RowPage, RowSource } from './row-stream.js';
import { SourceAround } from './source-around.js';

export class CheckedSource extends SourceAround {
  readonly #schema: StandardSchema;
  readonly #whereabouts: ErrorContext;
  #rowsBefore = 0;

  constructor(source: RowSource, schema: StandardSchema, whereabouts: ErrorContext) {
    super(source);
    this.#schema = schema;
    this.#whereabouts = whereabouts;
  }

  /** @throws QueryError `data`, outcome `applied`, for a row that does not fit; the rows before it on its page are lost with it. */
  override async read(): Promise<RowPage> {
    const { rows, isDone } = await this.inner.read();
    try {
      const parsed = await parseRows(this.#schema, rows, this.#rowsBefore);
      this.#rowsBefore += rows.length;
      return { rows: parsed, isDone };
    } catch (error) {
      if (isFluxorError(error)) error.fillContext(this.#whereabouts);
      await this.inner.close().catch(() => undefined);
      throw error;
    }
  }
}
