/**
 * A session that has several statements in flight, with a programmable server behind it: it works on the one that came
 * first, and ends it when the test says so. A cancel hits whatever it works on when it arrives.
 */
import type { DriverConnection, InFlight, SessionState } from '../../src/driver/driver.js';
import type { DriverQuery, DriverResult } from '../../src/driver/query.js';
import type { Deferred } from '../../src/kernel/deferred.js';
import { createDeferred } from '../../src/kernel/deferred.js';
import type { Siblings } from '../../src/errors/fluxor-error.js';
import { RESULT, ServerError } from './fake-session.js';

interface Sent extends Deferred<DriverResult> {
  readonly text: string;
  readonly inFlight: InFlight | undefined;
}

export class PipelinedSession implements DriverConnection {
  readonly sessionId = 'fake-8';
  readonly statementLimitMs = 0;
  bytesWritten = 0;
  /** What reached the server, in order. */
  readonly wire: string[] = [];
  /** `held`: it arrives when the test says so. `fails`: it is not delivered, as far as anybody knows. */
  cancelMode: 'hits' | 'held' | 'fails' = 'hits';
  isClosed = false;
  readonly #inFlight: Sent[] = [];
  readonly #heldCancels: Deferred<void>[] = [];

  get state(): SessionState {
    if (this.isClosed) return 'closed';
    return this.#inFlight.length > 0 ? 'busy' : 'idle';
  }

  /** What the server works on. */
  get head(): string | undefined {
    return this.#inFlight[0]?.text;
  }

  execute({ text }: DriverQuery, _statement?: string, inFlight?: InFlight): Promise<DriverResult> {
    if (this.isClosed) return Promise.reject(new ServerError('lost'));
    if (text === 'unsendable') return Promise.reject(new ServerError('local'));
    this.wire.push(text);
    this.bytesWritten += text.length;
    const statement = { ...createDeferred<DriverResult>(), text, inFlight };
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

  /** What was prepared for the head is stale: it is prepared anew and goes behind all others, if it is still wanted. */
  heal(): void {
    const head = this.#inFlight.shift();
    if (head === undefined) return;
    if (head.inFlight?.goBehind() === false) return head.reject(new ServerError('stale'));
    this.wire.push(head.text);
    this.#inFlight.push(head);
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
    if (this.cancelMode === 'fails') return Promise.reject(new Error('no socket left for the cancel'));
    const held = createDeferred<void>();
    this.#heldCancels.push(held);
    return held.promise;
  }

  /** It hits what is at work now; nobody is told that it has come. */
  arriveLate(): void {
    this.fail(new ServerError('cancelled'));
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
  lose(siblings: Siblings = 'keep'): void {
    this.isClosed = true;
    const error = new ServerError('lost', siblings);
    for (const statement of this.#inFlight.splice(0)) statement.reject(error);
  }
}
