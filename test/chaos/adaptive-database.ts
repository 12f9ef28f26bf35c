/**
 * A modelled database for the simulation of the adaptive limit: so many statements run at full speed, and more than that
 * share the machine, each slower by as much as there are too many (processor sharing). It can become slower, lose
 * capacity, and refuse when too many come, all at any moment; it knows nothing of limiters.
 */
import type { Timer } from '../../src/kernel/clock.js';
import type { FakeClock } from '../../src/testing/fake-clock.js';

interface Job {
  /** Milliseconds of work left, at full speed. */
  left: number;
  readonly done: () => void;
}

export class ModelDatabase {
  /** Statements that run at full speed at once. */
  capacity: number;
  /** 2: everything takes twice as long, however little is going on. */
  slowness = 1;
  /** Statements at once beyond which it refuses, as with too many connections. */
  most = Infinity;
  readonly #clock: FakeClock;
  readonly #jobs = new Set<Job>();
  #lookedAt: number;
  #timer: Timer | undefined;

  constructor(clock: FakeClock, capacity: number) {
    this.#clock = clock;
    this.capacity = capacity;
    this.#lookedAt = clock.now();
  }

  get running(): number {
    return this.#jobs.size;
  }

  /** Calls `done` when the work is done; answers false when it refuses. */
  run(workMs: number, done: () => void): boolean {
    this.#work();
    if (this.#jobs.size >= this.most) return false;
    this.#jobs.add({ left: workMs, done });
    this.#arm();
    return true;
  }

  /** Changes what it can do. */
  become(change: Partial<Pick<ModelDatabase, 'capacity' | 'slowness' | 'most'>>): void {
    this.#work();
    Object.assign(this, change);
    this.#arm();
  }

  /** Work done in a millisecond of time, for each job. */
  get #pace(): number {
    return Math.min(1, this.capacity / this.#jobs.size) / this.slowness;
  }

  #work(): void {
    const now = this.#clock.now();
    const done = (now - this.#lookedAt) * this.#pace;
    if (this.#jobs.size > 0) for (const job of this.#jobs) job.left -= done;
    this.#lookedAt = now;
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#jobs.size === 0) return;
    let least = Infinity;
    for (const { left } of this.#jobs) least = Math.min(least, left);
    this.#timer = this.#clock.setTimer(Math.max(0, least) / this.#pace, () => this.#finish());
  }

  #finish(): void {
    this.#work();
    // What rounding has left of a job is no work: without this a timer would be set for it that time never reaches.
    const finished = [...this.#jobs].filter(({ left }) => left < 1e-6);
    for (const job of finished) this.#jobs.delete(job);
    this.#arm();
    for (const { done } of finished) done();
  }
}
