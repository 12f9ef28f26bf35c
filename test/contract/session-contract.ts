/**
 * What a session promises (src/runtime/session.ts): its own members here, the executor's in executor-contract.ts, and that
 * nothing it has set up reaches the next borrower. Through a pooler that last promise is the pooler's to keep, and it does
 * not: there the contract says where the things stay.
 */
import type { DBRuntime, Session } from 'fluxor-db';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CaseFacts, ContractCase } from './contract-runtime.js';
import { ContractHouse, isEmbedded, refusal, runCase } from './contract-runtime.js';
import { cleanServerConnections, onEveryServerConnection } from './server-connections.js';
import type { ContractTarget } from './targets.js';
import { countOf, int, shownOf } from './words.js';

const RELEASED = { code: 'LEASE_RELEASED', outcome: 'not-sent' };

/** The runtime of these has one connection: whoever borrows next borrows the same. */
export const SESSION_CASES: readonly ContractCase<Session>[] = [
  {
    covers: ['id', 'serverId'],
    title: "id is the connection's number, serverId the server's name for its session",
    run: async (session, { target, db }) => {
      expect(session.id).toBeGreaterThan(0);
      const pid = String(await session.queryValue(`select ${target.words.sessionId}`));
      if (isEmbedded(db)) return expect(session.serverId).toBe('embedded');
      // A pooler answers with a number of its own, which no server knows.
      expect(session.serverId === pid).toBe(!target.impossible.has('process id'));
      expect(session.serverId).toMatch(/^-?\d+(,\d+)?$/);
    },
  },
  {
    covers: ['begin', 'query'],
    title: 'begin opens a transaction on the connection that the session has',
    run: async (session, { db, target: { words } }) => {
      const tx = await session.begin({ isolation: 'serializable', readOnly: true });
      expect(await tx.queryValue(`select ${int(words, 1)}`)).toBe(1);
      // Asked of the session: it is the same one.
      const shown = () => words.showTransaction((text) => session.query(text, [], { rowMode: 'array' }));
      expect(await shown()).toEqual(shownOf(words, 'serializable', true));
      expect(db.stats()).toMatchObject({ inUse: 1, total: 1 });
      await tx.rollback();
      const outside = shownOf(words, words.defaultIsolation);
      expect((await shown()) ?? outside).toEqual(outside);
    },
  },
  {
    covers: ['transaction', 'query'],
    title: 'transaction commits on the connection that the session has, and rolls back when its function rejects',
    run: async (session) => {
      expect(await session.transaction((tx) => tx.exec('insert into session_rows values (1)'))).toEqual({
        rowsAffected: 1,
      });
      const reason = new Error('changed my mind');
      const undone = session.transaction(async (tx) => {
        await tx.exec('insert into session_rows values (2)');
        throw reason;
      });
      await expect(undone).rejects.toBe(reason);
      expect(await session.query('select n from session_rows')).toEqual([{ n: 1 }]);
    },
  },
  {
    covers: ['release', 'query', 'begin', 'transaction'],
    title: 'release ends it: whatever is asked of it afterwards is refused, and a second release too',
    run: async (session, { db, target: { words } }) => {
      session.release();
      for (const call of [session.query('select 1'), session.begin(), session.transaction(async () => 1)]) {
        expect(await refusal(call)).toMatchObject(RELEASED);
      }
      expect(() => session.release()).toThrow(expect.objectContaining({ code: 'LEASE_RELEASED' }) as Error);
      expect(() => session.discard()).toThrow(expect.objectContaining({ code: 'LEASE_RELEASED' }) as Error);
      expect(await db.queryValue(`select ${int(words, 1)}`)).toBe(1);
    },
  },
  {
    covers: ['release', 'exec'],
    title: 'release rolls back what is open',
    run: async (session, { db, target: { words } }) => {
      await session.exec(words.begin.text);
      await session.exec('insert into session_rows values (3)');
      session.release();
      expect(await db.queryValue(countOf(words, 'session_rows where n = 3'))).toBe(0);
    },
  },
  {
    covers: ['discard', 'id'],
    title: 'discard closes the connection, and tells why',
    run: async (session, { db }) => {
      const told: unknown[] = [];
      using _listener = db.on('lease:released', ({ connectionId, reason }) => told.push([connectionId, reason]));
      session.discard('no use any more');
      expect(told).toEqual([[session.id, 'no use any more']]);
      const next = await db.use(async ({ id }) => id);
      expect(next).not.toBe(session.id);
    },
  },
  {
    covers: ['[Symbol.asyncDispose]', 'query'],
    title: 'await using releases it, and does nothing after a release',
    run: async (session, { db, target: { words } }) => {
      {
        await using scope = session;
        expect(await scope.query(`select ${int(words, 1)} as n`)).toEqual([{ n: 1 }]);
      }
      expect(db.stats().inUse).toBe(0);
      await session[Symbol.asyncDispose]();
      expect(await refusal(session.query('select 1'))).toMatchObject(RELEASED);
    },
  },
  {
    covers: ['query', 'AcquireOptions.timeout', 'AcquireOptions.signal'],
    title: 'acquire gives up at its timeout and at its signal while another session has the connection',
    run: async (session, { db, target: { words } }) => {
      expect(await refusal(db.acquire({ timeout: '50ms' }))).toMatchObject({ code: 'TIMEOUT', phase: 'acquire' });
      const abort = new AbortController();
      const waiting = refusal(db.acquire({ signal: abort.signal }));
      abort.abort();
      expect(await waiting).toMatchObject({ code: 'CANCELLED', outcome: 'not-sent' });
      expect(await session.query(`select ${int(words, 1)} as n`)).toEqual([{ n: 1 }]);
    },
  },
];

export function sessionContract(target: ContractTarget): void {
  const { words } = target;
  describe(`session contract: ${target.name}`, () => {
    let house: ContractHouse;
    let db: DBRuntime;

    beforeAll(async () => {
      house = await ContractHouse.start(target, { pool: { maxSize: 1 } });
      db = house.db;
      await db.exec('drop table if exists session_rows');
      await db.exec(`create table session_rows (n ${words.columns.int})`);
      for (const text of words.traceSetup) await house.observer.exec(text);
    });
    afterAll(async () => {
      await db.exec('drop table session_rows');
      for (const text of words.traceTeardown) await house.observer.exec(text);
      await house[Symbol.asyncDispose]();
    });

    it.each(SESSION_CASES.map((one) => [one.title, one] as const))('%s', async (_title, one) => {
      await db.exec('delete from session_rows');
      await using session = await db.acquire();
      const facts: CaseFacts = { db, target, observer: house.observer };
      await runCase(one, session, facts);
    });

    it.each(words.traces)(
      'keeps from the next borrower, or leaves with the server connection: $leave',
      async ({ limit, leave, look, left }) => {
        const before = await db.queryValue(look);
        expect(before).not.toEqual(left);
        const session = await db.acquire();
        await session.query(leave);
        if (limit !== undefined && target.impossible.has(limit)) {
          session.release();
          // Whoever has that server connection for a transaction has what was left there with it.
          const seen = await onEveryServerConnection(target, (tx) => tx.queryValue(look));
          expect(seen.filter((value) => value === left)).toEqual([left]);
          return cleanServerConnections(target);
        }
        expect(await session.queryValue(look)).toEqual(left);
        session.release();
        expect(await db.queryValue(look)).toEqual(before);
        expect(db.stats()).toMatchObject({ total: 1 });
      },
    );

    it('keeps a time zone from the next borrower, also where a pooler keeps it for its client', async () => {
      const { look, set, utc } = words.timeZone;
      expect(await db.queryValue(look)).toBe(utc);
      await db.use(async (session) => {
        await session.exec(set);
        expect(await session.queryValue(look)).not.toBe(utc);
      });
      expect(await db.queryValue(look)).toBe(utc);
    });

    it('tells that a pooler is there, once, where there is one', async () => {
      const other = house.other({});
      const told: unknown[] = [];
      using _listener = other.on('pooler:detected', (fact) => told.push(fact));
      const session = await other.acquire();
      // Of a second one nothing more is told, where there can be a second one.
      if (house.isShared) await other.query('select 1');
      session.release();
      expect(told).toHaveLength(target.impossible.has('process id') ? 1 : 0);
    });

    it('sends settings with the connection request, which a pooler may refuse', async () => {
      const driver = target.makeDriverFor?.({ settings: words.startSetting.settings });
      if (driver === undefined) return;
      const other = house.with(driver);
      if (target.impossible.has('settings at the start')) {
        expect(await refusal(other.connect())).toMatchObject({
          code: 'CONNECTION',
          reason: 'protocol',
          outcome: 'not-sent',
        });
      } else expect(await other.queryValue(words.startSetting.look)).toBe(words.startSetting.value);
    });

    it('gives the server a limit for each statement, where the session is ours alone', async () => {
      if (!house.isShared) return;
      const other = house.other({ query: { timeout: '20s' } });
      const ms = target.impossible.has('server limit') ? 0 : 25_000;
      if (words.limit !== undefined)
        return expect(await other.queryValue(words.limit.look)).toBe(words.limit.shown(ms));
      const limited = other.query(words.sleep('30', 'limited'), [], { timeout: '250ms', readOnly: true });
      expect(await refusal(limited)).toMatchObject({ code: 'TIMEOUT' });
    });
  });
}
