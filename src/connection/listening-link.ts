/**
 * One open session that notifications come through, from its login to its end. Made by listening-session.ts, which opens the
 * next one when it is lost.
 * Invariants: no question waits longer than `answerTimeoutMs`; every failure is an error of the house; a channel that the
 * server may have forgotten is not in `inForce`. Refuses to know: who listens, and when to try again.
 */
import type { ConnectRequest, Driver, DriverConnection, DriverListener, FailureSituation } from '../driver/driver.js';
import type { TypeConfig } from '../driver/query.js';
import { ConfigError } from '../errors/config-error.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { TimeoutPhase } from '../errors/timeout-error.js';
import { TimeoutError } from '../errors/timeout-error.js';
import type { Clock } from '../kernel/clock.js';
import type { DeadlineTimer } from '../kernel/deadline.js';
import { formatMs } from '../kernel/duration.js';
import { within } from '../kernel/within.js';
import { connectTimeoutError } from '../pool/pool-errors.js';
import type { Dialect } from '../sql/dialect.js';
import type { Tracing } from '../telemetry/tracing.js';
import { DIALECTS, quoteIdentifier } from '../sql/dialect.js';
import type { Classify } from './classifier.js';

/** How long a session may take to say goodbye before its socket is closed. */
const CLOSE_GRACE_MS = 2_000;

export interface LinkPorts {
  readonly driver: Driver;
  readonly classify: Classify;
  readonly clock: Clock;
  readonly timers: DeadlineTimer;
  readonly types: TypeConfig;
  /** How long the server may take for a login, and for the answer to each question. */
  readonly answerTimeoutMs: () => number;
  readonly tracing?: Tracing | undefined;
}

/** What a link tells while it lives. */
export interface LinkHooks {
  readonly onNotification: NonNullable<ConnectRequest['onNotification']>;
  readonly onLost: (error: FluxorError) => void;
}

/** A moment, on both clocks. */
export interface Moment {
  readonly at: number;
  readonly wallAt: number;
}

export class ListeningLink {
  /** What the server has been told, and has confirmed. */
  readonly inForce = new Set<string>();
  readonly openedAt: number;
  readonly #ports: LinkPorts;
  readonly #native: DriverListener;
  readonly #signal: AbortSignal;
  #proved: Moment;

  /** Opens a session of its own, beside the pool's. `abort` is raised when nobody wants it any more, and by the time limit. */
  static async open(ports: LinkPorts, abort: AbortController, hooks: LinkHooks): Promise<ListeningLink> {
    const { driver, classify, clock, timers, types, tracing } = ports;
    const limitMs = ports.answerTimeoutMs();
    const began = momentOf(clock);
    const request: ConnectRequest = {
      signal: abort.signal,
      types,
      onLost: (error) => aloud(tracing, () => hooks.onLost(asOurs(classify, error, 'idle'))),
      onNotification: (notification) => aloud(tracing, () => hooks.onNotification(notification)),
      ...(tracing === undefined ? {} : { quietly: (work) => quietly(tracing, work) }),
    };
    const connecting = quietly(tracing, () => openNative(driver, request));
    const limits = { deadlineAt: began.at + limitMs, signal: abort.signal };
    try {
      const native = await within(connecting, limits, timers, (cause) => {
        abort.abort();
        connecting.then((late) => late.destroy(), ignoreLateFailure);
        throw cause === 'deadline' ? connectTimeoutError(driver.endpoint, limitMs) : new Error('called off');
      });
      if (native.isPooled === true) {
        native.destroy();
        throw pooledError(driver.endpoint);
      }
      return new ListeningLink(ports, native, abort.signal, began);
    } catch (error) {
      throw asOurs(classify, error, 'connect');
    }
  }

  private constructor(ports: LinkPorts, native: DriverListener, signal: AbortSignal, began: Moment) {
    this.#ports = ports;
    this.#native = native;
    this.#signal = signal;
    this.#proved = began;
    this.openedAt = ports.clock.now();
  }

  /** The server's own name for the session. */
  get serverId(): string {
    return this.#native.sessionId;
  }

  /** The beginning of the last round trip that was answered. What was sent before that has been delivered. */
  get proved(): Moment {
    return this.#proved;
  }

  async listen(channel: string): Promise<void> {
    await this.#ask('statement', 'LISTEN', () => this.#native.listen(channel));
    this.inForce.add(channel);
  }

  async unlisten(channel: string): Promise<void> {
    // Before it is sent: whoever comes meanwhile must not believe to be listening.
    this.inForce.delete(channel);
    await this.#ask('statement', 'UNLISTEN', () => this.#native.unlisten(channel));
  }

  async ping(): Promise<void> {
    await this.#ask('validate', 'the proof of life', () => this.#native.ping());
  }

  /** Gently, then at once. Never rejects. */
  async close(): Promise<void> {
    const { clock, timers } = this.#ports;
    const limits = { deadlineAt: clock.now() + CLOSE_GRACE_MS, signal: undefined };
    const closing = quietly(this.#ports.tracing, () => this.#native.close());
    await within(closing, limits, timers, ignoreLateFailure).catch(ignoreLateFailure);
    this.#native.destroy();
  }

  destroy(): void {
    this.#native.destroy();
  }

  async #ask(
    phase: TimeoutPhase & FailureSituation['phase'],
    what: string,
    question: () => Promise<void>,
  ): Promise<void> {
    const { classify, clock, timers, driver, tracing } = this.#ports;
    const began = momentOf(clock);
    const limitMs = this.#ports.answerTimeoutMs();
    try {
      await within(quietly(tracing, question), { deadlineAt: began.at + limitMs, signal: this.#signal }, timers, () => {
        const text = `${driver.endpoint}: ${what} was not answered within ${formatMs(limitMs)} by the session that listens`;
        const isConnectionFatal = this.#native.isEmbedded !== true;
        throw new TimeoutError(phase, text, { decision: 'new-connection', isConnectionFatal });
      });
      this.#proved = began;
    } catch (error) {
      throw asOurs(classify, error, phase);
    }
  }
}

function quietly<T>(tracing: Tracing | undefined, work: () => T): T {
  return tracing?.isQuiet === true ? tracing.quietly(work) : work();
}

/** What the client library calls by itself. */
function aloud(tracing: Tracing | undefined, tell: () => void): void {
  if (tracing === undefined) tell();
  else tracing.aloud(tell);
}

/** A driver that has no further session to give brings a way of its own. */
async function openNative(driver: Driver, request: ConnectRequest): Promise<DriverListener> {
  if (driver.listen !== undefined) return driver.listen(request);
  return listenerOver(await driver.connect(request), driver.dialect);
}

function listenerOver(native: DriverConnection, dialect: Dialect): DriverListener {
  const run = async (verb: string, channel: string): Promise<void> => {
    const text = `${verb} ${quoteIdentifier(DIALECTS[dialect], channel)}`;
    await native.execute({ text, values: [], rowMode: 'array' });
    await native.untilReady();
  };
  return {
    sessionId: native.sessionId,
    isPooled: native.isPooled ?? false,
    listen: (channel) => run('listen', channel),
    unlisten: (channel) => run('unlisten', channel),
    ping: () => native.ping(),
    close: () => native.close(),
    destroy: () => native.destroy(),
  };
}

function asOurs(classify: Classify, error: unknown, phase: FailureSituation['phase']): FluxorError {
  if (isFluxorError(error)) return error;
  return classify(error, {
    phase,
    wasSent: phase !== 'connect' && phase !== 'idle',
    // Listening changes nothing, and listening twice is listening once.
    isReadOnly: true,
    isSafeToRepeat: true,
    inTransaction: false,
    askedReadOnly: false,
    context: {},
  });
}

function pooledError(endpoint: string): ConfigError {
  const got = `${endpoint}, a pooler in transaction mode`;
  const expected =
    'a URL that leads to the server itself, or to a pooler in session mode: what is listened to would be lost';
  return ConfigError.fromIssues([{ path: 'listen', got, expected }]);
}

function momentOf(clock: Clock): Moment {
  return { at: clock.now(), wallAt: clock.wallNow() };
}

function ignoreLateFailure(): void {
  // It was given up, and that has been reported.
}
