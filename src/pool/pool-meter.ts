/**
 * How long the pool's doings take, and why its resources end: what `PoolStats` has no room for. Fed where the moment is known
 * anyway; `db.metrics()` reads it.
 * Invariants: `acquired.count = lent`, whoever was served at once counted with 0; `used.count` = loans that have ended;
 * `created.count = created`; the reasons add up to `closed`.
 */
import type { BucketCounts } from '../kernel/bucket-histogram.js';
import { BucketHistogram } from '../kernel/bucket-histogram.js';
import type { CloseReason } from '../telemetry/events.js';

/** Milliseconds. */
const BOUNDS_MS: readonly number[] = Object.freeze([
  ...[0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000],
]);

/** Distributions in milliseconds. */
export interface PoolTimes {
  /** From asking to the lease; served at once counts with 0. */
  readonly acquire: BucketCounts;
  /** Making a connection, where it worked. */
  readonly create: BucketCounts;
  /** From lending a connection to having it back; those who share it together count once. */
  readonly use: BucketCounts;
  readonly closedBy: Readonly<Record<CloseReason, number>>;
  /** How long whoever waits longest has waited; 0 when nobody does. */
  readonly oldestWaitMs: number;
}

export class PoolMeter {
  readonly closedBy: Record<CloseReason, number> = {
    broken: 0,
    discarded: 0,
    'validation-failed': 0,
    'reset-failed': 0,
    'idle-timeout': 0,
    'max-lifetime': 0,
    evicted: 0,
    shutdown: 0,
  };
  /** Only of those who stood in line. */
  readonly waited = new BucketHistogram(BOUNDS_MS);
  readonly created = new BucketHistogram(BOUNDS_MS);
  readonly used = new BucketHistogram(BOUNDS_MS);

  snapshot(lent: number, oldestWaitMs: number): PoolTimes {
    return Object.freeze({
      acquire: this.waited.snapshot(lent - this.waited.count),
      create: this.created.snapshot(),
      use: this.used.snapshot(),
      closedBy: Object.freeze({ ...this.closedBy }),
      oldestWaitMs,
    });
  }
}
