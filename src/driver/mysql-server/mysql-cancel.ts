/**
 * Stops a running statement: `KILL QUERY n` on a control session of the driver, which is opened on the first cancel, or ahead of it,
 * and kept: a server with no place left for connections can still be told. Shared by the connections of one driver.
 *
 * Invariants:
 * - one KILL at a time, and `cancel` resolves when the server has answered it. A KILL that arrives after its statement's end
 *   leaves a mark in the session, which the *next* statement may meet: whoever cancels sends a harmless one before the session
 *   is used again (connection/stopper.ts pings, and drivers send `do 0` with it);
 * - a control session that does not answer holds up nobody for longer than his own time, and is not asked again;
 * - no KILL goes to another server than the one that its session is at: behind a balancer the same address may lead to either,
 *   and the number is somebody else's there.
 * Refuses to know: client libraries.
 */
import type { Clock } from '../../kernel/clock.js';
import type { DeadlineTimer } from '../../kernel/deadline.js';
import { within } from '../../kernel/within.js';

/**
 * From the call of `cancel` to its end, whatever it has to wait for. connection/stopper.ts destroys the stopped connection
 * after as long, so that nobody needs the KILL any more.
 */
const KILL_LIMIT_MS = 2_000;

/** A session that is for control only. */
export interface ControlSession {
  /** Which one it is at: what mysql-session.ts's `serverOf` says. */
  readonly server: string;
  /** Runs one statement without a result. */
  run(text: string): Promise<void>;
  /** Frees the socket at once. */
  destroy(): void;
}

export interface ControlPorts {
  readonly clock: Pick<Clock, 'now'>;
  readonly timers: DeadlineTimer;
  /** Opens a control session, unless `signal` aborts it; `onGone` is told, once, that it is of no use any more. */
  open(onGone: () => void, signal: AbortSignal): Promise<ControlSession>;
  /** The number of "no such thread": the session has ended by itself. */
  isNoSuchThread(error: unknown): boolean;
}

/** What a KILL is aimed at. */
export interface KillTarget {
  /** The server's number for the session. */
  readonly threadId: number;
  /** Which server it is at, as `ControlSession.server` says it. */
  readonly server: string;
}

/** The server has not said whether it took a KILL, which may still come: its session must not be used again. */
export class UnansweredKill extends Error {
  override readonly name = 'UnansweredKill';
}

/** No KILL was sent: what opens at the driver's address is a session at another server. */
class OtherServer extends Error {
  override readonly name = 'OtherServer';
}

/** A control session, or one that is on its way. */
interface Control {
  readonly opened: Promise<ControlSession>;
  readonly givenUp: AbortController;
}

export class MysqlControl {
  readonly #ports: ControlPorts;
  #control: Control | undefined;
  #turn: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(ports: ControlPorts) {
    this.#ports = ports;
  }

  /** Opens the control session if there is none, and says nothing of its failure: the first cancel will. */
  prepare(): void {
    if (!this.#isClosed) this.#open();
  }

  /**
   * Stops what runs in the session.
   *
   * @throws UnansweredKill after 2 s; an Error where the server of the session cannot be reached; and the client library's own.
   */
  cancel(target: KillTarget): Promise<void> {
    const deadlineAt = this.#ports.clock.now() + KILL_LIMIT_MS;
    // Whoever is before me has called before me, and so is over before my time is.
    const turn = this.#turn.then(() => this.#kill(target, deadlineAt));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** The driver closes. One that is not open yet may never be: a network that is gone says nothing. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const control = this.#control;
    this.#forget(control);
    await control?.opened.catch(() => undefined);
  }

  async #kill(target: KillTarget, deadlineAt: number): Promise<void> {
    if (this.#ports.clock.now() >= deadlineAt)
      throw new Error('no KILL was sent: those before it took all of its time');
    const hadOne = this.#control !== undefined;
    let isLate = false;
    const killed = this.#say(target).catch((error: unknown) => {
      // The one that was kept may have died of idleness, or be at a server that nobody is sent to any more; a fresh one says
      // what is really wrong.
      if (isLate || !hadOne) throw error;
      return this.#say(target);
    });
    return within(killed, { deadlineAt, signal: undefined }, this.#ports.timers, () => {
      isLate = true;
      this.#forget(this.#control);
      throw new UnansweredKill('the server has not answered a KILL in time');
    });
  }

  async #say({ threadId, server }: KillTarget): Promise<void> {
    const control = this.#open();
    try {
      const session = await control.opened;
      if (control.givenUp.signal.aborted) throw new Error('the control session was given up');
      if (session.server !== server) throw new OtherServer('the control session is at another server');
      await session.run(`kill query ${threadId}`);
    } catch (error) {
      if (this.#ports.isNoSuchThread(error)) return;
      this.#forget(control);
      throw error;
    }
  }

  #open(): Control {
    if (this.#control !== undefined) return this.#control;
    const givenUp = new AbortController();
    if (this.#isClosed) givenUp.abort();
    const forget = () => {
      if (this.#control === control) this.#control = undefined;
    };
    const control: Control = { opened: this.#ports.open(forget, givenUp.signal), givenUp };
    this.#control = control;
    control.opened.catch(forget);
    return control;
  }

  #forget(control: Control | undefined): void {
    if (control === undefined) return;
    if (this.#control === control) this.#control = undefined;
    control.givenUp.abort();
    control.opened.then(
      (session) => session.destroy(),
      () => undefined,
    );
  }
}
