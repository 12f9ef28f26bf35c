/**
 * Watches what user code holds. A lease held longer than the threshold is reported once as suspected, with everything
 * that helps to find who has it; when it ends after all, that is told too; and, if so configured, it is taken away.
 * A handle that was dropped without release is noticed when the garbage collector finds it, and its resource taken back.
 *
 * No timer per lease and nothing noted for single statements: the housekeeper calls `scan`, and a lease of user code
 * costs one small record. Its stack is the dear part (5–10 µs), so it is sampled until there is reason to suspect.
 */
import type { Clock } from '../kernel/clock.js';
import type { Hub } from '../telemetry/hub.js';
import type { LeakReport } from '../telemetry/events.js';
import type { EntryBook } from './entry-book.js';
import type { LeaseNote } from './lease-scopes.js';
import type { PoolEntry } from './pool-entry.js';
import type { PoolSettings } from './pool-settings.js';
import type { Tally } from './pool-stats.js';
import type { ResourceFactory } from './resource-factory.js';
import type { AcquireRequest } from './waiter.js';

/** One lease in so many has its stack noted, until a leak is suspected; from then on all have. */
const SAMPLE_EVERY = 16;

/** Frames noted: the first ones are ours, on the way from the caller to the pool. */
const STACK_FRAMES = 24;

export interface LeakParts<R> {
  readonly clock: Clock;
  readonly settings: PoolSettings;
  readonly hub: Hub;
  readonly book: EntryBook<R>;
  readonly factory: ResourceFactory<R>;
  readonly tally: Tally;
  /** Takes the resource from whoever holds it. */
  readonly reclaim: (entry: PoolEntry<R>) => void;
}

export class LeakDetector<R> {
  readonly #parts: LeakParts<R>;
  #taken = 0;
  #hasSuspected = false;
  #longest: { readonly at: number; readonly report: LeakReport | undefined } | undefined;
  #scannedAt = -Infinity;

  constructor(parts: LeakParts<R>) {
    this.#parts = parts;
  }

  /** What is noted of a new lease; nothing for one that ends with its statement. */
  note(request: AcquireRequest, stack: string | undefined): LeaseNote | undefined {
    const { holder, label, scope } = request;
    if (holder === undefined) return undefined;
    const acquiredAt = this.#parts.clock.wallNow();
    return { holder, label, acquiredAt, stack, scope, isSuspected: false, frozenMs: 0 };
  }

  /** Where the caller asks. Whoever waits is served from somebody else's release, whose stack would accuse the wrong one. */
  stackOf({ holder }: AcquireRequest): string | undefined {
    const { leak } = this.#parts.settings.current;
    if (holder === undefined || leak === false || leak.stack === false) return undefined;
    this.#taken += 1;
    const isSampled = leak.stack === true || this.#hasSuspected || this.#taken % SAMPLE_EVERY === 1;
    return isSampled ? captureStack() : undefined;
  }

  /** Looks, when it is time, for leases held too long. */
  scan(now: number): void {
    const { leak } = this.#parts.settings.current;
    if (leak === false || now - this.#scannedAt < leak.intervalMs) return;
    this.#scannedAt = now;
    for (const entry of this.#parts.book.all()) {
      const note = noteOf(entry);
      const report = this.#suspect(entry, now, leak.thresholdMs);
      if (note === undefined || report === undefined) continue;
      if (!note.isSuspected) this.#tell(note, report);
      // A listener may have released it, and it may be somebody else's by now.
      if (leak.reclaim && noteOf(entry) === note) this.#reclaim(entry, report.ageMs);
    }
  }

  /** The process stood still for that long: it is not held against those who hold something. */
  forgive(lostMs: number, now: number): void {
    for (const entry of this.#parts.book.all()) {
      const note = noteOf(entry);
      if (note === undefined || entry.state.name !== 'in-use') continue;
      note.frozenMs += Math.min(lostMs, now - entry.state.sinceAt - note.frozenMs);
    }
  }

  /** A suspected lease has ended after all. */
  resolved(connectionId: number, heldMs: number): void {
    this.#parts.hub.tell('lease:leak-resolved', { connectionId, heldMs });
  }

  /** Its handle was garbage-collected: nobody can release it any more. */
  dropped(entry: PoolEntry<R>): void {
    const note = noteOf(entry);
    const report = this.report(entry, this.#parts.clock.now());
    if (report === undefined) return;
    if (!unsuspect(entry)) this.#parts.tally.leaksSuspected += 1;
    this.#hasSuspected = true;
    this.#parts.hub.tell('lease:dropped', report);
    // A listener may have ended it, and it may be somebody else's by now.
    if (noteOf(entry) === note) this.#parts.reclaim(entry);
  }

  /** Everything held longer than the threshold now. */
  suspects(): readonly LeakReport[] {
    const { settings, clock, book } = this.#parts;
    const { leak } = settings.current;
    if (leak === false) return [];
    const reports = book.all().map((entry) => this.#suspect(entry, clock.now(), leak.thresholdMs));
    return reports.filter((report) => report !== undefined);
  }

  /** What there is to say about the lease of an entry in use, if user code holds it. */
  report(entry: PoolEntry<R>, now: number): LeakReport | undefined {
    const { state } = entry;
    if (state.name !== 'in-use' || state.lease.note === undefined) return undefined;
    const { holder, label, acquiredAt, stack, frozenMs } = state.lease.note;
    return {
      connectionId: entry.id,
      holder,
      ageMs: now - state.sinceAt - frozenMs,
      acquiredAt,
      ...(label === undefined ? {} : { label }),
      ...this.#parts.factory.describe(state.resource),
      ...(stack === undefined ? {} : { stack }),
    };
  }

  /** The lease that user code has held longest, whatever the threshold. */
  longestHeld(): LeakReport | undefined {
    const now = this.#parts.clock.now();
    // Once a millisecond at most: when callers time out, many do, and each wants to know.
    if (this.#longest !== undefined && now - this.#longest.at < 1) return this.#longest.report;
    let [oldest, since]: [PoolEntry<R> | undefined, number] = [undefined, Infinity];
    for (const entry of this.#parts.book.all()) {
      if (noteOf(entry) === undefined || entry.state.name !== 'in-use' || entry.state.sinceAt >= since) continue;
      [oldest, since] = [entry, entry.state.sinceAt];
    }
    this.#longest = { at: now, report: oldest && this.report(oldest, now) };
    return this.#longest.report;
  }

  #suspect(entry: PoolEntry<R>, now: number, thresholdMs: number): LeakReport | undefined {
    if (entry.state.name !== 'in-use') return undefined;
    const ageMs = now - entry.state.sinceAt - (noteOf(entry)?.frozenMs ?? 0);
    return ageMs < thresholdMs ? undefined : this.report(entry, now);
  }

  #tell(note: LeaseNote, report: LeakReport): void {
    note.isSuspected = true;
    this.#hasSuspected = true;
    this.#parts.tally.leaksSuspected += 1;
    this.#parts.hub.tell('lease:leak-suspected', report);
  }

  #reclaim(entry: PoolEntry<R>, heldMs: number): void {
    const { hub, tally, reclaim } = this.#parts;
    tally.leaksReclaimed += 1;
    unsuspect(entry);
    reclaim(entry);
    hub.tell('lease:reclaimed', { connectionId: entry.id, heldMs });
  }
}

function noteOf(entry: PoolEntry<unknown>): LeaseNote | undefined {
  return entry.state.name === 'in-use' ? entry.state.lease.note : undefined;
}

/** What is taken away does not end "after all". Answers whether it was suspected. */
function unsuspect(entry: PoolEntry<unknown>): boolean {
  const note = noteOf(entry);
  if (note?.isSuspected !== true) return false;
  note.isSuspected = false;
  return true;
}

/**
 * The frames of whoever calls, as text at once: frames that are not yet text hold on to every `this` on the stack, and a
 * handle kept in one of those would never be found as dropped.
 */
export function captureStack(): string {
  const before = Error.stackTraceLimit;
  const trace = { stack: '' };
  Error.stackTraceLimit = STACK_FRAMES;
  Error.captureStackTrace(trace, captureStack);
  Error.stackTraceLimit = before;
  return trace.stack.replace(/^Error\n/, '');
}
