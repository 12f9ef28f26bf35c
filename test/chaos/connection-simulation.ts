/**
 * One random life of a small pool of database connections, from a seed: statements that are answered, refused or left
 * hanging, cancels that hit, miss, hang, fail or come too late, callers who abort, release in the middle of a statement,
 * or send several at once without waiting.
 *
 * After every step: no statement meets another on the wire; none of a lease that has ended gets there; every caller is
 * answered by the deadline and 100 ms; and nobody hears of a cancel that was meant for somebody else.
 */
import type { Classify } from '../../src/connection/classifier.js';
import { StatementBook } from '../../src/connection/statement-book.js';
import { ConnectionFactory } from '../../src/connection/connection-factory.js';
import type { Connection } from '../../src/connection/connection.js';
import { isFluxorError } from '../../src/errors/fluxor-error.js';
import type { Lease } from '../../src/pool/lease.js';
import { DeadlineTimer } from '../../src/kernel/deadline.js';
import type { Random } from '../../src/kernel/random.js';
import { seededRandom } from '../../src/kernel/random.js';
import { PoolSettings } from '../../src/pool/pool-settings.js';
import { Pool } from '../../src/pool/pool.js';
import { Hub } from '../../src/telemetry/hub.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import type { CancelMode } from '../fakes/fake-session.js';
import { FakeDriver, FakeSession, ServerError } from '../fakes/fake-session.js';
import { POOL_CONFIG } from '../fakes/pool-bench.js';
import { checkPoolSums } from './metric-sums.js';

/** The deadline's own millisecond, the 100 ms of grace, and the grace's own millisecond. */
const ANSWER_LIMIT_MS = 102;

const CANCEL_MODES: readonly CancelMode[] = [
  'hits',
  'hits',
  'misses',
  'hits-late',
  'hits-late',
  'hangs',
  'fails',
  'throws',
];

interface Borrower {
  readonly name: number;
  readonly lease: Lease<Connection>;
  readonly session: FakeSession;
  statements: number;
  /** How much had reached the wire when the lease ended. */
  endedAt: number | undefined;
}

interface Statement {
  readonly text: string;
  readonly deadlineAt: number;
  readonly abort: AbortController;
  isSettled: boolean;
}

export class ConnectionSimulation {
  readonly history: string[] = [];
  readonly happened = { answered: 0, timedOut: 0, aborted: 0, byRuntime: 0, refused: 0, lost: 0 };
  readonly #random: Random;
  readonly #clock = new FakeClock();
  readonly #timers = new DeadlineTimer(this.#clock);
  readonly #driver = new FakeDriver();
  readonly #sessions: FakeSession[] = [];
  readonly #pool: Pool<Connection>;
  readonly #borrowers: Borrower[] = [];
  readonly #statements: Statement[] = [];
  readonly #violations: string[] = [];

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    const hub = new Hub(this.#clock);
    const onRelease = this.#oneOf(['rollback', 'reset', 'destroy'] as const);
    this.#driver.next = () => {
      const session = new FakeSession();
      this.#sessions.push(session);
      return session;
    };
    const base = { clock: this.#clock, timers: this.#timers, hub };
    const config = { validationQuery: undefined, onRelease };
    const types = { bigint: 'bigint', decimal: 'string', date: 'string', json: 'parsed' } as const;
    const driver = this.#driver;
    const classify: Classify = (error, situation) => driver.classify(error, situation);
    const book = new StatementBook(driver.dialect, { perConnection: 200, total: 2_000 });
    const factory = new ConnectionFactory({ ...base, driver, classify, book, config: () => config }, types);
    this.#pool = new Pool(factory, new PoolSettings({ ...POOL_CONFIG, maxSize: 2, onRelease }), {
      ...base,
      random: this.#random,
    });
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step += 1) {
      await this.#act();
      // Not always a settled moment: half of the steps meet promises that are still on their way.
      for (let tick = this.#upTo(12); tick > 0; tick -= 1) await Promise.resolve();
      if (this.#chance(0.5)) await this.#clock.advance(this.#oneOf([0, 1, 30, 101, 400, 2_100]));
      this.#check();
    }
    await this.#end();
  }

  async #act(): Promise<void> {
    const holders = this.#borrowers.filter((borrower) => borrower.endedAt === undefined);
    const roll = this.#random();
    if (holders.length < 2 && roll < 0.3) return this.#borrow();
    if (holders.length > 0 && roll < 0.6) return this.#send(this.#oneOf(holders));
    if (holders.length > 0 && roll < 0.7) return this.#giveBack(this.#oneOf(holders));
    if (this.#sessions.length > 0 && roll < 0.9) return this.#answer(this.#oneOf(this.#sessions));
    const pending = this.#statements.filter((statement) => !statement.isSettled);
    if (pending.length > 0) this.#oneOf(pending).abort.abort();
  }

  async #borrow(): Promise<void> {
    const asked = this.#pool.acquire({ deadlineAt: this.#clock.now() + 100 }).catch(() => undefined);
    await this.#clock.settle();
    await this.#clock.advance(101);
    const lease = await asked;
    if (lease === undefined) return;
    const session = this.#sessions[lease.entry.id - 1];
    if (session === undefined) throw new Error('ids of connections no longer count up from 1');
    if (session.state !== 'idle') this.#violate(`I6 connection ${lease.entry.id} lent ${session.state}`);
    lease.resource.markTouched();
    this.#borrowers.push({ name: this.#borrowers.length + 1, lease, session, statements: 0, endedAt: undefined });
    this.#note(`borrower ${this.#borrowers.length} gets connection ${lease.entry.id}`);
  }

  #send(borrower: Borrower): void {
    const { lease, session, name } = borrower;
    borrower.statements += 1;
    session.cancelMode = this.#oneOf(CANCEL_MODES);
    const kind = this.#oneOf(['plain', 'plain', 'plain', 'begin', 'commit'] as const);
    const text = kind === 'plain' ? `${name}:${borrower.statements}` : kind;
    if (this.#chance(0.6)) session.answers.set(text, 'hang');
    else if (this.#chance(0.3)) session.answers.set(text, new ServerError('unique'));
    else session.answers.delete(text);
    const abort = new AbortController();
    const inMs = this.#oneOf([0, 5, 50, 300, 1_000]);
    const statement = { text, deadlineAt: this.#clock.now() + inMs, abort, isSettled: false };
    this.#statements.push(statement);
    this.#note(`${name} sends ${text} for ${inMs} ms, its cancel ${session.cancelMode}`);
    const call = {
      deadlineAt: statement.deadlineAt,
      timeoutMs: inMs,
      signal: kind === 'commit' ? undefined : abort.signal,
      phase: kind === 'commit' ? ('commit' as const) : ('statement' as const),
      isReadOnly: false,
      isSafeToRepeat: false,
      inTransaction: false,
      askedReadOnly: false,
      context: {},
    };
    lease.resource.execute({ text, values: [], rowMode: 'array' }, call).then(
      () => this.#settled(statement, undefined),
      (error: unknown) => this.#settled(statement, error),
    );
  }

  #settled(statement: Statement, error: unknown): void {
    statement.isSettled = true;
    const how = isFluxorError(error) ? `${error.code} ${error.reason ?? ''} ${error.outcome}` : 'answered';
    this.#note(`${statement.text}: ${how}`);
    if (this.#clock.now() > statement.deadlineAt + ANSWER_LIMIT_MS)
      this.#violate(`${statement.text} was answered too late`);
    if (error === undefined) this.happened.answered += 1;
    else if (!isFluxorError(error)) this.#violate(`${statement.text} got an error from outside the house`);
    else if (error.reason === 'administrator') this.#violate(`${statement.text} was hit by a cancel for another`);
    else if (error.reason === 'runtime') this.happened.byRuntime += 1;
    else if (error.code === 'CANCELLED') this.happened.aborted += 1;
    else if (error.code === 'TIMEOUT') this.happened.timedOut += 1;
    else if (error.code === 'CONNECTION') this.happened.lost += 1;
    else this.happened.refused += 1;
  }

  #giveBack(borrower: Borrower): void {
    this.#note(`${borrower.name} gives connection ${borrower.lease.entry.id} back, ${borrower.session.state}`);
    if (this.#chance(0.1)) borrower.lease.discard();
    else borrower.lease.release();
    borrower.endedAt = borrower.session.wire.length;
  }

  #answer(session: FakeSession): void {
    if (this.#chance(0.1)) {
      this.#note('a connection breaks');
      session.lose();
      this.#driver.requests[this.#sessions.indexOf(session)]?.onLost(new ServerError('lost'));
    } else if (this.#chance(0.2)) session.fail(new ServerError('unique'));
    else if (session.state === 'busy') session.finish();
  }

  #check(): void {
    checkPoolSums(this.#pool.stats(), this.#pool.inspection.times(), `${this.#clock.now()} ms`);
    for (const session of this.#sessions) {
      for (const text of session.misuse) this.#violate(text);
    }
    for (const { name, session, endedAt } of this.#borrowers) {
      const after = endedAt === undefined ? [] : session.wire.slice(endedAt);
      const intruder = after.find((text) => text.startsWith(`${name}:`));
      if (intruder !== undefined) this.#violate(`I8 ${intruder} reached the wire after its lease had ended`);
    }
    for (const { text, deadlineAt, isSettled } of this.#statements) {
      if (!isSettled && this.#clock.now() > deadlineAt + ANSWER_LIMIT_MS + 1)
        this.#violate(`${text} was never answered`);
    }
    if (this.#violations.length > 0) throw new Error(this.#violations.join('\n'));
  }

  async #end(): Promise<void> {
    this.#note('close');
    let isClosed = false;
    void this.#pool.close(this.#clock.now() + 100).then(() => (isClosed = true));
    await this.#clock.advance(101);
    for (const borrower of this.#borrowers) borrower.endedAt ??= borrower.session.wire.length;
    await this.#clock.advance(9_000);
    if (!isClosed) this.#violate(`I7 the close never ended: ${JSON.stringify(this.#pool.stats())}`);
    if (this.#sessions.some((session) => session.state !== 'closed')) this.#violate('I7 a session is still open');
    if (this.#statements.some((statement) => !statement.isSettled)) this.#violate('I7 a statement was never answered');
    if (this.#timers.size > 0) this.#violate(`I7 ${this.#timers.size} deadlines still watched`);
    this.#timers.stop();
    if (this.#clock.pendingTimerCount > 0) this.#violate('I7 timers left');
    this.#check();
  }

  #note(text: string): void {
    this.history.push(`${this.#clock.now().toFixed(0)} ms: ${text}`);
  }

  #violate(text: string): void {
    this.#note(`VIOLATION ${text}`);
    this.#violations.push(text);
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  /** 1 … max */
  #upTo(max: number): number {
    return 1 + Math.floor(this.#random() * max);
  }

  #oneOf<T>(choices: readonly T[]): T {
    const choice = choices[Math.floor(this.#random() * choices.length)];
    if (choice === undefined) throw new Error('nothing to choose from');
    return choice;
  }
}
