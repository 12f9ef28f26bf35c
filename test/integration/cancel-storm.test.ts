/**
 * The promise that other pools break: a statement that was stopped in flight is stopped at the server, and its
 * connection is never lent while it is busy, so nobody ever gets the answer, or the cancel, that was meant for another.
 */
import { isFluxorError } from 'fluxor-db';
import { describe, expect, inject, it } from 'vitest';
import { failure, ProxiedDatabase } from './proxied-database.js';

/** So long a caller is kept waiting for what became of a statement that was stopped; timers may be a millisecond early. */
const ANSWER_GRACE_MS = 100 - 2;

for (const { name, url } of inject('postgresServers')) {
  describe(`a storm of cancels on ${name}`, () => {
    for (const how of ['aborts', 'timeouts'] as const) {
      it(`stops 100 statements in flight by ${how}, and answers the next 1,000 queries with their own rows`, async () => {
        await using house = await ProxiedDatabase.startBehindTheGate(url, { pool: { maxSize: 5, maxWaiting: 5_000 } });
        let cancelled = 0;
        using _listener = house.db.on('query:cancelled', () => (cancelled += 1));
        const outcomes: string[] = [];
        let inFlight = 0;
        // On a machine that is busy elsewhere a wave may reach its limit before the server has all of it: it gets longer.
        for (let limitMs = 150; inFlight < 100;) {
          const before = cancelled;
          const controller = new AbortController();
          const limit = how === 'timeouts' ? { timeout: limitMs } : { signal: controller.signal };
          const begunAt = performance.now();
          const stopping = Promise.all(
            [1, 2, 3, 4, 5].map(() => failure(house.db.query('select pg_sleep(30)', [], limit))),
          );
          let isOver = false;
          void stopping.then(() => (isOver = true));
          // In flight is what the server works on, not what was called.
          let running = 0;
          const sleepers = async () => (await house.running()).filter((query) => query.includes('pg_sleep(30)'));
          const seen = async () => (running = (await sleepers()).length) === 5 || isOver;
          await expect.poll(seen, { interval: 5, timeout: 20_000 }).toBe(true);
          const stoppedAfterMs = how === 'timeouts' ? limitMs : performance.now() - begunAt;
          controller.abort();
          const stopped = await stopping;
          if (running < 5) limitMs *= 2;
          else if (stopped.some(({ afterMs }) => afterMs - stoppedAfterMs >= ANSWER_GRACE_MS)) {
            // The machine was busy elsewhere: who was not told in time what the server said shows nothing.
            for (const { error } of stopped) expect(['not-applied', 'unknown']).toContain(error.outcome);
            await expect.poll(sleepers).toEqual([]);
          } else {
            inFlight += 5;
            expect(cancelled - before).toBe(5);
            for (const { error } of stopped) outcomes.push(`${error.code} ${error.outcome}`);
          }
        }
        const end = how === 'aborts' ? 'CANCELLED not-applied' : 'TIMEOUT not-applied';
        expect(outcomes).toEqual(Array.from({ length: 100 }, () => end));
        await answersEverybody(house);
        await expect.poll(() => house.running()).toEqual([]);
        await house.check();
      });
    }

    it('answers everybody with their own rows while 100 calls are stopped around the moment of their answer', async () => {
      await using house = await ProxiedDatabase.startBehindTheGate(url, { pool: { maxSize: 5, maxWaiting: 5_000 } });
      const ends = Array.from({ length: 100 }, async (_, n) => {
        const seconds = [30, 0.05, 0.01, 0][n % 4];
        const call = house.db.query('select pg_sleep($1), $2::int', [seconds, n], { timeout: 40 + (n % 7) * 3 });
        return call.then(
          () => 'answered',
          (error: unknown) => (isFluxorError(error) ? error.code : 'foreign'),
        );
      });
      await answersEverybody(house);
      expect(new Set(await Promise.all(ends)).has('foreign')).toBe(false);
      await expect.poll(() => house.running()).toEqual([]);
      await house.check();
    });

    it(
      'kills nobody else’s statement by 300 timeouts aimed at running ones while 64 tasks query',
      { timeout: 60_000 },
      async () => {
        await using house = await ProxiedDatabase.startBehindTheGate(url, { pool: { maxSize: 10, maxWaiting: 5_000 } });
        let isOver = false;
        let answered = 0;
        const innocents = Array.from({ length: 64 }, async (_, task) => {
          for (let n = 0; !isOver; n += 1) {
            const key = task * 1_000_000 + n;
            // Half of them are in flight for a while, so that a cancel which comes too late would find somebody.
            const seconds = n % 2 === 0 ? 0 : 0.002;
            const row = await house.db.queryRow<{ key: number }>('select $1::int as key, pg_sleep($2)', [key, seconds]);
            if (row?.key !== key) throw new Error(`asked for ${key}, got ${row?.key}`);
            answered += 1;
          }
        });
        let cancelled = 0;
        using _listener = house.db.on('query:cancelled', () => (cancelled += 1));
        // Ten at a time, so that they run and do not only wait. Every fourth ends around the moment of its timeout.
        const victims = Array.from({ length: 10 }, async () => {
          const ends: string[] = [];
          // On a slow machine many wait for a connection until their time is up: then it takes more of them.
          for (let n = 0; n < 30 || (cancelled <= 150 && n < 150); n += 1) {
            const limits = { timeout: 50, priority: 'high' } as const;
            const call = house.db.query('select pg_sleep($1)', [n % 4 === 0 ? 0.048 : 30], limits);
            const end = call.then(
              () => 'answered',
              (error: unknown) => (isFluxorError(error) ? error.code : 'foreign'),
            );
            ends.push(await end);
          }
          return ends;
        });
        const ends = (await Promise.all(victims)).flat();
        isOver = true;
        await Promise.all(innocents);
        expect(ends.filter((end) => end !== 'answered' && end !== 'TIMEOUT')).toEqual([]);
        expect(ends.filter((end) => end === 'TIMEOUT').length).toBeGreaterThanOrEqual(220);
        // Aimed at running statements, and not at waiting ones.
        expect(cancelled).toBeGreaterThan(150);
        expect(answered).toBeGreaterThan(0);
        await expect.poll(() => house.running()).toEqual([]);
        await house.check();
      },
    );

    // node-postgres#3399, PR#3729, #1952, #1954
    it('never lends a connection before its stopped statement has ended at the server', async () => {
      await using house = await ProxiedDatabase.startBehindTheGate(url, { pool: { maxSize: 1 } });
      await house.db.connect();
      for (let round = 0; round < 20; round += 1) {
        const { error } = await failure(house.db.query('select pg_sleep(30)', [], { timeout: 20 }));
        expect(error.code).toBe('TIMEOUT');
        expect(await house.db.queryValue('select $1::int', [round])).toBe(round);
      }
      // One connection did it all: cancelling costs no connection. What was accepted says less: a cancel may be sent again.
      expect(house.db.stats().totals).toMatchObject({ created: 1, closed: 0 });
      await house.check();
    });

    it('destroys a connection whose cancel cannot be delivered, rather than lend it', async () => {
      await using house = await ProxiedDatabase.startBehindTheGate(url, { pool: { maxSize: 1 } });
      await house.db.connect();
      const closed: string[] = [];
      using _listener = house.db.on('connection:closed', ({ reason }) => closed.push(reason));
      await house.proxy.setMode('accept-and-hang');
      const { error } = await failure(house.db.query('select pg_sleep(30)', [], { timeout: 50 }));
      expect(error).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' });
      await house.proxy.setMode('pass');
      expect(await house.db.queryValue('select 1')).toBe(1);
      expect(closed).toHaveLength(1);
      await house.check();
    });
  });
}

async function answersEverybody(house: ProxiedDatabase): Promise<void> {
  const numbers = Array.from({ length: 1_000 }, (_, n) => n);
  const answers = await Promise.all(numbers.map((n) => house.db.queryValue<number>('select $1::int', [n])));
  expect(answers).toEqual(numbers);
}
