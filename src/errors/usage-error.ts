/** The program used the runtime in a way that can never work. A bug to fix, not a condition to handle. */
import type { ErrorContext } from './fluxor-error.js';
import { FluxorError } from './fluxor-error.js';

export type UsageErrorCode = 'LEASE_RELEASED' | 'TRANSACTION_CLOSED' | 'RUNTIME_CLOSED' | 'NESTED_LEASE';

/** Nothing was sent. Never retryable. */
export class UsageError extends FluxorError {
  constructor(code: UsageErrorCode, message: string, init: { context?: ErrorContext; cause?: unknown } = {}) {
    super(code, message, init);
  }
}
