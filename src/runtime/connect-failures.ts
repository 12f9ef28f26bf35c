/**
 * What failed attempts to connect say to the circuit breaker. A server that restarts refuses five attempts within 90 ms,
 * because the pool asks quickly at first; callers wait through that in the pool's line and get their connection. So such
 * failures are kept aside, and count only once the pool itself holds the database for unreachable (its creation breaker,
 * docs/decisions/0012) and has no live connection left: an outage younger than a second opens neither, and whom a live
 * connection still answers is not cut off because the server takes no new ones.
 * Invariants: a success forgets what was kept; each attempt counts once, whoever waits for it; an attempt that began
 * before the circuit's last move says nothing of the state after it. Refuses to know: pauses, callers, retries.
 */
import type { CircuitBreaker } from '../gate/circuit-breaker.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import type { Clock } from '../kernel/clock.js';

/** As many as the option `failures` may ask for. */
const MOST_KEPT = 1_000;

/** No state of the circuit has this generation: a result that carries it adds to the totals and to nothing else. */
const STALE = 0;

interface FailedAttempt {
  readonly error: FluxorError;
  readonly beganAt: number;
  readonly failedAt: number;
  /** Of the circuit when it failed. */
  readonly generation: number;
}

interface ConnectFailuresParts {
  readonly circuit: CircuitBreaker;
  readonly clock: Clock;
  /** The pool makes no attempts for its callers any more, and has no connection that could answer them. */
  readonly isUnreachable: () => boolean;
}

export class ConnectFailures {
  readonly #parts: ConnectFailuresParts;
  #kept: FailedAttempt[] = [];

  constructor(parts: ConnectFailuresParts) {
    this.#parts = parts;
  }

  failed(error: FluxorError, durationMs: number): void {
    const { circuit, clock, isUnreachable } = this.#parts;
    const failedAt = clock.now();
    const kept = this.#kept;
    if (kept.length >= MOST_KEPT) kept.shift();
    kept.push({ error, beganAt: failedAt - durationMs, failedAt, generation: circuit.generation });
    if (!isUnreachable()) return;
    this.#kept = [];
    for (const attempt of kept) this.#record(attempt);
  }

  /** A connection was made: what failed before was a hiccup. */
  succeeded(): void {
    this.#kept = [];
  }

  #record({ error, beganAt, failedAt, generation }: FailedAttempt): void {
    const { circuit } = this.#parts;
    circuit.record(beganAt < circuit.sinceAt ? STALE : generation, error.breaker, { error }, failedAt);
  }
}
