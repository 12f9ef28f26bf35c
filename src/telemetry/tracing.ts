/**
 * Who traces one runtime. Asked by the road, by transactions and by the connections; told by `db.trace()`.
 * Invariants: with nobody, `isOn` is false and nothing else is asked; the work is run once and its answer handed on as it is;
 * what a tracer throws is told as `listener:failed` and changes nothing.
 */
import type { Trace, TraceBracket, Tracer } from './tracer.js';

/** What has begun, as those who began it hold it. */
export interface OpenTrace<T extends Trace = Trace> {
  readonly trace: T;
  /** What the database is to be told, by the first tracer that has something to say. */
  readonly carrier: string | undefined;
  /** The work, in the contexts of all tracers. */
  run<R>(work: () => R): R;
  /** Its fields are complete. Only the first call counts. */
  end(): void;
}

interface Added {
  readonly tracer: Tracer;
}

export class Tracing {
  /** Somebody traces. A plain field, because every call asks. */
  isOn = false;
  /** Somebody wants to be around the calls into the client library. */
  isQuiet = false;
  #tracers: readonly Added[] = [];
  /** Where there is one tracer, which is the rule. */
  #loneQuiet: ((once: () => void) => void) | undefined;
  readonly #onFailure: (error: unknown) => void;
  readonly #detached: <T>(work: () => T) => T;

  /** `detached` runs its work in the runtime's own context, which is no caller's and nobody's quiet one. */
  constructor(onFailure: (error: unknown) => void, detached: <T>(work: () => T) => T = (work) => work()) {
    this.#onFailure = onFailure;
    this.#detached = detached;
  }

  add(tracer: Tracer): Disposable {
    // One that is added twice is removed twice.
    const own = { tracer };
    this.#set([...this.#tracers, own]);
    return { [Symbol.dispose]: () => this.#set(this.#tracers.filter((other) => other !== own)) };
  }

  /** By the first tracer that has a word for it. */
  get sessionName(): string | undefined {
    return this.#tracers.find(({ tracer }) => tracer.sessionName !== undefined)?.tracer.sessionName;
  }

  /** Whether a trace is worth being made. */
  wants(type: Trace['type']): boolean {
    for (const { tracer } of this.#tracers) if (this.#isWanted(tracer, type)) return true;
    return false;
  }

  /** `undefined` where nobody wants to hear of it. `wasAsked`: `wants()` has said that somebody does. */
  begin<T extends Trace>(trace: T, wasAsked = false): OpenTrace<T> | undefined {
    let brackets: TraceBracket | TraceBracket[] | undefined;
    // Who is alone, it was.
    const isKnown = wasAsked && this.#tracers.length === 1;
    for (const { tracer } of this.#tracers) {
      if (!isKnown && !this.#isWanted(tracer, trace.type)) continue;
      try {
        const bracket = tracer.begin(trace);
        if (bracket === undefined) continue;
        if (brackets === undefined) brackets = bracket;
        else if (Array.isArray(brackets)) brackets.push(bracket);
        else brackets = [brackets, bracket];
      } catch (error) {
        this.#onFailure(error);
      }
    }
    return brackets && new Bracketed(trace, brackets, this.#onFailure);
  }

  /** A call into the client library. Whatever it throws is its own. */
  quietly<T>(work: () => T): T {
    const lone = this.#loneQuiet;
    return lone === undefined ? this.#quietly(0, work) : runOnce(lone, work, this.#onFailure);
  }

  /**
   * What a client library calls by itself: its socket goes on for ever in the quiet context that it was opened in, and whoever is
   * told of a notification or a lost connection is not to be quiet.
   */
  aloud<T>(work: () => T): T {
    return this.#detached(work);
  }

  #quietly<T>(from: number, work: () => T): T {
    for (let at = from; at < this.#tracers.length; at += 1) {
      const { tracer } = this.#tracers[at] ?? {};
      if (tracer?.quietly === undefined) continue;
      const inner = (): T => this.#quietly(at + 1, work);
      return runOnce((once) => tracer.quietly?.(once), inner, this.#onFailure);
    }
    return work();
  }

  #isWanted(tracer: Tracer, type: Trace['type']): boolean {
    try {
      return tracer.wants === undefined || tracer.wants(type);
    } catch (error) {
      this.#onFailure(error);
      return false;
    }
  }

  #set(tracers: readonly Added[]): void {
    this.#tracers = tracers;
    this.isOn = tracers.length > 0;
    const [first] = tracers;
    this.#loneQuiet = tracers.length === 1 ? first?.tracer.quietly?.bind(first.tracer) : undefined;
    this.isQuiet = tracers.some(({ tracer }) => tracer.quietly !== undefined);
  }
}

class Bracketed<T extends Trace> implements OpenTrace<T> {
  readonly trace: T;
  readonly #brackets: TraceBracket | readonly TraceBracket[];
  readonly #onFailure: (error: unknown) => void;
  #hasEnded = false;

  constructor(trace: T, brackets: TraceBracket | readonly TraceBracket[], onFailure: (error: unknown) => void) {
    this.trace = trace;
    this.#brackets = brackets;
    this.#onFailure = onFailure;
  }

  get carrier(): string | undefined {
    const brackets = this.#brackets;
    return isList(brackets) ? brackets.find(({ carrier }) => carrier !== undefined)?.carrier : brackets.carrier;
  }

  run<R>(work: () => R): R {
    const brackets = this.#brackets;
    if (!isList(brackets)) return this.#runIn(brackets, work);
    return brackets.reduceRight<() => R>((inner, bracket) => () => this.#runIn(bracket, inner), work)();
  }

  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const brackets = this.#brackets;
    if (!isList(brackets)) return this.#endOne(brackets);
    for (const bracket of brackets) this.#endOne(bracket);
  }

  #runIn<R>(bracket: TraceBracket, work: () => R): R {
    return bracket.run === undefined ? work() : runOnce((once) => bracket.run?.(once), work, this.#onFailure);
  }

  #endOne(bracket: TraceBracket): void {
    try {
      bracket.end();
    } catch (error) {
      this.#onFailure(error);
    }
  }
}

/** Once, whether the tracer calls it never, twice, or throws before or after it. */
function runOnce<R>(around: (once: () => void) => void, work: () => R, onFailure: (error: unknown) => void): R {
  let isDone = false;
  let answer: R | undefined;
  // Only what throws makes an object: this is around every call into the client library.
  let thrown: { readonly error: unknown } | undefined;
  const once = (): void => {
    if (isDone) return;
    isDone = true;
    try {
      answer = work();
    } catch (error) {
      thrown = { error };
    }
  };
  try {
    around(once);
  } catch (error) {
    onFailure(error);
  }
  once();
  if (thrown !== undefined) throw thrown.error;
  return answer as R;
}

/** `Array.isArray` does not know read-only lists. */
function isList(brackets: TraceBracket | readonly TraceBracket[]): brackets is readonly TraceBracket[] {
  return Array.isArray(brackets);
}
