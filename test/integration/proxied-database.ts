/**
 * A runtime, the real server behind it, the fault proxy between them, and a direct connection past the proxy to look at
 * the server with. `check()` is the end of every fault test: nothing may be left of what happened.
 */
import { createRuntime } from 'fluxor-db';
import type { DBRuntime, FluxorError, RuntimeOptions } from 'fluxor-db';
import type { TcpProxy } from 'fluxor-db/testing';
import { startTcpProxy } from 'fluxor-db/testing';
import { expect } from 'vitest';
import { int } from '../contract/words.js';
import type { ProxiedTarget } from './proxied-targets.js';
import { postgresTarget } from './proxied-targets.js';

/**
 * For tests of what lies behind the gate: there the first error is the one that counts, and a hundred of them are no reason
 * to stop asking. What the gate makes of it all is tested in gate.test.ts, retry*.test.ts and bank.test.ts.
 */
export const BEHIND_THE_GATE = {
  gate: { circuitBreaker: false, rateLimit: false, connectionLimit: false },
  query: { retry: false },
} as const satisfies Omit<RuntimeOptions, 'driver'>;

export class ProxiedDatabase implements AsyncDisposable {
  readonly proxy: TcpProxy;
  readonly db: DBRuntime;
  /** Past the proxy: faults do not reach it. */
  readonly direct: DBRuntime;
  readonly target: ProxiedTarget;
  readonly applicationName: string;

  /** A plain URL is that of a PostgreSQL server. */
  static async start(
    at: string | ProxiedTarget,
    options: Omit<RuntimeOptions, 'driver'> = {},
  ): Promise<ProxiedDatabase> {
    const target = typeof at === 'string' ? postgresTarget(at) : at;
    const { hostname, port } = new URL(target.url);
    const proxy = await startTcpProxy({ target: { host: hostname, port: Number(port) } });
    const house = new ProxiedDatabase(target, proxy, options);
    for (const text of target.words.setup) await house.direct.exec(text, [], { timeout: '60s' });
    return house;
  }

  /** Without the gate, and with one attempt for each call. */
  static startBehindTheGate(
    at: string | ProxiedTarget,
    options: Omit<RuntimeOptions, 'driver'> = {},
  ): Promise<ProxiedDatabase> {
    const { gate, query } = BEHIND_THE_GATE;
    return ProxiedDatabase.start(at, { ...options, gate, query: { ...query, ...options.query } });
  }

  private constructor(target: ProxiedTarget, proxy: TcpProxy, options: Omit<RuntimeOptions, 'driver'>) {
    this.target = target;
    this.proxy = proxy;
    this.applicationName = `faults_${proxy.port}`;
    const { host, port } = proxy;
    const driver = target.makeDriver({ host, port, applicationName: this.applicationName });
    // The tests count connections; a warm-up in the background would add its own.
    this.db = createRuntime({ driver, ...options, pool: { warmUp: false, ...options.pool } });
    const observer = target.makeDriver({ applicationName: 'observer' });
    // Where the observer is told apart by its session, it has one only.
    const maxSize = target.words.facts.saysWhyItEnds ? 4 : 1;
    this.direct = createRuntime({ driver: observer, ...BEHIND_THE_GATE, pool: { maxSize } });
  }

  /** Waits for longer than any test, under this house's name. */
  get sleep(): string {
    return this.target.words.sleep('30', this.applicationName);
  }

  /** What the server says its sessions of this runtime are doing. */
  async activity(): Promise<{ state: string; query: string }[]> {
    return this.direct.query<{ state: string; query: string }>(this.target.activity(this.applicationName));
  }

  /**
   * Statements of this runtime's callers that the server is working on. Not those of the runtime itself: the empty round trip
   * of a connection whose statement was stopped a moment ago, or which is looked at before it is lent, the question with which
   * a connection begins, and the words that begin and end a transaction.
   */
  async running(): Promise<string[]> {
    const active = (await this.activity()).filter(({ state }) => state === 'active').map(({ query }) => query);
    return active.filter((query) => !this.target.isOwn(query));
  }

  /**
   * Waits until the server works on so many statements of this runtime's callers that have `part` in their text: what a test
   * waits for by name cannot be met by anything else that a session does meanwhile.
   */
  async untilRunning(part: string, count = 1): Promise<void> {
    const found = async () => (await this.running()).filter((query) => query.includes(part));
    await expect.poll(found, { timeout: 10_000 }).toHaveLength(count);
  }

  /** Waits until `sleep` runs. */
  untilSleeping(): Promise<void> {
    return this.untilRunning(this.applicationName);
  }

  /** The pool's counts are back to normal: nothing lent, waiting, half-made or half-cleaned; and it works. */
  async check(): Promise<void> {
    this.proxy.clearFaults();
    await this.proxy.setMode('pass');
    await expect
      .poll(
        () => {
          const { inUse, waiting, creating, checking, resetting, closing } = this.db.stats();
          return { inUse, waiting, creating, checking, resetting, closing };
        },
        { timeout: 8_000 },
      )
      .toEqual({ inUse: 0, waiting: 0, creating: 0, checking: 0, resetting: 0, closing: 0 });
    // The pause after the last failed attempt may be longer than a short acquireTimeout.
    const text = `select ${int(this.target.words, 42)}`;
    await expect.poll(() => this.db.queryValue(text).catch(() => 'not yet')).toBe(42);
    const { total, idle, maxSize } = this.db.stats();
    expect(total).toBe(idle);
    expect(total).toBeLessThanOrEqual(maxSize);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.db.disconnect({ timeout: 100 });
    await this.direct.disconnect({ timeout: 100 });
    await this.proxy.close();
  }
}

/** The error a promise rejects with, and after how long. */
export async function failure(promise: Promise<unknown>): Promise<{ error: FluxorError; afterMs: number }> {
  const startedAt = performance.now();
  try {
    await promise;
  } catch (error) {
    return { error: error as FluxorError, afterMs: performance.now() - startedAt };
  }
  throw new Error('it did not fail');
}
