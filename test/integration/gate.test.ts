/** The gate before real servers: what opens the circuit and what must not, how soon it is back, and how many get through. */
import { setTimeout as pause } from 'node:timers/promises';
import type { RuntimeOptions } from 'fluxor-db';
import { describe, expect, inject, it } from 'vitest';
import { HeldStatements } from './held-statements.js';
import { failure, ProxiedDatabase } from './proxied-database.js';

/** A refusal must not cost a test 10 s, and one call makes one attempt, so that the failures can be counted. */
const COUNTABLE = {
  pool: { acquireTimeout: '150ms' },
  query: { retry: false },
  gate: { circuitBreaker: { earlyProbe: false } },
} as const;

for (const { name, url } of inject('postgresServers')) {
  describe(`the gate before ${name}`, () => {
    const start = (options?: Omit<RuntimeOptions, 'driver'>) => ProxiedDatabase.start(url, options);
    const circuit = ({ db }: ProxiedDatabase) => db.gate.stats().circuit;

    /** Calls until the circuit is open. A call that found no connection up to its deadline has failed, and counts at once. */
    const untilOpen = async (house: ProxiedDatabase) => {
      while (circuit(house).state === 'closed') {
        const { error } = await failure(house.db.query('select 1'));
        expect(['CONNECTION', 'TIMEOUT', 'CIRCUIT_OPEN']).toContain(error.code);
        // Refused at once, call after call, would leave the event loop no time to connect.
        await pause(5);
      }
      expect(circuit(house)).toMatchObject({ state: 'open', opened: 1 });
      expect(circuit(house).failures).toBeGreaterThanOrEqual(5);
    };

    describe('the circuit', () => {
      it.each(['refuse', 'reset-on-connect', 'accept-and-hang'] as const)(
        'opens when no connection can be made (%s), and the next call touches neither driver nor server',
        async (mode) => {
          await using house = await start({ ...COUNTABLE, pool: { ...COUNTABLE.pool, connectTimeout: '100ms' } });
          await house.proxy.setMode(mode);
          const states: string[] = [];
          using _callback = house.db.setCircuitBreakerCallback((from, to) => states.push(`${from} → ${to}`));
          await untilOpen(house);
          expect(states).toEqual(['closed → open']);
          await expect.poll(() => house.db.stats().creating).toBe(0);
          const [attempts, accepted] = [house.db.stats().totals, house.proxy.accepted];
          const { error } = await failure(house.db.query('select 1'));
          expect(error).toMatchObject({ code: 'CIRCUIT_OPEN', outcome: 'not-sent', retryable: false });
          expect(error.message).toContain('failures in a row');
          expect(error.retryAfterMs).toBeGreaterThan(50_000);
          expect([house.db.stats().totals, house.proxy.accepted]).toEqual([attempts, accepted]);
          // The pool's pause between two attempts has grown to seconds by now.
          await house.proxy.setMode('pass');
          house.db.gate.circuit.reset();
          const answer = () => house.db.queryValue('select 1').catch(() => undefined);
          await expect.poll(answer, { timeout: 10_000 }).toBe(1);
          await house.check();
        },
      );

      it('does not open while the outage is younger than a second: calls wait in the pool, and are served', async () => {
        // On a machine that was busy elsewhere an outage may have got older than that: then there is another.
        for (let isYoung = false; !isYoung;) {
          await using house = await start();
          const states: string[] = [];
          using _callback = house.db.setCircuitBreakerCallback((from, to) => states.push(`${from} → ${to}`));
          await house.proxy.setMode('refuse');
          const startedAt = performance.now();
          let lastedMs = 0;
          using _failed = house.db.on('connection:create-failed', () => (lastedMs = performance.now() - startedAt));
          const calls = Array.from({ length: 8 }, () => house.db.queryValue('select 1').catch(() => undefined));
          // The pool asks quickly at first.
          await expect.poll(() => house.db.stats().totals.createFailed, { interval: 5 }).toBeGreaterThanOrEqual(5);
          await house.proxy.setMode('pass');
          const answers = await Promise.all(calls);
          isYoung = lastedMs < 1_000;
          if (!isYoung) continue;
          expect(answers).toEqual(calls.map(() => 1));
          expect(states).toEqual([]);
          expect(circuit(house)).toMatchObject({ state: 'closed', failures: 0, opened: 0 });
          await house.check();
        }
      });

      it('opens together with the breaker of the pool where callers are patient, who are served when it is back', async () => {
        await using house = await start();
        await house.proxy.setMode('refuse');
        const startedAt = performance.now();
        const calls = Array.from({ length: 8 }, () => house.db.queryValue('select 1'));
        while (circuit(house).state === 'closed') {
          if (house.db.stats().breaker === 'closed') expect(circuit(house).failures).toBe(0);
          await pause(1);
        }
        expect(performance.now() - startedAt).toBeGreaterThanOrEqual(990);
        expect(house.db.stats().breaker).not.toBe('closed');
        expect(circuit(house)).toMatchObject({ opened: 1, lastFailure: { code: 'CONNECTION', reason: 'refused' } });
        await house.proxy.setMode('pass');
        expect(await Promise.all(calls)).toEqual(calls.map(() => 1));
        // They were waiting already: that they are served is no trial.
        await expect.poll(() => circuit(house).state).toBe('half-open');
        for (let call = 0; call < 3; call += 1) expect(await house.db.queryValue('select 1')).toBe(1);
        expect(circuit(house).state).toBe('closed');
        await house.check();
      });

      it('stays shut while a live connection serves its callers, though no other can be made', async () => {
        await using house = await start({ pool: { maxSize: 4 }, gate: { rateLimit: false } });
        await house.db.query('select 1');
        await house.proxy.setMode('refuse');
        while (house.db.stats().breaker === 'closed') {
          const calls = Array.from({ length: 8 }, () => house.db.queryValue('select 1'));
          expect(await Promise.all(calls)).toEqual(calls.map(() => 1));
        }
        expect(await house.db.queryValue('select 1')).toBe(1);
        expect(circuit(house)).toMatchObject({ state: 'closed', opened: 0 });
        await house.check();
      });

      it('says with `earlyProbe` to come back after the next question, not after a minute', async () => {
        await using house = await start({ ...COUNTABLE, gate: { circuitBreaker: { earlyProbe: true } } });
        await house.proxy.setMode('refuse');
        await untilOpen(house);
        const { error } = await failure(house.db.query('select 1'));
        expect(error.code).toBe('CIRCUIT_OPEN');
        expect(error.message).toContain('asks every 1,000 ms whether the database is back');
        expect(error.retryAfterMs).toBeLessThanOrEqual(1_000);
        expect(error.retryAfterMs).toSatisfy(Number.isInteger);
        await house.proxy.setMode('pass');
        await expect.poll(() => circuit(house).state, { interval: 10 }).toBe('half-open');
        await house.check();
      });

      it('is back within two seconds of the server with `earlyProbe`, and nobody has to ask for it', async () => {
        await using house = await start({ ...COUNTABLE, gate: { circuitBreaker: { earlyProbe: true } } });
        await house.proxy.setMode('refuse');
        await untilOpen(house);
        await house.proxy.setMode('pass');
        const backAt = performance.now();
        await expect.poll(() => circuit(house).state, { timeout: 5_000, interval: 10 }).toBe('half-open');
        expect(await house.db.queryValue('select 1')).toBe(1);
        expect(performance.now() - backAt).toBeLessThan(2_000);
        for (let call = 0; call < 2; call += 1) await house.db.queryValue('select 1');
        expect(circuit(house).state).toBe('closed');
        await house.check();
      });

      it('stays shut for what the database refuses by rights: 1,000 duplicates, and no connection is given up', async () => {
        await using house = await start({ pool: { maxSize: 4 }, gate: { rateLimit: false } });
        await house.direct.exec('drop table if exists guarded');
        await house.direct.exec('create table guarded (id int primary key)');
        await house.db.exec('insert into guarded values (1)');
        const closed: unknown[] = [];
        using _closed = house.db.on('connection:closed', (fact) => closed.push(fact));
        for (let batch = 0; batch < 20; batch += 1) {
          const calls = Array.from({ length: 50 }, () => failure(house.db.exec('insert into guarded values (1)')));
          for (const { error } of await Promise.all(calls)) expect(error).toMatchObject({ code: 'CONSTRAINT' });
        }
        expect(circuit(house)).toMatchObject({ state: 'closed', failures: 0, successes: 1_001, opened: 0 });
        expect([closed, house.db.stats().totals.closed]).toEqual([[], 0]);
        await house.check();
      });

      it('counts ten statements that died with two connections as two failures', async () => {
        await using house = await start({ pool: { maxSize: 2 } });
        await using first = await house.db.acquire();
        await using second = await house.db.acquire();
        const calls = [first, second].flatMap((session) =>
          [1, 2, 3, 4, 5].map(() => failure(session.query('select pg_sleep(30)'))),
        );
        await house.untilRunning('pg_sleep(30)', 2);
        house.proxy.resetAll();
        const codes = (await Promise.all(calls)).map(({ error }) => error.code);
        expect(codes).toEqual(Array.from({ length: 10 }, () => 'CONNECTION'));
        expect(circuit(house)).toMatchObject({ state: 'closed', failures: 2 });
        first.release();
        second.release();
        await house.check();
      });

      it('lets a transaction that is under way finish when it opens, and refuses the next one', async () => {
        await using house = await start();
        await house.direct.exec('drop table if exists guarded');
        await house.direct.exec('create table guarded (id int primary key)');
        await house.db.transaction(async (tx) => {
          await tx.exec('insert into guarded values (1)');
          house.db.gate.circuit.forceOpen('maintenance');
          const refused = [house.db.query('select 1'), house.db.begin(), house.db.acquire()];
          for (const { error } of await Promise.all(refused.map(failure))) {
            expect(error).toMatchObject({ code: 'CIRCUIT_OPEN', outcome: 'not-sent' });
            expect(error.message).toContain('maintenance');
          }
          await tx.exec('insert into guarded values (2)');
        });
        expect(await house.direct.queryValue('select count(*)::int from guarded')).toBe(2);
        house.db.gate.circuit.reset();
        await house.check();
      });
    });

    describe('the connection limit', () => {
      /** The most statements of the runtime that the server worked at in one moment, asked again and again. */
      const watch = (house: ProxiedDatabase) => {
        let most = 0;
        let looks = 0;
        let isOver = false;
        const looking = (async () => {
          while (!isOver) {
            const running = (await house.running()).filter((query) => query.includes('pg_sleep'));
            most = Math.max(most, running.length);
            looks += 1;
          }
        })();
        const end = async () => {
          isOver = true;
          await looking;
          return { most, looks };
        };
        return { end };
      };
      const limited = (max: number, maxSize: number) =>
        start({ pool: { maxSize }, gate: { connectionLimit: max, rateLimit: false } });
      const unused = { inUse: 0, waiting: 0, reservedInUse: 0 };

      it('of 3 lets 20 callers use no more than 3 at the server, though the pool has room for 20', async () => {
        await using house = await limited(3, 20);
        const watching = watch(house);
        const calls = Array.from({ length: 20 }, (_, n) =>
          house.db.queryValue('select $1::int + 0 * length(pg_sleep(0.3)::text)', [n]),
        );
        expect(await Promise.all(calls)).toEqual(calls.map((_, n) => n));
        const { most, looks } = await watching.end();
        expect(most).toBe(3);
        expect(looks).toBeGreaterThan(5);
        expect(house.db.stats().total).toBeLessThanOrEqual(3);
        expect(house.db.gate.stats().connectionLimit).toMatchObject({ limit: 3, ...unused, waited: 17 });
        await house.check();
      });

      it('of 3 holds while timeouts and aborts stop some: a slot is free when the server is', async () => {
        await using house = await limited(3, 20);
        const watching = watch(house);
        const calls = Array.from({ length: 40 }, (_, n) => {
          const givesUpMs = 100 + 50 * n;
          const signal = AbortSignal.timeout(givesUpMs);
          const options = n % 3 === 0 ? { timeout: givesUpMs } : n % 3 === 1 ? { signal } : {};
          return house.db.query('select pg_sleep(0.3)', [], options).then(
            () => 'done',
            (error: unknown) => (error as { code: string }).code,
          );
        });
        const ends = await Promise.all(calls);
        const { most } = await watching.end();
        expect(most).toBe(3);
        expect(new Set(ends)).toEqual(new Set(['done', 'TIMEOUT', 'CANCELLED']));
        await expect.poll(() => house.db.gate.stats().connectionLimit).toMatchObject(unused);
        await house.check();
      });

      it('of 2 does not lock out those who hold a connection and ask for another', async () => {
        await using house = await limited(2, 12);
        const nested = Array.from({ length: 6 }, (_, n) =>
          house.db.transaction(async (tx) => {
            await tx.query('select pg_sleep(0.02)');
            // Past the transaction, on a connection of its own.
            return house.db.queryValue('select $1::int + 0 * length(pg_sleep(0.02)::text)', [n]);
          }),
        );
        expect(await Promise.all(nested)).toEqual([0, 1, 2, 3, 4, 5]);
        expect(house.db.gate.stats().connectionLimit).toMatchObject(unused);
        await house.check();
      });

      it('follows an operator: lowered it cuts nobody off, raised it serves those who wait', async () => {
        await using house = await limited(4, 8);
        const [early, late] = [await HeldStatements.of(house), await HeldStatements.of(house)];
        const first = Array.from({ length: 4 }, () => early.begin());
        await early.untilHeld(4);
        house.db.gate.connectionLimit.set(1);
        const second = Array.from({ length: 4 }, () => late.begin());
        await early.letGo();
        await Promise.all(first);
        await expect.poll(() => house.db.gate.stats().connectionLimit).toMatchObject({ inUse: 1, waiting: 3 });
        await late.untilHeld(1);
        house.db.gate.connectionLimit.set(8);
        await late.untilHeld(4);
        await late.letGo();
        await Promise.all(second);
        await expect.poll(() => house.db.gate.stats().connectionLimit).toMatchObject({ max: 8, ...unused });
        await house.check();
      });

      it('that was never lower than the pool has counted all the same, and holds as soon as it is', async () => {
        await using house = await start({ pool: { maxSize: 8 }, gate: { rateLimit: false } });
        const [early, late] = [await HeldStatements.of(house), await HeldStatements.of(house)];
        const first = Array.from({ length: 6 }, () => early.begin());
        await early.untilHeld(6);
        expect(house.db.gate.stats().connectionLimit).toMatchObject({ inUse: 6, waiting: 0 });
        house.db.gate.connectionLimit.set(3);
        const second = Array.from({ length: 6 }, () => late.begin());
        expect(house.db.gate.stats().connectionLimit).toMatchObject({ inUse: 6, waiting: 6 });
        await early.letGo();
        await Promise.all(first);
        await late.untilHeld(3);
        expect(house.db.gate.stats().connectionLimit).toMatchObject({ inUse: 3, waiting: 3 });
        await late.letGo();
        await Promise.all(second);
        await expect.poll(() => house.db.gate.stats().connectionLimit).toMatchObject(unused);
        await house.check();
      });

      it('gives its slot back with a connection that dies', async () => {
        await using house = await start({ ...COUNTABLE, gate: { connectionLimit: 2 }, pool: { maxSize: 8 } });
        const calls = Array.from({ length: 2 }, () => failure(house.db.query('select pg_sleep(30)')));
        await house.untilRunning('pg_sleep(30)', 2);
        house.proxy.resetAll();
        for (const { error } of await Promise.all(calls)) expect(error.code).toBe('CONNECTION');
        expect(house.db.gate.stats().connectionLimit).toMatchObject(unused);
        await house.check();
      });
    });

    describe('the rate limit', () => {
      it('lets no more than its burst through at once; the others are refused before a connection is asked for', async () => {
        await using house = await start({ pool: { maxSize: 4 }, gate: { rateLimit: { perSecond: 1, burst: 10 } } });
        const calls = Array.from({ length: 50 }, () =>
          house.db.queryValue('select 1').catch((error: unknown) => error),
        );
        const ends = await Promise.all(calls);
        const refused = ends.filter((end) => end !== 1);
        expect(refused).toHaveLength(40);
        for (const error of refused) expect(error).toMatchObject({ code: 'RATE_LIMIT', outcome: 'not-sent' });
        expect(circuit(house)).toMatchObject({ failures: 0, admitted: 10 });
        house.db.gate.rateLimit.set(false);
        await house.check();
      });

      it('makes those wait who may, in order, and serves them all', async () => {
        await using house = await start({
          pool: { maxSize: 1 },
          gate: { rateLimit: { perSecond: 100, burst: 5, maxWait: '2s' } },
        });
        await house.db.connect();
        const order: number[] = [];
        const startedAt = performance.now();
        await Promise.all(Array.from({ length: 35 }, (_, n) => house.db.query('select 1').then(() => order.push(n))));
        // 5 at once, and 30 more at 100 a second.
        expect(performance.now() - startedAt).toBeGreaterThanOrEqual(290);
        expect(order).toEqual(order.map((_, n) => n));
        house.db.gate.rateLimit.set(false);
        await house.check();
      });
    });
  });
}
