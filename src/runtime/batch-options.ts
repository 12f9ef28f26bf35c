/** What a user may say about a batch, and what it answers. */
import type { SetError } from '../errors/fluxor-error.js';
import type { StatementParams } from '../sql/statement-compiler.js';
import type { QueryOptions } from './query-options.js';
import { QUERY_OPTIONS } from './query-options.js';

/** Arrays for the database's own placeholders, objects for `:name`; all of one kind. A generator keeps memory constant. */
export type ParamSets = Iterable<StatementParams> | AsyncIterable<StatementParams>;

/**
 * Options of a batch. Of those of a statement, `timeout` is for the whole batch and by default `query.timeout` for every
 * `batchSize` sets begun.
 */
export interface BatchOptions extends QueryOptions {
  /**
   * After so many sets progress is told, and time is added. With `onError: 'collect'` so many are one unit, and what is
   * done is kept.
   * @limits 1 to 1,000,000
   * @default `1000`
   */
  readonly batchSize?: number;
  /**
   * `'stop'`: all or nothing, and the error's `context.paramSet` is the number of the set at fault. `'collect'`: sets
   * that fail are skipped and reported in `errors`, all others are kept.
   * @default `'stop'`
   */
  readonly onError?: 'stop' | 'collect';
  /**
   * `'auto'`: plain inserts of 20 sets and more by COPY, everything else by statements. `'statements'`: never the bulk
   * path. `'copy'`: nothing but it.
   * @warning `'copy'` is refused where the text is no plain insert.
   * @default `'auto'`
   */
  readonly mode?: 'auto' | 'copy' | 'statements';
  /**
   * Hears of progress: sets done, and of how many where that is known. One that throws hurts nobody.
   * @default none
   */
  readonly onProgress?: (done: number, total: number | undefined) => void;
}

/** What a batch did. */
export interface BatchResult<R> {
  /** Rows inserted, updated, deleted or merged by all sets together. */
  readonly rowsAffected: number;
  /** The same for each set, in order; 0 for one that failed. `undefined` where COPY took any of them: it counts none alone. */
  readonly affected: readonly number[] | undefined;
  /** What the sets returned, in their order. */
  readonly rows: R[];
  /** The sets that failed, in order; always empty with `onError: 'stop'`. */
  readonly errors: readonly SetError[];
  /** `'copy'` where COPY took all of it. */
  readonly mode: 'copy' | 'statements';
  /** From the call to the result, waiting included. */
  readonly durationMs: number;
}

/**
 * COPY costs a round trip more than statements do; fewer sets than this are not worth it. Measured on 28 November 2026,
 * PostgreSQL 18 on the same machine, three columns, medians of 800 in turns (ms, COPY and statements): 0.35 and 0.33 for 5
 * sets, 0.29 and 0.31 for 10, 0.33 and 0.38 for 20, 0.33 and 0.62 for 50. Without a network they are even between 5 and 10; a
 * network moves that up, by one set for each 6 µs or so of its round trip.
 */
export const COPY_FROM_SETS = 20;
export const DEFAULT_BATCH_SIZE = 1_000;
const MAX_BATCH_SIZE = 1_000_000;

type Check = (value: unknown) => string | undefined;

const oneOf =
  (...words: readonly string[]): Check =>
  (value) =>
    words.includes(value as string) ? undefined : `one of ${words.map((word) => `'${word}'`).join(', ')}`;
const isBatchSize: Check = (value) =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_BATCH_SIZE
    ? undefined
    : 'a whole number, 1 to 1,000,000';
const isFunction: Check = (value) => (typeof value === 'function' ? undefined : 'a function');

export const BATCH_OPTIONS: ReadonlyMap<string, Check> = new Map([
  ...QUERY_OPTIONS,
  ['batchSize', isBatchSize],
  ['onError', oneOf('stop', 'collect')],
  ['mode', oneOf('auto', 'copy', 'statements')],
  ['onProgress', isFunction],
]);
