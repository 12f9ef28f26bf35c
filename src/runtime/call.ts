/**
 * One call on its way down the road: who it is, when it must have ended, what it wants to do with a connection.
 * Made by the runtime, carried along the road, never seen by users. It is what the pool, the gate and the connection are
 * asked with, so that a call costs one object and not one for each of them.
 */
import type { Connection } from '../connection/connection.js';
import type { StatementFacts } from '../connection/statement-book.js';
import type { StatementCall } from '../connection/statement-call.js';
import type { DriverQuery } from '../driver/query.js';
import type { ErrorContext } from '../errors/fluxor-error.js';
import type { Pass } from '../gate/gate.js';
import type { Priority } from '../kernel/priority.js';
import type { Lane } from '../pool/lane.js';
import type { LeaseScope } from '../pool/lease-scopes.js';
import type { Lease } from '../pool/lease.js';
import type { AcquireRequest } from '../pool/waiter.js';
import type { TransactionTrace } from '../telemetry/channels.js';
import type { CallWaits, MeteredCall } from '../telemetry/query-meter.js';
import { newWaits } from '../telemetry/query-meter.js';
import type { StatementEntry } from '../telemetry/statement-statistics.js';
import type { CallRetry } from './attempts.js';
import type { Take } from './executor.js';
import type { CallTrace } from './call-trace.js';

/** What a call does at the end of its road. */
export type Work = (call: Call) => Promise<unknown>;

/** Who will hold the connection, and how reports call them. */
export type Holding = Pick<AcquireRequest, 'holder' | 'label' | 'scope' | 'priority'>;

export interface CallInit {
  readonly kind: 'statement' | 'transaction' | 'session';
  /** Monotonic milliseconds: its clock starts here. */
  readonly startedAt: number;
  /** `Infinity` for none. */
  readonly timeoutMs: number;
  /** A surrounding deadline (a transaction's) that this call cannot outlive. */
  readonly outer?: OuterLimit | undefined;
  readonly signal: AbortSignal | undefined;
  readonly work: Work;
  readonly query?: DriverQuery;
  readonly take?: Take;
  readonly isIdempotent?: boolean | undefined;
  readonly isReadOnly?: boolean | undefined;
  /** See `StatementCall.isProlonged`. */
  readonly isProlonged?: boolean;
  readonly name?: string | undefined;
  /** How the connection is asked for, where user code will hold it. */
  readonly holding?: Holding | undefined;
  readonly retry: CallRetry;
  /** What is known of a single statement, where such may travel together. */
  readonly facts?: StatementFacts | undefined;
  /** In which line it waits for its connection. Default exclusive. */
  readonly lane?: Lane | undefined;
  /** Where a statement inside a session or transaction runs, and for whom. */
  readonly inside?: InsideLease | undefined;
  /** What a chunk of a batch is made of. */
  readonly batch?: BatchFacts | undefined;
  /** Of a transaction that is traced: its waits are noted there. */
  readonly traced?: CallTrace | undefined;
}

/** Of a chunk of a batch. */
export interface BatchFacts {
  /** The statement itself. */
  readonly text: string;
  /** How many sets of values it has; `undefined` as long as they come one by one. */
  sets: number | undefined;
}

export interface OuterLimit {
  readonly deadlineAt: number;
  readonly timeoutMs: number;
  /** Whose limit it is, for the error. Default a transaction's. */
  readonly phase?: 'statement';
}

/** The lease that a statement is part of. */
export interface InsideLease {
  readonly connectionId: number;
  /** What the gate gave for the lease: its statements report to it. */
  readonly pass: Pass;
  /** Of the transaction around them, where somebody traces. */
  readonly trace?: TransactionTrace | undefined;
}

export class Call implements StatementCall, MeteredCall {
  readonly id: number;
  readonly kind: CallInit['kind'];
  readonly startedAt: number;
  readonly deadlineAt: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly phase: 'statement' | 'transaction';
  readonly isReadOnly: boolean;
  readonly isSafeToRepeat: boolean;
  readonly inTransaction = false;
  readonly askedReadOnly = false;
  readonly isProlonged: boolean;
  readonly name: string | undefined;
  readonly priority: Priority | undefined;
  readonly holder: Holding['holder'];
  readonly label: string | undefined;
  readonly scope: LeaseScope | undefined;
  readonly facts: StatementFacts | undefined;
  readonly lane: Lane;
  /** Taken away where what the call would send cannot be had a second time. */
  retry: CallRetry;
  readonly inside: InsideLease | undefined;
  readonly batch: BatchFacts | undefined;
  readonly work: Work;
  /** What a statement's caller wants of its result; nothing else has one. */
  readonly take: Take | undefined;
  /** What was lent to the present attempt; absent before that, and for statements inside a session or transaction. */
  lease: Lease<Connection> | undefined = undefined;
  /** What the gate gave to the present attempt. */
  pass: Pass | undefined = undefined;
  /** Where it is counted, from its beginning to its end. */
  statistics: StatementEntry | undefined = undefined;
  /** Where its time went before its work; absent where it had not to wait. */
  waits: CallWaits | undefined = undefined;
  /** Absent where nobody traces. */
  traced: CallTrace | undefined;
  readonly #query: DriverQuery | undefined;
  readonly #runtimeName: string;

  constructor(id: number, runtimeName: string, init: CallInit) {
    this.id = id;
    this.#runtimeName = runtimeName;
    this.kind = init.kind;
    this.startedAt = init.startedAt;
    const ownDeadlineAt = init.startedAt + init.timeoutMs;
    const { outer } = init;
    // The surrounding deadline is the sooner one, so a timeout is that of whatever surrounds the call.
    const isBoundByOuter = outer !== undefined && outer.deadlineAt < ownDeadlineAt;
    this.deadlineAt = isBoundByOuter ? outer.deadlineAt : ownDeadlineAt;
    this.timeoutMs = isBoundByOuter ? outer.timeoutMs : init.timeoutMs;
    this.phase = isBoundByOuter ? (outer.phase ?? 'transaction') : 'statement';
    this.signal = init.signal;
    this.isReadOnly = init.isReadOnly ?? false;
    this.isProlonged = init.isProlonged ?? false;
    this.isSafeToRepeat = this.isReadOnly || (init.isIdempotent ?? false);
    this.name = init.name;
    this.priority = init.holding?.priority;
    this.holder = init.holding?.holder;
    this.label = init.holding?.label;
    this.scope = init.holding?.scope;
    this.facts = init.facts;
    this.lane = init.lane ?? 'exclusive';
    this.retry = init.retry;
    this.inside = init.inside;
    this.batch = init.batch;
    this.traced = init.traced;
    this.work = init.work;
    this.take = init.take;
    this.#query = init.query;
  }

  get runtimeName(): string {
    return this.#runtimeName;
  }

  /** What a statement wants to run. */
  get query(): DriverQuery {
    if (this.#query === undefined) throw new Error(`bug: a ${this.kind} is no statement`);
    return this.#query;
  }

  /** The connection in use, once there is one. */
  get connectionId(): number | undefined {
    return this.lease?.entry.id ?? this.inside?.connectionId;
  }

  get context(): ErrorContext {
    const { connectionId } = this;
    const base = { runtime: this.#runtimeName, queryId: this.id };
    return connectionId === undefined ? base : { ...base, connectionId };
  }

  /** As a plain object, for whoever says more about the statement than the call knows. */
  toStatementCall(): StatementCall {
    const { deadlineAt, timeoutMs, signal, phase, isReadOnly, isSafeToRepeat, inTransaction, askedReadOnly } = this;
    const { context, isProlonged } = this;
    const about = { isReadOnly, isSafeToRepeat, inTransaction, askedReadOnly, isProlonged };
    return { deadlineAt, timeoutMs, signal, phase, context, ...about, waiter: this };
  }

  /** For `StatementCall`: who stands in line is this. */
  get waiter(): this {
    return this;
  }

  noteTurn(waitedMs: number): void {
    this.waits ??= newWaits();
    this.waits.waitingMs += waitedMs;
  }

  /**
   * Until when an attempt that begins now may wait for its connection, in all lines together. A session's own timeout is one
   * for acquiring, and may be longer than the pool's.
   */
  acquireBy(now: number, acquireTimeoutMs: number): number {
    return this.kind === 'session' ? this.deadlineAt : Math.min(this.deadlineAt, now + acquireTimeoutMs);
  }
}

/** What the road lent to the call; its work may count on it. */
export function leaseOf(call: Call): Lease<Connection> {
  if (call.lease === undefined) throw new Error('bug: the road must have lent a connection');
  return call.lease;
}

/** What the gate gave to the call, on the road that goes through it. */
export function passOf(call: Call): Pass {
  if (call.pass === undefined) throw new Error('bug: the call must have passed the gate');
  return call.pass;
}

export function connectionOf(call: Call): Connection {
  return leaseOf(call).resource;
}
