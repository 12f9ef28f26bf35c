/**
 * The whole road over a driver that answers at once, by a number of tasks, connections and runtimes: what one call costs
 * where there are more of them. Ours alone.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Round } from '../harness/job.js';
import type { Peer } from '../harness/peer.js';
import { FakeDriver, FakeServer } from '../peers/guards/fake-server.js';
import { SQL } from '../peers/guards/guarded.js';
import { createRuntime } from '../../src/runtime/create-runtime.js';
import type { DBRuntime } from '../../src/runtime/runtime.js';

export interface GrowthInput {
  readonly [name: string]: number;
  readonly runtimes: number;
  /** Of each runtime. */
  readonly connections: number;
  /** In all; what is more than the connections waits. */
  readonly tasks: number;
  /** Calls of a round. */
  readonly calls: number;
}

/** Opens every connection before anything is timed. */
export async function prepare(_peer: Peer, input: GrowthInput): Promise<Round> {
  const server = new FakeServer();
  const runtimes = Array.from({ length: input.runtimes }, () => open(server, input.connections));
  await Promise.all(runtimes.map((db) => db.connect()));
  const callsPerTask = Math.ceil(input.calls / input.tasks);
  return async () => {
    const before = server.calls;
    await nextTurn();
    const startedAt = performance.now();
    await Promise.all(
      Array.from({ length: input.tasks }, (_, task) => {
        return work(runtimes[task % runtimes.length] as DBRuntime, callsPerTask);
      }),
    );
    const calls = callsPerTask * input.tasks;
    const nsPerCall = ((performance.now() - startedAt) / calls) * 1e6;
    if (server.calls - before !== calls) throw new Error('the server was not asked once for each call');
    return { nsPerCall };
  };
}

async function work(db: DBRuntime, calls: number): Promise<void> {
  for (let id = 0; id < calls; id += 1) {
    const [row] = await db.query<{ readonly id: number }>(SQL, [id]);
    if (row?.id !== id) throw new Error(`asked for ${id}, answered with ${String(row?.id)}`);
  }
}

function open(server: FakeServer, connections: number): DBRuntime {
  return createRuntime({
    driver: new FakeDriver(server),
    pool: {
      maxSize: connections,
      maxIdle: connections,
      maxWaiting: 20_000,
      warmUp: { connections, failFast: true },
    },
    gate: { rateLimit: { perSecond: 1_000_000 }, connectionLimit: { max: connections, queue: 20_000 } },
    // A round is one turn of the event loop, and none of its calls may run into its end.
    query: { timeout: '10m' },
  });
}
