/** What a priority is worth in the pool's line; waiting-line.ts draws what comes of it. */
import type { Priority } from '../kernel/priority.js';

/** By how much each priority counts as having come later than it did. */
export const HANDICAP_MS: Readonly<Record<Priority, number>> = { high: 0, normal: 1_000, low: 5_000 };
