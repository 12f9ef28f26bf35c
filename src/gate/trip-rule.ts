/**
 * When a closed circuit opens: the shape of a rule. There are two: failures in a row (trip-rule-in-a-row.ts), and shares
 * of calls (trip-rule-rate.ts). The breaker feeds its rule with the results that count, and clears it whenever the
 * circuit begins a new life.
 */
/** What a rule remembers, as plain JSON. Ages are in milliseconds (or tenths of the window) before the snapshot. */
export type TripRuleMemory =
  | { readonly kind: 'in-a-row'; readonly agesMs: readonly number[] }
  | {
      readonly kind: 'time';
      readonly slots: readonly (readonly [age: number, calls: number, failures: number, slow: number])[];
    }
  /** One number a call, the oldest first: 1 for a failure plus 2 for a slow one. */
  | { readonly kind: 'calls'; readonly calls: readonly number[] };

/** Each result is answered with the reason to open now, in words and with the numbers, or with `undefined`. */
export interface TripRule {
  /** A success means the same whenever it comes: it needs no look at the clock. */
  readonly isTimeless: boolean;
  succeeded(now: number, isSlow: boolean): string | undefined;
  failed(now: number, isSlow: boolean): string | undefined;
  clear(): void;
  save(now: number): TripRuleMemory;
  /** A memory of another rule is as good as none. */
  load(memory: TripRuleMemory, now: number): void;
}
