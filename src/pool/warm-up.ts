/**
 * Resources opened before somebody asks: a floor under the pool that the pump keeps as if callers were waiting, until it is
 * reached, time is up, or (fail fast) the first attempt fails. Several warm-ups may run; the highest floor counts.
 */
import type { FluxorError } from '../errors/fluxor-error.js';
import type { Clock } from '../kernel/clock.js';
import type { Deferred } from '../kernel/deferred.js';
import { createDeferred } from '../kernel/deferred.js';
import type { DeadlineTimer } from '../kernel/deadline.js';
import { DeadlineItem } from '../kernel/deadline.js';
import type { Hub } from '../telemetry/hub.js';
import type { EntryBook } from './entry-book.js';
import type { ConnectPacer } from './connect-pacer.js';
import type { FreezeWatch } from './freeze-watch.js';
import { frozenSince } from './freeze-watch.js';
import { warmUpError } from './pool-errors.js';
import type { WarmUpConfig } from './pool-options.js';
import type { PoolSettings } from './pool-settings.js';
import type { ResourceFactory } from './resource-factory.js';

/** How a warm-up ended. */
export interface WarmUpResult {
  readonly wanted: number;
  /** Open when it ended; less than `wanted` when time was up or the pool closed. */
  readonly opened: number;
  readonly durationMs: number;
}

export interface WarmUpParts<R> {
  readonly clock: Clock;
  readonly timers: DeadlineTimer;
  readonly hub: Hub;
  readonly book: EntryBook<R>;
  readonly factory: ResourceFactory<R>;
  readonly settings: PoolSettings;
  readonly pacer: ConnectPacer;
  readonly freeze: FreezeWatch;
}

class Run extends DeadlineItem {
  readonly config: WarmUpConfig;
  readonly startedAt: number;
  readonly done: Deferred<WarmUpResult> = createDeferred();
  lastError: FluxorError | undefined;
  /** The process stood still in it: it has got its whole time once more. */
  isExcused = false;
  readonly #onLate: (run: Run) => void;

  constructor(config: WarmUpConfig, startedAt: number, isAwaited: boolean, onLate: (run: Run) => void) {
    super(isAwaited);
    this.config = config;
    this.startedAt = startedAt;
    this.#onLate = onLate;
  }

  onDeadline(): void {
    this.#onLate(this);
  }
}

export class WarmUp<R> {
  readonly #parts: WarmUpParts<R>;
  readonly #runs = new Set<Run>();

  constructor(parts: WarmUpParts<R>) {
    this.#parts = parts;
  }

  /** How many resources there should be now; 0 when nothing is being warmed. */
  get floor(): number {
    return Math.max(0, ...[...this.#runs].map((run) => this.#goalOf(run)));
  }

  /** The same, of those who wait for the first failure: they want it tried although it was refused before. */
  get insistentFloor(): number {
    return Math.max(0, ...[...this.#runs].filter(({ config }) => config.failFast).map((run) => this.#goalOf(run)));
  }

  /**
   * Begins; the pump does the rest. With `failFast` it rejects whenever it ends with less than it wanted. One that nobody awaits
   * does not keep the process alive.
   */
  begin(config: WarmUpConfig, isAwaited: boolean): Promise<WarmUpResult> {
    const { clock, timers, pacer } = this.#parts;
    const run = new Run(config, clock.now(), isAwaited, (late) => this.#late(late));
    run.lastError = pacer.lastError;
    this.#runs.add(run);
    timers.enlist(clock.now() + config.timeoutMs, run);
    return run.done.promise;
  }

  /** Called by the pump: whatever has been reached ends. */
  settle(): void {
    for (const run of this.#runs) if (this.#parts.book.alive >= this.#goalOf(run)) this.#end(run);
  }

  failed(error: FluxorError): void {
    for (const run of this.#runs) {
      run.lastError = error;
      if (run.config.failFast) this.#end(run, error);
    }
  }

  /** The pool closes. */
  stop(why: FluxorError): void {
    for (const run of this.#runs) this.#end(run, why);
  }

  /** The pool may have been made smaller meanwhile. */
  #goalOf({ config }: Run): number {
    return Math.min(config.connections, this.#parts.settings.current.maxSize);
  }

  #late(run: Run): void {
    const { clock, timers, freeze } = this.#parts;
    if (run.isExcused || !frozenSince(freeze, run.startedAt)) return this.#end(run);
    run.isExcused = true;
    timers.enlist(clock.now() + run.config.timeoutMs, run);
  }

  #end(run: Run, failure?: FluxorError): void {
    const { clock, timers, hub, book } = this.#parts;
    if (!this.#runs.delete(run)) return;
    timers.unwatch(run);
    const wanted = run.config.connections;
    const result = { wanted, opened: Math.min(wanted, book.alive), durationMs: clock.now() - run.startedAt };
    const isShort = result.opened < this.#goalOf(run);
    const error = isShort ? (failure ?? run.lastError) : undefined;
    hub.tell('pool:warmed', error === undefined ? result : { ...result, error });
    if (!isShort || !run.config.failFast) return run.done.resolve(result);
    run.done.reject(error ?? warmUpError(this.#parts.factory.label, result.opened, wanted, result.durationMs));
  }
}
