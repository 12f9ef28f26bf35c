import { describe, expect, it } from 'vitest';
import { checkTimers, circuitBench, refusedError } from '../../test/fakes/circuit-bench.js';

checkTimers();

const SLOW = { rate: { minCalls: 4, slowCall: '1s', slowRate: 0.5, failureRate: 1 } } as const;

describe('CircuitBreaker, by shares', () => {
  it('opens when half of twenty calls have failed, in whatever order', () => {
    const { circuit, fail, succeed } = circuitBench({ rate: {} });
    for (let count = 0; count < 9; count += 1) {
      fail();
      succeed();
    }
    succeed();
    expect(circuit.state).toBe('closed');
    fail();
    expect(circuit.state).toBe('open');
    expect(circuit.peek()?.message).toContain('10 of 20 calls failed, the last failure CONNECTION (refused)');
  });

  it('opened after five failures in a row, of a thousand calls a second', () => {
    const { circuit, fail, succeed } = circuitBench({ rate: {} });
    for (let count = 0; count < 100; count += 1) succeed();
    for (let count = 0; count < 99; count += 1) fail();
    expect(circuit.state).toBe('closed');
    fail();
    expect(circuit.state).toBe('open');
  });

  it('leaves calls that say nothing out of the share', () => {
    const { circuit, fail } = circuitBench({ rate: { minCalls: 4 } });
    for (let count = 0; count < 100; count += 1) circuit.enter().settle('ignore');
    for (let count = 0; count < 4; count += 1) fail();
    expect(circuit.state).toBe('open');
  });

  it('opens when too many calls are slow, by the time since they entered', async () => {
    const { circuit, clock, hear } = circuitBench(SLOW);
    const slow = hear('slow');
    const permits = Array.from({ length: 4 }, () => circuit.enter());
    await clock.advance(999);
    permits[0]?.settle('success');
    permits[1]?.settle('success');
    await clock.advance(1);
    permits[2]?.settle('success');
    expect(circuit.state).toBe('closed');
    permits[3]?.settle('success');
    expect(circuit.state).toBe('open');
    expect(slow).toEqual(Array(2).fill({ at: 1_000, durationMs: 1_000 }));
    expect(circuit.peek()?.message).toContain('2 of 4 calls took 1,000 ms or longer. It may');
    expect(circuit.totals.slow).toBe(2);
  });

  it('goes by the time that it is told, where it is told', async () => {
    const { circuit, clock } = circuitBench(SLOW);
    for (let count = 0; count < 4; count += 1) {
      const permit = circuit.enter();
      await clock.advance(5_000);
      permit.settle('success', { durationMs: 10 });
    }
    expect([circuit.state, circuit.totals.slow]).toEqual(['closed', 0]);
    for (let count = 0; count < 4; count += 1) circuit.record(circuit.generation, 'success', { durationMs: 1_000 });
    expect(circuit.state).toBe('open');
  });

  it('knows no slow call where nobody said what is slow', async () => {
    const { circuit, clock } = circuitBench({ rate: { minCalls: 1 } });
    const permit = circuit.enter();
    await clock.advance(3_600_000);
    permit.settle('success');
    expect([circuit.state, circuit.totals.slow]).toEqual(['closed', 0]);
  });

  it('takes a slow answer to a trial for the trouble that it opened for', async () => {
    const { circuit, clock, fail } = circuitBench(SLOW);
    for (let count = 0; count < 4; count += 1) fail();
    await clock.advance(60_000);
    const probe = circuit.enter();
    await clock.advance(1_000);
    probe.settle('success');
    expect(circuit.state).toBe('open');
    expect(circuit.peek()?.message).toContain('a probe was slow');
  });

  it('counts anew after it has closed', async () => {
    const { circuit, clock, fail, succeed } = circuitBench({ rate: { minCalls: 4, window: '24h' } });
    for (let count = 0; count < 4; count += 1) fail();
    await clock.advance(60_000);
    for (let count = 0; count < 3; count += 1) succeed();
    for (let count = 0; count < 3; count += 1) fail();
    expect(circuit.state).toBe('closed');
    fail();
    expect(circuit.state).toBe('open');
  });

  it('does not count what a reset made stale', () => {
    const { circuit } = circuitBench({ rate: { minCalls: 2 } });
    const permits = [circuit.enter(), circuit.enter()];
    circuit.reset();
    for (const permit of permits) permit.settle('failure', { error: refusedError() });
    expect([circuit.state, circuit.totals.failures]).toEqual(['closed', 2]);
  });
});
