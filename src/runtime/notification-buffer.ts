/**
 * What a subscription keeps for a consumer who is not waiting. Used by subscription.ts.
 *
 *     oldest ──► [ gap in place of what was dropped ] item item item … ◄── newest
 *
 * Invariants: at most `max` items are kept, and one gap before them; what is dropped is the oldest, and the gap counts it;
 * two gaps never stand beside each other. The oldest go, because whoever is told of a gap looks at the database, and what is
 * newer than that look is worth more than what is older.
 */

/** Sent to a channel. */
export interface ChannelNotification {
  readonly type: 'notification';
  readonly channel: string;
  /** Empty where nothing was sent along. */
  readonly payload: string;
  /** The server's number for the session that sent it (`pg_backend_pid()`); 0 in an embedded database. */
  readonly processId: number;
}

/** Notifications may be missing here. Look in the database for what they would have told. */
export interface NotificationGap {
  readonly type: 'gap';
  /** `reconnected`: the session was lost, and is there again. `overflow`: this consumer was too slow. Both: `overflow`. */
  readonly why: 'reconnected' | 'overflow';
  /** Those of which something may be missing. */
  readonly channels: readonly string[];
  /** What was sent before this moment is not missing. Epoch milliseconds, of this machine's clock. */
  readonly since: number;
  /** After a loss: for how long notifications may have been missed, in milliseconds. */
  readonly lostMs?: number;
  /** After an overflow: how many were dropped. */
  readonly dropped?: number;
}

/** What a subscription brings. */
export type NotificationItem = ChannelNotification | NotificationGap;

interface Entry {
  readonly item: NotificationItem;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** So many taken ones at the front are cleared away at once: moving the rest costs time. */
const COMPACT_AT = 1_024;

export class NotificationBuffer {
  readonly #max: number;
  readonly #wallNow: () => number;
  #entries: (Entry | undefined)[] = [];
  /** Those before it have been taken. */
  #head = 0;
  /** Stands before all others. Its channels are a set, because it may stand for a million. */
  #dropped: { readonly channels: Set<string>; since: number; lostMs: number | undefined; count: number } | undefined;

  constructor(max: number, wallNow: () => number) {
    this.#max = max;
    this.#wallNow = wallNow;
  }

  /** Items kept, without the gap before them. */
  get size(): number {
    return this.#entries.length - this.#head;
  }

  push(item: NotificationItem): void {
    const last = this.size > 0 ? this.#entries.at(-1) : undefined;
    if (item.type === 'gap' && last?.item.type === 'gap') {
      this.#entries[this.#entries.length - 1] = { item: joined(last.item, item), at: last.at };
      return;
    }
    if (this.size >= this.#max) this.#dropOldest();
    this.#entries.push({ item, at: this.#wallNow() });
  }

  take(): NotificationItem | undefined {
    return this.#takeDropped() ?? this.#shift()?.item;
  }

  clear(): void {
    this.#entries = [];
    this.#head = 0;
    this.#dropped = undefined;
  }

  #shift(): Entry | undefined {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return undefined;
    this.#entries[this.#head] = undefined;
    this.#head += 1;
    if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }

  #dropOldest(): void {
    const entry = this.#shift();
    if (entry === undefined) return;
    const { item, at } = entry;
    const since = item.type === 'gap' ? item.since : at;
    this.#dropped ??= { channels: new Set(), since, lostMs: undefined, count: 0 };
    const { channels } = this.#dropped;
    this.#dropped.since = Math.min(this.#dropped.since, since);
    if (item.type === 'notification') {
      channels.add(item.channel);
      this.#dropped.count += 1;
      return;
    }
    for (const channel of item.channels) channels.add(channel);
    this.#dropped.lostMs = (this.#dropped.lostMs ?? 0) + (item.lostMs ?? 0);
  }

  #takeDropped(): NotificationGap | undefined {
    if (this.#dropped === undefined) return undefined;
    const { channels, since, lostMs, count } = this.#dropped;
    this.#dropped = undefined;
    return {
      type: 'gap',
      why: count > 0 ? 'overflow' : 'reconnected',
      channels: [...channels],
      since,
      ...(lostMs === undefined ? {} : { lostMs }),
      ...(count === 0 ? {} : { dropped: count }),
    };
  }
}

/** Two losses with nothing between them are one. */
function joined(before: NotificationGap, after: NotificationGap): NotificationGap {
  return { ...before, lostMs: (before.lostMs ?? 0) + (after.lostMs ?? 0) };
}
