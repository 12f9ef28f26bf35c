/** The cycle of jobs/cycle.ts under the CPU profiler; writes the profile, and answers with each function's own share. */
import type { Round } from '../harness/job.js';
import type { Peer } from '../harness/peer.js';
import { profile } from '../harness/profiler.js';
import type { CycleInput } from './cycle.js';
import { prepare as prepareCycle } from './cycle.js';

export async function prepare(peer: Peer, input: CycleInput): Promise<Round> {
  const round = await prepareCycle(peer, input);
  await round(input);
  return async () => {
    const file = `${process.env.FLUXOR_PROFILE_FOLDER ?? '.'}/${peer.name}-${input.tasks}.cpuprofile`;
    const { shares, result } = await profile(file, () => round(input));
    const { cyclesPerSecond = 0 } = result;
    return { ...shares, cyclesPerSecond };
  };
}
