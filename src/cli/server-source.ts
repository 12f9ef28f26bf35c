/** Where `fluxor top` gets its looks at a server from: one connection that is kept, and made anew where it was lost. */
import type { RuntimeConfig } from '../index.js';
import { failureOf } from './failure.js';
import { SourceError } from './diagnostics-source.js';
import type { Outside } from './outside.js';
import type { LoneRuntime } from './ping-runtime.js';
import { loneRuntime } from './ping-runtime.js';
import { Probe } from './probe.js';
import { lookAtServer } from './server-questions.js';
import type { ServerSample } from './server-sample.js';

/** What will not be otherwise a second later. */
const FINAL: ReadonlySet<string> = new Set(['AUTH', 'CONFIG', 'DRIVER_MISSING']);
const FINAL_REASONS: ReadonlySet<string> = new Set(['unknown-database', 'tls', 'settings', 'protocol']);

export class ServerSource {
  readonly #outside: Outside;
  readonly #config: RuntimeConfig;
  readonly #lone: LoneRuntime;
  readonly #timeoutMs: number;

  constructor(outside: Outside, config: RuntimeConfig, timeoutMs: number) {
    this.#outside = outside;
    this.#config = config;
    this.#timeoutMs = timeoutMs;
    this.#lone = loneRuntime(config.driver, 'fluxor-top', timeoutMs);
    // Ctrl-C gives up a connect that is under way.
    outside.signal.addEventListener('abort', this.#lone.giveUp, { once: true });
  }

  get title(): string {
    return this.#config.driver.endpoint;
  }

  async look(): Promise<ServerSample> {
    const { clock, signal: ended } = this.#outside;
    // One limit over all questions of a look; each has the same by the runtime.
    const late = new AbortController();
    const timer = clock.setTimer(this.#timeoutMs, () => late.abort());
    const signal = AbortSignal.any([ended, late.signal]);
    try {
      return await this.#lone.db.use(
        async (session) => {
          const probe = new Probe({ query: (text) => session.query(text, [], { signal }) });
          return lookAtServer(this.#config.driver.dialect, probe, clock.wallNow());
        },
        { signal },
      );
    } catch (error) {
      if (late.signal.aborted) throw new SourceError('no answer in time', false);
      const { text, advice, code, reason } = failureOf(error);
      throw new SourceError(`${text}; ${advice} (${code})`, FINAL.has(code) || FINAL_REASONS.has(reason ?? ''));
    } finally {
      timer.cancel();
    }
  }

  close(): Promise<void> {
    return this.#lone.close();
  }
}
