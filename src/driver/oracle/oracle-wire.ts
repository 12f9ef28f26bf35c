/**
 * One connection of `oracledb` and what is on it: the calls, whether the session is ready, breaks, and how it ended. The lower half
 * of oracle-connection.ts.
 *
 * Invariants:
 * - the library leaves a call pending for ever when the peer is silent; here every call ends with the connection at the latest;
 * - a break that comes when nothing runs hits the next call. So none is sent then, and after one that was sent nothing but pings go
 *   out until one has come back clean: what is on the wire is answered in order, so by then nothing of the break is left;
 * - nothing is handed to the library after the end, whoever waits is told of it, and a loss is told once.
 *
 * Over 300 lines, because calls, breaks and the end of a connection cross each other, and are read side by side.
 */
import { nextTurn } from '../../kernel/next-turn.js';
import type { SessionState } from '../driver.js';
import { oraNumberOf, roomError } from './oracle-room-errors.js';
import type { OracleClientConnection } from './oracle-module.js';
import type { OracleSocket } from './oracle-socket.js';
import { forgetHalfDone } from './oracle-statement-cache.js';

/** ORA-01013: what a break makes of the call that it hits. */
const CANCELLED = 1013;
/** A break for each of two cancels may be pending, and one on its way. */
const MOST_PINGS = 4;
/**
 * Calls of one session that may end by a break. The library drops an answer that crosses the break, and with it the number of the
 * cursor that was opened for it: nobody can close that one any more, and a session has 300 of them (OPEN_CURSORS) by default.
 */
const MOST_BROKEN_CALLS = 64;

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

interface Call extends Waiter {
  /** Handed to the library. */
  isSent: boolean;
}

export interface WirePorts {
  /** Called once, for an end that nobody here asked for. */
  readonly onLost: (error: unknown) => void;
  /** A break goes out, or the library has sent one by itself. */
  readonly onBreak: () => void;
}

export class OracleWire {
  readonly client: OracleClientConnection;
  readonly #socket: OracleSocket;
  readonly #ports: WirePorts;
  /** A transaction was begun, of which the server need not know yet. */
  #hasBegun = false;
  /** Works under way, one within the other, and a cursor between two pages. */
  #busy = 0;
  /** Calls that the library has not settled. */
  readonly #calls = new Set<Call>();
  /** In the place of bytes, where no socket is known. */
  #callCount = 0;
  /** A break was sent since the last clean ping. */
  #hasBroken = false;
  /** The call that the last break was sent for. */
  #brokenCall: Call | undefined;
  #brokenCalls = 0;
  #isClosing = false;
  /** The server has announced that it ends the session. */
  #isWarned = false;
  /** Set once, by the first sign that the connection is gone. */
  #lostBecause: { readonly error: unknown } | undefined;
  readonly #readyWaiters: Waiter[] = [];
  readonly #ended: Promise<void>;
  #tellEnd: () => void = ignore;

  constructor(client: OracleClientConnection, socket: OracleSocket, ports: WirePorts) {
    this.client = client;
    this.#socket = socket;
    this.#ports = ports;
    this.#ended = new Promise((resolve) => (this.#tellEnd = resolve));
    socket.watch(
      () => this.#lose(roomError('NJS-500', 'the connection to the database was closed or broken')),
      () => this.#heedNotice(),
    );
    // Its end may have come before anybody listened.
    if (socket.isDestroyed) this.#lose(roomError('NJS-500', 'the connection to the database was closed or broken'));
  }

  get state(): SessionState {
    if (this.isOver) return 'closed';
    if (this.#busy > 0) return 'busy';
    return this.isInTransaction ? 'in-transaction' : 'idle';
  }

  /** Also while something runs. */
  get isInTransaction(): boolean {
    return this.#hasBegun || this.hasOpenChanges;
  }

  /** As the server said last. */
  get hasOpenChanges(): boolean {
    return this.client.transactionInProgress;
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  get isOver(): boolean {
    return this.#lostBecause !== undefined || this.#isClosing;
  }

  get bytesWritten(): number {
    return this.#socket.bytesWritten ?? this.#callCount;
  }

  beginTransaction(): void {
    this.#hasBegun = true;
  }

  endTransaction(): void {
    this.#hasBegun = false;
  }

  /** The session is busy until `act` has ended: several calls that belong together. */
  async work<T>(act: () => Promise<T>): Promise<T> {
    this.hold();
    try {
      if (this.#hasBroken) await this.absorb();
      return await act();
    } finally {
      this.release();
    }
  }

  hold(): void {
    this.#busy += 1;
  }

  release(): void {
    this.#busy -= 1;
    if (this.#busy > 0) return;
    this.#heedNotice();
    if (this.#lostBecause === undefined) for (const waiter of this.#readyWaiters.splice(0)) waiter.resolve();
  }

  /** One call, or several; the library's own answer, or the end of the connection. */
  call<T>(send: (client: OracleClientConnection) => Promise<T>, isAtOnce = true): Promise<T> {
    if (this.#lostBecause !== undefined) return Promise.reject(this.#lostBecause.error);
    return new Promise((resolve, reject) => {
      const call: Call = { resolve: ignore, reject, isSent: false };
      this.#calls.add(call);
      this.hold();
      const sent = isAtOnce ? this.#sent(call, send) : nextTurn().then(() => this.#sent(call, send));
      sent.then(
        (value) => {
          if (!this.#calls.delete(call)) return;
          this.release();
          resolve(value);
        },
        (error: unknown) => {
          if (!this.#calls.delete(call)) return;
          if (codeOf(error).startsWith('NJS-')) this.#ports.onBreak();
          if (isBroken(error)) this.#brokenCalls += 1;
          forgetHalfDone(this.client);
          if (this.#isEndedBy(error)) this.#lose(error);
          this.release();
          reject(error);
        },
      );
    });
  }

  /**
   * As {@link call}, behind what a break may have left on the wire, and when this turn of the event loop has read the other sockets,
   * too: what they have made others ask goes out in one go then. A server on the same machine wakes up once for all of it (16 tasks on 10
   * connections: 65 against 82 µs of CPU for a query).
   */
  callAfterBreaks<T>(send: (client: OracleClientConnection) => Promise<T>): Promise<T> {
    return this.#hasBroken ? this.work(() => this.call(send)) : this.call(send, false);
  }

  untilReady(): Promise<void> {
    if (this.#lostBecause !== undefined) return Promise.reject(this.#lostBecause.error);
    if (this.#busy === 0) return Promise.resolve();
    return new Promise((resolve, reject) => this.#readyWaiters.push({ resolve, reject }));
  }

  /**
   * Breaks what runs, once for each call. A second break that comes between the reset of the first and its error may get no answer of
   * its own, for which the library then waits in its next call, for ever.
   */
  async cancel(): Promise<void> {
    if (this.#lostBecause !== undefined) throw this.#lostBecause.error;
    const [running] = this.#calls;
    if (running === undefined || running === this.#brokenCall) return;
    this.#brokenCall = running;
    // A break must not go ahead of what it is meant for.
    if (!running.isSent) await nextTurn();
    if (!this.#calls.has(running)) return;
    this.#hasBroken = true;
    this.#ports.onBreak();
    const sent = this.client.break().catch((error: unknown) => {
      // Broken off by the end of the connection, it has nothing to hit.
      if (!this.isOver) throw error;
    });
    await Promise.race([sent, this.#ended]);
  }

  /** Proves that no break can hit anything any more. Does nothing where there was none. */
  async absorb(): Promise<boolean> {
    if (!this.#hasBroken) return false;
    for (let pings = 0; pings < MOST_PINGS; pings += 1) {
      try {
        await this.call((client) => client.ping());
        this.#hasBroken = false;
        return true;
      } catch (error) {
        if (this.isOver || oraNumberOf(error) !== CANCELLED) throw error;
      }
    }
    throw roomError('NJS-509', 'the connection does not come to rest after a break');
  }

  async close(): Promise<void> {
    if (this.isOver) return;
    this.#isClosing = true;
    this.hold();
    // It rolls back and logs off. What it says of that helps nobody.
    const closed = this.client.close().then(ignore, ignore);
    await Promise.race([closed.then(() => this.#socket.finish()), this.#ended]);
    this.#end(roomError('NJS-500', 'the connection was closed'));
  }

  /** It hangs, and somebody has waited for long enough: as good as lost. */
  abandon(): void {
    this.#lose(roomError('NJS-500', 'the connection did not answer, and was given up'));
  }

  destroy(): void {
    const isOpen = !this.isOver;
    this.#isClosing = true;
    this.#end(roomError('NJS-500', 'the connection was destroyed'));
    this.#socket.destroy();
    // Thick mode's connections end by themselves only; that may last, and nobody waits.
    if (isOpen && !this.#socket.isKnown) {
      this.client.break().catch(ignore);
      this.client.close({ drop: true }).catch(ignore);
    }
  }

  /** What is thrown at once is a rejection, too. A call that has been answered by the end of the connection is not sent. */
  #sent<T>(call: Call, send: (client: OracleClientConnection) => Promise<T>): Promise<T> {
    if (!this.#calls.has(call)) return Promise.reject(this.#lostBecause?.error);
    call.isSent = true;
    this.#callCount += 1;
    try {
      return send(this.client);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * The server may announce between two calls that it ends the session soon. Left on the wire, that would fail the next call; so the
   * library is made to look. A transaction may end first. So it goes with a session that may have lost too many cursors.
   */
  #heedNotice(): void {
    if (this.#busy > 0 || this.isOver) return;
    this.#isWarned ||= !this.client.isHealthy();
    if (this.isInTransaction) return;
    if (this.#isWarned) this.#lose(roomError('NJS-513', 'the server has announced that it ends the session'));
    else if (this.#brokenCalls >= MOST_BROKEN_CALLS) {
      this.#lose(
        roomError('NJS-500', `the session was given up after ${MOST_BROKEN_CALLS} calls that were broken off`),
      );
    }
  }

  /** Has the connection gone with this error? Once warned, the library says no more about it. */
  #isEndedBy(error: unknown): boolean {
    if (ENDS.has(codeOf(error))) return true;
    return this.#isWarned ? this.#socket.isDestroyed : !this.client.isHealthy();
  }

  #lose(error: unknown): void {
    if (this.#lostBecause !== undefined) return;
    const isTold = !this.#isClosing;
    this.#end(error);
    this.#socket.destroy();
    if (isTold) this.#ports.onLost(error);
  }

  #end(error: unknown): void {
    this.#lostBecause ??= { error };
    const waiters = [...this.#calls, ...this.#readyWaiters.splice(0)];
    this.#calls.clear();
    for (const waiter of waiters) waiter.reject(this.#lostBecause.error);
    this.#tellEnd();
  }
}

/** The library has closed it, or says that it was closed. */
const ENDS: ReadonlySet<string> = new Set(['NJS-003', 'NJS-500', 'NJS-501', 'NJS-521']);

function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' ? code : '';
}

/** By us, by the library's own limit for a call, or by an administrator. */
function isBroken(error: unknown): boolean {
  return oraNumberOf(error) === CANCELLED || codeOf(error) === 'NJS-123';
}

function ignore(): void {
  // Whoever waits has been answered by other means.
}
