/** What is written, how much of it, and that a logger can hurt nobody. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ConnectionError } from '../errors/connection-error.js';
import { ConstraintError, QueryError } from '../errors/query-error.js';
import { RejectedError } from '../errors/rejected-error.js';
import { TimeoutError } from '../errors/timeout-error.js';
import { FakeClock } from '../testing/fake-clock.js';
import { writeLog } from './event-log.js';
import type { EventName } from './events.js';
import { Hub } from './hub.js';
import type { LoggerOption } from './log-options.js';
import { resolveLoggerOptions } from './log-options.js';
import type { LogRecord } from './log-records.js';
import { LOG_RULES } from './log-records.js';

const SECRET = 's3cret-value';
const lost = new ConnectionError('lost', 'postgres://h/d: the connection was lost', {
  vendorCode: 'ECONNRESET',
  cause: new Error(SECRET),
});

interface Bench {
  readonly hub: Hub;
  readonly clock: FakeClock;
  readonly records: LogRecord[];
  readonly failures: unknown[];
}

function bench(make: (records: LogRecord[]) => LoggerOption | undefined = toFunction): Bench {
  const clock = new FakeClock();
  const hub = new Hub(clock);
  const records: LogRecord[] = [];
  const failures: unknown[] = [];
  const config = resolveLoggerOptions(make(records), []);
  if (config === false) throw new Error('There is no log to test.');
  const onFailure = (error: unknown): void => {
    failures.push(error);
    hub.tell('listener:failed', { event: 'logger', error });
  };
  writeLog(config, { hub, clock, runtime: 'shop', endpoint: 'postgres://app@h:5432/d', onFailure });
  return { hub, clock, records, failures };
}

const toFunction = (records: LogRecord[]): LoggerOption => ({ to: (record) => records.push(record), level: 'debug' });

describe('a log', () => {
  it('gets one frozen record for an event, with its facts and words for people', () => {
    const { hub, clock, records } = bench();
    hub.tell('connection:lost', { connectionId: 7, error: lost });
    expect(records).toEqual([
      {
        level: 'warn',
        event: 'connection:lost',
        message: 'connection 7 to postgres://app@h:5432/d was lost: CONNECTION lost (ECONNRESET)',
        runtime: 'shop',
        at: clock.wallNow(),
        connectionId: 7,
        errorName: 'ConnectionError',
        code: 'CONNECTION',
        reason: 'lost',
        vendorCode: 'ECONNRESET',
        outcome: 'not-sent',
      },
    ]);
    expect(Object.isFrozen(records[0])).toBe(true);
  });

  it('has nothing of the text of an error, nor of its causes', () => {
    const { hub, records } = bench();
    const error = new QueryError('data', `invalid input: "${SECRET}"`, {
      sqlState: '22P02',
      vendorCode: `${SECRET} and more`,
      cause: new Error(SECRET),
    });
    hub.tell('query:failed', { queryId: 1, durationMs: 2, error });
    hub.tell('query:retried', { queryId: 1, attempt: 2, delayMs: 5, error });
    hub.tell('listener:failed', { event: 'metrics', error: Object.assign(new Error(SECRET), { name: `${SECRET} !` }) });
    hub.tell('error:override-refused', { why: 'threw', detail: 'the hook threw', error, thrown: new Error(SECRET) });
    expect(records).toHaveLength(4);
    expect(JSON.stringify(records)).not.toContain(SECRET);
  });

  it('has nothing in it below its level, and is subscribed to nothing that could be', () => {
    const { hub, records } = bench((all) => ({ to: (record) => all.push(record), level: 'warn' }));
    hub.tell('pool:resumed', {});
    hub.tell('connection:created', { connectionId: 1, durationMs: 1 });
    hub.tell('pool:frozen', { frozenMs: 5_000 });
    expect(records.map(({ event }) => event)).toEqual(['pool:frozen']);
    const silent: readonly EventName[] = ['pool:resumed', 'connection:created', 'query:completed', 'lease:acquired'];
    expect(silent.map((event) => hub.hasListeners(event))).toEqual([false, false, false, false]);
  });

  it('has level info where a logger was given, and nothing of what every call tells at any level', () => {
    const { hub } = bench((all) => (record) => all.push(record));
    expect(hub.hasListeners('pool:resumed')).toBe(true);
    expect(hub.hasListeners('connection:created')).toBe(false);
    const chatty = bench().hub;
    for (const event of ['query:completed', 'lease:acquired', 'lease:released', 'batch:progress'] as const)
      expect(chatty.hasListeners(event), event).toBe(false);
  });

  it('tells of failures as gravely as they are', () => {
    const { hub, records } = bench();
    const fail = (error: QueryError | ConstraintError | TimeoutError | ConnectionError | RejectedError): void =>
      hub.tell('query:failed', { queryId: 1, durationMs: 2, error });
    fail(new ConstraintError('unique', 'x', {}));
    fail(new QueryError('syntax', 'x'));
    fail(new TimeoutError('statement', 'x', { outcome: 'not-applied' }));
    fail(new ConnectionError('lost', 'x', { outcome: 'unknown' }));
    // These are told by other events.
    fail(new RejectedError('CIRCUIT_OPEN', 'x'));
    fail(new TimeoutError('acquire', 'x'));
    expect(records.map(({ level, code }) => `${level} ${code}`)).toEqual([
      'debug CONSTRAINT',
      'info QUERY',
      'warn TIMEOUT',
      'error CONNECTION',
    ]);
  });

  it('takes each level of an event by what happened', () => {
    const { hub, records } = bench();
    hub.tell('circuit:state-changed', { from: 'closed', to: 'open', why: '5 failures' });
    hub.tell('circuit:state-changed', { from: 'open', to: 'half-open', why: 'its time is over' });
    hub.tell('circuit:state-changed', { from: 'closed', to: 'forced-open', why: 'by hand' });
    hub.tell('health:changed', { from: 'up', to: 'down', reasons: ['unreachable: x'], latencyMs: 1 });
    hub.tell('transaction:ended', {
      connectionId: 1,
      transactionId: 1,
      end: 'committed',
      durationMs: 1,
      statements: 1,
    });
    hub.tell('transaction:ended', { connectionId: 1, transactionId: 2, end: 'unknown', durationMs: 1, statements: 1 });
    expect(records.map(({ level }) => level)).toEqual(['error', 'info', 'warn', 'error', 'error']);
  });
});

describe('an outage', () => {
  const refused = new RejectedError('CIRCUIT_OPEN', 'x', { retryAfterMs: 500 });
  const reject = (hub: Hub, times: number): void => {
    for (let queryId = 1; queryId <= times; queryId += 1)
      hub.tell('call:rejected', { queryId, kind: 'statement', error: refused });
  };

  it('writes ten lines of a kind in ten seconds, and then how many were left out', async () => {
    const { hub, clock, records } = bench();
    reject(hub, 10_000);
    expect(records).toHaveLength(10);
    await clock.advance(9_999);
    expect(records).toHaveLength(10);
    await clock.advance(1);
    expect(records).toHaveLength(11);
    expect(records.at(-1)).toMatchObject({
      level: 'warn',
      event: 'call:rejected',
      message: '9990 more of call:rejected CIRCUIT_OPEN were left out',
      code: 'CIRCUIT_OPEN',
      omitted: 9_990,
    });
    expect(clock.pendingTimers).toEqual([]);
  });

  it('leaves every other kind its own lines', () => {
    const { hub, records } = bench();
    reject(hub, 100);
    const error = new RejectedError('RATE_LIMIT', 'x');
    hub.tell('call:rejected', { queryId: 1, kind: 'statement', error });
    hub.tell('pool:suspended', {});
    expect(records.slice(10).map(({ event, code }) => [event, code])).toEqual([
      ['call:rejected', 'RATE_LIMIT'],
      ['pool:suspended', undefined],
    ]);
  });

  it('that goes on writes again when the ten seconds are over, and every call is accounted for', async () => {
    const { hub, clock, records } = bench();
    for (let second = 0; second < 30; second += 1) {
      reject(hub, 1_000);
      await clock.advance(1_000);
    }
    await clock.advance(10_000);
    const omitted = records.reduce((sum, record) => sum + (record.omitted ?? 0), 0);
    const written = records.filter((record) => record.omitted === undefined).length;
    expect([written, omitted + written]).toEqual([30, 30_000]);
  });

  it('of listeners is one kind, and what they put into the code of their errors is written nowhere', async () => {
    const { hub, clock, records } = bench();
    for (let times = 0; times < 1_000; times += 1) {
      const error = Object.assign(new Error('x'), { code: `${SECRET} ${times}` });
      hub.tell('listener:failed', { event: 'metrics', error });
    }
    await clock.advance(10_000);
    expect(records).toHaveLength(11);
    expect(records.at(-1)).toMatchObject({ event: 'listener:failed', omitted: 990 });
    expect(JSON.stringify(records)).not.toContain(SECRET);
  });

  it('that ends with the runtime still says what was left out, and leaves no timer', () => {
    const { hub, clock, records } = bench();
    reject(hub, 12);
    hub.tell('runtime:closed', { durationMs: 1, forced: 0 });
    expect(records.slice(10).map(({ event, omitted }) => [event, omitted])).toEqual([
      ['runtime:closed', undefined],
      ['call:rejected', 2],
    ]);
    expect(clock.pendingTimers).toEqual([]);
    reject(hub, 100);
    expect(records).toHaveLength(12);
    expect(clock.pendingTimers).toEqual([]);
  });
});

describe('a logger', () => {
  it('of methods gets the facts first and the message second, on itself, and stamps them by itself', () => {
    class Own {
      readonly lines: unknown[] = [];
      debug(...line: unknown[]): void {
        this.lines.push(['debug', ...line]);
      }
      info(...line: unknown[]): void {
        this.lines.push(['info', ...line]);
      }
      warn(...line: unknown[]): void {
        this.lines.push(['warn', ...line]);
      }
      error(...line: unknown[]): void {
        this.lines.push(['error', ...line]);
      }
    }
    const own = new Own();
    const { hub } = bench(() => own);
    hub.tell('pool:frozen', { frozenMs: 1_234 });
    expect(own.lines).toEqual([
      [
        'warn',
        { event: 'pool:frozen', runtime: 'shop', frozenMs: 1_234 },
        'the process stood still for 1,234 ms: every connection is proved again',
      ],
    ]);
  });

  it('that throws or rejects hurts nobody, is told once for each, and is called again', async () => {
    let called = 0;
    const answers = [
      () => {
        throw new Error('disk full');
      },
      () => Promise.reject(new Error('gone')),
      () => ({ then: (_: unknown, reject: (error: unknown) => void) => reject('thenable') }),
    ];
    const { hub, failures } = bench(() => () => answers[called++ % 3]?.());
    const told: unknown[] = [];
    hub.on('listener:failed', ({ event }) => told.push(event));
    for (let times = 0; times < 9; times += 1) hub.tell('pool:resumed', {});
    await Promise.resolve();
    await Promise.resolve();
    expect(called).toBe(9);
    expect(failures).toHaveLength(9);
    expect(told).toEqual(Array(9).fill('logger'));
  });
});

describe('without a logger', () => {
  afterEach(() => void vi.restoreAllMocks());

  it('leaks and lost connections are warnings of the process, and nothing else is anything', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const { hub } = bench(() => undefined);
    const report = { connectionId: 3, holder: 'session', ageMs: 600_000, acquiredAt: 0 } as const;
    hub.tell('connection:lost', { connectionId: 7, error: lost });
    hub.tell('lease:leak-suspected', report);
    hub.tell('lease:dropped', report);
    hub.tell('pool:unreachable', { failures: 3, error: lost });
    hub.tell('circuit:state-changed', { from: 'closed', to: 'open', why: '5 failures' });
    expect(warn.mock.calls.map(([text, options]) => [text, options])).toEqual([
      [
        'shop: connection 7 to postgres://app@h:5432/d was lost: CONNECTION lost (ECONNRESET)',
        expect.objectContaining({ type: 'FluxorWarning', code: 'FLUXOR_CONNECTION_LOST' }),
      ],
      [
        'shop: connection 3 may have leaked: a session has held it for 600,000 ms',
        expect.objectContaining({ code: 'FLUXOR_LEASE_LEAK_SUSPECTED' }),
      ],
      [
        'shop: connection 3 leaked: its session was dropped without an end; it was taken back',
        expect.objectContaining({ code: 'FLUXOR_LEASE_DROPPED' }),
      ],
    ]);
    const [, options] = warn.mock.calls[0] as unknown as [string, { detail: string }];
    expect(JSON.parse(options.detail)).toMatchObject({ connectionId: 7, code: 'CONNECTION', reason: 'lost' });
  });

  it('the level can silence them', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const { hub } = bench(() => ({ level: 'error' }));
    hub.tell('connection:lost', { connectionId: 7, error: lost });
    expect(warn).not.toHaveBeenCalled();
    expect(hub.hasListeners('connection:lost')).toBe(false);
  });
});

describe('the table of the records', () => {
  it('has no field that loggers use for their own', () => {
    const taken = [
      'name',
      'msg',
      'message',
      'time',
      'level',
      'pid',
      'hostname',
      'err',
      'error',
      'v',
      'event',
      'runtime',
    ];
    const fields = Object.values(LOG_RULES).flatMap(({ facts }) => facts as readonly string[]);
    const renamed = new Set(['name', 'event']);
    expect(fields.filter((field) => taken.includes(field) && !renamed.has(field))).toEqual([]);
  });
});
