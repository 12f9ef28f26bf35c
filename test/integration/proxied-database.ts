/**
 * A runtime, the real server behind it, the fault proxy between them, and a direct connection past the proxy to look at
 * the server with. `check()` is the end of every fault test: nothing may be left of what happened.
 */
import { createRuntime } from 'fluxor-db';
import type { DBRuntime, FluxorError, RuntimeOptions } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';
import type { TcpProxy } from 'fluxor-db/testing';
import { startTcpProxy } from 'fluxor-db/testing';
import { expect } from 'vitest';

/**
 * For tests of what lies behind the gate: there the first error is the one that counts, and a hundred of them are no reason
 * to stop asking. What the gate makes of it all is tested in gate.test.ts, retry*.test.ts and bank.test.ts.
 */
export const BEHIND_THE_GATE = {
  gate: { circuitBreaker: false, rateLimit: false, connectionLimit: false },
  query: { retry: false },
} as const satisfies Omit<RuntimeOptions, 'driver'>;

/** With it every connection finds out whether a pooler stands between (src/driver/postgres/postgres-session.ts). */
const OPENING_QUESTION = 'select coalesce(pg_catalog.pg_backend_pid()';

export class ProxiedDatabase implements AsyncDisposable {
  readonly proxy: TcpProxy;
  readonly db: DBRuntime;
  /** Past the proxy: faults do not reach it. */
  readonly direct: DBRuntime;
  readonly applicationName: string;

  static async start(url: string, options: Omit<RuntimeOptions, 'driver'> = {}): Promise<ProxiedDatabase> {
    const { hostname, port } = new URL(url);
    const proxy = await startTcpProxy({ target: { host: hostname, port: Number(port) } });
    return new ProxiedDatabase(url, proxy, options);
  }

  /** Without the gate, and with one attempt for each call. */
  static startBehindTheGate(url: string, options: Omit<RuntimeOptions, 'driver'> = {}): Promise<ProxiedDatabase> {
    const { gate, query } = BEHIND_THE_GATE;
    return ProxiedDatabase.start(url, { ...options, gate, query: { ...query, ...options.query } });
  }

  private constructor(url: string, proxy: TcpProxy, options: Omit<RuntimeOptions, 'driver'>) {
    this.proxy = proxy;
    this.applicationName = `faults-${proxy.port}`;
    const driver = postgres({ url, host: proxy.host, port: proxy.port, applicationName: this.applicationName });
    // The tests count connections; a warm-up in the background would add its own.
    this.db = createRuntime({ driver, ...options, pool: { warmUp: false, ...options.pool } });
    const observer = postgres({ url, applicationName: 'observer' });
    this.direct = createRuntime({ driver: observer, ...BEHIND_THE_GATE, pool: { maxSize: 4 } });
  }

  /** What the server says its sessions of this runtime are doing. */
  async activity(): Promise<{ state: string; query: string }[]> {
    return this.direct.query<{ state: string; query: string }>(
      'select state, query from pg_stat_activity where application_name = $1 order by pid',
      [this.applicationName],
    );
  }

  /**
   * Statements of this runtime's callers that the server is working on. Not those of the runtime itself: the empty round trip
   * of a connection whose statement was stopped a moment ago, or which is looked at before it is lent, and the question with
   * which a connection begins.
   */
  async running(): Promise<string[]> {
    const active = (await this.activity()).filter(({ state }) => state === 'active').map(({ query }) => query);
    return active.filter((query) => query !== '' && !query.startsWith(OPENING_QUESTION));
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
    await expect.poll(() => this.db.queryValue('select 42').catch(() => 'not yet')).toBe(42);
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
