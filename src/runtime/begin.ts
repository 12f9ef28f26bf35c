/**
 * Opens a transaction: over the whole road with a connection of its own, or over the inner road on a session's. Both end
 * in the same handle; only who gives the connection back differs.
 */
import type { Connection } from '../connection/connection.js';
import { TransactionControl } from '../connection/transaction-control.js';
import { Deadline } from '../kernel/deadline.js';
import type { LeaseScope } from '../pool/lease-scopes.js';
import type { Lease } from '../pool/lease.js';
import type { Call, Holding } from './call.js';
import { connectionOf } from './call.js';
import type { House } from './house.js';
import type { TransactionOptions } from './query-options.js';
import {
  checkOptions,
  readBeginOptions,
  readTimeout,
  SESSION_TRANSACTION_OPTIONS,
  TRANSACTION_OPTIONS,
} from './query-options.js';
import { TransactionHandle } from './transaction.js';

export type TransactionPlace =
  | { readonly road: 'outer'; readonly scope?: LeaseScope | undefined }
  | { readonly road: 'inner'; readonly lease: Lease<Connection> };

export async function openTransaction(
  house: House,
  options: TransactionOptions,
  place: TransactionPlace,
): Promise<TransactionHandle> {
  checkOptions(options, place.road === 'inner' ? SESSION_TRANSACTION_OPTIONS : TRANSACTION_OPTIONS);
  const beginOptions = readBeginOptions(options);
  const { config, road, innerRoad } = house.parts;
  const timeoutMs = readTimeout(options.timeout, Infinity);
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const deadline = Deadline.after(config.clock, timeoutMs);
  const work = async (call: Call) => {
    const connection = place.road === 'inner' ? place.lease.resource : connectionOf(call);
    connection.markTouched();
    const words = config.driver.transactions;
    const control = await TransactionControl.begin(connection, words, beginOptions, call.toStatementCall());
    const scope = { house, connection, control, deadline, timeoutMs, signal: options.signal };
    const handle = new TransactionHandle(scope, call, (isReusable) => {
      if (place.road === 'outer') endLease(call, isReusable);
      // What is left of it must not swallow the session's next statements.
      else if (!isReusable && connection.condition() !== 'clean') place.lease.discard();
    });
    if (call.lease !== undefined) house.watchHandle(handle, call.lease);
    return handle;
  };
  const call = house.newCall({
    kind: 'transaction',
    // BEGIN itself is one statement; what follows is bounded by the transaction's own deadline.
    timeoutMs: config.query.timeoutMs,
    outer: { deadline, timeoutMs },
    options: signal,
    holding: holdingOf(options, place),
    work,
    ...(place.road === 'inner' ? { connectionId: place.lease.resource.id } : {}),
  });
  return (await (place.road === 'inner' ? innerRoad : road)(call)) as TransactionHandle;
}

function holdingOf({ label, priority }: TransactionOptions, place: TransactionPlace): Holding {
  return { holder: 'transaction', label, priority, scope: place.road === 'outer' ? place.scope : undefined };
}

function endLease(call: Call, isReusable: boolean): void {
  if (isReusable) call.lease?.release();
  else call.lease?.discard();
}
