/** Work under the CPU profiler of this very process. */
import { writeFileSync } from 'node:fs';
import type { Profiler } from 'node:inspector';
import { Session } from 'node:inspector/promises';
import { basename } from 'node:path';
import type { Numbers } from './job.js';

const SAMPLING_US = 200;

/** Writes the profile to `file`, and answers with what the work did and each function's own share of the time. */
export async function profile<T>(
  file: string,
  work: () => Promise<T>,
): Promise<{ readonly shares: Numbers; readonly result: T }> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLING_US });
  await session.post('Profiler.start');
  const result = await work();
  const { profile: taken } = await session.post('Profiler.stop');
  session.disconnect();
  writeFileSync(file, JSON.stringify(taken));
  return { shares: ownShares(taken), result };
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
