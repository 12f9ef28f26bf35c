/** One point SELECT after another, by a number of tasks at once; before that, the proof that every guard is on. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Round } from '../harness/job.js';
import { FakeServer } from '../peers/guards/fake-server.js';
import type { GuardedCall, GuardPeer } from '../peers/guards/guarded.js';
import { MEASURED } from '../peers/guards/guarded.js';
import { prove } from '../peers/guards/proof.js';

export interface GuardsInput {
  readonly [name: string]: number;
  readonly tasks: number;
  readonly roundMs: number;
}

/**
 * Calls between two turns of the event loop. A service turns it far more often, so timers and what the garbage
 * collector has to be told belong to the figure; the turn itself is a nanosecond or two of each call.
 */
const BATCH = 1_000;

/**
 * Not counted. The garbage collection before each round shrinks the young generation to its smallest; a service that runs
 * has it at its working size, and so has a round after this.
 */
const LEAD_IN_MS = 200;

export async function prepare(peer: GuardPeer, input: GuardsInput): Promise<Round> {
  await prove(peer);
  const server = new FakeServer();
  const call = await peer.open(server, MEASURED);
  const callsPerTask = Math.ceil(BATCH / input.tasks);
  const runFor = async (ms: number): Promise<number> => {
    const callsBefore = server.calls;
    const countedBefore = call.counted?.() ?? 0;
    const startedAt = performance.now();
    let calls = 0;
    let elapsedMs = 0;
    while (elapsedMs < ms) {
      const tasks: Promise<void>[] = [];
      for (let index = 0; index < input.tasks; index += 1) tasks.push(work(call, callsPerTask));
      await Promise.all(tasks);
      await nextTurn();
      calls += callsPerTask * input.tasks;
      elapsedMs = performance.now() - startedAt;
    }
    if (server.calls - callsBefore !== calls) throw new Error('the server was not asked once for each call');
    if (call.counted !== undefined && call.counted() - countedBefore !== calls) throw new Error('calls went uncounted');
    return (elapsedMs / calls) * 1e6;
  };
  return async () => {
    await runFor(LEAD_IN_MS);
    return { nsPerCall: await runFor(input.roundMs) };
  };
}

async function work(call: GuardedCall, calls: number): Promise<void> {
  for (let id = 0; id < calls; id += 1) await call.run(id);
}
