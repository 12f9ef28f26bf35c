import { describe, expect, it } from 'vitest';
import { checkRuntimeLeftovers, runtimeBench } from '../../test/fakes/runtime-bench.js';
import { ConfigError } from '../errors/config-error.js';
import type { MonitorEvent } from './monitor.js';
import { Monitor } from './monitor.js';

checkRuntimeLeftovers();

describe('a monitor', () => {
  it('tells metrics and health at its interval, and moves of the circuit breaker and leaks at once', async () => {
    const bench = runtimeBench({ name: 'shop', pool: { leak: { threshold: '1s', interval: '1s' } } });
    const events: MonitorEvent[] = [];
    const monitor = new Monitor(bench.db, { interval: '10s', onEvent: (event) => events.push(event) });
    await bench.run(bench.db.query('select 1'));
    await bench.clock.advance(9_999);
    expect(events).toEqual([]);
    await bench.clock.advance(1);
    expect(events.map(({ type }) => type).sort()).toEqual(['HealthCheck', 'Metrics']);
    expect(events.find(({ type }) => type === 'Metrics')).toMatchObject({
      runtime: 'shop',
      metrics: { queries: { total: 1 } },
    });
    expect(events.find(({ type }) => type === 'HealthCheck')).toMatchObject({ health: { status: 'up' } });
    bench.db.gate.circuit.forceOpen('maintenance');
    expect(events.at(-1)).toMatchObject({ type: 'CircuitBreaker', from: 'closed', to: 'forced-open', seq: 3 });
    bench.db.gate.circuit.reset();
    const held = (await bench.run(bench.db.acquire({ label: 'forgotten' }))).value;
    await bench.clock.advance(3_000);
    expect(events.at(-1)).toMatchObject({ type: 'LeakDetection', leak: { label: 'forgotten' } });
    held?.release();
    monitor[Symbol.dispose]();
    const told = events.length;
    await bench.clock.advance(60_000);
    expect(events).toHaveLength(told);
  });

  it('has the interval of the runtime where it has none of its own, and `false` is never', async () => {
    const bench = runtimeBench({ monitor: { interval: '1m' } });
    const events: MonitorEvent[] = [];
    using silent = new Monitor(bench.db, { interval: false, onEvent: () => events.push() });
    using monitor = new Monitor(bench.db, { onEvent: (event) => events.push(event) });
    await bench.clock.advance(60_000);
    expect(events.map(({ type }) => type).sort()).toEqual(['HealthCheck', 'Metrics']);
    void [silent, monitor];
  });

  it('ends with the runtime', async () => {
    const bench = runtimeBench();
    const events: MonitorEvent[] = [];
    new Monitor(bench.db, { interval: '1s', onEvent: (event) => events.push(event) });
    await bench.run(bench.db.disconnect());
    await bench.clock.advance(10_000);
    expect(events).toEqual([]);
    expect(bench.clock.pendingTimers).toEqual([]);
  });

  it.each(['disposed', 'disconnected'] as const)('tells nothing of a check that ends after it was %s', async (how) => {
    const bench = runtimeBench({ pool: { maxSize: 1 } });
    const events: MonitorEvent[] = [];
    const monitor = new Monitor(bench.db, { interval: '1s', onEvent: (event) => events.push(event) });
    const held = (await bench.run(bench.db.acquire())).value;
    await bench.clock.advance(1_000);
    expect(events.map(({ type }) => type)).toEqual(['Metrics']);
    if (how === 'disposed') monitor[Symbol.dispose]();
    held?.release();
    if (how === 'disconnected') await bench.run(bench.db.disconnect());
    await bench.clock.advance(5_000);
    expect(events.map(({ type }) => type)).toEqual(['Metrics']);
  });

  it('refuses what is no function and no interval', () => {
    const bench = runtimeBench();
    expect(() => new Monitor(bench.db, { onEvent: 'x' as unknown as () => void })).toThrow(ConfigError);
    expect(() => new Monitor(bench.db, { interval: 5, onEvent: () => undefined })).toThrow(ConfigError);
  });
});

describe('a callback', () => {
  it.each(['throws', 'rejects', 'gives a rejected promise of another library'] as const)(
    'that %s hurts nobody, is counted, and is left alone after ten times in a row',
    async (how) => {
      const bench = runtimeBench();
      const failures = bench.facts('listener:failed');
      let calls = 0;
      bench.db.setMetricsCallback(() => {
        calls += 1;
        if (how === 'throws') throw new Error('boom');
        if (how === 'rejects') return Promise.reject(new Error('boom'));
        return { then: (_: unknown, fail: (error: Error) => void) => fail(new Error('boom')) };
      }, '1s');
      await bench.clock.advance(20_000);
      expect(calls).toBe(10);
      expect(bench.db.metrics().callbacks).toEqual({ errors: 10, detached: 1 });
      expect(failures[0]).toMatchObject({ event: 'metrics' });
      expect(failures).toHaveLength(10);
      expect((await bench.run(bench.db.query('select 1'))).error).toBeUndefined();
    },
  );

  it('that fails now and then is called on', async () => {
    const bench = runtimeBench();
    let calls = 0;
    bench.db.setMetricsCallback(() => {
      calls += 1;
      if (calls % 10 !== 0) throw new Error('boom');
    }, '1s');
    await bench.clock.advance(50_000);
    expect(calls).toBe(50);
  });

  it('for the circuit breaker is not called once it is disposed', async () => {
    const bench = runtimeBench();
    const moves: string[] = [];
    const first = bench.db.setCircuitBreakerCallback((from, to) => moves.push(`${from} → ${to}`));
    bench.db.gate.circuit.forceOpen();
    first[Symbol.dispose]();
    bench.db.gate.circuit.reset();
    expect(moves).toEqual(['closed → forced-open']);
  });
});
