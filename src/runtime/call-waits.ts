/**
 * What the road notes about a call that is not served at once, or is repeated: where its time went. Nothing is made for a
 * call that neither waits nor fails, and the clock is asked only where something was waited for.
 */
import type { CallWaits } from '../telemetry/query-meter.js';
import { newWaits } from '../telemetry/query-meter.js';
import type { Call } from './call.js';

export function waitsOf(call: Call): CallWaits {
  return (call.waits ??= newWaits());
}

/**
 * It has been waited for something since `since`. While what was lent now was being made, the wait was for that. `error`: why
 * the wait was in vain.
 */
export function noteWait(call: Call, since: number, now: number, error?: unknown): void {
  call.traced?.noteWait(since, now, error);
  const waits = waitsOf(call);
  const waitedMs = Math.max(0, now - since);
  const { readyAt = -Infinity, bornAt = 0 } = call.lease?.entry ?? {};
  const connectingMs = readyAt > since ? Math.min(waitedMs, Math.max(0, readyAt - Math.max(since, bornAt))) : 0;
  waits.connectingMs += connectingMs;
  waits.waitingMs += waitedMs - connectingMs;
}

/** A pause between two attempts is over, since the one before `attempt` had failed with `error`. */
export function noteRepetition(call: Call, attempt: number, failedAt: number, now: number, error: unknown): void {
  const pausedMs = now - failedAt;
  call.traced?.noteAttempt(attempt - 1, call.connectionId, failedAt, error);
  call.traced?.goOn(now);
  const waits = waitsOf(call);
  waits.attempts = attempt;
  waits.waitingMs += pausedMs;
}
