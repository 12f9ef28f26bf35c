/**
 * The whole database gone and back, under callers who never stop asking: how soon the first is served again, what the
 * others hear meanwhile, and what it costs when nothing says that the connections are dead. The outage of a minute is
 * test/nightly/outage-60s.ts; a restart without one failed call is in recovery.test.ts.
 */
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { DBRuntime, FluxorError } from 'fluxor-db';
import { createRuntime, isFluxorError } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { PostgresServer } from '../servers/postgres-server.js';
import { BEHIND_THE_GATE, failure } from './proxied-database.js';
import { SwitchedRoad } from './switched-road.js';

const TASKS = 64;
/** Room for a slow machine, on top of what is promised. */
const SLACK_MS = 500;

/** How long the machine has kept this process standing still, which nobody else can make up for. */
class Stalls implements Disposable {
  ms = 0;
  #seenAt = performance.now();
  readonly #timer = setInterval(() => {
    const lateMs = performance.now() - this.#seenAt - 10;
    this.#seenAt += 10 + lateMs;
    // Less than that is work.
    if (lateMs > 50) this.ms += lateMs;
  }, 10);

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** Callers who ask again and again, and remember their errors and when each was first answered. */
class Crowd {
  readonly errors: unknown[] = [];
  longestMs = 0;
  readonly #db: DBRuntime;
  readonly #tasks: Promise<void>[];
  readonly #answeredAt = new Map<number, number>();
  #isOver = false;

  constructor(db: DBRuntime) {
    this.#db = db;
    this.#tasks = Array.from({ length: TASKS }, (_, task) => this.#ask(task));
  }

  /** Of them, how many were answered since the start, or since `forget`. */
  get answered(): number {
    return this.#answeredAt.size;
  }

  get firstAnswerAt(): number {
    return Math.min(...this.#answeredAt.values());
  }

  forget(): void {
    this.#answeredAt.clear();
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#tasks);
  }

  async #ask(task: number): Promise<void> {
    while (!this.#isOver) {
      const startedAt = performance.now();
      try {
        expect(await this.#db.queryValue('select $1::int', [task], { timeout: '5s' })).toBe(task);
        if (!this.#answeredAt.has(task)) this.#answeredAt.set(task, performance.now());
      } catch (error) {
        this.errors.push(error);
      }
      this.longestMs = Math.max(this.longestMs, performance.now() - startedAt);
      await pause(5);
    }
  }
}

describe('a PostgreSQL that is killed under 64 callers', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await PostgresServer.start({ major: 18 });
  });
  afterAll(() => server.remove());

  // knex#1833, node-postgres#2973, oracledb#1592, mariadb#198
  it('serves the first of them within a second after it listens again, and meanwhile nobody hangs', async () => {
    const db = createRuntime({ ...BEHIND_THE_GATE, driver: postgres({ url: server.url }), pool: { maxSize: 16 } });
    const crowd = new Crowd(db);
    await expect.poll(() => crowd.answered).toBe(TASKS);

    await server.kill();
    crowd.forget();
    await expect.poll(() => db.stats().breaker, { timeout: 5_000, interval: 10 }).toBe('open');
    await refusesAtOnce(db);
    // Long enough for the pauses between attempts to have grown as long as they may in an outage like this.
    await pause(1_700);

    using stalls = new Stalls();
    const listening = listens(server);
    await server.start();
    const readyAt = performance.now();
    const listensAt = await listening;
    await expect.poll(() => crowd.answered, { timeout: 10_000 }).toBe(TASKS);
    // For some of the time between listening and being ready it answers that it is starting up.
    const startingUpMs = Math.max(0, readyAt - listensAt);
    expect(crowd.firstAnswerAt - listensAt).toBeLessThan(1_000 + startingUpMs + stalls.ms + SLACK_MS);
    await crowd.end();

    expect(crowd.longestMs).toBeLessThan(5_000 + SLACK_MS);
    expect(crowd.errors.filter((error) => !isFluxorError(error))).toEqual([]);
    const codes = new Set((crowd.errors as FluxorError[]).map(({ code }) => code));
    expect([...codes].filter((code) => !['CONNECTION', 'TIMEOUT'].includes(code))).toEqual([]);
    const rest = { inUse: 0, waiting: 0, creating: 0, checking: 0, resetting: 0, closing: 0, breaker: 'closed' };
    await expect.poll(() => db.stats()).toMatchObject(rest);
    await db.disconnect();
  });
});

/** While the breaker is open a call costs nothing and says why. */
async function refusesAtOnce(db: DBRuntime): Promise<void> {
  const costs: number[] = [];
  for (let call = 0; call < 20; call += 1) {
    const { error, afterMs } = await failure(db.query('select 1'));
    expect(error).toMatchObject({ code: 'CONNECTION', outcome: 'not-sent', retryable: true });
    expect(error.message).toContain('ECONNREFUSED');
    expect(error.retryAfterMs).toBeDefined();
    costs.push(afterMs);
  }
  // The median: the event loop is busy with 64 others.
  expect(costs.sort((a, b) => a - b)[10]).toBeLessThan(10);
}

/** When the port takes connections, seen from outside. */
async function listens({ host, port }: PostgresServer): Promise<number> {
  for (;;) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect({ host, port });
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (isOpen) return performance.now();
    await pause(5);
  }
}

for (const { name, url } of inject('postgresServers')) {
  describe(`connections into a black hole, on ${name}`, () => {
    /** Long enough for a connect on a slow machine to be told from a second proof. */
    const VALIDATION_MS = 1_500;

    // node-postgres#1075, #3197, knex#1986, oracledb#1274, #1626, #1695
    it('cost a call one proof of life and one connect, however many they are, when new ones go another way', async () => {
      await using road = await SwitchedRoad.start(url);
      const db = createRuntime({
        ...BEHIND_THE_GATE,
        driver: postgres({ url, host: road.host, port: road.port }),
        pool: { maxSize: 5, warmUp: false, validation: { bypass: 0, timeout: VALIDATION_MS } },
      });
      // Not by five calls at once: whoever is answered soon lends a connection to those that would have opened another.
      await db.pool.warmUp({ connections: 5 });
      expect(db.stats().idle).toBe(5);
      road.loseOldConnections();
      const startedAt = performance.now();
      expect(await db.queryValue('select 1')).toBe(1);
      const tookMs = performance.now() - startedAt;
      expect(tookMs).toBeGreaterThanOrEqual(VALIDATION_MS - 1);
      // Less than two proofs one after the other.
      expect(tookMs).toBeLessThan(2 * VALIDATION_MS);
      const answers = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((n) => db.queryValue('select $1::int', [n])));
      expect(answers).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      // Nobody waited for the others: they are found out beside, and go.
      await expect.poll(() => db.stats().totals.closed, { timeout: 10_000 }).toBe(5);
      await db.disconnect();
    });
  });
}
