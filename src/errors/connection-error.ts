/** The way to the database failed: it could not be reached, refused us, or the connection was lost under a call. */
import type { FluxorErrorInit } from './fluxor-error.js';
import { FluxorError } from './fluxor-error.js';

export type ConnectionErrorReason =
  | 'refused'
  | 'unreachable'
  | 'dns'
  | 'tls'
  | 'lost'
  | 'starting-up'
  | 'shutting-down'
  | 'too-many-connections'
  | 'unknown-database'
  | 'idle-timeout'
  | 'credentials'
  | 'local-resources'
  | 'settings'
  | 'protocol';

export class ConnectionError extends FluxorError {
  /** @internal */
  static override get name(): string {
    return 'ConnectionError';
  }

  declare readonly reason: ConnectionErrorReason;

  constructor(
    reason: ConnectionErrorReason,
    message: string,
    init: Omit<FluxorErrorInit, 'reason'> & { readonly code?: 'CONNECTION' | 'AUTH' } = {},
  ) {
    super(init.code ?? 'CONNECTION', message, { ...init, reason });
  }
}
