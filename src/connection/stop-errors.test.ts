import { describe, expect, it } from 'vitest';
import type { Outcome } from '../errors/fluxor-error.js';
import type { StoppedStatement } from './stop-errors.js';
import { stoppedError } from './stop-errors.js';

const DEADLINE: StoppedStatement = {
  cause: 'deadline',
  phase: 'statement',
  timeoutMs: 1_500,
  isSafeToRepeat: false,
  reason: undefined,
  context: { queryId: 7, connectionId: 3 },
};
const ABORTED: StoppedStatement = { ...DEADLINE, cause: 'aborted', reason: new Error('the user left') };
const TAKEN: StoppedStatement = { ...DEADLINE, cause: 'runtime' };
const OUTCOMES: readonly Outcome[] = ['not-sent', 'not-applied', 'applied', 'unknown'];

describe('stoppedError', () => {
  it.each<[Outcome, decision: string, breaker: string, text: string]>([
    ['not-sent', 'whole-transaction', 'ignore', 'nothing was sent'],
    ['not-applied', 'whole-transaction', 'failure', 'the server stopped it and applied nothing'],
    ['applied', 'never', 'failure', 'but it had been applied by then'],
    ['unknown', 'never', 'failure', 'whether it was applied is not known'],
  ])('calls a statement stopped at its deadline a timeout: %s', (outcome, decision, breaker, text) => {
    const error = stoppedError(DEADLINE, outcome);
    expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'statement', outcome, decision, breaker });
    expect(error.message).toBe(`the statement took longer than its 1,500 ms; ${text}`);
    expect(error.context).toEqual({ queryId: 7, connectionId: 3 });
    expect(error.isConnectionFatal).toBe(false);
  });

  it('lets an unknown outcome be repeated when that is declared safe, and an applied one never', () => {
    const safe = { ...DEADLINE, isSafeToRepeat: true };
    expect(OUTCOMES.map((outcome) => stoppedError(safe, outcome).retryable)).toEqual([true, true, false, true]);
    expect(OUTCOMES.map((outcome) => stoppedError(DEADLINE, outcome).retryable)).toEqual([true, true, false, false]);
  });

  it.each(OUTCOMES)(
    'calls what the caller aborted cancelled, never worth repeating, with the reason as cause: %s',
    (outcome) => {
      const error = stoppedError({ ...ABORTED, isSafeToRepeat: true }, outcome);
      expect(error).toMatchObject({
        code: 'CANCELLED',
        reason: 'caller',
        outcome,
        decision: 'never',
        breaker: 'ignore',
        cause: ABORTED.reason,
        context: { queryId: 7, connectionId: 3 },
      });
      expect(error.message).toMatch(/^the caller aborted the statement; /);
    },
  );

  it.each(OUTCOMES)('calls what the runtime took away cancelled by the runtime: %s', (outcome) => {
    const facts = { code: 'CANCELLED', reason: 'runtime', outcome, decision: 'never', breaker: 'ignore' };
    expect(stoppedError(TAKEN, outcome)).toMatchObject(facts);
  });

  it('speaks of the COMMIT where it is one, and of its outcome as unknown when nobody can tell', () => {
    const commit = { ...DEADLINE, phase: 'commit' as const, isSafeToRepeat: true };
    const unknown = stoppedError(commit, 'unknown');
    expect(unknown).toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      decision: 'never',
      breaker: 'failure',
      outcome: 'unknown',
    });
    expect(unknown.message).toMatch(/^the COMMIT took longer than its 1,500 ms/);
    expect(unknown.context).toEqual({ queryId: 7, connectionId: 3 });
    for (const outcome of ['not-sent', 'not-applied'] as const) {
      expect(stoppedError(commit, outcome)).toMatchObject({
        code: 'TIMEOUT',
        phase: 'commit',
        outcome,
        retryable: true,
      });
    }
  });

  it('keeps the phase of a transaction', () => {
    const error = stoppedError({ ...DEADLINE, phase: 'transaction' }, 'not-applied');
    expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'transaction', reason: 'transaction' });
  });
});
