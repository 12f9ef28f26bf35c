/**
 * The one session that all subscriptions of a runtime share: opened for the first of them, outside the pool, opened anew when
 * it is lost, and closed after the last. Called by src/runtime/listen.ts; the wire is listening-link.ts.
 *
 *     idle ──first subscriber──► connecting ──every channel in force──► listening ──lost──► waiting ──pause over──► connecting
 *
 * Invariants:
 * - there is never more than one session, nor more than one question under way on it;
 * - a subscriber is `pending` until every channel of it is in force; a failure rejects the pending, and never the others;
 * - after a loss, subscribers are told what they may have missed once all is in force again, and before any notification of
 *   the new session: whoever looks at the database then, sees everything up to the first of those.
 * Refuses to know: buffers, iterators, signals, options.
 */
import type { DriverNotification } from '../driver/driver.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import type { Timer } from '../kernel/clock.js';
import type { Deferred } from '../kernel/deferred.js';
import { createDeferred } from '../kernel/deferred.js';
import type { Random } from '../kernel/random.js';
import { assertTransition } from '../kernel/transitions.js';
import type { Detached } from '../pool/lease-scopes.js';
import { poolClosedError } from '../pool/pool-errors.js';
import type { Hub } from '../telemetry/hub.js';
import type { Subscriber } from './channel-book.js';
import { ChannelBook } from './channel-book.js';
import type { LinkPorts, Moment } from './listening-link.js';
import { ListeningLink } from './listening-link.js';
import { ListeningPauses } from './listening-pauses.js';
import type { Attempt, Listening, ListeningPhase, ListeningState } from './listening-state.js';
import { LISTENING_TRANSITIONS, newAttempt } from './listening-state.js';

/** Half of the 60 s after which common load balancers drop a flow in silence. */
const KEEPALIVE_MS = 30_000;
/** Of what comes before all is in force. More is let go: it was sent before `listen` resolved, or the gap covers it. */
const MAX_EARLY = 10_000;

export interface ListeningPorts extends LinkPorts {
  readonly random: Random;
  readonly hub: Hub;
  readonly detached: Detached;
}

export class ListeningSession {
  readonly #ports: ListeningPorts;
  readonly #book = new ChannelBook();
  readonly #pending = new Map<Subscriber, Deferred<void>>();
  #phase: ListeningPhase = { name: 'idle' };
  /** From the loss of a session until all of it is restored. */
  #outage: { readonly since: Moment; attempts: number } | undefined;
  readonly #pauses: ListeningPauses;
  /** The session before, on its way out. */
  #closing: Promise<void> | undefined;

  constructor(ports: ListeningPorts) {
    this.#ports = ports;
    this.#pauses = new ListeningPauses(ports.random);
  }

  get state(): ListeningState {
    return this.#phase.name;
  }

  /** Resolves when the server listens for all channels of the subscriber. Rejects when the attempt to get there fails. */
  subscribe(subscriber: Subscriber): Promise<void> {
    if (this.#phase.name === 'closed') return Promise.reject(poolClosedError(this.#ports.driver.endpoint));
    const ready = createDeferred<void>();
    this.#pending.set(subscriber, ready);
    this.#book.add(subscriber);
    if (this.#phase.name === 'idle') this.#connect();
    else this.#changed(subscriber.channels);
    if (this.#phase.name === 'listening') this.#settle(this.#phase.link, [subscriber]);
    return ready.promise;
  }

  /** Does nothing when it has left already. The server hears of it by itself. */
  unsubscribe(subscriber: Subscriber): void {
    if (!this.#book.remove(subscriber)) return;
    this.#pending.delete(subscriber);
    if (this.#book.isEmpty) this.#rest();
    else this.#changed(subscriber.channels);
  }

  /** Ends every subscription. Resolves when the session is closed. */
  async close(): Promise<void> {
    const before = this.#phase;
    if (before.name !== 'closed') {
      this.#move({ name: 'closed' });
      this.#letGo(before);
      const why = poolClosedError(this.#ports.driver.endpoint);
      for (const subscriber of this.#book.subscribers) {
        this.#book.remove(subscriber);
        this.#pending.get(subscriber)?.reject(why);
        subscriber.ended();
      }
      this.#pending.clear();
    }
    await this.#closing;
  }

  #connect(): void {
    const { clock, detached } = this.#ports;
    const attempt = newAttempt(this.#book.channels, clock.now());
    this.#move({ name: 'connecting', attempt });
    if (this.#outage !== undefined) this.#outage.attempts += 1;
    void detached(() => this.#try(attempt));
  }

  async #try(attempt: Attempt): Promise<void> {
    let link: ListeningLink | undefined;
    try {
      await this.#closing;
      link = await ListeningLink.open(this.#ports, attempt.abort, {
        onNotification: (notification) => this.#notified(attempt, notification),
        onLost: (error) => this.#heardLost(attempt, error),
      });
      await this.#reconcile(attempt, link);
      if (attempt.lostBecause !== undefined) throw attempt.lostBecause;
      if (this.#isCurrent(attempt)) this.#opened(attempt, link);
      else link.destroy();
    } catch (error) {
      link?.destroy();
      // The link throws errors of the house only.
      if (this.#isCurrent(attempt)) this.#failed(attempt, error as FluxorError);
    }
  }

  /** Tells the server about every channel that has changed, one after the other, also about those that change meanwhile. */
  async #reconcile(attempt: Attempt, link: ListeningLink): Promise<void> {
    for (const channel of attempt.changed) {
      attempt.changed.delete(channel);
      await this.#bringIntoForce(link, channel);
      if (!this.#isCurrent(attempt)) return;
    }
  }

  async #bringIntoForce(link: ListeningLink, channel: string): Promise<void> {
    const isWanted = this.#book.has(channel);
    if (isWanted === link.inForce.has(channel)) return;
    if (!isWanted) return link.unlisten(channel);
    try {
      await link.listen(channel);
    } catch (error) {
      const { isConnectionFatal } = error as FluxorError;
      const asking = this.#book.of(channel);
      // One channel that the server refuses is no reason to end the others; one that was in force before must come back.
      if (isConnectionFatal || asking.some((subscriber) => !this.#pending.has(subscriber))) throw error;
      return this.#refuse(asking, error as FluxorError);
    }
    if (this.#phase.name === 'listening') this.#settle(link, this.#book.of(channel));
  }

  #opened(attempt: Attempt, link: ListeningLink): void {
    const { clock, hub } = this.#ports;
    const keepalive = this.#armKeepalive();
    const phase: Listening = { name: 'listening', attempt, link, keepalive, isPingDue: false, isWorking: false };
    this.#move(phase);
    const outage = this.#outage;
    this.#outage = undefined;
    const lostMs = outage === undefined ? 0 : clock.now() - outage.since.at;
    const established = this.#book.subscribers.filter((subscriber) => !this.#pending.has(subscriber));
    if (outage !== undefined) for (const one of established) one.missed({ since: outage.since.wallAt, lostMs });
    for (const notification of attempt.early.splice(0)) this.#book.deliver(notification);
    this.#settle(link, [...this.#pending.keys()]);
    this.#wake(phase);
    const { serverId } = link;
    if (outage !== undefined) hub.tell('listening:restored', { serverId, lostMs, attempts: outage.attempts });
    else hub.tell('listening:started', { serverId, durationMs: clock.now() - attempt.startedAt });
  }

  /** Of those, whoever has all channels in force need not wait any longer. */
  #settle(link: ListeningLink, subscribers: readonly Subscriber[]): void {
    for (const subscriber of subscribers) {
      if (!subscriber.channels.every((channel) => link.inForce.has(channel))) continue;
      this.#pending.get(subscriber)?.resolve();
      this.#pending.delete(subscriber);
    }
  }

  #changed(channels: readonly string[]): void {
    const phase = this.#phase;
    if (phase.name !== 'connecting' && phase.name !== 'listening') return;
    for (const channel of channels) phase.attempt.changed.add(channel);
    if (phase.name === 'listening') this.#wake(phase);
  }

  #wake(phase: Listening): void {
    if (phase.isWorking) return;
    phase.isWorking = true;
    void this.#ports.detached(() => this.#work(phase));
  }

  async #work(phase: Listening): Promise<void> {
    const { attempt, link } = phase;
    try {
      while (this.#phase === phase && (attempt.changed.size > 0 || phase.isPingDue)) {
        await this.#reconcile(attempt, link);
        if (this.#phase === phase && phase.isPingDue) await this.#prove(phase);
      }
    } catch (error) {
      this.#lost(phase, error as FluxorError);
    } finally {
      phase.isWorking = false;
    }
  }

  async #prove(phase: Listening): Promise<void> {
    phase.isPingDue = false;
    await phase.link.ping();
    if (this.#phase === phase) phase.keepalive = this.#armKeepalive();
  }

  #armKeepalive(): Timer {
    const fire = () => {
      if (this.#phase.name !== 'listening') return;
      this.#phase.isPingDue = true;
      this.#wake(this.#phase);
    };
    return this.#ports.clock.setTimer(KEEPALIVE_MS, fire, { keepAlive: false });
  }

  #notified(attempt: Attempt, notification: DriverNotification): void {
    if (!this.#isCurrent(attempt)) return;
    if (this.#phase.name === 'listening') this.#book.deliver(notification);
    else if (attempt.early.length < MAX_EARLY) attempt.early.push(notification);
  }

  #heardLost(attempt: Attempt, error: FluxorError): void {
    attempt.lostBecause = error;
    if (this.#phase.name === 'listening' && this.#phase.attempt === attempt) this.#lost(this.#phase, error);
  }

  #lost(phase: Listening, error: FluxorError): void {
    if (this.#phase !== phase) return;
    const { clock, hub } = this.#ports;
    phase.link.destroy();
    this.#outage = { since: phase.link.proved, attempts: 0 };
    this.#pauses.lived(clock.now() - phase.link.openedAt);
    this.#refuse([...this.#pending.keys()], error);
    // Those were all: the session has come to rest.
    if (this.#phase !== phase) return;
    const retryInMs = this.#pause(error);
    hub.tell('listening:lost', { serverId: phase.link.serverId, error, retryInMs });
  }

  #failed(attempt: Attempt, error: FluxorError): void {
    const { clock, hub } = this.#ports;
    const durationMs = clock.now() - attempt.startedAt;
    this.#refuse([...this.#pending.keys()], error);
    if (!this.#isCurrent(attempt)) return;
    const retryInMs = this.#pause(error);
    hub.tell('listening:restore-failed', { attempt: this.#outage?.attempts ?? 0, durationMs, error, retryInMs });
  }

  #pause(error: FluxorError): number {
    const delayMs = this.#pauses.nextMs(error);
    // It keeps the process alive: whoever waits for a notification has no socket now that would.
    this.#move({ name: 'waiting', timer: this.#ports.clock.setTimer(delayMs, () => this.#connect()) });
    return delayMs;
  }

  #refuse(subscribers: readonly Subscriber[], error: FluxorError): void {
    for (const subscriber of subscribers) {
      this.#pending.get(subscriber)?.reject(error);
      this.unsubscribe(subscriber);
    }
  }

  /** Nobody listens any more. */
  #rest(): void {
    const before = this.#phase;
    if (before.name === 'idle' || before.name === 'closed') return;
    this.#outage = undefined;
    this.#pauses.reset();
    this.#move({ name: 'idle' });
    this.#letGo(before);
  }

  #letGo(phase: ListeningPhase): void {
    if (phase.name === 'connecting') phase.attempt.abort.abort();
    if (phase.name !== 'listening') return;
    const { link } = phase;
    const { clock, hub, detached } = this.#ports;
    this.#closing = detached(() => link.close());
    hub.tell('listening:stopped', { serverId: link.serverId, ageMs: clock.now() - link.openedAt });
  }

  #isCurrent(attempt: Attempt): boolean {
    const phase = this.#phase;
    return (phase.name === 'connecting' || phase.name === 'listening') && phase.attempt === attempt;
  }

  /** The only place where the phase changes. Timers go with the phase they belong to. */
  #move(next: ListeningPhase): void {
    const before = this.#phase;
    assertTransition('listening session', LISTENING_TRANSITIONS, before.name, next.name);
    this.#phase = next;
    if (before.name === 'waiting') before.timer.cancel();
    if (before.name === 'listening') before.keepalive.cancel();
  }
}
