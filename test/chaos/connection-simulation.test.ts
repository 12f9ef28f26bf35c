/**
 * Random lives of a pool of database connections in virtual time; see connection-simulation.ts for what must hold.
 * A failing seed is printed and replays exactly: `FLUXOR_SEED=4711 npx vitest run test/chaos/connection-simulation.test.ts`.
 */
import { describe, expect, it } from 'vitest';
import { ConnectionSimulation } from './connection-simulation.js';

const SEEDS = 500;
const STEPS = 80;

describe('Connections in random circumstances', () => {
  const chosen = process.env['FLUXOR_SEED'];

  // One of the two, and not one of them skipped: a skipped test would look like one that could not run.
  if (chosen !== undefined) {
    it(`keep their promises with seed ${chosen}`, async () => {
      const simulation = new ConnectionSimulation(Number(chosen));
      try {
        await simulation.run(STEPS);
      } finally {
        process.stdout.write(`${simulation.history.join('\n')}\n`);
      }
    });
    return;
  }

  it(`keep their promises with ${SEEDS} seeds`, { timeout: 120_000 }, async () => {
    const happened = { answered: 0, timedOut: 0, aborted: 0, byRuntime: 0, refused: 0, lost: 0 };
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const simulation = new ConnectionSimulation(seed);
      try {
        await simulation.run(STEPS);
      } catch (error) {
        const story = simulation.history.slice(-25).join('\n');
        throw new Error(`seed ${seed} (FLUXOR_SEED=${seed} replays it)\n${story}`, { cause: error });
      }
      for (const key of Object.keys(happened) as (keyof typeof happened)[]) happened[key] += simulation.happened[key];
    }
    for (const [what, count] of Object.entries(happened)) expect(count, what).toBeGreaterThan(100);
  });
});
