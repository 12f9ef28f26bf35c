/** What a caller hears from a circuit that lets nothing through: why, since when, and when to come back. Never SQL. */
import { isFluxorError } from '../errors/fluxor-error.js';
import { RejectedError } from '../errors/rejected-error.js';
import { formatMs } from '../kernel/duration.js';
import type { CircuitSituation, LastFailure, Opening } from './circuit-state.js';

/** Somebody asks in the background whether the database is back. */
export interface Probing {
  readonly intervalMs: number;
  readonly nextInMs: number;
}

/**
 * `undefined` when a call may pass. Time must have been passed (`CircuitMachine.passTime`) up to `now`; `probing` is for
 * an open circuit that has an early probe.
 */
export function refusalOf(
  situation: CircuitSituation,
  probing: Probing | undefined,
  name: string,
  now: number,
): RejectedError | undefined {
  switch (situation.name) {
    case 'open':
      return now < situation.untilAt ? refuseOpen(situation, probing, name, now) : undefined;
    case 'half-open':
      return situation.trial.canAdmit() ? undefined : refuseHalfOpen(situation, name, now);
    case 'forced-open':
      return refuseForced(situation, name, now);
    default:
      return undefined;
  }
}

type In<Name> = Extract<CircuitSituation, { readonly name: Name }>;

/** How a circuit is, for whoever looks at it. */
export interface CircuitCondition {
  /** How long it has been in its state. */
  readonly inStateMs: number;
  /** While it is open or half-open: why it opened, in words and numbers. While it is forced open: the reason given. */
  readonly why: string | undefined;
  /** While it is open or half-open: code and reason of the last failure. Never its text, which may hold SQL. */
  readonly lastFailure: { readonly code: string | undefined; readonly reason: string | undefined } | undefined;
  /** While it is open: when it makes sense to call again, in whole milliseconds; 0 when a call may find out now. */
  readonly retryAfterMs: number | undefined;
}

export function conditionOf(situation: CircuitSituation, probing: Probing | undefined, now: number): CircuitCondition {
  const inStateMs = now - situation.sinceAt;
  if (situation.name === 'forced-open') {
    return { inStateMs, why: situation.reason, lastFailure: undefined, retryAfterMs: undefined };
  }
  if (situation.name !== 'open' && situation.name !== 'half-open') {
    return { inStateMs, why: undefined, lastFailure: undefined, retryAfterMs: undefined };
  }
  const { why, last } = situation.opening;
  const retryAfterMs = situation.name === 'open' ? retryAfterOpen(situation, probing, now) : undefined;
  return { inStateMs, why, lastFailure: last && { code: last.code, reason: last.reason }, retryAfterMs };
}

/** When to come back: after the next question, if one is asked before the time is over. Whole, so that none is too early. */
export function retryAfterOpen({ untilAt }: In<'open'>, probing: Probing | undefined, now: number): number {
  return wholeMs(Math.min(probing?.nextInMs ?? Infinity, untilAt - now));
}

function refuseOpen(situation: In<'open'>, probing: Probing | undefined, name: string, now: number): RejectedError {
  const { sinceAt, untilAt, opening } = situation;
  const retryAfterMs = retryAfterOpen(situation, probing, now);
  const left = formatMs(wholeMs(untilAt - now));
  const next =
    probing === undefined
      ? `It may be tried again in ${left}`
      : `It asks every ${formatMs(probing.intervalMs)} whether the database is back, and lets a call find out in ${left} at the latest`;
  const since = `Circuit '${name}' has been open for ${formatMs(now - sinceAt)}`;
  const text = `${since}: ${describeOpening(opening)}. ${next}.`;
  return refusal(text, name, opening.last, retryAfterMs);
}

function refuseHalfOpen({ trial, opening }: In<'half-open'>, name: string, now: number): RejectedError {
  const retryAfterMs = wholeMs((trial.endsAt ?? now) - now);
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

/** Rounded up. */
function wholeMs(ms: number): number {
  return Math.max(0, Math.ceil(ms));
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
