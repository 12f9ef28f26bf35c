/**
 * The promise that other pools break: a statement that was stopped in flight is stopped at the server, and its
 * connection is never lent while it is busy, so nobody ever gets the answer, or the cancel, that was meant for another.
 */
import { isFluxorError } from 'fluxor-db';
import { describe, expect, inject, it } from 'vitest';
import { failure, ProxiedDatabase } from './proxied-database.js';

for (const { name, url } of inject('postgresServers')) {
  describe(`a storm of cancels on ${name}`, () => {
    for (const how of ['aborts', 'timeouts'] as const) {
      it(`answers the next 1,000 queries with their own rows after 100 ${how}`, async () => {
        await using house = await ProxiedDatabase.start(url, { pool: { maxSize: 5, maxWaiting: 5_000 } });
        const stopped = Array.from({ length: 100 }, async (_, n) => {
          const controller = new AbortController();
          // Around the moment of the answer: some are stopped asleep, some while the answer is on its way.
          const seconds = [30, 0.05, 0.01, 0][n % 4];
          const call = house.db.query('select pg_sleep($1), $2::int', [seconds, n], {
            ...(how === 'timeouts' ? { timeout: 40 + (n % 7) * 3 } : { signal: controller.signal }),
          });
          if (how === 'aborts') void waitUntilSent(house).then(() => controller.abort());
          return call.then(
            () => 'answered',
            (error: unknown) => (isFluxorError(error) ? error.code : 'foreign'),
          );
        });
        const followers = Array.from({ length: 1_000 }, (_, n) => house.db.queryValue<number>('select $1::int', [n]));
        const ends = await Promise.all(stopped);
        expect(await Promise.all(followers)).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
        const expected = how === 'aborts' ? 'CANCELLED' : 'TIMEOUT';
        expect(new Set(ends).has('foreign')).toBe(false);
        expect(ends.filter((end) => end === expected).length).toBeGreaterThanOrEqual(25);
        expect(new Set(ends.filter((end) => end !== 'answered'))).toEqual(new Set([expected]));
        await expect.poll(() => house.running()).toEqual([]);
        await house.check();
      });
    }

    it('never lends a connection before its stopped statement has ended at the server', async () => {
      await using house = await ProxiedDatabase.start(url, { pool: { maxSize: 1 } });
      await house.db.connect();
      for (let round = 0; round < 20; round += 1) {
        const { error } = await failure(house.db.query('select pg_sleep(30)', [], { timeout: 20 }));
        expect(error.code).toBe('TIMEOUT');
        expect(await house.db.queryValue('select $1::int', [round])).toBe(round);
      }
      // One connection did it all: cancelling costs no connection.
      expect(house.proxy.accepted).toBe(1 + 20);
      await house.check();
    });

    it('destroys a connection whose cancel cannot be delivered, rather than lend it', async () => {
      await using house = await ProxiedDatabase.start(url, { pool: { maxSize: 1 } });
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

/** Until the server works on something, or the storm is over. */
async function waitUntilSent(house: ProxiedDatabase): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if ((await house.running()).length > 0) return;
  }
}
