/**
 * Rows one after the other, as user code iterates them: `for await (const row of db.stream(…))`. Asks a RowSource for the
 * next page when the last row of the page before has been taken, never earlier: that is the back-pressure.
 *
 * Invariants: calls of `next` and `return` are served in their order; after the end, an error or `return` there is nothing
 * more; at most one page is kept.
 * Refuses to know: connections, transactions, deadlines. stream-source.ts knows them.
 */
import type { Field } from '../driver/query.js';
import { UsageError } from '../errors/usage-error.js';

/**
 * The rows of one statement. Nothing is sent before the first row is asked for. Leaving the loop early closes the cursor and
 * gives the connection back. Can be iterated once.
 */
export interface RowStream<R> extends AsyncIterable<R>, AsyncDisposable {
  /** The columns; empty until the first row has come. */
  readonly fields: readonly Field[];
  /** @throws UsageError `STREAM_CONSUMED` the second time. */
  [Symbol.asyncIterator](): AsyncIterableIterator<R, undefined>;
}

/** Where the rows come from. */
export interface RowSource {
  readonly fields: readonly Field[];
  /** Somebody said stop: rows that have come already are not handed out any more, and `read` says why. */
  readonly isStopped: boolean;
  /** One at a time. After a rejection, or the last page, it must not be called again. */
  read(): Promise<RowPage>;
  /** Ends it early. Does nothing when it has ended, or never begun. */
  close(): Promise<void>;
  /** From now on `handle` is what user code holds: when that is dropped, nobody will ever call `close`. */
  watch(handle: object): void;
}

export interface RowPage {
  readonly rows: readonly unknown[];
  /** Nothing comes after these. */
  readonly isDone: boolean;
}

export class RowStreamHandle<R> implements RowStream<R> {
  readonly #source: RowSource;
  /** Kept, because whoever keeps the stream may still iterate. */
  #iterator: RowIterator<R> | undefined;

  constructor(source: RowSource) {
    this.#source = source;
  }

  get fields(): readonly Field[] {
    return this.#source.fields;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<R, undefined> {
    // A second loop would find what the first has left, which is nothing, and say nothing.
    if (this.#iterator !== undefined) throw consumedError();
    this.#iterator = new RowIterator<R>(this.#source);
    this.#source.watch(this.#iterator);
    return this.#iterator;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#iterator === undefined) await this.#source.close();
    else await this.#iterator.return();
  }
}

type Step<R> = IteratorResult<R, undefined>;

const DONE: Step<never> = Object.freeze({ value: undefined, done: true });

class RowIterator<R> implements AsyncIterableIterator<R, undefined> {
  readonly #source: RowSource;
  #rows: readonly unknown[] = [];
  #at = 0;
  #isLastPage = false;
  #isOver = false;
  /** The call before, while it waits for something. */
  #tail: Promise<unknown> | undefined;

  constructor(source: RowSource) {
    this.#source = source;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Where a row is at hand it is answered at once: that is all but one in a page. */
  next(): Promise<Step<R>> {
    if (this.#tail !== undefined || this.#at >= this.#rows.length || this.#source.isStopped) {
      return this.#inTurn(() => this.#advance());
    }
    return Promise.resolve(this.#take());
  }

  return(): Promise<Step<R>> {
    return this.#inTurn(async () => {
      await this.#end();
      return DONE;
    });
  }

  throw(error?: unknown): Promise<Step<R>> {
    return this.#inTurn(async () => {
      await this.#end().catch(ignore);
      throw error;
    });
  }

  #take(): Step<R> {
    const value = this.#rows[this.#at] as R;
    this.#at += 1;
    return { value, done: false };
  }

  async #advance(): Promise<Step<R>> {
    for (;;) {
      if (this.#isOver) return DONE;
      if (this.#at < this.#rows.length && !this.#source.isStopped) return this.#take();
      if (this.#isLastPage && !this.#source.isStopped) {
        this.#finish();
        return DONE;
      }
      await this.#turnPage();
    }
  }

  async #turnPage(): Promise<void> {
    // Not kept while the next one comes: that would be two of them.
    this.#rows = [];
    this.#at = 0;
    try {
      const { rows, isDone } = await this.#source.read();
      this.#rows = rows;
      this.#isLastPage = isDone;
    } catch (error) {
      this.#finish();
      throw error;
    }
  }

  async #end(): Promise<void> {
    this.#finish();
    await this.#source.close();
  }

  #finish(): void {
    this.#isOver = true;
    this.#rows = [];
    this.#at = 0;
  }

  #inTurn(step: () => Promise<Step<R>>): Promise<Step<R>> {
    const turn = this.#tail === undefined ? step() : this.#tail.then(step, step);
    this.#tail = turn;
    const leave = () => {
      if (this.#tail === turn) this.#tail = undefined;
    };
    turn.then(leave, leave);
    return turn;
  }
}

function consumedError(): UsageError {
  const text = 'A stream can be iterated once; call stream() again for its rows, or keep them';
  return new UsageError('STREAM_CONSUMED', text);
}

function ignore(): void {
  // The error given to `throw` is the one to be heard.
}
