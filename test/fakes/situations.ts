/** Where an error found a statement (src/driver/driver.ts, FailureSituation): the places that the tests of errors start from. */
import type { FailureSituation } from '../../src/driver/driver.js';
import type { FluxorError } from '../../src/errors/fluxor-error.js';
import type { FailedAttempt } from '../../src/gate/retry-rules.js';

/** On the wire, outside a transaction, with nothing declared: the place where least is known. */
export const SENT: FailureSituation = {
  phase: 'statement',
  wasSent: true,
  isReadOnly: false,
  isSafeToRepeat: false,
  inTransaction: false,
  askedReadOnly: false,
  context: { connectionId: 3 },
};
export const UNSENT: FailureSituation = { ...SENT, wasSent: false };
export const CONNECT: FailureSituation = { ...UNSENT, phase: 'connect' };
export const IDLE: FailureSituation = { ...UNSENT, phase: 'idle' };
export const INSIDE: FailureSituation = { ...SENT, inTransaction: true };
export const COMMIT: FailureSituation = { ...INSIDE, phase: 'commit' };

/** The first attempt of a statement that nobody called safe, with time to spare. */
export const failedAttempt = (error: FluxorError, facts: Partial<FailedAttempt> = {}): FailedAttempt => ({
  error,
  attempt: 1,
  unit: 'statement',
  isSafeToRepeat: false,
  wasLeased: false,
  deadlineAt: Infinity,
  now: 0,
  previousDelayMs: 0,
  hadFreeRetry: false,
  ...facts,
});
