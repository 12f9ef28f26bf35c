/**
 * Random lives of a pool in virtual time; see pool-simulation.ts for what happens in them, and pool-invariants.ts for what
 * must hold after every step.
 *
 * `npm test` lives through 500 of them, `npm run test:simulation` through 10,000 (`FLUXOR_SEEDS`, from `FLUXOR_FIRST_SEED`
 * on). A failing seed is printed with the command that replays it exactly.
 */
import { describe, expect, it } from 'vitest';
import { PoolSimulation } from './pool-simulation.js';

const SEEDS = Number(process.env['FLUXOR_SEEDS'] ?? 500);
const FIRST = Number(process.env['FLUXOR_FIRST_SEED'] ?? 1);
const STEPS = 60;
const FILE = 'test/chaos/pool-simulation.test.ts';

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

  it(`keeps its promises with ${SEEDS} seeds`, { timeout: 120_000 + SEEDS * 500 }, async () => {
    const happened = new Map<string, number>();
    for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
      const simulation = new PoolSimulation(seed);
      try {
        await simulation.run(STEPS);
      } catch (error) {
        const story = simulation.history.slice(-30).join('\n');
        const command = `FLUXOR_SEED=${seed} npx vitest run --project chaos ${FILE}`;
        throw new Error(`seed ${seed}; replay it with: ${command}\n${story}`, { cause: error });
      }
      for (const [what, count] of Object.entries({ ...simulation.happened, ...simulation.operator.happened })) {
        happened.set(what, (happened.get(what) ?? 0) + count);
      }
      if (SEEDS > 1_000 && (seed - FIRST + 1) % 1_000 === 0) process.stdout.write(`${seed - FIRST + 1} seeds\n`);
    }
    // A simulation in which nothing happens proves nothing.
    for (const [what, count] of happened) expect(count, what).toBeGreaterThan(SEEDS / 25);
  });

  it('takes the same steps with the same seed', async () => {
    const [first, second] = [new PoolSimulation(42), new PoolSimulation(42)];
    await first.run(STEPS);
    await second.run(STEPS);
    expect(second.history).toEqual(first.history);
    expect(first.history.length).toBeGreaterThan(STEPS);
  });
});
