/**
 * A fleet against one database through a brown-out: real runtimes (their pools, gates and retries), a modelled server,
 * virtual time. The callers are an open loop: they arrive whether or not those before them were answered, at the same
 * moments at the same runtimes on every side of a comparison.
 * Each second one runtime's numbers must add up, and at the end those of all. A run ends with a look at what it left behind; see
 * `FleetLeftovers`.
 */
import { isFluxorError } from '../../src/errors/fluxor-error.js';
import type { Random } from '../../src/kernel/random.js';
import { seededRandom } from '../../src/kernel/random.js';
import { createRuntime } from '../../src/runtime/create-runtime.js';
import type { DBRuntime } from '../../src/runtime/runtime.js';
import { FleetClock } from './fleet-clock.js';
import { DatabaseModel } from './fleet-database.js';
import { fleetDriver, FleetServer, WORK } from './fleet-driver.js';
import type { FleetPlan, FleetSide } from './fleet-plan.js';
import { checkMetricsAtRest, checkMetricSums } from './metric-sums.js';

export interface FleetSecond {
  /** Calls that arrived in this second. */
  asked: number;
  /** Of these, answered within the caller's patience. */
  inTime: number;
  /** Of these, answered later than that. */
  late: number;
  /** Attempts made in this second: a call's first, the application's next ones, the runtime's own retries. */
  attempts: number;
  /** Attempts that the circuit refused. */
  refused: number;
  /** Statements that reached the server. */
  statements: number;
  logins: number;
  /** At the end of the second: pieces of work under way at the server, its sessions, circuits that are not closed. */
  work: number;
  sessions: number;
  openCircuits: number;
}

/** All of it must be 0, or something was lost on the way. */
export interface FleetLeftovers {
  readonly unansweredCalls: number;
  readonly runtimesNotClosed: number;
  readonly timers: number;
  readonly sessions: number;
  readonly work: number;
}

export interface FleetRun {
  readonly seconds: readonly FleetSecond[];
  readonly leftovers: FleetLeftovers;
}

/** Statements a second that the processors can do. */
export function capacityOf({ processorsPer100, runtimes }: FleetPlan): number {
  return (processorsPer100 * runtimes * 10) / WORK.statement;
}

/** `onSecond` hears of each second when it is over, and of how long that took nothing: the clock here is not real. */
export async function runFleet(
  plan: FleetPlan,
  side: FleetSide,
  onSecond: (second: FleetSecond, index: number) => void = () => undefined,
): Promise<FleetRun> {
  const fleet = new Fleet(plan, side);
  const seconds: FleetSecond[] = [];
  for (let index = 0; index < plan.seconds; index += 1) {
    const second = await fleet.liveSecond(index);
    seconds.push(second);
    onSecond(second, index);
  }
  return { seconds, leftovers: await fleet.end() };
}

/** The longest that the callers' last attempts, the server's last work and the pools' farewells may take. */
const END_SECONDS = 120;

class Fleet {
  readonly #plan: FleetPlan;
  readonly #side: FleetSide;
  readonly #clock = new FleetClock();
  readonly #processors: number;
  readonly #database: DatabaseModel;
  readonly #server: FleetServer;
  readonly #runtimes: readonly DBRuntime[];
  readonly #open = new Set<DBRuntime>();
  /** Of its own, so that what a side makes of a call changes nothing about the next one. */
  readonly #arrivals: Random;
  #second = emptySecond();
  #unanswered = 0;
  #isOver = false;

  constructor(plan: FleetPlan, side: FleetSide) {
    this.#plan = plan;
    this.#side = side;
    this.#processors = (plan.processorsPer100 * plan.runtimes) / 100;
    this.#database = new DatabaseModel(this.#clock, this.#processors);
    this.#server = new FleetServer(
      this.#database,
      plan.sessionsPerRuntime * plan.runtimes,
      seededRandom(plan.seed + 1),
    );
    this.#arrivals = seededRandom(plan.seed);
    this.#runtimes = Array.from({ length: plan.runtimes }, (_, index) => this.#start(plan.seed + 1_000 + index));
    this.#arriveNext();
  }

  async liveSecond(index: number): Promise<FleetSecond> {
    const { from, to, processorsLeft } = this.#plan.brownOut;
    if (index === from) this.#database.setProcessors(this.#processors * processorsLeft);
    if (index === to) this.#database.setProcessors(this.#processors);
    const second = emptySecond();
    this.#second = second;
    const { statements, logins } = this.#server;
    await this.#clock.runUntil((index + 1) * 1_000);
    second.statements = this.#server.statements - statements;
    second.logins = this.#server.logins - logins;
    second.work = this.#database.load;
    second.sessions = this.#server.sessions;
    second.openCircuits = this.#open.size;
    // All of them each second would take longer than the run.
    const db = this.#runtimes[index % this.#runtimes.length];
    if (db !== undefined) checkMetricSums(db.metrics(), `runtime ${index % this.#runtimes.length}, second ${index}`);
    return second;
  }

  async end(): Promise<FleetLeftovers> {
    this.#isOver = true;
    // The last attempts of the calls that are left belong to no second of the run.
    this.#second = emptySecond();
    await this.#liveUntil(() => this.#unanswered === 0);
    let isGone = false;
    void Promise.allSettled(this.#runtimes.map((db) => db.disconnect())).then(() => (isGone = true));
    await this.#liveUntil(() => isGone && this.#database.load === 0);
    for (const [index, db] of this.#runtimes.entries()) checkMetricsAtRest(db.metrics(), `runtime ${index}, the end`);
    return {
      unansweredCalls: this.#unanswered,
      runtimesNotClosed: this.#runtimes.filter(({ state }) => state !== 'closed').length,
      timers: this.#clock.pendingTimerCount,
      sessions: this.#server.sessions,
      work: this.#database.load,
    };
  }

  #start(seed: number): DBRuntime {
    const db = createRuntime({
      ...this.#side.options,
      driver: fleetDriver(this.#server),
      clock: this.#clock,
      random: seededRandom(seed),
    });
    db.on('circuit:state-changed', ({ to }) => (to === 'closed' ? this.#open.delete(db) : this.#open.add(db)));
    db.on('query:retried', () => (this.#second.attempts += 1));
    return db;
  }

  /** Poisson arrivals: the pauses between them are exponential. */
  #arriveNext(): void {
    const meanMs = 1_000 / (this.#plan.load * capacityOf(this.#plan));
    this.#clock.setTimer(-Math.log(1 - this.#arrivals()) * meanMs, () => {
      if (this.#isOver) return;
      const db = this.#runtimes[Math.floor(this.#arrivals() * this.#runtimes.length)];
      if (db !== undefined) void this.#ask(db, this.#second);
      this.#arriveNext();
    });
  }

  /** One call, as an application makes it. It never rejects; `second` is the one in which it arrived. */
  async #ask(db: DBRuntime, second: FleetSecond): Promise<void> {
    const { timeoutMs } = this.#plan;
    const patienceEndsAt = this.#clock.now() + timeoutMs;
    second.asked += 1;
    this.#unanswered += 1;
    for (let attempt = 1; attempt <= this.#side.attempts; attempt += 1) {
      this.#second.attempts += 1;
      try {
        await db.query('select * from things where id = $1', [7], { timeout: timeoutMs, readOnly: true });
        if (this.#clock.now() <= patienceEndsAt) second.inTime += 1;
        else second.late += 1;
        break;
      } catch (error) {
        if (isFluxorError(error, 'CIRCUIT_OPEN')) this.#second.refused += 1;
      }
    }
    this.#unanswered -= 1;
  }

  async #liveUntil(isReached: () => boolean): Promise<void> {
    for (let count = 0; count < END_SECONDS && !isReached(); count += 1) {
      await this.#clock.runUntil(this.#clock.now() + 1_000);
    }
  }
}

function emptySecond(): FleetSecond {
  return {
    asked: 0,
    inTime: 0,
    late: 0,
    attempts: 0,
    refused: 0,
    statements: 0,
    logins: 0,
    work: 0,
    sessions: 0,
    openCircuits: 0,
  };
}
