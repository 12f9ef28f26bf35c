/**
 * Reading on in what was given out (LOBs above the limit, REF CURSORs with more rows). No call of the runtime watches over it, so it is
 * watched here: a read that outlasts the session's limit for statements ends a little later, and the connection with it.
 *
 * Invariant: whoever reads gets an error of the house, and an answer of some kind, whatever the library does.
 */
import type { FluxorError } from '../../errors/fluxor-error.js';
import { TimeoutError } from '../../errors/timeout-error.js';
import type { Clock } from '../../kernel/clock.js';
import type { DeadlineTimer } from '../../kernel/deadline.js';
import { within } from '../../kernel/within.js';
import type { FailureSituation } from '../driver.js';

/** At its limit the library sends a break; so long the server has to answer it. */
const BREAK_GRACE_MS = 2_000;

/** What the driver lends. */
export interface AttachedReadMeans {
  readonly clock: Pick<Clock, 'now'>;
  readonly timers: DeadlineTimer;
  readonly classify: (error: unknown, situation: FailureSituation) => FluxorError;
}

/** The session that is read through. */
export interface AttachedReadSession {
  /** Of each statement, in milliseconds; 0 for none. */
  limitMs(): number;
  isInTransaction(): boolean;
  /** It hangs, and is given up. */
  abandon(): void;
}

export class AttachedReads {
  readonly #means: AttachedReadMeans;
  readonly #session: AttachedReadSession;

  constructor(means: AttachedReadMeans, session: AttachedReadSession) {
    this.#means = means;
    this.#session = session;
  }

  /** @throws FluxorError whatever goes wrong; TimeoutError where nothing has answered. */
  async run<T>(read: () => Promise<T>): Promise<T> {
    const { clock, timers, classify } = this.#means;
    const inTransaction = this.#session.isInTransaction();
    const limitMs = this.#session.limitMs();
    const waitMs = limitMs > 0 ? limitMs + BREAK_GRACE_MS : Infinity;
    try {
      return await within(read(), { deadlineAt: clock.now() + waitMs, signal: undefined }, timers, () => {
        this.#session.abandon();
        const text = `reading on was not answered within ${waitMs} ms, and the connection was given up`;
        throw new TimeoutError('statement', text, { outcome: 'not-applied', isConnectionFatal: true });
      });
    } catch (error) {
      throw classify(error, { ...READING, inTransaction });
    }
  }
}

/** What has been read of it cannot be taken back, so nothing is read again. */
const READING: Omit<FailureSituation, 'inTransaction'> = {
  phase: 'statement',
  wasSent: true,
  isReadOnly: true,
  isSafeToRepeat: false,
  askedReadOnly: false,
  context: {},
};
