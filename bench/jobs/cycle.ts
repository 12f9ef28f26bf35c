/** Acquire and release, again and again, by a number of tasks at once; before that, a look at the order of service. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Round } from '../harness/job.js';
import type { OpenPool, Peer } from '../harness/peer.js';
import { StubServer } from '../harness/stub-server.js';

export interface CycleInput {
  readonly [name: string]: number;
  readonly tasks: number;
  readonly connections: number;
  readonly roundMs: number;
}

/** Cycles between two turns of the event loop: timers and housekeeping get their turn in every round. */
const BATCH = 20_000;

export async function prepare(peer: Peer, input: CycleInput): Promise<Round> {
  const pool = peer.open(new StubServer(), input.connections);
  await openAll(pool, input.connections);
  await checkOrder(pool, input.connections, 100);
  return async () => {
    const cyclesPerTask = Math.ceil((input.batch ?? BATCH) / input.tasks);
    const startedAt = performance.now();
    let cycles = 0;
    let elapsedMs = 0;
    while (elapsedMs < input.roundMs) {
      const tasks: Promise<void>[] = [];
      for (let index = 0; index < input.tasks; index += 1) tasks.push(work(pool, cyclesPerTask));
      await Promise.all(tasks);
      await nextTurn();
      cycles += cyclesPerTask * input.tasks;
      elapsedMs = performance.now() - startedAt;
    }
    return { cyclesPerSecond: (cycles / elapsedMs) * 1_000 };
  };
}

async function work(pool: OpenPool, cycles: number): Promise<void> {
  for (let index = 0; index < cycles; index += 1) {
    const lent = await pool.acquire();
    pool.release(lent);
  }
}

/** Opens every connection, so that no round pays for one. */
export async function openAll(pool: OpenPool, connections: number): Promise<void> {
  const lent = await Promise.all(Array.from({ length: connections }, () => pool.acquire()));
  for (const one of lent) pool.release(one);
}

/** Whoever asked first is served first, and nothing is lent twice at once; an answer to anything else would not compare. */
async function checkOrder(pool: OpenPool, connections: number, waiters: number): Promise<void> {
  const inUse = new Set<object>();
  const held = await Promise.all(Array.from({ length: connections }, () => pool.acquire()));
  const served: number[] = [];
  const all = Array.from({ length: waiters }, async (_, number) => {
    const lent = await pool.acquire();
    const connection = pool.connectionOf(lent);
    if (inUse.has(connection)) throw new Error('a connection is lent twice at once');
    inUse.add(connection);
    served.push(number);
    await nextTurn();
    inUse.delete(connection);
    pool.release(lent);
  });
  for (const one of held) {
    await nextTurn();
    pool.release(one);
  }
  await Promise.all(all);
  if (served.some((number, index) => number !== index))
    throw new Error(`not first come, first served: ${served.join()}`);
}
