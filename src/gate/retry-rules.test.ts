import { describe, expect, it } from 'vitest';
import { failedAttempt } from '../../test/fakes/situations.js';
import { ConnectionError } from '../errors/connection-error.js';
import type { FluxorErrorInit, Outcome, RetryDecision } from '../errors/fluxor-error.js';
import { FluxorError } from '../errors/fluxor-error.js';
import { ConstraintError, OutcomeUnknownError, QueryError, TransactionError } from '../errors/query-error.js';
import { RejectedError } from '../errors/rejected-error.js';
import type { TimeoutPhase } from '../errors/timeout-error.js';
import { CancelledError, TimeoutError } from '../errors/timeout-error.js';
import { UsageError } from '../errors/usage-error.js';
import { isContention, isFree, isRepeatable } from './retry-rules.js';

const SAFE = { isSafeToRepeat: true };
const lost = (init: Omit<FluxorErrorInit, 'reason'>): ConnectionError => new ConnectionError('lost', 'x', init);

const DECISIONS: readonly RetryDecision[] = [
  'never',
  'same-connection',
  'new-connection',
  'whole-transaction',
  'after-fix',
];

describe('isRepeatable', () => {
  it.each(
    DECISIONS.flatMap((decision) =>
      (['not-sent', 'not-applied', 'unknown', 'applied'] as const).flatMap((outcome) =>
        ([false, true] as const).map((isSafe): [RetryDecision, Outcome, boolean, boolean] => {
          const isProved = outcome === 'not-sent' || outcome === 'not-applied';
          return [decision, outcome, isSafe, decision !== 'never' && (isProved || (outcome === 'unknown' && isSafe))];
        }),
      ),
    ),
  )('%s, %s, declared safe %s: %s', (decision, outcome, isSafeToRepeat, expected) => {
    for (const unit of ['statement', 'transaction'] as const) {
      expect(isRepeatable(failedAttempt(lost({ decision, outcome }), { isSafeToRepeat, unit }))).toBe(expected);
    }
  });

  it.each(['CIRCUIT_OPEN', 'RATE_LIMIT', 'POOL_EXHAUSTED'] as const)('never repeats %s: load is being shed', (code) => {
    expect(isRepeatable(failedAttempt(new RejectedError(code, 'x', { retryAfterMs: 1 }), SAFE))).toBe(false);
    expect(isRepeatable(failedAttempt(new FluxorError(code, 'x', { decision: 'new-connection' }), SAFE))).toBe(false);
  });

  it('never repeats refused credentials, whatever is decided about them', () => {
    const error = new ConnectionError('credentials', 'x', { code: 'AUTH', decision: 'new-connection' });
    expect(isRepeatable(failedAttempt(error, SAFE))).toBe(false);
  });

  it('never repeats a COMMIT whose answer was lost, however safe its statements', () => {
    expect(isRepeatable(failedAttempt(new OutcomeUnknownError('x'), { ...SAFE, unit: 'transaction' }))).toBe(false);
  });

  it.each<[TimeoutPhase, boolean]>([
    ['acquire', false],
    ['statement', false],
    ['transaction', false],
    ['commit', false],
    ['connect', true],
    ['validate', true],
  ])('after a timeout of phase %s there is time left for another attempt: %s', (phase, expected) => {
    const error = new TimeoutError(phase, 'x', { decision: 'new-connection' });
    expect(isRepeatable(failedAttempt(error, SAFE))).toBe(expected);
  });

  it.each([
    new UsageError('NESTED_LEASE', 'x'),
    new CancelledError('caller', 'x', { outcome: 'unknown' }),
    new ConstraintError('unique', 'x', {}, { outcome: 'not-applied' }),
    new QueryError('syntax', 'x', { outcome: 'not-applied' }),
    new TransactionError('aborted', 'x', { outcome: 'not-applied' }),
  ])('does not repeat %s', (error) => {
    expect(isRepeatable(failedAttempt(error, SAFE))).toBe(false);
  });

  it('repeats once after a repair, by what the earlier attempts say', () => {
    const stale = new QueryError('statement-invalid', 'x', { decision: 'after-fix', outcome: 'not-applied' });
    const other = new QueryError('resource', 'x', { decision: 'new-connection', outcome: 'not-applied' });
    expect(isRepeatable(failedAttempt(stale))).toBe(true);
    expect(isRepeatable(failedAttempt(stale, { attempt: 2, earlier: [other] }))).toBe(true);
    expect(isRepeatable(failedAttempt(stale, { attempt: 2, earlier: [stale] }))).toBe(false);
    expect(isRepeatable(failedAttempt(stale, { attempt: 3, earlier: [stale, other] }))).toBe(false);
  });

  // `execute nope` in a transaction: the decision is whole-transaction, and the function ran four times.
  it.each(DECISIONS.filter((decision) => decision !== 'never'))(
    'repeats an invalid statement once, also where the decision is %s',
    (decision) => {
      const stale = new QueryError('statement-invalid', 'x', { decision, outcome: 'not-applied' });
      const facts = (earlier: readonly FluxorError[]) =>
        failedAttempt(stale, { unit: 'transaction', attempt: earlier.length + 1, earlier });
      expect([isRepeatable(facts([])), isRepeatable(facts([stale]))]).toEqual([true, false]);
    },
  );

  it('repeats only a first attempt after a repair where nobody says what came before', () => {
    const stale = new QueryError('statement-invalid', 'x', { decision: 'after-fix', outcome: 'not-applied' });
    expect([1, 2].map((attempt) => isRepeatable(failedAttempt(stale, { attempt })))).toEqual([true, false]);
  });
});

describe('isFree', () => {
  const stale = lost({ decision: 'new-connection', outcome: 'not-sent', isConnectionFatal: true });
  const leased = { wasLeased: true };

  it('is free where a pooled connection had died before anything was written to it', () => {
    expect(isFree(failedAttempt(stale, leased))).toBe(true);
    expect(isFree(failedAttempt(stale, { ...leased, unit: 'transaction' }))).toBe(true);
  });

  it('is not free a second time, nor where the call had got no connection yet', () => {
    expect(isFree(failedAttempt(stale, { ...leased, hadFreeRetry: true }))).toBe(false);
    expect(isFree(failedAttempt(stale))).toBe(false);
  });

  it.each<[string, FluxorError]>([
    ['something was written', lost({ decision: 'new-connection', outcome: 'unknown', isConnectionFatal: true })],
    ['the server answered', lost({ decision: 'new-connection', outcome: 'not-applied', isConnectionFatal: true })],
    ['the connection lives', lost({ decision: 'new-connection', outcome: 'not-sent' })],
    [
      'a pooler has no connection to give',
      new ConnectionError('too-many-connections', 'x', { decision: 'new-connection', isConnectionFatal: true }),
    ],
  ])('is not free where %s', (_, error) => {
    expect(isFree(failedAttempt(error, leased))).toBe(false);
  });
});

describe('isContention', () => {
  it('is a deadlock, a serialization failure or a lock that did not come free', () => {
    const reasons = ['deadlock', 'serialization', 'lock-timeout', 'aborted', 'read-only', 'invalid-state'] as const;
    const found = reasons.filter((reason) => isContention(new TransactionError(reason, 'x')));
    expect(found).toEqual(['deadlock', 'serialization', 'lock-timeout']);
    expect(isContention(lost({}))).toBe(false);
  });
});
