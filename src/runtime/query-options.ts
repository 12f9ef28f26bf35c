/** What a user may say about one call, read once at the start of its road. */
import { ConfigError } from '../errors/config-error.js';
import type { Duration } from '../kernel/duration.js';
import { DURATION_FORMS, parseDuration } from '../kernel/duration.js';
import type { BeginOptions, IsolationLevel } from '../driver/driver.js';

/** Options of one statement. */
export interface QueryOptions {
  /** The longest this call may take, waiting included; the sooner of this and the surrounding deadline wins. */
  readonly timeout?: Duration | false;
  /** Aborting cancels: in the line at once, in flight at the server. */
  readonly signal?: AbortSignal;
  /** Running it twice does no more than running it once, so it may be repeated when its outcome is unknown. Default false. */
  readonly idempotent?: boolean;
  /** It changes nothing. The runtime takes the word for it and never guesses from the text. Default false. */
  readonly readOnly?: boolean;
  /** Rows as objects by column name, or as arrays in column order. Default `'object'`. */
  readonly rowMode?: 'object' | 'array';
  /** Names the statement in events. Must not hold values. */
  readonly name?: string;
}

/** Options of `acquire()` and `use()`. */
export interface AcquireOptions {
  /** The longest wait for a connection. Default: `pool.acquireTimeout`. */
  readonly timeout?: Duration;
  readonly signal?: AbortSignal;
}

/** Options of `begin()` and `transaction()`. */
export interface TransactionOptions extends BeginOptions {
  /** The longest the whole transaction may last, from asking for a connection to COMMIT; then it is rolled back. Default: no limit. */
  readonly timeout?: Duration | false;
  readonly signal?: AbortSignal;
}

const ISOLATION_LEVELS: readonly IsolationLevel[] = [
  'read uncommitted',
  'read committed',
  'repeatable read',
  'serializable',
];

/** Milliseconds of a call's timeout; `Infinity` for `false`. @throws ConfigError for anything else. */
export function readTimeout(value: Duration | false | undefined, fallbackMs: number): number {
  if (value === undefined) return fallbackMs;
  if (value === false) return Infinity;
  const ms = parseDuration(value);
  if (ms !== undefined && ms > 0) return ms;
  throw ConfigError.fromIssues([
    { path: 'timeout', got: String(value), expected: `more than 0: ${DURATION_FORMS}, or false for never` },
  ]);
}

/** @throws ConfigError; the level becomes part of the SQL text, so nothing unknown may pass. */
export function readBeginOptions(options: TransactionOptions): BeginOptions {
  const { isolation, readOnly } = options;
  if (isolation !== undefined && !ISOLATION_LEVELS.includes(isolation)) {
    const expected = ISOLATION_LEVELS.map((level) => `'${level}'`).join(', ');
    throw ConfigError.fromIssues([
      { path: 'isolation', got: `'${String(isolation)}'`, expected: `one of ${expected}` },
    ]);
  }
  return { ...(isolation === undefined ? {} : { isolation }), ...(readOnly === undefined ? {} : { readOnly }) };
}
