/**
 * opossum: a breaker with a timeout and rolling statistics. It has no retry, so its user writes one around it; and no
 * queue: beyond its capacity it rejects, which counts as a failure and opens it. So its capacity is the most tasks there are.
 */
import CircuitBreaker from 'opossum';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DriverResult } from '../../../src/driver/query.js';
import { versionOf } from '../../harness/peer.js';
import type { GuardPeer } from './guarded.js';
import { RESET_MS, RETRIES, SQL } from './guarded.js';

const CAPACITY = 64;
const BACKOFF_MS = 100;
/** opossum's own: the breaker is open, or its capacity used up. */
const REJECTIONS = new Set<unknown>(['EOPENBREAKER', 'ESEMLOCKED']);

export const peer: GuardPeer = {
  name: 'opossum',
  version: versionOf('opossum'),
  settings: `timeout, errorThresholdPercentage 50, capacity ${CAPACITY}, statistics on; a loop of retries around it`,
  lacks:
    'a retry of its own, a queue (its capacity rejects), a deadline over all attempts, rate limit, the pool: acquire, release',
  guards: ['deadline', 'retry', 'breaker', 'limit', 'metrics'],
  limit: CAPACITY,
  async open(server, { timeoutMs }) {
    const connection = server.connect();
    const execute = (id: number) => connection.execute({ text: SQL, values: [id], rowMode: 'object' });
    const breaker = new CircuitBreaker(execute, {
      timeout: timeoutMs,
      errorThresholdPercentage: 50,
      // Its default of 0 opens at the first failure.
      volumeThreshold: 10,
      resetTimeout: RESET_MS,
      capacity: CAPACITY,
    });
    let counted = 0;
    breaker.on('success', () => (counted += 1));
    return {
      run: (id) => fireAgain(breaker, id),
      rowsOf: (answer: DriverResult) => answer.rows,
      counted: () => counted,
      close: async () => {
        breaker.shutdown();
        await connection.close();
      },
    };
  },
};

/** The least a user would write. */
async function fireAgain(breaker: CircuitBreaker<[number], DriverResult>, id: number): Promise<DriverResult> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await breaker.fire(id);
    } catch (error) {
      if (attempt >= RETRIES || REJECTIONS.has((error as { code?: unknown }).code)) throw error;
      await sleep(BACKOFF_MS * 2 ** attempt);
    }
  }
}
