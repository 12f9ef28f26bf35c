/** A prepared statement of the connector, and what was learned about its columns. Kept by mysql-server/mysql-prepared.ts. */
import type { ClientPrepared } from './mariadb-module.js';
import type { ResultReader } from './mariadb-results.js';

export class KeptStatement {
  readonly prepared: ClientPrepared;
  /** What its columns were when it ran last. */
  reader: ResultReader | undefined;

  constructor(prepared: ClientPrepared) {
    this.prepared = prepared;
  }

  close(): void {
    this.prepared.close();
  }
}
