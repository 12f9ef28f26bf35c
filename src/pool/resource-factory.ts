/**
 * The port through which the pool makes and unmakes what it lends. The pool has never heard of SQL: connection/
 * implements this for database connections, and a test implements it for a plain object.
 */
import type { FluxorError, Siblings } from '../errors/fluxor-error.js';

/**
 * What the resource itself says about its readiness, asked without I/O at every release and before every loan.
 * `dirty` can be cleaned by `reset`; `broken` can only be destroyed.
 */
export type Condition = 'clean' | 'dirty' | 'broken';

/**
 * What one resource's trouble says about all others made before: `validate` = they may be dead too, so each proves
 * itself before it is lent again; `evict` = the other side is no longer the one wanted (a failover), so they are closed.
 */
export type SiblingVerdict = Exclude<Siblings, 'keep'>;

/** What people want to read about a resource in a report. */
export interface ResourceFacts {
  /** The last statement's shape, without values. */
  readonly lastStatement?: string;
  /** The protocol's state: `busy`, `in-transaction`. */
  readonly state?: string;
}

export interface CreateRequest {
  /** The id that events and errors will call the resource by. */
  readonly id: number;
  /** Aborted when the attempt has run out of time or the pool closes: give up and free everything at once. */
  readonly signal: AbortSignal;
  /** To be called once when the resource breaks without having been asked. */
  readonly onLost: (error: FluxorError) => void;
  /** To be called when an error of this resource says something about all the others. */
  readonly onSiblings: (verdict: SiblingVerdict, error: FluxorError) => void;
  /** To be called when the credentials had been refused and fresh ones worked: what the old ones opened is to be renewed. */
  readonly onRotated: () => void;
}

export interface ResourceFactory<R> {
  /** What the pool waited for, in a message: `postgres://app@localhost:5432/shop`. */
  readonly label: string;
  /** Rejects with a FluxorError; `retryable` false means that trying again by itself is pointless. */
  create(request: CreateRequest): Promise<R>;
  condition(resource: R): Condition;
  /** Whoever has it has given it work that has not ended. */
  isBusy(resource: R): boolean;
  /**
   * Whether one more statement may join those in flight on it now. False means "not this one now": the pool asks again
   * when one of those has ended. Asked in a pool that shares only.
   */
  canShare(resource: R, now: number): boolean;
  /** One proof of life. Rejects when the resource should not be lent. */
  validate(resource: R): Promise<void>;
  /** Makes a dirty resource clean, however long it takes; the pool bounds it. */
  reset(resource: R): Promise<void>;
  /** A gentle end. May hang; the pool bounds it. */
  close(resource: R): Promise<void>;
  /** The end, now. Never throws, and may be called after `close`. */
  destroy(resource: R): void;
  /** For reports and messages; never called on the way of a call that goes well. */
  describe(resource: R): ResourceFacts;
}
