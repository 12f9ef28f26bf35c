/**
 * COMMITs that are lost together with their server: kill -9, and transaction numbers that are given out again. Servers of
 * their own, because they are killed. What is proved here is written down in decision 0017.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { FateServer } from './outcome-server.js';

const ROLLED_BACK = { code: 'CONNECTION', reason: 'lost', outcome: 'not-applied', decision: 'whole-transaction' };
const UNKNOWN = { code: 'OUTCOME_UNKNOWN', outcome: 'unknown', decision: 'never' };

for (const { name, major } of inject('postgresServers')) {
  describe(`a COMMIT lost with its server, ${name}`, () => {
    let house: FateServer;
    beforeAll(async () => {
      house = await FateServer.start(major === 15 ? 15 : 18);
    });
    afterAll(() => house.server.remove());
    beforeEach(() => house.clear());

    it('was rolled back when the server died first, although it is only back some time later', async () => {
      const { end, fates } = await house.attempt({
        async onCommit(commit) {
          await house.server.kill();
          commit.cutClient();
          await house.server.start();
        },
      });
      expect(end).toMatchObject(ROLLED_BACK);
      expect([fates, await house.rows()]).toEqual([['rolled-back'], []]);
    });

    it('is not taken for the transaction that got its number after the crash', async () => {
      const { end, fates } = await house.attempt({
        async onCommit(commit) {
          await house.crash();
          await house.reuse(5);
          commit.cutClient();
        },
      });
      expect(end).toMatchObject(ROLLED_BACK);
      expect([fates, await house.ours()]).toEqual([['rolled-back'], 0]);
    });

    // Versions before 17 cannot put the number on disk before COMMIT; outcome-flushed.test.ts has the later ones.
    if (major < 17) {
      it('is called unknown when a second crash has hidden that its number was reused', async () => {
        const { end, fates } = await house.attempt({
          async onCommit(commit) {
            await house.crash();
            await house.reuse(5);
            await house.crash();
            commit.cutClient();
          },
        });
        expect(end).toMatchObject(UNKNOWN);
        expect((end as Error).message).toContain('asked once');
        expect([fates, await house.ours()]).toEqual([['unknown'], 0]);
      });

      it('is called unknown when it was kept and the server crashed: it looks the same', async () => {
        const { end } = await house.attempt({
          async onCommit(commit) {
            await commit.forwardAndLoseReply();
            await house.crash();
            commit.cutClient();
          },
        });
        expect(end).toMatchObject(UNKNOWN);
        expect(await house.rows()).toEqual(['ours']);
      });
    }

    it('is not taken for another after the crash of one session, which ends all others', async () => {
      const { end } = await house.attempt({
        async onCommit(commit) {
          await house.crashOneSession();
          await house.reuse(5);
          commit.cutClient();
        },
      });
      expect(end).toMatchObject(ROLLED_BACK);
      expect(await house.ours()).toBe(0);
    });

    // Version 15 and later: the statistics survive an orderly restart and no crash.
    it('has committed when the server was restarted in order, with a checkpoint in between', async () => {
      const { end } = await house.attempt({
        async onCommit(commit) {
          await commit.forwardAndLoseReply();
          await house.aside((db) => db.exec('checkpoint'));
          await house.server.restart();
          commit.cutClient();
        },
      });
      expect(end).toBe('committed');
      expect(await house.rows()).toEqual(['ours']);
    });

    it('waits for a synchronous standby as long as it takes, and its session is left alone', async () => {
      const setStandby = (standby: string) =>
        house.aside(async (db) => {
          await db.exec(`alter system set synchronous_standby_names = '${standby}'`);
          await db.query('select pg_reload_conf()');
          await expect.poll(() => db.queryValue('show synchronous_standby_names')).toBe(standby);
        });
      await setStandby('nobody');
      const { end, fates } = await house.attempt({
        async onCommit(commit) {
          commit.forward();
          commit.cutClient();
          await new Promise((resolve) => setTimeout(resolve, 2_000));
          await setStandby('');
        },
      });
      expect([end, fates, await house.rows()]).toEqual(['committed', ['committed'], ['ours']]);
    });

    it('needs no right to read pg_control, and proves what it can without', async () => {
      await house.aside(async (db) => {
        await db.exec("create role humble login password 'fluxor-secret'");
        await db.exec('grant all on fates to humble');
        for (const what of ['checkpoint', 'system'])
          await db.exec(`revoke execute on function pg_control_${what}() from public`);
      });
      const user = 'humble';
      const undisturbed = await house.attempt({ user, onCommit: (commit) => commit.forward() });
      expect([undisturbed.end, await house.rows()]).toEqual(['committed', ['ours']]);
      const unproved = await house.attempt({
        user,
        async onCommit(commit) {
          await commit.forwardAndLoseReply();
          commit.cutClient();
        },
      });
      expect(unproved.end).toMatchObject(UNKNOWN);
      expect(await house.rows()).toEqual(['ours', 'ours']);
      const rolledBack = await house.attempt({
        user,
        onCommit(commit) {
          commit.cutServer();
          commit.cutClient();
        },
      });
      expect(rolledBack.end).toMatchObject(ROLLED_BACK);
      await house.aside(async (db) => {
        for (const what of ['checkpoint', 'system'])
          await db.exec(`grant execute on function pg_control_${what}() to public`);
      });
    });
  });
}
