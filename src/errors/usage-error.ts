/** The program used the runtime in a way that can never work. A bug to fix, not a condition to handle. */
import type { ErrorContext, Outcome } from './fluxor-error.js';
import { FluxorError } from './fluxor-error.js';

export type UsageErrorCode =
  | 'LEASE_RELEASED'
  | 'TRANSACTION_CLOSED'
  | 'STATEMENT_NOT_AWAITED'
  | 'STREAM_OPEN'
  | 'STREAM_CONSUMED'
  | 'RUNTIME_CLOSED'
  | 'NESTED_LEASE';

/** Nothing was sent, or, of `STATEMENT_NOT_AWAITED`, nothing remains. Never retryable. */
export class UsageError extends FluxorError {
  /** @internal */
  static override get name(): string {
    return 'UsageError';
  }

  constructor(
    code: UsageErrorCode,
    message: string,
    init: { context?: ErrorContext; cause?: unknown; outcome?: Outcome } = {},
  ) {
    super(code, message, init);
  }
}
