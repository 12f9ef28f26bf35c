/**
 * Random lives of a circuit breaker; see circuit-simulation.ts for what happens in them and circuit-model.ts for what must
 * hold. A failing seed is printed with the command that replays it exactly.
 */
import { describe, expect, it } from 'vitest';
import type { CircuitState } from '../../src/gate/circuit-state.js';
import { CIRCUIT_TRANSITIONS } from '../../src/gate/circuit-state.js';
import { CircuitSimulation } from './circuit-simulation.js';

const SEEDS = Number(process.env['FLUXOR_SEEDS'] ?? 80);
const STEPS = 250;

const MOVES = (Object.keys(CIRCUIT_TRANSITIONS) as CircuitState[]).flatMap((from) =>
  CIRCUIT_TRANSITIONS[from].map((to) => `${from} → ${to}`),
);

describe('A circuit breaker in random circumstances', () => {
  const chosen = process.env['FLUXOR_SEED'];

  // One of the two, and not one of them skipped: a skipped test would look like one that could not run.
  if (chosen !== undefined) {
    it(`keeps its promises with seed ${chosen}`, async () => {
      const simulation = new CircuitSimulation(Number(chosen));
      try {
        await simulation.run(STEPS);
      } finally {
        process.stdout.write(`${simulation.history.join('\n')}\n`);
      }
    });
    return;
  }

  it(
    `keeps its promises with ${SEEDS} seeds, and all permits come home`,
    { timeout: 60_000 + SEEDS * 200 },
    async () => {
      const happenings = new Map<string, number>();
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        for (const [what, count] of (await live(seed)).happenings) {
          happenings.set(what, (happenings.get(what) ?? 0) + count);
        }
      }
      // A simulation in which nothing happens proves nothing.
      for (const what of [...MOVES, 'refused', 'stale success', 'stale failure', 'stale ignore']) {
        expect(happenings.get(what) ?? 0, what).toBeGreaterThanOrEqual(SEEDS / 20);
      }
    },
  );

  it('takes the same steps with the same seed', async () => {
    const [first, second] = [new CircuitSimulation(42), new CircuitSimulation(42)];
    await first.run(STEPS);
    await second.run(STEPS);
    expect(second.history).toEqual(first.history);
  });
});

async function live(seed: number): Promise<CircuitSimulation> {
  const simulation = new CircuitSimulation(seed);
  try {
    await simulation.run(STEPS);
  } catch (error) {
    const story = simulation.history.slice(-30).join('\n');
    const command = `FLUXOR_SEED=${seed} npx vitest run --project chaos test/chaos/circuit-simulation.test.ts`;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`seed ${seed}: ${reason}\n\nreplay it with\n  ${command}\n\nits last steps:\n${story}`, {
      cause: error,
    });
  }
  return simulation;
}
