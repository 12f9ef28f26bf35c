/**
 * What stays open at the server, and how long callers wait there: cursors of answers that could not be read, REF CURSORs and LOBs that
 * are read on in through their session. The real client library over the wire server.
 */
import type { DBRuntime } from 'fluxor-db';
import { createRuntime, FluxorError } from 'fluxor-db';
import type { OracleLob, OracleRefCursor } from 'fluxor-db/oracle';
import { oracle, out } from 'fluxor-db/oracle';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SqlCursor } from '../support/oracle-wire/backend.js';
import { ScriptedBackend, rows } from '../support/oracle-wire/scripted-backend.js';
import type { OracleServer } from '../support/oracle-wire/server.js';
import { startOracleServer } from '../support/oracle-wire/server.js';
import { T } from '../support/oracle-wire/values.js';

const NUMBER = { name: 'N', type: T.NUMBER, precision: 0, scale: -127 };
/** No JavaScript number holds it. */
const LONG_NUMBER = '12345678901234567890.5';

const cursorOf = (count: number, value = '1'): SqlCursor => ({
  columns: [NUMBER],
  rows: Array.from({ length: count }, () => [value]),
});

describe('with a server of 23ai', () => {
  let server: OracleServer;
  let db: DBRuntime;

  beforeAll(async () => {
    const backend = new ScriptedBackend()
      .when(/sys_context/, rows({ SID: T.NUMBER }, [[1]]))
      .when(/^begin/, {})
      .when(/^begin outs/, ({ binds }) => ({
        outDirs: binds.map(() => 'out' as const),
        outValues: [[cursorOf(2_000), LONG_NUMBER, cursorOf(5)]],
      }))
      .when(/^begin results/, { implicitResults: [cursorOf(2), cursorOf(2, LONG_NUMBER), cursorOf(2), cursorOf(2)] })
      .when(/^begin big/, ({ binds }) => ({ outDirs: binds.map(() => 'out' as const), outValues: [[cursorOf(2_000)]] }))
      .when('select film', rows({ FILM: T.CLOB }, [['x'.repeat(600_000)]]));
    server = await startOracleServer({ backend });
    db = createRuntime({
      driver: oracle({ url: server.url, lobLimit: 1_000 }),
      pool: { maxSize: 1 },
      // Short, as reading on is given up so long after it (and some seconds).
      query: { timeout: '2s' },
      types: { decimal: 'number' },
    });
    // Loading the library and connecting must not use up the limit of the first statement.
    await db.connect();
  });
  afterEach(() => {
    server.faults.clear();
    server.faults.thaw();
  });
  afterAll(async () => {
    await db.disconnect();
    await server.stop();
    expect(server.observed.protocolErrors).toEqual([]);
  });

  const openCursors = (): number => [...server.sessions.values()].reduce((sum, { view }) => sum + view.openCursors, 0);

  it.each([
    [
      'OUT binds',
      () => db.execute('begin outs(:a, :b, :c); end;', { a: out('cursor'), b: out('number'), c: out('cursor') }),
    ],
    ['implicit results', () => db.execute('begin results; end;')],
  ])('a value that cannot be read leaves no cursor behind: %s', async (_, run) => {
    const counts: number[] = [];
    for (let turn = 0; turn < 5; turn += 1) {
      await expect(run()).rejects.toMatchObject({ code: 'QUERY', reason: 'data', outcome: 'applied' });
      await db.query('select 1 from dual');
      counts.push(openCursors());
    }
    expect(counts.slice(1)).toEqual(counts.slice(1).map(() => counts[1]));
  });

  it.each([
    [
      'a REF CURSOR',
      async (session: Pick<DBRuntime, 'execute'>) => {
        const { outBinds } = await session.execute('begin big(:c); end;', { c: out('cursor') });
        return () => (outBinds?.['c'] as OracleRefCursor).toArray();
      },
    ],
    [
      'a LOB',
      async (session: Pick<DBRuntime, 'queryValue'>) => {
        const film = (await session.queryValue<OracleLob>('select film')) as OracleLob;
        return () => film.read();
      },
    ],
  ])('reading on ends in an error of the house when the server is silent, or gone: %s', async (_, open) => {
    const silent = await db.use(async (session) => {
      const read = await open(session);
      server.faults.freeze();
      return read().catch((error: unknown) => error);
    });
    expect(silent).toBeInstanceOf(FluxorError);
    expect(silent).toMatchObject({ code: 'TIMEOUT', phase: 'statement', outcome: 'not-applied' });
    server.faults.thaw();
    const cut = await db.use(async (session) => {
      const read = await open(session);
      for (const sid of server.sessions.keys()) server.faults.cut(sid);
      return read().catch((error: unknown) => error);
    });
    expect(cut).toBeInstanceOf(FluxorError);
    expect(await db.query('select 1 from dual')).toHaveLength(1);
  });
});
