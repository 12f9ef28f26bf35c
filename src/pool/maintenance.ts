/**
 * The housekeeper: one timer for the whole pool, once a second, that never holds the process open. It retires what is too
 * old, closes what has rested too long or is too much, keeps the rest alive, and notices when the process stood still.
 * Decides only; the acts are the pool's (`MaintenanceHost`).
 *
 * Nothing here happens at once to all: what was made together has jittered lifetimes, and at most a tenth of the pool is
 * being replaced at any moment.
 */
import type { Clock, Timer } from '../kernel/clock.js';
import type { CloseReason } from '../telemetry/events.js';
import type { ConnectPacer } from './connect-pacer.js';
import type { EntryBook } from './entry-book.js';
import type { PoolEntry } from './pool-entry.js';
import type { PoolSettings } from './pool-settings.js';

/** The period of the housekeeper; every time below is kept to within it. */
export const HOUSEKEEPING_MS = 1_000;

/**
 * A tick that comes this much late, or a wall clock that has run this far ahead, means that the process did not live
 * through the time: a frozen container, a stopped process, a sleeping laptop. Nothing that was proved before is trusted.
 */
export const FREEZE_MS = 5_000;

/** What rests beyond `maxIdle` is closed when it has rested this long: bursts come back. */
const EXCESS_GRACE_MS = 30_000;

/** Used within this time, a connection that retires is replaced before it goes; others were not needed. */
const BUSY_WITHIN_MS = 60_000;

/** The pause between attempts to replace what is too old, while attempts fail and nobody waits for one. */
const RETRY_MS = 30_000;

/** The share of the pool that may be under replacement at once; at least one connection. */
const RETIRING_SHARE = 0.1;

/** Being opened; no room for both; or not now, because others are being opened. */
export type ReplaceOutcome = 'opening' | 'full' | 'later';

export interface MaintenanceHost<R> {
  close(entry: PoolEntry<R>, reason: CloseReason): void;
  /** Opens another first; `entry` goes when that is ready. */
  replace(entry: PoolEntry<R>): ReplaceOutcome;
  keepAlive(entry: PoolEntry<R>): void;
  /**
   * The process stood still for about `frozenMs`. No more than `lostMs` of that went by on the monotonic clock, which
   * deadlines are measured by: it stops where the machine sleeps.
   */
  thaw(frozenMs: number, lostMs: number): void;
  /** The rest of a tick: leaks, refills. */
  afterRound(now: number): void;
}

export interface MaintenanceParts<R> {
  readonly clock: Clock;
  readonly settings: PoolSettings;
  readonly book: EntryBook<R>;
  readonly pacer: ConnectPacer;
}

export class Maintenance<R> {
  readonly #parts: MaintenanceParts<R>;
  readonly #host: MaintenanceHost<R>;
  #timer: Timer | undefined;
  /** When the last tick was, by both clocks. */
  #beat = { now: 0, wall: 0 };

  constructor(parts: MaintenanceParts<R>, host: MaintenanceHost<R>) {
    this.#parts = parts;
    this.#host = host;
  }

  start(): void {
    if (this.#timer === undefined) this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Looks whether the process stood still since the last tick. Deadlines that come due in a thawing process ask here first. */
  noticeFreeze(): boolean {
    if (this.#timer === undefined) return false;
    const { clock } = this.#parts;
    const passedMs = clock.now() - this.#beat.now;
    const lateMs = passedMs - HOUSEKEEPING_MS;
    const isLate = lateMs >= FREEZE_MS;
    // A sleeping machine may stop the monotonic clock and cannot stop the wall clock. Its being set back means nothing.
    const aheadMs = clock.wallNow() - this.#beat.wall - passedMs;
    if (!isLate && aheadMs < FREEZE_MS) return false;
    this.#beat = { now: clock.now(), wall: clock.wallNow() };
    this.#host.thaw(Math.max(lateMs, aheadMs), isLate ? passedMs : 0);
    return true;
  }

  #arm(): void {
    const { clock } = this.#parts;
    this.#beat = { now: clock.now(), wall: clock.wallNow() };
    this.#timer = clock.setTimer(HOUSEKEEPING_MS, () => this.#tick(), { keepAlive: false });
  }

  #tick(): void {
    this.noticeFreeze();
    this.#arm();
    const now = this.#parts.clock.now();
    this.#retireOld(now);
    this.#closeExcess(now);
    this.#keepAlive(now);
    this.#host.afterRound(now);
  }

  #retireOld(now: number): void {
    const { book, settings, pacer } = this.#parts;
    const { maxLifetimeMs, maxSize, minIdle } = settings.current;
    // An old connection is better than none: while attempts fail none goes, and now and then another one is made for it.
    const isFailing = pacer.failures > 0;
    if (pacer.isHopeless || (isFailing && now - pacer.lastFailureAt < RETRY_MS)) return;
    const entries = book.all();
    let room = Math.max(1, Math.floor(maxSize * RETIRING_SHARE));
    for (const { retirement, state } of entries) {
      // One in use goes when it is released, whenever that is: the others don't wait for it.
      if (retirement === 'replacing' || (retirement === 'due' && state.name !== 'in-use')) room -= 1;
    }
    for (const entry of entries) {
      if (room <= 0) return;
      const { name } = entry.state;
      if (entry.retirement !== 'none' || (name !== 'idle' && name !== 'in-use')) continue;
      if (entry.retiresAt(maxLifetimeMs) > now) continue;
      const isNeeded = name === 'in-use' || now - entry.state.sinceAt < BUSY_WITHIN_MS || book.count('idle') <= minIdle;
      const outcome = isNeeded || isFailing ? this.#host.replace(entry) : 'full';
      if (outcome === 'later' || (outcome === 'full' && isFailing)) return;
      room -= 1;
      if (outcome === 'opening') continue;
      entry.retirement = 'due';
      if (name === 'idle') this.#host.close(entry, 'max-lifetime');
    }
  }

  #closeExcess(now: number): void {
    const { book, settings } = this.#parts;
    const { maxIdle, minIdle, idleTimeoutMs } = settings.current;
    for (let entry = book.firstIdle; entry?.state.name === 'idle'; entry = book.firstIdle) {
      const restedMs = now - entry.state.sinceAt;
      const isExcess = book.count('idle') > maxIdle && restedMs >= EXCESS_GRACE_MS;
      const isStale = book.count('idle') > minIdle && restedMs >= idleTimeoutMs;
      if (!isExcess && !isStale) return;
      this.#host.close(entry, 'idle-timeout');
    }
  }

  #keepAlive(now: number): void {
    const { book, settings } = this.#parts;
    const { keepaliveMs } = settings.current;
    if (keepaliveMs === Infinity) return;
    for (const entry of book.all()) {
      if (entry.state.name !== 'idle') continue;
      if (now - entry.state.provenAt >= entry.keepaliveAfter(keepaliveMs)) this.#host.keepAlive(entry);
    }
  }
}
