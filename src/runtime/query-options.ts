/**
 * What a user may say about one call, read once at the start of its road.
 * Over 300 lines, because each option is told in five beats where it is declared.
 */
import { ConfigError } from '../errors/config-error.js';
import type { Duration } from '../kernel/duration.js';
import { DURATION_FORMS, parseDuration } from '../kernel/duration.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import { nearestName } from '../kernel/option-reader.js';
import type { BeginOptions, Driver, IsolationLevel } from '../driver/driver.js';
import type { CallRetryOptions } from '../gate/retry-options.js';
import type { Priority } from '../kernel/priority.js';
import { isStandardSchema } from './row-schema.js';

/** Options of one statement. */
export interface QueryOptions {
  /**
   * The longest this call may take, waiting included; the sooner of this and the surrounding deadline wins.
   * @default `query.timeout`
   */
  readonly timeout?: Duration | false;
  /**
   * Aborting cancels: in the line at once, in flight at the server.
   * @default none
   */
  readonly signal?: AbortSignal;
  /**
   * Running it twice does no more than running it once, so it may be repeated when its outcome is unknown.
   * @default `false`
   */
  readonly idempotent?: boolean;
  /**
   * It changes nothing. The runtime takes the word for it and never guesses from the text.
   * @default `false`
   */
  readonly readOnly?: boolean;
  /**
   * Rows as objects by column name, or as arrays in column order.
   * @default `'object'`
   */
  readonly rowMode?: 'object' | 'array';
  /**
   * Names the statement in events.
   * @warning Must not hold values.
   * @default none
   */
  readonly name?: string;
  /**
   * Who is served first when calls wait for a connection: urgent ones overtake those of the next lower priority that came
   * up to 1 s (normal) or 5 s (low) before. Says nothing inside a session or transaction, which has its connection
   * already.
   * @default `'normal'`
   * @see docs/guide/pool.md#waiting
   */
  readonly priority?: Priority;
  /**
   * `false` makes one attempt; an object changes the numbers of the runtime's `query.retry` for this call. What may be
   * repeated at all is decided by the error and by `idempotent` and `readOnly`, never here.
   * @takes numbers of `query.retry`, or `false`
   * @default `query.retry`
   */
  readonly retry?: false | CallRetryOptions;
  /**
   * `false` gives the statement a connection to itself, for as long as it runs. Says nothing inside a session or
   * transaction.
   * @when `false` for what may wait for a lock: whoever was sent behind it would wait too.
   * @default `query.pipelining`
   */
  readonly pipeline?: boolean;
}

/**
 * Options of `stream()`. Here `timeout` bounds the wait for the connection with the first rows, and then each wait for more;
 * never the time that the consumer takes. Retried is the opening alone.
 */
export interface StreamOptions extends QueryOptions {
  /**
   * Rows fetched with each round trip, and so the most that are in memory.
   * @limits 1 to 10,000
   * @default `500`
   */
  readonly batchSize?: number;
}

/** Options of `acquire()` and `use()`. */
export interface AcquireOptions {
  /**
   * See `QueryOptions.priority`.
   * @default `'normal'`
   * @see docs/guide/pool.md#waiting
   */
  readonly priority?: Priority;
  /**
   * Names the session in leak reports and in the message of others' timeouts.
   * @warning Must not hold values.
   * @default none
   */
  readonly label?: string;
  /**
   * The longest wait for a connection.
   * @default `pool.acquireTimeout`
   */
  readonly timeout?: Duration;
  /**
   * Aborting leaves the line.
   * @default none
   */
  readonly signal?: AbortSignal;
}

/** Options of `begin()` and `transaction()`. */
export interface TransactionOptions extends BeginOptions {
  /**
   * See `QueryOptions.priority`; for its connection as a whole.
   * @default `'normal'`
   * @see docs/guide/pool.md#waiting
   */
  readonly priority?: Priority;
  /**
   * Names the transaction in leak reports and in the message of others' timeouts.
   * @warning Must not hold values.
   * @default none
   */
  readonly label?: string;
  /**
   * The longest the whole transaction may last, from asking for a connection to COMMIT; then it is rolled back.
   * @default no limit
   */
  readonly timeout?: Duration | false;
  /**
   * Reaches into its statements.
   * @default none
   */
  readonly signal?: AbortSignal;
  /**
   * Whether the whole function may be run again after the database has rolled it back (deadlock, serialization failure,
   * lost connection before COMMIT); `tx.attempt` says which run it is. An object changes the numbers of `query.retry`.
   * For `begin()`, BEGIN alone is repeated.
   * @when Off where the function has effects outside the database.
   * @takes boolean, or numbers of `query.retry`
   * @default `query.retry`
   * @see docs/guide/transactions.md#run-again
   */
  readonly retry?: boolean | CallRetryOptions;
  /**
   * Ask the database what became of a COMMIT whose answer was lost, up to 30 s or what is left of `timeout`, whichever is
   * more.
   * @warning Costs one round trip before every COMMIT, on PostgreSQL 17 and later with a flush of the log, also where
   * nothing was written; none with `readOnly`. `true` is refused where the database cannot tell.
   * @default `query.resolveOutcome`
   * @see docs/guide/transactions.md#a-lost-commit
   */
  readonly resolveOutcome?: boolean;
}

/** Options of `session.begin()` and `session.transaction()`: the session's own connection is used, under its own label. */
export type SessionTransactionOptions = Omit<TransactionOptions, 'priority' | 'label'>;

/** Says what belongs there when a value does not. */
type Check = (value: unknown) => string | undefined;

const isBoolean: Check = (value) => (typeof value === 'boolean' ? undefined : 'true or false');
/** The numbers are checked where the policy is made of them. */
const isNumbers = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);
const NUMBERS = 'an object of maxRetries, initialBackoff, multiplier, maxBackoff, jitter';
/** A statement is retried as the runtime says; `true` would promise more than its outcome may allow. */
const isQueryRetry: Check = (value) => (value === false || isNumbers(value) ? undefined : `false, or ${NUMBERS}`);
const isTransactionRetry: Check = (value) =>
  typeof value === 'boolean' || isNumbers(value) ? undefined : `true, false, or ${NUMBERS}`;
const isName: Check = (value) => (typeof value === 'string' && value !== '' ? undefined : 'a non-empty string');
const isPriority: Check = (value) =>
  value === 'high' || value === 'normal' || value === 'low' ? undefined : "'high', 'normal' or 'low'";
const isRowMode: Check = (value) => (value === 'object' || value === 'array' ? undefined : "'object' or 'array'");
const isBatchSize: Check = (value) =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 10_000
    ? undefined
    : 'a whole number, 1 to 10,000';
const isSchema: Check = (value) => (isStandardSchema(value) ? undefined : 'a Standard Schema v1');
/** Checked where they are read. */
const isReadElsewhere: Check = () => undefined;
const isLater: Check = (value) => (value === false ? undefined : 'false; this version does not have it yet');
/** A thing that only looks like a signal would fail in the middle of a call, where nobody can catch it. */
export const isSignal: Check = (value) => {
  const { addEventListener, removeEventListener } = (value ?? {}) as Partial<AbortSignal>;
  const isOne = typeof addEventListener === 'function' && typeof removeEventListener === 'function';
  return isOne ? undefined : 'an AbortSignal';
};

type Checks = ReadonlyMap<string, Check>;
const WAITING: readonly [string, Check][] = [
  ['timeout', isReadElsewhere],
  ['signal', isSignal],
  ['priority', isPriority],
];
const HOLDING: readonly [string, Check][] = [...WAITING, ['label', isName]];
export const QUERY_OPTIONS: ReadonlyMap<string, Check> = new Map([
  ...WAITING,
  ['idempotent', isBoolean],
  ['readOnly', isBoolean],
  ['rowMode', isRowMode],
  ['name', isName],
  ['retry', isQueryRetry],
  ['schema', isSchema],
  ['pipeline', isBoolean],
  ...['batchSize', 'tags'].map((name): [string, Check] => [name, isLater]),
]);
export const STREAM_OPTIONS: ReadonlyMap<string, Check> = new Map([...QUERY_OPTIONS, ['batchSize', isBatchSize]]);
export const TRANSACTION_OPTIONS: ReadonlyMap<string, Check> = new Map([
  ...HOLDING,
  ['isolation', isReadElsewhere],
  ['readOnly', isBoolean],
  ['deferrable', isBoolean],
  ['retry', isTransactionRetry],
  ['resolveOutcome', isBoolean],
]);
/** A session has its connection already: nothing is waited for, and the lease is the session's. */
export const SESSION_TRANSACTION_OPTIONS: ReadonlyMap<string, Check> = new Map(
  [...TRANSACTION_OPTIONS].filter(([name]) => name !== 'priority' && name !== 'label'),
);
export const ACQUIRE_OPTIONS: ReadonlyMap<string, Check> = new Map(HOLDING);
export const DISCONNECT_OPTIONS: ReadonlyMap<string, Check> = new Map([['timeout', isReadElsewhere]]);

/** Refuses what is wrong with the options of one call, all at once. `undefined` values count as absent. @throws ConfigError */
export function checkOptions(options: object, checks: Checks): void {
  if (typeof options !== 'object' || options === null) {
    throw ConfigError.fromIssues([{ path: 'options', got: String(options), expected: 'an object' }]);
  }
  let issues: OptionIssue[] | undefined;
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const check = checks.get(name);
    const expected = check === undefined ? describeKnown(name, checks) : check(value);
    if (expected === undefined) continue;
    const got = check === undefined ? 'an unknown option' : describeValue(value);
    (issues ??= []).push({ path: name, got, expected });
  }
  if (issues !== undefined) throw ConfigError.fromIssues(issues);
}

/** Of objects only the kind: what they hold may be a secret. */
function describeValue(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (Array.isArray(value)) return 'an array';
  return value === null || typeof value === 'number' || typeof value === 'boolean' ? String(value) : typeof value;
}

/** @throws ConfigError when `fn`, an argument of `method`, is not a function. */
export function assertFunction(fn: unknown, method: string): void {
  if (typeof fn === 'function') return;
  throw ConfigError.fromIssues([{ path: method, got: typeof fn, expected: 'a function' }]);
}

function describeKnown(name: string, checks: Checks): string {
  const known = [...checks.keys()];
  const nearest = nearestName(name, known);
  return nearest === undefined ? `one of ${known.join(', ')}` : `did you mean ${nearest}?`;
}

const ISOLATION_LEVELS: readonly IsolationLevel[] = [
  'read uncommitted',
  'read committed',
  'repeatable read',
  'serializable',
];

/** Milliseconds of a call's timeout; `Infinity` for `false`. @throws ConfigError for anything else. */
export function readTimeout(value: Duration | false | undefined, fallbackMs: number, canBeFalse = true): number {
  if (value === undefined) return fallbackMs;
  if (value === false && canBeFalse) return Infinity;
  const ms = parseDuration(value);
  if (ms !== undefined && ms > 0) return ms;
  throw ConfigError.fromIssues([
    {
      path: 'timeout',
      got: String(value),
      expected: `more than 0: ${DURATION_FORMS}${canBeFalse ? ', or false for never' : ''}`,
    },
  ]);
}

/** @throws ConfigError; the level becomes part of the SQL text, so nothing unknown may pass. `driver` is who would begin. */
export function readBeginOptions(options: TransactionOptions, driver: BeginningDriver): BeginOptions {
  const { isolation, readOnly, deferrable } = options;
  const issues: OptionIssue[] = [];
  if (isolation !== undefined && !ISOLATION_LEVELS.includes(isolation)) {
    const expected = ISOLATION_LEVELS.map((level) => `'${level}'`).join(', ');
    issues.push({ path: 'isolation', got: `'${String(isolation)}'`, expected: `one of ${expected}` });
  }
  const misplaced = deferrable === true ? whyNotDeferrable(options, driver) : undefined;
  if (misplaced !== undefined) issues.push({ path: 'deferrable', got: 'true', expected: misplaced });
  if (issues.length > 0) throw ConfigError.fromIssues(issues);
  return {
    ...(isolation === undefined ? {} : { isolation }),
    ...(readOnly === undefined ? {} : { readOnly }),
    ...(deferrable === undefined ? {} : { deferrable }),
  };
}

export type BeginningDriver = Pick<Driver, 'name' | 'transactions'>;

/** Where it says nothing it is refused: whoever writes it believes to be protected by it. */
function whyNotDeferrable({ isolation, readOnly }: TransactionOptions, driver: BeginningDriver): string | undefined {
  if (driver.transactions.hasDeferrable !== true) return `false; the ${driver.name} driver has no such transactions`;
  if (isolation === 'serializable' && readOnly === true) return undefined;
  return "false; it says something only with isolation: 'serializable' and readOnly: true";
}
