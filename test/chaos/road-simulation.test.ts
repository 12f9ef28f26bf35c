/** Random lives of a whole runtime in virtual time; see road-simulation.ts. `FLUXOR_SEED=4711` replays one and prints it. */
import { describe, expect, it } from 'vitest';
import { RoadSimulation } from './road-simulation.js';

const SEEDS = Number(process.env['FLUXOR_SEEDS'] ?? 150);
const FIRST_SEED = Number(process.env['FLUXOR_FIRST_SEED'] ?? 1);
const STEPS = 60;

/** What must have become of calls, each at least ten times: a simulation in which nothing happens proves nothing. */
const EXPECTED = 'ok CONNECTION TIMEOUT CANCELLED CIRCUIT_OPEN RATE_LIMIT POOL_EXHAUSTED CONSTRAINT TRANSACTION'.split(
  ' ',
);

describe('A runtime in random circumstances', () => {
  const chosen = process.env['FLUXOR_SEED'];
  if (chosen !== undefined) {
    it(`keeps its promises with seed ${chosen}`, async () => {
      const simulation = new RoadSimulation(Number(chosen));
      try {
        await simulation.run(STEPS);
      } finally {
        process.stdout.write(`${simulation.history.join('\n')}\n`);
      }
    });
    return;
  }

  it(`keeps its promises with ${SEEDS} seeds from ${FIRST_SEED} on`, { timeout: 60_000 + SEEDS * 500 }, async () => {
    const outcomes = new Map<string, number>();
    let joined = 0;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
      const simulation = new RoadSimulation(seed);
      await simulation.run(STEPS).catch((error: unknown) => {
        const replay = `FLUXOR_SEED=${seed} npx vitest run --project chaos test/chaos/road-simulation.test.ts`;
        throw new Error(`seed ${seed}: ${(error as Error).message}\nreplay: ${replay}`, { cause: error });
      });
      joined += simulation.joined;
      for (const [how, count] of simulation.outcomes) outcomes.set(how, (outcomes.get(how) ?? 0) + count);
    }
    expect(joined, 'statements that joined others').toBeGreaterThan(2 * SEEDS);
    for (const how of EXPECTED) expect(outcomes.get(how) ?? 0, how).toBeGreaterThanOrEqual(10);
  });

  it('takes the same steps with the same seed', async () => {
    const [first, second] = [new RoadSimulation(4_711), new RoadSimulation(4_711)];
    await first.run(STEPS);
    await second.run(STEPS);
    expect(second.history).toEqual(first.history);
    expect(first.history.length).toBeGreaterThan(50);
  });
});
