/**
 * Array DML: one change with many sets of values. They travel in groups; where one of a group fails, what the savepoint has
 * undone of it is done again up to there. So Oracle's rules hold: with batch errors every good set is in, without them those
 * in front of the first bad one are.
 */
import type { OraError } from '../backend.js';
import type { BatchError, SqlResult, SqlValue } from '../backend.js';
import type { EngineTransaction, Params } from './engine-transaction.js';
import type { EngineResult } from './pg-link.js';

/** As many as are worth doing twice. */
const GROUP = 128;
/** These end the whole call, whatever was asked for. */
const FATAL: ReadonlySet<number> = new Set([28, 60, 1013, 3113]);

export interface ArrayChange {
  readonly text: string;
  readonly sets: readonly Params[];
  readonly name: string;
  readonly collectsErrors: boolean;
  toError(error: unknown): OraError;
  /** The values of RETURNING, one list per bind. */
  returned(result: EngineResult): Promise<SqlValue[][]>;
}

export async function runArray(transaction: EngineTransaction, change: ArrayChange): Promise<SqlResult> {
  const { text, sets, name } = change;
  const rowCounts: number[] = [];
  const returning: SqlValue[][][] = [];
  const batchErrors: BatchError[] = [];
  const take = async (results: readonly EngineResult[]): Promise<void> => {
    for (const result of results) {
      returning.push(await change.returned(result));
      rowCounts.push(result.affected);
    }
  };
  let at = 0;
  while (at < sets.length) {
    const { results, failure } = await transaction.runAll(text, sets.slice(at, at + GROUP), name);
    if (failure === undefined) {
      await take(results);
      at += GROUP;
      continue;
    }
    const error = change.toError(failure);
    if (FATAL.has(error.code)) throw error;
    const good = results.length;
    if (good > 0) {
      const again = await transaction.runAll(text, sets.slice(at, at + good), name);
      if (again.failure !== undefined) throw change.toError(again.failure);
      await take(again.results);
    }
    rowCounts.push(0);
    returning.push(returning[0]?.map(() => []) ?? []);
    if (!change.collectsErrors) {
      return { rowCounts, returning, partial: { rowCount: rowCounts.reduce((sum, count) => sum + count, 0), error } };
    }
    batchErrors.push({ code: error.code, offset: at + good, message: error.message });
    at += good + 1;
  }
  return { rowCounts, returning, ...(batchErrors.length > 0 && { batchErrors }) };
}
