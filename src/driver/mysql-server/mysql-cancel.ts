/**
 * Stops a running statement: `KILL QUERY n` on a control session of the driver, which is opened on the first cancel, or ahead of it,
 * and kept: a server with no place left for connections can still be told. Shared by the connections of one driver.
 *
 * Invariants:
 * - KILLs go in the order of their calls, all that wait in one round trip: whoever calls waits for the one that is under way, and
 *   for his own, however many there are (a pool whose statements all time out together has 2 s for each of them);
 * - `cancel` resolves when the server has answered its own KILL. A KILL that arrives after its statement's end
 *   leaves a mark in the session, which the *next* statement may meet: whoever cancels sends a harmless one before the session
 *   is used again (connection/stopper.ts pings, and drivers send `do 0` with it);
 * - a control session that does not answer holds up nobody for longer than his own time, and is not asked again; what had been
 *   sent to it may still come, so it is not sent a second time, and nobody uses the sessions it was meant for;
 * - no KILL goes to another server than the one that its session is at: behind a balancer the same address may lead to either,
 *   and the number is somebody else's there.
 * Refuses to know: client libraries.
 */
import type { Clock } from '../../kernel/clock.js';
import type { DeadlineTimer } from '../../kernel/deadline.js';
import type { Deferred } from '../../kernel/deferred.js';
import { createDeferred } from '../../kernel/deferred.js';
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
  /**
   * Runs statements without results, in their order and in one round trip. Answers the error of each, `undefined` for none; where
   * fewer are answered, at least one, the server has begun none of those that follow. Rejects when the session has ended.
   */
  run(texts: readonly string[]): Promise<readonly unknown[]>;
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
  isOpen: boolean;
  /** By then it is open, or never will be. */
  readonly openBy: number;
  readonly givenUp: AbortController;
  /** Rejects when it is given up. */
  readonly gone: Deferred<never>;
}

/** One call of `cancel`. */
interface Kill {
  readonly target: KillTarget;
  readonly answer: Deferred<void>;
  /** Where the server has yet to answer it. */
  sentOn: Control | undefined;
  /** A session that had been kept did not do it. */
  hasFailed: boolean;
  /** Nobody waits for it any more. */
  isOver: boolean;
}

export class MysqlControl {
  readonly #ports: ControlPorts;
  #control: Control | undefined;
  /** Not sent yet, in the order of their calls. */
  #waiting: Kill[] = [];
  #isSending = false;
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
   * @throws UnansweredKill after 2 s, or earlier where it went with one that has waited as long; an Error where the server of the
   * session cannot be reached in that time; and the client library's own.
   */
  cancel(target: KillTarget): Promise<void> {
    const kill: Kill = { target, answer: createDeferred(), sentOn: undefined, hasFailed: false, isOver: false };
    const limits = { deadlineAt: this.#ports.clock.now() + KILL_LIMIT_MS, signal: undefined };
    const answered = within(kill.answer.promise, limits, this.#ports.timers, () => this.#giveUp(kill));
    this.#waiting.push(kill);
    void this.#send();
    return answered;
  }

  /** The driver closes. One that is not open yet may never be: a network that is gone says nothing. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const control = this.#control;
    this.#forget(control);
    await control?.opened.catch(() => undefined);
  }

  /** Never rejects. */
  async #send(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    while (this.#waiting.length > 0) await this.#sendWaiting();
    this.#isSending = false;
  }

  /** All that wait, once the session is there. */
  async #sendWaiting(): Promise<void> {
    const wasKept = this.#isUsable(this.#control);
    const control = this.#open();
    let session: ControlSession;
    try {
      session = await Promise.race([control.opened, control.gone.promise]);
    } catch (error) {
      // Given up by one whose time was over: the others have time left for another.
      if (this.#isClosed || !control.givenUp.signal.aborted) this.#fail(this.#waiting.splice(0), error, wasKept);
      return this.#forget(control);
    }
    const kills = this.#waiting.splice(0);
    const here = kills.filter(({ target }) => target.server === session.server);
    const others = kills.filter(({ target }) => target.server !== session.server);
    if (here.length > 0) await this.#sendTo(control, session, here, wasKept);
    if (others.length === 0) return;
    this.#forget(control);
    this.#fail(others, new OtherServer('the control session is at another server'), wasKept);
  }

  async #sendTo(control: Control, session: ControlSession, kills: readonly Kill[], wasKept: boolean): Promise<void> {
    for (const kill of kills) kill.sentOn = control;
    try {
      const run = session.run(kills.map(({ target }) => `kill query ${target.threadId}`));
      const answers = await Promise.race([run, control.gone.promise]);
      const [begun, rest] = [kills.slice(0, answers.length), kills.slice(answers.length)];
      this.#putBack(rest);
      begun.forEach((kill, at) => this.#take(kill, answers[at], control, wasKept));
    } catch (error) {
      // What may still come is not sent again: it could hit a later statement.
      if (control.givenUp.signal.aborted) for (const { answer } of kills) answer.reject(unanswered());
      else this.#fail(kills, error, wasKept);
      this.#forget(control);
    }
  }

  #take(kill: Kill, error: unknown, control: Control, wasKept: boolean): void {
    kill.sentOn = undefined;
    if (error === undefined || this.#ports.isNoSuchThread(error)) return kill.answer.resolve();
    this.#forget(control);
    this.#fail([kill], error, wasKept);
  }

  /**
   * The session that was kept may have died of idleness, or be at a server that nobody is sent to any more; a fresh one says what
   * is really wrong.
   */
  #fail(kills: readonly Kill[], error: unknown, wasKept: boolean): void {
    const again = kills.filter((kill) => wasKept && !kill.hasFailed && !this.#isClosed);
    for (const kill of kills) if (!again.includes(kill)) kill.answer.reject(error);
    for (const kill of again) kill.hasFailed = true;
    this.#putBack(again);
  }

  #putBack(kills: readonly Kill[]): void {
    for (const kill of kills) kill.sentOn = undefined;
    this.#waiting.unshift(...kills.filter(({ isOver }) => !isOver));
  }

  /** Its time is over. */
  #giveUp(kill: Kill): never {
    kill.isOver = true;
    this.#waiting = this.#waiting.filter((other) => other !== kill);
    if (kill.sentOn === undefined) {
      if (!this.#isUsable(this.#control)) this.#forget(this.#control);
      throw new Error('no KILL was sent: the control session was not there in time');
    }
    this.#forget(kill.sentOn);
    throw unanswered();
  }

  #isUsable(control: Control | undefined): control is Control {
    return control !== undefined && (control.isOpen || this.#ports.clock.now() < control.openBy);
  }

  #open(): Control {
    if (this.#isUsable(this.#control)) return this.#control;
    this.#forget(this.#control);
    const givenUp = new AbortController();
    if (this.#isClosed) givenUp.abort();
    const forget = () => {
      if (this.#control === control) this.#control = undefined;
    };
    const gone = createDeferred<never>();
    gone.promise.catch(() => undefined);
    const opened = this.#ports.open(forget, givenUp.signal);
    const control: Control = { opened, isOpen: false, openBy: this.#ports.clock.now() + KILL_LIMIT_MS, givenUp, gone };
    this.#control = control;
    opened.then(() => {
      control.isOpen = true;
    }, forget);
    return control;
  }

  #forget(control: Control | undefined): void {
    if (control === undefined) return;
    if (this.#control === control) this.#control = undefined;
    control.givenUp.abort();
    control.gone.reject(new Error('the control session was given up'));
    control.opened.then(
      (session) => session.destroy(),
      () => undefined,
    );
  }
}

function unanswered(): UnansweredKill {
  return new UnansweredKill('the server has not answered a KILL in time');
}
