/**
 * COMMITs that are lost together with their server: kill -9, and transaction numbers that are given out again. Servers of
 * their own, because they are killed. What is proved here is written down in decision 0017.
 */
import { createRuntime } from 'fluxor-db';
import type { DBRuntime, FluxorEvents, QueryDefaults } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { PostgresServer } from '../servers/postgres-server.js';
import type { OnCommit } from './outcome-relay.js';
import { CommitRelay } from './outcome-relay.js';
import { failure } from './proxied-database.js';

type Resolved = FluxorEvents['transaction:resolved'];

for (const { name, major } of inject('postgresServers')) {
  describe(`a COMMIT lost with its server, ${name}`, () => {
    let server: PostgresServer;
    beforeAll(async () => {
      server = await PostgresServer.start({ major: major === 15 ? 15 : 18 });
    });
    afterAll(() => server.remove());
    beforeEach(async () => {
      await aside(async (db) => {
        await db.exec('drop table if exists fates');
        await db.exec('create table fates (who text)');
      });
    });

    /** Past the relay, on a connection of its own. */
    const aside = async <T>(fn: (db: DBRuntime) => Promise<T>): Promise<T> => {
      await using db = createRuntime({ driver: postgres({ url: server.url }), pool: { warmUp: false } });
      return await fn(db);
    };
    const rows = () =>
      aside(async (db) => (await db.query<{ who: string }>('select who from fates')).map(({ who }) => who));
    const crash = async () => {
      await server.kill();
      await server.start();
    };
    /** One transaction, whose COMMIT is in the hands of the test; `xid` is its number. */
    const attempt = async (
      onCommit: OnCommit,
      { user = 'fluxor', ...query }: QueryDefaults & { user?: string } = {},
    ) => {
      await using relay = await CommitRelay.start(server.url);
      const driver = postgres({ url: server.url, host: '127.0.0.1', port: relay.port, user });
      await using db = createRuntime({ driver, pool: { warmUp: false }, query: { resolveOutcome: true, ...query } });
      const resolved: Resolved[] = [];
      db.on('transaction:resolved', (fact) => resolved.push(fact));
      relay.onCommit = onCommit;
      const work = db.transaction(
        async (tx) => {
          await tx.exec("insert into fates values ('ours')");
        },
        { retry: false },
      );
      const end = await work.then(
        () => 'committed',
        (error: unknown) => error,
      );
      return { end, fates: resolved.map(({ fate }) => fate) };
    };
    /** What others do with the numbers that the crash has set free. */
    const reuse = (times: number) =>
      aside(async (db) => {
        for (let n = 0; n < times; n += 1) await db.exec("insert into fates values ('theirs')");
      });

    const ROLLED_BACK = { code: 'CONNECTION', reason: 'lost', outcome: 'not-applied', decision: 'whole-transaction' };
    const UNKNOWN = { code: 'OUTCOME_UNKNOWN', outcome: 'unknown', decision: 'never' };

    it('was rolled back when the server died first, although it is only back some time later', async () => {
      const { end, fates } = await attempt(async (commit) => {
        await server.kill();
        commit.cutClient();
        await server.start();
      });
      expect(end).toMatchObject(ROLLED_BACK);
      expect([fates, await rows()]).toEqual([['rolled-back'], []]);
    });

    it('is not taken for the transaction that got its number after the crash', async () => {
      const { end, fates } = await attempt(async (commit) => {
        await crash();
        await reuse(5);
        commit.cutClient();
      });
      expect(end).toMatchObject(ROLLED_BACK);
      expect(fates).toEqual(['rolled-back']);
      expect(await rows()).not.toContain('ours');
    });

    it('is called unknown when a second crash has hidden that its number was given out again', async () => {
      const { end, fates } = await attempt(async (commit) => {
        await crash();
        await reuse(5);
        await crash();
        commit.cutClient();
      });
      expect(end).toMatchObject(UNKNOWN);
      expect((end as Error).message).toContain('asked once');
      expect(fates).toEqual(['unknown']);
      expect(await rows()).not.toContain('ours');
    });

    it('is called unknown when it was kept and the server crashed: it looks the same', async () => {
      const { end } = await attempt(async (commit) => {
        await commit.forwardAndLoseReply();
        await crash();
        commit.cutClient();
      });
      expect(end).toMatchObject(UNKNOWN);
      expect(await rows()).toEqual(['ours']);
    });

    it('is not taken for another after the crash of one session, which ends all others', async () => {
      const { end } = await attempt(async (commit) => {
        const killed = aside(async (db) => {
          await using session = await db.acquire();
          process.kill(Number(session.serverId), 'SIGKILL');
          await failure(session.query('select pg_sleep(5)'));
        });
        await killed;
        await expect.poll(() => reuse(1).catch(() => 'not yet'), { timeout: 10_000 }).toBeUndefined();
        await reuse(5);
        commit.cutClient();
      });
      expect(end).toMatchObject(ROLLED_BACK);
      expect(await rows()).not.toContain('ours');
    });

    // Version 15 and later: the statistics survive an orderly restart and no crash.
    it('has committed when the server was restarted in order, with a checkpoint in between', async () => {
      const { end } = await attempt(async (commit) => {
        await commit.forwardAndLoseReply();
        await aside((db) => db.exec('checkpoint'));
        await server.restart();
        commit.cutClient();
      });
      expect(end).toBe('committed');
      expect(await rows()).toEqual(['ours']);
    });

    it('waits for a synchronous standby as long as it takes, and its session is left alone', async () => {
      const setStandby = (standby: string) =>
        aside(async (db) => {
          await db.exec(`alter system set synchronous_standby_names = '${standby}'`);
          await db.query('select pg_reload_conf()');
          await expect.poll(() => db.queryValue('show synchronous_standby_names')).toBe(standby);
        });
      await setStandby('nobody');
      const { end, fates } = await attempt(async (commit) => {
        commit.forward();
        commit.cutClient();
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        await setStandby('');
      });
      expect([end, fates, await rows()]).toEqual(['committed', ['committed'], ['ours']]);
    });

    it('needs no right to read pg_control, and proves what it can without', async () => {
      await aside(async (db) => {
        await db.exec("create role humble login password 'fluxor-secret'");
        await db.exec('grant all on fates to humble');
        for (const what of ['checkpoint', 'system'])
          await db.exec(`revoke execute on function pg_control_${what}() from public`);
      });
      const options = { user: 'humble' };
      const undisturbed = await attempt((commit) => commit.forward(), options);
      expect([undisturbed.end, await rows()]).toEqual(['committed', ['ours']]);
      const unproved = await attempt(async (commit) => {
        await commit.forwardAndLoseReply();
        commit.cutClient();
      }, options);
      expect(unproved.end).toMatchObject(UNKNOWN);
      expect(await rows()).toEqual(['ours', 'ours']);
      const rolledBack = await attempt((commit) => {
        commit.cutServer();
        commit.cutClient();
      }, options);
      expect(rolledBack.end).toMatchObject(ROLLED_BACK);
      await aside(async (db) => {
        for (const what of ['checkpoint', 'system'])
          await db.exec(`grant execute on function pg_control_${what}() to public`);
      });
    });
  });
}
