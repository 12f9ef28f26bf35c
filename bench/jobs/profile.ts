/** The cycle of jobs/cycle.ts under the CPU profiler; writes the profile, and answers with each function's own share. */
import { writeFileSync } from 'node:fs';
import type { Profiler } from 'node:inspector';
import { Session } from 'node:inspector/promises';
import { basename } from 'node:path';
import type { Numbers, Round } from '../harness/job.js';
import type { Peer } from '../harness/peer.js';
import type { CycleInput } from './cycle.js';
import { prepare as prepareCycle } from './cycle.js';

export async function prepare(peer: Peer, input: CycleInput): Promise<Round> {
  const round = await prepareCycle(peer, input);
  await round(input);
  return async () => {
    const session = new Session();
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: 200 });
    await session.post('Profiler.start');
    const { cyclesPerSecond = 0 } = await round(input);
    const { profile } = await session.post('Profiler.stop');
    session.disconnect();
    const file = `${process.env.FLUXOR_PROFILE_FOLDER ?? '.'}/${peer.name}-${input.tasks}.cpuprofile`;
    writeFileSync(file, JSON.stringify(profile));
    return { ...ownShares(profile), cyclesPerSecond };
  };
}

function ownShares({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Numbers {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const where = url === '' ? '' : ` ${basename(url)}:${lineNumber + 1}`;
      return [id, `${functionName === '' ? '(anonymous)' : functionName}${where}`];
    }),
  );
  const own = new Map<string, number>();
  let total = 0;
  samples.forEach((id, index) => {
    const name = names.get(id) ?? '?';
    const delta = timeDeltas[index] ?? 0;
    own.set(name, (own.get(name) ?? 0) + delta);
    total += delta;
  });
  return Object.fromEntries([...own].map(([name, time]) => [name, time / total]));
}
