/**
 * One call on its way down the road: who it is, when it must have ended, what it wants to do with a connection.
 * Made by the runtime, carried through the stages, never seen by users.
 */
import type { Connection } from '../connection/connection.js';
import type { StatementCall } from '../connection/statement-call.js';
import type { DriverResult } from '../driver/query.js';
import { Deadline } from '../kernel/deadline.js';
import type { Clock } from '../kernel/clock.js';
import type { Lease } from '../pool/lease.js';
import type { AcquireRequest } from '../pool/waiter.js';
import type { QueryOptions } from './query-options.js';

/** What a call does at the end of its road. */
export type Work = (call: Call) => Promise<unknown>;

/** Who will hold the connection, and how reports call them. */
export type Holding = Pick<AcquireRequest, 'holder' | 'label' | 'scope' | 'priority'>;

export interface CallInit {
  readonly id: number;
  readonly kind: 'statement' | 'transaction' | 'session';
  readonly runtimeName: string;
  readonly clock: Clock;
  /** `Infinity` for none. */
  readonly timeoutMs: number;
  /** A surrounding deadline (a transaction's) that this call cannot outlive. */
  readonly outer?: { readonly deadline: Deadline; readonly timeoutMs: number } | undefined;
  readonly options: QueryOptions;
  /** How the connection is asked for, where user code will hold it. */
  readonly holding?: Holding | undefined;
  readonly work: Work;
  /** The connection that a statement inside a session or transaction runs on. */
  readonly connectionId?: number | undefined;
}

export class Call {
  readonly id: number;
  readonly kind: CallInit['kind'];
  readonly options: QueryOptions;
  readonly holding: Holding | undefined;
  readonly work: Work;
  readonly startedAt: number;
  readonly deadline: Deadline;
  readonly timeoutMs: number;
  /** The surrounding deadline is the sooner one, so a timeout is the transaction's. */
  readonly isBoundByOuter: boolean;
  readonly #runtimeName: string;
  /** What was lent to this call; absent before that, and for statements inside a session or transaction. */
  lease: Lease<Connection> | undefined;
  readonly #innerConnectionId: number | undefined;

  constructor(init: CallInit) {
    this.id = init.id;
    this.kind = init.kind;
    this.options = init.options;
    this.holding = init.holding;
    this.work = init.work;
    this.#runtimeName = init.runtimeName;
    this.#innerConnectionId = init.connectionId;
    this.startedAt = init.clock.now();
    const own = new Deadline(init.clock, this.startedAt + init.timeoutMs);
    const bound = init.outer !== undefined && init.outer.deadline.at < own.at ? init.outer : undefined;
    this.isBoundByOuter = bound !== undefined;
    this.deadline = bound?.deadline ?? own;
    this.timeoutMs = bound?.timeoutMs ?? init.timeoutMs;
  }

  /** The connection in use, once there is one. */
  get connectionId(): number | undefined {
    return this.lease?.entry.id ?? this.#innerConnectionId;
  }

  get context(): StatementCall['context'] {
    const { connectionId } = this;
    const base = { runtime: this.#runtimeName, queryId: this.id };
    return connectionId === undefined ? base : { ...base, connectionId };
  }

  /** The call as the connection wants it. */
  toStatementCall(): StatementCall {
    const { idempotent = false, readOnly = false, signal } = this.options;
    return {
      deadlineAt: this.deadline.at,
      timeoutMs: this.timeoutMs,
      signal,
      phase: this.isBoundByOuter ? 'transaction' : 'statement',
      isReadOnly: readOnly,
      isSafeToRepeat: idempotent || readOnly,
      inTransaction: false,
      askedReadOnly: false,
      context: this.context,
    };
  }
}

/** What the road lent to the call; its work may count on it. */
export function leaseOf(call: Call): Lease<Connection> {
  if (call.lease === undefined) throw new Error('bug: the road must have lent a connection');
  return call.lease;
}

export function connectionOf(call: Call): Connection {
  return leaseOf(call).resource;
}

/** What the trace stage can say about a finished statement. */
export function isDriverResult(value: unknown): value is DriverResult {
  return typeof value === 'object' && value !== null && 'rowsAffected' in value && 'rows' in value;
}
