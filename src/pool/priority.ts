/** How urgent a call is compared with others that wait; waiting-line.ts draws what comes of it. */

export type Priority = 'high' | 'normal' | 'low';

/** By how much each priority counts as having come later than it did. */
export const HANDICAP_MS: Readonly<Record<Priority, number>> = { high: 0, normal: 1_000, low: 5_000 };
