import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OptionIssue } from '../kernel/option-reader.js';
import { fakeClock } from '../testing/fake-clock.js';
import { ConnectionError } from './connection-error.js';
import type { ErrorOverride, ErrorOverrideHook, OverrideRefusal } from './error-override.js';
import { overrideError, resolveErrorsOptions } from './error-override.js';
import type { ErrorVerdict, FluxorErrorInit, Outcome, RetryDecision } from './fluxor-error.js';
import type { FluxorError } from './fluxor-error.js';
import { ConstraintError, OutcomeUnknownError, QueryError } from './query-error.js';

const verdictOf = ({ decision, outcome, breaker, isConnectionFatal }: FluxorError): ErrorVerdict => ({
  decision,
  outcome,
  breaker,
  isConnectionFatal,
});

/** What becomes of `error`, and what of the hook's answer was not followed. */
function override(error: FluxorError, hook: ErrorOverrideHook | ErrorOverride, isSafeToRepeat = false) {
  const refusals: OverrideRefusal[] = [];
  const asked = typeof hook === 'function' ? hook : () => hook;
  overrideError(error, isSafeToRepeat, asked, (refusal) => refusals.push(refusal));
  return { verdict: verdictOf(error), refusals, whys: refusals.map(({ why }) => why) };
}

const unique = () => new ConstraintError('unique', 'x', {}, { outcome: 'not-applied', breaker: 'success' });
const lost = (init: Omit<FluxorErrorInit, 'reason'> = {}) =>
  new ConnectionError('lost', 'x', { outcome: 'unknown', isConnectionFatal: true, breaker: 'failure', ...init });

describe('overrideError', () => {
  it('gives the hook the classified error with its cause, and leaves everything as it is when it answers nothing', () => {
    const cause = new Error('native');
    const error = new QueryError('internal', 'x', { cause, sqlState: 'XX000', breaker: 'failure' });
    const before = verdictOf(error);
    const seen: unknown[] = [];
    const { verdict, refusals } = override(error, (given) => {
      seen.push(given, given.cause);
      return undefined;
    });
    expect(seen).toEqual([error, cause]);
    expect([verdict, refusals]).toEqual([before, []]);
  });

  it('takes every verdict that is safe', () => {
    const answer: ErrorVerdict = {
      decision: 'whole-transaction',
      outcome: 'not-applied',
      breaker: 'ignore',
      isConnectionFatal: true,
    };
    const error = unique();
    expect(override(error, answer)).toMatchObject({ verdict: answer, refusals: [] });
    expect([error.retryable, error.toJSON()['retryable']]).toEqual([true, true]);
  });

  it('leaves what the answer leaves out, and what it says is undefined', () => {
    const { verdict } = override(lost(), { breaker: 'ignore', decision: undefined } as object);
    expect(verdict).toEqual({ decision: 'never', outcome: 'unknown', breaker: 'ignore', isConnectionFatal: true });
  });
});

describe('retry safety', () => {
  it('does not let a statement that may have been applied be repeated, and says so', () => {
    const { verdict, refusals } = override(lost(), { decision: 'new-connection' });
    expect(verdict.decision).toBe('never');
    expect(refusals).toMatchObject([
      { why: 'unsafe', detail: expect.stringContaining('was not declared idempotent') as string },
    ]);
  });

  it('lets it be repeated where it was declared safe', () => {
    const { verdict, whys } = override(lost(), { decision: 'new-connection' }, true);
    expect([verdict.decision, whys]).toEqual(['new-connection', []]);
  });

  it.each<[Outcome, Outcome, boolean]>([
    ['not-sent', 'not-applied', true],
    ['not-sent', 'unknown', true],
    ['not-applied', 'unknown', true],
    ['unknown', 'applied', true],
    ['not-applied', 'not-sent', false],
    ['unknown', 'not-applied', false],
    ['unknown', 'not-sent', false],
    ['applied', 'unknown', false],
  ])('an outcome only becomes more careful: %s → %s, %s', (from, to, isTaken) => {
    const { verdict, whys } = override(lost({ outcome: from }), { outcome: to });
    expect([verdict.outcome, whys]).toEqual(isTaken ? [to, []] : [from, ['unsafe']]);
  });

  it('takes back a decision that a more careful outcome forbids', () => {
    const { verdict } = override(lost({ outcome: 'not-applied', decision: 'new-connection' }), { outcome: 'unknown' });
    expect(verdict).toMatchObject({ outcome: 'unknown', decision: 'never' });
  });

  it.each([
    [new OutcomeUnknownError('x'), 'a COMMIT whose answer was lost'],
    [new ConnectionError('credentials', 'x', { code: 'AUTH' }), 'refused credentials'],
    [new QueryError('data', 'x', { outcome: 'applied' }), 'what was applied'],
  ])('never repeats %s', (error) => {
    const { verdict, whys } = override(error, { decision: 'new-connection' }, true);
    expect([verdict.decision, whys]).toEqual(['never', ['unsafe']]);
  });

  it('holds for every error and every answer', () => {
    const outcomes = fc.constantFrom<Outcome>('not-sent', 'not-applied', 'unknown', 'applied');
    const decisions = fc.constantFrom<RetryDecision>(
      'never',
      'same-connection',
      'new-connection',
      'whole-transaction',
      'after-fix',
    );
    const errors = fc.record({ outcome: outcomes, isConnectionFatal: fc.boolean() });
    const answers = fc.record(
      { outcome: outcomes, decision: decisions, isConnectionFatal: fc.boolean() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(errors, answers, fc.boolean(), (init, answer, isSafe) => {
        const { verdict } = override(lost(init), answer, isSafe);
        const mayBeApplied = init.outcome === 'applied' || (init.outcome === 'unknown' && !isSafe);
        if (mayBeApplied) expect(verdict.decision).toBe('never');
        if (init.outcome === 'unknown' || init.outcome === 'applied')
          expect(['unknown', 'applied']).toContain(verdict.outcome);
        if (init.outcome === 'unknown' && init.isConnectionFatal) expect(verdict.isConnectionFatal).toBe(true);
      }),
    );
  });
});

describe('the connection', () => {
  it('is given up or kept as the hook says', () => {
    expect(override(unique(), { isConnectionFatal: true }).verdict.isConnectionFatal).toBe(true);
    const internal = new QueryError('internal', 'x', { outcome: 'not-applied', isConnectionFatal: true });
    expect(override(internal, { isConnectionFatal: false }).verdict.isConnectionFatal).toBe(false);
  });

  it('is not kept where an answer is still to come, which the next caller would get', () => {
    const { verdict, whys } = override(lost(), { isConnectionFatal: false });
    expect([verdict.isConnectionFatal, whys]).toEqual([true, ['unsafe']]);
  });
});

describe('a hook that fails', () => {
  it('by throwing changes nothing and is told with what it threw', () => {
    const thrown = new Error('fault of the hook');
    const { verdict, refusals } = override(unique(), () => {
      throw thrown;
    });
    expect(verdict).toEqual(verdictOf(unique()));
    expect(refusals).toMatchObject([{ why: 'threw', thrown, error: { code: 'CONSTRAINT' } }]);
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['a text', 'never'],
    ['a boolean', true],
    ['an array', []],
    ['an unknown field', { decision: 'never', retry: true }],
    ['an unknown word', { breaker: 'fail' }],
    ['a word of another field', { decision: 'failure' }],
    ['a number', { isConnectionFatal: 1 }],
  ])('by answering %s changes nothing, and nothing of the answer is told', (_, answer) => {
    const { verdict, refusals } = override(unique(), () => answer as ErrorOverride);
    expect(verdict).toEqual(verdictOf(unique()));
    expect(refusals).toMatchObject([{ why: 'nonsense' }]);
    expect(refusals[0]?.detail).not.toMatch(/retry|fail\b/);
  });

  it('by answering a promise changes nothing, and its rejection ends no process', async () => {
    const { verdict, whys } = override(unique(), () => Promise.reject(new Error('x')) as unknown as ErrorOverride);
    expect([verdict, whys]).toEqual([verdictOf(unique()), ['nonsense']]);
    await fakeClock().settle();
  });

  it('by answering something that throws when it is read is contained as well', () => {
    const trap = {
      get breaker(): never {
        throw new Error('trap');
      },
    };
    expect(override(unique(), () => trap as ErrorOverride).whys).toEqual(['threw']);
  });
});

describe('resolveErrorsOptions', () => {
  const read = (options: unknown) => {
    const issues: OptionIssue[] = [];
    return { config: resolveErrorsOptions(options, issues), issues };
  };

  it('has no hook by default, and takes a function', () => {
    const hook = () => undefined;
    expect(read(undefined)).toEqual({ config: { override: undefined }, issues: [] });
    expect(read({ override: hook })).toEqual({ config: { override: hook }, issues: [] });
  });

  it('refuses everything else', () => {
    expect(read({ override: 'yes', overrides: 1 }).issues).toEqual([
      { path: 'errors.override', got: "'yes'", expected: 'a function' },
      { path: 'errors.overrides', got: 'an unknown option', expected: 'did you mean errors.override?' },
    ]);
  });
});
