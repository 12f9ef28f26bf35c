/** The work of jobs/guards.ts under the CPU profiler; writes the profile, and answers with each function's own share. */
import { join } from 'node:path';
import type { Round } from '../harness/job.js';
import { profile } from '../harness/profiler.js';
import type { GuardPeer } from '../peers/guards/guarded.js';
import type { GuardsInput } from './guards.js';
import { prepare as prepareGuards } from './guards.js';

export async function prepare(peer: GuardPeer, input: GuardsInput): Promise<Round> {
  const round = await prepareGuards(peer, input);
  await round(input);
  return async () => {
    const file = join(process.env.FLUXOR_PROFILE_FOLDER ?? '.', `guards-${peer.name}-${input.tasks}.cpuprofile`);
    const { shares, result } = await profile(file, () => round(input));
    return { ...shares, ...result };
  };
}
