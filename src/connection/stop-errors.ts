/** The errors of statements that the runtime stopped: at their deadline, because their caller said so, or with their lease. */
import type { ErrorContext, FluxorError, Outcome } from '../errors/fluxor-error.js';
import { OutcomeUnknownError } from '../errors/query-error.js';
import type { TimeoutPhase } from '../errors/timeout-error.js';
import { CancelledError, TimeoutError } from '../errors/timeout-error.js';
import { formatMs } from '../kernel/duration.js';
import type { LimitCause } from '../kernel/within.js';
import type { StatementCall } from './statement-call.js';

/** `runtime`: the connection was released, or taken away by a shutdown, under the running statement. */
export type StopCause = LimitCause | 'runtime';

export interface StoppedStatement {
  readonly cause: StopCause;
  readonly phase: TimeoutPhase;
  /** The limit that was reached, for the message. */
  readonly timeoutMs: number;
  readonly isSafeToRepeat: boolean;
  readonly reason: unknown;
  readonly context: ErrorContext;
}

export function stopped(cause: StopCause, call: StatementCall): StoppedStatement {
  const { phase, timeoutMs, isSafeToRepeat, context } = call;
  return { cause, phase, timeoutMs, isSafeToRepeat, reason: call.signal?.reason, context };
}

const OUTCOME_TEXT: Readonly<Record<Outcome, string>> = {
  'not-sent': 'nothing was sent',
  'not-applied': 'the server stopped it and applied nothing',
  applied: 'but it had been applied by then',
  unknown: 'whether it was applied is not known',
};

export function stoppedError(stopped: StoppedStatement, outcome: Outcome): FluxorError {
  const { phase, context } = stopped;
  const what = phase === 'commit' ? 'the COMMIT' : 'the statement';
  const isRepeatable =
    outcome === 'not-sent' || outcome === 'not-applied' || (outcome === 'unknown' && stopped.isSafeToRepeat);
  const init = { outcome, context, cause: stopped.reason };
  if (stopped.cause === 'aborted') {
    return new CancelledError('caller', `the caller aborted ${what}; ${OUTCOME_TEXT[outcome]}`, init);
  }
  if (stopped.cause === 'runtime') {
    const text = `${what} was still running when its connection was released or the runtime disconnected`;
    return new CancelledError('runtime', `${text}; ${OUTCOME_TEXT[outcome]}`, { outcome, context });
  }
  const text = `${what} took longer than its ${formatMs(stopped.timeoutMs)}; ${OUTCOME_TEXT[outcome]}`;
  if (phase === 'commit' && outcome === 'unknown')
    return new OutcomeUnknownError(text, { context, breaker: 'failure' });
  const decision = isRepeatable ? 'whole-transaction' : 'never';
  return new TimeoutError(phase, text, { ...init, decision, breaker: outcome === 'not-sent' ? 'ignore' : 'failure' });
}
