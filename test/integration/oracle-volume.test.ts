/**
 * Much of everything through the whole runtime, with the wire server in a process of its own, so that the memory that is measured is
 * ours alone: streams, batches with rows that fail, and LOBs whose reading breaks. Small amounts are oracle-rows.test.ts's.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { OracleLob } from 'fluxor-db/oracle';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OracleHouse, OracleSite } from './oracle-house.js';
import { PROFILES, startOracleSite } from './oracle-house.js';
import { failure } from './proxied-database.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const INSERT = 'insert into unique_things (id) values (:1)';
const MIB = 2 ** 20;

describe.each(PROFILES)('much of everything on Oracle %s', (profile) => {
  let site: OracleSite;
  beforeAll(async () => {
    site = await startOracleSite(profile);
    await site.observer.exec('create table unique_things (id number(9) primary key)');
    await site.observer.exec('create table films (id number(9), film blob)');
    await site.observer.exec('insert into films values (1, :1)', [Buffer.alloc(3 * MIB, 'film')]);
  });
  afterEach(async () => {
    await site.server.fault('clear');
    await site.observer.exec('delete from unique_things');
  });
  afterAll(() => site.stop());

  const ids = async (): Promise<number> =>
    Number(await site.observer.queryValue('select count(*) from unique_things', [], { readOnly: true }));

  it('streams 100,000 rows in constant memory', async () => {
    await using house = site.openBehindTheGate();
    const run = async (count: number): Promise<number> => {
      const rows = house.db.stream<{ N: unknown; TEXT: string }>(
        "select level as n, 'row ' || level as text from dual connect by level <= :1",
        [count],
        { timeout: '60s' },
      );
      let [highest, seen] = [0, 0];
      for await (const { N } of rows) {
        seen += 1;
        if (Number(N) !== seen) throw new Error(`row ${seen} is ${String(N)}`);
        if (seen % 5_000 === 0) highest = Math.max(highest, process.memoryUsage.rss());
      }
      expect(seen).toBe(count);
      return highest;
    };
    await run(50_000);
    collectGarbage();
    const before = process.memoryUsage.rss();
    expect(((await run(100_000)) - before) / MIB).toBeLessThanOrEqual(40);
    await house.check();
  });

  it.each([false, true])('10,000 rows lose the few that fail (in a transaction: %s)', async (isInTransaction) => {
    await using house = site.openBehindTheGate();
    const bad = [7, 4_095, 4_096, 9_999];
    const sets = Array.from({ length: 10_000 }, (_, id): [number] => [bad.includes(id) ? 1 : id]);
    const options = { onError: 'collect', timeout: '60s' } as const;
    const { rowsAffected, errors } = isInTransaction
      ? await house.db.transaction((tx) => tx.batch(INSERT, sets, options), { timeout: '60s' })
      : await house.db.batch(INSERT, sets, options);
    expect(errors.map(({ index, error }) => [index, error.code, error.reason])).toEqual(
      bad.map((at) => [at, 'CONSTRAINT', 'unique']),
    );
    expect([rowsAffected, await ids()]).toEqual([9_996, 9_996]);
    await house.check();
  });

  it('10,000 rows of which one fails are undone with the transaction that they are in', async () => {
    await using house = site.openBehindTheGate();
    const work = house.db.transaction(async (tx) => {
      await tx.exec(INSERT, [20_000]);
      const sets = Array.from({ length: 10_000 }, (_, id): [number] => [id === 6_000 ? 1 : id]);
      await tx.batch(INSERT, sets, { timeout: '60s' });
    });
    expect((await failure(work)).error).toMatchObject({ code: 'CONSTRAINT', context: { paramSet: 6_000 } });
    expect(await ids()).toBe(0);
    await house.check();
  });

  describe('of a LOB that is read piece by piece', () => {
    /** `act` is called after the first piece. */
    const read = (house: OracleHouse, act: () => Promise<void> | void): Promise<number> =>
      house.db.use(async (session) => {
        const film = await session.queryValue<OracleLob>('select film from films where id = 1', []);
        let length = 0;
        for await (const piece of film ?? []) {
          if (length === 0) await act();
          length += piece.length;
        }
        return length;
      });

    it('brings all of it', async () => {
      await using house = site.openBehindTheGate();
      expect(await read(house, () => undefined)).toBe(3 * MIB);
      await house.check();
    });

    it.each(['before', 'after', 'mid-answer'] as const)(
      'a cut (%s) ends it, typed, and the pool heals',
      async (drop) => {
        await using house = site.openBehindTheGate();
        const { error } = await failure(read(house, () => site.server.inject({ on: 'lob', drop })));
        expect(error).toMatchObject({ code: 'CONNECTION', reason: 'lost' });
        await house.check();
      },
    );
  });
});
