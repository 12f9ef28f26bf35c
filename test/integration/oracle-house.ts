/**
 * The wire server in a process of its own with PostgreSQL behind it, and runtimes in front of it. `check()` is the end of every fault
 * test: the pool answers everybody again, nothing of the fault is left in it, at the server, or among the sockets of this process.
 */
import { fileURLToPath } from 'node:url';
import type { DBRuntime, RuntimeOptions } from 'fluxor-db';
import { createRuntime } from 'fluxor-db';
import type { OracleOptions } from 'fluxor-db/oracle';
import { oracle } from 'fluxor-db/oracle';
import { expect, inject } from 'vitest';
import type { WireCall } from '../support/oracle-wire/observation.js';
import type { OracleProcess, ProcessOptions } from '../support/oracle-wire/oracle-process.js';
import { startOracleProcess } from '../support/oracle-wire/oracle-process.js';
import { BEHIND_THE_GATE } from './proxied-database.js';

export type OracleProfile = '23ai' | '19c';

export const PROFILES: readonly OracleProfile[] = ['23ai', '19c'];

/** Room for a slow machine: deadlines are proved by being met within this much, not to the millisecond. */
export const SLACK_MS = 3_000;

const BACKEND = fileURLToPath(new URL('../support/oracle-wire/engine/open-backend.ts', import.meta.url));

/** A table whose id is not unique: what is made twice is there twice. And a sleep where a query has an expression. */
const SETUP = [
  'create table things (id number(9) not null)',
  `create or replace function pause(seconds number, n number) return number is
     begin dbms_session.sleep(seconds); return n; end;`,
];

export interface HouseOptions extends Omit<RuntimeOptions, 'driver'> {
  readonly driver?: OracleOptions;
}

/** A server of one's own. */
export async function startOracleServer(
  profile: OracleProfile,
  options: Partial<ProcessOptions> = {},
): Promise<OracleProcess> {
  const [target] = inject('postgresServers');
  if (target === undefined) throw new Error('The tests of Oracle need a PostgreSQL behind the wire server.');
  const backend = { module: BACKEND, options: { url: target.url, version: profile === '23ai' ? 23 : 19 } };
  return startOracleProcess({ profile, backend, lifetimeMs: 900_000, ...options });
}

/** One server for the tests of a suite; each opens a house of its own in front of it. */
export async function startOracleSite(
  profile: OracleProfile,
  options: Partial<ProcessOptions> = {},
): Promise<OracleSite> {
  const site = new OracleSite(await startOracleServer(profile, options));
  for (const text of SETUP) await site.observer.exec(text, [], { timeout: '60s' });
  return site;
}

export class OracleSite {
  readonly server: OracleProcess;
  /** One connection beside the house, for looking at what is there. Faults that name no session reach it, too. */
  readonly observer: DBRuntime;

  constructor(server: OracleProcess) {
    this.server = server;
    const driver = oracle({ url: server.url, applicationName: 'observer' });
    this.observer = createRuntime({ driver, pool: { maxSize: 1, warmUp: false }, gate: BEHIND_THE_GATE.gate });
  }

  open(options: HouseOptions = {}): OracleHouse {
    return new OracleHouse(this, options);
  }

  /** Without the gate, and with one attempt for each call. */
  openBehindTheGate(options: HouseOptions = {}): OracleHouse {
    const { gate, query } = BEHIND_THE_GATE;
    return this.open({ ...options, gate, query: { ...query, ...options.query } });
  }

  /** Ids of the table, as somebody else sees them. */
  async ids(): Promise<number[]> {
    const rows = await this.observer.query<{ ID: number }>('select id from things order by id', [], { readOnly: true });
    return rows.map(({ ID }) => ID);
  }

  async empty(): Promise<void> {
    await this.observer.exec('delete from things');
  }

  /** No call of any test was one that the protocol does not know. */
  async stop(): Promise<void> {
    await this.observer.disconnect({ timeout: 1_000 });
    const { protocolErrors } = await this.server.look();
    await this.server.stop();
    expect(protocolErrors).toEqual([]);
  }
}

export class OracleHouse implements AsyncDisposable {
  readonly site: OracleSite;
  readonly server: OracleProcess;
  readonly db: DBRuntime;
  readonly name: string;
  /** Why connections were closed. */
  readonly closed: string[] = [];
  /** Codes and reasons of connections that were lost. */
  readonly lost: string[] = [];
  static #count = 0;

  constructor(site: OracleSite, { driver, ...options }: HouseOptions) {
    this.site = site;
    this.server = site.server;
    OracleHouse.#count += 1;
    this.name = `house ${OracleHouse.#count}`;
    this.db = createRuntime({
      ...options,
      driver: oracle({ url: site.server.url, applicationName: this.name, ...driver }),
      // The tests count connections; a warm-up in the background would add its own.
      pool: { warmUp: false, maxSize: 4, ...options.pool },
    });
    this.db.on('connection:closed', ({ reason }) => this.closed.push(reason));
    this.db.on('connection:lost', ({ error }) => this.lost.push(`${error.code} ${error.reason}`));
  }

  /** The server's numbers of this house's sessions. */
  async sids(): Promise<number[]> {
    const { sessions } = await this.server.look();
    return sessions.filter(({ endToEnd }) => endToEnd['module'] === this.name).map(({ sid }) => sid);
  }

  /** Of the one session that this house has. */
  async sid(): Promise<number> {
    const [sid = 0, ...others] = await this.sids();
    expect([sid > 0, others]).toEqual([true, []]);
    return sid;
  }

  /** Calls that have `text` in their SQL. */
  async callsOf(text: string): Promise<WireCall[]> {
    return (await this.server.look()).calls.filter(({ sql }) => sql?.includes(text) === true);
  }

  /** So many of this house's sessions are at work on a statement that has `part` in its text. */
  async untilRunning(part: string, count = 1): Promise<void> {
    const running = async () => {
      const { sessions } = await this.server.look();
      return sessions.filter(({ sql, endToEnd }) => endToEnd['module'] === this.name && sql.includes(part)).length;
    };
    await expect.poll(running).toBe(count);
  }

  /** Several at once are answered with their own numbers, by one attempt each; then everything is at rest. */
  async check(): Promise<void> {
    await this.server.fault('clear');
    await this.atRest();
    // What the deadlines of a test are about is over, and the machine may be busy.
    this.db.pool.reconfigure({ acquireTimeout: '20s', connectTimeout: '10s' });
    const numbers = Array.from({ length: 3 * this.db.stats().maxSize }, (_, n) => n);
    expect(await Promise.all(numbers.map((n) => this.ask(n)))).toEqual(numbers);
    await this.atRest();
    const { total, idle, inUse, maxSize, totals } = this.db.stats();
    expect([inUse, idle]).toEqual([0, total]);
    expect(total).toBeLessThanOrEqual(maxSize);
    expect(totals.created - totals.closed).toBe(total);
  }

  ask(n: number): Promise<number | undefined> {
    return this.db.queryValue<number>('select cast(:1 as number(9)) from dual', [n], { timeout: '20s' });
  }

  /** As many connections as the pool may have. */
  async fill(): Promise<void> {
    const sessions = await Promise.all(Array.from({ length: this.db.stats().maxSize }, () => this.db.acquire()));
    for (const session of sessions) session.release();
    await this.atRest();
    expect(await this.sids()).toHaveLength(this.db.stats().maxSize);
  }

  async atRest(): Promise<void> {
    const rest = { inUse: 0, waiting: 0, creating: 0, checking: 0, resetting: 0, closing: 0 };
    await expect.poll(() => this.db.stats(), { timeout: 15_000 }).toMatchObject(rest);
  }

  /** Ends it, and looks for what it leaves. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.fault('clear');
    await this.db.disconnect({ timeout: 100 });
    expect(this.db.stats()).toMatchObject({ total: 0, inUse: 0, closing: 0 });
    await this.server.fault('thaw');
    await expect.poll(() => this.sids()).toEqual([]);
    const observers = this.site.observer.stats().total;
    await expect.poll(async () => (await this.server.look()).connections).toBe(observers);
    await expect.poll(openSockets).toBeLessThanOrEqual(observers);
    expect((await this.server.look()).protocolErrors).toEqual([]);
  }
}

/** Of this process, which has none but those of its runtimes. */
function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
}
