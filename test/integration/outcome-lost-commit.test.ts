/** COMMITs whose answer, or whose request, is lost on the way: with `resolveOutcome` each ends as what it was. */
import { createRuntime } from 'fluxor-db';
import type { FluxorEvents, RuntimeOptions } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';
import { describe, expect, inject, it } from 'vitest';
import type { HeldRequest } from './request-relay.js';
import { RequestRelay } from './request-relay.js';
import { failure, ProxiedDatabase } from './proxied-database.js';

type Resolved = FluxorEvents['transaction:resolved'];

for (const { name, url } of inject('postgresServers')) {
  describe(`a lost COMMIT on ${name}`, () => {
    const start = async (options: Omit<RuntimeOptions, 'driver'> = {}) => {
      const house = await ProxiedDatabase.start(url, { ...options, query: { resolveOutcome: true, ...options.query } });
      await house.direct.exec('drop table if exists resolved');
      await house.direct.exec('create table resolved (id int primary key)');
      return house;
    };
    const ids = async (house: ProxiedDatabase) =>
      (await house.direct.query<{ id: number }>('select id from resolved order by id')).map(({ id }) => id);
    const insert = 'insert into resolved values (1)';
    const isCommit = (chunk: Buffer) => chunk.includes('commit\0');

    it.each(['reset', 'fin', 'hang'] as const)('whose answer is lost (%s) has committed, once', async (then) => {
      // Without a deadline of its own, COMMIT has what a statement has, and 5 s at least.
      await using house = await start({ pool: { maxSize: 1 }, query: { timeout: '2s' } });
      const told: unknown[] = [];
      using _resolved = house.db.on('transaction:resolved', ({ fate }) => told.push(['resolved', fate]));
      using _ended = house.db.on('transaction:ended', ({ end }) => told.push(['ended', end]));
      house.proxy.dropReplies({ when: isCommit, then });
      const runs: number[] = [];
      await house.db.transaction(async (tx) => {
        runs.push(tx.attempt);
        await tx.exec(insert);
      });
      expect([await ids(house), runs]).toEqual([[1], [1]]);
      expect(told).toEqual([
        ['resolved', 'committed'],
        ['ended', 'committed'],
      ]);
      await house.check();
    });

    it('whose request never arrived was rolled back, and the whole function may run again', async () => {
      await using house = await start();
      const cut = () =>
        house.proxy.dropReplies({
          when: (chunk) => {
            if (isCommit(chunk)) house.proxy.resetAll();
            return isCommit(chunk);
          },
          then: 'reset',
        });
      cut();
      const once = house.db.transaction(async (tx) => tx.exec(insert), { retry: false });
      const { error } = await failure(once);
      expect(error).toMatchObject({
        code: 'CONNECTION',
        reason: 'lost',
        outcome: 'not-applied',
        decision: 'whole-transaction',
        cause: { code: 'OUTCOME_UNKNOWN' },
      });
      expect(await ids(house)).toEqual([]);
      cut();
      const attempts: number[] = [];
      await house.db.transaction(async (tx) => {
        attempts.push(tx.attempt);
        await tx.exec(insert);
      });
      expect([attempts, await ids(house)]).toEqual([[1, 2], [1]]);
      await house.check();
    });

    it('is OUTCOME_UNKNOWN as ever where nobody asked for more', async () => {
      await using house = await start({ query: { resolveOutcome: false } });
      house.proxy.dropReplies({ when: isCommit, then: 'reset' });
      const { error } = await failure(house.db.transaction(async (tx) => tx.exec(insert)));
      expect(error).toMatchObject({ code: 'OUTCOME_UNKNOWN', outcome: 'unknown' });
      house.proxy.dropReplies({ when: isCommit, then: 'reset' });
      await house.db.transaction(async (tx) => tx.exec('insert into resolved values (2)'), { resolveOutcome: true });
      expect(await ids(house)).toEqual([1, 2]);
    });

    it('is found out for a transaction on a session too', async () => {
      await using house = await start({ pool: { maxSize: 1 } });
      house.proxy.dropReplies({ when: isCommit, then: 'fin' });
      await using session = await house.db.acquire();
      await session.transaction(async (tx) => tx.exec(insert));
      expect(await ids(house)).toEqual([1]);
    });

    it('does not change what a COMMIT says that is answered', async () => {
      await using house = await start();
      const failed = house.db.transaction(async (tx) => {
        await tx.exec('select 1/0').catch(() => undefined);
      });
      expect((await failure(failed)).error).toMatchObject({ code: 'TRANSACTION', reason: 'aborted' });
      await house.db.transaction(async (tx) => tx.query('select 1'), { readOnly: true });
      await house.db.transaction(async (tx) => tx.exec(insert), { isolation: 'serializable' });
      expect(await ids(house)).toEqual([1]);
      await house.check();
    });

    const isQuestion = (chunk: Buffer) => chunk.includes('pg_xact_status');
    /** A runtime whose next COMMIT is in the hands of the test, and so are the questions after it, where it wants them. */
    const held = async (onCommit: (commit: HeldRequest, relay: RequestRelay) => void) => {
      const relay = await RequestRelay.start(url, (chunk) => isCommit(chunk) || isQuestion(chunk));
      const driver = postgres({ url, host: '127.0.0.1', port: relay.port, applicationName: 'held' });
      const db = createRuntime({ driver, pool: { warmUp: false }, query: { resolveOutcome: true } });
      const resolved: Resolved[] = [];
      db.on('transaction:resolved', (fact) => resolved.push(fact));
      await db.exec('drop table if exists resolved');
      await db.exec('create table resolved (id int primary key)');
      relay.onRequest = (commit) => onCommit(commit, relay);
      const close = async () => {
        await db.disconnect({ timeout: 100 });
        await relay[Symbol.asyncDispose]();
      };
      return { db, resolved, [Symbol.asyncDispose]: close };
    };

    it('that the server still waits for is not waited for: its session is ended, and its locks with it', async () => {
      await using house = await held((commit) => commit.cutClient());
      const attempts: number[] = [];
      await house.db.transaction(async (tx) => {
        attempts.push(tx.attempt);
        await tx.exec(insert);
      });
      expect(attempts).toEqual([1, 2]);
      expect(house.resolved).toMatchObject([{ fate: 'rolled-back' }]);
      expect(house.resolved[0]?.durationMs).toBeGreaterThan(950);
      expect(await house.db.queryValue('select count(*)::int from resolved')).toBe(1);
    });

    it('that arrives late has committed after all', async () => {
      await using house = await held((commit, relay) => {
        commit.cutClient();
        // It arrives when it has been asked for once, and before the second question.
        relay.onRequest = (first) => {
          first.forward();
          relay.onRequest = (second) => {
            commit.forward();
            second.forward();
          };
        };
      });
      await house.db.transaction(async (tx) => tx.exec(insert));
      expect(house.resolved).toMatchObject([{ fate: 'committed' }]);
      expect(house.resolved[0]?.attempts).toBeGreaterThan(1);
      expect(await house.db.queryValue('select count(*)::int from resolved')).toBe(1);
    });
  });
}
