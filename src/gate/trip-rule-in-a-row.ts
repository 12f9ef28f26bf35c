/** When a closed circuit opens: after so many failures in a row. The rule for traffic of up to some ten calls a second. */
import { formatMs } from '../kernel/duration.js';
import type { CircuitBreakerConfig } from './circuit-options.js';
import type { TripRule, TripRuleMemory } from './trip-rule.js';

/** So many failures, no success between them, none older than the window. */
export class InARowRule implements TripRule {
  readonly isTimeless = true;
  readonly #failures: number;
  readonly #windowMs: number;
  /** When the last ones were: a ring of `failures` moments, written at `count % failures`. */
  readonly #times: number[] = [];
  #count = 0;

  constructor({ failures, failureWindowMs }: Pick<CircuitBreakerConfig, 'failures' | 'failureWindowMs'>) {
    this.#failures = failures;
    this.#windowMs = failureWindowMs;
  }

  succeeded(): undefined {
    this.#count = 0;
  }

  failed(now: number): string | undefined {
    this.#times[this.#count % this.#failures] = now;
    this.#count += 1;
    if (this.#count < this.#failures) return undefined;
    const lastedMs = now - (this.#times[this.#count % this.#failures] ?? now);
    if (lastedMs > this.#windowMs) return undefined;
    return this.#failures === 1 ? '1 failure' : `${this.#failures} failures in a row within ${formatMs(lastedMs)}`;
  }

  clear(): void {
    this.#count = 0;
  }

  save(now: number): TripRuleMemory {
    const known = Math.min(this.#count, this.#failures);
    const agesMs = Array.from({ length: known }, (_, index) => {
      return now - (this.#times[(this.#count - known + index) % this.#failures] ?? now);
    });
    return { kind: 'in-a-row', agesMs };
  }

  load(memory: TripRuleMemory, now: number): void {
    this.clear();
    if (memory.kind !== 'in-a-row') return;
    // What opens a circuit is a new failure, not the memory of old ones: the answers are not asked for.
    for (const ageMs of memory.agesMs.slice(-this.#failures)) this.failed(now - ageMs);
  }
}
