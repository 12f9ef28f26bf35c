/**
 * Opens a transaction: over the whole road with a connection of its own, or over the inner road on a session's. Both end
 * in the same handle; only who gives the connection back differs.
 */
import type { Connection } from '../connection/connection.js';
import { TransactionControl } from '../connection/transaction-control.js';
import { Deadline } from '../kernel/deadline.js';
import type { Pass } from '../gate/gate.js';
import type { LeaseScope } from '../pool/lease-scopes.js';
import type { Lease } from '../pool/lease.js';
import type { CallRetry } from './attempts.js';
import type { Call } from './call.js';
import { connectionOf, passOf } from './call.js';
import type { House } from './house.js';
import type { TransactionOptions } from './query-options.js';
import {
  checkOptions,
  readBeginOptions,
  readTimeout,
  SESSION_TRANSACTION_OPTIONS,
  TRANSACTION_OPTIONS,
} from './query-options.js';
import type { OpenTransaction } from './transaction-metrics.js';
import type { TracedTransaction } from './transaction-traces.js';
import { CallTrace } from './call-trace.js';
import { TransactionHandle } from './transaction-handle.js';

export type TransactionPlace =
  | { readonly road: 'outer' }
  /** `pass` is what the gate gave for the session. */
  | { readonly road: 'inner'; readonly lease: Lease<Connection>; readonly pass: Pass };

/** One run of a transaction: which it is, and the time that all of them have together. */
export interface TransactionRun {
  /** 1 for the first. */
  readonly attempt: number;
  readonly deadline: Deadline;
  readonly timeoutMs: number;
  /** Of BEGIN alone; a transaction function is repeated as a whole by whoever runs it. */
  readonly retry: CallRetry;
  readonly scope?: LeaseScope | undefined;
  readonly traced?: TracedTransaction | undefined;
}

/** Checks the options and starts the clock of a transaction. @throws ConfigError */
export function firstRun(house: House, options: TransactionOptions, place: TransactionPlace): TransactionRun {
  checkOptions(options, place.road === 'inner' ? SESSION_TRANSACTION_OPTIONS : TRANSACTION_OPTIONS);
  const timeoutMs = readTimeout(options.timeout, Infinity);
  const deadline = Deadline.after(house.parts.config.clock, timeoutMs);
  // A connection that is held already is not exchanged for another one.
  return { attempt: 1, deadline, timeoutMs, retry: place.road === 'outer' ? house.retryFor(options.retry) : undefined };
}

export async function openTransaction(
  house: House,
  options: TransactionOptions,
  place: TransactionPlace,
  run: TransactionRun,
): Promise<TransactionHandle> {
  const beginOptions = readBeginOptions(options, house.parts.config.driver);
  const asker = house.resolverFor(options.resolveOutcome);
  // What only reads has nothing to be found out about.
  const resolver = beginOptions.readOnly === true ? undefined : asker;
  const { config, road } = house.parts;
  const { attempt, deadline, timeoutMs, traced } = run;
  const work = async (call: Call) => {
    const connection = place.road === 'inner' ? place.lease.resource : connectionOf(call);
    connection.markTouched();
    const { transactions, dialect } = config.driver;
    const asked = call.toStatementCall();
    const telling = traced?.carrier === undefined ? undefined : transactions.tellTrace?.(traced.carrier);
    const control = await TransactionControl.begin(connection, transactions, beginOptions, asked, dialect, telling);
    const pass = place.road === 'inner' ? place.pass : passOf(call);
    const scope = {
      house,
      connection,
      control,
      deadline,
      timeoutMs,
      signal: options.signal,
      attempt,
      pass,
      trouble: { error: undefined },
      traced,
    };
    /** Does nothing the second time. */
    const giveBack = (isReusable: boolean) => {
      if (place.road === 'outer') endLease(call, isReusable);
      // What is left of it must not swallow the session's next statements.
      else if (!isReusable && !connection.isReady) place.lease.discard();
    };
    const handle = new TransactionHandle(scope, call, giveBack);
    const about = { transactionId: handle.id, connectionId: connection.id, deadlineAt: deadline.at };
    // The pool may have room for no other connection while this one, which is of no use any more, is kept.
    handle.finder = resolver?.finderFor(about, () => giveBack(false));
    if (call.lease !== undefined) house.watchHandle(handle, call.lease);
    if (traced?.onEnd !== undefined)
      endWithLease(traced, handle.counted, place.road === 'inner' ? place.lease : call.lease);
    return handle;
  };
  const startedAt = config.clock.now();
  const call = house.newCall({
    kind: 'transaction',
    startedAt,
    // BEGIN itself is one statement; what follows is bounded by the transaction's own deadline.
    timeoutMs: config.query.timeoutMs,
    outer: { deadlineAt: deadline.at, timeoutMs },
    signal: options.signal,
    holding: { holder: 'transaction', label: options.label, priority: options.priority, scope: run.scope },
    work,
    retry: run.retry,
    inside: place.road === 'inner' ? { connectionId: place.lease.resource.id, pass: place.pass } : undefined,
    traced: traced && new CallTrace(traced.trace, undefined, traced.parts.stamp, startedAt),
  });
  return (await (place.road === 'inner' ? road.travelInside(call) : road.travel(call))) as TransactionHandle;
}

/** Of a handle that was left behind, or whose connection was taken away: nobody may ask it for anything again. */
function endWithLease({ trace, onEnd }: TracedTransaction, counted: OpenTransaction, lease?: Lease<Connection>): void {
  if (lease === undefined) return;
  lease.onEnded = () => {
    // It goes on to its end by itself.
    if (counted.isEnding) return;
    trace.outcome ??= 'lost';
    onEnd?.();
  };
}

function endLease(call: Call, isReusable: boolean): void {
  if (isReusable) call.lease?.release();
  else call.lease?.discard();
}
