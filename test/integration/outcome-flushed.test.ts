/**
 * COMMITs that are lost together with a server of version 17 or later, which has the transaction's number on disk before
 * COMMIT goes out: each ends as what it was, whatever crashes afterwards and whoever writes in between (decision 0017).
 */
import { createRuntime } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import type { OnRequest } from './request-relay.js';
import { FateServer, warmUp } from './outcome-server.js';

const ROLLED_BACK = { code: 'CONNECTION', reason: 'lost', outcome: 'not-applied', decision: 'whole-transaction' };
const UNKNOWN = { code: 'OUTCOME_UNKNOWN', outcome: 'unknown', decision: 'never' };
const EMIT = 'function pg_logical_emit_message(boolean, text, text, boolean)';

for (const { name } of inject('postgresServers').filter(({ major }) => major >= 17)) {
  describe(`a COMMIT whose number is on disk, ${name}`, () => {
    let house: FateServer;
    beforeAll(async () => {
      house = await FateServer.start(18);
    });
    afterAll(() => house.server.remove());
    beforeEach(() => house.clear());

    /** Twice, so that nothing tells any more how it was after the first; the numbers set free are taken in between. */
    const crashTwice = async () => {
      await house.crash();
      await house.reuse(5);
      await house.crash();
      await house.reuse(5);
    };

    // The first mark of a runtime is tried behind a savepoint; the second goes bare.
    describe.each([
      ['the first mark', undefined],
      ['a later mark', warmUp],
    ] as const)('after %s', (_, before) => {
      it('has committed when it was kept, however often the server crashed', { timeout: 120_000 }, async () => {
        for (const fall of [() => house.crash(), crashTwice, () => house.crashOneSession()]) {
          await house.clear();
          const onCommit: OnRequest = async (commit) => {
            await commit.forwardAndLoseReply();
            await fall();
            commit.cutClient();
          };
          const { end, fates } = await house.attempt({ onCommit, before });
          expect([end, fates, await house.ours()]).toEqual(['committed', ['committed'], 1]);
        }
      });

      it('was rolled back when it was not, and runs again, once', { timeout: 120_000 }, async () => {
        const onCommit: OnRequest = async (commit) => {
          await crashTwice();
          commit.cutClient();
        };
        const once = await house.attempt({ onCommit, before });
        expect(once.end).toMatchObject(ROLLED_BACK);
        expect([once.fates, await house.ours()]).toEqual([['rolled-back'], 0]);
        const again = await house.attempt({ onCommit, before, retry: true });
        expect([again.end, again.fates, again.runs, await house.ours()]).toEqual(['committed', ['rolled-back'], 2, 1]);
      });

      // A record written in a savepoint that has no number of its own would carry none.
      it('was rolled back when nothing had been written, and a savepoint was left open', async () => {
        const onCommit: OnRequest = async (commit) => {
          await crashTwice();
          commit.cutClient();
        };
        const work = (tx: { exec(text: string): Promise<unknown> }) => tx.exec('savepoint ours').then(() => undefined);
        expect((await house.attempt({ onCommit, before, work })).end).toMatchObject(ROLLED_BACK);
      });
    });

    // The server is killed eighteen times.
    it('is what it was at whatever moment the server dies: there is no unknown', { timeout: 240_000 }, async () => {
      for (let afterMs = 0; afterMs <= 120; afterMs += 15) {
        await house.clear();
        // COMMIT takes 100 ms: the server dies before, in the middle of it, and behind it.
        await house.aside(async (db) => {
          await db.exec(`create or replace function dawdle() returns trigger language plpgsql as
            $$ begin perform pg_sleep(0.1); return null; end $$`);
          await db.exec(`create constraint trigger dawdle after insert on fates deferrable initially deferred
            for each row when (new.who = 'ours') execute function dawdle()`);
        });
        const onCommit: OnRequest = async (commit) => {
          void commit.forwardAndLoseReply();
          if (afterMs > 0) await new Promise((resolve) => setTimeout(resolve, afterMs));
          await crashTwice();
          commit.cutClient();
        };
        const { end, fates } = await house.attempt({ onCommit, before: warmUp });
        const ours = await house.ours();
        if (ours === 0) expect(end).toMatchObject(ROLLED_BACK);
        else expect([end, ours]).toEqual(['committed', 1]);
        expect(fates).toEqual([ours === 0 ? 'rolled-back' : 'committed']);
      }
    });

    describe('without the right to put it there', () => {
      beforeEach(() =>
        house.aside(async (db) => {
          await db.exec(
            "do $$ begin create role modest login password 'fluxor-secret'; exception when others then end $$",
          );
          await db.exec('grant all on fates to modest');
        }),
      );
      const setRight = (words: 'revoke … from' | 'grant … to') =>
        house.aside((db) => db.exec(`${words.replace('…', `execute on ${EMIT}`)} public`));

      it('no transaction fails, and the proofs are those of older versions', async () => {
        await setRight('revoke … from');
        const undisturbed = await house.attempt({ user: 'modest', onCommit: (commit) => commit.forward() });
        expect([undisturbed.end, await house.ours()]).toEqual(['committed', 1]);
        const onCommit: OnRequest = async (commit) => {
          await commit.forwardAndLoseReply();
          commit.cutClient();
        };
        expect((await house.attempt({ user: 'modest', onCommit })).end).toBe('committed');
        const crashed: OnRequest = async (commit) => {
          await commit.forwardAndLoseReply();
          await house.crash();
          commit.cutClient();
        };
        expect((await house.attempt({ user: 'modest', onCommit: crashed })).end).toMatchObject(UNKNOWN);
        expect(await house.ours()).toBe(3);
        await setRight('grant … to');
      });

      it('the transaction in which it was taken away runs again', async () => {
        const driver = postgres({ url: house.server.url, user: 'modest' });
        await using db = createRuntime({ driver, pool: { warmUp: false }, query: { resolveOutcome: true } });
        await warmUp(db);
        await setRight('revoke … from');
        let runs = 0;
        await db.transaction(async (tx) => {
          runs = tx.attempt;
          await tx.exec("insert into fates values ('ours')");
        });
        expect([runs, await house.ours()]).toEqual([2, 1]);
        await setRight('grant … to');
      });
    });
  });
}
