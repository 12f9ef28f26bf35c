/**
 * When a closed circuit opens, by shares: of the calls in a window, so many failed, or were slow. The window is a stretch
 * of time, or a number of calls (trip-rule-window.ts). Fewer calls than `minCalls` say nothing: one failure of one call
 * is a share of 1.
 */
import { formatMs } from '../kernel/duration.js';
import type { CircuitRateConfig } from './circuit-options.js';
import type { TripRule, TripRuleMemory } from './trip-rule.js';
import type { CallWindow } from './trip-rule-window.js';
import { CountWindow, TimeWindow } from './trip-rule-window.js';

export class RateRule implements TripRule {
  readonly isTimeless = false;
  readonly #config: CircuitRateConfig;
  readonly #window: CallWindow;

  constructor(config: CircuitRateConfig) {
    this.#config = config;
    this.#window = config.calls === undefined ? new TimeWindow(config.windowMs) : new CountWindow(config.calls);
  }

  succeeded(now: number, isSlow: boolean): string | undefined {
    this.#window.add(now, false, isSlow);
    // A success can open the circuit: as the call that makes up the number, or as a slow one.
    return this.#verdict();
  }

  failed(now: number, isSlow: boolean): string | undefined {
    this.#window.add(now, true, isSlow);
    return this.#verdict();
  }

  clear(): void {
    this.#window.clear();
  }

  save(now: number): TripRuleMemory {
    return this.#window.save(now);
  }

  load(memory: TripRuleMemory, now: number): void {
    this.#window.clear();
    this.#window.load(memory, now);
  }

  /** Divides where multiplying would round: 0.1 × 30 is more than 3, and 3 of 30 would not be a tenth. */
  #verdict(): string | undefined {
    const { calls, failures, slow } = this.#window;
    const { minCalls, failureRate, slowCallMs, slowRate } = this.#config;
    if (calls < minCalls) return undefined;
    if (failures / calls >= failureRate) return `${failures} of ${calls} calls failed`;
    if (slowCallMs === Infinity || slow / calls < slowRate) return undefined;
    return `${slow} of ${calls} calls took ${formatMs(slowCallMs)} or longer`;
  }
}
