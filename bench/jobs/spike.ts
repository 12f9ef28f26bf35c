/** Many requests at once on a few warm connections, where connecting takes far longer than a query. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Round } from '../harness/job.js';
import type { OpenPool, Peer } from '../harness/peer.js';
import { StubServer } from '../harness/stub-server.js';
import { openAll } from './cycle.js';

export interface SpikeInput {
  readonly [name: string]: number;
  readonly connectMs: number;
  readonly queryMs: number;
  readonly warm: number;
  readonly size: number;
  readonly requests: number;
}

/** A pool of its own for each round. */
export async function prepare(peer: Peer, input: SpikeInput): Promise<Round> {
  const { connectMs, queryMs, warm, requests } = input;
  // The bare stack grows whenever it can; held at the warm ones, it is the time that five connections need.
  const size = peer.name === 'bare' ? warm : input.size;
  return async () => {
    const server = new StubServer(connectMs);
    const pool = peer.open(server, size);
    await openAll(pool, warm);
    await sleep(20);
    const openBefore = server.open;
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: requests }, () => request(pool, queryMs)));
    const elapsedMs = performance.now() - startedAt;
    // What was begun in the spike arrives later.
    await sleep(3 * connectMs);
    const openAfter = server.open;
    await pool.close();
    return { elapsedMs, openBefore, openAfter };
  };
}

async function request(pool: OpenPool, queryMs: number): Promise<void> {
  const lent = await pool.acquire();
  await sleep(queryMs);
  pool.release(lent);
}
