/**
 * One random life of a connection that statements travel together on, from a seed: they join as the pool would let them
 * (`canShare`), some a little late; they are answered, refused, stale or hang; their callers abort or run out of time, at
 * the head and behind it; cancels hit, miss, hang, fail or come late and hit innocent ones; the connection breaks, and is
 * taken from them all in the middle.
 *
 * After every step: nobody joins between a cancel and its settling, nor ever again where one could not be delivered; such a
 * connection is given up only when nobody but those that are stopped is on it, or is held up by them; nobody hears of a cancel that was meant for another;
 * nothing is applied twice; every caller is answered once, in time, with its own row or an error that is true of it;
 * `clean` means that nothing is in flight and no cancel can hit anything; nothing hangs that nobody waits for and nobody
 * stops. At the end: no timer, listener or cancel is left.
 *
 * Over 300 lines because whoever acts, whoever answers and whoever checks share one loan, and only together they tell its story.
 */
import { getEventListeners } from 'node:events';
import { Connection } from '../../src/connection/connection.js';
import type { ConnectionPorts } from '../../src/connection/connection.js';
import { StatementBook, unknownFacts } from '../../src/connection/statement-book.js';
import type { StatementCall } from '../../src/connection/statement-call.js';
import { StatementPace } from '../../src/connection/statement-pace.js';
import type { DriverResult } from '../../src/driver/query.js';
import { isFluxorError } from '../../src/errors/fluxor-error.js';
import { QueryError } from '../../src/errors/query-error.js';
import { DeadlineTimer } from '../../src/kernel/deadline.js';
import { Hub } from '../../src/telemetry/hub.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { FakeDriver } from '../fakes/fake-session.js';
import type { Fate, Hearer } from './connection-sharing-ledger.js';
import { SharingLedger, StaleError } from './connection-sharing-ledger.js';
import { SharingServer } from './connection-sharing-server.js';
import { Dice } from './dice.js';

/** The deadline's own millisecond, the 100 ms of grace, and the grace's own millisecond. */
const ANSWER_LIMIT_MS = 102;
const MAX_DEPTH = 16;
/** A cancel is tried again until its connection is given up. */
const STOP_LIMIT_MS = 2_000;
/** The pool gives a reset no more time than this. */
const RESET_LIMIT_MS = 3_000;

interface Caller extends Hearer {
  readonly server: SharingServer;
  /** Of the loan it is part of. */
  readonly loan: number;
  error: unknown;
  isSettled: boolean;
  /** Its lease was taken from it. */
  takenAt: number | undefined;
}

export class ConnectionSharingSimulation {
  readonly history: string[] = [];
  readonly happened = {
    ...{ answered: 0, joined: 0, late: 0, timedOut: 0, aborted: 0, byRuntime: 0, refused: 0, lost: 0, unknown: 0 },
    ...{ tooLateToStop: 0, resent: 0, hit: 0, missed: 0, undelivered: 0, stale: 0, healed: 0, resets: 0, renewed: 0 },
  };
  readonly #dice: Dice;
  readonly #clock = new FakeClock();
  readonly #timers = new DeadlineTimer(this.#clock);
  readonly #ledger = new SharingLedger();
  readonly #ports: ConnectionPorts;
  readonly #canCancel: boolean;
  readonly #callers: Caller[] = [];
  readonly #servers: SharingServer[] = [];
  readonly #violations: string[] = [];
  #server!: SharingServer;
  #connection!: Connection;
  #place: 'free' | 'shared' | 'alone' | 'resetting' = 'free';
  #leases = 0;
  /** Counts loans, and whatever ends one. */
  #loan = 0;
  #resetBy = Infinity;
  /** What the server is at work on, although its caller has been answered; and since when that is known. */
  #forNobody: { readonly text: string; readonly since: number } | undefined;

  constructor(seed: number) {
    this.#dice = new Dice(seed);
    this.#canCancel = this.#dice.chance(0.9);
    this.#ledger.chanceOfStale = this.#dice.oneOf([0, 0.1, 0.5, 0.9]);
    this.#ledger.isStopped = (text) => this.#isStopped(text);
    const { clock, timers } = { clock: this.#clock, timers: this.#timers };
    const driver = new FakeDriver({ canCancel: this.#canCancel, pipelining: true });
    this.#ports = {
      ...{ driver, clock, timers, hub: new Hub(clock) },
      classify: (error, situation) =>
        error instanceof StaleError
          ? new QueryError('statement-invalid', 'stale', { outcome: 'not-applied', cause: error })
          : driver.classify(error, situation),
      book: new StatementBook(driver.dialect, { perConnection: 200, total: 2_000 }),
      pace: new StatementPace({ depth: MAX_DEPTH, maxStatementTimeMs: 5 }),
      config: () => ({ validationQuery: undefined, onRelease: 'rollback' }),
    };
    this.#renew();
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step += 1) {
      // Several acts without a pause between them meet each other's promises on their way.
      for (let acts = this.#dice.upTo(3); acts > 0; acts -= 1) this.#act();
      await this.#ticks(this.#dice.upTo(12));
      if (this.#dice.chance(0.6)) await this.#clock.advance(this.#dice.oneOf([0, 0, 1, 1, 4, 4, 30, 60, 400]));
      this.#check();
      if (this.#dice.chance(0.3)) await this.#rest();
    }
    await this.#end();
  }

  #act(): void {
    const roll = this.#dice.random();
    if (roll < 0.35) {
      for (let count = this.#dice.oneOf([1, 1, 2, 5]); count > 0; count -= 1) this.#share();
      return;
    }
    if (roll < 0.38) return this.#runAlone();
    if (roll < 0.8) {
      for (let moves = this.#dice.upTo(6); moves > 0; moves -= 1) this.#server.move();
      return;
    }
    if (roll < 0.84) return this.#server.moveAll();
    if (roll < 0.855) return this.#takeBack();
    if (roll < 0.865) return this.#break();
    const pending = this.#callers.filter((caller) => !caller.isSettled && caller.server === this.#server);
    if (pending.length > 0) this.#dice.oneOf(pending).abort.abort();
  }

  /** As the pool lends: the first on a free connection, the next ones where it takes them. */
  #share(): void {
    const now = this.#clock.now();
    if (this.#place === 'free') this.#begin('shared');
    else if (this.#place === 'shared' && this.#leases < MAX_DEPTH && this.#connection.canShare(now)) {
      if (this.#server.isUnsettled) this.#violate('a connection with a cancel under way takes one more');
      this.happened.joined += 1;
    } else return;
    this.#leases += 1;
    const caller = this.#newCaller();
    const facts = { ...unknownFacts(), name: this.#dice.chance(0.5) ? `name of ${caller.text}` : undefined };
    const connection = this.#connection;
    const send = (): void => this.#follow(caller, connection.share(queryOf(caller.text), this.#callOf(caller), facts));
    if (this.#dice.chance(0.8)) return send();
    // Whoever has waited in line is told by a promise that it may join.
    this.happened.late += 1;
    void this.#ticks(this.#dice.upTo(6)).then(() => {
      if (caller.loan === this.#loan) return send();
      caller.isSettled = true;
    });
  }

  #runAlone(): void {
    if (this.#place !== 'free') return;
    this.#begin('alone');
    this.#leases = 1;
    const caller = this.#newCaller();
    this.#follow(caller, this.#connection.execute(queryOf(caller.text), this.#callOf(caller)));
  }

  #begin(place: 'shared' | 'alone'): void {
    this.#place = place;
    this.#loan += 1;
    this.#connection.beginTenure();
  }

  #newCaller(): Caller {
    const inMs = this.#dice.oneOf([0, 3, 30, 100, 1_000, 3_000, 3_000, 3_000]);
    const text = `s${this.#callers.length + 1}`;
    this.#ledger.fates.set(text, this.#dice.chance(0.7) ? 'applied' : this.#dice.oneOf<Fate>(['refused', 'hangs']));
    const base = { text, deadlineAt: this.#clock.now() + inMs, isReadOnly: this.#dice.chance(0.2) };
    const lent = { server: this.#server, loan: this.#loan };
    const caller: Caller = {
      ...base,
      ...lent,
      abort: new AbortController(),
      error: undefined,
      isSettled: false,
      takenAt: undefined,
    };
    this.#callers.push(caller);
    this.#note(`${text} for ${inMs} ms${base.isReadOnly ? ', read-only' : ''}: ${this.#ledger.fates.get(text)}`);
    return caller;
  }

  #callOf({ deadlineAt, isReadOnly, abort }: Caller): StatementCall {
    return {
      ...{ deadlineAt, timeoutMs: deadlineAt - this.#clock.now(), signal: abort.signal, phase: 'statement' },
      ...{ isReadOnly, isSafeToRepeat: isReadOnly, inTransaction: false, askedReadOnly: false, context: {} },
    };
  }

  #follow(caller: Caller, work: Promise<DriverResult>): void {
    work.then(
      (result) => this.#answered(caller, result, undefined),
      (error: unknown) => this.#answered(caller, undefined, error),
    );
  }

  #answered(caller: Caller, result: DriverResult | undefined, error: unknown): void {
    const { text, loan } = caller;
    caller.isSettled = true;
    caller.error = error;
    this.#ledger.answered.add(text);
    const how = isFluxorError(error) ? `${error.code} ${error.reason ?? ''} ${error.outcome}` : 'answered';
    this.#note(`${text}: ${how}`);
    if (this.#clock.now() > caller.deadlineAt + ANSWER_LIMIT_MS) this.#violate(`${text} was answered too late`);
    if (error === undefined && result?.rows[0]?.toString() !== text) this.#violate(`${text} was given another's row`);
    this.#judge(caller);
    this.#count(error);
    if (loan === this.#loan) this.#giveBack();
  }

  #count(error: unknown): void {
    const { happened } = this;
    if (!isFluxorError(error)) {
      happened.answered += 1;
      return;
    }
    if (error.outcome === 'unknown') happened.unknown += 1;
    if (error.outcome === 'applied') happened.tooLateToStop += 1;
    if (error.reason === 'runtime') happened.byRuntime += 1;
    else if (error.code === 'CANCELLED') happened.aborted += 1;
    else if (error.code === 'TIMEOUT') happened.timedOut += 1;
    else if (error.code === 'CONNECTION') happened.lost += 1;
    else happened.refused += 1;
  }

  /** As far as can be known; asked again at the end, when nothing can happen any more. */
  #judge(caller: Caller): void {
    for (const lie of this.#ledger.lies(caller, this.#clock.now())) this.#violate(lie);
  }

  #giveBack(): void {
    this.#leases -= 1;
    if (this.#leases === 0) this.#clean();
  }

  /** The last one has ended: lent again as it is, after a reset, or not at all. */
  #clean(): void {
    this.#loan += 1;
    const condition = this.#connection.condition();
    if (condition === 'broken') return this.#renew();
    if (condition === 'dirty') return this.#reset();
    if (!this.#server.isQuiet) this.#violate('clean, with something in flight or a cancel under way');
    if (!this.#connection.canShare(this.#clock.now())) this.#violate('clean, and takes nobody');
    this.#place = 'free';
  }

  #reset(): void {
    this.#note('reset');
    this.happened.resets += 1;
    this.#place = 'resetting';
    this.#loan += 1;
    const loan = this.#loan;
    this.#leases = 0;
    this.#resetBy = this.#clock.now() + RESET_LIMIT_MS;
    this.#connection.reset().then(
      () => {
        if (loan !== this.#loan) return;
        if (this.#connection.condition() === 'dirty') this.#violate('dirty after its reset');
        this.#clean();
      },
      () => {
        if (loan === this.#loan) this.#renew();
      },
    );
  }

  /** Taken from all who are on it. */
  #takeBack(): void {
    if (this.#place !== 'shared' && this.#place !== 'alone') return;
    for (const caller of this.#callers) {
      if (caller.loan === this.#loan && !caller.isSettled) caller.takenAt = this.#clock.now();
    }
    if (this.#dice.chance(0.8)) this.#reset();
    else this.#renew();
  }

  #break(): void {
    this.#server.lose();
    if (this.#place === 'free') this.#renew();
  }

  #renew(): void {
    if (this.#servers.length > 0) this.happened.renewed += 1;
    if (this.#servers.length > 0) this.#server.isGivenUp = true;
    this.#connection?.destroy();
    const now = (): number => this.#clock.now();
    this.#server = new SharingServer(this.#dice, this.#ledger, (text) => this.#note(text), now);
    this.#servers.push(this.#server);
    this.#connection = new Connection(this.#servers.length, this.#server, this.#ports);
    this.#place = 'free';
    this.#loan += 1;
    this.#leases = 0;
    this.#resetBy = Infinity;
  }

  #check(): void {
    const now = this.#clock.now();
    const connection = this.#connection;
    if (this.#place === 'resetting' && now >= this.#resetBy) this.#renew();
    for (const { text, deadlineAt, isSettled, takenAt = Infinity } of this.#callers) {
      const limit = Math.min(deadlineAt + ANSWER_LIMIT_MS, takenAt + STOP_LIMIT_MS) + 1;
      if (!isSettled && now > limit) this.#violate(`${text} was never answered`);
    }
    if (this.#server.isWorkingForNobody && connection.canShare(now))
      this.#violate('takes one more behind a stopped one');
    if (connection.condition() === 'clean' && !this.#server.isQuiet) this.#violate('clean, and yet not quiet');
    if (this.#server.isUnsettled && connection.canShare(now))
      this.#violate('takes one more before a cancel has settled');
    for (const text of this.#ledger.misuse.splice(0)) this.#violate(text);
    if (this.#violations.length > 0) throw new Error(this.#violations.join('\n'));
  }

  /** A moment at which every promise has moved. */
  async #rest(): Promise<void> {
    await this.#clock.settle();
    this.#server.hasSpoken = false;
    if (this.#place !== 'resetting' && !this.#server.isClosed) this.#checkProgress(this.#clock.now());
    this.#check();
  }

  /** Nobody waits for nothing. */
  #checkProgress(now: number): void {
    const { isUnsettled, isQuiet, knownHead } = this.#server;
    const isFor = this.#callers.some(({ isSettled, loan }) => !isSettled && loan === this.#loan);
    if (this.#place === 'shared' && isQuiet && isFor) this.#violate('nothing is in flight, and somebody waits for it');
    const isForNobody = knownHead !== undefined && this.#ledger.answered.has(knownHead);
    if (!isForNobody || !this.#canCancel) this.#forNobody = undefined;
    else if (this.#forNobody?.text !== knownHead) this.#forNobody = { text: knownHead, since: now };
    if (this.#forNobody === undefined) return;
    if (!isUnsettled || now > this.#forNobody.since + STOP_LIMIT_MS + 1)
      this.#violate(`${this.#forNobody.text} is at work, nobody waits for it, and nobody stops it`);
  }

  #isStopped(text: string): boolean {
    const caller = this.#callers.find((one) => one.text === text);
    if (caller === undefined) return false;
    const { abort, deadlineAt, loan } = caller;
    return abort.signal.aborted || this.#clock.now() >= deadlineAt || loan !== this.#loan;
  }

  async #end(): Promise<void> {
    this.#note('the end');
    for (let round = 0; round < 40; round += 1) {
      this.#server.moveAll();
      await this.#clock.advance(100);
      await this.#rest();
    }
    await this.#clock.advance(3_000);
    this.#server.isGivenUp = true;
    this.#connection.destroy();
    await this.#clock.advance(3_000);
    for (const caller of this.#callers) {
      if (!caller.isSettled) this.#violate(`${caller.text} was never answered`);
      else if (this.#ledger.answered.has(caller.text)) this.#judge(caller);
      const listeners = getEventListeners(caller.abort.signal, 'abort').length;
      if (listeners > 0) this.#violate(`${caller.text} is still listened to`);
      if ((this.#ledger.sent.get(caller.text) ?? 0) > 1) this.happened.resent += 1;
    }
    this.#checkCounts();
    if (this.#connection.isBusy) this.#violate('somebody still has the connection, or waits for it');
    if (this.#servers.some(({ cancelsLeft }) => cancelsLeft > 0)) this.#violate('a cancel is still under way');
    if (this.#timers.size > 0) this.#violate(`${this.#timers.size} deadlines still watched`);
    this.#timers.stop();
    if (this.#clock.pendingTimerCount > 0) this.#violate('timers left');
    Object.assign(this.happened, this.#ledger.counts);
    this.#check();
  }

  /** As a runtime's total = success + failed: whoever was answered was counted, in one place. */
  #checkCounts(): void {
    const { answered, byRuntime, aborted, timedOut, lost, refused } = this.happened;
    const ended = answered + byRuntime + aborted + timedOut + lost + refused;
    if (ended !== this.#ledger.answered.size)
      this.#violate(`${this.#ledger.answered.size} were answered, and ${ended} counted`);
  }

  async #ticks(count: number): Promise<void> {
    for (let tick = count; tick > 0; tick -= 1) await Promise.resolve();
  }

  #note(text: string): void {
    this.history.push(`${this.#clock.now().toFixed(0)} ms: ${text}`);
  }

  #violate(text: string): void {
    this.#note(`VIOLATION ${text}`);
    this.#violations.push(text);
  }
}

const queryOf = (text: string) => ({ text, values: [], rowMode: 'array' as const });
