/** Very many acquires that reach their deadline: afterwards nothing of them may be left. Ours alone. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Round } from '../harness/job.js';
import type { Peer } from '../harness/peer.js';
import { StubServer } from '../harness/stub-server.js';
import { FluxorPool } from '../peers/fluxor.js';

export async function prepare(
  _peer: Peer,
  { timeouts = 0, atOnce = 0 }: Readonly<Record<string, number>>,
): Promise<Round> {
  const pool = new FluxorPool(new StubServer(), { maxSize: 1, maxWaiting: 1_000_000 });
  const held = await pool.acquire();
  // Code and caches belong to the first ones.
  await letTimeOut(pool, 2 * atOnce, atOnce);
  return async () => {
    const heapBefore = await heapUsed();
    const startedAt = performance.now();
    await letTimeOut(pool, timeouts, atOnce);
    const elapsedMs = performance.now() - startedAt;
    const heapAfter = await heapUsed();
    if (pool.waiting !== 0) throw new Error(`${pool.waiting} still wait`);
    pool.release(held);
    await pool.close();
    return { elapsedMs, heapBefore, heapAfter };
  };
}

async function letTimeOut(pool: FluxorPool, timeouts: number, atOnce: number): Promise<void> {
  for (let done = 0; done < timeouts; done += atOnce) {
    let served = 0;
    const line = Array.from({ length: atOnce }, () =>
      pool.acquireWithin(2).then(
        () => void (served += 1),
        () => undefined,
      ),
    );
    await Promise.all(line);
    if (served > 0) throw new Error(`${served} were served, and the only connection is in use`);
  }
}

/** Bytes, after what is garbage has gone. */
async function heapUsed(): Promise<number> {
  if (globalThis.gc === undefined) throw new Error('needs --expose-gc');
  for (let times = 0; times < 3; times += 1) {
    await nextTurn();
    globalThis.gc();
  }
  return process.memoryUsage().heapUsed;
}
