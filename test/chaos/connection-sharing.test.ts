/**
 * Random lives of a connection that statements travel together on; see connection-sharing-simulation.ts for what must hold.
 * A failing seed is printed and replays exactly: `FLUXOR_SEED=4711 npx vitest run test/chaos/connection-sharing.test.ts`.
 */
import { describe, expect, it } from 'vitest';
import { ConnectionSharingSimulation } from './connection-sharing-simulation.js';

const SEEDS = Number(process.env['FLUXOR_SEEDS'] ?? 500);
const FIRST_SEED = Number(process.env['FLUXOR_FIRST_SEED'] ?? 1);
const STEPS = 120;

describe('Statements that travel together, in random circumstances', () => {
  const chosen = process.env['FLUXOR_SEED'];

  // One of the two, and not one of them skipped: a skipped test would look like one that could not run.
  if (chosen !== undefined) {
    it(`keep their promises with seed ${chosen}`, async () => {
      const simulation = new ConnectionSharingSimulation(Number(chosen));
      try {
        await simulation.run(STEPS);
      } finally {
        process.stdout.write(`${simulation.history.join('\n')}\n`);
      }
    });
    return;
  }

  it(`keep their promises with ${SEEDS} seeds`, { timeout: 60_000 + SEEDS * 500 }, async () => {
    const happened = new Map<string, number>();
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
      const simulation = new ConnectionSharingSimulation(seed);
      try {
        await simulation.run(STEPS);
      } catch (error) {
        const story = simulation.history.slice(-40).join('\n');
        throw new Error(`seed ${seed} (FLUXOR_SEED=${seed} replays it)\n${story}`, { cause: error });
      }
      for (const [what, count] of Object.entries(simulation.happened))
        happened.set(what, (happened.get(what) ?? 0) + count);
    }

    for (const [what, count] of happened) expect(count, what).toBeGreaterThan(100);
  });
});
