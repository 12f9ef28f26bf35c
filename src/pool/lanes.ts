/**
 * Who of the line can be served by what, where connections are shared. Short statements may join others; whoever wants a
 * connection alone gets one kept from being joined; and of the long ones only so many may be at work (fast-lane.ts).
 * Asked by lending.ts, which lends. Without sharing there is one lane, and all of this costs nothing.
 *
 * Invariants: within a lane and a priority nobody is overtaken; between the lanes the earliest virtual arrival goes first
 * among those who can be served; a short one waits only for what is on its way to it, or because every connection is as
 * deep as allowed, kept for somebody, or does not take one more; whoever wants one alone, and is not served by what is on
 * its way, has one kept, if any is shared.
 */
import type { CareParts } from './entry-care.js';
import type { ShortOnes } from './fast-lane.js';
import { FastLane } from './fast-lane.js';
import type { Growth } from './growth.js';
import type { Lane, SharingPorts } from './lane.js';
import type { Lease } from './lease.js';
import type { Outlook } from './outlook.js';
import type { Sharing } from './sharing.js';
import type { TurnClock } from './turn-clock.js';
import type { AcquireRequest, Waiter } from './waiter.js';
import type { WaitingLine } from './waiting-line.js';

export interface LanesHost {
  readonly isClosing: boolean;
  readonly isSuspended: boolean;
  /** Something rests that somebody in line may have. */
  pump(): void;
}

export interface LanesParts<R> extends CareParts<R> {
  readonly line: WaitingLine<R>;
  readonly growth: Growth<R>;
  readonly outlook: Outlook;
  readonly turn: TurnClock;
  readonly sharing: Sharing<R> | undefined;
  /** How long short statements take; of no effect without `sharing`. */
  readonly times: Pick<SharingPorts, 'maxStatementMs' | 'statementMs'>;
}

export class Lanes<R> {
  readonly fastLane: FastLane<R>;
  readonly #parts: LanesParts<R>;
  readonly #host: LanesHost;

  constructor(parts: LanesParts<R>, host: LanesHost) {
    this.#parts = parts;
    this.#host = host;
    const { line, sharing } = parts;
    const short: ShortOnes = {
      get inFlight() {
        return sharing?.leases ?? 0;
      },
      get waiting() {
        return line.lengthOf('short');
      },
    };
    this.fastLane = new FastLane(parts.settings, parts.times, short);
  }

  /**
   * Which line a caller stands in. The fast lane hears of each short one, also of those who ask while nothing is lent: when
   * the pool resumes, the long ones in line must not take everything.
   */
  asked(request: AcquireRequest, now: number): Lane {
    if (this.#parts.sharing === undefined) return 'exclusive';
    const { lane = 'exclusive' } = request;
    if (lane === 'short') this.fastLane.shortAsked(now);
    return lane;
  }

  /** How many wait whom a connection would help: a long one that must wait for another long one is not helped. */
  demand(now?: number): number {
    const { line } = this.#parts;
    const { length } = line;
    const long = length === 0 ? 0 : this.#long;
    return long === 0 ? length : length - long + Math.min(long, this.fastLane.room(now ?? this.#parts.turn.now()));
  }

  /** Whoever is served next by a connection that has come free, taken out of the line. */
  shift(): Waiter<R> | undefined {
    const { line, turn } = this.#parts;
    if (this.#host.isSuspended || line.length === 0) return undefined;
    return line.shift(this.#long === 0 || this.fastLane.room(turn.now()) > 0);
  }

  /**
   * A newcomer of the short lane joins others, where nobody of that lane waits and nothing new is on its way to it. This is
   * every acquire of a pool that is full.
   */
  joinAtOnce(now: number): Lease<R> | undefined {
    const { line, book, growth, sharing } = this.#parts;
    // What rests, and is not fresh, will be asked for a proof of life, for a caller who waits for it.
    if (line.lengthOf('short') > 0 || book.lastIdle !== undefined || growth.isFor(this.demand(now))) return undefined;
    return sharing?.join(now, 0);
  }

  /**
   * Called after whatever may change who is served by what; O(1) where there is nothing to do.
   *
   * Short ones who came before everybody else go first, also onto what has just come free to one of them; then connections
   * are kept for those who want one alone; then other short ones join what is left. What is on its way goes to the earliest
   * when it comes, so only those beyond it join.
   */
  settle(at?: number): void {
    const { sharing, line, book, turn } = this.#parts;
    if (sharing === undefined || this.#host.isClosing || this.#host.isSuspended) return;
    if (line.length === 0 && sharing.reserved === 0) return;
    const now = at ?? turn.now();
    // A long one may have come to be served by the mere passing of time.
    if (book.lastIdle !== undefined && this.demand(now) > book.asked) return this.#host.pump();
    while (this.#next(now)?.lane === 'short') if (!this.#joinNext(sharing, now)) break;
    sharing.reserve(this.#toReserve(now), now);
    let hasJoined = false;
    while (this.#joinNext(sharing, now)) hasJoined = true;
    // Whoever has joined has left what is on its way to somebody else.
    if (hasJoined) sharing.reserve(this.#toReserve(now), now);
  }

  #joinNext(sharing: Sharing<R>, now: number): boolean {
    const { line, growth, tally, outlook } = this.#parts;
    const waiter = line.firstOf('short');
    if (waiter === undefined || this.demand(now) <= growth.onTheWay || !sharing.canJoin(now)) return false;
    line.remove(waiter);
    const waitedMs = now - waiter.sinceAt;
    tally.waitedMs += waitedMs;
    outlook.served(now);
    const lease = sharing.join(now, waitedMs);
    if (lease === undefined) throw new Error('bug: what can be joined was not joined');
    waiter.resolve(lease);
    return true;
  }

  /**
   * How many wait to have a connection alone whom nothing on its way will serve. Short ones may take what is on its way, if
   * they came earlier: so never too few are kept, and at worst one too many for as long as it takes to connect.
   */
  #toReserve(now: number): number {
    const { line, growth } = this.#parts;
    const short = line.lengthOf('short');
    const alone = this.demand(now) - short;
    const { onTheWay } = growth;
    if (alone <= 0 || onTheWay === 0) return Math.max(0, alone);
    const isShortFirst = this.#next(now)?.lane === 'short';
    const taken = Math.min(short, isShortFirst ? onTheWay : onTheWay - 1);
    return Math.max(0, alone - onTheWay + taken);
  }

  #next(now: number): Waiter<R> | undefined {
    return this.#parts.line.next(this.#long > 0 && this.fastLane.room(now) > 0);
  }

  /** How many long ones wait. */
  get #long(): number {
    return this.#parts.sharing === undefined ? 0 : this.#parts.line.lengthOf('long');
  }
}
