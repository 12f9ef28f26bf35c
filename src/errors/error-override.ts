/**
 * The user's word on what an error means: a pure function that gets the classified error and may answer other verdicts.
 * Databases behind proxies, forks and extensions raise what no table here knows. Called where errors are classified
 * (connection/classifier.ts).
 *
 * Invariants: the hook can never make a statement run twice that may have been applied, unless that statement was declared
 * safe to repeat; whatever else it does (throws, answers nonsense, answers a promise) changes nothing and is told.
 * Refuses to know: drivers, situations, who listens.
 */
import type { OptionIssue } from '../kernel/option-reader.js';
import { OptionReader } from '../kernel/option-reader.js';
import type { BreakerVerdict, ErrorVerdict, FluxorError, Outcome, RetryDecision } from './fluxor-error.js';

/** What a hook may answer; what it leaves out stays as it was. */
export type ErrorOverride = Partial<ErrorVerdict>;

/**
 * Gets an error as the runtime understood it, with the client library's own as `cause`, and answers what it knows better,
 * or nothing. It must be quick and pure: it is called for every error of the database, sometimes twice for one, and
 * its answer is not remembered.
 *
 * - `decision`: what may be repeated. What has the outcome `unknown` is repeated only where its statement was declared
 *   `idempotent` or `readOnly`, whatever the hook says; a lost COMMIT and refused credentials never.
 * - `outcome`: only towards more caution: `not-sent` → `not-applied` → `unknown` → `applied`.
 * - `breaker`: how the circuit breaker counts it.
 * - `isConnectionFatal`: true closes the connection; false keeps it, unless it is gone, or its answer is still to come
 *   and would reach the next caller.
 *
 * @example
 * // A pooler whose "no server available" comes with a code that the tables here know as something else.
 * const override: ErrorOverrideHook = ({ sqlState }) =>
 *   sqlState === 'XX000' ? { decision: 'new-connection', breaker: 'failure' } : undefined;
 */
export type ErrorOverrideHook = (error: FluxorError) => ErrorOverride | undefined;

/** Options `errors.*`. */
export interface ErrorsOptions {
  /**
   * Changes what errors of the database mean to retries, circuit breaker and pool.
   * @when For databases that raise other errors than those in `docs/errors.md`.
   * @default none
   * @see docs/errors.md#when-an-error-means-something-else
   */
  readonly override?: ErrorOverrideHook;
}

export interface ErrorsConfig {
  readonly override: ErrorOverrideHook | undefined;
}

/** A hook, or a part of its answer, was not followed. */
export interface OverrideRefusal {
  readonly error: FluxorError;
  /** It threw; it answered what cannot be an answer; or following it could run a statement twice or mix up answers. */
  readonly why: 'threw' | 'nonsense' | 'unsafe';
  /** In words, without anything the hook answered. */
  readonly detail: string;
  /** What it threw. */
  readonly thrown?: unknown;
}

type Field = keyof ErrorVerdict;
type Check = (value: unknown) => boolean;
const oneOf =
  (words: readonly string[]): Check =>
  (value) =>
    typeof value === 'string' && words.includes(value);

/** From the most that may follow from it to the least. */
const BY_CAUTION: readonly Outcome[] = ['not-sent', 'not-applied', 'unknown', 'applied'];
const DECISIONS: readonly RetryDecision[] = [
  'never',
  'same-connection',
  'new-connection',
  'whole-transaction',
  'after-fix',
];
const BREAKERS: readonly BreakerVerdict[] = ['failure', 'success', 'ignore'];
const CHECKS: ReadonlyMap<string, Check> = new Map<Field, Check>([
  ['decision', oneOf(DECISIONS)],
  ['outcome', oneOf(BY_CAUTION)],
  ['breaker', oneOf(BREAKERS)],
  ['isConnectionFatal', (value) => typeof value === 'boolean'],
]);

/** @see ErrorsOptions */
export function resolveErrorsOptions(options: unknown, issues: OptionIssue[]): ErrorsConfig {
  const reader = new OptionReader(options, 'errors', issues);
  const override = reader.raw('override');
  if (override !== undefined && typeof override !== 'function') reader.refuse('override', 'a function', undefined);
  reader.refuseUnknown();
  return Object.freeze({ override: typeof override === 'function' ? (override as ErrorOverrideHook) : undefined });
}

/**
 * Asks `hook` about `error` and follows it as far as is safe. `isSafeToRepeat`: the statement was declared idempotent or
 * read-only. `tell` hears of everything that was not followed; it must not throw.
 */
export function overrideError(
  error: FluxorError,
  isSafeToRepeat: boolean,
  hook: ErrorOverrideHook,
  tell: (refusal: OverrideRefusal) => void,
): void {
  let answer: ErrorOverride | string | undefined;
  try {
    answer = readAnswer(hook(error));
  } catch (thrown) {
    tell({ error, why: 'threw', detail: 'the hook threw', thrown });
    return;
  }
  if (answer === undefined) return;
  if (typeof answer === 'string') return tell({ error, why: 'nonsense', detail: answer });
  followAsFarAsSafe(error, answer, isSafeToRepeat, (detail) => tell({ error, why: 'unsafe', detail }));
}

/**
 * A copy of the answer, or in words why it cannot be one: then nothing of it is followed, because half an answer is
 * nobody's intention. A copy, because what is checked must be what is used.
 */
function readAnswer(answer: unknown): ErrorOverride | string | undefined {
  if (answer === undefined) return undefined;
  if (answer instanceof Promise) {
    answer.catch(ignore);
    return 'the hook answered a promise; it has to answer at once';
  }
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) {
    return `the hook answered ${answer === null ? 'null' : `a value of type ${typeof answer}`}, not an object or undefined`;
  }
  const copy: Record<string, unknown> = { ...answer };
  for (const [field, value] of Object.entries(copy)) {
    const check = CHECKS.get(field);
    if (check === undefined) return `the hook's answer has a field that is none of ${[...CHECKS.keys()].join(', ')}`;
    if (value !== undefined && !check(value)) return `the hook's answer has a wrong value for ${field}`;
  }
  return copy;
}

function followAsFarAsSafe(
  error: FluxorError,
  answer: ErrorOverride,
  isSafeToRepeat: boolean,
  refuse: (detail: string) => void,
): void {
  const outcome = safeOutcome(error, answer.outcome, refuse);
  error.overrule({
    outcome,
    decision: safeDecision(error, answer.decision, outcome, isSafeToRepeat, refuse),
    breaker: answer.breaker ?? error.breaker,
    isConnectionFatal: safeFatality(error, answer.isConnectionFatal, refuse),
  });
}

/** What was written to the wire was written; no hook can know that it was not. */
function safeOutcome(error: FluxorError, wanted: Outcome | undefined, refuse: (detail: string) => void): Outcome {
  if (wanted === undefined || BY_CAUTION.indexOf(wanted) >= BY_CAUTION.indexOf(error.outcome)) {
    return wanted ?? error.outcome;
  }
  refuse(`the outcome ${error.outcome} cannot become ${wanted}, which would allow more than is known to be safe`);
  return error.outcome;
}

/** `error.decision` stands where it was, except that a new outcome can forbid it. */
function safeDecision(
  error: FluxorError,
  wanted: RetryDecision | undefined,
  outcome: Outcome,
  isSafeToRepeat: boolean,
  refuse: (detail: string) => void,
): RetryDecision {
  const decision = wanted ?? error.decision;
  if (decision === 'never') return 'never';
  const why = whyNever(error, outcome, isSafeToRepeat);
  if (why === undefined) return decision;
  if (wanted !== undefined) refuse(`the decision ${wanted} is not taken: ${why}`);
  return 'never';
}

function whyNever(error: FluxorError, outcome: Outcome, isSafeToRepeat: boolean): string | undefined {
  if (error.code === 'OUTCOME_UNKNOWN') return 'the COMMIT may have been carried out';
  if (error.code === 'AUTH') return 'accounts would be locked';
  if (outcome === 'applied') return 'the statement was applied';
  if (outcome === 'unknown' && !isSafeToRepeat)
    return 'the statement may have been applied, and was not declared idempotent';
  return undefined;
}

/** A statement without an answer may still get one, and on a connection that lives on it would reach the next caller. */
function safeFatality(error: FluxorError, wanted: boolean | undefined, refuse: (detail: string) => void): boolean {
  if (wanted !== false || !error.isConnectionFatal || error.outcome !== 'unknown')
    return wanted ?? error.isConnectionFatal;
  refuse('the connection is not kept: an answer is still to come on it');
  return true;
}

function ignore(): void {
  // Refused already; what the promise becomes is nobody's business.
}
