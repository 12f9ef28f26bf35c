/** The gate as an operator sees it: `db.gate`. Everything here works on a running gate, and cuts off nothing that runs. */
import type { CircuitBreaker } from '../gate/circuit-breaker.js';
import type { CircuitCondition } from '../gate/circuit-refusal.js';
import type { CircuitSnapshot } from '../gate/circuit-snapshot.js';
import type { CircuitState } from '../gate/circuit-state.js';
import type { CircuitTotals } from '../gate/circuit-tally.js';
import { ConnectionLimiter } from '../gate/connection-limiter.js';
import type { ConnectionLimitOptions } from '../gate/connection-limiter-options.js';
import { resolveConnectionLimitOptions } from '../gate/connection-limiter-options.js';
import type { ConnectionLimiterStats } from '../gate/connection-limiter-stats.js';
import type { Gate } from '../gate/gate.js';
import type { GateOptions } from '../gate/gate-options.js';
import { connectionLimitFields } from '../gate/gate-options.js';
import type { GatePorts } from '../gate/gate-ports.js';
import type { RateLimitOptions } from '../gate/rate-limiter-options.js';
import type { RateLimiterStats } from '../gate/rate-limiter.js';
import { RateLimiter } from '../gate/rate-limiter.js';
import type { RetryStats } from '../gate/retry-ledger.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import type { RetryPolicy } from '../gate/retry-policy.js';

/** The circuit breaker. */
export interface CircuitControl {
  readonly state: CircuitState;
  /** Refuses every call until `reset()`: for an operator who knows better. `reason` is told in the errors. */
  forceOpen(reason?: string): void;
  /** Closes the circuit and forgets what was counted. */
  reset(): void;
  /** Lets every call pass and counts nothing. */
  disable(): void;
  /** Lets every call pass, and tells where it would have opened. */
  metricsOnly(): void;
  /** The state and what was counted, as plain data, to be restored by another process. */
  snapshot(): CircuitSnapshot;
  /** @throws ConfigError when it is no snapshot. */
  restore(snapshot: CircuitSnapshot): void;
}

export interface RateLimitControl {
  /** Other numbers from now on; what is not named gets its default. `false` for no limit. @throws ConfigError */
  set(limit: RateLimitOptions | number | false): void;
  /** `undefined` where there is no limit. */
  stats(): RateLimiterStats | undefined;
}

export interface ConnectionLimitControl {
  /**
   * Another limit from now on: nobody is cut off, new calls wait until there is room. `false` for none; a limit set after
   * that counts only the calls that begin after it. @throws ConfigError
   */
  set(limit: ConnectionLimitOptions | number | 'adaptive' | false): void;
  /** `undefined` where there is no limit. */
  stats(): ConnectionLimiterStats | undefined;
}

/** The circuit breaker in numbers. */
export interface CircuitStats extends CircuitTotals, CircuitCondition {
  readonly state: CircuitState;
  /** Calls that were let through and have not ended. */
  readonly inFlight: number;
}

/** All parts of the gate in numbers. */
export interface GateStats {
  readonly circuit: CircuitStats;
  readonly rateLimit: RateLimiterStats | undefined;
  readonly connectionLimit: ConnectionLimiterStats | undefined;
  /** `undefined` where `query.retry` is `false`. */
  readonly retry: RetryStats | undefined;
}

/** Operations on the gate of a runtime. */
export interface GateControl {
  readonly circuit: CircuitControl;
  readonly rateLimit: RateLimitControl;
  readonly connectionLimit: ConnectionLimitControl;
  /** Now: a snapshot. */
  stats(): GateStats;
}

/** As good as none, for those who wait in a line that is taken away. */
const NO_RATE: RateLimitOptions = { perSecond: 1_000_000, burst: 1_000_000, maxWait: '1h' };
const NO_LIMIT: ConnectionLimitOptions = { max: 10_000, adaptive: false };

interface GateControlParts {
  readonly gate: Gate;
  readonly retry: RetryPolicy | undefined;
  readonly ports: GatePorts;
  readonly poolSize: () => number;
  /** As the user wrote it. */
  readonly connectionLimit: GateOptions['connectionLimit'];
}

export class GateController implements GateControl {
  readonly #parts: GateControlParts;
  #limit: GateOptions['connectionLimit'];
  readonly rateLimit: RateLimitControl = {
    set: (limit) => this.#setRate(limit),
    stats: () => this.#parts.gate.rate?.stats(),
  };
  readonly connectionLimit: ConnectionLimitControl = {
    set: (limit) => this.#setLimit(limit),
    stats: () => this.#parts.gate.limiter?.stats(),
  };

  constructor(parts: GateControlParts) {
    this.#parts = parts;
    this.#limit = parts.connectionLimit;
  }

  get circuit(): CircuitBreaker {
    return this.#parts.gate.circuit;
  }

  stats(): GateStats {
    const { retry } = this.#parts;
    const { condition, state, inFlight, totals } = this.circuit;
    return Object.freeze({
      circuit: Object.freeze({ ...totals, ...condition, state, inFlight }),
      rateLimit: this.rateLimit.stats(),
      connectionLimit: this.connectionLimit.stats(),
      retry: retry?.stats(),
    });
  }

  /** What would be wrong with the limit if the pool had another size. */
  checkPoolSize(poolSize: number, issues: OptionIssue[]): void {
    const fields = connectionLimitFields(this.#limit, poolSize);
    if (fields !== false) resolveConnectionLimitOptions(fields, 'gate.connectionLimit', issues);
  }

  /** The pool has another size now, which the limit follows where it says none of its own. */
  poolReconfigured(): void {
    if (this.#parts.gate.limiter !== undefined) this.#setLimit(this.#limit);
  }

  #setRate(limit: RateLimitOptions | number | false): void {
    const { gate, ports } = this.#parts;
    if (limit !== false) {
      if (gate.rate === undefined) gate.rate = new RateLimiter(limit, ports);
      else gate.rate.set(limit);
      return;
    }
    // Those who wait for a token have it within a millisecond.
    gate.rate?.set(NO_RATE);
    const { allowed = 0, rejected = 0 } = gate.rate?.stats() ?? {};
    gate.retiredRate.allowed += allowed;
    gate.retiredRate.rejected += rejected;
    gate.rate = undefined;
  }

  #setLimit(limit: GateOptions['connectionLimit']): void {
    const { gate, ports, poolSize } = this.#parts;
    const fields = connectionLimitFields(limit, poolSize());
    if (fields === false) {
      gate.limiter?.set(NO_LIMIT);
      gate.limiter = undefined;
    } else if (gate.limiter === undefined) gate.limiter = new ConnectionLimiter(fields, ports);
    else gate.limiter.set(fields);
    this.#limit = limit;
  }
}
