/**
 * What is remembered of a prepared statement: the connector's own, with what was learned about its columns. Kept by
 * mysql-server/mysql-prepared.ts.
 */
import type { ClientColumn, ClientExecution, ClientPrepared } from './mariadb-module.js';
import type { ResultReader } from './mariadb-results.js';
import { geometryCast } from './mariadb-results.js';

export class KeptStatement {
  readonly prepared: ClientPrepared;
  /** What its columns were when it ran last. */
  reader: ResultReader | undefined;
  #execution: ClientExecution | undefined;
  #executionOf: readonly ClientColumn[] = [];

  constructor(prepared: ClientPrepared) {
    this.prepared = prepared;
  }

  /** How the connector is to read its rows; `undefined` for its own way. */
  get execution(): ClientExecution | undefined {
    const { columns } = this.prepared;
    if (columns !== this.#executionOf) {
      this.#executionOf = columns;
      this.#execution = geometryCast(columns);
    }
    return this.#execution;
  }

  close(): void {
    this.prepared.close();
  }
}
