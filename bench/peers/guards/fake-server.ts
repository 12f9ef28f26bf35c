/**
 * A database that answers at once, with a resolved promise and a row made for the call, so that what is left is the cost
 * of the road. For the proofs it can also fail, hang, or take a turn of the event loop.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Driver, DriverConnection, FailureSituation, SessionState } from '../../../src/driver/driver.js';
import type { DriverQuery, DriverResult, Field } from '../../../src/driver/query.js';
import { ConnectionError } from '../../../src/errors/connection-error.js';
import type { FluxorError } from '../../../src/errors/fluxor-error.js';

const FIELDS: readonly Field[] = [
  { name: 'id', type: 'int4', typeId: 23 },
  { name: 'name', type: 'text', typeId: 25 },
];

export type Mood = 'answers' | 'fails' | 'hangs' | 'dawdles';

export class FakeServer {
  mood: Mood = 'answers';
  /** Failures before it answers again; `Infinity` for good. Asked in the mood `fails`. */
  failuresLeft = 0;
  /** Statements that reached it. */
  calls = 0;
  /** Running now, and at most at once. Counted in the mood `dawdles`. */
  running = 0;
  peak = 0;

  connect(): FakeConnection {
    return new FakeConnection(this);
  }
}

export class FakeConnection implements DriverConnection {
  readonly sessionId = 'fake';
  state: SessionState = 'idle';
  bytesWritten = 0;
  readonly #server: FakeServer;
  #hanging: ((error: Error) => void) | undefined;

  constructor(server: FakeServer) {
    this.#server = server;
  }

  execute(query: DriverQuery): Promise<DriverResult> {
    this.#server.calls += 1;
    this.bytesWritten += query.text.length;
    return this.#server.mood === 'answers' ? Promise.resolve(answer(query)) : this.#misbehave(query);
  }

  async untilReady(): Promise<void> {}

  async cancel(): Promise<void> {
    this.#hanging?.(new Error('cancelled'));
  }

  async ping(): Promise<void> {}

  async reset(): Promise<void> {}

  async close(): Promise<void> {
    this.state = 'closed';
  }

  destroy(): void {
    this.state = 'closed';
    this.#hanging?.(new Error('destroyed'));
  }

  async #misbehave(query: DriverQuery): Promise<DriverResult> {
    const server = this.#server;
    if (server.mood === 'hangs') return new Promise((_, reject) => (this.#hanging = reject));
    if (server.mood === 'dawdles') {
      server.running += 1;
      server.peak = Math.max(server.peak, server.running);
      await nextTurn();
      server.running -= 1;
      return answer(query);
    }
    if (server.failuresLeft <= 0) return answer(query);
    server.failuresLeft -= 1;
    throw new Error('the server is starting up');
  }
}

function answer({ values }: DriverQuery): DriverResult {
  return { rows: [{ id: values[0], name: 'Ada' }], fields: FIELDS, rowsAffected: 0, command: 'SELECT' };
}

/** The driver around it, for ours. */
export class FakeDriver implements Driver {
  readonly name = 'fake';
  readonly endpoint = 'fake://server';
  readonly dialect = 'postgres';
  readonly capabilities = {
    canCancel: true,
    maxSessions: Infinity,
    // As a socket does.
    holdsProcess: true,
    hasSavepoints: true,
    pipelining: false,
    statements: 'driver',
  } as const;
  readonly transactions = {
    begin: () => 'begin',
    commit: 'commit',
    rollback: 'rollback',
    savepoint: (name: string) => `savepoint ${name}`,
    rollbackTo: (name: string) => `rollback to ${name}`,
    releaseSavepoint: (name: string) => `release ${name}`,
  };
  readonly #server: FakeServer;

  constructor(server: FakeServer) {
    this.#server = server;
  }

  async load(): Promise<void> {}

  async connect(): Promise<DriverConnection> {
    return this.#server.connect();
  }

  /** It fails before it has applied anything, and may be asked again: what retry and breaker both act upon. */
  classify(cause: unknown, { context }: FailureSituation): FluxorError {
    const verdict = { outcome: 'not-applied', decision: 'same-connection', breaker: 'failure' } as const;
    return new ConnectionError('starting-up', 'the server is starting up', { ...verdict, cause, context });
  }

  async close(): Promise<void> {}
}
