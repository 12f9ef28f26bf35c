/**
 * The pool in numbers at one moment. Invariants, checked after every step of the simulation:
 * `total = creating + checking + idle + inUse + resetting`; `lent − returned = inUse − sharing + sharedLeases`;
 * `total − creating + closing = created − closed`. `total ≤ maxSize`, but for the time that a pool made smaller needs
 * to get back what is lent.
 */
import type { CloseReason } from '../telemetry/events.js';
import type { BreakerState } from './connect-pacer.js';
import type { EntryState } from './pool-entry.js';
import { PoolMeter } from './pool-meter.js';

export interface PoolStats {
  readonly maxSize: number;
  /** Connections that count towards `maxSize`. */
  readonly total: number;
  readonly idle: number;
  readonly inUse: number;
  /** Of `inUse`, those that short statements are on, each with one or several in flight. */
  readonly sharing: number;
  /** Statements in flight on them. Each is a lease of its own. */
  readonly sharedLeases: number;
  /** Of `sharing`, those that take no further statement, because somebody waits to have one alone. */
  readonly reserved: number;
  readonly creating: number;
  /** Being asked for a proof of life; cannot be lent. */
  readonly checking: number;
  /** Being cleaned after an unclean return; cannot be lent. */
  readonly resetting: number;
  /** On their way out; no longer part of `total`. */
  readonly closing: number;
  /** Callers waiting for a connection. */
  readonly waiting: number;
  readonly isSuspended: boolean;
  /** Whether connections can be made: `'open'` while the database cannot be reached. */
  readonly breaker: BreakerState;
  /** Since the runtime was made. */
  readonly totals: PoolTotals;
}

/** Counts that only grow. */
export interface PoolTotals {
  readonly lent: number;
  readonly returned: number;
  /** Of `lent`: statements that joined others on a connection instead of waiting. */
  readonly joined: number;
  /** Callers who had to wait, and how long they all waited until they were served or gave up. */
  readonly waits: number;
  readonly waitedMs: number;
  /** Callers who were not served: out of time, aborted, or refused (line full, unreachable, deadlocked, closed). */
  readonly timedOut: number;
  readonly aborted: number;
  readonly refused: number;
  readonly created: number;
  readonly createFailed: number;
  readonly closed: number;
  readonly leaksSuspected: number;
  readonly leaksReclaimed: number;
}

/** Where the pool counts. What has been returned follows from what was lent and has not ended, at every moment. */
export class Tally implements Omit<PoolTotals, 'returned'> {
  lent = 0;
  joined = 0;
  waits = 0;
  waitedMs = 0;
  timedOut = 0;
  aborted = 0;
  refused = 0;
  created = 0;
  createFailed = 0;
  closed = 0;
  leaksSuspected = 0;
  leaksReclaimed = 0;
  /** Private, so that it is no part of the totals. */
  readonly #meter = new PoolMeter();

  get meter(): PoolMeter {
    return this.#meter;
  }

  /** Somebody who waited has got what they waited for. */
  served(waitedMs: number): void {
    this.waitedMs += waitedMs;
    this.#meter.waited.add(waitedMs);
  }

  /** Something was made. */
  made(durationMs: number): void {
    this.created += 1;
    this.#meter.created.add(durationMs);
  }

  /** What was lent is free again; answers `now`. */
  used({ state }: { readonly state: EntryState<unknown> }, now: number): number {
    if (state.name === 'in-use') this.#meter.used.add(Math.max(0, now - state.sinceAt));
    return now;
  }

  gone(reason: CloseReason): void {
    this.closed += 1;
    this.#meter.closedBy[reason] += 1;
  }
}

/** `10/10 open, 10 in use, 0 idle, 4 waiting`: how messages print it. */
export function describeStats(stats: PoolStats): string {
  const rare = [
    stats.sharing > 0 ? `, ${stats.sharedLeases} statements share ${stats.sharing} of those in use` : '',
    stats.creating > 0 ? `, ${stats.creating} connecting` : '',
    stats.checking > 0 ? `, ${stats.checking} validating` : '',
    stats.resetting > 0 ? `, ${stats.resetting} being cleaned` : '',
  ].join('');
  const suspended = stats.isSuspended ? '; the pool is suspended' : '';
  return `${stats.total}/${stats.maxSize} connections, ${stats.inUse} in use, ${stats.idle} idle${rare}, ${stats.waiting} waiting${suspended}`;
}
