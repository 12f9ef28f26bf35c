/**
 * A database for the simulation of the road: every statement takes time, succeeds, is refused, loses its connection or hangs;
 * a cancel needs time too, and may miss. Statements that may travel together wait for each other on their connection. It
 * counts what it has been given to work at, which is what a connection limit is about.
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
/** Short, and may travel with others. */
export const SHORT = 'select';
const TRAVELLING: ReadonlySet<string> = new Set([SHORT, 'update']);
const AFTER: Readonly<Record<string, SessionState>> = { begin: 'in-transaction', commit: 'idle', rollback: 'idle' };

export class RoadServer {
  readonly driver = new FakeDriver({ pipelining: true });
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

  /** Connections that it is at work on: on each at one statement at a time. */
  get atWork(): number {
    return this.sessions.filter((session) => session.working() > 0).length;
  }

  /** Statements that the server has, and has not ended; of those, the ones with this text. */
  working(text?: string): number {
    return this.sessions.reduce((sum, session) => sum + session.working(text), 0);
  }
}

interface InFlight {
  readonly text: string;
  readonly resolve: (result: DriverResult) => void;
  readonly reject: (error: Error) => void;
}

export class ServerSession implements DriverConnection {
  readonly sessionId = 'simulated';
  bytesWritten = 0;
  readonly #clock: Clock;
  readonly #dice: Dice;
  readonly #server: RoadServer;
  readonly #request: ConnectRequest;
  /** The first one is at work. */
  readonly #inFlight: InFlight[] = [];
  /** Between statements. */
  #rest: SessionState = 'idle';
  #timer: Timer | undefined;

  constructor(clock: Clock, dice: Dice, server: RoadServer, request: ConnectRequest) {
    this.#clock = clock;
    this.#dice = dice;
    this.#server = server;
    this.#request = request;
  }

  get state(): SessionState {
    return this.#rest !== 'closed' && this.#inFlight.length > 0 ? 'busy' : this.#rest;
  }

  working(text?: string): number {
    return this.#inFlight.filter((one) => text === undefined || one.text === text).length;
  }

  execute({ text }: DriverQuery): Promise<DriverResult> {
    if (this.#rest === 'closed') return Promise.reject(lost(false));
    const last = this.#inFlight.at(-1);
    const mayTravel = this.#rest === 'idle' && TRAVELLING.has(text) && TRAVELLING.has(last?.text ?? text);
    if (last !== undefined && !mayTravel) throw new Error(`'${text}' met '${last.text}' on the wire`);
    this.bytesWritten += text.length;
    return new Promise((resolve, reject) => {
      this.#inFlight.push({ text, resolve, reject });
      if (this.#inFlight.length === 1) this.#begin(text);
    });
  }

  async untilReady(): Promise<void> {
    if (this.#rest === 'closed') throw lost(true);
  }

  cancel(): Promise<void> {
    const hits = this.#dice.chance(0.7);
    return new Promise((resolve) => {
      this.#clock.setTimer(this.#dice.upTo(10), () => {
        if (hits) this.#finish(new CancelledError('administrator', 'cancelled', { outcome: 'not-applied' }));
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
    this.#end(lost(true));
  }

  #begin(text: string): void {
    const isShort = text === SHORT && this.#dice.chance(0.95);
    this.#timer = this.#clock.setTimer(this.#dice.upTo(isShort ? 3 : 40), () => this.#decide(text));
  }

  #decide(text: string): void {
    const isOurs = text === 'ping' || text === 'rollback' || text === 'discard all';
    if (this.#server.isDown) return this.#lose();
    if (isOurs || this.#dice.chance(text === SHORT ? 0.95 : 0.7)) return this.#finish();
    if (this.#dice.chance(0.2)) return this.#lose();
    // It hangs: only a cancel, or the end of the connection, ends it.
    if (this.#dice.chance(0.3)) return;
    this.#finish(this.#dice.chance(0.5) ? unique() : deadlock());
  }

  /** The one at work has ended. */
  #finish(error?: Error): void {
    const head = this.#inFlight.shift();
    if (head === undefined) return;
    this.#timer?.cancel();
    this.#rest = error === undefined ? (AFTER[head.text] ?? this.#rest) : failed(this.#rest);
    const [next] = this.#inFlight;
    if (next !== undefined) this.#begin(next.text);
    if (error === undefined) head.resolve(RESULT);
    else head.reject(error);
  }

  #lose(): void {
    const error = lost(true);
    this.#end(error);
    this.#request.onLost(error);
  }

  #end(error: Error): void {
    this.#rest = 'closed';
    this.#timer?.cancel();
    for (const { reject } of this.#inFlight.splice(0)) reject(error);
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
