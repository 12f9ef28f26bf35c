/**
 * cockatiel, in the order of its own documentation: retry around breaker around bulkhead around timeout. The timeout is
 * the aggressive kind: the other one leaves a caller waiting for a driver that does not answer, which is no deadline.
 */
import {
  bulkhead,
  circuitBreaker,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleAll,
  retry,
  timeout,
  TimeoutStrategy,
  wrap,
} from 'cockatiel';
import type { DriverResult } from '../../../src/driver/query.js';
import { versionOf } from '../../harness/peer.js';
import type { GuardPeer } from './guarded.js';
import { CONNECTIONS, FAILURES, QUEUE, RESET_MS, RETRIES, SQL } from './guarded.js';

export const peer = makePeer('cockatiel', 'timeout aggressive', true);

/** `abortOnReturn` is its default: the signal that a call was given is aborted also when the call has succeeded. */
export function makePeer(name: string, timeoutSettings: string, abortOnReturn: boolean): GuardPeer {
  return {
    name,
    version: versionOf('cockatiel'),
    settings: `wrap(retry ${RETRIES}, breaker ${FAILURES} in a row, bulkhead ${CONNECTIONS} + ${QUEUE}, ${timeoutSettings})`,
    lacks:
      'a deadline over all attempts (its timeout is for one), rate limit, retry budget, metrics, the pool: acquire, release',
    guards: ['deadline', 'retry', 'breaker', 'limit'],
    limit: CONNECTIONS,
    async open(server, { timeoutMs }) {
      const connection = server.connect();
      const policy = wrap(
        retry(handleAll, { maxAttempts: RETRIES, backoff: new ExponentialBackoff() }),
        circuitBreaker(handleAll, { halfOpenAfter: RESET_MS, breaker: new ConsecutiveBreaker(FAILURES) }),
        bulkhead(CONNECTIONS, QUEUE),
        timeout(timeoutMs, { strategy: TimeoutStrategy.Aggressive, abortOnReturn }),
      );
      return {
        run: (id) => policy.execute(() => connection.execute({ text: SQL, values: [id], rowMode: 'object' })),
        rowsOf: (answer: DriverResult) => answer.rows,
        close: () => connection.close(),
      };
    },
  };
}
