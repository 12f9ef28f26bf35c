/** What a whole runtime writes to its log, and that real loggers can take it. */
import pino from 'pino';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ServerError } from '../../test/fakes/fake-session.js';
import { checkRuntimeLeftovers, runtimeBench } from '../../test/fakes/runtime-bench.js';
import { ConnectionError } from '../errors/connection-error.js';
import type { LogRecord } from '../telemetry/log-records.js';
import type { DBRuntime } from './runtime.js';

checkRuntimeLeftovers();
afterEach(() => void vi.restoreAllMocks());

const SQL = "select * from users where name = 'grace'";
const SHAPE = 'select * from users where name = ?';

interface Collected {
  readonly records: LogRecord[];
  readonly logger: (record: LogRecord) => void;
}

function collect(): Collected {
  const records: LogRecord[] = [];
  return { records, logger: (record) => void records.push(record) };
}

const eventsOf = (records: readonly LogRecord[]): string[] => records.map(({ level, event }) => `${level} ${event}`);

describe('the log of a runtime', () => {
  it('tells its life, and nothing of calls that go well', async () => {
    const { records, logger } = collect();
    const bench = runtimeBench({ logger, name: 'shop' });
    for (let times = 0; times < 50; times += 1) await bench.run(bench.db.query(SQL));
    const ended = bench.watch(bench.db.disconnect());
    await bench.clock.advance(1_000);
    expect(ended.at).toBeDefined();
    expect(eventsOf(records)).toEqual(['info runtime:started', 'info runtime:draining', 'info runtime:closed']);
    expect(records.every(({ runtime }) => runtime === 'shop')).toBe(true);
  });

  it('has a slow query by its shape, with the parts of its time', async () => {
    const { records, logger } = collect();
    const bench = runtimeBench({ logger, query: { slowThreshold: 100 } });
    bench.driver.next = () => {
      const session = bench.newSession();
      session.answers.set(SQL, 'hang');
      return session;
    };
    const ran = bench.watch(bench.db.query(SQL, [], { name: 'find-user' }));
    await bench.clock.advance(250);
    bench.sessions[0]?.finish();
    await bench.clock.settle();
    expect(ran.at).toBeDefined();
    expect(records.filter(({ event }) => event === 'query:slow')).toEqual([
      expect.objectContaining({
        level: 'warn',
        queryId: 1,
        queryName: 'find-user',
        connectionId: 1,
        fingerprint: SHAPE,
        operation: 'select',
        durationMs: 250,
        executingMs: 250,
        waitingMs: 0,
        attempts: 1,
      }),
    ]);
    expect(JSON.stringify(records)).not.toContain('grace');
  });

  it('has a query that failed by its shape, class and code, a retry before it, and the connection it lost', async () => {
    const { records, logger } = collect();
    const bench = runtimeBench({ logger, query: { retry: { maxRetries: 1, jitter: 'none' } } });
    bench.driver.next = () => {
      const session = bench.newSession();
      const init = { outcome: 'unknown', decision: 'new-connection', isConnectionFatal: true } as const;
      session.answers.set(SQL, new ConnectionError('lost', 'the server says: grace', init));
      return session;
    };
    const ran = bench.watch(bench.db.query(SQL, [], { idempotent: true }));
    await bench.clock.advance(5_000);
    expect(ran.error).toBeDefined();
    const failed = records.find(({ event }) => event === 'query:failed');
    expect(failed).toMatchObject({ fingerprint: SHAPE, code: 'CONNECTION', reason: 'lost', outcome: 'unknown' });
    expect(failed?.level).toBe('error');
    expect(records.find(({ event }) => event === 'query:retried')).toMatchObject({ attempt: 2, code: 'CONNECTION' });
    expect(JSON.stringify(records)).not.toMatch(/grace|the server says/);
  });

  it('tells of a refused call once, whatever kind of call it was', async () => {
    const { records, logger } = collect();
    const bench = runtimeBench({ logger });
    bench.db.gate.circuit.forceOpen('maintenance');
    await bench.run(bench.db.query(SQL));
    await bench.run(bench.db.transaction(async () => undefined));
    await bench.run(bench.db.acquire());
    const refused = records.filter(({ code }) => code === 'CIRCUIT_OPEN');
    expect(refused.map(({ event, kind, level }) => `${level} ${event} ${String(kind)}`)).toEqual([
      'warn call:rejected statement',
      'warn call:rejected transaction',
      'warn call:rejected session',
    ]);
    expect(records.find(({ event }) => event === 'circuit:state-changed')?.level).toBe('warn');
  });

  it('that is kept in the database which it tells of is no avalanche when the database refuses it', async () => {
    const records: LogRecord[] = [];
    const keep: { db?: DBRuntime } = {};
    const logger = (record: LogRecord): unknown => {
      records.push(record);
      return keep.db?.query('insert into log (event) values ($1)', [record.event]);
    };
    const bench = runtimeBench({ logger });
    keep.db = bench.db;
    bench.db.gate.circuit.forceOpen('maintenance');
    await bench.run(bench.db.query(SQL));
    await bench.clock.settle();
    // Of one kind ten, each of which failed to be kept; and one at the end of ten seconds, which is followed by ten again.
    const refused = records.filter(({ event }) => event === 'call:rejected');
    expect(refused).toHaveLength(10);
    expect(bench.db.metrics().callbacks.errors).toBe(records.length);
    await bench.clock.advance(10_000);
    expect(records.filter(({ omitted }) => omitted !== undefined)).toHaveLength(1);
    expect(records.length).toBeLessThan(25);
    await bench.run(bench.db.disconnect());
  });

  it('tells of a call without a connection once, and of the pool as exhausted', async () => {
    const { records, logger } = collect();
    const bench = runtimeBench({
      logger,
      pool: { maxSize: 1, acquireTimeout: 100, connectTimeout: 50 },
      gate: { connectionLimit: false },
    });
    const held = await bench.run(bench.db.acquire());
    const ran = bench.watch(bench.db.query(SQL));
    await bench.clock.advance(200);
    expect(ran.error).toBeDefined();
    expect(records.filter(({ code }) => code === 'TIMEOUT').map(({ event, message }) => [event, message])).toEqual([
      ['acquire:timed-out', 'a call got no connection within 100 ms: the pool is exhausted'],
    ]);
    held.value?.release();
  });

  it('tells of health when it changes, and not when it stays', async () => {
    const { records, logger } = collect();
    const bench = runtimeBench({ logger });
    const check = async (): Promise<void> => {
      await bench.clock.advance(2_000);
      await bench.run(bench.db.healthCheck());
      await bench.clock.advance(2_000);
    };
    await check();
    await check();
    bench.db.gate.circuit.forceOpen('maintenance');
    await check();
    await check();
    bench.db.gate.circuit.reset();
    await check();
    const told = records.filter(({ event }) => event === 'health:changed');
    expect(told.map(({ level, from, to }) => `${level} ${String(from)} ${String(to)}`)).toEqual([
      'error up down',
      'info down up',
    ]);
  });

  it('is silent with false, and without one but for a lost connection', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    for (const logger of [false, {}] as const) {
      const bench = runtimeBench({ logger });
      bench.driver.next = () => {
        const session = bench.newSession();
        session.answers.set(SQL, new ServerError('lost'));
        return session;
      };
      await bench.run(bench.db.query(SQL, [], { retry: false }));
      expect(warn).not.toHaveBeenCalled();
      await bench.run(bench.db.query('select 1'));
      bench.driver.requests.at(-1)?.onLost(new ServerError('lost'));
      expect(warn).toHaveBeenCalledTimes(logger === false ? 0 : 1);
    }
  });
});

describe('pino', () => {
  it('takes the log of a runtime, each record as one line with one of each key', async () => {
    const lines: string[] = [];
    const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
    const bench = runtimeBench({ logger: { to: log, level: 'debug' }, name: 'shop' });
    await bench.run(bench.db.query(SQL, [], { retry: false }));
    const created = lines.map((line) => JSON.parse(line) as Record<string, unknown>)[1];
    expect(created).toMatchObject({
      level: 20,
      event: 'connection:created',
      runtime: 'shop',
      connectionId: 1,
      msg: 'connection 1 was opened in 0 ms',
    });
    for (const line of lines) {
      const keys = [...line.matchAll(/"(\w+)":/g)].map(([, key]) => key);
      expect(new Set(keys).size, line).toBe(keys.length);
    }
  });

  it('has what a child logger is bound to in every line, and its own level', async () => {
    const lines: string[] = [];
    const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
    const child = log.child({ component: 'database', tenant: 'a' }, { level: 'warn' });
    const bench = runtimeBench({ logger: child });
    bench.db.gate.circuit.forceOpen('maintenance');
    await bench.run(bench.db.query(SQL));
    const said = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(said.map(({ event, component, tenant }) => [event, component, tenant])).toEqual([
      ['circuit:state-changed', 'database', 'a'],
      ['call:rejected', 'database', 'a'],
    ]);
  });
});
