/**
 * Who has a connection, and who is next: a running statement, the settling of a stopped one, or the reset, each of which
 * takes it over from the one before. connection.ts asks here before anything goes to the wire.
 * Invariant: whoever waits is given the connection when its holder leaves, so nobody waits while it is free. A holder is
 * a number and not a flag, because a stopped statement answers its caller before or after its settling has ended, and
 * only the last holder may pass the connection on.
 * Refuses to know: statements, and why somebody waits no longer.
 */
import type { Clock } from '../kernel/clock.js';
import type { DeadlineTimer } from '../kernel/deadline.js';
import { createDeferred } from '../kernel/deferred.js';
import { QueueItem, WaiterQueue } from '../kernel/waiter-queue.js';
import type { LimitCause, Limits } from '../kernel/within.js';
import { within } from '../kernel/within.js';

/** Wants to know how long it stood in line. */
export interface TurnWaiter {
  /** Once: when it had its turn, or left. */
  noteTurn(waitedMs: number): void;
}

interface TurnRequest extends Limits {
  readonly waiter?: TurnWaiter | undefined;
}

/** Somebody waiting for the holder before. */
class Turn extends QueueItem {
  /** Resolved with the number under which the connection is now held. */
  readonly granted = createDeferred<number>();
  number = 0;
}

export class Turns {
  readonly #line = new WaiterQueue<Turn>();
  /** 0 when free. */
  #holder = 0;
  #lastNumber = 0;

  /** Nobody has the connection, and so nobody waits for it. */
  get isFree(): boolean {
    return this.#holder === 0;
  }

  isHeldBy(number: number): boolean {
    return this.#holder === number;
  }

  /** Takes the connection, from whoever has it; answers the number to leave with. */
  occupy(): number {
    this.#holder = this.#lastNumber += 1;
    return this.#holder;
  }

  /** Passes the connection on. Does nothing when somebody took it over, or for 0, which nobody holds. */
  leave(number: number): void {
    if (this.#holder !== number || number === 0) return;
    this.#holder = 0;
    const next = this.#line.shift();
    if (next === undefined) return;
    next.number = this.occupy();
    next.granted.resolve(next.number);
  }

  /** Waits in line; resolves with the number to leave with. A limit ends the wait with what `onLimit` throws. */
  async wait(
    request: TurnRequest,
    { timers, clock }: { readonly timers: DeadlineTimer; readonly clock: Clock },
    onLimit: (cause: LimitCause) => never,
  ): Promise<number> {
    const turn = new Turn();
    const since = clock.now();
    this.#line.push(turn);
    try {
      return await within(turn.granted.promise, request, timers, (cause) => {
        // Granted in the same tick: pass it on, or the connection would stay occupied for ever.
        if (!this.#line.remove(turn)) this.leave(turn.number);
        return onLimit(cause);
      });
    } finally {
      request.waiter?.noteTurn(clock.now() - since);
    }
  }

  /** Sends away everybody in line. */
  refuseAll(makeError: () => Error): void {
    for (let turn = this.#line.shift(); turn !== undefined; turn = this.#line.shift()) turn.granted.reject(makeError());
  }
}
