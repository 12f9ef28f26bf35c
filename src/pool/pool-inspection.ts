/**
 * A look into the pool for reports: every connection and whoever waits, one by one, and how long things take. Reads only, and
 * nothing on the way of a call comes here.
 */
import type { Priority } from '../kernel/priority.js';
import type { CareParts } from './entry-care.js';
import type { Lane } from './lane.js';
import type { LeaseHolder } from './lease-scopes.js';
import type { EntryStateName, PoolEntry } from './pool-entry.js';
import type { PoolTimes } from './pool-meter.js';
import type { WaitingLine } from './waiting-line.js';

/** One connection, now. */
export interface ConnectionReport {
  /** Counts up from 1 within one runtime. */
  readonly id: number;
  readonly state: EntryStateName;
  readonly ageMs: number;
  /** How long it has been idle or lent; absent in other states. */
  readonly inStateMs?: number;
  /** Who has it, where that is user code. */
  readonly holder?: LeaseHolder;
  readonly label?: string;
  readonly isSuspectedLeak?: boolean;
  /** The last statement's shape, without values. */
  readonly lastStatement?: string;
  /** The protocol's state: `busy`, `in-transaction`. */
  readonly session?: string;
}

/** Somebody who waits for a connection, now. */
export interface WaiterReport {
  readonly waitedMs: number;
  /** Until their time is up. */
  readonly leftMs: number;
  readonly priority: Priority;
  readonly lane: Lane;
  readonly holder?: LeaseHolder;
  readonly label?: string;
}

/** What is asked of the parts of a pool. */
type Parts<R> = Pick<CareParts<R>, 'book' | 'tally' | 'clock' | 'factory'>;

export class PoolInspection<R> {
  readonly #parts: Parts<R>;
  readonly #line: WaitingLine<R>;

  constructor(parts: Parts<R>, line: WaitingLine<R>) {
    this.#parts = parts;
    this.#line = line;
  }

  times(): PoolTimes {
    const { tally, clock } = this.#parts;
    const oldestWaitMs = this.#line.length === 0 ? 0 : Math.max(0, clock.now() - this.#line.oldestSinceAt);
    return tally.meter.snapshot(tally.lent, oldestWaitMs);
  }

  /** The oldest first. */
  connections(limit: number): readonly ConnectionReport[] {
    const now = this.#parts.clock.now();
    return this.#parts.book
      .all()
      .slice(0, limit)
      .map((entry) => this.#report(entry, now));
  }

  /** By lane and priority, then in order of arrival. */
  waiters(limit: number): readonly WaiterReport[] {
    const now = this.#parts.clock.now();
    const waiters: WaiterReport[] = [];
    for (const { sinceAt, deadlineAt, priority, lane, request } of this.#line) {
      if (waiters.length >= limit) break;
      const { holder, label } = request;
      waiters.push({
        waitedMs: now - sinceAt,
        leftMs: Math.max(0, deadlineAt - now),
        priority,
        lane,
        ...(holder === undefined ? {} : { holder }),
        ...(label === undefined ? {} : { label }),
      });
    }
    return waiters;
  }

  #report({ id, bornAt, state }: PoolEntry<R>, now: number): ConnectionReport {
    const known = 'resource' in state ? this.#parts.factory.describe(state.resource) : {};
    const note = state.name === 'in-use' ? state.lease.note : undefined;
    return {
      id,
      state: state.name,
      ageMs: now - bornAt,
      ...('sinceAt' in state ? { inStateMs: now - state.sinceAt } : {}),
      ...(note === undefined ? {} : { holder: note.holder, isSuspectedLeak: note.isSuspected }),
      ...(note?.label === undefined ? {} : { label: note.label }),
      ...(known.lastStatement === undefined ? {} : { lastStatement: known.lastStatement }),
      ...(known.state === undefined ? {} : { session: known.state }),
    };
  }
}
