/**
 * A database session with a programmable protocol: every statement is answered, refused or left hanging as the test
 * says, readiness may come later than the answer, and a cancel may hit, miss, hang, fail or come too late.
 * It notes what reached the wire, in order, and complains when a second statement comes before the first has ended.
 */
import type {
  ConnectRequest,
  Driver,
  DriverConnection,
  FailureSituation,
  SessionState,
} from '../../src/driver/driver.js';
import type { DriverCursor, DriverQuery, DriverResult } from '../../src/driver/query.js';
import { ConnectionError } from '../../src/errors/connection-error.js';
import type { FluxorError, Siblings } from '../../src/errors/fluxor-error.js';
import { isFluxorError } from '../../src/errors/fluxor-error.js';
import { ConstraintError, QueryError } from '../../src/errors/query-error.js';
import { CancelledError } from '../../src/errors/timeout-error.js';
import type { Deferred } from '../../src/kernel/deferred.js';
import { createDeferred } from '../../src/kernel/deferred.js';

/** What the fake server says; `classify` of the fake driver understands it. */
export class ServerError extends Error {
  readonly kind: 'cancelled' | 'unique' | 'lost' | 'local' | 'stale';
  /** What it says about the other connections. */
  readonly siblings: Siblings;

  constructor(kind: ServerError['kind'], siblings: Siblings = 'keep') {
    super(`the server says: ${kind}`);
    this.kind = kind;
    this.siblings = siblings;
  }
}

export type CancelMode = 'hits' | 'misses' | 'hits-late' | 'hangs' | 'fails' | 'throws';

export const RESULT: DriverResult = { rows: [[1]], fields: [], rowsAffected: 0, command: 'SELECT' };

const STATE_AFTER: Readonly<Record<string, SessionState>> = {
  begin: 'in-transaction',
  commit: 'idle',
  rollback: 'idle',
};

export class FakeSession implements DriverConnection {
  readonly sessionId = 'fake-7';
  bytesWritten = 0;
  state: SessionState = 'idle';
  /** What reached the server, in order. */
  readonly wire: string[] = [];
  readonly misuse: string[] = [];
  /** How statements end; those not named are answered at once. `hang` waits for `finish` or `fail`. */
  readonly answers = new Map<string, 'hang' | 'throw' | Error>();
  cancelMode: CancelMode = 'hits';
  /** Statements are taken but do not reach the socket. */
  isUnplugged = false;
  /** An error is answered before the server is ready again; `becomeReady` ends that. */
  isLateReady = false;
  isPingHanging = false;
  /** The server's own limit for each statement; 0 for none. */
  statementLimitMs = 0;
  /** What cursors bring, by text; one row without them. */
  readonly pages = new Map<string, readonly (readonly unknown[])[]>();
  /** A cursor is open outside a transaction. */
  #isHeld = false;
  #running: Deferred<DriverResult> | undefined;
  #ready: Deferred<void> | undefined;
  #stateBefore: SessionState = 'idle';
  #stateAfter: SessionState = 'idle';
  #hasLateCancel = false;
  /** Cancels that hang; they end with the session. */
  readonly #cancels: ((error: Error) => void)[] = [];

  async execute(query: DriverQuery): Promise<DriverResult> {
    return this.#run(query.text);
  }

  /** Outside a transaction the session is kept busy until the last of `pages` has been read, as a real one is. */
  openCursor(query: DriverQuery): DriverCursor {
    const pages = this.pages.get(query.text) ?? [RESULT.rows];
    let at = 0;
    const letGo = () => {
      if (this.#isHeld && this.state === 'busy') this.state = 'idle';
      this.#isHeld = false;
    };
    return {
      fields: [],
      read: async () => {
        if (at > 0) letGo();
        await this.#run(at === 0 ? query.text : `fetch ${query.text}`);
        const rows = pages[at] ?? [];
        at += 1;
        const isDone = at >= pages.length;
        if (!isDone && this.state === 'idle') [this.state, this.#isHeld] = ['busy', true];
        return { rows, isDone, rowsAffected: 0 };
      },
      close: async () => {
        if (!this.#isHeld) return;
        letGo();
        await this.#run(`close ${query.text}`);
      },
    };
  }

  async limitStatements(ms: number): Promise<void> {
    await this.#run(`limit ${ms}`);
    this.statementLimitMs = ms;
  }

  async untilReady(): Promise<void> {
    if (this.#isHeld) await new Promise(() => undefined);
    if (this.state === 'closed') throw new ServerError('lost');
    await this.#ready?.promise;
  }

  cancel(): Promise<void> {
    this.wire.push('cancel');
    if (this.cancelMode === 'throws') throw new Error('thrown by cancel');
    if (this.cancelMode === 'fails') return Promise.reject(new Error('no socket left for the cancel'));
    if (this.cancelMode === 'hangs') return new Promise((_, reject) => this.#cancels.push(reject));
    if (this.cancelMode === 'hits') this.fail(new ServerError('cancelled'));
    if (this.cancelMode === 'hits-late') this.#hasLateCancel = true;
    return Promise.resolve();
  }

  async ping(query?: string): Promise<void> {
    if (this.isPingHanging) this.answers.set('ping', 'hang');
    await this.#run(query ?? 'ping');
  }

  async reset(): Promise<void> {
    await this.#run('discard all');
  }

  async close(): Promise<void> {
    this.wire.push('close');
    this.state = 'closed';
  }

  destroy(): void {
    this.wire.push('destroy');
    this.lose();
    for (const giveUp of this.#cancels.splice(0)) giveUp(new ServerError('lost'));
  }

  /** The running statement succeeds, and the server is ready. */
  finish(result: DriverResult = RESULT): void {
    const running = this.#running;
    this.#end(this.#stateAfter);
    running?.resolve(result);
  }

  /** The running statement fails; the server is ready at once, or later. */
  fail(error: Error): void {
    const running = this.#running;
    if (running === undefined) return;
    if (this.isLateReady) this.#running = undefined;
    else this.#end(this.#stateBefore === 'in-transaction' ? 'failed-transaction' : this.#stateBefore);
    running.reject(error);
  }

  becomeReady(): void {
    this.#end('idle');
  }

  /** The connection breaks. */
  lose(): void {
    const running = this.#running;
    this.#end('closed');
    running?.reject(new ServerError('lost'));
  }

  #run(text: string): Promise<DriverResult> {
    if (this.state === 'closed') return Promise.reject(new ServerError('lost'));
    if (this.state === 'busy') this.misuse.push(`${text} while another statement runs`);
    const answer = this.answers.get(text);
    if (answer === 'throw') throw new ServerError('local');
    if (!this.isUnplugged) {
      this.wire.push(text);
      this.bytesWritten += text.length;
    }
    this.#stateBefore = this.state;
    this.#stateAfter = STATE_AFTER[text] ?? this.state;
    this.state = 'busy';
    const running = (this.#running = createDeferred<DriverResult>());
    this.#ready = createDeferred<void>();
    if (this.#hasLateCancel) {
      this.#hasLateCancel = false;
      this.fail(new ServerError('cancelled'));
    } else if (answer instanceof Error) this.fail(answer);
    else if (answer === undefined) this.finish();
    return running.promise;
  }

  #end(state: SessionState): void {
    if (this.state !== 'closed') this.state = state;
    this.#running = undefined;
    const ready = this.#ready;
    this.#ready = undefined;
    ready?.resolve();
  }
}

export interface FakeDriverOptions {
  readonly canCancel?: boolean;
  readonly pipelining?: boolean;
}

/** How the fakes speak of transactions. */
export const TRANSACTION_WORDS: Driver['transactions'] = {
  begin: () => 'begin',
  commit: 'commit',
  rollback: 'rollback',
  savepoint: (name) => `savepoint ${name}`,
  rollbackTo: (name) => `rollback to ${name}`,
  releaseSavepoint: (name) => `release ${name}`,
};

/** A driver whose sessions the test makes. */
export class FakeDriver implements Driver {
  readonly name = 'fake';
  readonly endpoint = 'fake://server';
  readonly dialect = 'postgres';
  readonly capabilities: Driver['capabilities'];
  readonly transactions = TRANSACTION_WORDS;
  readonly requests: ConnectRequest[] = [];
  /** What `connect` brings. */
  next: FakeSession | Error | (() => FakeSession) = () => new FakeSession();
  readonly situations: FailureSituation[] = [];

  constructor({ canCancel = true, pipelining = false }: FakeDriverOptions = {}) {
    this.capabilities = {
      canCancel,
      maxSessions: Infinity,
      hasNotifications: true,
      hasSavepoints: true,
      pipelining,
      statements: 'driver',
    };
  }

  async load(): Promise<void> {}

  async connect(request: ConnectRequest): Promise<DriverConnection> {
    this.requests.push(request);
    if (this.next instanceof Error) throw this.next;
    return this.next instanceof FakeSession ? this.next : this.next();
  }

  classify(error: unknown, situation: FailureSituation): FluxorError {
    this.situations.push(situation);
    if (isFluxorError(error)) return error;
    const { context } = situation;
    const kind = error instanceof ServerError ? error.kind : 'local';
    const siblings = error instanceof ServerError ? error.siblings : 'keep';
    const unproved = situation.wasSent ? (situation.isReadOnly ? 'not-applied' : 'unknown') : 'not-sent';
    if (kind === 'cancelled')
      return new CancelledError('administrator', 'cancelled', { outcome: 'not-applied', context });
    if (kind === 'unique') {
      return new ConstraintError('unique', 'there already', { constraint: 'pk' }, { outcome: 'not-applied', context });
    }
    if (kind === 'stale') return new QueryError('statement-invalid', 'stale', { outcome: 'not-applied', context });
    if (kind === 'lost') {
      return new ConnectionError('lost', 'lost', {
        outcome: unproved,
        isConnectionFatal: true,
        siblings,
        cause: error,
        context,
      });
    }
    return new QueryError('data', 'a value that cannot be sent', {
      outcome: unproved,
      siblings,
      cause: error,
      context,
    });
  }

  async close(): Promise<void> {}
}
