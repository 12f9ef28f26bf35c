/**
 * Faults that lie in wait: a trap watches all links of a proxy, the living and the coming ones, and springs on the
 * first connection whose traffic fits. A pool chooses its connection itself, so a test can't name one beforehand.
 * Invariant: a trap springs `times` times at most, and never twice for one connection.
 */
import type { LinkWatcher, LostReplyEnd, TcpLink } from './tcp-link.js';

/** A fault that has been set and waits for its moment. */
export interface ProxyTrap {
  /** How often it has sprung. */
  readonly sprung: number;
  /** Settles when it springs for the first time; stays pending if it never does. */
  readonly fired: Promise<void>;
  /** Takes it away. Connections it has caught stay as they are. */
  disarm(): void;
}

abstract class Trap implements ProxyTrap, LinkWatcher {
  readonly fired: Promise<void>;
  readonly #caught = new WeakSet<TcpLink>();
  readonly #times: number;
  #sprung = 0;
  #isDisarmed = false;
  #fire: () => void = () => undefined;

  constructor(times: number) {
    if (!(times >= 1)) throw new RangeError(`A trap springs at least once; times: ${times} would be no trap.`);
    this.#times = times;
    this.fired = new Promise((resolve) => (this.#fire = resolve));
  }

  get sprung(): number {
    return this.#sprung;
  }

  disarm(): void {
    this.#isDisarmed = true;
  }

  abstract onRequest(link: TcpLink, chunk: Buffer): void;
  abstract onReply(link: TcpLink, chunk: Buffer): boolean;

  /** Whether it is still set for this connection. */
  protected isSetFor(link: TcpLink): boolean {
    return !this.#isDisarmed && this.#sprung < this.#times && !this.#caught.has(link);
  }

  protected spring(link: TcpLink): void {
    this.#caught.add(link);
    this.#sprung += 1;
    this.#fire();
  }
}

/** Resets a connection once its server has sent so many bytes since the trap was set. */
export class CutTrap extends Trap {
  readonly #limit: number;
  readonly #seen = new WeakMap<TcpLink, number>();

  constructor(bytesFromServer: number, times: number) {
    super(times);
    if (!(bytesFromServer >= 0)) throw new RangeError(`Can't cut after ${bytesFromServer} bytes.`);
    this.#limit = bytesFromServer;
  }

  onRequest(): void {
    // Only the server's bytes count.
  }

  onReply(link: TcpLink, chunk: Buffer): boolean {
    if (!this.isSetFor(link)) return false;
    const before = this.#seen.get(link) ?? 0;
    this.#seen.set(link, before + chunk.length);
    if (before + chunk.length < this.#limit) return false;
    this.spring(link);
    link.resetAfter(chunk.subarray(0, this.#limit - before));
    return true;
  }
}

/** Lets a request through to the server and loses the reply. */
export class LostReplyTrap extends Trap {
  readonly #when: (chunk: Buffer) => boolean;
  readonly #end: LostReplyEnd;

  constructor(when: (chunk: Buffer) => boolean, end: LostReplyEnd, times: number) {
    super(times);
    this.#when = when;
    this.#end = end;
  }

  onRequest(link: TcpLink, chunk: Buffer): void {
    if (!this.isSetFor(link) || !this.#when(chunk)) return;
    this.spring(link);
    link.loseReplies(this.#end);
  }

  onReply(): boolean {
    // The link swallows by itself from the moment the request has passed.
    return false;
  }
}
