/**
 * Oracle connections that are cut before a call, after it, and in the middle of its answer: what the caller hears, what is made again,
 * and how often it is there in the end. Whether the session asks Transaction Guard is the last group's.
 */
import type { DBRuntime, FluxorEvents } from 'fluxor-db';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { HouseOptions, OracleHouse, OracleSite } from './oracle-house.js';
import { PROFILES, startOracleSite } from './oracle-house.js';
import { failure } from './proxied-database.js';

const INSERT = 'insert into things values (:1)';
const SELECT = 'select id from things where id >= :1';
const MANY = 'select level as n from dual connect by level <= 2000';
const DROPS = ['before', 'after', 'mid-answer'] as const;
/** No pause worth speaking of between attempts. */
const QUICK = { initialBackoff: '1ms', maxBackoff: '1ms' } as const;

describe.each(PROFILES)('cuts of an Oracle %s', (profile) => {
  let site: OracleSite;
  beforeAll(async () => {
    site = await startOracleSite(profile, { transactionGuard: true });
  });
  afterEach(async () => {
    await site.server.fault('clear');
    await site.empty();
  });
  afterAll(() => site.stop());

  /** With two connections that are there, and every repetition noted. */
  async function open(options: HouseOptions = {}): Promise<OracleHouse & { retried: FluxorEvents['query:retried'][] }> {
    const house = site.open({ ...options, pool: { maxSize: 2 }, query: { retry: QUICK, ...options.query } });
    await house.fill();
    const retried: FluxorEvents['query:retried'][] = [];
    house.db.on('query:retried', (fact) => retried.push(fact));
    return Object.assign(house, { retried });
  }

  const cut = (on: 'execute' | 'fetch' | 'commit' | 'rollback', drop: (typeof DROPS)[number], match = 'things') =>
    site.server.inject({ on, drop, ...(on === 'execute' ? { match } : {}) });
  /** As far as it was carried out, it was once. */
  const kept = (drop: (typeof DROPS)[number]): number[] => (drop === 'before' ? [] : [1]);

  describe.each(DROPS)('%s', (drop) => {
    it('a write is unknown, and not made again', async () => {
      await using house = await open();
      await cut('execute', drop, 'insert');
      const { error } = await failure(house.db.exec(INSERT, [1]));
      expect(error).toMatchObject({ code: 'CONNECTION', reason: 'lost', outcome: 'unknown', retryable: false });
      expect(await site.ids()).toEqual(kept(drop));
      await house.check();
      expect([house.retried, await site.ids()]).toEqual([[], kept(drop)]);
    });

    it('a write declared idempotent is made again, once', async () => {
      await using house = await open();
      await cut('execute', drop, 'merge');
      const merge = `merge into things t using (select :1 as id from dual) s on (t.id = s.id)
        when not matched then insert (id) values (s.id)`;
      await house.db.exec(merge, [1], { idempotent: true });
      expect([house.retried.length, await site.ids()]).toEqual([1, [1]]);
      await house.check();
    });

    it('a query is unknown to a runtime that knows no better', async () => {
      await using house = await open();
      await cut('execute', drop, 'select id');
      const { error } = await failure(house.db.query(SELECT, [1]));
      expect(error).toMatchObject({ code: 'CONNECTION', reason: 'lost', outcome: 'unknown', retryable: false });
      expect(house.retried).toEqual([]);
      await house.check();
    });

    it('a declared read is made again, once', async () => {
      await using house = await open();
      await cut('execute', drop, 'select id');
      expect(await house.db.query(SELECT, [1], { readOnly: true })).toEqual([]);
      expect(house.retried).toHaveLength(1);
      await house.check();
    });

    it('a declared read that meets two cuts where one repetition is allowed has failed', async () => {
      await using house = await open({ query: { retry: { ...QUICK, maxRetries: 1 } } });
      await site.server.inject({ on: 'execute', match: 'select id', drop, times: 3 });
      const { error } = await failure(house.db.query(SELECT, [1], { readOnly: true }));
      expect(error).toMatchObject({ code: 'CONNECTION', reason: 'lost', outcome: 'not-applied' });
      expect(error.attempts).toHaveLength(1);
      await house.check();
    });

    it('a stream ends with the error behind the rows that came, and is not begun anew', async () => {
      await using house = await open();
      await site.server.inject({ on: 'fetch', skip: 2, drop });
      const seen: number[] = [];
      const read = async (): Promise<void> => {
        const rows = house.db.stream<{ N: number }>(MANY, [], { batchSize: 100, readOnly: true });
        for await (const { N } of rows) seen.push(Number(N));
      };
      expect((await failure(read())).error).toMatchObject({ code: 'CONNECTION', reason: 'lost' });
      expect(seen.length).toBeGreaterThanOrEqual(100);
      expect(seen).toEqual(seen.map((_, at) => at + 1));
      await house.check();
    });

    it('a batch is gone as a whole where its statement was cut', async () => {
      await using house = await open();
      await site.server.inject({ on: 'execute', match: 'insert', skip: 1, drop });
      const sets = Array.from({ length: 10_000 }, (_, id): [number] => [id]);
      const { error } = await failure(house.db.batch(INSERT, sets));
      expect(error).toMatchObject({ code: 'CONNECTION', reason: 'lost', outcome: 'not-applied' });
      await house.check();
      expect(await site.ids()).toEqual([]);
    });

    it('a batch whose COMMIT was cut is unknown, and not made again', async () => {
      await using house = await open();
      await cut('commit', drop);
      const { error } = await failure(house.db.batch(INSERT, [[1], [2]]));
      expect(error).toMatchObject({ outcome: 'unknown', retryable: false });
      await house.check();
      expect(await site.ids()).toEqual(drop === 'before' ? [] : [1, 2]);
    });

    it('the first statement of a transaction (its BEGIN is no round trip) has the whole run again', async () => {
      await using house = await open();
      await cut('execute', drop, 'insert');
      expect(await transfer(house.db)).toBe(2);
      expect(await site.ids()).toEqual([2]);
      await house.check();
    });

    it('a BEGIN that is a round trip has the whole run again', async () => {
      await using house = await open();
      await cut('execute', drop, 'set transaction');
      expect(await transfer(house.db, { isolation: 'serializable' })).toBe(1);
      expect(await site.ids()).toEqual([1]);
      await house.check();
    });

    it('a COMMIT is unknown, never made again, and there once if at all', async () => {
      await using house = await open();
      await cut('commit', drop);
      const counts = { runs: 0 };
      const { error } = await failure(transfer(house.db, {}, counts));
      expect(error).toMatchObject({ code: 'OUTCOME_UNKNOWN', outcome: 'unknown', retryable: false });
      expect([counts.runs, await site.ids()]).toEqual([1, kept(drop)]);
      await house.check();
    });

    it('a ROLLBACK leaves nothing, and its caller hears why he rolled back', async () => {
      await using house = await open();
      await cut('rollback', drop);
      const thrown = new Error('no');
      const work = house.db.transaction(async (tx) => {
        await tx.exec(INSERT, [1]);
        throw thrown;
      });
      await expect(work).rejects.toBe(thrown);
      await expect.poll(() => site.ids()).toEqual([]);
      await house.check();
    });

    it('the rollback of what a session has left leaves nothing, and costs nobody else an error', async () => {
      await using house = await open();
      await cut('rollback', drop);
      const session = await house.db.acquire();
      const tx = await session.begin();
      await tx.exec(INSERT, [1]);
      session.release();
      await house.check();
      await expect.poll(() => site.ids()).toEqual([]);
    });
  });

  describe('of a COMMIT whose outcome is asked for (Transaction Guard)', () => {
    const resolving = { query: { resolveOutcome: true, retry: QUICK } } as const;

    it.each(['after', 'mid-answer'] as const)('%s it was carried out: it has succeeded, in one run', async (drop) => {
      await using house = await open(resolving);
      const fates: string[] = [];
      house.db.on('transaction:resolved', ({ fate }) => fates.push(fate));
      await transfer(house.db);
      await cut('commit', drop);
      expect([await transfer(house.db), fates]).toEqual([1, ['committed']]);
      expect(await site.ids()).toEqual([1, 1]);
      await house.check();
    });

    it('before it arrived: it is run again, and there once', async () => {
      await using house = await open(resolving);
      const fates: string[] = [];
      house.db.on('transaction:resolved', ({ fate }) => fates.push(fate));
      await cut('commit', 'before');
      expect([await transfer(house.db), fates]).toEqual([2, ['rolled-back']]);
      expect(await site.ids()).toEqual([2]);
      await house.check();
    });
  });

  it('twenty writers under cuts at random places: each knows, or says that it does not', async () => {
    await using house = site.open({ pool: { maxSize: 6 }, query: { retry: QUICK } });
    for (const drop of DROPS) {
      for (const on of ['execute', 'commit'] as const)
        await site.server.inject({ on, match: 'insert', skip: 7, times: 3, drop });
    }
    const ends = await Promise.all(
      Array.from({ length: 60 }, async (_, id) => {
        const work = house.db.transaction(async (tx) => {
          await tx.exec(INSERT, [id]);
        });
        return work.then(
          () => 'kept',
          (error: { outcome: string }) => error.outcome,
        );
      }),
    );
    await house.check();
    const ids = await site.ids();
    for (const [id, end] of ends.entries()) {
      const times = ids.filter((found) => found === id).length;
      if (end === 'kept') expect(times).toBe(1);
      else if (end === 'unknown') expect(times).toBeLessThanOrEqual(1);
      else expect(times).toBe(0);
    }
    expect(ends.filter((end) => end === 'kept').length).toBeGreaterThan(0);
    expect(ends.filter((end) => end === 'unknown').length).toBeGreaterThan(0);
  });
});

/** One row with the number of the run; returns how many runs it took. */
async function transfer(
  db: DBRuntime,
  options: Parameters<DBRuntime['transaction']>[1] = {},
  counts = { runs: 0 },
): Promise<number> {
  await db.transaction(async (tx) => {
    counts.runs += 1;
    await tx.exec(INSERT, [counts.runs]);
  }, options);
  return counts.runs;
}
