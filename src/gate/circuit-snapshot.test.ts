import { describe, expect, it } from 'vitest';
import { bring, checkTimers, circuitBench } from '../../test/fakes/circuit-bench.js';
import type { ConfigError } from '../errors/config-error.js';
import type { CircuitBreakerOptions } from './circuit-options.js';
import type { CircuitSnapshot } from './circuit-snapshot.js';
import { CIRCUIT_TRANSITIONS } from './circuit-state.js';
import type { CircuitState } from './circuit-state.js';

checkTimers();

const throughJson = (snapshot: CircuitSnapshot) => JSON.parse(JSON.stringify(snapshot)) as CircuitSnapshot;

describe('the snapshot of a circuit breaker', () => {
  it.each(Object.keys(CIRCUIT_TRANSITIONS) as CircuitState[])('is plain JSON: %s', async (state) => {
    const bench = circuitBench();
    await bring(bench, state);
    const snapshot = bench.circuit.snapshot();
    expect(throughJson(snapshot)).toEqual(snapshot);
    expect(snapshot.state).toBe(state);
  });

  it.each(['closed', 'open', 'forced-open', 'disabled', 'metrics-only'] as const)(
    'brings %s back, into a breaker in any state',
    async (state) => {
      const source = circuitBench();
      await bring(source, state);
      const snapshot = throughJson(source.circuit.snapshot());
      for (const before of Object.keys(CIRCUIT_TRANSITIONS) as CircuitState[]) {
        const target = circuitBench();
        await bring(target, before);
        const { generation } = target.circuit;
        target.circuit.restore(snapshot);
        expect([target.circuit.state, target.circuit.snapshot()]).toEqual([state, snapshot]);
        expect(target.circuit.generation).toBeGreaterThan(generation);
      }
    },
  );

  it('keeps the remaining time of an open circuit, and what is known of its failure', async () => {
    const source = circuitBench();
    await bring(source, 'open');
    await source.clock.advance(20_000);
    const target = circuitBench();
    await target.clock.advance(1_000_000);
    target.circuit.restore(throughJson(source.circuit.snapshot()));
    expect(target.circuit.peek()).toMatchObject({ retryAfterMs: 40_000 });
    expect(target.circuit.peek()?.message).toContain('the last failure CONNECTION (refused)');
    await target.clock.advance(39_999);
    expect(target.circuit.peek()?.code).toBe('CIRCUIT_OPEN');
    await target.clock.advance(1);
    expect(target.circuit.peek()).toBeUndefined();
  });

  it('lets a half-open circuit try again at once', async () => {
    const source = circuitBench();
    await bring(source, 'half-open');
    const target = circuitBench();
    target.circuit.restore(throughJson(source.circuit.snapshot()));
    expect([target.circuit.state, target.circuit.peek()]).toEqual(['open', undefined]);
    target.circuit.enter();
    expect(target.circuit.state).toBe('half-open');
  });

  it('keeps how often it had opened again', async () => {
    const source = circuitBench({ backoff: true });
    await bring(source, 'half-open');
    source.fail();
    const target = circuitBench({ backoff: true });
    target.circuit.restore(throughJson(source.circuit.snapshot()));
    await target.clock.advance(120_000);
    target.fail();
    expect(target.circuit.peek()?.retryAfterMs).toBe(240_000);
  });

  it('keeps the reason of a person', () => {
    const [source, target] = [circuitBench(), circuitBench()];
    source.circuit.forceOpen('maintenance');
    target.circuit.restore(throughJson(source.circuit.snapshot()));
    expect(target.circuit.peek()?.message).toContain('(maintenance)');
  });

  it.each<[string, CircuitBreakerOptions]>([
    ['failures in a row', { failures: 5 }],
    ['a window of time', { rate: { minCalls: 5, failureRate: 1 } }],
    ['a window of calls', { rate: { minCalls: 5, calls: 10, failureRate: 1 } }],
  ])('keeps what was counted towards opening: %s', (_, options) => {
    const [source, target] = [circuitBench(options), circuitBench(options)];
    for (let count = 0; count < 4; count += 1) source.fail();
    target.circuit.restore(throughJson(source.circuit.snapshot()));
    expect(target.circuit.totals.failures).toBe(4);
    expect(target.circuit.state).toBe('closed');
    target.fail();
    expect(target.circuit.state).toBe('open');
  });

  it('lets what was counted grow old as it would have', async () => {
    const [source, target] = [circuitBench(), circuitBench()];
    for (let count = 0; count < 4; count += 1) source.fail();
    await source.clock.advance(50_000);
    target.circuit.restore(throughJson(source.circuit.snapshot()));
    await target.clock.advance(10_001);
    target.fail();
    expect(target.circuit.state).toBe('closed');
  });

  it.each(['in-a-row', 'time', 'calls'])('forgets what another rule had counted (%s)', (kind) => {
    const rules: Record<string, CircuitBreakerOptions> = {
      'in-a-row': {},
      time: { rate: { minCalls: 5 } },
      calls: { rate: { minCalls: 5, calls: 10 } },
    };
    for (const [other, options] of Object.entries(rules)) {
      if (other === kind) continue;
      const [source, target] = [circuitBench(rules[kind]), circuitBench(options)];
      for (let count = 0; count < 4; count += 1) source.fail();
      target.circuit.restore(source.circuit.snapshot());
      target.fail();
      expect(target.circuit.state).toBe('closed');
    }
  });

  it('leaves the permits alone that are out', () => {
    const { circuit } = circuitBench();
    const permit = circuit.enter();
    circuit.restore(circuit.snapshot());
    expect(circuit.inFlight).toBe(1);
    permit.settle('success');
    expect(circuit.inFlight).toBe(0);
  });

  it('gives way to somebody who switches the circuit while it is restored', async () => {
    const [source, target] = [circuitBench(), circuitBench()];
    await bring(source, 'open');
    target.circuit.disable();
    target.circuit.on('stateChange', ({ to }) => {
      if (to === 'closed') target.circuit.forceOpen('by a listener');
    });
    target.circuit.restore(source.circuit.snapshot());
    expect(target.circuit.state).toBe('forced-open');
  });

  it('is refused with everything that is wrong with it, and nothing is changed', () => {
    const { circuit } = circuitBench();
    const bad = { version: 2, state: 'ajar', totals: { admitted: -1 }, rule: { kind: 'dice' } };
    const issuesOf = (snapshot: unknown) => {
      try {
        circuit.restore(snapshot as CircuitSnapshot);
        return [];
      } catch (error) {
        return (error as ConfigError).issues.map(({ path }) => path);
      }
    };
    expect(issuesOf(bad)).toEqual(
      expect.arrayContaining(['snapshot.version', 'snapshot.state', 'snapshot.totals.admitted', 'snapshot.rule']),
    );
    const good = circuit.snapshot();
    expect(issuesOf({ ...good, state: 'open' })).toEqual([
      'snapshot.remainingMs',
      'snapshot.opening.why',
      'snapshot.opening.reopens',
    ]);
    for (const rule of [null, { kind: 'calls', calls: [4] }, { kind: 'time', slots: [[1, 2]] }, { kind: 'in-a-row' }]) {
      expect(issuesOf({ ...good, rule })).toEqual(['snapshot.rule']);
    }
    expect(issuesOf(undefined)).toContain('snapshot');
    expect(issuesOf(good)).toEqual([]);
    expect(circuit.state).toBe('closed');
  });
});
