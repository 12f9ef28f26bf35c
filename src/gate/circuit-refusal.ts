/** What a caller hears from a circuit that lets nothing through: why, since when, and when to come back. Never SQL. */
import { isFluxorError } from '../errors/fluxor-error.js';
import { RejectedError } from '../errors/rejected-error.js';
import { formatMs } from '../kernel/duration.js';
import type { CircuitSituation, LastFailure, Opening } from './circuit-state.js';

/** `undefined` when a call may pass. Time must have been passed (`CircuitMachine.passTime`) up to `now`. */
export function refusalOf(situation: CircuitSituation, name: string, now: number): RejectedError | undefined {
  switch (situation.name) {
    case 'open':
      return now < situation.untilAt ? refuseOpen(situation, name, now) : undefined;
    case 'half-open':
      return situation.trial.canAdmit() ? undefined : refuseHalfOpen(situation, name, now);
    case 'forced-open':
      return refuseForced(situation, name, now);
    default:
      return undefined;
  }
}

type In<Name> = Extract<CircuitSituation, { readonly name: Name }>;

function refuseOpen({ sinceAt, untilAt, opening }: In<'open'>, name: string, now: number): RejectedError {
  const retryAfterMs = untilAt - now;
  const since = `Circuit '${name}' has been open for ${formatMs(now - sinceAt)}`;
  const text = `${since}: ${describeOpening(opening)}. It may be tried again in ${formatMs(retryAfterMs)}.`;
  return refusal(text, name, opening.last, retryAfterMs);
}

function refuseHalfOpen({ trial, opening }: In<'half-open'>, name: string, now: number): RejectedError {
  const retryAfterMs = Math.max(0, (trial.endsAt ?? now) - now);
  const counts = `${trial.inFlight} in flight, ${trial.calls} begun`;
  const trying = `Circuit '${name}' is half-open and lets a few calls find out (${counts})`;
  const text = `${trying}; it opened after ${describeOpening(opening)}. The trial ends in ${formatMs(retryAfterMs)} at the latest.`;
  return refusal(text, name, opening.last, retryAfterMs);
}

function refuseForced({ sinceAt, reason }: In<'forced-open'>, name: string, now: number): RejectedError {
  const because = reason === undefined ? '' : ` (${reason})`;
  const text = `Circuit '${name}' was forced open ${formatMs(now - sinceAt)} ago${because}. It stays so until it is reset.`;
  return refusal(text, name, undefined, undefined);
}

function refusal(text: string, name: string, last: LastFailure | undefined, retryAfterMs: number | undefined) {
  return new RejectedError('CIRCUIT_OPEN', text, { retryAfterMs, context: { runtime: name }, cause: last?.error });
}

/** `5 failures in a row within 800 ms, the last one CONNECTION (refused)` */
function describeOpening({ why, last, reopens }: Opening): string {
  const again = reopens === 0 ? '' : ` (it has opened again ${reopens} ${reopens === 1 ? 'time' : 'times'})`;
  if (last?.code === undefined) return `${why}${again}`;
  const reason = last.reason === undefined ? '' : ` (${last.reason})`;
  return `${why}${again}, the last failure ${last.code}${reason}`;
}

/** Code and reason of a failure; never its text, which may hold SQL. */
export function lastFailureOf(error: unknown): LastFailure {
  if (isFluxorError(error)) return { error, code: error.code, reason: error.reason };
  const { name, code } = (typeof error === 'object' && error !== null ? error : {}) as {
    name?: unknown;
    code?: unknown;
  };
  const words = [code, name].filter((word) => typeof word === 'string');
  return { error, code: words[0], reason: undefined };
}
