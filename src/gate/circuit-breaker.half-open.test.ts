import { describe, expect, it } from 'vitest';
import { bring, checkTimers, circuitBench, refusedError } from '../../test/fakes/circuit-bench.js';
import type { CircuitBench } from '../../test/fakes/circuit-bench.js';
import type { CircuitBreakerOptions } from './circuit-options.js';

checkTimers();

/** Open, and its time over: the next call is the first of the trial. */
async function dueBench(options: CircuitBreakerOptions = {}): Promise<CircuitBench> {
  const bench = circuitBench(options);
  await bring(bench, 'open');
  await bench.clock.advance(60_000);
  bench.moves.length = 0;
  return bench;
}

describe('CircuitBreaker, half-open', () => {
  it('closes with the third success', async () => {
    const { circuit, moves, succeed } = await dueBench();
    succeed();
    succeed();
    expect(circuit.state).toBe('half-open');
    succeed();
    expect(moves).toEqual(['open → half-open', 'half-open → closed']);
  });

  it('opens with the first failure, for the whole time again', async () => {
    const { circuit, moves, succeed, fail } = await dueBench();
    succeed();
    succeed();
    fail();
    expect(moves).toEqual(['open → half-open', 'half-open → open']);
    expect(circuit.peek()?.retryAfterMs).toBe(60_000);
    expect(circuit.peek()?.message).toContain(
      'a probe failed (it has opened again 1 time), the last failure CONNECTION',
    );
  });

  it.each([1, 2, 5])(
    'lets %i in flight at once, refuses the others, and queues none',
    async (halfOpenMaxConcurrent) => {
      const { circuit } = await dueBench({ halfOpenMaxConcurrent });
      const permits = Array.from({ length: halfOpenMaxConcurrent }, () => circuit.enter());
      expect(() => circuit.enter()).toThrow('lets a few calls find out');
      permits[0]?.settle('ignore');
      expect(circuit.peek()).toBeUndefined();
      circuit.enter();
      expect(() => circuit.enter()).toThrow('lets a few calls find out');
    },
  );

  it('lets ten begin in one period, ignored ones among them, and ten in the next', async () => {
    const { circuit, clock } = await dueBench();
    const enterAll = () => {
      let count = 0;
      for (; circuit.peek() === undefined; count += 1) circuit.enter().settle('ignore');
      return count;
    };
    expect(enterAll()).toBe(10);
    expect(circuit.peek()).toMatchObject({ code: 'CIRCUIT_OPEN', retryAfterMs: 10_000 });
    await clock.advance(9_999);
    expect(enterAll()).toBe(0);
    await clock.advance(1);
    expect(enterAll()).toBe(10);
  });

  it('closes at the end of the period with one success and no failure', async () => {
    const { circuit, clock, succeed } = await dueBench();
    succeed();
    await clock.advance(9_999);
    expect(circuit.state).toBe('half-open');
    await clock.advance(1);
    expect(circuit.state).toBe('closed');
  });

  it('stayed half-open for ever because of a probe that hung: it opens at +10 s', async () => {
    const { circuit, clock, hear } = await dueBench();
    const leaked = hear('permitLeaked');
    const hung = circuit.enter();
    await clock.advance(9_999);
    expect(circuit.state).toBe('half-open');
    await clock.advance(1);
    expect(circuit.state).toBe('open');
    expect(leaked).toEqual([{ at: 70_000, generation: hung.generation, ageMs: 10_000 }]);
    expect(circuit.peek()?.message).toContain('a probe hung');
    expect(circuit.totals).toMatchObject({ opened: 2, leaked: 1 });
    hung.settle('success');
    expect([circuit.state, circuit.inFlight]).toEqual(['open', 0]);
  });

  it('opens for a hung probe also after others have succeeded', async () => {
    const { circuit, clock, succeed } = await dueBench();
    succeed();
    await clock.advance(1_000);
    circuit.enter();
    await clock.advance(9_000);
    expect(circuit.state).toBe('open');
  });

  it('notices a hung probe without its timer, by the next call', async () => {
    const { circuit, clock } = await dueBench();
    circuit.enter();
    circuit.stop();
    clock.freeze(10_000);
    expect(circuit.peek()?.message).toContain('a probe hung');
    expect(circuit.state).toBe('open');
  });

  it('does not take the result of a probe that comes at the very end for a timely one', async () => {
    const { circuit, clock } = await dueBench();
    const permit = circuit.enter();
    clock.freeze(10_000);
    permit.settle('success');
    expect(circuit.state).toBe('open');
  });

  it('closes where statements take six seconds, and one is always in flight at the end', async () => {
    const { circuit, clock } = await dueBench();
    const first = circuit.enter();
    await clock.advance(6_000);
    first.settle('success');
    circuit.enter();
    await clock.advance(4_000);
    expect([circuit.state, circuit.inFlight]).toEqual(['closed', 1]);
  });

  it.each([
    [5_000, 'open'],
    [5_001, 'closed'],
  ])(
    'takes a call that began %i ms into the period, and is in flight at its end, as a reason to be %s',
    async (at, state) => {
      const { circuit, clock, succeed } = await dueBench();
      succeed();
      await clock.advance(at);
      circuit.enter();
      await clock.advance(10_000 - at);
      expect(circuit.state).toBe(state);
    },
  );

  it('gives a young probe another period when nothing was learnt in its own, and no more than that', async () => {
    const { circuit, clock } = await dueBench();
    circuit.enter().settle('ignore');
    await clock.advance(9_000);
    circuit.enter();
    await clock.advance(1_000);
    expect(circuit.state).toBe('half-open');
    await clock.advance(9_999);
    expect(circuit.state).toBe('half-open');
    await clock.advance(1);
    expect(circuit.state).toBe('open');
  });

  it('waits for traffic: without a call nothing ends, and the period begins with the next one', async () => {
    const { circuit, clock } = await dueBench();
    circuit.enter().settle('ignore');
    await clock.advance(3_600_000);
    expect([circuit.state, clock.pendingTimers]).toEqual(['half-open', []]);
    circuit.enter().settle('success');
    await clock.advance(9_999);
    expect(circuit.state).toBe('half-open');
    await clock.advance(1);
    expect(circuit.state).toBe('closed');
  });

  it('is not swayed by results of an earlier life', async () => {
    const bench = circuitBench();
    const early = Array.from({ length: 8 }, () => bench.circuit.enter());
    await bring(bench, 'half-open');
    early.slice(0, 4).forEach((permit) => permit.settle('success'));
    expect(bench.circuit.state).toBe('half-open');
    early.slice(4).forEach((permit) => permit.settle('failure', { error: refusedError() }));
    expect(bench.circuit.state).toBe('half-open');
  });

  it('gives no place of the trial back for permits of an earlier life', async () => {
    const bench = circuitBench();
    const early = bench.circuit.enter();
    await bring(bench, 'half-open');
    bench.circuit.enter();
    early.settle('success');
    expect(bench.circuit.peek()?.code).toBe('CIRCUIT_OPEN');
  });

  it('hears the statements of a lease that is a probe', async () => {
    const { circuit } = await dueBench();
    const lease = circuit.enter();
    circuit.record(lease.generation, 'success');
    circuit.record(lease.generation, 'success');
    expect(circuit.state).toBe('half-open');
    circuit.record(lease.generation, 'success');
    expect(circuit.state).toBe('closed');
    lease.settle('success');
    expect(circuit.inFlight).toBe(0);
  });

  it('counts a second settle for nothing', async () => {
    const { circuit } = await dueBench();
    const permit = circuit.enter();
    permit.settle('ignore');
    permit.settle('failure', { error: refusedError() });
    permit.settle('success');
    expect([circuit.state, circuit.inFlight, circuit.totals.successes]).toEqual(['half-open', 0, 0]);
  });

  it('holds no process open by the timer of its period', async () => {
    const { circuit, clock } = await dueBench();
    circuit.enter();
    expect(clock.pendingTimers).toEqual([{ at: 70_000, keepAlive: false }]);
  });

  it('is not half-open a moment longer when a timer fires early', async () => {
    const { circuit, clock } = await dueBench();
    circuit.enter();
    // As Node's timers do, by a fraction of a millisecond.
    const now = clock.now.bind(clock);
    clock.now = () => now() - 0.4;
    await clock.advance(10_000);
    expect(circuit.state).toBe('half-open');
    await clock.advance(0.4);
    expect(circuit.state).toBe('open');
  });

  it('counts the failures anew after it has closed', async () => {
    const { circuit, succeed, fail } = await dueBench();
    for (let count = 0; count < 3; count += 1) succeed();
    for (let count = 0; count < 4; count += 1) fail();
    expect(circuit.state).toBe('closed');
    fail();
    expect(circuit.state).toBe('open');
  });
});

describe('CircuitBreaker, opening again and again', () => {
  /** Lets each trial fail; answers how long it was open each time. */
  async function pauses(options: CircuitBreakerOptions, count: number, random = () => 0.5): Promise<number[]> {
    const bench = circuitBench(options, { random });
    for (let failures = 0; failures < 5; failures += 1) bench.fail();
    const seen: number[] = [];
    while (seen.length < count) {
      const ms = bench.circuit.peek()?.retryAfterMs ?? NaN;
      seen.push(ms);
      await bench.clock.advance(ms);
      bench.fail();
    }
    return seen;
  }

  it('is open for as long every time, unless told otherwise', async () => {
    expect(await pauses({}, 4)).toEqual([60_000, 60_000, 60_000, 60_000]);
  });

  it('doubles up to five minutes, jitter included', async () => {
    const cap = Math.ceil(300_000 / 1.1);
    expect(await pauses({ backoff: true }, 5)).toEqual([60_000, 120_000, 240_000, cap, cap]);
    const most = await pauses({ backoff: true }, 5, () => 0.999_999);
    expect(Math.max(...most)).toBeLessThanOrEqual(300_000);
    expect(most[1]).toBeCloseTo(132_000, 0);
  });

  it('begins with the shortest after it was closed', async () => {
    const bench = circuitBench({ backoff: true });
    await bring(bench, 'half-open');
    bench.fail();
    expect(bench.circuit.peek()?.retryAfterMs).toBe(120_000);
    await bench.clock.advance(120_000);
    for (let count = 0; count < 3; count += 1) bench.succeed();
    await bring(bench, 'open');
    expect(bench.circuit.peek()?.retryAfterMs).toBe(60_000);
  });
});
