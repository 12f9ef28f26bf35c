/**
 * When the next attempt to connect may be made, and whether callers should wait for it: the pauses between failures, the
 * creation breaker, the slow start after them, and the limit on attempts a second. Makes no attempt itself (creator.ts).
 *
 *     closed ──5 failures in a row over ≥ 1 s, or one that repeating won't change──► open
 *     open ──the pause is over, one attempt──► half-open ──success──► closed        (failure: open again)
 *
 * While it is open nobody waits for the impossible: a caller with no live connection hears the cause at once. Live
 * connections keep serving. See docs/decisions/0012 for the numbers.
 */
import type { FluxorError } from '../errors/fluxor-error.js';
import type { Clock, Timer } from '../kernel/clock.js';
import type { Random } from '../kernel/random.js';
import type { PoolSettings } from './pool-settings.js';

/** Whether connections can be made. */
export type BreakerState = 'closed' | 'open' | 'half-open';

/** Failures in a row, and how long they must have gone on, before callers are refused. */
const OPEN_AFTER_FAILURES = 5;
const OPEN_AFTER_MS = 1_000;

const BACKOFF_FIRST_MS = 10;
/** A restart takes seconds: so long a server that is back is noticed within a second … */
const BACKOFF_YOUNG_MS = 800;
const OUTAGE_IS_YOUNG_MS = 6_000;
/** … and an outage that lasts is not hammered. Together at most 30 attempts in the first minute. */
const BACKOFF_MAX_MS = 5_000;
/** Pauses lie between this share of their cap and the cap, so that the runtimes of many processes fall out of step. */
const JITTER_FROM = 0.8;

/** After a refusal that trying again won't change (a wrong password): hammering locks accounts. */
const BACKOFF_PERMANENT_MS = 5_000;

/** Longer ago than any pause, a failure says nothing of now: nobody has tried since. */
const OLD_NEWS_MS = 2 * BACKOFF_MAX_MS;

/** Of tokens: a pause of a third of a second, and a bit of arithmetic, fill a bucket to 0.999…9. */
const ROUNDING = 1e-6;

export interface PacerPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: PoolSettings;
  /** A pause is over. */
  readonly onRetry: () => void;
}

export class ConnectPacer {
  readonly #ports: PacerPorts;
  #failures = 0;
  /** Failures that did not fall into the pause after another one. */
  #rounds = 0;
  #firstFailureAt = 0;
  #lastFailureAt = -Infinity;
  #isOldNews = false;
  #lastError: FluxorError | undefined;
  #isOpen = false;
  #attempts = 0;
  /** Attempts at once after an outage: 1, doubled by each success, until it reaches `maxCreating`. */
  #slowStart = Infinity;
  #pause: { readonly timer: Timer; readonly until: number } | undefined;
  /**
   * The bucket of `connectRate`: filled by elapsed time, when it is looked into. It holds one token: a bucket of a whole
   * second's worth, full after a rest, would let nearly twice the rate begin within the next second.
   */
  #tokens = 1;
  #filledAt = -Infinity;

  constructor(ports: PacerPorts) {
    this.#ports = ports;
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** Why the last attempt failed; gone with the next success. */
  get lastError(): FluxorError | undefined {
    return this.#lastError;
  }

  /** When the first of them failed; only where there are failures. */
  get firstFailureAt(): number {
    return this.#firstFailureAt;
  }

  get lastFailureAt(): number {
    return this.#lastFailureAt;
  }

  get breaker(): BreakerState {
    if (!this.#isOpen) return 'closed';
    return this.#attempts > 0 ? 'half-open' : 'open';
  }

  /** The last attempt failed for a reason that another one won't change. */
  get isHopeless(): boolean {
    return this.#isOpen && this.#lastError?.retryable === false;
  }

  /** When the attempt under way began, nobody had tried for long: only its own end will tell how things are. */
  get isOldNews(): boolean {
    return this.#isOldNews;
  }

  /** Between a failure and the next attempt, or out of tokens. */
  get isPausing(): boolean {
    return this.#pause !== undefined;
  }

  /** Milliseconds until the pause is over; 0 when there is none. */
  get pauseLeftMs(): number {
    return this.#pause === undefined ? 0 : Math.max(0, this.#pause.until - this.#ports.clock.now());
  }

  /** Attempts allowed at once now. */
  get limit(): number {
    return this.#failures > 0 ? 1 : Math.min(this.#slowStart, this.#ports.settings.current.maxCreating);
  }

  /** Whether an attempt may begin now. Out of tokens, the next one is announced by `onRetry`. */
  mayBegin(): boolean {
    if (this.#pause !== undefined) return false;
    const { connectRate } = this.#ports.settings.current;
    if (connectRate === Infinity) return true;
    const now = this.#ports.clock.now();
    this.#tokens = Math.min(1, this.#tokens + ((now - this.#filledAt) / 1_000) * connectRate);
    this.#filledAt = now;
    if (this.#tokens >= 1 - ROUNDING) return true;
    this.#startPause(((1 - this.#tokens) / connectRate) * 1_000);
    return false;
  }

  begun(): void {
    this.#attempts += 1;
    this.#isOldNews = this.#ports.clock.now() - this.#lastFailureAt > OLD_NEWS_MS;
    if (this.#ports.settings.current.connectRate !== Infinity) this.#tokens -= 1;
  }

  /** Answers how long the database could not be reached, when this success ends that. */
  succeeded(): number | undefined {
    this.#attempts -= 1;
    const wasOpen = this.#isOpen;
    // A server that has just come back is met by every runtime at once.
    if (wasOpen) this.#slowStart = 1;
    else this.#slowStart *= 2;
    if (this.#slowStart >= this.#ports.settings.current.maxCreating) this.#slowStart = Infinity;
    this.#failures = 0;
    this.#rounds = 0;
    this.#lastError = undefined;
    this.#isOpen = false;
    // Another attempt may have failed a moment ago; what has just succeeded proves its pause needless.
    this.clearPause();
    return wasOpen ? this.#ports.clock.now() - this.#firstFailureAt : undefined;
  }

  /** Begins the pause; answers its length, and whether the breaker has opened. */
  failed(error: FluxorError): { readonly delayMs: number; readonly hasOpened: boolean } {
    const now = this.#ports.clock.now();
    this.#attempts -= 1;
    if (this.#failures === 0) this.#firstFailureAt = now;
    // Attempts made at once fail at once: one hiccup, one step of the back-off.
    if (this.#failures === 0 || this.#pause === undefined) this.#rounds += 1;
    this.#failures += 1;
    this.#lastFailureAt = now;
    this.#lastError = error;
    const wasOpen = this.#isOpen;
    const hasLasted = this.#failures >= OPEN_AFTER_FAILURES && now - this.#firstFailureAt >= OPEN_AFTER_MS;
    this.#isOpen ||= hasLasted || !error.retryable;
    const delayMs = error.retryable ? this.#backoff(now - this.#firstFailureAt) : BACKOFF_PERMANENT_MS;
    this.#startPause(delayMs);
    return { delayMs, hasOpened: this.#isOpen && !wasOpen };
  }

  /** The attempt was called off. */
  abandoned(): void {
    this.#attempts -= 1;
  }

  clearPause(): void {
    this.#pause?.timer.cancel();
    this.#pause = undefined;
  }

  #backoff(outageMs: number): number {
    const isYoung = outageMs < OUTAGE_IS_YOUNG_MS;
    const largest = isYoung ? BACKOFF_YOUNG_MS : BACKOFF_MAX_MS;
    const cap = Math.min(largest, BACKOFF_FIRST_MS * 2 ** Math.min(this.#rounds - 1, 30));
    return cap * (JITTER_FROM + (1 - JITTER_FROM) * this.#ports.random());
  }

  #startPause(delayMs: number): void {
    this.clearPause();
    const fire = () => {
      this.#pause = undefined;
      this.#ports.onRetry();
    };
    // Whoever waits holds the process open by their own deadline.
    const timer = this.#ports.clock.setTimer(delayMs, fire, { keepAlive: false });
    this.#pause = { timer, until: this.#ports.clock.now() + delayMs };
  }
}
