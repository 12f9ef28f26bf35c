/**
 * Global temporary tables: one definition for all sessions, rows for each alone. PostgreSQL's temporary tables are defined by
 * each session, so the definition is an empty table, and a session that names it gets a temporary one like it, which is found
 * first. Limit: a definition that is dropped leaves the copies of other sessions until they end.
 */
import type { ParsedStatement } from '../sql-scan.js';
import type { EngineShared } from './engine-shared.js';
import { swapCase } from './names.js';

export class TemporaryTables {
  readonly #shared: EngineShared;
  readonly #run: (text: string) => Promise<unknown>;
  readonly #made = new Set<string>();

  constructor(shared: EngineShared, run: (text: string) => Promise<unknown>) {
    this.#shared = shared;
    this.#run = run;
  }

  /** Makes those that the statement names and the session does not have yet. */
  async prepare({ tokens }: ParsedStatement, schema: string): Promise<void> {
    if (this.#shared.temporaryTables.size === 0) return;
    for (const { kind, value } of tokens) {
      if (kind !== 'word' && kind !== 'quoted') continue;
      const name = swapCase(value);
      const onCommit = this.#shared.temporaryTables.get(`${schema}.${name}`);
      if (onCommit === undefined || this.#made.has(name)) continue;
      await this.#run(
        `CREATE TEMPORARY TABLE IF NOT EXISTS "${name}" (LIKE "${schema}"."${name}" INCLUDING ALL) ON COMMIT ${onCommit}`,
      );
      this.#made.add(name);
    }
  }

  /** A rollback has taken away what was made in its transaction: it is made again where it is named again. */
  forget(): void {
    this.#made.clear();
  }

  async drop(name: string, schema: string): Promise<void> {
    if (!this.#shared.temporaryTables.delete(`${schema}.${name}`)) return;
    this.#made.delete(name);
    await this.#run(`DROP TABLE IF EXISTS pg_temp."${name}"`);
  }
}
