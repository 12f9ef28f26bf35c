/**
 * Whether a failed attempt may be repeated at all: the rule of resilience, without numbers. Repeating is a question of the
 * error, of what became of the statement, and of what the caller declared, never of the error alone.
 * Called by retry-policy.ts, which adds attempts, pauses, budget and deadline. Pure functions.
 *
 * Invariant: what may have been applied is repeated only where the caller said that this is safe, and what was applied is
 * never repeated.
 */
import { ConnectionError } from '../errors/connection-error.js';
import type { ErrorCode } from '../errors/catalogue.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import type { BackoffConfig } from './backoff.js';

/** One attempt that failed, and where it stood. */
export interface FailedAttempt {
  readonly error: FluxorError;
  /** 1 for the first. The free retry is outside the count: it has the number of what it repeats. */
  readonly attempt: number;
  /** What is repeated: one statement outside any transaction, or the whole function of a transaction. */
  readonly unit: 'statement' | 'transaction';
  /** The caller declared that running it twice does no harm: `idempotent`, or read-only. */
  readonly isSafeToRepeat: boolean;
  /** It had got a connection from the pool, open for long or opened for it: what failed came after connecting. */
  readonly wasLeased: boolean;
  /** Monotonic milliseconds; `Infinity` for none. */
  readonly deadlineAt: number;
  readonly now: number;
  /** The pause before this attempt, 0 for none. */
  readonly previousDelayMs: number;
  /** The one free retry of the call has been used. */
  readonly hadFreeRetry: boolean;
  /** The call's own numbers, which `resolveCallRetry` makes. Default: the policy's. */
  readonly maxRetries?: number | undefined;
  readonly backoff?: BackoffConfig | undefined;
  /** The errors of the attempts before this one. Without them, only a first attempt is repeated after a repair. */
  readonly earlier?: readonly FluxorError[] | undefined;
}

/** Whatever is decided about them: load is being shed, an account would be locked, a charge could be made twice. */
const NEVER: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'CIRCUIT_OPEN',
  'RATE_LIMIT',
  'POOL_EXHAUSTED',
  'AUTH',
  'OUTCOME_UNKNOWN',
]);

/** Phases with a limit of their own, which is shorter than the call. In all others the call's time is what was used up. */
const SHORT_PHASES: ReadonlySet<string | undefined> = new Set(['connect', 'validate']);

/** The two sides of one conflict: rerun them and both can win. They say nothing about the state of the server. */
const CONTENTION: ReadonlySet<string | undefined> = new Set(['deadlock', 'serialization', 'lock-timeout']);

export function isRepeatable(failed: FailedAttempt): boolean {
  const { error } = failed;
  if (error.decision === 'never' || NEVER.has(error.code)) return false;
  if (error.code === 'TIMEOUT' && !SHORT_PHASES.has(error.reason)) return false;
  if (needsFix(error) && hadFix(failed)) return false;
  if (error.outcome === 'unknown') return failed.isSafeToRepeat;
  return error.outcome !== 'applied';
}

/**
 * A connection of the pool that had died before the statement was written to it: nobody's failure, and proved unsent. One
 * that dies right after it was opened is the same case, and once in a call cannot become a storm. A pooler that has no server connection to give also says "not sent", and must not be asked again at once.
 */
export function isFree(failed: FailedAttempt): boolean {
  const { error, wasLeased, hadFreeRetry } = failed;
  return (
    !hadFreeRetry &&
    wasLeased &&
    error.isConnectionFatal &&
    error.outcome === 'not-sent' &&
    !(error instanceof ConnectionError && error.reason === 'too-many-connections')
  );
}

export function isContention({ code, reason }: FluxorError): boolean {
  return code === 'TRANSACTION' && CONTENTION.has(reason);
}

/** In a transaction the decision says what is run again, the whole of it; what is wrong is still the prepared statement. */
function needsFix({ decision, reason }: FluxorError): boolean {
  return decision === 'after-fix' || reason === 'statement-invalid';
}

/** What a repair did not help the first time, it will not help the second. */
function hadFix({ earlier, attempt }: FailedAttempt): boolean {
  return earlier?.some(needsFix) ?? attempt > 1;
}
