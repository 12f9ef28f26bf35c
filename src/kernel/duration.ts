/**
 * The one place where units are read: `'30s'` or `1500` outside, plain milliseconds inside (names end in `Ms`).
 * Called by the option readers; knows nothing of defaults or bounds.
 */

/** A length of time: milliseconds as a number, or a number with a unit. */
export type Duration = number | `${number}ms` | `${number}s` | `${number}m` | `${number}h`;

/** What an option expects, for error messages. */
export const DURATION_FORMS = "milliseconds as a number, or '250ms', '30s', '5m', '1h'";

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const FORM = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)$/;

/**
 * Milliseconds of a duration, or `undefined` when it is not one (negative, NaN, infinite, unknown unit).
 *
 * @example parseDuration('1.5s') // 1500
 */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const match = FORM.exec(value.trim());
  if (match === null) return undefined;
  const ms = Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
  // Enough digits make Infinity, and that means "never" in every room behind this one.
  return Number.isFinite(ms) ? ms : undefined;
}

/** `1500` → `'1,500 ms'`: how every message of the house prints a duration. */
export function formatMs(ms: number): string {
  return `${Math.round(ms).toLocaleString('en-US')} ms`;
}
