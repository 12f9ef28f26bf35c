import { describe, expect, it } from 'vitest';
import type { CircuitBench } from '../../test/fakes/circuit-bench.js';
import { bring, checkTimers, circuitBench } from '../../test/fakes/circuit-bench.js';
import type { CircuitState } from './circuit-state.js';
import { CIRCUIT_TRANSITIONS } from './circuit-state.js';

checkTimers();

const STATES = Object.keys(CIRCUIT_TRANSITIONS) as CircuitState[];
const EDGES = STATES.flatMap((from) => CIRCUIT_TRANSITIONS[from].map((to) => [from, to] as const));

/** What makes each move. To `closed` there is a second way, by hand. */
const CAUSES: Readonly<Record<CircuitState, (bench: CircuitBench, from: CircuitState) => void | Promise<void>>> = {
  closed: ({ circuit, succeed }, from) => {
    if (from !== 'half-open') return circuit.reset();
    for (let count = 0; count < 3; count += 1) succeed();
  },
  open: ({ fail }, from) => {
    for (let count = from === 'half-open' ? 1 : 5; count > 0; count -= 1) fail();
  },
  'half-open': async ({ circuit, clock }) => {
    await clock.advance(60_000);
    circuit.enter().settle('ignore');
  },
  'forced-open': ({ circuit }) => circuit.forceOpen('maintenance'),
  disabled: ({ circuit }) => circuit.disable(),
  'metrics-only': ({ circuit }) => circuit.metricsOnly(),
};

describe('the states of a circuit', () => {
  it.each(EDGES)('move from %s to %s, and say so', async (from, to) => {
    const bench = circuitBench();
    await bring(bench, from);
    const { generation } = bench.circuit;
    const told = bench.hear('stateChange');
    await CAUSES[to](bench, from);
    expect(bench.circuit.state).toBe(to);
    expect(told).toMatchObject([{ from, to, generation: generation + 1, at: bench.clock.now() }]);
  });

  it.each(STATES)('can be left by hand, and come back as new: %s', async (state) => {
    const bench = circuitBench();
    await bring(bench, state);
    const { generation } = bench.circuit;
    bench.circuit.reset();
    expect([bench.circuit.state, bench.circuit.generation]).toEqual(['closed', generation + 1]);
    for (let count = 0; count < 4; count += 1) bench.fail();
    expect(bench.circuit.state).toBe('closed');
    bench.fail();
    expect(bench.circuit.state).toBe('open');
  });

  it.each(['forced-open', 'disabled', 'metrics-only'] as const)('know no time: %s stays', async (state) => {
    const bench = circuitBench();
    await bring(bench, state);
    await bench.clock.advance(86_400_000);
    bench.circuit.peek();
    expect(bench.circuit.state).toBe(state);
    expect(bench.clock.pendingTimers).toEqual([]);
  });

  it.each(['forced-open', 'disabled', 'metrics-only'] as const)('keep %s when it is asked for twice', async (state) => {
    const bench = circuitBench();
    await bring(bench, state);
    const { generation } = bench.circuit;
    const told = bench.hear('stateChange');
    await bring(bench, state);
    expect([bench.circuit.generation, told]).toEqual([generation, []]);
  });
});

describe('a circuit that is forced open', () => {
  it('refuses every call, with the reason, and without a time to come back', async () => {
    const { circuit, clock } = circuitBench();
    circuit.forceOpen('maintenance until noon');
    await clock.advance(2_000);
    const error = circuit.peek();
    expect(error?.message).toBe(
      "Circuit 'orders' was forced open 2,000 ms ago (maintenance until noon). It stays so until it is reset.",
    );
    expect(error).toMatchObject({ code: 'CIRCUIT_OPEN', retryAfterMs: undefined });
    expect(() => circuit.enter()).toThrow('forced open');
    await expect(circuit.execute(() => Promise.resolve(5))).rejects.toThrow('forced open');
  });

  it('needs no reason', () => {
    const { circuit } = circuitBench();
    circuit.forceOpen();
    expect(circuit.peek()?.message).toContain('forced open 0 ms ago. It');
  });

  it('gives no trial away that was under way', async () => {
    const bench = circuitBench();
    await bring(bench, 'half-open');
    const probe = bench.circuit.enter();
    bench.circuit.forceOpen();
    probe.settle('success');
    expect([bench.circuit.state, bench.circuit.inFlight, bench.clock.pendingTimers]).toEqual(['forced-open', 0, []]);
  });
});

describe('a circuit that is disabled', () => {
  it('lets everything pass and counts no result', () => {
    const { circuit, fail, succeed, hear } = circuitBench();
    circuit.disable();
    const told = [hear('failure'), hear('success'), hear('ignored')];
    for (let count = 0; count < 100; count += 1) fail();
    succeed();
    expect([circuit.state, circuit.inFlight, told.flat()]).toEqual(['disabled', 0, []]);
    expect(circuit.totals).toMatchObject({ admitted: 101, failures: 0, successes: 0, ignored: 0 });
  });

  it('does not hear later of calls that it let pass', () => {
    const { circuit } = circuitBench({ failures: 1 });
    circuit.disable();
    const permit = circuit.enter();
    circuit.reset();
    permit.settle('failure', { error: new Error('x') });
    expect([circuit.state, circuit.totals.failures]).toEqual(['closed', 1]);
  });
});

describe('a circuit of metrics only', () => {
  it('lets everything pass, counts, and tells each time it would have opened', () => {
    const { circuit, fail, hear } = circuitBench();
    circuit.metricsOnly();
    const told = hear('wouldOpen');
    for (let count = 0; count < 12; count += 1) fail();
    expect([circuit.state, circuit.totals.failures]).toEqual(['metrics-only', 12]);
    expect(told.map(({ why }) => why)).toEqual(Array(2).fill('5 failures in a row within 0 ms'));
    expect(circuit.peek()).toBeUndefined();
  });

  it('does not count what was counted before', () => {
    const { circuit, fail, hear } = circuitBench();
    for (let count = 0; count < 4; count += 1) fail();
    circuit.metricsOnly();
    const told = hear('wouldOpen');
    fail();
    expect(told).toEqual([]);
  });
});
