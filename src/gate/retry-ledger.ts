/**
 * What all calls of one policy together have tried and may still repeat: the budgets and the counters. No call has a
 * budget of its own, whatever numbers it asks for. Kept by retry-policy.ts.
 */
import type { Clock } from '../kernel/clock.js';
import { RetryBudget } from './retry-budget.js';
import type { RetryBudgetConfig } from './retry-options.js';

/** Why an attempt was the last one. */
export type FinalCause = 'not-retryable' | 'attempts' | 'budget' | 'deadline';

export interface RetryStats {
  /** First attempts. */
  readonly calls: number;
  /** Repetitions paid from a budget: all, those of whole transactions, and those after contention. */
  readonly retries: number;
  readonly transactionRetries: number;
  readonly contentionRetries: number;
  readonly freeRetries: number;
  /** Attempts that failed and were the last of their call, by why. */
  readonly finals: Readonly<Record<FinalCause, number>>;
  /** Repetitions that could be made now; `Infinity` without a budget. */
  readonly budget: number;
  readonly contentionBudget: number;
}

/** What is about to be repeated. */
export interface Repeated {
  readonly unit: 'statement' | 'transaction';
  /** After a deadlock, a serialization failure, or a lock that did not come free. */
  readonly isContended: boolean;
}

export class RetryLedger {
  /** Undefined: without limit. Contention has its own, so that a hot row does not use up what an outage needs. */
  readonly #budget: RetryBudget | undefined;
  readonly #contentionBudget: RetryBudget | undefined;
  #calls = 0;
  #retries = 0;
  #transactionRetries = 0;
  #contentionRetries = 0;
  #freeRetries = 0;
  readonly #finals: Record<FinalCause, number> = { 'not-retryable': 0, attempts: 0, budget: 0, deadline: 0 };

  constructor(config: RetryBudgetConfig | false, clock: Clock) {
    if (config === false) return;
    this.#budget = new RetryBudget(config, clock);
    this.#contentionBudget = new RetryBudget(config, clock);
  }

  begun(now: number): void {
    this.#calls += 1;
    this.#budget?.deposit(now);
    this.#contentionBudget?.deposit(now);
  }

  /** Pays for one repetition; false when there is nothing to pay with. */
  tryPay({ unit, isContended }: Repeated, now: number): boolean {
    const budget = isContended ? this.#contentionBudget : this.#budget;
    if (budget?.tryWithdraw(now) === false) return false;
    this.#retries += 1;
    if (unit === 'transaction') this.#transactionRetries += 1;
    if (isContended) this.#contentionRetries += 1;
    return true;
  }

  noteFree(): void {
    this.#freeRetries += 1;
  }

  noteFinal(why: FinalCause): void {
    this.#finals[why] += 1;
  }

  stats(now: number): RetryStats {
    return {
      calls: this.#calls,
      retries: this.#retries,
      transactionRetries: this.#transactionRetries,
      contentionRetries: this.#contentionRetries,
      freeRetries: this.#freeRetries,
      finals: { ...this.#finals },
      budget: this.#budget?.balance(now) ?? Infinity,
      contentionBudget: this.#contentionBudget?.balance(now) ?? Infinity,
    };
  }
}
