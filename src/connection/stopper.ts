/**
 * Stops a statement at the server, and keeps its connection occupied until nothing of it can reach a later one. Used by
 * connection.ts, one for each connection.
 *
 * Invariant: the turn is given back only after both the statement and the last cancel sent for it have ended, or the
 * connection has been destroyed. (Measured for the design: of 300 cancels of fast statements, 298 killed an innocent later
 * one when the connection was reused at once.)
 * A cancel that could not be delivered may arrive all the same, at any time. A connection that has one statement is destroyed
 * at once then; one that others are on as well is destroyed when those have ended, or earlier if they are held up.
 */
import type { Outcome } from '../errors/fluxor-error.js';
import { TimeoutError } from '../errors/timeout-error.js';
import type { Clock } from '../kernel/clock.js';
import type { DeadlineTimer } from '../kernel/deadline.js';
import { within } from '../kernel/within.js';
import type { DriverConnection } from '../driver/driver.js';
import type { Tracing } from '../telemetry/tracing.js';
import { ANSWER_GRACE_MS, CANCEL_AGAIN_MS, CANCEL_GRACE_MS } from './connection-options.js';
import type { RunningStatement, StatementHost } from './running-statement.js';
import type { StopCause } from './stop-errors.js';
import type { Turns } from './turns.js';
import type { CancelShield } from './work.js';

export interface StopperPorts {
  readonly clock: Clock;
  readonly timers: DeadlineTimer;
  /** A running statement can be stopped at the server. */
  readonly canCancel: boolean;
  readonly turns: Turns;
  /** Ends the cursor that a stopped page may have left open. */
  readonly endCursor: () => Promise<void>;
  readonly tracing: Tracing | undefined;
}

export class Stopper implements CancelShield {
  readonly #native: DriverConnection;
  readonly #ports: StopperPorts;
  #settling: Promise<void> | undefined;
  /** The cancel sent last, until something harmless has been answered after it. */
  #cancelling: Promise<void> | undefined;
  /** Parts that no cancel may hit. */
  #shielded = 0;
  /** A cancel of one that travelled with others was not delivered, or has not said whether it was. */
  #mayBeHitLater = false;

  constructor(native: DriverConnection, ports: StopperPorts) {
    this.#native = native;
    this.#ports = ports;
  }

  /** Pending while a stopped statement and its cancel have not both ended. */
  get settling(): Promise<void> | undefined {
    return this.#settling;
  }

  /** Of whoever has the turn: nobody else begins before a stopped statement has settled. After that, the connection refuses. */
  get isStopped(): boolean {
    return this.#settling !== undefined;
  }

  /** A COMMIT is never cancelled: half of it may have happened. It is waited for, and destroyed when it hangs. */
  stop(running: RunningStatement): void {
    const { clock, canCancel, turns, endCursor } = this.#ports;
    running.isStopped = true;
    const me = turns.occupy();
    const isCancelled = running.call.phase !== 'commit' && canCancel;
    const ended = running.ended.then(ignore, ignore);
    const giveUpAt = clock.now() + CANCEL_GRACE_MS;
    const cancelled = isCancelled ? this.#cancelUntil(ended, giveUpAt) : undefined;
    const bothEnded = Promise.all([ended, cancelled]).then(async () => {
      await this.#quietly(endCursor);
      // The cancel may have come too late for its statement. One harmless round trip takes it instead of the next caller.
      if (isCancelled && this.#native.state !== 'closed') await this.#ping();
    });
    const settling = this.#orDestroy(bothEnded, giveUpAt).then(() => {
      if (this.#settling === settling) this.#settling = undefined;
      turns.leave(me);
    });
    this.#settling = settling;
  }

  /**
   * Of one that travels with others: resolves when it has ended, and no cancel for it is waited for any more. What cannot be
   * delivered is tried again within the grace. The connection is destroyed only if the statement still runs at its end, and
   * holds up the others; they have done nothing to be ended by a cancel that is late.
   */
  async cancel(running: RunningStatement): Promise<void> {
    const giveUpAt = this.#ports.clock.now() + CANCEL_GRACE_MS;
    const ended = running.ended.then(ignore, ignore);
    const mayBeHitLater = () => {
      this.#mayBeHitLater = true;
    };
    const settled = this.#cancelUntil(ended, giveUpAt, mayBeHitLater);
    await this.#orDestroy(ended, giveUpAt);
    await within(settled, { deadlineAt: giveUpAt, signal: undefined }, this.#ports.timers, mayBeHitLater);
  }

  /** One harmless round trip takes a cancel that came too late, instead of whoever is next; if it may come later still, nobody is. */
  async absorb(): Promise<void> {
    if (this.#native.state === 'closed') return;
    if (this.#mayBeHitLater) return this.#native.destroy();
    await this.#orDestroy(this.#ping(), this.#ports.clock.now() + CANCEL_GRACE_MS);
  }

  /** What the server says within the grace about a statement that was stopped. */
  learnOutcome(running: RunningStatement, cause: StopCause, host: Pick<StatementHost, 'toError'>): Promise<Outcome> {
    const { clock, timers } = this.#ports;
    const answer = running.ended.then(
      (): Outcome => 'applied',
      (error: unknown): Outcome => host.toError(error, running).outcome,
    );
    const graceMs = cause === 'runtime' ? CANCEL_GRACE_MS : ANSWER_GRACE_MS;
    return within(answer, { deadlineAt: clock.now() + graceMs, signal: undefined }, timers, () => 'unknown');
  }

  /**
   * A cancel that came too late for what it was meant for is taken by one harmless round trip, and not by `part`. The wait for
   * it is bounded by the grace, at whose end `destroy()` settles every cancel that is still under way.
   */
  async uncancelled<T>(part: () => Promise<T>): Promise<T> {
    this.#shielded += 1;
    try {
      if (this.#cancelling !== undefined) {
        await this.#cancelling;
        await this.#ping();
      }
      return await part();
    } finally {
      this.#shielded -= 1;
    }
  }

  async #orDestroy(work: Promise<unknown>, giveUpAt: number): Promise<void> {
    const limits = { deadlineAt: giveUpAt, signal: undefined };
    await within(work, limits, this.#ports.timers, () => {
      throw new TimeoutError('statement', 'bug: never seen by a caller');
    }).catch(() => this.#native.destroy());
  }

  /**
   * Cancels, and again if the first one overtook its statement; resolves when the last one sent can hit nothing later. What
   * cannot be delivered is tried again where `onUndelivered` takes it; otherwise it is the end.
   */
  async #cancelUntil(ended: Promise<void>, giveUpAt: number, onUndelivered?: () => void): Promise<void> {
    const { clock, timers } = this.#ports;
    let isOver = false;
    for (let pauseMs = CANCEL_AGAIN_MS; !isOver && clock.now() < giveUpAt; pauseMs *= 2) {
      if (this.#shielded === 0) await this.#cancel().catch(onUndelivered);
      const limits = { deadlineAt: Math.min(clock.now() + pauseMs, giveUpAt), signal: undefined };
      isOver = await within(
        ended.then(() => true),
        limits,
        timers,
        () => false,
      );
    }
  }

  async #cancel(): Promise<void> {
    const sent = this.#quietly(() => this.#native.cancel());
    this.#cancelling = sent.catch(ignore);
    await sent;
  }

  /** Of a transaction that has failed it may be refused, which takes a late cancel as well. */
  async #ping(): Promise<void> {
    await this.#quietly(() => this.#native.ping()).catch(() => this.#native.untilReady());
    this.#cancelling = undefined;
  }

  #quietly<T>(work: () => T): T {
    const { tracing } = this.#ports;
    return tracing?.isQuiet === true ? tracing.quietly(work) : work();
  }
}

function ignore(): void {
  // Its caller hears of it; here only the end matters.
}
