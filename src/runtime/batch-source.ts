/**
 * The sets of one batch as they are drawn: read from the caller's iterable, checked, in the order of the placeholders.
 * Made by batch.ts; drawn from by a driver, or in chunks by batch-collect.ts.
 * Invariants: an array is checked whole before its first set is drawn; of anything else nothing is kept but the sets that were
 * looked at before the batch began. What the caller's iterable throws comes out as an error of the house.
 */
import type { BatchSource } from '../driver/batch.js';
import { QueryError } from '../errors/query-error.js';
import { ConfigError } from '../errors/config-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import { CancelledError } from '../errors/timeout-error.js';
import type { BatchText, SetProblem } from '../sql/batch-text.js';
import { refusedSets } from '../sql/batch-text.js';
import type { StatementParams } from '../sql/statement-compiler.js';
import type { ParamSets } from './batch-options.js';

/** As many wrong sets are named in one error. */
const SHOWN_PROBLEMS = 10;

/** What a source asks, and tells, whoever runs the batch. */
export interface SourceWatch {
  /** Throws when the batch must draw no more. */
  assertWanted(): void;
  /** So many sets have been drawn, and the one before the last has been handed over. */
  onDrawn(count: number): void;
  /** Runs the caller's own code, from which the next set comes. */
  draw<T>(next: () => T): T;
  /** Bounds the wait for a set where nothing else does. */
  wait<T>(set: Promise<T>): Promise<T>;
}

type Step = IteratorResult<StatementParams, unknown>;
type Steps = Iterator<StatementParams> | AsyncIterator<StatementParams>;

/** The caller's iterable, one step after the other. */
export class SetReader {
  readonly #sets: ParamSets;
  #steps: Steps | undefined;
  #isDone = false;
  /** It gives another iterator each time, as arrays and sets do and generators do not. Known once it is open. */
  isReusable = true;

  /** @throws ConfigError for what is no iterable. */
  constructor(sets: ParamSets) {
    const isIterable =
      typeof sets === 'object' && sets !== null && (Symbol.iterator in sets || Symbol.asyncIterator in sets);
    if (!isIterable) {
      throw ConfigError.fromIssues([
        { path: 'paramSets', got: typeof sets, expected: 'an array, or another iterable, of arrays or objects' },
      ]);
    }
    this.#sets = sets;
  }

  /** How many there are, where that is known without reading. */
  get total(): number | undefined {
    if (Array.isArray(this.#sets)) return this.#sets.length;
    return this.#sets instanceof Set ? this.#sets.size : undefined;
  }

  /** All of them, where they can be looked at as often as wanted. */
  get array(): readonly StatementParams[] | undefined {
    return Array.isArray(this.#sets) ? (this.#sets as readonly StatementParams[]) : undefined;
  }

  next(): StatementParams | undefined | Promise<StatementParams | undefined> {
    if (this.#isDone) return undefined;
    try {
      const step = this.#open().next() as Step | PromiseLike<Step>;
      return isThenable(step) ? this.#awaited(step) : this.#take(step);
    } catch (error) {
      throw this.#broken(error);
    }
  }

  /** Begins anew, where that is possible. */
  rewind(): boolean {
    if (!this.isReusable) return false;
    this.close();
    this.#isDone = false;
    return true;
  }

  /** Lets the iterable tidy up. Waits for nothing. */
  close(): void {
    const steps = this.#steps;
    this.#steps = undefined;
    const isOver = this.#isDone;
    this.#isDone = true;
    if (steps === undefined || isOver) return;
    try {
      void Promise.resolve(steps.return?.()).catch(() => undefined);
    } catch {
      // The batch has ended, and says how; this would hide it.
    }
  }

  #open(): Steps {
    if (this.#steps !== undefined) return this.#steps;
    const sets = this.#sets as Partial<Iterable<StatementParams> & AsyncIterable<StatementParams>>;
    const steps = (sets[Symbol.asyncIterator]?.() ?? sets[Symbol.iterator]?.()) as Steps;
    // Of anything else nobody can tell: a stream gives a new iterator each time, and its sets once.
    this.isReusable = Array.isArray(this.#sets) || this.#sets instanceof Set || this.#sets instanceof Map;
    this.#steps = steps;
    return steps;
  }

  async #awaited(step: PromiseLike<Step>): Promise<StatementParams | undefined> {
    try {
      return this.#take(await step);
    } catch (error) {
      throw this.#broken(error);
    }
  }

  #take(step: Step): StatementParams | undefined {
    // As `for … of` says; otherwise it would be a set that never ends.
    if (typeof step !== 'object' || (step as unknown) === null) throw new TypeError('an iterator result is no object');
    // `undefined` means the end, so a set that is undefined comes as null, and is refused as one.
    if (step.done !== true) return step.value ?? (null as unknown as StatementParams);
    this.#isDone = true;
    return undefined;
  }

  #broken(cause: unknown): Error {
    this.#isDone = true;
    // Refused by the house: that is not the source's own trouble.
    if (isFluxorError(cause, 'STREAM_OPEN')) return cause;
    return new QueryError('data', 'the sets of the batch could not be read to their end; see cause', {
      cause,
      outcome: 'not-sent',
    });
  }
}

/** @throws QueryError naming the first wrong sets of an array. */
export function checkSets(text: BatchText, sets: readonly StatementParams[]): void {
  const wrong: SetProblem[] = [];
  for (let index = 0; index < sets.length && wrong.length < SHOWN_PROBLEMS; index += 1) {
    const problem = text.problemOf(index, sets[index]);
    if (problem !== undefined) wrong.push(problem);
  }
  if (wrong.length > 0) throw refusedSets(wrong);
}

/** Feeds a driver. `ahead` are the sets that were looked at already. */
export class ReaderSource implements BatchSource {
  readonly #text: BatchText;
  readonly #reader: SetReader;
  readonly #watch: SourceWatch;
  readonly #ahead: readonly StatementParams[];
  readonly #isChecked: boolean;
  #drawn = 0;
  #isBehind = true;
  /**
   * The batch has been answered. A set that comes all the same must prolong nothing, and tell nothing: others are running by
   * now. Nor is it the end of the sets, after which whoever draws them would make them final.
   */
  #isOver = false;

  constructor(text: BatchText, reader: SetReader, ahead: readonly StatementParams[], watch: SourceWatch) {
    this.#text = text;
    this.#reader = reader;
    this.#ahead = ahead;
    this.#watch = watch;
    this.#isChecked = reader.array !== undefined;
  }

  /** Whether another attempt would find all sets again. */
  get canRewind(): boolean {
    return this.#isBehind || this.#reader.isReusable;
  }

  next(): readonly unknown[] | undefined | Promise<readonly unknown[] | undefined> {
    this.#assertGoingOn();
    this.#watch.assertWanted();
    const kept = this.#isBehind ? this.#ahead[this.#drawn] : undefined;
    if (kept !== undefined) return this.#give(kept);
    this.#isBehind = false;
    const set = this.#watch.draw(() => this.#reader.next());
    return set instanceof Promise ? this.#watch.wait(set).then((value) => this.#give(value)) : this.#give(set);
  }

  /** Nobody draws any more. */
  end(): void {
    this.#isOver = true;
  }

  rewind(): boolean {
    // Still among those that were kept: the reader stands behind them.
    if (this.#isBehind) {
      this.#drawn = 0;
      return true;
    }
    if (!this.#reader.rewind()) return false;
    this.#drawn = 0;
    return true;
  }

  #assertGoingOn(): void {
    if (this.#isOver) throw new CancelledError('runtime', 'the batch has ended', { outcome: 'not-applied' });
  }

  #give(set: StatementParams | undefined): readonly unknown[] | undefined {
    this.#assertGoingOn();
    if (set === undefined) return undefined;
    if (!this.#isChecked) {
      const problem = this.#text.problemOf(this.#drawn, set);
      if (problem !== undefined) throw refusedSets([problem]);
    }
    this.#drawn += 1;
    this.#watch.onDrawn(this.#drawn);
    return this.#text.valuesOf(set);
  }
}

/** Feeds a driver from sets that are in order, kept by whoever made it. */
export class ArraySource implements BatchSource {
  readonly #sets: readonly (readonly unknown[])[];
  readonly #assertWanted: () => void;
  #at = 0;

  constructor(sets: readonly (readonly unknown[])[], assertWanted: () => void) {
    this.#sets = sets;
    this.#assertWanted = assertWanted;
  }

  next(): readonly unknown[] | undefined {
    this.#assertWanted();
    const set = this.#sets[this.#at];
    this.#at += 1;
    return set;
  }

  rewind(): boolean {
    this.#at = 0;
    return true;
  }
}

function isThenable<T extends object>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as Partial<PromiseLike<T>> | undefined)?.then === 'function';
}
