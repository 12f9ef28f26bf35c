import { describe, expect, it } from 'vitest';
import {
  checkTimers,
  circuitBench,
  lostError,
  refusedError,
  statementTimeout,
} from '../../test/fakes/circuit-bench.js';

checkTimers();

describe('the events of a circuit breaker', () => {
  it('tell every result, and whether it belongs to this life of the circuit', () => {
    const { circuit, hear } = circuitBench();
    const [successes, failures] = [hear('success'), hear('failure')];
    const early = [circuit.enter(), circuit.enter()];
    circuit.enter().settle('success', undefined, 5);
    circuit.reset();
    const error = refusedError();
    early[0]?.settle('success', undefined, 6);
    early[1]?.settle('failure', { error }, 7);
    expect(successes).toEqual([
      { at: 5, isStale: false },
      { at: 6, isStale: true },
    ]);
    expect(failures).toEqual([{ at: 7, isStale: true, error }]);
  });

  it('tell why a result did not count', () => {
    const { circuit, hear, fail } = circuitBench({ countStatementTimeouts: 'never' });
    const ignored = hear('ignored');
    const socket = new Error('reset');
    fail(lostError(socket, 7));
    fail(lostError(socket, 7));
    fail(lostError(new Error('another'), 7));
    fail(statementTimeout());
    circuit.enter().settle('ignore');
    expect(ignored.map(({ why }) => why)).toEqual(['same-error', 'dead-connection', 'statement-timeout', 'verdict']);
  });

  it('tell an opening with its reason, its length and the last failure', async () => {
    const { clock, fail, hear } = circuitBench({ failures: 2 });
    const told = hear('stateChange');
    const error = refusedError();
    fail();
    await clock.advance(800);
    fail(error);
    const why = '2 failures in a row within 800 ms';
    const expected = { at: 800, from: 'closed', to: 'open', generation: 2, why, retryAfterMs: 60_000, error };
    expect(told).toEqual([expected]);
  });

  it('tell each rejection once, whether it came by a peek or by entering', () => {
    const { circuit, fail, hear } = circuitBench();
    const rejected = hear('rejected');
    for (let count = 0; count < 5; count += 1) fail();
    circuit.peek();
    expect(() => circuit.enter()).toThrow();
    expect(rejected).toEqual(Array(2).fill({ at: 0, state: 'open', retryAfterMs: 60_000 }));
    expect(circuit.totals.rejected).toBe(2);
  });

  it('tell a failure before the opening that comes of it', () => {
    const { circuit, fail } = circuitBench({ failures: 1 });
    const log: string[] = [];
    circuit.on('stateChange', ({ to }) => log.push(to));
    circuit.on('failure', () => log.push('failure'));
    fail();
    expect(log).toEqual(['failure', 'open']);
  });

  it('cannot be hurt by those who listen', async () => {
    const heard: unknown[] = [];
    const { circuit, fail } = circuitBench(
      { failures: 1 },
      { onListenerError: (error, event) => heard.push(error, event) },
    );
    circuit.on('stateChange', () => {
      throw new Error('listener');
    });
    fail();
    expect(circuit.state).toBe('open');
    expect(heard).toEqual([new Error('listener'), 'stateChange']);
    await Promise.resolve();
  });

  it('let a listener reset the circuit in the middle of it all', async () => {
    const { circuit, clock, fail } = circuitBench({ failures: 2 });
    fail();
    circuit.on('failure', () => circuit.reset());
    fail();
    expect(circuit.state).toBe('closed');
    circuit.on('stateChange', ({ to }) => {
      if (to === 'half-open') circuit.forceOpen('somebody was faster');
    });
    circuit.restore({ ...circuit.snapshot(), state: 'open', remainingMs: 10, opening: { why: 'x', reopens: 0 } });
    await clock.advance(10);
    expect(() => circuit.enter()).toThrow('somebody was faster');
    expect(circuit.inFlight).toBe(0);
  });

  it('are no longer heard once the subscription is disposed', () => {
    const { circuit, succeed } = circuitBench();
    const heard: unknown[] = [];
    const subscription = circuit.on('success', (fact) => heard.push(fact));
    succeed();
    subscription[Symbol.dispose]();
    succeed();
    expect(heard).toHaveLength(1);
  });
});
