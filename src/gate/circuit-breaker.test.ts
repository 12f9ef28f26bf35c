import { describe, expect, it, vi } from 'vitest';
import {
  checkTimers,
  circuitBench,
  lostError,
  refusedError,
  statementTimeout,
  uniqueError,
} from '../../test/fakes/circuit-bench.js';
import { RejectedError } from '../errors/rejected-error.js';
import { CircuitBreaker } from './circuit-breaker.js';

checkTimers();

describe('CircuitBreaker, closed', () => {
  it('never opened for a thousand unique violations', async () => {
    const { circuit } = circuitBench();
    for (let count = 0; count < 1_000; count += 1) {
      await expect(circuit.execute(() => Promise.reject(uniqueError()))).rejects.toThrow('unique');
    }
    expect([circuit.state, circuit.totals]).toMatchObject(['closed', { successes: 1_000, failures: 0 }]);
  });

  it('opens with the fifth refusal, and the sixth call does not touch the driver', async () => {
    const { circuit } = circuitBench();
    const driver = vi.fn(() => Promise.reject(refusedError()));
    for (let count = 1; count <= 5; count += 1) {
      expect(circuit.state).toBe('closed');
      await expect(circuit.execute(driver)).rejects.toMatchObject({ code: 'CONNECTION' });
    }
    expect(circuit.state).toBe('open');
    await expect(circuit.execute(driver)).rejects.toMatchObject({ code: 'CIRCUIT_OPEN', outcome: 'not-sent' });
    expect(driver).toHaveBeenCalledTimes(5);
  });

  it.each([1, 2, 7])('opens with exactly as many failures as it was told (%i)', (failures) => {
    const { circuit, fail } = circuitBench({ failures });
    for (let count = 1; count < failures; count += 1) fail();
    expect(circuit.state).toBe('closed');
    fail();
    expect(circuit.state).toBe('open');
  });

  it('counts failures in a row: a success between them begins anew', () => {
    const { circuit, fail, succeed } = circuitBench();
    for (let round = 0; round < 10; round += 1) {
      for (let count = 0; count < 4; count += 1) fail();
      succeed();
    }
    expect(circuit.state).toBe('closed');
  });

  it('leaves the row alone for results that say nothing', () => {
    const { circuit, fail } = circuitBench();
    for (let count = 0; count < 4; count += 1) fail();
    for (let count = 0; count < 100; count += 1) circuit.enter().settle('ignore');
    expect(circuit.state).toBe('closed');
    fail();
    expect(circuit.state).toBe('open');
  });

  it('counts ten statements on one killed socket as one failure', () => {
    const { circuit } = circuitBench();
    const socket = new Error('read ECONNRESET');
    const permits = Array.from({ length: 10 }, () => circuit.enter());
    for (const permit of permits) permit.settle('failure', { error: lostError(socket) });
    expect([circuit.state, circuit.totals]).toMatchObject(['closed', { failures: 1, ignored: 9 }]);
  });

  it('counts a dead connection once, also when its statements fail each in its own way', () => {
    const { circuit } = circuitBench();
    const { generation } = circuit;
    circuit.record(generation, 'failure', { error: lostError(new Error('reset'), 7) });
    for (let count = 0; count < 10; count += 1) {
      circuit.record(generation, 'failure', { error: refusedError(), connectionId: 7 });
    }
    expect([circuit.state, circuit.totals]).toMatchObject(['closed', { failures: 1, ignored: 10 }]);
  });

  it('counts what statements of a lease record, which took no permit', () => {
    const { circuit } = circuitBench();
    for (let count = 0; count < 5; count += 1) circuit.record(circuit.generation, 'failure', { error: refusedError() });
    expect([circuit.state, circuit.inFlight]).toEqual(['open', 0]);
  });

  it('can be told that statements that run too long are the application’s own', () => {
    const { circuit, fail } = circuitBench({ countStatementTimeouts: 'never' });
    for (let count = 0; count < 20; count += 1) fail(statementTimeout());
    expect(circuit.state).toBe('closed');
  });

  it('opened for everybody because of one bad report, unless told to count each statement once', () => {
    const { circuit } = circuitBench({ countStatementTimeouts: 'distinct' });
    const time = (fingerprint: string) =>
      circuit.enter().settle('failure', { error: statementTimeout(), fingerprint: () => fingerprint });
    for (let count = 0; count < 20; count += 1) time('the report');
    expect(circuit.totals).toMatchObject({ failures: 1, ignored: 19 });
    for (const statement of ['a', 'b', 'c']) time(statement);
    expect(circuit.state).toBe('closed');
    time('d');
    expect(circuit.state).toBe('open');
  });

  it('asks no clock when it is told the time', () => {
    const { circuit, clock } = circuitBench();
    const now = vi.spyOn(clock, 'now');
    circuit.peek(10);
    circuit.enter(10).settle('success', undefined, 20);
    circuit.record(circuit.generation, 'success', undefined, 30);
    expect(now).not.toHaveBeenCalled();
  });
});

describe('CircuitBreaker, open', () => {
  it('is closed to traffic at 59,999 ms; at 60,000 exactly one call passes', async () => {
    const { circuit, clock, fail } = circuitBench();
    for (let count = 0; count < 5; count += 1) fail();
    await clock.advance(59_999);
    expect(() => circuit.enter()).toThrow(RejectedError);
    await clock.advance(1);
    const outcomes = Array.from({ length: 20 }, () => {
      try {
        return circuit.enter();
      } catch (error) {
        return (error as RejectedError).code;
      }
    });
    expect(outcomes.slice(1)).toEqual(Array(19).fill('CIRCUIT_OPEN'));
    expect([typeof outcomes[0], circuit.state, circuit.inFlight]).toEqual(['object', 'half-open', 1]);
  });

  it('says how many failures, since when, what the last one was, and when to come back', async () => {
    const { circuit, clock, fail } = circuitBench();
    for (let count = 0; count < 4; count += 1) {
      fail();
      await clock.advance(200);
    }
    const last = refusedError();
    fail(last);
    await clock.advance(1_500);
    const error = circuit.peek();
    expect(error?.message).toBe(
      "Circuit 'orders' has been open for 1,500 ms: 5 failures in a row within 800 ms, the last failure CONNECTION " +
        '(refused). It may be tried again in 58,500 ms.',
    );
    expect(error).toMatchObject({
      code: 'CIRCUIT_OPEN',
      outcome: 'not-sent',
      breaker: 'ignore',
      retryAfterMs: 58_500,
      context: { runtime: 'orders' },
    });
    expect(error?.cause).toBe(last);
  });

  it('never repeats the text of a failure, which may hold SQL', () => {
    const { circuit, fail } = circuitBench({ failures: 1 });
    fail(Object.assign(new Error("insert … values ('secret-marker')"), { code: 'ECONNRESET' }));
    const message = circuit.peek()?.message ?? '';
    expect(message).not.toContain('secret-marker');
    expect(message).toContain('the last failure ECONNRESET');
  });

  it.each([undefined, null, 'a text', 5])('can say something of a failure that is %s', (error) => {
    const { circuit } = circuitBench({ failures: 1 });
    circuit.enter().settle('failure', { error });
    expect(circuit.peek()?.message).toContain('open for 0 ms: 1 failure. It may');
  });

  it('takes nothing by a peek, however often somebody asks', async () => {
    const { circuit, clock, fail } = circuitBench();
    expect(circuit.peek()).toBeUndefined();
    for (let count = 0; count < 5; count += 1) fail();
    expect(circuit.peek()?.code).toBe('CIRCUIT_OPEN');
    await clock.advance(60_000);
    for (let count = 0; count < 10; count += 1) expect(circuit.peek()).toBeUndefined();
    expect([circuit.state, circuit.inFlight]).toEqual(['open', 0]);
  });

  it('sets no timer', () => {
    const { clock, fail } = circuitBench();
    for (let count = 0; count < 5; count += 1) fail();
    expect(clock.pendingTimers).toEqual([]);
  });

  it.each([3_600_000, -3_600_000])('is open for 60 s also when the wall clock jumps by %i ms', async (jumpMs) => {
    const { circuit, clock, fail } = circuitBench();
    for (let count = 0; count < 4; count += 1) fail();
    clock.leapWall(jumpMs);
    expect(circuit.state).toBe('closed');
    fail();
    clock.leapWall(jumpMs);
    await clock.advance(59_999);
    expect(circuit.peek()?.retryAfterMs).toBe(1);
    await clock.advance(1);
    expect(circuit.peek()).toBeUndefined();
  });

  it('is not closed, nor kept open, by calls that began before it opened', async () => {
    const { circuit, clock, fail } = circuitBench();
    const early = Array.from({ length: 6 }, () => circuit.enter());
    for (let count = 0; count < 5; count += 1) fail();
    const until = circuit.peek()?.retryAfterMs;
    early.slice(0, 3).forEach((permit) => permit.settle('success'));
    early.slice(3).forEach((permit) => permit.settle('failure', { error: refusedError() }));
    expect([circuit.state, circuit.peek()?.retryAfterMs, circuit.inFlight]).toEqual(['open', until, 0]);
    expect(circuit.totals).toMatchObject({ successes: 3, failures: 8 });
    await clock.advance(60_000);
    expect(circuit.peek()).toBeUndefined();
  });

  it('counts nothing towards opening of what a lease records meanwhile', () => {
    const { circuit, fail } = circuitBench();
    for (let count = 0; count < 5; count += 1) fail();
    const until = circuit.peek()?.retryAfterMs;
    for (let count = 0; count < 20; count += 1)
      circuit.record(circuit.generation, 'failure', { error: refusedError() });
    for (let count = 0; count < 20; count += 1) circuit.record(circuit.generation, 'success');
    expect([circuit.state, circuit.peek()?.retryAfterMs]).toEqual(['open', until]);
    circuit.reset();
    fail();
    expect(circuit.state).toBe('closed');
  });
});

describe('CircuitBreaker, alone', () => {
  it('answers what the function answers, and throws what it throws', async () => {
    const { circuit } = circuitBench();
    const error = new Error('x');
    await expect(circuit.execute(() => Promise.resolve(5))).resolves.toBe(5);
    await expect(circuit.execute(() => Promise.reject(error))).rejects.toBe(error);
    await expect(
      circuit.execute(() => {
        throw error;
      }),
    ).rejects.toBe(error);
    expect(circuit.inFlight).toBe(0);
  });

  it('opens for calls that began after one another, though the very same object is thrown each time', async () => {
    const { circuit } = circuitBench();
    const error = new Error('down');
    for (let count = 0; count < 5; count += 1)
      await circuit.execute(() => Promise.reject(error)).catch(() => undefined);
    expect(circuit.state).toBe('open');
  });

  it('counts calls that were under way together, and end with one error, once', async () => {
    const { circuit } = circuitBench();
    let reject: (error: Error) => void = () => undefined;
    const socket = new Promise<void>((_, fail) => (reject = fail));
    const calls = Array.from({ length: 10 }, () => circuit.execute(() => socket));
    reject(new Error('reset'));
    await Promise.allSettled(calls);
    expect([circuit.state, circuit.totals.failures]).toEqual(['closed', 1]);
  });

  it('does not count the caller’s own abort, nor the refusals of another circuit', async () => {
    const { circuit } = circuitBench({ failures: 1 });
    const abort = new DOMException('This operation was aborted', 'AbortError');
    await circuit.execute(() => Promise.reject(abort)).catch(() => undefined);
    await circuit.execute(() => Promise.reject(new RejectedError('RATE_LIMIT', 'x'))).catch(() => undefined);
    expect([circuit.state, circuit.totals.ignored]).toEqual(['closed', 2]);
  });

  it('works with nothing given', async () => {
    await expect(new CircuitBreaker().execute(() => Promise.resolve(5))).resolves.toBe(5);
  });
});
