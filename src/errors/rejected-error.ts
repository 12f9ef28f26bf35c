/** The runtime itself said no to protect the service or the database. Nothing was sent. */
import type { FluxorErrorInit } from './fluxor-error.js';
import { FluxorError } from './fluxor-error.js';

/**
 * Safe to repeat, but not worth repeating here: shedding load is the point. So `outcome` is `'not-sent'` and
 * `retryable` is false; a caller further up may decide otherwise after `retryAfterMs`.
 */
export class RejectedError extends FluxorError {
  /** @internal */
  static override get name(): string {
    return 'RejectedError';
  }

  constructor(
    code: 'CIRCUIT_OPEN' | 'RATE_LIMIT' | 'POOL_EXHAUSTED',
    message: string,
    init: Pick<FluxorErrorInit, 'retryAfterMs' | 'context' | 'cause'> = {},
  ) {
    super(code, message, init);
  }
}
