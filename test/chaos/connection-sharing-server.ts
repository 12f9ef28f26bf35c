/**
 * The server's end of one connection that several statements are in flight on, for connection-sharing-simulation.ts. What
 * is sent is on its way before it arrives, and what was done is on its way back before the client knows: so a cancel hits
 * whatever the server is working on when it comes, which the client cannot know. It writes down what it does, and
 * complains about whatever is sent while a cancel is not settled.
 *
 * Over 300 lines because what is sent, what is cancelled and what is answered meet in one queue, and the checks are about their order.
 */
import type { DriverConnection, InFlight, SessionState } from '../../src/driver/driver.js';
import type { DriverQuery, DriverResult } from '../../src/driver/query.js';
import type { Deferred } from '../../src/kernel/deferred.js';
import { createDeferred } from '../../src/kernel/deferred.js';
import { RESULT, ServerError } from '../fakes/fake-session.js';
import type { SharingLedger } from './connection-sharing-ledger.js';
import { StaleError } from './connection-sharing-ledger.js';
import type { Dice } from './dice.js';

interface Sent extends Deferred<DriverResult> {
  readonly text: string;
  readonly isNamed: boolean;
  readonly inFlight: InFlight | undefined;
  /** Cancels asked for before it was sent. */
  readonly cancelsBefore: number;
  isHealing: boolean;
}

interface Cancel extends Deferred<void> {
  /** Nothing of it ever comes back. */
  readonly isHanging: boolean;
  hasArrived: boolean;
}

/** So long may one that is stopped hold up the others before the connection is given up. */
const HOLD_UP_LIMIT_MS = 2_000;

export class SharingServer implements DriverConnection {
  readonly sessionId = 'shared';
  readonly statementLimitMs = 0;
  bytesWritten = 0;
  isClosed = false;
  /** Since the first cancel, until a round trip that began after the last one had been delivered; for good where one was not. */
  isUnsettled = false;
  /** Whoever has the connection ends it, whatever is in flight. */
  isGivenUp = false;
  /** The client has been told of something, and may not have taken it in. */
  hasSpoken = false;
  readonly #dice: Dice;
  readonly #ledger: SharingLedger;
  readonly #note: (text: string) => void;
  readonly #now: () => number;
  /** In flight as the client sees it. */
  readonly #inFlight: Sent[] = [];
  readonly #onTheWay: Sent[] = [];
  #working: Sent | undefined;
  readonly #answers: { readonly sent: Sent; readonly error: Error | undefined }[] = [];
  readonly #cancels: Cancel[] = [];
  #cancelsAsked = 0;
  /** One came when there was nothing to stop, and stops what comes next. */
  #isCancelWaiting = false;
  /** Said to have failed; those may come all the same. */
  #undelivered = 0;
  #wasUndelivered = false;
  /** Since when each that is stopped has been cancelled. */
  readonly #cancelledAt = new Map<Sent, number>();
  #absorbing: Sent | undefined;
  #ready: Deferred<void> | undefined;

  constructor(dice: Dice, ledger: SharingLedger, note: (text: string) => void, now: () => number) {
    this.#dice = dice;
    this.#ledger = ledger;
    this.#note = note;
    this.#now = now;
  }

  get state(): SessionState {
    if (this.isClosed) return 'closed';
    return this.#inFlight.length > 0 ? 'busy' : 'idle';
  }

  /** Nothing is in flight, and no cancel can hit anything. */
  get isQuiet(): boolean {
    return this.#inFlight.length === 0 && this.#cancels.length === 0 && !this.#isCancelWaiting && !this.isUnsettled;
  }

  /** At work on it, and the client has heard of all before it. */
  get knownHead(): string | undefined {
    return this.#answers.length === 0 ? this.#working?.text : undefined;
  }

  /** Somebody who does not wait any more is in flight still. */
  get isWorkingForNobody(): boolean {
    return this.#inFlight.some(({ text }) => this.#ledger.answered.has(text));
  }

  get cancelsLeft(): number {
    return this.#cancels.length;
  }

  execute({ text }: DriverQuery, name?: string, inFlight?: InFlight): Promise<DriverResult> {
    if (this.isClosed) return Promise.reject(new ServerError('lost'));
    const ledger = this.#ledger;
    const times = (ledger.sent.get(text) ?? 0) + 1;
    if (ledger.knows(text)) {
      if (times === 1 && this.isUnsettled) ledger.misuse.push(`${text} was sent before a cancel had settled`);
      if (ledger.answered.has(text)) ledger.misuse.push(`${text} was sent after its caller had been answered`);
    }
    ledger.sent.set(text, times);
    this.bytesWritten += text.length;
    const base = { ...createDeferred<DriverResult>(), text, isNamed: name !== undefined, inFlight };
    const sent: Sent = { ...base, cancelsBefore: this.#cancelsAsked, isHealing: false };
    this.#inFlight.push(sent);
    this.#onTheWay.push(sent);
    this.#note(`sent: ${text}`);
    return sent.promise;
  }

  forget(): void {
    // Nothing is kept.
  }

  cancel(): Promise<void> {
    if (this.isClosed) return Promise.reject(new ServerError('lost'));
    this.#cancelsAsked += 1;
    const [head] = this.#inFlight;
    const isSure = head !== undefined && !this.hasSpoken;
    if (isSure && !this.#ledger.isStopped(head.text))
      this.#ledger.misuse.push(`${head.text} was cancelled for another`);
    for (const sent of this.#inFlight)
      if (this.#ledger.isStopped(sent.text) && !this.#cancelledAt.has(sent)) this.#cancelledAt.set(sent, this.#now());
    this.isUnsettled = true;
    this.#absorbing = undefined;
    const dice = this.#dice;
    if (dice.chance(0.06)) return this.#failToDeliver();
    const cancel: Cancel = { ...createDeferred<void>(), isHanging: dice.chance(0.04), hasArrived: false };
    this.#cancels.push(cancel);
    this.#note('sent: cancel');
    if (dice.chance(0.3)) {
      this.#arrive(cancel);
      this.#confirm(cancel);
    }
    return cancel.promise;
  }

  async untilReady(): Promise<void> {
    if (this.isClosed) throw new ServerError('lost');
    if (this.#inFlight.length > 0) await (this.#ready ??= createDeferred()).promise;
  }

  async ping(): Promise<void> {
    const answer = this.execute({ text: 'ping', values: [], rowMode: 'array' });
    if (this.#cancels.length === 0) this.#absorbing = this.#inFlight.at(-1);
    await answer;
  }

  async reset(): Promise<void> {
    await this.execute({ text: 'reset', values: [], rowMode: 'array' });
  }

  async close(): Promise<void> {
    this.destroy();
  }

  destroy(): void {
    const isHeldUp = this.#inFlight.some(
      (sent) => this.#now() >= (this.#cancelledAt.get(sent) ?? Infinity) + HOLD_UP_LIMIT_MS,
    );
    const innocent = this.#inFlight.find(({ text }) => this.#ledger.knows(text) && !this.#ledger.isStopped(text));
    if (!this.isClosed && !this.isGivenUp && !isHeldUp && innocent !== undefined)
      this.#ledger.misuse.push(`the connection was destroyed under ${innocent.text}, which nobody holds up`);
    this.lose();
    for (const cancel of this.#cancels.splice(0)) cancel.reject(new ServerError('lost'));
  }

  /** The connection breaks. What has been sent may be done all the same, up to a point. */
  lose(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.isUnsettled = this.#isCancelWaiting = false;
    for (let sent = this.#take(); sent !== undefined && this.#dice.chance(0.6); sent = this.#take()) this.#end(sent);
    this.#onTheWay.length = this.#answers.length = 0;
    const error = new ServerError('lost');
    for (const sent of this.#inFlight.splice(0)) sent.reject(error);
    this.#ready?.reject(error);
    this.#ready?.promise.catch(() => undefined);
    this.#note('the connection is gone');
  }

  /** One thing happens, somewhere. */
  move(): void {
    if (this.#undelivered > 0 && this.#dice.chance(0.1)) return this.#arriveUnannounced();
    if (this.#cancels.length > 0 && this.#dice.chance(0.3)) return this.#moveCancel();
    if (this.#answers.length > 0 && this.#dice.chance(0.5)) return this.#deliver();
    this.#work();
  }

  /** Whatever can happen by itself has happened. */
  moveAll(): void {
    for (let count = 4 * (this.#inFlight.length + this.#cancels.length) + 4; count > 0; count -= 1) {
      if (this.#cancels.length > 0) this.#moveCancel();
      this.#work();
      while (this.#answers.length > 0) this.#deliver();
    }
  }

  #take(): Sent | undefined {
    const sent = this.#working ?? this.#onTheWay.shift();
    this.#working = undefined;
    return sent;
  }

  #work(): void {
    if (this.isClosed) return;
    if (this.#working === undefined) {
      this.#working = this.#onTheWay.shift();
      if (this.#working !== undefined && this.#isCancelWaiting) {
        this.#isCancelWaiting = false;
        this.#stop();
      }
      return;
    }
    const { text, isNamed } = this.#working;
    if (isNamed && this.#dice.chance(this.#ledger.chanceOfStale)) {
      this.#ledger.counts.stale += 1;
      return this.#answer(new StaleError(false));
    }
    if (this.#ledger.fates.get(text) === 'hangs') return;
    const sent = this.#working;
    this.#working = undefined;
    this.#answers.push({ sent, error: this.#end(sent) });
  }

  /** Its end, for good or ill, that nothing can take back. */
  #end({ text }: Sent): Error | undefined {
    const { fates, refused, applied, misuse } = this.#ledger;
    const fate = fates.get(text);
    if (fate === 'hangs') return undefined;
    if (fate === 'refused') {
      refused.add(text);
      return new ServerError('unique');
    }
    const times = (applied.get(text) ?? 0) + 1;
    applied.set(text, times);
    if (times > 1 && fate !== undefined) misuse.push(`${text} was applied twice`);
    return undefined;
  }

  #stop(): void {
    const text = this.#working?.text;
    if (text === 'reset') this.#ledger.misuse.push('a cancel has hit the reset');
    this.#ledger.counts.hit += 1;
    this.#note(`the cancel hits ${text}`);
    this.#answer(new ServerError('cancelled'));
  }

  #answer(error: Error): void {
    if (this.#working !== undefined) this.#answers.push({ sent: this.#working, error });
    this.#working = undefined;
  }

  #moveCancel(): void {
    const cancel = this.#dice.oneOf(this.#cancels);
    if (cancel.isHanging) return;
    if (!cancel.hasArrived) this.#arrive(cancel);
    else this.#confirm(cancel);
  }

  #failToDeliver(): Promise<void> {
    this.#ledger.counts.undelivered += 1;
    this.#wasUndelivered = true;
    if (this.#dice.chance(0.5)) this.#undelivered += 1;
    this.#note('a cancel is not delivered');
    if (this.#dice.chance(0.5)) throw new Error('thrown by cancel');
    return Promise.reject(new Error('no socket left for the cancel'));
  }

  #arriveUnannounced(): void {
    this.#undelivered -= 1;
    this.#hitOrMiss();
  }

  #arrive(cancel: Cancel): void {
    cancel.hasArrived = true;
    this.#hitOrMiss();
  }

  #hitOrMiss(): void {
    if (this.isClosed) return;
    if (this.#working !== undefined && this.#dice.chance(0.9)) return this.#stop();
    this.#ledger.counts.missed += 1;
    if (this.#working === undefined) this.#isCancelWaiting = this.#dice.chance(0.5);
  }

  #confirm(cancel: Cancel): void {
    this.#cancels.splice(this.#cancels.indexOf(cancel), 1);
    cancel.resolve();
  }

  /** The client hears of one. */
  #deliver(): void {
    const answer = this.#answers.shift();
    if (answer === undefined) return;
    const { sent, error } = answer;
    this.#inFlight.splice(this.#inFlight.indexOf(sent), 1);
    this.hasSpoken = true;
    if (error !== undefined) this.#ledger.undone.set(sent.text, (this.#ledger.undone.get(sent.text) ?? 0) + 1);
    if (error instanceof StaleError) return this.#heal(sent);
    if (this.#absorbing === sent) {
      this.#absorbing = undefined;
      this.isUnsettled = this.#wasUndelivered;
    }
    if (error === undefined) sent.resolve({ ...RESULT, rows: [[sent.text]] });
    else sent.reject(error);
    this.#becomeReady();
  }

  /** As the driver does it: once, behind all others, if it is still wanted. */
  #heal(sent: Sent): void {
    if (sent.isHealing || sent.inFlight?.goBehind() === false) {
      const isStopping = this.#cancelsAsked !== sent.cancelsBefore;
      this.#ledger.foundStale(sent.text);
      this.#note(`${sent.text} is stale, ${isStopping ? 'after a cancel' : 'again'}`);
      sent.reject(new StaleError(!isStopping));
      return this.#becomeReady();
    }
    sent.isHealing = true;
    this.#ledger.counts.healed += 1;
    this.#inFlight.push(sent);
    this.#onTheWay.push(sent);
  }

  #becomeReady(): void {
    if (this.#inFlight.length > 0) return;
    this.#ready?.resolve();
    this.#ready = undefined;
  }
}
