/**
 * What the contracts of the runtime's interfaces are made of: cases that say which members of an interface they are about,
 * the three executors that every case of an executor runs on, and an eye on the server from outside.
 * Invariant: a case that claims a member has used it; coverage.test.ts relies on that.
 */
import type { DBRuntime, Driver, Executor, FluxorError, RowStream, RuntimeOptions } from 'fluxor-db';
import { createRuntime, isFluxorError } from 'fluxor-db';
import { expect } from 'vitest';
import type { ContractTarget } from './targets.js';

export const EXECUTOR_KINDS = ['runtime', 'session', 'transaction'] as const;
export type ExecutorKind = (typeof EXECUTOR_KINDS)[number];

/** What a case may know about where it runs. */
export interface CaseFacts {
  readonly db: DBRuntime;
  readonly target: ContractTarget;
  /** From outside, with nothing in between; the runtime itself where the database has one session only. */
  readonly observer: DBRuntime;
}

export interface ContractCase<T, F extends CaseFacts = CaseFacts> {
  /** Members of the interface, and options as `QueryOptions.rowMode`. */
  readonly covers: readonly string[];
  readonly title: string;
  run(on: T, facts: F): Promise<void>;
}

export interface ExecutorFacts extends CaseFacts {
  readonly kind: ExecutorKind;
}

export type ExecutorCase = ContractCase<Executor, ExecutorFacts>;

/** Runs a case, and holds it to what it claims to be about. */
export async function runCase<T extends object, F extends CaseFacts>(
  one: ContractCase<T, F>,
  on: T,
  facts: F,
): Promise<void> {
  const used = new Set<string>();
  await one.run(recording(on, used), facts);
  expect(one.covers.filter((name) => !name.includes('.') && !used.has(name))).toEqual([]);
}

/** Forwards everything, and notes the names. Methods keep their own `this`: handles have private fields. */
export function recording<T extends object>(on: T, used: Set<string>): T {
  return new Proxy(on, {
    get: (target, key) => {
      used.add(key === Symbol.asyncDispose ? '[Symbol.asyncDispose]' : String(key));
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
}

/** Lends an executor of the kind; what it did in a transaction is rolled back. */
export async function withExecutor<T>(db: DBRuntime, kind: ExecutorKind, fn: (on: Executor) => Promise<T>): Promise<T> {
  if (kind === 'runtime') return fn(db);
  if (kind === 'session') return db.use(fn);
  await using tx = await db.begin();
  return await fn(tx);
}

/** The timeouts and lost connections of the tests are no outage. */
const PATIENT = { gate: { circuitBreaker: false } } as const;

/** One runtime on the target, and one that looks at it from outside. */
export class ContractHouse {
  readonly target: ContractTarget;
  readonly db: DBRuntime;
  readonly observer: DBRuntime;
  readonly #extra: DBRuntime[] = [];

  static async start(target: ContractTarget, options: Omit<RuntimeOptions, 'driver'> = {}): Promise<ContractHouse> {
    await target.prepare();
    const house = new ContractHouse(target, options);
    // A first connection can take longer than the limits that are tested.
    await house.db.connect();
    return house;
  }

  private constructor(target: ContractTarget, options: Omit<RuntimeOptions, 'driver'>) {
    this.target = target;
    this.db = createRuntime({ driver: target.makeDriver(), ...PATIENT, ...options });
    const outside = target.makeObserver?.();
    this.observer = outside === undefined ? this.db : this.#also(outside);
  }

  /** Another runtime on the same database. The embedded one is alone with its driver: there it is an empty one. */
  other(options: Omit<RuntimeOptions, 'driver'>): DBRuntime {
    return this.#also(this.target.makeDriver(), options);
  }

  /** With a driver of one's own. */
  with(driver: Driver): DBRuntime {
    return this.#also(driver);
  }

  #also(driver: Driver, options: Omit<RuntimeOptions, 'driver'> = {}): DBRuntime {
    const db = createRuntime({ driver, ...PATIENT, ...options });
    this.#extra.push(db);
    return db;
  }

  get canCancel(): boolean {
    return this.db.config.driver.capabilities.canCancel;
  }

  /** The database has more than one session. */
  get isShared(): boolean {
    return !isEmbedded(this.db);
  }

  /** Resolves when one statement with this word runs at the server; with the name of its session. */
  async untilRuns(marker: string): Promise<string> {
    let sessions: readonly unknown[] = [];
    const look = async (): Promise<number> => {
      sessions = await this.observer.query(this.target.words.running(marker), [], { rowMode: 'array' });
      return sessions.length;
    };
    await expect.poll(look, { timeout: 10_000 }).toBe(1);
    return String((sessions as readonly (readonly unknown[])[])[0]?.[0]);
  }

  /** Resolves when none with this word runs there any more; its caller may have been answered before. */
  async untilNoneRuns(marker: string): Promise<void> {
    const look = () => this.observer.query(this.target.words.running(marker));
    await expect.poll(look, { timeout: 10_000 }).toEqual([]);
  }

  /** Ends the session in which a statement with this word runs, once it does. */
  async endRunning(marker: string, before?: () => Promise<unknown>): Promise<void> {
    const session = await this.untilRuns(marker);
    await before?.();
    await this.observer.query(this.target.words.endSession(session));
    await this.untilNoneRuns(marker);
  }

  /** What a statement that waits is answered with when its session is ended from outside. */
  async loseWhile(marker: string, run: (text: string) => Promise<unknown>): Promise<FluxorError> {
    const lost = refusal(run(this.target.words.sleep('30', marker)));
    await this.endRunning(marker);
    return lost;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const db of [this.db, ...this.#extra]) await db.disconnect({ timeout: '5s' });
  }
}

/** One session, in this very process. */
export function isEmbedded(db: DBRuntime): boolean {
  return db.config.driver.capabilities.maxSessions === 1;
}

/** What a call rejects with; anything but an error of the house is a failure of its own. */
export async function refusal(call: Promise<unknown>): Promise<FluxorError> {
  try {
    await call;
  } catch (error) {
    if (isFluxorError(error)) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

export async function collect<R>(stream: RowStream<R>): Promise<R[]> {
  const rows: R[] = [];
  for await (const row of stream) rows.push(row);
  return rows;
}
