/** A circuit breaker on a fake clock, with the failures and the routes that its tests need. */
import { afterEach, expect } from 'vitest';
import { ConnectionError } from '../../src/errors/connection-error.js';
import { ConstraintError } from '../../src/errors/query-error.js';
import { TimeoutError } from '../../src/errors/timeout-error.js';
import { CircuitBreaker } from '../../src/gate/circuit-breaker.js';
import type { CircuitBreakerPorts } from '../../src/gate/circuit-breaker.js';
import type { CircuitEvents } from '../../src/gate/circuit-events.js';
import type { CircuitBreakerOptions } from '../../src/gate/circuit-options.js';
import type { CircuitState } from '../../src/gate/circuit-state.js';
import type { FakeClock } from '../../src/testing/fake-clock.js';
import { fakeClock } from '../../src/testing/fake-clock.js';

export interface CircuitBench {
  readonly circuit: CircuitBreaker;
  readonly clock: FakeClock;
  /** `closed → open`, in the order they were told. */
  readonly moves: string[];
  /** One call that fails, each time with an error of its own. */
  readonly fail: (error?: unknown) => void;
  readonly succeed: () => void;
  /** Everything that was told of one kind, from now on. */
  readonly hear: <E extends keyof CircuitEvents>(event: E) => CircuitEvents[E][];
}

const benches: CircuitBench[] = [];

export function circuitBench(
  options: CircuitBreakerOptions = {},
  ports: Partial<CircuitBreakerPorts> = {},
): CircuitBench {
  const clock = fakeClock();
  const circuit = new CircuitBreaker(options, { clock, random: () => 0.5, name: 'orders', ...ports });
  const moves: string[] = [];
  circuit.on('stateChange', ({ from, to }) => moves.push(`${from} → ${to}`));
  const bench: CircuitBench = {
    circuit,
    clock,
    moves,
    fail: (error = refusedError()) => circuit.enter().settle('failure', { error }),
    succeed: () => circuit.enter().settle('success'),
    hear: (event) => {
      const heard: CircuitEvents[typeof event][] = [];
      circuit.on(event, (fact) => heard.push(fact));
      return heard;
    },
  };
  benches.push(bench);
  return bench;
}

/** At the end of every test: no timer is left of a circuit that is stopped. */
export function checkTimers(): void {
  afterEach(() => {
    for (const { circuit, clock } of benches.splice(0)) {
      circuit.stop();
      expect(clock.pendingTimers).toEqual([]);
    }
  });
}

/** Takes a fresh circuit to a state, the way it gets there in life. */
export async function bring({ circuit, clock, fail }: CircuitBench, state: CircuitState): Promise<void> {
  if (state === 'forced-open') circuit.forceOpen();
  if (state === 'disabled') circuit.disable();
  if (state === 'metrics-only') circuit.metricsOnly();
  if (state !== 'open' && state !== 'half-open') return;
  for (let count = 0; count < 5; count += 1) fail();
  if (state === 'open') return;
  await clock.advance(60_000);
  circuit.enter().settle('ignore');
}

export const refusedError = (): ConnectionError =>
  new ConnectionError('refused', 'connect ECONNREFUSED', {
    breaker: 'failure',
    cause: new Error('connect ECONNREFUSED 10.0.0.1:5432'),
  });

/** What each statement on a dead socket hears: an error of its own, around the one of the socket. */
export const lostError = (cause: Error, connectionId?: number): ConnectionError =>
  new ConnectionError('lost', 'the connection was lost', {
    breaker: 'failure',
    isConnectionFatal: true,
    outcome: 'unknown',
    cause,
    ...(connectionId === undefined ? {} : { context: { connectionId } }),
  });

export const uniqueError = (): ConstraintError =>
  new ConstraintError('unique', 'a unique constraint', {}, { breaker: 'success', cause: new Error('23505') });

export const statementTimeout = (): TimeoutError =>
  new TimeoutError('statement', 'ran for 30,000 ms', { breaker: 'failure', cause: new Error('57014') });
