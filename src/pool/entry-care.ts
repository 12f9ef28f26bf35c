/**
 * What is done to entries off everybody's path: made, asked for a proof of life, cleaned, closed. Each act moves its
 * entry at once into a state in which nobody else touches it, is bounded in time, and compares the state it began under
 * before its end counts. What becomes of a finished entry is the pool's decision (pool.ts), told through `CareHost`.
 */
import type { FluxorError } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { Clock } from '../kernel/clock.js';
import type { DeadlineTimer } from '../kernel/deadline.js';
import type { Random } from '../kernel/random.js';
import { within } from '../kernel/within.js';
import type { CloseReason } from '../telemetry/events.js';
import type { Hub } from '../telemetry/hub.js';
import type { ConnectPacer } from './connect-pacer.js';
import { Creator } from './creator.js';
import type { EntryBook } from './entry-book.js';
import type { EntryState } from './pool-entry.js';
import { isOpenState, PoolEntry, resourceOf } from './pool-entry.js';
import { strangeError } from './pool-errors.js';
import type { Detached } from './lease-scopes.js';
import type { PoolSettings } from './pool-settings.js';
import type { Tally } from './pool-stats.js';
import type { ResourceFactory, SiblingVerdict } from './resource-factory.js';
import type { FreezeWatch } from './freeze-watch.js';
import type { Validator } from './validator.js';

/** How long an unclean return may take to be cleaned before the resource is destroyed. Nobody waits for it. */
export const RESET_LIMIT_MS = 5_000;
/** The same for what is taken away at the deadline of a shutdown, which somebody waits for. */
export const REVOKE_LIMIT_MS = 2_000;
/** How long a gentle close may take before the resource is destroyed. */
const CLOSE_LIMIT_MS = 2_000;

/** Ends after which the other side is still there to say goodbye to. */
const GENTLE_REASONS: ReadonlySet<CloseReason> = new Set([
  'discarded',
  'idle-timeout',
  'max-lifetime',
  'evicted',
  'shutdown',
]);

/** What the pool decides. */
export interface CareHost<R> {
  readonly isClosing: boolean;
  /** Entries born now belong to it. */
  readonly generation: number;
  /** Why an entry that comes free is not to be lent again. */
  reasonToGo(entry: PoolEntry<R>): CloseReason | undefined;
  /** A clean entry has come free. */
  offer(entry: PoolEntry<R>): void;
  /** A newborn, or one that has proved itself, rests; somebody may be waiting for it. */
  rested(entry: PoolEntry<R>): void;
  /** Something has changed that may let somebody be served or something be made. */
  pump(): void;
  createFailed(error: FluxorError, durationMs: number): void;
  siblings(verdict: SiblingVerdict, entry: PoolEntry<R>): void;
  /** `entry` was made with fresh credentials. */
  rotated(entry: PoolEntry<R>): void;
}

export interface CareParts<R> {
  readonly factory: ResourceFactory<R>;
  readonly settings: PoolSettings;
  readonly clock: Clock;
  readonly timers: DeadlineTimer;
  readonly random: Random;
  readonly hub: Hub;
  readonly book: EntryBook<R>;
  readonly pacer: ConnectPacer;
  readonly validator: Validator<R>;
  readonly tally: Tally;
  readonly detached: Detached;
  readonly freeze: FreezeWatch;
}

export class EntryCare<R> {
  readonly #parts: CareParts<R>;
  readonly #host: CareHost<R>;
  readonly #creator: Creator<R>;
  #lastId = 0;

  constructor(parts: CareParts<R>, host: CareHost<R>) {
    this.#parts = parts;
    this.#host = host;
    this.#creator = new Creator(parts.factory, parts);
  }

  /** One attempt; when it is ready, `replaces` is due to go. */
  create(replaces?: PoolEntry<R>): Promise<void> {
    return this.#parts.detached(() => this.#create(replaces));
  }

  async #create(replaces: PoolEntry<R> | undefined): Promise<void> {
    const { clock, hub, book, pacer, random, tally } = this.#parts;
    const abort = new AbortController();
    const startedAt = clock.now();
    this.#lastId += 1;
    const state: EntryState<R> = { name: 'creating', abort, replaces };
    const entry = new PoolEntry<R>(this.#lastId, startedAt, this.#host.generation, random(), state);
    book.add(entry);
    pacer.begun();
    let resource: R;
    try {
      resource = await this.#creator.create(this.#requestFor(entry), abort);
    } catch (error) {
      book.move(entry, { name: 'closed' });
      return this.#failed(error, clock.now() - startedAt, replaces);
    }
    const downMs = pacer.succeeded();
    const now = clock.now();
    const rest = () => {
      tally.made(now - startedAt);
      entry.readyAt = now;
      book.move(entry, { name: 'idle', resource, sinceAt: now, provenAt: now });
    };
    // Before anything is told: a listener may look at the statistics, or acquire. One that was told to go is kept from it.
    const mustGo = this.#host.reasonToGo(entry) !== undefined;
    if (!mustGo) rest();
    hub.tell('connection:created', { connectionId: entry.id, durationMs: now - startedAt });
    if (downMs !== undefined) hub.tell('pool:reachable', { downMs });
    if (mustGo) rest();
    if (replaces !== undefined) this.#retire(replaces);
    this.#host.rested(entry);
  }

  /** Asks for a proof of life, and answers whether it came; `patienceMs` bounds how long one answer is waited for. */
  check(entry: PoolEntry<R>, patienceMs: number): Promise<boolean> {
    return this.#parts.detached(() => this.#check(entry, patienceMs));
  }

  async #check(entry: PoolEntry<R>, patienceMs: number): Promise<boolean> {
    const { book, validator, factory, clock } = this.#parts;
    const { state } = entry;
    if (state.name !== 'idle') throw new Error(`bug: a ${state.name} entry cannot be checked`);
    const { resource, sinceAt } = state;
    const abort = new AbortController();
    const checking: EntryState<R> = { name: 'checking', resource, sinceAt, isForLine: patienceMs !== Infinity, abort };
    book.move(entry, checking);
    const isAlive = await validator.validate(resource, abort.signal, patienceMs).then(
      () => true,
      () => false,
    );
    // Lost while being asked: it has been closed already.
    if (entry.state !== checking) return true;
    if (!isAlive || factory.condition(resource) !== 'clean') {
      this.close(entry, 'validation-failed');
      return false;
    }
    book.move(entry, { name: 'idle', resource, sinceAt, provenAt: clock.now() });
    this.#host.rested(entry);
    return true;
  }

  /** Cleans; then offers it, or closes it for `thenClose`. */
  reset(entry: PoolEntry<R>, limitMs: number, thenClose?: CloseReason): Promise<void> {
    return this.#parts.detached(() => this.#reset(entry, limitMs, thenClose));
  }

  async #reset(entry: PoolEntry<R>, limitMs: number, thenClose: CloseReason | undefined): Promise<void> {
    const { clock, hub, book, factory } = this.#parts;
    const resource = resourceOf(entry);
    const abort = new AbortController();
    const resetting: EntryState<R> = { name: 'resetting', resource, abort };
    const startedAt = clock.now();
    book.move(entry, resetting);
    await this.#bounded(async () => factory.reset(resource), limitMs, abort.signal);
    if (entry.state !== resetting) return;
    const isClean = factory.condition(resource) === 'clean';
    const end = this.#host.isClosing ? 'shutdown' : (thenClose ?? 'reset-failed');
    if (!isClean || thenClose !== undefined) return this.close(entry, end);
    hub.tell('connection:reset', { connectionId: entry.id, durationMs: clock.now() - startedAt });
    this.#host.offer(entry);
  }

  close(entry: PoolEntry<R>, reason: CloseReason): void {
    const { state } = entry;
    const resource = resourceOf(entry);
    this.#parts.book.move(entry, { name: 'closing', resource, reason });
    if (state.name === 'checking' || state.name === 'resetting') state.abort.abort();
    void this.#parts.detached(() => this.#finish(entry, resource, reason));
    this.#host.pump();
  }

  #requestFor(entry: PoolEntry<R>): Parameters<Creator<R>['create']>[0] {
    return {
      id: entry.id,
      onLost: (error) => this.#lose(entry, error),
      onSiblings: (verdict) => this.#host.siblings(verdict, entry),
      onRotated: () => this.#host.rotated(entry),
    };
  }

  #failed(cause: unknown, durationMs: number, replaces: PoolEntry<R> | undefined): void {
    const { pacer, tally } = this.#parts;
    // The old one stays while there is nothing better; the next round tries again.
    if (replaces !== undefined && replaces.retirement === 'replacing') replaces.retirement = 'none';
    if (this.#host.isClosing) return pacer.abandoned();
    tally.createFailed += 1;
    this.#host.createFailed(isFluxorError(cause) ? cause : strangeError(this.#parts.factory.label, cause), durationMs);
  }

  /** Its replacement is ready. */
  #retire(entry: PoolEntry<R>): void {
    entry.retirement = 'due';
    if (entry.state.name === 'idle') this.close(entry, 'max-lifetime');
  }

  /** The resource broke by itself. One in use is closed when its lease ends: its caller hears of it from the statement. */
  #lose(entry: PoolEntry<R>, error: FluxorError): void {
    // One that breaks while being made is a failed attempt, and told as such.
    if (entry.state.name === 'creating' || !isOpenState(entry.state.name)) return;
    this.#parts.book.markLost(entry);
    this.#parts.hub.tell('connection:lost', { connectionId: entry.id, error });
    // Asked anew: a listener may have evicted it, or have acquired, which finds what is broken.
    const { name } = entry.state;
    if (name !== 'in-use' && isOpenState(name)) this.close(entry, 'broken');
  }

  async #finish(entry: PoolEntry<R>, resource: R, reason: CloseReason): Promise<void> {
    const { clock, hub, book, factory, settings, tally } = this.#parts;
    // Farewells have a limit of their own: behind a cut cable each takes its full time, and sockets would pile up.
    const isGentle = GENTLE_REASONS.has(reason) && book.count('closing') <= settings.current.maxSize;
    if (isGentle && factory.condition(resource) === 'clean') {
      await this.#bounded(async () => factory.close(resource), CLOSE_LIMIT_MS, undefined);
    }
    factory.destroy(resource);
    tally.gone(reason);
    book.move(entry, { name: 'closed' });
    hub.tell('connection:closed', { connectionId: entry.id, reason, ageMs: clock.now() - entry.bornAt });
  }

  /** Waits for the factory, but not for ever; how it ended is read from the resource's condition. */
  async #bounded(work: () => Promise<void>, limitMs: number, signal: AbortSignal | undefined): Promise<void> {
    const limits = { deadlineAt: this.#parts.clock.now() + limitMs, signal };
    await within(work(), limits, this.#parts.timers, () => undefined).catch(() => undefined);
  }
}
