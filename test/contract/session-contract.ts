/**
 * What a session promises (src/runtime/session.ts): its own members here, the executor's in executor-contract.ts, and that
 * nothing it has set up reaches the next borrower. Through a pooler that last promise is the pooler's to keep, and it does
 * not: there the contract says where the things stay.
 */
import type { DBRuntime, Session } from 'fluxor-db';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CaseFacts, ContractCase } from './contract-runtime.js';
import { ContractHouse, isEmbedded, refusal, runCase } from './contract-runtime.js';
import type { PoolerLimit } from './pooler-limits.js';
import { cleanServerConnections, onEveryServerConnection } from './server-connections.js';
import type { ContractTarget } from './targets.js';

const RELEASED = { code: 'LEASE_RELEASED', outcome: 'not-sent' };

/** The runtime of these has one connection: whoever borrows next borrows the same. */
export const SESSION_CASES: readonly ContractCase<Session>[] = [
  {
    covers: ['id', 'serverId'],
    title: "id is the connection's number, serverId the server's process",
    run: async (session, { target, db }) => {
      expect(session.id).toBeGreaterThan(0);
      const pid = String(await session.queryValue('select pg_backend_pid()'));
      if (isEmbedded(db)) return expect(session.serverId).toBe('embedded');
      // A pooler answers with a number of its own, which no server knows.
      expect(session.serverId === pid).toBe(!target.impossible.has('process id'));
      expect(session.serverId).toMatch(/^-?\d+$/);
    },
  },
  {
    covers: ['begin', 'queryValue'],
    title: 'begin opens a transaction on the connection that the session has',
    run: async (session, { db }) => {
      const tx = await session.begin({ isolation: 'repeatable read', readOnly: true });
      expect(await tx.queryValue('show transaction_isolation')).toBe('repeatable read');
      expect(await session.queryValue('show transaction_read_only')).toBe('on');
      expect(db.stats()).toMatchObject({ inUse: 1, total: 1 });
      await tx.rollback();
      expect(await session.queryValue('show transaction_read_only')).toBe('off');
    },
  },
  {
    covers: ['transaction', 'queryValue'],
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
      expect(await session.queryValue('select array_agg(n) from session_rows')).toEqual([1]);
    },
  },
  {
    covers: ['release', 'query', 'begin', 'transaction'],
    title: 'release ends it: whatever is asked of it afterwards is refused, and a second release too',
    run: async (session, { db }) => {
      session.release();
      for (const call of [session.query('select 1'), session.begin(), session.transaction(async () => 1)]) {
        expect(await refusal(call)).toMatchObject(RELEASED);
      }
      expect(() => session.release()).toThrow(expect.objectContaining({ code: 'LEASE_RELEASED' }) as Error);
      expect(() => session.discard()).toThrow(expect.objectContaining({ code: 'LEASE_RELEASED' }) as Error);
      expect(await db.queryValue('select 1')).toBe(1);
    },
  },
  {
    covers: ['release', 'exec'],
    title: 'release rolls back what is open',
    run: async (session, { db }) => {
      await session.exec('begin');
      await session.exec('insert into session_rows values (3)');
      session.release();
      expect(await db.queryValue('select count(*)::int from session_rows where n = 3')).toBe(0);
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
    run: async (session, { db }) => {
      {
        await using scope = session;
        expect(await scope.query('select 1 as n')).toEqual([{ n: 1 }]);
      }
      expect(db.stats().inUse).toBe(0);
      await session[Symbol.asyncDispose]();
      expect(await refusal(session.query('select 1'))).toMatchObject(RELEASED);
    },
  },
  {
    covers: ['query', 'AcquireOptions.timeout', 'AcquireOptions.signal'],
    title: 'acquire gives up at its timeout and at its signal while another session has the connection',
    run: async (session, { db }) => {
      expect(await refusal(db.acquire({ timeout: '50ms' }))).toMatchObject({ code: 'TIMEOUT', phase: 'acquire' });
      const abort = new AbortController();
      const waiting = refusal(db.acquire({ signal: abort.signal }));
      abort.abort();
      expect(await waiting).toMatchObject({ code: 'CANCELLED', outcome: 'not-sent' });
      expect(await session.query('select 1 as n')).toEqual([{ n: 1 }]);
    },
  },
];

interface Trace {
  /** The limit of a pooler that leaves it where it was made. */
  readonly limit: PoolerLimit;
  readonly leave: string;
  /** One value of the session that has it. */
  readonly look: string;
  readonly left: unknown;
}

/** What a borrower can set up in its session. */
const TRACES: readonly Trace[] = [
  { limit: 'settings', leave: "set statement_timeout to '54321ms'", look: 'show statement_timeout', left: '54321ms' },
  { limit: 'settings', leave: 'set search_path to session_left', look: 'show search_path', left: 'session_left' },
  {
    limit: 'settings',
    leave: "select set_config('fluxor.left', 'x', false)",
    look: "select coalesce(current_setting('fluxor.left', true), '')",
    left: 'x',
  },
  { limit: 'role', leave: 'set role session_role', look: 'select current_user::text', left: 'session_role' },
  {
    limit: 'temporary tables',
    leave: 'create temporary table session_left (n int)',
    look: "select to_regclass('pg_temp.session_left') is not null",
    left: true,
  },
  {
    limit: 'advisory locks',
    leave: 'select pg_advisory_lock(71134)',
    look: "select exists (select from pg_locks where locktype = 'advisory' and objid = 71134 and pid = pg_backend_pid())",
    left: true,
  },
  {
    limit: 'notifications',
    leave: 'listen session_left',
    look: "select exists (select from pg_listening_channels() c where c = 'session_left')",
    left: true,
  },
  {
    limit: 'sql prepare',
    leave: 'prepare session_left as select 1',
    look: "select exists (select from pg_prepared_statements where name = 'session_left')",
    left: true,
  },
  {
    limit: 'cursors with hold',
    leave: 'declare session_left cursor with hold for select 1',
    look: "select exists (select from pg_cursors where name = 'session_left')",
    left: true,
  },
];

export function sessionContract(target: ContractTarget): void {
  describe(`session contract: ${target.name}`, () => {
    let house: ContractHouse;
    let db: DBRuntime;

    beforeAll(async () => {
      house = await ContractHouse.start(target, { pool: { maxSize: 1 } });
      db = house.db;
      for (const text of ['drop table if exists session_rows', 'drop role if exists session_role']) await db.exec(text);
      await db.exec('create table session_rows (n int)');
      await db.exec('create role session_role');
    });
    afterAll(async () => {
      await db.exec('drop table session_rows');
      await db.exec('drop role session_role');
      await house[Symbol.asyncDispose]();
    });

    it.each(SESSION_CASES.map((one) => [one.title, one] as const))('%s', async (_title, one) => {
      await db.exec('delete from session_rows');
      await using session = await db.acquire();
      const facts: CaseFacts = { db, target, observer: house.observer };
      await runCase(one, session, facts);
    });

    it.each(TRACES)(
      'keeps from the next borrower, or leaves with the server connection: $leave',
      async ({ limit, leave, look, left }) => {
        const before = await db.queryValue(look);
        expect(before).not.toEqual(left);
        const session = await db.acquire();
        await session.query(leave);
        if (target.impossible.has(limit)) {
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
      const zone = () => db.queryValue('show timezone');
      expect(await zone()).toBe('UTC');
      await db.use((session) => session.exec("set timezone to 'Asia/Tokyo'"));
      expect(await zone()).toBe('UTC');
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
      const driver = target.makeDriverFor?.({ settings: { search_path: 'session_start' } });
      if (driver === undefined) return;
      const other = house.with(driver);
      if (target.impossible.has('settings at the start')) {
        expect(await refusal(other.connect())).toMatchObject({
          code: 'CONNECTION',
          reason: 'protocol',
          outcome: 'not-sent',
        });
      } else expect(await other.queryValue('show search_path')).toBe('session_start');
    });

    it('gives the server a limit for each statement, where the session is ours alone', async () => {
      if (!house.isShared) return;
      const other = house.other({ query: { timeout: '20s' } });
      expect(await other.queryValue('show statement_timeout')).toBe(
        target.impossible.has('server limit') ? '0' : '25s',
      );
    });
  });
}
