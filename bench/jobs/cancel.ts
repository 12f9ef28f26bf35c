/** A long line whose waiters are all called away, in no order. Ours alone: no peer takes an AbortSignal. */
import type { Round } from '../harness/job.js';
import type { Peer } from '../harness/peer.js';
import { StubServer } from '../harness/stub-server.js';
import { seededRandom } from '../../src/kernel/random.js';
import { FluxorPool } from '../peers/fluxor.js';

/** Given, because the one that Node would make for each, with a stack, costs as much as everything else here. */
const REASON = new Error('called away');

export async function prepare(_peer: Peer, { waiters = 0 }: Readonly<Record<string, number>>): Promise<Round> {
  return async () => {
    const pool = new FluxorPool(new StubServer(), { maxSize: 1, maxWaiting: 1_000_000 });
    const held = await pool.acquire();
    const controllers = Array.from({ length: waiters }, () => new AbortController());

    const joiningAt = performance.now();
    const outcomes = controllers.map((controller) =>
      pool.acquireWithin(60_000, controller.signal).then(
        () => false,
        () => true,
      ),
    );
    const joinMs = performance.now() - joiningAt;
    if (pool.waiting !== waiters) throw new Error(`${pool.waiting} wait instead of ${waiters}`);

    const inNoOrder = shuffle(controllers);
    const cancellingAt = performance.now();
    for (const controller of inNoOrder) controller.abort(REASON);
    const wasCancelled = await Promise.all(outcomes);
    const cancelMs = performance.now() - cancellingAt;

    if (pool.waiting !== 0 || wasCancelled.includes(false)) throw new Error('not everybody was called away');
    pool.release(held);
    await pool.close();
    return { joinMs, cancelMs };
  };
}

/** Fisher and Yates; always the same order. */
function shuffle<T>(items: readonly T[]): T[] {
  const random = seededRandom(4711);
  const shuffled = [...items];
  for (let last = shuffled.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [shuffled[last], shuffled[other]] = [shuffled[other] as T, shuffled[last] as T];
  }
  return shuffled;
}
