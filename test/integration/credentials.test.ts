/** Passwords that change at the server while a runtime runs, on a real PostgreSQL with SCRAM logins. */
import { createRuntime } from 'fluxor-db';
import type { DBRuntime, PoolOptions } from 'fluxor-db';
import type { Credentials, CredentialsProvider } from 'fluxor-db/postgres';
import { postgres } from 'fluxor-db/postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PostgresServer } from '../servers/postgres-server.js';
import { BEHIND_THE_GATE, failure } from './proxied-database.js';

const REFUSED = /FATAL: {2}password authentication failed/g;

describe('A provider of credentials', () => {
  let server: PostgresServer;
  let admin: DBRuntime;
  /** What the provider gives, and how often it was asked. */
  let vault: { answer: Credentials; asked: number };

  beforeAll(async () => {
    server = await PostgresServer.start({ major: 18 });
    admin = createRuntime({ ...BEHIND_THE_GATE, driver: postgres({ url: server.url }), pool: { maxSize: 1 } });
    await admin.exec('create role rotating login');
  });
  afterAll(async () => {
    await admin.disconnect();
    await server.remove();
  });
  beforeEach(async () => {
    vault = { answer: { user: 'rotating', password: 'one', expiresAt: Infinity }, asked: 0 };
    await setPassword('one');
  });

  const setPassword = (password: string) => admin.exec(`alter role rotating password '${password}'`);
  const refusals = () => server.logTail(10_000).match(REFUSED)?.length ?? 0;
  const ask: CredentialsProvider = () => {
    vault.asked += 1;
    return vault.answer;
  };
  /** Without a user of its own: the provider's counts. */
  const runtime = (pool: PoolOptions = {}, credentials: CredentialsProvider = ask): DBRuntime => {
    const { host, port, database } = server;
    return createRuntime({
      ...BEHIND_THE_GATE,
      driver: postgres({ host, port, database, user: 'nobody', credentials }),
      pool,
    });
  };
  const backend = 'select pg_backend_pid() from (select pg_sleep(0.05)) as rest';

  // node-mysql2#1983, #1017, mariadb#246, slonik#775, node-postgres#1924
  it('is asked again when the password was changed: open connections work on, new ones open, no caller hears of it', async () => {
    await using db = runtime({ maxSize: 3, warmUp: false });
    expect(await db.queryValue('select current_user')).toBe('rotating');
    const before = refusals();
    await db.use(async (session) => {
      const own = await session.queryValue(backend);
      await setPassword('two');
      vault.answer = { ...vault.answer, password: 'two' };
      // More than the one that is open: two connects, with the password of before in the cache.
      const others = await Promise.all([db.acquire(), db.acquire()]);
      const pids = await Promise.all(others.map((other) => other.queryValue(backend)));
      for (const other of others) other.release();
      expect(new Set([own, ...pids]).size).toBe(3);
      expect(await session.queryValue(backend)).toBe(own);
    });
    expect(vault.asked).toBe(2);
    const refused = refusals() - before;
    expect(refused).toBeGreaterThanOrEqual(1);
    expect(refused).toBeLessThanOrEqual(2);
    await db.disconnect();
  });

  it('leaves the user to the options when it names none, and lets the pool know of a rotation', async () => {
    const { host, port, database } = server;
    vault.answer = { password: 'one', expiresAt: Infinity };
    const driver = postgres({ host, port, database, user: 'rotating', credentials: ask });
    let rotations = 0;
    const open = async (): Promise<void> => {
      const connection = await driver.connect({
        signal: new AbortController().signal,
        types: { bigint: 'bigint', decimal: 'string', date: 'string', json: 'parsed' },
        onLost: () => undefined,
        onRotated: () => (rotations += 1),
      });
      await connection.close();
    };
    await open();
    expect(rotations).toBe(0);
    await setPassword('two');
    vault.answer = { ...vault.answer, password: 'two' };
    await open();
    expect(rotations).toBe(1);
    await open();
    expect([rotations, vault.asked]).toEqual([1, 2]);
    await driver.close();
  });

  it('is not asked again before its answer expires, and is when that is near, past or unsaid', async () => {
    const asked = async (expiresAt: number | Date | undefined): Promise<number> => {
      const { user, password } = { user: 'rotating', password: 'one' };
      vault = { answer: expiresAt === undefined ? { user, password } : { user, password, expiresAt }, asked: 0 };
      await using db = runtime({ maxSize: 1, warmUp: false });
      for (let round = 0; round < 3; round += 1) await dropped(db);
      await db.disconnect();
      return vault.asked;
    };
    const now = Date.now();
    expect(await asked(new Date(now + 3_600_000))).toBe(1);
    expect(await asked(now + 600_000)).toBe(1);
    expect(await asked(now - 1_000)).toBe(3);
    expect(await asked(undefined)).toBe(3);
  });

  it('that has only the refused password is told as AUTH, after one login', async () => {
    await setPassword('two');
    const before = refusals();
    await using db = runtime({ warmUp: false });
    const { error } = await failure(db.query('select 1'));
    expect(error).toMatchObject({ code: 'AUTH', reason: 'credentials', sqlState: '28P01', retryable: false });
    expect([vault.asked, refusals() - before]).toEqual([2, 1]);
    await db.disconnect();
  });

  it('that fails for a while is asked until it answers, and a connection comes of it', async () => {
    let failures = 0;
    const vaultIsDown = new Error('the vault is sealed');
    await using db = runtime({ warmUp: false }, () => {
      if ((failures += 1) <= 2) throw vaultIsDown;
      return vault.answer;
    });
    expect(await db.queryValue('select current_user')).toBe('rotating');
    expect(failures).toBe(3);
    await db.disconnect();
  });

  it('that hangs holds nobody longer than the limits of the pool', async () => {
    await using db = runtime(
      { connectTimeout: '100ms', acquireTimeout: '300ms', warmUp: false },
      () => new Promise(() => undefined),
    );
    const { error, afterMs } = await failure(db.query('select 1'));
    expect(error).toMatchObject({ code: 'TIMEOUT', outcome: 'not-sent' });
    expect(afterMs).toBeLessThan(2_000);
    await db.disconnect();
  });

  it('that gives something else is told as a wrong option, at once', async () => {
    await using db = runtime({ warmUp: false }, () => ({ secret: 'secret-marker' }) as unknown as Credentials);
    const { error } = await failure(db.query('select 1'));
    expect(error).toMatchObject({ code: 'CONFIG', issues: [{ path: 'postgres.credentials().password' }] });
    expect(error.message).not.toContain('secret-marker');
    await db.disconnect();
  });
});

/** A connection made for one statement, and closed after it. */
async function dropped(db: DBRuntime): Promise<void> {
  const { error } = await failure(db.query('select pg_terminate_backend(pg_backend_pid())'));
  expect(error).toMatchObject({ code: 'CONNECTION' });
}
