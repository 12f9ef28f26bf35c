/**
 * One call over a driver that answers at once, by a number of tasks, connections and runtimes: what it costs where there are
 * more of them. Everybody asks all the time: each call waits until all who came before it have been served.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Round } from '../harness/job.js';
import type { CallPath, GrowthPeer } from '../peers/growth/growth-peer.js';
import { FakeServer } from '../peers/guards/fake-server.js';

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

export async function prepare(peer: GrowthPeer, input: GrowthInput): Promise<Round> {
  const server = new FakeServer();
  const paths = await Promise.all(Array.from({ length: input.runtimes }, () => peer.open(server, input.connections)));
  const callsPerTask = Math.ceil(input.calls / input.tasks);
  return async () => {
    const before = server.calls;
    await nextTurn();
    const startedAt = performance.now();
    await Promise.all(
      Array.from({ length: input.tasks }, (_, task) => {
        return work(paths[task % paths.length] as CallPath, callsPerTask);
      }),
    );
    const calls = callsPerTask * input.tasks;
    const nsPerCall = ((performance.now() - startedAt) / calls) * 1e6;
    if (server.calls - before !== calls) throw new Error('the server was not asked once for each call');
    return { nsPerCall };
  };
}

async function work(path: CallPath, calls: number): Promise<void> {
  for (let id = 0; id < calls; id += 1) {
    const [row] = await path.call(id);
    if (row?.id !== id) throw new Error(`asked for ${id}, answered with ${String(row?.id)}`);
  }
}
