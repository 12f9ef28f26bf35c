/**
 * Random lives of a pool in virtual time; see pool-simulation.ts for what happens in them and what must hold.
 *
 * `npm test` lives through 500 of them; `npm run test:simulation` through 10,000 that nobody has seen before (`FLUXOR_SEEDS`
 * says how many, `FLUXOR_FIRST_SEED` from which one on). A failing seed is printed with the command that replays it exactly.
 */
import { describe, expect, it } from 'vitest';
import { EXPECTED, Happenings } from './pool-happenings.js';
import { PoolSimulation } from './pool-simulation.js';

const SEEDS = Number(process.env['FLUXOR_SEEDS'] ?? 500);
const STEPS = 80;

/** In the nightly run a new one each time; in `npm test` always the same, so that nobody's change fails by chance. */
const isLongRun = process.env['FLUXOR_SEEDS'] !== undefined;
const newSeeds = (): number => Math.floor(Date.now() / 1_000) % 1_000_000_000;
const FIRST_SEED = Number(process.env['FLUXOR_FIRST_SEED'] ?? (isLongRun ? newSeeds() : 1));

/** How often each kind of thing must have happened in 500 lives. */
const OFTEN = 10;

describe('A pool in random circumstances', () => {
  const chosen = process.env['FLUXOR_SEED'];

  // One of the two, and not one of them skipped: a skipped test would look like one that could not run.
  if (chosen !== undefined) {
    it(`keeps its promises with seed ${chosen}`, async () => {
      const simulation = new PoolSimulation(Number(chosen));
      try {
        await simulation.run(STEPS);
      } finally {
        process.stdout.write(`${simulation.history.join('\n')}\n`);
      }
    });
    return;
  }

  it(`keeps its promises with ${SEEDS} seeds from ${FIRST_SEED} on`, { timeout: 60_000 + SEEDS * 200 }, async () => {
    const happenings = new Happenings();
    for (let count = 1; count <= SEEDS; count += 1) {
      const simulation = await live(FIRST_SEED + count - 1);
      happenings.add(simulation.happenings);
      if (isLongRun && count % 1_000 === 0) process.stdout.write(`${count} of ${SEEDS} seeds\n`);
    }
    if (isLongRun) process.stdout.write(`${happenings.toString()}\n`);
    // A simulation in which nothing happens proves nothing.
    for (const what of EXPECTED) expect(happenings.of(what), what).toBeGreaterThanOrEqual((OFTEN * SEEDS) / 500);
  });

  it('takes the same steps with the same seed', async () => {
    const [first, second] = [new PoolSimulation(42), new PoolSimulation(42)];
    await first.run(STEPS);
    await second.run(STEPS);
    expect(second.history).toEqual(first.history);
    expect(first.history.length).toBeGreaterThan(STEPS);
  });
});

async function live(seed: number): Promise<PoolSimulation> {
  const simulation = new PoolSimulation(seed);
  try {
    await simulation.run(STEPS);
  } catch (error) {
    const story = simulation.history.slice(-30).join('\n');
    const command = `FLUXOR_SEED=${seed} npx vitest run --project chaos test/chaos/pool-simulation.test.ts`;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`seed ${seed}: ${reason}\n\nreplay it with\n  ${command}\n\nits last steps:\n${story}`, {
      cause: error,
    });
  }
  return simulation;
}
