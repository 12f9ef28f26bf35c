/** Medians and spreads. */

export interface Summary {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
  /** (highest − lowest) ÷ median: how much the rounds disagree. */
  readonly spread: number;
  readonly rounds: readonly number[];
}

export function summarize(rounds: readonly number[]): Summary {
  const sorted = [...rounds].sort((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? NaN;
  const middle = (sorted.length - 1) / 2;
  const median = (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2;
  const lowest = at(0);
  const highest = at(sorted.length - 1);
  return { median, lowest, highest, spread: (highest - lowest) / median, rounds };
}
