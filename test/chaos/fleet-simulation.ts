/** A fleet against one database through a brown-out: real runtimes, a modelled server, virtual time. */
import type { RuntimeOptions } from '../../src/config/runtime-options.js';
import { isFluxorError } from '../../src/errors/fluxor-error.js';
import { seededRandom } from '../../src/kernel/random.js';
import { createRuntime } from '../../src/runtime/create-runtime.js';
import type { DBRuntime } from '../../src/runtime/runtime.js';
import { FleetClock } from './fleet-clock.js';
import { DatabaseModel } from './fleet-database.js';
import { fleetDriver, FleetServer, WORK } from './fleet-driver.js';

export interface FleetPlan {
  readonly seed: number;
  readonly runtimes: number;
  /** Processors of the database per 100 runtimes. */
  readonly processorsPer100: number;
  readonly sessionsPerRuntime: number;
  /** The share of the capacity that is asked for. */
  readonly load: number;
  readonly brownOutFrom: number;
  readonly brownOutTo: number;
  readonly brownOutShare: number;
  readonly seconds: number;
  readonly timeoutMs: number;
}

export const PLAN: FleetPlan = {
  seed: 4711,
  runtimes: 1_000,
  processorsPer100: 10,
  sessionsPerRuntime: 20,
  load: 0.75,
  brownOutFrom: 10,
  brownOutTo: 20,
  brownOutShare: 0.1,
  seconds: 60,
  timeoutMs: 1_000,
};

export interface FleetSide {
  readonly name: string;
  readonly options: Omit<RuntimeOptions, 'driver' | 'clock' | 'random'>;
  /** Attempts that the application itself makes. */
  readonly attempts: number;
}

export const SIDES = {
  naive: {
    name: 'naive',
    options: {
      gate: { circuitBreaker: false, rateLimit: false, connectionLimit: false },
      query: { retry: false },
    },
    attempts: 10,
  },
  defaults: { name: 'defaults', options: {}, attempts: 1 },
  noBreaker: { name: 'noBreaker', options: { gate: { circuitBreaker: false } }, attempts: 1 },
  earlyProbe: { name: 'earlyProbe', options: { gate: { circuitBreaker: { earlyProbe: true } } }, attempts: 1 },
} satisfies Record<string, FleetSide>;

export interface FleetSecond {
  asked: number;
  /** Of those asked in this second, answered in time. */
  good: number;
  /** Statements that reached the server. */
  statements: number;
  logins: number;
  refused: number;
  load: number;
  sessions: number;
  open: number;
  codes: Record<string, number>;
}

export async function runFleet(plan: FleetPlan, side: FleetSide): Promise<FleetSecond[]> {
  const clock = new FleetClock();
  const processors = (plan.processorsPer100 * plan.runtimes) / 100;
  const database = new DatabaseModel(clock, processors);
  const random = seededRandom(plan.seed);
  const server = new FleetServer(database, plan.sessionsPerRuntime * plan.runtimes, random);
  const runtimes = Array.from({ length: plan.runtimes }, (_, index) =>
    createRuntime({
      ...side.options,
      driver: fleetDriver(server),
      clock,
      random: seededRandom(plan.seed + 1_000 + index),
    }),
  );
  const open = new Set<DBRuntime>();
  for (const db of runtimes) {
    db.on('circuit:state-changed', ({ to }) => (to === 'closed' ? open.delete(db) : open.add(db)));
  }
  const seconds: FleetSecond[] = [];
  const ask = async (db: DBRuntime, second: FleetSecond): Promise<void> => {
    const askedAt = clock.now();
    for (let attempt = 1; attempt <= side.attempts; attempt += 1) {
      try {
        await db.query('select * from things where id = $1', [7], { timeout: plan.timeoutMs, readOnly: true });
        if (clock.now() - askedAt <= plan.timeoutMs) second.good += 1;
        return;
      } catch (error) {
        const code = isFluxorError(error) ? `${error.code}/${error.reason ?? ''}` : String(error);
        second.codes[code] = (second.codes[code] ?? 0) + 1;
      }
    }
  };
  const perMs = (plan.load * processors) / WORK.statement;
  let isOver = false;
  const arrive = () => {
    if (isOver) return;
    const second = seconds.at(-1);
    const db = runtimes[Math.floor(random() * runtimes.length)];
    if (second !== undefined && db !== undefined) {
      second.asked += 1;
      void ask(db, second);
    }
    clock.setTimer(-Math.log(1 - random()) / perMs, arrive);
  };
  clock.setTimer(0, arrive);
  for (let count = 0; count < plan.seconds; count += 1) {
    if (count === plan.brownOutFrom) database.setProcessors(processors * plan.brownOutShare);
    if (count === plan.brownOutTo) database.setProcessors(processors);
    const before = { statements: server.statements, logins: server.logins, refused: server.refused };
    const second = {
      asked: 0,
      good: 0,
      statements: 0,
      logins: 0,
      refused: 0,
      load: 0,
      sessions: 0,
      open: 0,
      codes: {},
    };
    seconds.push(second);
    await clock.runUntil((count + 1) * 1_000);
    second.statements = server.statements - before.statements;
    second.logins = server.logins - before.logins;
    second.refused = server.refused - before.refused;
    second.load = database.load;
    second.sessions = server.sessions;
    second.open = open.size;
  }
  isOver = true;
  await clock.runUntil((plan.seconds + 3) * 1_000);
  return seconds;
}
