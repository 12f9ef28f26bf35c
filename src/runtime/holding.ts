/**
 * What lends a connection to user code: transactions and sessions. Apart from runtime.ts because it is not loaded with the front
 * door (docs/decisions/0026), and together because each of them leads to the other.
 */
import type { LeaseScope } from '../pool/lease-scopes.js';
import { firstRun, openTransaction } from './begin.js';
import type { Call } from './call.js';
import { leaseOf, passOf } from './call.js';
import type { House } from './house.js';
import type { AcquireOptions, TransactionOptions } from './query-options.js';
import { ACQUIRE_OPTIONS, checkOptions, readTimeout } from './query-options.js';
import type { Session } from './session.js';
import { SessionHandle } from './session.js';
import { transact } from './transact.js';
import type { Transaction } from './transaction.js';

export function runTransaction<T>(
  house: House,
  fn: (tx: Transaction) => Promise<T>,
  options: TransactionOptions,
): Promise<T> {
  return transact(house, fn, options, { road: 'outer' });
}

export async function beginTransaction(house: House, options: TransactionOptions): Promise<Transaction> {
  const place = { road: 'outer' } as const;
  return openTransaction(house, options, place, firstRun(house, options, place));
}

export async function acquireSession(
  house: House,
  options: AcquireOptions,
  scope: LeaseScope | undefined,
): Promise<Session> {
  checkOptions(options, ACQUIRE_OPTIONS);
  const { settings, road, config } = house.parts;
  const { label, priority, signal } = options;
  const call = house.newCall({
    kind: 'session',
    startedAt: config.clock.now(),
    timeoutMs: readTimeout(options.timeout, settings.current.acquireTimeoutMs, false),
    signal,
    holding: { holder: 'session', label, priority, scope },
    work: async (self: Call) => new SessionHandle(house, leaseOf(self), passOf(self)),
    retry: house.retryFor(undefined),
  });
  return (await road.travel(call)) as Session;
}

export async function useSession<T>(
  house: House,
  fn: (session: Session) => Promise<T>,
  options: AcquireOptions,
): Promise<T> {
  const { scopes } = house.parts;
  const scope = scopes.open();
  await using session = await acquireSession(house, options, scope);
  return await scopes.run(scope, () => fn(session));
}
