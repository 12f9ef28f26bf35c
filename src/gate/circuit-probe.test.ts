import { describe, expect, it, vi } from 'vitest';
import type { CircuitBench } from '../../test/fakes/circuit-bench.js';
import { bring, checkTimers, circuitBench } from '../../test/fakes/circuit-bench.js';
import type { CircuitBreaker } from './circuit-breaker.js';

checkTimers();

const DOWN = (): Promise<void> => Promise.reject(new Error('down'));
const UP = (): Promise<void> => Promise.resolve();

interface ProbeBench extends CircuitBench {
  /** When the database was asked. */
  readonly asked: number[];
  /** What it answers. */
  answer: () => Promise<void>;
}

async function probeBench(random = () => 0.5): Promise<ProbeBench> {
  const asked: number[] = [];
  const ask = vi.fn((): Promise<void> => {
    asked.push(bench.clock.now());
    return bench.answer();
  });
  const bench: ProbeBench = { ...circuitBench({ earlyProbe: true }, { probe: ask, random }), asked, answer: DOWN };
  await bring(bench, 'open');
  return bench;
}

describe('the early probe', () => {
  it('asks every second while the circuit is open, and starts the trial with the first answer', async () => {
    const bench = await probeBench();
    await bench.clock.advance(1_999);
    bench.answer = UP;
    await bench.clock.advance(1);
    expect([bench.asked, bench.circuit.state]).toEqual([[1_000, 2_000], 'half-open']);
    expect(bench.moves.at(-1)).toBe('open → half-open');
  });

  it('turned a failover of two seconds into an outage of two, not sixty', async () => {
    const bench = await probeBench();
    await bench.clock.advance(1_999);
    bench.answer = UP;
    await bench.clock.advance(1);
    for (let count = 0; count < 3; count += 1) bench.succeed();
    expect([bench.circuit.state, bench.clock.now()]).toEqual(['closed', 2_000]);
    await bench.clock.advance(3_600_000);
    expect(bench.asked).toHaveLength(2);
  });

  it('takes or adds up to a fifth of the pause', async () => {
    const early = await probeBench(() => 0);
    await early.clock.advance(1_600);
    expect(early.asked).toEqual([800, 1_600]);
    const late = await probeBench(() => 0.999_999_9);
    await late.clock.advance(1_200);
    expect(late.asked[0]).toBeCloseTo(1_200, 3);
  });

  it('asks one question at a time, and pauses after its answer', async () => {
    const bench = await probeBench();
    let reject: (error: Error) => void = () => undefined;
    bench.answer = () => new Promise((_, fail) => (reject = fail));
    await bench.clock.advance(30_000);
    expect(bench.asked).toEqual([1_000]);
    reject(new Error('down'));
    await bench.clock.advance(1_000);
    expect(bench.asked).toEqual([1_000, 31_000]);
  });

  it('takes a probe that throws for a database that is down', async () => {
    const bench = await probeBench();
    bench.answer = () => {
      throw new Error('bug');
    };
    await bench.clock.advance(2_000);
    expect([bench.asked, bench.circuit.state]).toEqual([[1_000, 2_000], 'open']);
  });

  it('lets no call wait for it: the time of an open circuit is over when it is over', async () => {
    const bench = await probeBench();
    bench.answer = () => new Promise(() => undefined);
    await bench.clock.advance(60_000);
    expect(bench.circuit.peek()).toBeUndefined();
  });

  it('tells callers to come back after its next question, not after the whole time', async () => {
    const bench = await probeBench();
    await bench.clock.advance(2_700.5);
    const refusal = bench.circuit.peek();
    expect(refusal?.retryAfterMs).toBe(300);
    expect(refusal?.message).toMatch(
      'It asks every 1,000 ms whether the database is back, and lets a call find out in 57,300 ms at the latest.',
    );
    bench.answer = () => new Promise(() => undefined);
    await bench.clock.advance(5_000);
    expect(bench.circuit.peek()?.retryAfterMs).toBe(1_000);
    await bench.clock.advance(52_000);
    expect(bench.circuit.peek()?.retryAfterMs).toBe(300);
  });

  it('is in the news of the opening: the time to its first question', () => {
    const bench = circuitBench({ earlyProbe: true, failures: 1 }, { probe: DOWN, random: () => 0 });
    const told = bench.hear('stateChange');
    bench.fail();
    expect(told).toMatchObject([{ to: 'open', retryAfterMs: 800 }]);
  });

  it('holds no process open', async () => {
    const { clock } = await probeBench();
    expect(clock.pendingTimers).toEqual([{ at: 1_000, keepAlive: false }]);
  });

  it.each<[string, (circuit: CircuitBreaker) => void]>([
    ['stop', (circuit) => circuit.stop()],
    ['reset', (circuit) => circuit.reset()],
    ['forceOpen', (circuit) => circuit.forceOpen()],
    ['disable', (circuit) => circuit.disable()],
    ['metricsOnly', (circuit) => circuit.metricsOnly()],
  ])('ends with %s, and its late answer is not heard', async (_, end) => {
    const bench = await probeBench();
    let resolve: () => void = () => undefined;
    bench.answer = () => new Promise((done) => (resolve = done));
    await bench.clock.advance(1_000);
    end(bench.circuit);
    const { state } = bench.circuit;
    resolve();
    await bench.clock.advance(120_000);
    expect([bench.circuit.state, bench.asked, bench.clock.pendingTimers]).toEqual([state, [1_000], []]);
  });

  it('ends with the trial that a call began, and begins again when that fails', async () => {
    const bench = await probeBench();
    await bench.clock.advance(60_000);
    const before = bench.asked.length;
    const probe = bench.circuit.enter();
    await bench.clock.advance(5_000);
    expect(bench.asked).toHaveLength(before);
    probe.settle('failure', { error: new Error('down') });
    await bench.clock.advance(1_000);
    expect(bench.asked).toHaveLength(before + 1);
  });

  it('is not heard in a later opening when it was asked in an earlier one', async () => {
    const bench = await probeBench();
    let resolve: () => void = () => undefined;
    bench.answer = () => new Promise((done) => (resolve = done));
    await bench.clock.advance(1_000);
    bench.circuit.reset();
    await bring(bench, 'open');
    resolve();
    await bench.clock.settle();
    expect(bench.circuit.state).toBe('open');
  });

  it('sets no timer after stop, also when the circuit opens again', async () => {
    const bench = await probeBench();
    bench.circuit.stop();
    bench.circuit.reset();
    await bring(bench, 'open');
    expect([bench.circuit.state, bench.clock.pendingTimers]).toEqual(['open', []]);
  });
});
