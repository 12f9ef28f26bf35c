/**
 * The early probe: asks in the background, while the circuit is open, whether the database is back. The machine starts it
 * on every opening and stops it on every way out. Knows nothing of connections: the question comes in as a port.
 * Invariant: at most one question under way; the next pause begins when it is answered. An answer to a question that
 * was asked before `stop()` is not heard.
 */
import type { Clock, Timer } from '../kernel/clock.js';
import type { Random } from '../kernel/random.js';

/** Pauses differ by up to this share, so that the processes that lost a database do not greet it in step. */
const JITTER = 0.2;

export interface EarlyProbePorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Resolves when the database is back. Bounded in time by whoever gives it: while it hangs, nothing else is asked. */
  readonly probe: () => Promise<void>;
  readonly onAlive: () => void;
}

export class EarlyProbe {
  readonly intervalMs: number;
  readonly #ports: EarlyProbePorts;
  #timer: Timer | undefined;
  /** When it asks next; while a question is under way, when it asked. */
  #nextAt = 0;
  /** Counts starts and stops: an answer counts if nothing has happened since its question. */
  #run = 0;

  constructor(intervalMs: number, ports: EarlyProbePorts) {
    this.intervalMs = intervalMs;
    this.#ports = ports;
  }

  /** Milliseconds until it asks again, the interval at most; whoever comes while it asks had better come an interval later. */
  nextInMs(now: number): number {
    return now < this.#nextAt ? Math.min(this.intervalMs, this.#nextAt - now) : this.intervalMs;
  }

  start(): void {
    this.stop();
    this.#pause(this.#run);
  }

  stop(): void {
    this.#run += 1;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #pause(run: number): void {
    const { clock, random } = this.#ports;
    const delayMs = this.intervalMs * (1 + JITTER * (2 * random() - 1));
    this.#nextAt = clock.now() + delayMs;
    this.#timer = clock.setTimer(delayMs, () => void this.#ask(run), { keepAlive: false });
  }

  async #ask(run: number): Promise<void> {
    this.#timer = undefined;
    const isAlive = await this.#isAlive();
    if (run !== this.#run) return;
    if (isAlive) this.#ports.onAlive();
    else this.#pause(run);
  }

  async #isAlive(): Promise<boolean> {
    try {
      await this.#ports.probe();
      return true;
    } catch {
      // The failure of a question is its answer: not yet.
      return false;
    }
  }
}
