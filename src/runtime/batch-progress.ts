/** Tells how far a batch has come: to its caller and to whoever listens. Never goes back, and never throws. */
import type { Hub } from '../telemetry/hub.js';
import type { BatchOptions } from './batch-options.js';
import type { Call } from './call.js';

export class BatchProgress {
  readonly #hub: Hub;
  readonly #options: BatchOptions;
  readonly #total: number | undefined;
  #last = 0;

  constructor(hub: Hub, options: BatchOptions, total: number | undefined) {
    this.#hub = hub;
    this.#options = options;
    this.#total = total;
  }

  tell(call: Call | undefined, done: number): void {
    if (done <= this.#last) return;
    this.#last = done;
    const { name, onProgress } = this.#options;
    const { connectionId } = call ?? {};
    this.#hub.tell('batch:progress', {
      queryId: call?.id ?? 0,
      done,
      ...(name === undefined ? {} : { name }),
      ...(connectionId === undefined ? {} : { connectionId }),
      ...(this.#total === undefined ? {} : { total: this.#total }),
    });
    if (onProgress !== undefined) void this.#call(onProgress, done);
  }

  async #call(onProgress: Exclude<BatchOptions['onProgress'], undefined>, done: number): Promise<void> {
    try {
      await (onProgress(done, this.#total) as unknown);
    } catch (error) {
      this.#hub.tell('listener:failed', { event: 'batch:progress', error });
    }
  }
}
