/**
 * Answers that are lost after the server has done the work: what the caller hears, what is made again, and how often it is
 * there in the end. COMMITs that are asked for (`resolveOutcome`) are in outcome-*.test.ts.
 */
import type { FluxorEvents, RuntimeOptions } from 'fluxor-db';
import { describe, expect, it } from 'vitest';
import { int } from '../contract/words.js';
import { failure, ProxiedDatabase } from './proxied-database.js';
import { proxiedTargets } from './proxied-targets.js';

/** No pause worth speaking of between attempts. */
const QUICK = { initialBackoff: '1ms', maxBackoff: '1ms' } as const;

for (const target of proxiedTargets()) {
  describe(`lost replies on ${target.name}`, () => {
    const { isCommit } = target;
    const select42 = `select ${int(target.words, 42)}`;
    const start = async (options: Omit<RuntimeOptions, 'driver'> = {}) => {
      const house = await ProxiedDatabase.start(target, { ...options, query: { retry: QUICK, ...options.query } });
      await house.direct.exec('drop table if exists lost');
      // The id is not unique: what is made twice is there twice.
      await house.direct.exec('create table lost (id int not null)');
      const retried: FluxorEvents['query:retried'][] = [];
      house.db.on('query:retried', (fact) => retried.push(fact));
      return Object.assign(house, { retried });
    };
    const ids = async ({ direct }: ProxiedDatabase) =>
      (await direct.query<{ id: number }>('select id from lost order by id')).map(({ id }) => id);
    const insert = 'insert into lost values (1)';
    const isInsert = (chunk: Buffer) => chunk.includes('insert into lost');

    it.each(['reset', 'fin'] as const)(
      'of an INSERT (%s): it is there once, called unknown, and not made again',
      async (then) => {
        await using house = await start();
        house.proxy.dropReplies({ when: isInsert, then });
        const { error } = await failure(house.db.exec(insert));
        expect(error).toMatchObject({ code: 'CONNECTION', reason: 'lost', outcome: 'unknown', retryable: false });
        expect(error.attempts).toBeUndefined();
        await expect.poll(() => ids(house)).toEqual([1]);
        expect(house.retried).toEqual([]);
        await house.check();
        expect(await ids(house)).toEqual([1]);
      },
    );

    it('of an INSERT that never comes (hang): its timeout calls it unknown, and it is not made again', async () => {
      await using house = await start();
      house.proxy.dropReplies({ when: isInsert, then: 'hang' });
      // Time for the server to carry it out.
      const { error, afterMs } = await failure(house.db.exec(insert, [], { timeout: '1s' }));
      expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'statement', outcome: 'unknown', retryable: false });
      expect(afterMs).toBeLessThan(3_000);
      expect([await ids(house), house.retried]).toEqual([[1], []]);
      await house.check();
    });

    it('of a statement declared idempotent: it is made again, and the caller hears of success', async () => {
      await using house = await start();
      await house.direct.exec('create unique index lost_id on lost (id)');
      const upsert = target.insertUnlessThere('lost', '1');
      house.proxy.dropReplies({ when: (chunk) => chunk.includes(upsert), then: 'reset' });
      // MariaDB logs it, and gives it a GTID, although it changes nothing.
      expect(await house.db.exec(upsert, [], { idempotent: true, name: 'upsert' })).toMatchObject({ rowsAffected: 0 });
      expect(await ids(house)).toEqual([1]);
      expect(house.retried).toMatchObject([{ name: 'upsert', attempt: 2, error: { outcome: 'unknown' } }]);
      await house.check();
    });

    it('of one that was declared idempotent and is not: the word is taken, and it is there twice', async () => {
      await using house = await start();
      house.proxy.dropReplies({ when: isInsert, then: 'fin' });
      await house.db.exec(insert, [], { idempotent: true });
      expect([await ids(house), house.retried.length]).toEqual([[1, 1], 1]);
    });

    it('of one that the database itself refuses to make twice: the refusal names the attempt that was lost', async () => {
      await using house = await start();
      await house.direct.exec('create unique index lost_id on lost (id)');
      house.proxy.dropReplies({ when: isInsert, then: 'reset' });
      const { error } = await failure(house.db.exec(insert, [], { idempotent: true }));
      expect(error).toMatchObject({ code: 'CONSTRAINT', reason: 'unique' });
      expect(error.attempts).toMatchObject([{ code: 'CONNECTION', reason: 'lost', outcome: 'unknown' }]);
      expect(await ids(house)).toEqual([1]);
    });

    it('again and again: four attempts with the default numbers, and the last error has those before it', async () => {
      await using house = await start();
      const trap = house.proxy.dropReplies({ when: isInsert, then: 'reset', times: 10 });
      const { error } = await failure(house.db.exec(insert, [], { idempotent: true }));
      expect(error).toMatchObject({ code: 'CONNECTION', reason: 'lost', outcome: 'unknown' });
      expect(error.attempts).toHaveLength(3);
      expect(trap.sprung).toBe(4);
      await expect.poll(() => ids(house)).toEqual([1, 1, 1, 1]);
    });

    it('of a statement with `retry: false`: one attempt, whatever was declared', async () => {
      await using house = await start();
      house.proxy.dropReplies({ when: isInsert, then: 'reset' });
      const { error } = await failure(house.db.exec(insert, [], { idempotent: true, retry: false }));
      expect(error).toMatchObject({ code: 'CONNECTION', outcome: 'unknown' });
      expect(house.retried).toEqual([]);
      await expect.poll(() => ids(house)).toEqual([1]);
    });

    it.each(['reset', 'fin'] as const)('of a SELECT declared read-only (%s): asked again', async (then) => {
      await using house = await start();
      house.proxy.dropReplies({ when: (chunk) => chunk.includes(select42), then });
      expect(await house.db.queryValue(select42, [], { readOnly: true })).toBe(42);
      expect(house.retried).toMatchObject([{ attempt: 2, error: { code: 'CONNECTION', outcome: 'not-applied' } }]);
      await house.check();
    });

    it('of a SELECT that nobody declared read-only: not asked again, a function in it may write', async () => {
      await using house = await start();
      house.proxy.dropReplies({ when: (chunk) => chunk.includes(select42), then: 'reset' });
      expect((await failure(house.db.queryValue(select42))).error.outcome).toBe('unknown');
      expect(house.retried).toEqual([]);
    });

    it('of a statement on a session: never made again alone, the session is gone with what it knew', async () => {
      await using house = await start();
      await using session = await house.db.acquire();
      house.proxy.dropReplies({ when: isInsert, then: 'reset' });
      const { error } = await failure(session.exec(insert, [], { idempotent: true }));
      expect(error).toMatchObject({ code: 'CONNECTION', outcome: 'unknown' });
      expect(house.retried).toEqual([]);
      await expect.poll(() => ids(house)).toEqual([1]);
    });

    it('of a BEGIN: begun again, also for begin(), and the function runs once', async () => {
      await using house = await start();
      const loseBegin = () => house.proxy.dropReplies({ when: (chunk) => chunk.includes(target.begin), then: 'reset' });
      const runs: number[] = [];
      loseBegin();
      await house.db.transaction(async (tx) => {
        runs.push(tx.attempt);
        await tx.exec(insert);
      });
      loseBegin();
      await using tx = await house.db.begin();
      await tx.exec('insert into lost values (2)');
      await tx.commit();
      expect(await ids(house)).toEqual([1, 2]);
      expect(runs).toEqual([2]);
      expect(house.retried).toHaveLength(1);
    });

    it.each(['reset', 'fin'] as const)(
      'of a statement in a transaction (%s): the whole function again',
      async (then) => {
        await using house = await start();
        house.proxy.dropReplies({ when: isInsert, then });
        const runs: number[] = [];
        const retried: unknown[] = [];
        using _listener = house.db.on('transaction:retried', ({ attempt, error }) =>
          retried.push([attempt, error.outcome]),
        );
        await house.db.transaction(async (tx) => {
          runs.push(tx.attempt);
          await tx.exec(insert);
        });
        expect([runs, retried, await ids(house)]).toEqual([[1, 2], [[2, 'not-applied']], [1]]);
        await house.check();
      },
    );

    it('of a statement in a transaction, never coming (hang): nothing was applied, for the transaction has ended', async () => {
      await using house = await start();
      house.proxy.dropReplies({ when: isInsert, then: 'hang' });
      const attempt = house.db.transaction(async (tx) => tx.exec(insert, [], { timeout: '200ms' }));
      const { error } = await failure(attempt);
      await house.check();
      expect(await ids(house)).toEqual([]);
      expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'statement', outcome: 'not-applied' });
    });

    // Found by the bank under fire: "it had been applied by then" was told of a transfer that had been rolled back.
    it('or a late one: a statement that was carried out after its timeout is rolled back with its transaction', async () => {
      await using house = await start();
      house.proxy.delay(100);
      const attempt = house.db.transaction(async (tx) => {
        await tx.query('select 1');
        // Carried out at once; the answer comes after the timeout, and before the end of the grace.
        await tx.exec(insert, [], { timeout: '150ms' });
      });
      const { error } = await failure(attempt);
      await house.check();
      expect(await ids(house)).toEqual([]);
      expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'statement', outcome: 'not-applied' });
    });

    it('of a COMMIT: OUTCOME_UNKNOWN, there once, and the function is not run again', async () => {
      await using house = await start();
      house.proxy.dropReplies({ when: isCommit, then: 'reset' });
      let runs = 0;
      const attempt = house.db.transaction(async (tx) => {
        runs += 1;
        await tx.exec(insert);
      });
      expect((await failure(attempt)).error).toMatchObject({
        code: 'OUTCOME_UNKNOWN',
        outcome: 'unknown',
        retryable: false,
      });
      await expect.poll(() => ids(house)).toEqual([1]);
      await house.check();
      expect([runs, await ids(house)]).toEqual([1, [1]]);
    });

    it('or of a COMMIT that never arrived, which looks the same from here: unknown too, there not at all', async () => {
      await using house = await start();
      const when = (chunk: Buffer) => {
        if (isCommit(chunk)) house.proxy.resetAll();
        return false;
      };
      house.proxy.dropReplies({ when, then: 'reset' });
      const { error } = await failure(house.db.transaction(async (tx) => tx.exec(insert)));
      expect(error).toMatchObject({ code: 'OUTCOME_UNKNOWN', outcome: 'unknown' });
      await house.check();
      expect(await ids(house)).toEqual([]);
    });
  });
}
