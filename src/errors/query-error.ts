/** The database answered, and the answer was no. The connection is usually fine. */
import type { FluxorErrorInit } from './fluxor-error.js';
import { FluxorError } from './fluxor-error.js';

export type QueryErrorReason =
  | 'syntax'
  | 'undefined-object'
  | 'duplicate-object'
  | 'permission'
  | 'data'
  | 'statement-invalid'
  | 'resource'
  | 'object-state'
  | 'application'
  | 'internal';

export class QueryError extends FluxorError {
  /** @internal */
  static override get name(): string {
    return 'QueryError';
  }

  declare readonly reason: QueryErrorReason;

  constructor(reason: QueryErrorReason, message: string, init: Omit<FluxorErrorInit, 'reason'> = {}) {
    super('QUERY', message, { ...init, reason });
  }
}

export type ConstraintErrorReason = 'unique' | 'foreign-key' | 'not-null' | 'check' | 'exclusion';

export interface ConstraintFacts {
  readonly constraint?: string | undefined;
  readonly table?: string | undefined;
  readonly column?: string | undefined;
}

/** Names what was violated; never the offending values (they are on `cause`). */
export class ConstraintError extends FluxorError {
  /** @internal */
  static override get name(): string {
    return 'ConstraintError';
  }

  declare readonly reason: ConstraintErrorReason;
  readonly constraint: string | undefined;
  readonly table: string | undefined;
  readonly column: string | undefined;

  constructor(
    reason: ConstraintErrorReason,
    message: string,
    facts: ConstraintFacts,
    init: Omit<FluxorErrorInit, 'reason'> = {},
  ) {
    super('CONSTRAINT', message, { ...init, reason });
    this.constraint = facts.constraint;
    this.table = facts.table;
    this.column = facts.column;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), constraint: this.constraint, table: this.table, column: this.column };
  }
}

export type TransactionErrorReason =
  'deadlock' | 'serialization' | 'lock-timeout' | 'aborted' | 'read-only' | 'invalid-state';

/** The transaction cannot go on. When `retryable`, run all of it again, never only its last statement. */
export class TransactionError extends FluxorError {
  /** @internal */
  static override get name(): string {
    return 'TransactionError';
  }

  declare readonly reason: TransactionErrorReason;

  constructor(reason: TransactionErrorReason, message: string, init: Omit<FluxorErrorInit, 'reason'> = {}) {
    super('TRANSACTION', message, { ...init, reason });
  }
}

/** A COMMIT (or a write whose fate was asked for) was sent and its answer lost. Never retryable. */
export class OutcomeUnknownError extends FluxorError {
  /** @internal */
  static override get name(): string {
    return 'OutcomeUnknownError';
  }

  constructor(message: string, init: Omit<FluxorErrorInit, 'outcome' | 'decision'> = {}) {
    super('OUTCOME_UNKNOWN', message, { ...init, outcome: 'unknown', decision: 'never' });
  }
}
