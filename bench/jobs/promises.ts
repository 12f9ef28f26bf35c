/** How many promises one call makes, after enough calls that nothing is made for the first time. Times nothing. */
import { createHook } from 'node:async_hooks';
import type { Round } from '../harness/job.js';
import { FakeServer } from '../peers/guards/fake-server.js';
import type { GuardPeer } from '../peers/guards/guarded.js';
import { MEASURED } from '../peers/guards/guarded.js';

const CALLS = 1_000;

export async function prepare(peer: GuardPeer): Promise<Round> {
  const call = await peer.open(new FakeServer(), MEASURED);
  for (let id = 0; id < CALLS; id += 1) await call.run(id);
  return async () => {
    let promises = 0;
    const hook = createHook({ init: (_id, type) => void (type === 'PROMISE' && (promises += 1)) }).enable();
    for (let id = 0; id < CALLS; id += 1) await call.run(id);
    hook.disable();
    return { promisesPerCall: Math.round(promises / CALLS) };
  };
}
