/** Where an error found a statement (src/driver/driver.ts, FailureSituation): the places that the tests of errors start from. */
import type { FailureSituation } from '../../src/driver/driver.js';

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
