import { refused } from '../../test/fakes/raised-errors.js';
import { describe, expect, it } from 'vitest';
import { checkRuntimeLeftovers, runtimeBench } from '../../test/fakes/runtime-bench.js';
import { CircuitBreaker } from '../gate/circuit-breaker.js';
import { FakeClock } from '../testing/fake-clock.js';
import { ConnectFailures } from './connect-failures.js';

checkRuntimeLeftovers();

describe('failed attempts to connect, with all defaults', () => {
  it('are invisible to an outage of 300 ms: callers wait through it, and the circuit stays closed', async () => {
    const bench = runtimeBench();
    bench.driver.next = () => {
      throw refused();
    };
    const ran = bench.watch(bench.db.exec('a'));
    await bench.clock.advance(300);
    expect(bench.db.stats().totals.createFailed).toBeGreaterThanOrEqual(3);
    bench.driver.next = () => bench.newSession();
    await bench.clock.advance(500);
    expect(ran).toMatchObject({ error: undefined, value: { rowsAffected: 0 } });
    expect(bench.db.gate.stats().circuit).toMatchObject({ state: 'closed', failures: 0, opened: 0 });
  });

  it('open the circuit at about a second, together with the breaker of the pool', async () => {
    const bench = runtimeBench({ query: { retry: false } });
    const moves = bench.facts('circuit:state-changed');
    bench.driver.next = () => {
      throw refused();
    };
    void bench.watch(bench.db.exec('a'));
    await bench.clock.advance(900);
    expect([bench.db.gate.circuit.state, bench.db.stats().breaker]).toEqual(['closed', 'closed']);
    await bench.clock.advance(1_000);
    expect(bench.db.stats().breaker).not.toBe('closed');
    expect(moves).toMatchObject([{ from: 'closed', to: 'open', retryAfterMs: expect.any(Number) as number }]);
    expect(moves[0]?.retryAfterMs).toBeLessThanOrEqual(1_000);
  });

  it('do not cut off callers whom a live connection answers, until that is lost too', async () => {
    const bench = runtimeBench({ query: { retry: false } });
    await bench.db.exec('a');
    bench.driver.next = () => {
      throw refused();
    };
    const held = await bench.db.acquire();
    void bench.watch(bench.db.exec('b'));
    await bench.clock.advance(5_000);
    expect([bench.db.gate.circuit.state, bench.db.stats().breaker]).toEqual(['closed', 'open']);
    held.release();
    await bench.clock.advance(1);
    await bench.db.exec('c');
    expect(bench.db.gate.stats().circuit).toMatchObject({ state: 'closed', failures: 0 });
    for (const session of bench.sessions) session.lose();
    void bench.watch(bench.db.exec('d'));
    await bench.clock.advance(10_000);
    expect(bench.db.gate.circuit.state).not.toBe('closed');
  });
});

describe('one attempt to connect', () => {
  it('says nothing of a half-open circuit when it began before the circuit opened', async () => {
    const clock = new FakeClock();
    const circuit = new CircuitBreaker({ failures: 1, resetTimeout: '1s' }, { clock, random: () => 0.5 });
    const failures = new ConnectFailures({ circuit, clock, isUnreachable: () => true });
    await clock.advance(100);
    failures.failed(refused(), 50);
    await clock.advance(1_000);
    const probe = circuit.enter();
    failures.failed(refused(), 1_050);
    expect(circuit.state).toBe('half-open');
    await clock.advance(20);
    failures.failed(refused(), 10);
    expect(circuit.state).toBe('open');
    probe.settle('ignore');
    circuit.stop();
  });
});
