/** A minute in which everything fails: what is sent stays within a fifth more than the calls and ten a second. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConnectionError } from '../errors/connection-error.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import { TransactionError } from '../errors/query-error.js';
import { seededRandom } from '../kernel/random.js';
import { fakeClock } from '../testing/fake-clock.js';
import type { RetryOptions } from './retry-options.js';
import { RetryPolicy } from './retry-policy.js';

const MINUTE_MS = 60_000;
/** Longer than ten retries can pause. */
const AFTERMATH_MS = 60_000;
const refused = new ConnectionError('refused', 'x', { decision: 'new-connection' });
const deadlock = new TransactionError('deadlock', 'x', { decision: 'whole-transaction', outcome: 'not-applied' });

interface Pending {
  readonly at: number;
  readonly attempt: number;
  readonly previousDelayMs: number;
}

/**
 * Calls come evenly for a minute and every attempt fails at once. `onAttempt` hears of each with the counts so far. The
 * clock of the policy begins at any time of day and is never asked: all moments come in as arguments.
 */
function outage(
  perSecond: number,
  seed: number,
  error: FluxorError,
  options: RetryOptions = {},
  onAttempt: (now: number, calls: number, attempts: number) => void = () => undefined,
): { readonly calls: number; readonly attempts: number } {
  const random = seededRandom(seed);
  const policy = new RetryPolicy(options, { clock: fakeClock(), random });
  /** By slices of a millisecond, so that a minute of 1,000 calls a second is still quick. */
  const due = new Map<number, Pending[]>();
  let [calls, attempts] = [0, 0];
  const attemptAt = ({ at, attempt, previousDelayMs }: Pending): void => {
    attempts += 1;
    onAttempt(at, calls, attempts);
    const facts = { isSafeToRepeat: false, wasLeased: false, hadFreeRetry: false, deadlineAt: at + 30_000 };
    const verdict = policy.judge({ ...facts, error, attempt, unit: 'statement', now: at, previousDelayMs });
    if (verdict.kind === 'final') return;
    const next = { at: at + verdict.delayMs, attempt: attempt + 1, previousDelayMs: verdict.delayMs };
    const slot = Math.max(Math.ceil(next.at), Math.floor(at) + 1);
    due.set(slot, [...(due.get(slot) ?? []), { ...next, at: slot }]);
  };
  for (let now = 0; now < MINUTE_MS + AFTERMATH_MS; now += 1) {
    const arrived =
      now < MINUTE_MS ? Math.floor(((now + 1) * perSecond) / 1_000) - Math.floor((now * perSecond) / 1_000) : 0;
    for (let call = 0; call < arrived; call += 1) {
      policy.begun(now);
      calls += 1;
      attemptAt({ at: now, attempt: 1, previousDelayMs: 0 });
    }
    for (const pending of due.get(now) ?? []) attemptAt(pending);
    due.delete(now);
  }
  expect(due.size).toBe(0);
  return { calls, attempts };
}

describe('a minute in which every attempt fails', () => {
  it.each([1, 5, 20, 100, 500, 1_000])('at %d calls a second: attempts ≤ 1.2 × calls + 10 a second', (perSecond) => {
    const { calls, attempts } = outage(perSecond, perSecond, refused);
    expect(calls).toBe(perSecond * 60);
    expect(attempts).toBeLessThanOrEqual(1.2 * calls + 10 * 61);
    // And it is used: whoever may repeat does.
    expect(attempts).toBeGreaterThanOrEqual(Math.min(4 * calls, 1.2 * calls + 10 * 59));
  });

  it.each([refused, deadlock])(
    'holds at every moment from the tenth second on, for any rate, seed and option: %s',
    (error) => {
      const options = fc.record({
        maxRetries: fc.integer({ min: 0, max: 10 }),
        initialBackoff: fc.integer({ min: 1, max: 1_000 }),
        jitter: fc.constantFrom('full' as const, 'equal' as const, 'decorrelated' as const, 'none' as const),
        budget: fc.double({ min: 0, max: 1, noNaN: true }),
      });
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 200 }), fc.integer(), options, (perSecond, seed, chosen) => {
          outage(perSecond, seed, error, chosen, (now, calls, attempts) => {
            const most = (1 + chosen.budget) * calls + (10 * Math.max(10_000, now)) / 1_000;
            if (attempts > most + 1e-6) throw new Error(`${attempts} attempts after ${now} ms, ${most} allowed`);
          });
        }),
        { numRuns: 12 },
      );
    },
  );
});
