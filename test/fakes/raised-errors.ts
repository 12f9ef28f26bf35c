/** Errors of the house as a driver raises them, for tests of what the runtime makes of them. */
import { ConnectionError } from '../../src/errors/connection-error.js';
import { TransactionError } from '../../src/errors/query-error.js';

export const refused = () =>
  new ConnectionError('refused', 'nobody listens', {
    decision: 'new-connection',
    breaker: 'failure',
    cause: new Error(),
  });

export const deadlock = () =>
  new TransactionError('deadlock', 'chosen', {
    outcome: 'not-applied',
    decision: 'whole-transaction',
    breaker: 'success',
  });
