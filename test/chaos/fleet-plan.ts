/**
 * What happens to the fleet, and what is set on which side of the comparison. Read by the test, by `npm run fleet` and by
 * nobody else; everything in here is plain JSON and is written into docs/fleet.json as it stands.
 */
import type { RuntimeOptions } from '../../src/config/runtime-options.js';

export interface FleetPlan {
  readonly seed: number;
  readonly runtimes: number;
  /** Processors of the database for every 100 runtimes, so that a smaller fleet lives the same life. */
  readonly processorsPer100: number;
  /** More than the pools ask for: the brown-out is about processors, not about `max_connections`. */
  readonly sessionsPerRuntime: number;
  /** What is asked for as a share of what the processors can do. */
  readonly load: number;
  /** Seconds from the start, the end not included. */
  readonly brownOut: { readonly from: number; readonly to: number; readonly processorsLeft: number };
  readonly seconds: number;
  /** How long a caller waits for an answer, and the `timeout` of each attempt. */
  readonly timeoutMs: number;
}

export const PLAN: FleetPlan = {
  seed: 4711,
  runtimes: 1_000,
  processorsPer100: 10,
  sessionsPerRuntime: 60,
  load: 0.75,
  brownOut: { from: 10, to: 20, processorsLeft: 0.1 },
  seconds: 90,
  timeoutMs: 1_000,
};

export interface FleetSide {
  readonly name: string;
  /** What is set in every runtime. */
  readonly options: Omit<RuntimeOptions, 'driver' | 'clock' | 'random'>;
  /** Attempts that the application makes around the runtime: any error is answered with the next one, at once. */
  readonly attempts: number;
}

/** No gate, no retries: the pool, the deadlines and the cancelling alone. */
const BARE = {
  gate: { circuitBreaker: false, rateLimit: false, connectionLimit: false },
  query: { retry: false },
} as const;

/** The three curves. Naive makes as many attempts as the defaults may: a first one and `maxRetries`, 3. */
export const SIDES = {
  defaults: { name: 'defaults', options: {}, attempts: 1 },
  noProbe: {
    name: '60 s without a probe',
    options: { gate: { circuitBreaker: { earlyProbe: false } } },
    attempts: 1,
  },
  naive: { name: 'naive retries', options: BARE, attempts: 4 },
} as const satisfies Record<string, FleetSide>;

/** One thing changed at a time, to see what it is there for. */
export const PARTS: readonly FleetSide[] = [
  SIDES.defaults,
  { name: 'no circuit breaker', options: { gate: { circuitBreaker: false } }, attempts: 1 },
  {
    name: "`countStatementTimeouts: 'distinct'`",
    options: { gate: { circuitBreaker: { countStatementTimeouts: 'distinct' } } },
    attempts: 1,
  },
  { name: "`resetTimeout: '1s'`", options: { gate: { circuitBreaker: { resetTimeout: '1s' } } }, attempts: 1 },
  {
    name: "`resetTimeout: '1s'`, no probe",
    options: { gate: { circuitBreaker: { resetTimeout: '1s', earlyProbe: false } } },
    attempts: 1,
  },
  { name: 'no probe', options: SIDES.noProbe.options, attempts: 1 },
  {
    name: 'no rate and connection limit',
    options: { gate: { rateLimit: false, connectionLimit: false } },
    attempts: 1,
  },
  { name: 'no retries', options: { query: { retry: false } }, attempts: 1 },
  { name: 'no gate, no retries', options: BARE, attempts: 1 },
  { name: 'no gate, 2 naive attempts', options: BARE, attempts: 2 },
  { name: 'no gate, 4 naive attempts', options: BARE, attempts: 4 },
  { name: 'the same, `pool.maxSize: 10` (50)', options: { ...BARE, pool: { maxSize: 10 } }, attempts: 4 },
  { name: 'the same, `pool.maxSize: 2`', options: { ...BARE, pool: { maxSize: 2 } }, attempts: 4 },
  { name: 'defaults, 4 naive attempts around them', options: {}, attempts: 4 },
  {
    name: 'the same, no circuit breaker',
    options: { gate: { circuitBreaker: false } },
    attempts: 4,
  },
  {
    name: "the same, `countStatementTimeouts: 'distinct'`",
    options: { gate: { circuitBreaker: { countStatementTimeouts: 'distinct' } } },
    attempts: 4,
  },
];

/** For the parts: small enough that each lives through several seeds. */
export const PARTS_PLAN: FleetPlan = { ...PLAN, runtimes: 50 };
export const PARTS_SEEDS: readonly number[] = [1, 2, 3];
