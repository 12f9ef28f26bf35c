/** A listening session over fake sessions on a fake clock, subscribers that note what they are told, and the question of leftovers. */
import { afterEach, expect } from 'vitest';
import type { MissedSpan, Subscriber } from '../../src/connection/channel-book.js';
import { ListeningSession } from '../../src/connection/listening-session.js';
import type { FailureSituation } from '../../src/driver/driver.js';
import { ConnectionError } from '../../src/errors/connection-error.js';
import type { FluxorError } from '../../src/errors/fluxor-error.js';
import { DeadlineTimer } from '../../src/kernel/deadline.js';
import type { EventName, FluxorEvents } from '../../src/telemetry/events.js';
import { Hub } from '../../src/telemetry/hub.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { FakeDriver, FakeSession, ServerError } from './fake-session.js';

export const ANSWER_TIMEOUT_MS = 5_000;

/** Notes what it is told, in order. */
export class NotingSubscriber implements Subscriber {
  readonly channels: readonly string[];
  readonly heard: (string | MissedSpan)[] = [];

  constructor(...channels: string[]) {
    this.channels = channels;
  }

  notified({ channel, payload }: { readonly channel: string; readonly payload: string }): void {
    this.heard.push(`${channel}: ${payload}`);
  }

  missed(span: MissedSpan): void {
    this.heard.push(span);
  }

  ended(): void {
    this.heard.push('ended');
  }
}

export class ListeningBench {
  readonly clock = new FakeClock();
  readonly timers = new DeadlineTimer(this.clock);
  readonly hub = new Hub(this.clock);
  readonly driver = new FakeDriver();
  /** Every session that was opened, in order. */
  readonly opened: FakeSession[] = [];
  readonly facts: string[] = [];
  /** What chance says. */
  chance = 0.5;
  readonly session: ListeningSession;

  constructor() {
    this.driver.next = () => this.newSession();
    this.session = new ListeningSession({
      driver: this.driver,
      classify: (error, situation) => this.#classify(error, situation),
      clock: this.clock,
      timers: this.timers,
      hub: this.hub,
      types: {} as never,
      random: () => this.chance,
      detached: (fn) => fn(),
      answerTimeoutMs: () => ANSWER_TIMEOUT_MS,
    });
    const names = ['started', 'lost', 'restore-failed', 'restored', 'stopped'] as const;
    for (const name of names) this.hub.on(`listening:${name}`, () => this.facts.push(name));
  }

  /** As real drivers do: a lost connection is worth another attempt. */
  #classify(error: unknown, situation: FailureSituation): FluxorError {
    const isLost = error instanceof ServerError && error.kind === 'lost';
    if (!isLost) return this.driver.classify(error, situation);
    return new ConnectionError('lost', 'lost', { decision: 'new-connection', isConnectionFatal: true, cause: error });
  }

  newSession(): FakeSession {
    const session = new FakeSession();
    this.opened.push(session);
    return session;
  }

  last<E extends EventName>(event: E): { fact: FluxorEvents[E] | undefined } {
    const noted: { fact: FluxorEvents[E] | undefined } = { fact: undefined };
    this.hub.on(event, (fact) => (noted.fact = fact));
    return noted;
  }

  /** What reached the wire of the n-th session. */
  wire(index = this.opened.length - 1): readonly string[] {
    return this.opened[index]?.wire ?? [];
  }

  /** In force, unless something is in the way. */
  async subscribed(...channels: string[]): Promise<NotingSubscriber> {
    const subscriber = new NotingSubscriber(...channels);
    await this.session.subscribe(subscriber);
    return subscriber;
  }

  /** How a subscription went, as it goes. */
  begin(subscriber: Subscriber): { end: 'pending' | 'in force' | Error } {
    const noted: { end: 'pending' | 'in force' | Error } = { end: 'pending' };
    this.session.subscribe(subscriber).then(
      () => (noted.end = 'in force'),
      (error: Error) => (noted.end = error),
    );
    return noted;
  }

  /** The server sends something, on the session opened last or the given one. */
  send(channel: string, payload: string, index = this.driver.requests.length - 1): void {
    this.driver.requests[index]?.onNotification?.({ channel, payload, processId: 7 });
  }

  /** The session opened last breaks. */
  lose(): void {
    this.opened.at(-1)?.lose();
    this.driver.requests.at(-1)?.onLost(new ServerError('lost'));
  }

  async assertNothingLeft(): Promise<void> {
    const closed = this.session.close();
    await this.clock.advance(10_000);
    await closed;
    expect(this.timers.size, 'watched deadlines').toBe(0);
    this.timers.stop();
    expect(this.clock.pendingTimers).toEqual([]);
    expect(this.opened.flatMap(({ misuse }) => misuse)).toEqual([]);
    expect(this.opened.filter(({ state }) => state !== 'closed')).toEqual([]);
  }
}

const benches: ListeningBench[] = [];

/** A bench that is checked for leftovers when its test ends. */
export function listeningBench(): ListeningBench {
  const bench = new ListeningBench();
  benches.push(bench);
  return bench;
}

/** Call once per test file. */
export function checkListeningLeftovers(): void {
  afterEach(async () => {
    for (const bench of benches.splice(0)) await bench.assertNothingLeft();
  });
}
