/**
 * A session that has several statements in flight, with a programmable server behind it: it works on the one that came
 * first, and ends it when the test says so. A cancel hits whatever it works on when it arrives.
 */
import type { DriverConnection, SessionState } from '../../src/driver/driver.js';
import type { DriverQuery, DriverResult } from '../../src/driver/query.js';
import type { Deferred } from '../../src/kernel/deferred.js';
import { createDeferred } from '../../src/kernel/deferred.js';
import { RESULT, ServerError } from './fake-session.js';

interface InFlight extends Deferred<DriverResult> {
  readonly text: string;
}

export class PipelinedSession implements DriverConnection {
  readonly sessionId = 'fake-8';
  readonly statementLimitMs = 0;
  bytesWritten = 0;
  /** What reached the server, in order. */
  readonly wire: string[] = [];
  /** `held`: it arrives when the test says so. */
  cancelMode: 'hits' | 'held' = 'hits';
  isClosed = false;
  readonly #inFlight: InFlight[] = [];
  readonly #heldCancels: Deferred<void>[] = [];

  get state(): SessionState {
    if (this.isClosed) return 'closed';
    return this.#inFlight.length > 0 ? 'busy' : 'idle';
  }

  /** What the server works on. */
  get head(): string | undefined {
    return this.#inFlight[0]?.text;
  }

  execute({ text }: DriverQuery): Promise<DriverResult> {
    if (this.isClosed) return Promise.reject(new ServerError('lost'));
    if (text === 'unsendable') return Promise.reject(new ServerError('local'));
    this.wire.push(text);
    this.bytesWritten += text.length;
    const statement = { ...createDeferred<DriverResult>(), text };
    this.#inFlight.push(statement);
    return statement.promise;
  }

  /** The head succeeds, with its own text as its row. */
  finish(): void {
    const head = this.#inFlight.shift();
    head?.resolve({ ...RESULT, rows: [[head.text]] });
  }

  fail(error: Error): void {
    this.#inFlight.shift()?.reject(error);
  }

  async untilReady(): Promise<void> {
    await this.#inFlight.at(-1)?.promise.catch(() => undefined);
  }

  cancel(): Promise<void> {
    this.wire.push('cancel');
    if (this.cancelMode === 'hits') {
      this.fail(new ServerError('cancelled'));
      return Promise.resolve();
    }
    const held = createDeferred<void>();
    this.#heldCancels.push(held);
    return held.promise;
  }

  /** It hits what is at work now, and is known to have been delivered. */
  deliverCancel(): void {
    this.fail(new ServerError('cancelled'));
    this.#heldCancels.shift()?.resolve();
  }

  async ping(): Promise<void> {
    await this.execute({ text: 'ping', values: [], rowMode: 'array' });
  }

  async reset(): Promise<void> {
    this.wire.push('reset');
  }

  async close(): Promise<void> {
    this.lose();
  }

  destroy(): void {
    if (!this.isClosed) this.wire.push('destroy');
    this.lose();
    for (const held of this.#heldCancels.splice(0)) held.reject(new ServerError('lost'));
  }

  /** The connection breaks. */
  lose(): void {
    this.isClosed = true;
    const error = new ServerError('lost');
    for (const statement of this.#inFlight.splice(0)) statement.reject(error);
  }
}
