/**
 * Statements that travel together, on real servers: whoever asks gets their own row or their own error, whatever happens to
 * those in front of them and behind them. Runs on every target whose driver pipelines.
 */
import { isFluxorError } from 'fluxor-db';
import type { FluxorError, RuntimeOptions } from 'fluxor-db';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProxiedDatabase } from './proxied-database.js';
import { proxiedTargets } from './proxied-targets.js';

/** Checked one by one on the first server. On the others a tenth, for the sake of everybody's time. */
const QUERIES = 1_000_000;
const TASKS = 64;

const targets = proxiedTargets().filter((target) => target.makeDriver().capabilities.pipelining);

it('runs on the drivers that can: pg, and the mariadb connector on both of its servers', () => {
  expect(targets.map(({ name }) => name)).toEqual([
    ...targets.map(({ name }) => name).filter((name) => name.startsWith('PostgreSQL')),
    ...targets.map(({ name }) => name).filter((name) => name.startsWith('mariadb × ')),
  ]);
  expect(targets.length).toBeGreaterThan(2);
});

for (const [index, target] of targets.entries()) {
  describe(`statements that travel together on ${target.name}`, () => {
    const { words } = target;
    const [first, second] = [words.placeholder(1), words.placeholder(2)];
    /** One row, with the key that was asked for. */
    const read = `select id, name from travellers where id = ${first}`;
    /** Takes as long as it is told on every machine, where `target.pause` may be work. */
    const sleeping = target.name.startsWith('PostgreSQL') ? 'pg_sleep' : 'sleep';
    let house: ProxiedDatabase;

    const startHouse = (options: Omit<RuntimeOptions, 'driver'> = {}) =>
      ProxiedDatabase.startBehindTheGate(target, {
        ...options,
        pool: { maxSize: 4, maxWaiting: 50_000, ...options.pool },
      });

    beforeAll(async () => {
      house = await startHouse({ pool: { maxSize: 10 } });
      await house.direct.exec('drop table if exists travellers');
      await house.direct.exec('create table travellers (id int primary key, name varchar(40) not null)');
      const sets = Array.from({ length: 10_000 }, (_, id) => [id, `traveller ${id}`]);
      await house.direct.batch(`insert into travellers (id, name) values (${first}, ${second})`, sets);
    }, 60_000);
    afterAll(async () => {
      await house.direct.exec('drop table travellers');
      await house[Symbol.asyncDispose]();
    });

    /** Asks one after the other until `mayAsk` says no; answers how many rows were their own. */
    async function travel(at: ProxiedDatabase, mayAsk: () => boolean): Promise<number> {
      let answered = 0;
      let next = 0;
      await Promise.all(
        Array.from({ length: TASKS }, async () => {
          while (mayAsk()) {
            const id = (next += 7_919) % 10_000;
            const row = await at.db.queryRow<{ id: number; name: string }>(read, [id]);
            if (row?.id !== id || row.name !== `traveller ${id}`)
              throw new Error(`asked for ${id}, got ${JSON.stringify(row)}`);
            answered += 1;
          }
        }),
      );
      return answered;
    }

    it('get their own rows, every single one', { timeout: 600_000 }, async () => {
      const wanted = index === 0 ? QUERIES : QUERIES / 10;
      let asked = 0;
      expect(await travel(house, () => asked++ < wanted)).toBe(wanted);
      const { joined } = house.db.stats().totals;
      // They did travel together, or this test would prove nothing.
      expect(joined).toBeGreaterThan(wanted / 4);
      await house.check();
    });

    it(
      'are not killed by 300 timeouts at running statements, nor answered with a neighbour’s row',
      { timeout: 120_000 },
      async () => {
        await using storm = await startHouse({ pool: { maxSize: 10 } });
        let isOver = false;
        const innocents = travel(storm, () => !isOver);
        let cancelled = 0;
        using _listener = storm.db.on('query:cancelled', () => (cancelled += 1));
        // One text for the quick and the slow, so that the slow ones travel with others: behind some, and before others.
        const key = `select ${words.cast(first, 'int')} as id, ${target.pause(second)} as paused`;
        let answered = 0;
        const foreign: unknown[] = [];
        // Among all the others, an answer takes longer on a slow machine than the shortest of limits.
        const took: number[] = [];
        for (let n = 0; n < 20; n += 1) {
          const startedAt = performance.now();
          await storm.db.queryRow(key, [n, 0], { priority: 'high' });
          took.push(performance.now() - startedAt);
        }
        const least = Math.max(20, 2 * (took.sort((a, b) => a - b)[10] ?? 0));
        await Promise.all(
          Array.from({ length: 10 }, async (_, task) => {
            // Aimed at running statements: those that were still waiting for a connection do not count.
            for (let n = 0; cancelled < 300; n += 1) {
              const id = task * 1_000_000 + n;
              const seconds = n % 5 === 0 ? 30 : 0;
              const limit = { timeout: Math.ceil(least) + (n % 7), priority: 'high' } as const;
              await storm.db.queryRow<{ id: number }>(key, [id, seconds], limit).then(
                (row) => {
                  answered += 1;
                  if (row?.id !== id) foreign.push(`asked for ${id}, got ${JSON.stringify(row)}`);
                },
                (error: unknown) => {
                  if (!isFluxorError(error) || error.code !== 'TIMEOUT') foreign.push(error);
                },
              );
            }
          }),
        );
        isOver = true;
        expect(await innocents).toBeGreaterThan(0);
        expect(foreign).toEqual([]);
        expect(answered).toBeGreaterThan(0);
        expect(storm.db.stats().totals.joined).toBeGreaterThan(0);
        await storm.check();
      },
    );

    /** One text for the quick and the slow, so that a slow one travels with others: it is first, and they are behind it. */
    const paused = `select ${words.cast(first, 'int')} as id, ${sleeping}(${second}) as paused`;

    /**
     * On the only connection there is, a statement that is slow for once and runs out of time, with three behind it; nobody can
     * be told to stop it. Again until all three were sent behind it: on a busy machine what is quick may not seem so.
     */
    async function stopsWithoutCancel(at: ProxiedDatabase, seconds: number) {
      for (let round = 1; ; round += 1) {
        await at.proxy.setMode('pass');
        for (let n = 0; n < 20; n += 1) await at.db.query(paused, [n, 0]);
        await at.proxy.setMode('refuse');
        const before = at.db.stats().totals.joined;
        const slow = at.db.query(paused, [-1, seconds], { timeout: 100 });
        const behind = [1, 2, 3].map((id) =>
          at.db.queryRow<{ id: number }>(paused, [id, 0], id === 1 ? { readOnly: true } : {}),
        );
        const hasTravelled = at.db.stats().totals.joined === before + 3;
        const [stopped, ...others] = await Promise.allSettled([slow, ...behind]);
        if (hasTravelled) return { stopped, others };
      }
    }

    // A refused cancel destroyed the connection at once, and those behind heard that whether they were applied is not known.
    it('end as they do when the one before them is stopped and no cancel can be delivered', async () => {
      await using cut = await startHouse({ pool: { maxSize: 1 } });
      const closed: string[] = [];
      using _listener = cut.db.on('connection:closed', ({ reason }) => closed.push(reason));
      const { stopped, others } = await stopsWithoutCancel(cut, 1);
      expect(stopped).toMatchObject({ status: 'rejected', reason: { code: 'TIMEOUT' } });
      expect(others).toMatchObject([1, 2, 3].map((id) => ({ status: 'fulfilled', value: { id } })));
      // A cancel may come after all: nobody else is lent that connection.
      await expect.poll(() => closed.length).toBeGreaterThan(0);
      await cut.check();
    });

    it('hear that their connection is lost, and of nobody’s cancel, when one that cannot be stopped holds them up', async () => {
      await using cut = await startHouse({ pool: { maxSize: 1 } });
      const { stopped, others } = await stopsWithoutCancel(cut, 30);
      expect(stopped).toMatchObject({ status: 'rejected', reason: { code: 'TIMEOUT', outcome: 'unknown' } });
      expect(others).toMatchObject(
        ['not-applied', 'unknown', 'unknown'].map((outcome) => ({
          status: 'rejected',
          reason: { code: 'CONNECTION', reason: 'lost', outcome },
        })),
      );
      await cut.check();
    });

    it('are each written once, or not at all where the error says so, while their sessions are killed', async () => {
      await using killed = await startHouse();
      await killed.direct.exec('drop table if exists written');
      await killed.direct.exec('create table written (id int not null)');
      const insert = `insert into written (id) values (${first})`;
      const outcomes = new Map<number, FluxorError['outcome'] | 'applied'>();
      let [isOver, next] = [false, 0];
      const writers = Array.from({ length: 32 }, async () => {
        while (!isOver) {
          const id = (next += 1);
          await killed.db.exec(insert, [id]).then(
            () => outcomes.set(id, 'applied'),
            (error: unknown) => outcomes.set(id, (error as FluxorError).outcome),
          );
        }
      });
      for (let kill = 0; kill < 10; kill += 1) {
        const before = next;
        await expect.poll(() => next, { timeout: 20_000 }).toBeGreaterThan(before + 200);
        killed.proxy.resetAll();
      }
      isOver = true;
      await Promise.all(writers);
      const { joined } = killed.db.stats().totals;
      expect(joined).toBeGreaterThan(0);
      const rows = await killed.direct.query<{ id: number }>('select id from written order by id');
      const times = new Map<number, number>();
      for (const { id } of rows) times.set(id, (times.get(id) ?? 0) + 1);
      const wrong = [...outcomes].filter(([id, outcome]) => {
        const found = times.get(id) ?? 0;
        if (outcome === 'unknown') return found > 1;
        return found !== (outcome === 'applied' ? 1 : 0);
      });
      expect(wrong).toEqual([]);
      expect([...outcomes.values()].filter((outcome) => outcome === 'unknown').length).toBeGreaterThan(0);
      await killed.direct.exec('drop table written');
      await killed.check();
    });

    it('that read are asked again when their session is killed, and their callers hear nothing of it', async () => {
      await using killed = await startHouse({ query: { retry: { maxRetries: 10, initialBackoff: '1ms' } } });
      let [isOver, answered] = [false, 0];
      const readers = Array.from({ length: 32 }, async (_, task) => {
        for (let n = 0; !isOver; n += 1) {
          const id = (task * 100 + n) % 10_000;
          const row = await killed.db.queryRow<{ id: number }>(read, [id], { readOnly: true });
          if (row?.id !== id) throw new Error(`asked for ${id}, got ${row?.id}`);
          answered += 1;
        }
      });
      for (let kill = 0; kill < 10; kill += 1) {
        const before = answered;
        await expect.poll(() => answered, { timeout: 20_000 }).toBeGreaterThan(before + 200);
        killed.proxy.resetAll();
      }
      isOver = true;
      await Promise.all(readers);
      await killed.check();
    });

    it('do not keep a transaction waiting, nor a stream', async () => {
      await using busy = await startHouse();
      let isOver = false;
      const travellers = travel(busy, () => !isOver);
      for (let n = 0; n < 50; n += 1) {
        await busy.db.transaction(async (tx) => {
          expect(await tx.queryValue(`select count(*) from travellers where id < 5`)).toBe(5n);
        });
        let rows = 0;
        for await (const _row of busy.db.stream('select id from travellers where id < 700')) rows += 1;
        expect(rows).toBe(700);
      }
      isOver = true;
      expect(await travellers).toBeGreaterThan(50);
      await busy.check();
    });

    it('are one after the other where that was asked for', async () => {
      await using alone = await startHouse({ query: { pipelining: false } });
      let asked = 0;
      await travel(alone, () => asked++ < 2_000);
      expect(alone.db.stats().totals.joined).toBe(0);
      let calls = 0;
      const before = house.db.stats().totals.joined;
      await Promise.all(
        Array.from({ length: TASKS }, async () => {
          while (calls++ < 2_000) await house.db.queryRow(read, [1], { pipeline: false });
        }),
      );
      expect(house.db.stats().totals.joined).toBe(before);
    });
  });
}
