/**
 * The base of every error the runtime raises. Few classes, stable codes, finer causes as a `reason`; two questions are
 * kept apart: may a new attempt succeed (`retryable`), and what happened to the statement (`outcome`).
 * Invariant: no SQL text, no bind value and no secret is ever part of a message; `cause` is the driver's own error,
 * untouched, and not part of `toJSON()`.
 */
import type { ErrorCode } from './catalogue.js';

/** What is known about the statement when the error was raised. */
export type Outcome = 'not-sent' | 'not-applied' | 'applied' | 'unknown';

/**
 * What would have to be repeated for another attempt to make sense:
 * the statement on the same or on a new connection, the whole transaction, the statement after a repair (re-prepare,
 * fresh credentials), or nothing.
 */
export type RetryDecision = 'never' | 'same-connection' | 'new-connection' | 'whole-transaction' | 'after-fix';

/** How a circuit breaker counts the error: the server failed, the server answered, or it says nothing about the server. */
export type BreakerVerdict = 'failure' | 'success' | 'ignore';

/**
 * What the error says about the other connections to the same server: nothing; they may be dead too, so ask each before
 * lending it; this server is no longer the one we want (a failover made it read-only), so close them.
 */
export type Siblings = 'keep' | 'validate' | 'evict';

/** Ids that lead from an error to logs and metrics. Never SQL, never values. */
export interface ErrorContext {
  readonly runtime?: string;
  readonly queryId?: number;
  readonly connectionId?: number;
  /** Of a batch: the set at fault, counted from 0; absent where it is not one set's fault, or cannot be told. */
  readonly paramSet?: number;
  /** Of a batch with `onError: 'collect'` that had to stop: the sets before this one have been dealt with, for good. */
  readonly setsDone?: number;
}

/** A set of a batch that failed; its number counts from 0. */
export interface SetError {
  readonly index: number;
  readonly error: FluxorError;
}

export interface FluxorErrorInit {
  readonly reason?: string | undefined;
  readonly outcome?: Outcome | undefined;
  readonly decision?: RetryDecision | undefined;
  readonly breaker?: BreakerVerdict | undefined;
  readonly isConnectionFatal?: boolean | undefined;
  readonly siblings?: Siblings | undefined;
  readonly sqlState?: string | undefined;
  readonly vendorCode?: string | number | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly context?: ErrorContext | undefined;
  readonly cause?: unknown;
}

/** What follows from an error: for retries, for the breaker, for the connection. */
export interface ErrorVerdict {
  readonly decision: RetryDecision;
  readonly outcome: Outcome;
  readonly breaker: BreakerVerdict;
  readonly isConnectionFatal: boolean;
}

/** @internal At the end of a message. It goes where it turns out that nothing remains. */
export const MAYBE_APPLIED = '; the statement may or may not have been applied';

const BRAND: unique symbol = Symbol.for('fluxor.error');

/** Node's hook for `console.log` and `util.inspect`; a registered symbol, so nothing of Node is imported. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/**
 * Base class of all errors of the runtime.
 *
 * @example
 * try { await db.exec('insert …'); }
 * catch (error) { if (isFluxorError(error, 'CONSTRAINT')) return conflict(); throw error; }
 */
export class FluxorError extends Error {
  /** @internal Written down in each: minifiers rename classes. A class that extends one of these has its own name, as any class. */
  static override get name(): string {
    return 'FluxorError';
  }

  /** Stable; the full list with what to do about each is `docs/errors.md`. */
  readonly code: ErrorCode;
  /** Finer than the code, in words; see each class. */
  readonly reason: string | undefined;
  /** Whether the statement was sent and applied, as far as can be known. */
  readonly outcome: Outcome;
  /** What another attempt would have to repeat. */
  readonly decision: RetryDecision;
  /** How a circuit breaker counts this error. */
  readonly breaker: BreakerVerdict;
  /** The connection must not be used again. */
  readonly isConnectionFatal: boolean;
  /** What it says about the other connections to the same server. Not part of `toJSON()`: it is for the pool. */
  readonly siblings: Siblings;
  /** Five characters of the SQL standard, where the database speaks it. */
  readonly sqlState: string | undefined;
  /** The database's own number (MySQL `errno`, Oracle `ORA-`), or Node's `code` for network errors. */
  readonly vendorCode: string | number | undefined;
  /** When trying again makes sense, in milliseconds from now. */
  readonly retryAfterMs: number | undefined;
  #context: ErrorContext;
  #attempts: readonly FluxorError[] | undefined;
  #attemptCount = 1;
  /** What the message says at its end about the attempts; empty as long as there is nothing to say. */
  #attemptNote = '';
  #isBudgetExhausted = false;
  #setErrors: readonly SetError[] | undefined;

  constructor(code: ErrorCode, message: string, init: FluxorErrorInit = {}) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.code = code;
    this.reason = init.reason;
    this.outcome = init.outcome ?? 'not-sent';
    this.decision = init.decision ?? 'never';
    this.breaker = init.breaker ?? 'ignore';
    this.isConnectionFatal = init.isConnectionFatal ?? false;
    this.siblings = init.siblings ?? 'keep';
    this.sqlState = init.sqlState;
    this.vendorCode = init.vendorCode;
    this.retryAfterMs = init.retryAfterMs;
    this.#context = Object.freeze({ ...init.context });
  }

  /** Ids that lead to logs and metrics. */
  get context(): ErrorContext {
    return this.#context;
  }

  /** @internal Adds ids that were not known where the error was made; what is there stays. */
  fillContext(context: ErrorContext): void {
    this.#context = Object.freeze({ ...context, ...this.#context });
  }

  /** The errors of earlier attempts of the same call, oldest first and without this one; `undefined` when it was the first. */
  get attempts(): readonly FluxorError[] | undefined {
    return this.#attempts;
  }

  /**
   * It could have been repeated, and was not: too many calls were being repeated at the time. A sign of an outage, not of
   * a fault in this call.
   */
  get retryBudgetExhausted(): boolean {
    return this.#isBudgetExhausted;
  }

  /** Of a batch with `onError: 'collect'` that had to stop: the sets that had failed before, in order. */
  get setErrors(): readonly SetError[] | undefined {
    return this.#setErrors;
  }

  /** @internal Its number in the batch, where it had one in a piece of it. */
  placeSet(paramSet: number | undefined): void {
    const { paramSet: _replaced, ...context } = this.#context;
    this.#context = Object.freeze(paramSet === undefined ? context : { ...context, paramSet });
  }

  /** @internal */
  fillSetErrors(errors: readonly SetError[]): void {
    this.#setErrors = Object.freeze([...errors]);
  }

  /** @internal Notes what went before. A retry around a call that retries by itself puts its errors before those. */
  fillAttempts(errors: readonly FluxorError[]): void {
    for (const error of errors)
      this.#attemptCount += #attemptCount in error && error !== this ? error.#attemptCount : 1;
    // An error that was raised twice is not its own predecessor.
    const earlier = [...errors, ...(this.#attempts ?? [])].filter((error) => error !== this);
    if (earlier.length > 0) this.#attempts = Object.freeze(earlier);
  }

  /** @internal Other verdicts, by the user's hook; error-override.ts has made sure that they are safe. */
  overrule({ decision, outcome, breaker, isConnectionFatal }: ErrorVerdict): void {
    Object.assign(this, { decision, outcome, breaker, isConnectionFatal });
  }

  /** @internal The call as a whole may have done what its last attempt did not: a success that was not heard of. */
  raiseOutcome(outcome: 'unknown'): void {
    if (this.outcome === 'applied') return;
    Object.assign(this, { outcome });
  }

  /** @internal The transaction around it was rolled back, whatever had become of the statement itself. */
  noteRolledBack(): void {
    if (this.code === 'OUTCOME_UNKNOWN' || (this.outcome !== 'applied' && this.outcome !== 'unknown')) return;
    Object.assign(this, { outcome: 'not-applied' });
    this.#reword(
      `${this.message.replace(MAYBE_APPLIED, '')}; its transaction was rolled back, so nothing of it remains`,
    );
  }

  /** @internal Part of the call has been applied, and stays. `text` says how much; `decision` is about the call as a whole. */
  noteKept(text: string, decision: RetryDecision): void {
    if (this.outcome !== 'unknown') Object.assign(this, { outcome: 'applied' });
    Object.assign(this, { decision });
    this.#reword(`${this.message}; ${text}`);
  }

  /** @internal Parts of the call had been sent, and nothing of them remains either. */
  noteUndone(): void {
    if (this.outcome === 'not-sent') Object.assign(this, { outcome: 'not-applied' });
  }

  /** @internal */
  markBudgetExhausted(): void {
    this.#isBudgetExhausted = true;
  }

  /**
   * @internal Lets the message say how many attempts there were, those of retries inside retries included, and that the
   * budget is spent. Said again, it takes the place of what was said before.
   */
  sayAttempts(): void {
    const count = this.#attemptCount > 1 ? [`after ${this.#attemptCount.toLocaleString('en-US')} attempts`] : [];
    const facts = [...count, ...(this.#isBudgetExhausted ? ['the retry budget is spent'] : [])];
    const note = facts.length === 0 ? '' : ` (${facts.join('; ')})`;
    const bare = this.#attemptNote === '' ? this.message : this.message.replace(this.#attemptNote, '');
    this.#attemptNote = note;
    this.#reword(`${bare}${note}`);
  }

  /** The stack begins with the message as it was when it was taken, and the stack is what logs show. */
  #reword(message: string): void {
    if (message === this.message) return;
    const { stack, message: old } = this;
    this.message = message;
    if (stack !== undefined) this.stack = stack.replace(old, () => message);
  }

  /** Brand: two copies of the package in one process agree on what a FluxorError is. */
  get [BRAND](): true {
    return true;
  }

  override get name(): string {
    return this.constructor.name;
  }

  /** Another attempt may succeed, and making one cannot apply the statement twice. */
  get retryable(): boolean {
    return this.decision !== 'never';
  }

  /**
   * What `console.log(error)` shows: the stack and the facts. The driver's own error is named and not printed, because
   * drivers hang statements, keys and parameters on theirs; look at `error.cause` when you need them.
   */
  [INSPECT](_depth: number, options: object, inspect?: (value: unknown, options: object) => string): string {
    const { name: _name, message: _message, ...facts } = this.toJSON();
    const known = Object.entries(facts).filter(([, value]) => value !== undefined);
    const cause = this.cause === undefined ? [] : [['cause', `[${describeCause(this.cause)}]`] as const];
    const shown = Object.fromEntries([...known, ...cause]);
    return `${this.stack ?? String(this)} ${inspect?.(shown, options) ?? JSON.stringify(shown)}`;
  }

  /** Safe to log: no SQL, no values, no `cause`. */
  toJSON(): Record<string, unknown> {
    return {
      name: this.name,
      code: this.code,
      reason: this.reason,
      message: this.message,
      retryable: this.retryable,
      outcome: this.outcome,
      sqlState: this.sqlState,
      vendorCode: this.vendorCode,
      retryAfterMs: this.retryAfterMs,
      attempts: this.#attempts?.map(({ code, reason, outcome }) => ({ code, reason, outcome })),
      retryBudgetExhausted: this.#isBudgetExhausted ? true : undefined,
      context: this.context,
    };
  }
}

/** The kind of an error, without its text. */
function describeCause(cause: unknown): string {
  if (!(cause instanceof Error)) return typeof cause;
  const { code } = cause as { code?: unknown };
  return typeof code === 'string' ? `${cause.name} ${code}` : cause.name;
}

/** True for errors of the runtime, also those of another copy of the package; with `code`, only for that code. */
export function isFluxorError(error: unknown, code?: ErrorCode): error is FluxorError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false;
  return code === undefined || (error as FluxorError).code === code;
}
