/**
 * What a stream is asked to do: its statement compiled, its options read, and the way on which its executor sends it.
 * Runtimes, sessions and transactions differ in that way only. Used by stream-source.ts.
 */
import type { StatementCall } from '../connection/statement-call.js';
import type { StatementCursor } from '../connection/statement-cursor.js';
import type { CursorPage, DriverQuery } from '../driver/query.js';
import type { Call, InsideLease, OuterLimit } from './call.js';
import { connectionOf } from './call.js';
import type { Statement, StatementParams } from './executor.js';
import type { House } from './house.js';
import type { StreamOptions } from './query-options.js';
import { checkOptions, readTimeout, STREAM_OPTIONS } from './query-options.js';
import { joinSignals } from './send-statement.js';

/**
 * Rows for each round trip. Measured beside the server (bench/stream.ts), 100 bring 0.95 of the speed of 500, and 1,000 no
 * more; the farther the server, the more a page has to bring.
 */
const DEFAULT_BATCH_SIZE = 500;

/** Where the pages come from: a connection, or a transaction that minds its own end. */
export interface Pages {
  /** Of the loan, where the reader may outlive it. */
  readonly tenure?: number;
  readPage(cursor: StatementCursor, call: StatementCall): Promise<CursorPage>;
  closeCursor(cursor: StatementCursor, call: StatementCall): Promise<void>;
}

/** How an executor sends its streams. */
export interface StreamWay {
  readonly outer?: OuterLimit;
  /** Reaches into every stream; a stream's own signal comes on top. */
  readonly signal?: AbortSignal | undefined;
  readonly inside?: InsideLease;
  /** Closing the cursor commits nothing. */
  readonly isTransaction?: boolean;
  /** Asked once, at the end of the road. */
  pagesOf(call: Call): Pages;
}

/** On whatever connection the road lends for it. */
export const STREAM_ON_A_CONNECTION: StreamWay = { pagesOf: connectionOf };

/** What was asked for, checked. */
export interface StreamPlan {
  readonly query: DriverQuery;
  readonly batchSize: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly options: StreamOptions;
}

/** @throws ConfigError, QueryError */
export function planStream(
  house: House,
  way: StreamWay,
  sql: Statement<unknown>,
  params: StatementParams | undefined,
  options: StreamOptions,
): StreamPlan {
  const { compiler, config } = house.parts;
  checkOptions(options, STREAM_OPTIONS);
  const { text, values } = compiler.compile(sql, params);
  return {
    query: { text, values, rowMode: options.rowMode ?? 'object' },
    batchSize: options.batchSize ?? DEFAULT_BATCH_SIZE,
    timeoutMs: readTimeout(options.timeout, config.query.timeoutMs),
    signal: joinSignals(way.signal, options.signal),
    options,
  };
}
