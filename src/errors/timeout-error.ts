/** A limit in time was reached, or somebody said stop. Which limit, and what became of the statement, is always said. */
import type { FluxorErrorInit } from './fluxor-error.js';
import { FluxorError } from './fluxor-error.js';

/** The part of a call that used up the time. */
export type TimeoutPhase = 'acquire' | 'connect' | 'validate' | 'statement' | 'transaction' | 'commit';

export class TimeoutError extends FluxorError {
  /** @internal */
  static override get name(): string {
    return 'TimeoutError';
  }

  readonly phase: TimeoutPhase;

  constructor(phase: TimeoutPhase, message: string, init: Omit<FluxorErrorInit, 'reason'> = {}) {
    super('TIMEOUT', message, { ...init, reason: phase });
    this.phase = phase;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), phase: this.phase };
  }
}

/** Who said stop. */
export type CancelledBy = 'caller' | 'administrator' | 'runtime';

export class CancelledError extends FluxorError {
  /** @internal */
  static override get name(): string {
    return 'CancelledError';
  }

  declare readonly reason: CancelledBy;

  constructor(reason: CancelledBy, message: string, init: Omit<FluxorErrorInit, 'reason'> = {}) {
    super('CANCELLED', message, { ...init, reason });
  }
}
