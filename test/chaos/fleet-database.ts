/**
 * A modelled database: so many processors, shared in slices by everything that runs, as an operating system shares them
 * among the backends of PostgreSQL. With n pieces of work on c processors each gets min(1, c/n) of one; nothing queues in
 * order, everything gets slower together.
 *
 * What makes such a server metastable is in here by construction and nowhere else: work that is given up halfway has used
 * its share of the processors up to then, and a cancel is itself a piece of work.
 * Refuses to know: runtimes, promises of drivers, retries.
 */
import type { Clock, Timer } from '../../src/kernel/clock.js';

/** One piece of work under way. */
export class Job {
  /** In units of `DatabaseModel.#served`: how much every piece of work has got since the start. */
  endsAt: number;
  onEnd: (() => void) | undefined;
  /** Where it lies in the heap; -1 when it is over. */
  index = -1;

  constructor(endsAt: number, onEnd: () => void) {
    this.endsAt = endsAt;
    this.onEnd = onEnd;
  }
}

export class DatabaseModel {
  readonly #clock: Clock;
  #processors: number;
  /** Milliseconds of a processor that each piece of work has got so far, had it been there from the start. */
  #served = 0;
  #servedAt = 0;
  readonly #heap: Job[] = [];
  #timer: { readonly timer: Timer; readonly at: number } | undefined;

  constructor(clock: Clock, processors: number) {
    this.#clock = clock;
    this.#processors = processors;
  }

  /** Pieces of work under way. */
  get load(): number {
    return this.#heap.length;
  }

  /** A brown-out, and its end: a neighbour takes the processors away, a disk is rebuilt. */
  setProcessors(count: number): void {
    this.#advance();
    this.#processors = count;
    this.#arm();
  }

  /** `workMs`: how long it takes with a processor for itself. */
  start(workMs: number, onEnd: () => void): Job {
    this.#advance();
    const job = new Job(this.#served + workMs, onEnd);
    job.index = this.#heap.length;
    this.#heap.push(job);
    this.#rise(job);
    this.#arm();
    return job;
  }

  /** Told to stop, it goes on to the next place where it looks: at most `workMs` more. Does nothing to what is over. */
  shorten(job: Job, workMs: number): void {
    if (job.index === -1) return;
    this.#advance();
    job.endsAt = Math.min(job.endsAt, this.#served + workMs);
    this.#rise(job);
    this.#arm();
  }

  get #rate(): number {
    return Math.min(1, this.#processors / Math.max(1, this.#heap.length));
  }

  #advance(): void {
    const now = this.#clock.now();
    this.#served += (now - this.#servedAt) * this.#rate;
    this.#servedAt = now;
  }

  /** A timer that is early by now is left: it finds nothing to end, and costs less than setting it anew at every arrival. */
  #arm(): void {
    const first = this.#heap[0];
    if (first === undefined) return;
    const at = this.#servedAt + Math.max(0, first.endsAt - this.#served) / this.#rate;
    if (this.#timer !== undefined && this.#timer.at <= at) return;
    this.#timer?.timer.cancel();
    this.#timer = { at, timer: this.#clock.setTimer(at - this.#servedAt, () => this.#endDue()) };
  }

  #endDue(): void {
    this.#timer = undefined;
    this.#advance();
    // A sum of a million fractions is never exactly what it should be.
    const reached = this.#served + 1e-6;
    for (let first = this.#heap[0]; first !== undefined && first.endsAt <= reached; first = this.#heap[0]) {
      this.#removeFirst(first);
      first.onEnd?.();
    }
    this.#arm();
  }

  #rise(job: Job): void {
    const heap = this.#heap;
    while (job.index > 0) {
      const parent = heap[(job.index - 1) >> 1] as Job;
      if (parent.endsAt <= job.endsAt) return;
      this.#swap(parent, job);
    }
  }

  #removeFirst(first: Job): void {
    const heap = this.#heap;
    const last = heap.pop() as Job;
    first.index = -1;
    if (last === first) return;
    heap[0] = last;
    last.index = 0;
    for (;;) {
      const left = heap[2 * last.index + 1];
      const right = heap[2 * last.index + 2];
      const smaller = right !== undefined && left !== undefined && right.endsAt < left.endsAt ? right : left;
      if (smaller === undefined || smaller.endsAt >= last.endsAt) return;
      this.#swap(last, smaller);
    }
  }

  #swap(above: Job, below: Job): void {
    const { index } = above;
    this.#heap[below.index] = above;
    this.#heap[index] = below;
    above.index = below.index;
    below.index = index;
  }
}
