import { describe, expect, it } from 'vitest';
import type { OverrideRefusal } from '../errors/error-override.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import { QueryError } from '../errors/query-error.js';
import type { FailureSituation } from '../driver/driver.js';
import { SENT } from '../../test/fakes/situations.js';
import { classifierOf } from './classifier.js';

/** Calls everything unknown, and passes on what is an error of the house already. */
const driver = {
  classify: (error: unknown, { context }: FailureSituation): FluxorError =>
    error instanceof QueryError
      ? error
      : new QueryError('internal', 'x', { cause: error, context, outcome: 'unknown' }),
};

describe('classifierOf', () => {
  it('is the driver’s word where there is no hook', () => {
    const native = new Error('native');
    const error = classifierOf(driver, undefined, () => expect.unreachable())(native, SENT);
    expect(error).toMatchObject({ cause: native, context: { connectionId: 3 } });
  });

  it('has the user’s word on top, which knows whether the statement was declared safe', () => {
    const refusals: OverrideRefusal[] = [];
    const classify = classifierOf(
      driver,
      () => ({ decision: 'new-connection' }),
      (refusal) => refusals.push(refusal),
    );
    expect(classify(new Error('x'), { ...SENT, isSafeToRepeat: true }).decision).toBe('new-connection');
    expect(refusals).toEqual([]);
    const unsafe = classify(new Error('x'), SENT);
    expect(unsafe.decision).toBe('never');
    expect(refusals).toMatchObject([{ error: unsafe, why: 'unsafe' }]);
  });

  it('does not ask about errors of the house', () => {
    const classify = classifierOf(
      driver,
      () => expect.unreachable(),
      () => undefined,
    );
    const error = new QueryError('data', 'a value that cannot be bound');
    expect(classify(error, SENT)).toBe(error);
  });
});
