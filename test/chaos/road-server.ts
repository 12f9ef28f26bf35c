/**
 * A database for the simulation of the road: every statement takes time, succeeds, is refused, loses its connection or hangs;
 * a cancel needs time too, and may miss. It counts what it is working at, which is what a connection limit is about.
 */
import { deadlock, refused } from '../fakes/raised-errors.js';
import type { ConnectRequest, DriverConnection, SessionState } from '../../src/driver/driver.js';
import type { DriverQuery, DriverResult } from '../../src/driver/query.js';
import { ConnectionError } from '../../src/errors/connection-error.js';
import { ConstraintError } from '../../src/errors/query-error.js';
import { CancelledError } from '../../src/errors/timeout-error.js';
import type { Clock, Timer } from '../../src/kernel/clock.js';
import { FakeDriver } from '../fakes/fake-session.js';
import type { Dice } from './dice.js';

const RESULT: DriverResult = { rows: [], fields: [], rowsAffected: 1, command: 'UPDATE' };
const AFTER: Readonly<Record<string, SessionState>> = { begin: 'in-transaction', commit: 'idle', rollback: 'idle' };

export class RoadServer {
  readonly driver = new FakeDriver();
  readonly sessions: ServerSession[] = [];
  isDown = false;

  constructor(clock: Clock, dice: Dice) {
    this.driver.connect = async (request: ConnectRequest): Promise<DriverConnection> => {
      if (this.isDown) throw refused();
      const session = new ServerSession(clock, dice, this, request);
      this.sessions.push(session);
      return session;
    };
  }

  /** Statements that the server is working at now; of those, the ones with this text. */
  working(text?: string): number {
    return this.sessions.filter((session) => session.isWorking && (text ?? session.text) === session.text).length;
  }
}

export class ServerSession implements DriverConnection {
  readonly sessionId = 'simulated';
  state: SessionState = 'idle';
  bytesWritten = 0;
  /** The last statement. */
  text = '';
  readonly #clock: Clock;
  readonly #dice: Dice;
  readonly #server: RoadServer;
  readonly #request: ConnectRequest;
  #timer: Timer | undefined;
  #finish: ((error?: Error) => void) | undefined;

  constructor(clock: Clock, dice: Dice, server: RoadServer, request: ConnectRequest) {
    this.#clock = clock;
    this.#dice = dice;
    this.#server = server;
    this.#request = request;
  }

  get isWorking(): boolean {
    return this.#finish !== undefined;
  }

  execute({ text }: DriverQuery): Promise<DriverResult> {
    if (this.state === 'closed') return Promise.reject(lost(false));
    if (this.isWorking) throw new Error(`'${text}' met another statement on the wire`);
    this.text = text;
    this.bytesWritten += text.length;
    const before = this.state;
    this.state = 'busy';
    return new Promise((resolve, reject) => {
      this.#finish = (error) => {
        this.#timer?.cancel();
        this.#finish = undefined;
        if (this.state !== 'closed') this.state = error === undefined ? (AFTER[text] ?? before) : failed(before);
        if (error === undefined) resolve(RESULT);
        else reject(error);
      };
      this.#timer = this.#clock.setTimer(this.#dice.upTo(40), () => this.#end(text));
    });
  }

  async untilReady(): Promise<void> {
    if (this.state === 'closed') throw lost(true);
  }

  cancel(): Promise<void> {
    const hits = this.#dice.chance(0.7);
    return new Promise((resolve) => {
      this.#clock.setTimer(this.#dice.upTo(10), () => {
        if (hits) this.#finish?.(new CancelledError('administrator', 'cancelled', { outcome: 'not-applied' }));
        resolve();
      });
    });
  }

  async ping(): Promise<void> {
    await this.execute({ text: 'ping', values: [], rowMode: 'array' });
  }

  async reset(): Promise<void> {
    await this.execute({ text: 'discard all', values: [], rowMode: 'array' });
  }

  async close(): Promise<void> {
    this.destroy();
  }

  destroy(): void {
    this.state = 'closed';
    this.#finish?.(lost(true));
  }

  #end(text: string): void {
    const isOurs = text === 'ping' || text === 'rollback' || text === 'discard all';
    if (this.#server.isDown) return this.#lose();
    if (isOurs || this.#dice.chance(0.7)) return this.#finish?.();
    if (this.#dice.chance(0.2)) return this.#lose();
    // It hangs: only a cancel, or the end of the connection, ends it.
    if (this.#dice.chance(0.3)) return;
    this.#finish?.(this.#dice.chance(0.5) ? unique() : deadlock());
  }

  #lose(): void {
    this.state = 'closed';
    const error = lost(true);
    this.#finish?.(error);
    this.#request.onLost(error);
  }
}

const failed = (before: SessionState): SessionState => (before === 'in-transaction' ? 'failed-transaction' : before);
const lost = (wasSent: boolean) =>
  new ConnectionError('lost', 'gone', {
    outcome: wasSent ? 'unknown' : 'not-sent',
    decision: 'new-connection',
    breaker: 'failure',
    isConnectionFatal: true,
    cause: new Error('gone'),
  });
const unique = () => new ConstraintError('unique', 'there already', {}, { outcome: 'not-applied', breaker: 'success' });
