/** Bad input and faults, each on a real server: a typed error that says what to do, in time, and nothing left behind. */
import type { ConfigError, FluxorError } from 'fluxor-db';
import { connect, createRuntime, isFluxorError } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';
import { describe, expect, it } from 'vitest';
import { countOf, int, param } from '../contract/words.js';
import { BEHIND_THE_GATE, ProxiedDatabase, failure } from './proxied-database.js';
import { proxiedTargets } from './proxied-targets.js';

/** Room for a slow machine: deadlines are proved by being met within this much, not to the millisecond. */
const SLACK_MS = 1_500;

/** So long a caller is kept waiting for what became of a statement that was stopped; timers may be a millisecond early. */
const ANSWER_GRACE_MS = 100 - 2;

/**
 * What the caller of a stopped statement was told. Whom the server's word does not reach within the grace is told `unknown`, by
 * rights: on a machine that was busy elsewhere another statement is stopped.
 */
async function stoppedInTime(
  house: ProxiedDatabase,
  stop: () => Promise<{ error: FluxorError; lateMs: number }>,
): Promise<FluxorError> {
  for (;;) {
    const { error, lateMs } = await stop();
    if (error.outcome !== 'unknown' || lateMs < ANSWER_GRACE_MS) return error;
    await house.check();
  }
}

for (const target of proxiedTargets()) {
  const { words } = target;
  describe(`faults on ${target.name}`, () => {
    const start = (options?: Parameters<typeof ProxiedDatabase.start>[1]) =>
      ProxiedDatabase.startBehindTheGate(target, options);

    it('refuses a wrong password at once, for connect() and for every call, and never retries it in a hurry', async () => {
      await using house = await start();
      const { host, port } = house.proxy;
      const db = createRuntime({
        ...BEHIND_THE_GATE,
        driver: target.makeDriver({ host, port, password: 'wrong-secret' }),
      });
      let attempts = 0;
      using _listener = db.on('connection:create-failed', () => (attempts += 1));
      const first = await failure(db.connect());
      expect(first.error).toMatchObject({ code: 'AUTH', retryable: false, outcome: 'not-sent' });
      expect(first.error.message).not.toContain('wrong-secret');
      expect(db.state).toBe('idle');
      const calls = await Promise.all([failure(db.query('select 1')), failure(db.query('select 2'))]);
      for (const { error, afterMs } of calls) {
        expect(error.code).toBe('AUTH');
        expect(afterMs).toBeLessThan(SLACK_MS);
      }
      expect(attempts).toBe(1);
      expect(db.stats()).toMatchObject({ total: 0, waiting: 0, creating: 0 });
      await db.disconnect();
    });

    it('names a database that does not exist, to connect() and to a call', async () => {
      await using house = await start();
      const { host, port } = house.proxy;
      const absent = target.absentUrl;
      await using db = createRuntime({ ...BEHIND_THE_GATE, driver: target.makeDriver({ host, port }, absent) });
      for (const attempt of [() => connect(absent), () => db.query('select 1')]) {
        const { error, afterMs } = await failure(attempt());
        expect(error).toMatchObject({ code: 'CONNECTION', reason: 'unknown-database', retryable: false });
        expect(error.message).toContain('no_such_database');
        expect(afterMs).toBeLessThan(SLACK_MS);
      }
      expect(db.stats()).toMatchObject({ total: 0, waiting: 0, creating: 0 });
    });

    it('says within its deadline that nobody listens there', async () => {
      await using house = await start({ pool: { acquireTimeout: '500ms' } });
      await house.proxy.setMode('refuse');
      const atConnect = await failure(house.db.connect());
      expect(atConnect.error).toMatchObject({ code: 'CONNECTION', reason: 'refused', outcome: 'not-sent' });
      expect(atConnect.afterMs).toBeLessThan(SLACK_MS);
      // Another one: for this caller the outage must be younger than the second after which nobody waits.
      await using later = await start({ pool: { acquireTimeout: '500ms' } });
      await later.proxy.setMode('refuse');
      const { error, afterMs } = await failure(later.db.query('select 1'));
      expect(error).toMatchObject({ code: 'CONNECTION', reason: 'refused', outcome: 'not-sent', retryable: true });
      expect(error.message).toMatch(/\d+ attempts? to connect within/);
      expect(afterMs).toBeGreaterThanOrEqual(490);
      expect(afterMs).toBeLessThan(500 + SLACK_MS);
      for (const one of [house, later]) await one.check();
    });

    it('waits through an outage that ends before the deadline', async () => {
      await using house = await start();
      await house.proxy.setMode('refuse');
      const answers = Promise.all([1, 2, 3].map((n) => house.db.queryValue(`select ${param(words, 1, 'int')}`, [n])));
      await expect.poll(() => house.db.stats().waiting).toBe(3);
      await house.proxy.setMode('pass');
      expect(await answers).toEqual([1, 2, 3]);
      await house.check();
    });

    it('gives up on a server that accepts and never answers, and frees the socket', async () => {
      await using house = await start({ pool: { connectTimeout: '200ms', acquireTimeout: '500ms' } });
      await house.proxy.setMode('accept-and-hang');
      const atConnect = await failure(house.db.connect());
      expect(atConnect.error).toMatchObject({ code: 'TIMEOUT', phase: 'connect', outcome: 'not-sent' });
      expect(atConnect.afterMs).toBeLessThan(200 + SLACK_MS);
      const { error, afterMs } = await failure(house.db.query('select 1'));
      expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'connect' });
      expect(afterMs).toBeLessThan(500 + SLACK_MS);
      await expect.poll(() => house.proxy.connections).toBeLessThanOrEqual(1);
      await house.check();
    });

    it('reports a connection reset under a statement as lost, its outcome unknown, and replaces it', async () => {
      await using house = await start();
      const sleeping = failure(house.db.query(house.sleep));
      await house.untilSleeping();
      house.proxy.resetAll();
      const { error } = await sleeping;
      expect(error).toMatchObject({ code: 'CONNECTION', reason: 'lost', outcome: 'unknown', retryable: false });
      await house.check();
    });

    it('calls a lost read-only statement repeatable, and nothing of it applied', async () => {
      await using house = await start();
      const sleeping = failure(house.db.query(house.sleep, [], { readOnly: true }));
      await house.untilSleeping();
      house.proxy.resetAll();
      expect((await sleeping).error).toMatchObject({ code: 'CONNECTION', outcome: 'not-applied', retryable: true });
      await house.check();
    });

    // node-mysql2#2152, #939, #2498, #2962, #964, node-postgres#2112, #1075
    it('finds idle connections that died unnoticed, before it lends them', async () => {
      await using house = await start({ pool: { validation: { bypass: 0, timeout: '200ms' } } });
      // Held together, so that each has one of its own.
      const held = await Promise.all([1, 2, 3].map(() => house.db.acquire()));
      for (const session of held) session.release();
      await expect.poll(() => house.db.stats().idle).toBeGreaterThan(1);
      house.proxy.finAll();
      expect(await house.db.queryValue(`select ${int(words, 1)}`)).toBe(1);
      // A black hole says nothing at all: only asking finds it.
      house.proxy.blackHole(true);
      const answer = house.db.queryValue(`select ${int(words, 2)}`);
      await expect.poll(() => house.db.stats().checking + house.db.stats().creating).toBeGreaterThan(0);
      house.proxy.blackHole(false);
      expect(await answer).toBe(2);
      await house.check();
    });

    it('answers a statement in a black hole by its deadline, its outcome unknown, and destroys the connection', async () => {
      await using house = await start({ pool: { validation: { timeout: '200ms' } } });
      await house.db.connect();
      house.proxy.blackHole(true);
      const { error, afterMs } = await failure(house.db.query('select 1', [], { timeout: '300ms' }));
      expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'statement', outcome: 'unknown', retryable: false });
      expect(afterMs).toBeGreaterThanOrEqual(299);
      expect(afterMs).toBeLessThan(300 + 100 + SLACK_MS);
      await expect.poll(() => house.db.stats().total).toBe(0);
      await house.check();
    });

    it('stops a statement at its timeout at the server, and says that nothing was applied', async () => {
      await using house = await start();
      // Making the connection is not what the time is for.
      await house.db.connect();
      const error = await stoppedInTime(house, async () => {
        const stopped = await failure(house.db.exec(house.sleep, [], { timeout: '200ms' }));
        expect(stopped.afterMs).toBeLessThan(200 + 100 + SLACK_MS);
        return { error: stopped.error, lateMs: stopped.afterMs - 200 };
      });
      expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'statement', outcome: 'not-applied' });
      expect(error.message).toContain('200 ms');
      await expect.poll(() => house.running()).toEqual([]);
      await house.check();
    });

    // node-mysql2#673, #4497, node-postgres#2243, tarn#61
    it('counts waiting for a connection into the timeout of a call', async () => {
      await using house = await start({ pool: { maxSize: 1 } });
      const session = await house.db.acquire();
      const { error, afterMs } = await failure(house.db.query('select 1', [], { timeout: '150ms' }));
      expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'acquire', outcome: 'not-sent' });
      expect(error.message).toContain('1/1 connections, 1 in use');
      expect(afterMs).toBeLessThan(150 + SLACK_MS);
      session.release();
      await house.check();
    });

    // node-postgres#2774, #2625, PR#3212, PR#3751, drizzle-orm#1602
    describe('abort', () => {
      it('before the call: nothing happens', async () => {
        await using house = await start();
        const { error } = await failure(house.db.query('select 1', [], { signal: AbortSignal.abort() }));
        expect(error).toMatchObject({ code: 'CANCELLED', reason: 'caller', outcome: 'not-sent' });
        expect(house.proxy.accepted).toBe(0);
        await house.check();
      });

      it('while queued: leaves the line at once', async () => {
        await using house = await start({ pool: { maxSize: 1 } });
        const session = await house.db.acquire();
        const controller = new AbortController();
        const waiting = failure(house.db.query('select 1', [], { signal: controller.signal }));
        await expect.poll(() => house.db.stats().waiting).toBe(1);
        controller.abort();
        expect((await waiting).error).toMatchObject({ code: 'CANCELLED', outcome: 'not-sent' });
        expect(house.db.stats().waiting).toBe(0);
        session.release();
        await house.check();
      });

      it('while connecting: answers at once, and the connection joins the pool when it comes', async () => {
        await using house = await start();
        house.proxy.delay(150);
        const controller = new AbortController();
        const waiting = failure(house.db.query('select 1', [], { signal: controller.signal }));
        await expect.poll(() => house.db.stats().creating).toBe(1);
        controller.abort();
        expect((await waiting).error).toMatchObject({ code: 'CANCELLED', outcome: 'not-sent' });
        await expect.poll(() => house.db.stats().idle).toBe(1);
        await house.check();
      });

      it('in flight: stops the statement at the server', async () => {
        await using house = await start();
        const error = await stoppedInTime(house, async () => {
          const controller = new AbortController();
          const sleeping = failure(house.db.query(house.sleep, [], { signal: controller.signal }));
          await house.untilSleeping();
          const abortedAt = performance.now();
          controller.abort();
          return { error: (await sleeping).error, lateMs: performance.now() - abortedAt };
        });
        expect(error).toMatchObject({ code: 'CANCELLED', reason: 'caller', outcome: 'not-applied' });
        await expect.poll(() => house.running()).toEqual([]);
        await house.check();
      });
    });

    it('refuses calls after disconnect, and a second disconnect joins the first', async () => {
      await using house = await start();
      await house.db.query('select 1');
      await Promise.all([house.db.disconnect(), house.db.disconnect()]);
      for (const call of [house.db.query('select 1'), house.db.connect(), house.db.begin(), house.db.acquire()]) {
        expect((await failure(call)).error).toMatchObject({ code: 'RUNTIME_CLOSED', outcome: 'not-sent' });
      }
      await expect.poll(() => house.activity()).toEqual([]);
    });

    // node-mysql2#1280, #3559, #2325
    it('refuses statements on a released session, and a second release, and disturbs nobody by it', async () => {
      await using house = await start({ pool: { maxSize: 1 } });
      const session = await house.db.acquire();
      session.release();
      const next = await house.db.acquire();
      for (const again of [() => session.release(), () => session.discard()]) {
        expect(again).toThrow(expect.objectContaining({ code: 'LEASE_RELEASED', outcome: 'not-sent' }) as Error);
      }
      await session[Symbol.asyncDispose]();
      expect((await failure(session.query('select 1'))).error).toMatchObject({ code: 'LEASE_RELEASED' });
      expect((await failure(session.begin())).error).toMatchObject({ code: 'LEASE_RELEASED' });
      expect(await next.queryValue(`select ${int(words, 7)}`)).toBe(7);
      next.release();
      await house.check();
    });

    it('answers an abort of begin() and acquire() in the line, and of a statement and an idle transaction inside', async () => {
      await using house = await start({ pool: { maxSize: 1 } });
      const holder = await house.db.acquire();
      const line = new AbortController();
      const waiting = [house.db.begin({ signal: line.signal }), house.db.acquire({ signal: line.signal })].map(failure);
      await expect.poll(() => house.db.stats().waiting).toBe(2);
      line.abort();
      for (const { error } of await Promise.all(waiting))
        expect(error).toMatchObject({ code: 'CANCELLED', outcome: 'not-sent' });
      holder.release();

      const error = await stoppedInTime(house, async () => {
        const inside = new AbortController();
        const tx = await house.db.begin({ signal: inside.signal });
        const sleeping = failure(tx.query(house.sleep));
        await house.untilSleeping();
        const abortedAt = performance.now();
        inside.abort();
        const stopped = await sleeping;
        const lateMs = performance.now() - abortedAt;
        expect((await failure(tx.commit())).error).toMatchObject({ code: 'CANCELLED', outcome: 'not-applied' });
        return { error: stopped.error, lateMs };
      });
      expect(error).toMatchObject({ code: 'CANCELLED', outcome: 'not-applied' });
      await house.check();
    });

    it('names the COMMIT whose answer was lost: it may be there, and here it is', async () => {
      await using house = await start();
      await house.direct.exec('drop table if exists lost_reply');
      await house.direct.exec('create table lost_reply (id int)');
      const trap = house.proxy.dropReplies({ when: target.isCommit, then: 'reset' });
      const { error } = await failure(
        house.db.transaction(async (tx) => {
          await tx.exec('insert into lost_reply values (1)');
        }),
      );
      expect(isFluxorError(error, 'OUTCOME_UNKNOWN')).toBe(true);
      expect(error).toMatchObject({ outcome: 'unknown', retryable: false });
      await trap.fired;
      await expect.poll(() => house.direct.queryValue(countOf(words, 'lost_reply'))).toBe(1);
      await house.direct.exec('drop table lost_reply');
      await house.check();
    });

    // node-postgres#2199, #2648
    it('disconnects in time although a statement will not end, stops it at the server, and says so to its caller', async () => {
      await using house = await start();
      const sleeping = failure(house.db.query(house.sleep));
      await house.untilSleeping();
      const startedAt = performance.now();
      await house.db.disconnect({ timeout: '200ms' });
      // So long a statement that is stopped may take to end.
      expect(performance.now() - startedAt).toBeLessThan(200 + 2_000 + SLACK_MS);
      expect((await sleeping).error).toMatchObject({ code: 'CANCELLED', reason: 'runtime' });
      await expect.poll(() => house.activity()).toEqual([]);
    });
  });
}

describe('names that lead nowhere', () => {
  it('says that the host is unknown', async () => {
    const { error } = await failure(connect('postgres://app@no-such-host.invalid/shop'));
    expect(error).toMatchObject({ code: 'CONNECTION', reason: 'dns', outcome: 'not-sent' });
    expect(error.message).toContain('no-such-host.invalid');
  });

  it('says it to a call by its deadline', async () => {
    const db = createRuntime({
      ...BEHIND_THE_GATE,
      driver: postgres({ host: 'no-such-host.invalid', user: 'app' }),
      pool: { acquireTimeout: '300ms', connectTimeout: '200ms' },
    });
    const { error, afterMs } = await failure(db.query('select 1'));
    expect(error).toMatchObject({ outcome: 'not-sent' });
    expect(['CONNECTION', 'TIMEOUT']).toContain(error.code);
    expect(afterMs).toBeLessThan(300 + SLACK_MS);
    await db.disconnect();
    expect(db.stats()).toMatchObject({ total: 0, waiting: 0, closing: 0 });
  });

  it('refuses what is wrong in the options, all at once, before any I/O', async () => {
    const attempt = connect('postgres://app@localhost/shop?pool.maxSise=5&query.timeout=5x&sslmod=require', {
      pool: { maxWaiting: 0 },
    });
    const { error } = await failure(attempt);
    expect(error).toMatchObject({ code: 'CONFIG' });
    expect((error as ConfigError).issues.map(({ path }) => path).sort()).toEqual([
      'pool.maxSise',
      'pool.maxWaiting',
      'postgres.url?sslmod',
      'query.timeout',
    ]);
    expect(error.message).toContain("did you mean 'sslmode'?");
    expect(error.message).toContain('did you mean pool.maxSize?');
  });
});
