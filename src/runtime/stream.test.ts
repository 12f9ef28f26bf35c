import { describe, expect, it } from 'vitest';
import type { RuntimeBench } from '../../test/fakes/runtime-bench.js';
import { checkRuntimeLeftovers, runtimeBench } from '../../test/fakes/runtime-bench.js';
import type { RuntimeOptions } from '../config/runtime-options.js';
import { ConnectionError } from '../errors/connection-error.js';
import type { StreamOptions } from './query-options.js';

checkRuntimeLeftovers();

const PAGES = [[1, 2], [3, 4], [5]];
const HOUR_MS = 3_600_000;

const lost = () =>
  new ConnectionError('lost', 'gone', {
    outcome: 'unknown',
    decision: 'new-connection',
    breaker: 'failure',
    isConnectionFatal: true,
    cause: new Error('gone'),
  });

/** A bench whose servers bring `PAGES` for `numbers`. */
function streamBench(options?: Omit<RuntimeOptions, 'driver' | 'clock'>): RuntimeBench {
  const bench = runtimeBench(options);
  bench.driver.next = () => {
    const session = bench.newSession();
    session.pages.set('numbers', PAGES);
    return session;
  };
  return bench;
}

const iterate = (bench: RuntimeBench, options?: StreamOptions) =>
  bench.db.stream('numbers', [], options)[Symbol.asyncIterator]();

async function collect(rows: AsyncIterable<unknown>): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

describe('A stream', () => {
  it('sends nothing before its first row, asks for a page when the last one is used up, and frees its connection with the last', async () => {
    const bench = streamBench();
    const completed = bench.facts('query:completed');
    const rows = iterate(bench, { name: 'all numbers' });
    await bench.clock.settle();
    expect(bench.sessions).toEqual([]);
    await bench.run(rows.next());
    await bench.run(rows.next());
    expect(bench.wire).toEqual(['numbers']);
    expect(bench.db.stats().inUse).toBe(1);
    await bench.run(rows.next());
    expect(bench.wire).toEqual(['numbers', 'fetch numbers']);
    await bench.run(rows.next());
    expect(completed).toEqual([]);
    expect((await bench.run(rows.next())).value).toEqual({ value: 5, done: false });
    expect(bench.db.stats().inUse).toBe(0);
    expect(completed).toMatchObject([{ queryId: 1, name: 'all numbers', connectionId: 1, rows: 5, rowsAffected: 0 }]);
    expect((await bench.run(rows.next())).value).toEqual({ value: undefined, done: true });
    expect(bench.wire).toEqual(['numbers', 'fetch numbers', 'fetch numbers']);
  });

  it('serves calls of next() and return() that come at once in their order', async () => {
    const bench = streamBench();
    const rows = iterate(bench);
    const calls = [...Array.from({ length: 4 }, () => rows.next()), Promise.resolve(rows.return?.()), rows.next()];
    expect((await bench.run(Promise.all(calls))).value).toEqual([
      ...[1, 2, 3, 4].map((value) => ({ value, done: false })),
      { value: undefined, done: true },
      { value: undefined, done: true },
    ]);
    expect(bench.wire).toEqual(['numbers', 'fetch numbers', 'close numbers']);
  });

  it('can be iterated once, and says so the second time', async () => {
    const bench = streamBench();
    const stream = bench.db.stream('numbers');
    expect((await bench.run(collect(stream))).value).toEqual([1, 2, 3, 4, 5]);
    expect(() => stream[Symbol.asyncIterator]()).toThrow(expect.objectContaining({ code: 'STREAM_CONSUMED' }));
  });

  it.each([
    [{ batchSize: 0 }, 'batchSize'],
    [{ batchSize: 10_001 }, 'batchSize'],
    [{ batchSize: 1.5 }, 'batchSize'],
    [{ batchsize: 5 } as StreamOptions, 'batchsize'],
    [{ timeout: -1 }, 'timeout'],
  ])('with wrong options %o says so with its first row, and sends nothing', async (options, path) => {
    const bench = streamBench();
    const { error } = await bench.run(iterate(bench, options).next());
    expect(error).toMatchObject({ code: 'CONFIG', issues: [{ path }] });
    expect(bench.sessions).toEqual([]);
  });

  it('is refused where the driver has no cursors', async () => {
    const bench = streamBench();
    bench.driver.next = () => Object.assign(bench.newSession(), { openCursor: undefined });
    const { error } = await bench.run(iterate(bench).next());
    expect(error).toMatchObject({ code: 'CONFIG', issues: [{ path: 'stream' }] });
    expect(bench.db.stats().inUse).toBe(0);
  });

  it('is opened again by the rules of a statement, and never repeated once a row has been seen', async () => {
    const bench = streamBench({ query: { retry: { maxRetries: 2 } } });
    const failed = bench.facts('query:failed');
    const retried = bench.facts('query:retried');
    bench.driver.next = () => {
      const session = bench.newSession();
      session.pages.set('numbers', PAGES);
      if (bench.sessions.length === 1) session.answers.set('numbers', lost());
      session.answers.set('fetch numbers', lost());
      return session;
    };
    const rows = iterate(bench, { readOnly: true });
    const first = bench.watch(rows.next());
    await bench.clock.advance(10_000);
    expect(first.value).toEqual({ value: 1, done: false });
    expect([retried.length, failed.length]).toEqual([1, 0]);
    await bench.run(rows.next());
    const third = bench.watch(rows.next());
    await bench.clock.advance(10_000);
    expect(third.error).toMatchObject({ code: 'CONNECTION' });
    expect([retried.length, failed.length]).toEqual([1, 1]);
    expect((await bench.run(rows.next())).value).toEqual({ value: undefined, done: true });
    expect(bench.sessions.map(({ wire }) => wire.filter((text) => text.endsWith('numbers')))).toEqual([
      ['numbers'],
      ['numbers', 'fetch numbers'],
    ]);
  });

  it('bounds each wait for a page, and not the time that its consumer takes', async () => {
    const bench = streamBench({ pool: { leak: false } });
    const rows = iterate(bench, { timeout: 1_000 });
    await bench.run(rows.next());
    await bench.run(rows.next());
    await bench.clock.advance(HOUR_MS);
    expect((await bench.run(rows.next())).value).toEqual({ value: 3, done: false });
    await bench.run(rows.next());
    bench.sessions[0]?.answers.set('fetch numbers', 'hang');
    const last = bench.watch(rows.next());
    await bench.clock.advance(999);
    expect(last.at).toBeUndefined();
    await bench.clock.advance(1);
    expect(last.error).toMatchObject({ code: 'TIMEOUT', phase: 'statement', outcome: 'not-applied' });
    expect(bench.wire).toContain('cancel');
  });

  it('tells the circuit breaker of a page that failed', async () => {
    const bench = streamBench({ gate: { circuitBreaker: { failures: 1 } }, query: { retry: false } });
    const rows = iterate(bench, { timeout: 1_000 });
    await bench.run(rows.next());
    await bench.run(rows.next());
    bench.sessions[0]?.answers.set('fetch numbers', 'hang');
    const page = bench.watch(rows.next());
    await bench.clock.advance(1_000);
    expect(page.error).toMatchObject({ code: 'TIMEOUT' });
    expect(bench.db.gate.stats().circuit.state).toBe('open');
  });

  it('that is left early waits for the server to close the cursor, and no longer than the usual grace', async () => {
    const bench = streamBench();
    const quick = iterate(bench);
    await bench.run(quick.next());
    await bench.run(Promise.resolve(quick.return?.()));
    expect(bench.wire).toEqual(['numbers', 'close numbers']);
    expect(bench.db.stats()).toMatchObject({ idle: 1, inUse: 0 });

    const hung = iterate(bench, { readOnly: true });
    await bench.run(hung.next());
    const [session] = bench.sessions;
    session?.answers.set('close numbers', 'hang');
    if (session !== undefined) session.cancelMode = 'misses';
    const left = bench.watch(Promise.resolve(hung.return?.()));
    await bench.clock.advance(99);
    expect(left.at).toBeUndefined();
    await bench.clock.advance(101);
    expect(left.value).toEqual({ value: undefined, done: true });
    await bench.clock.advance(10_000);
    expect(bench.wire.at(-1)).toBe('destroy');
    expect(bench.db.stats()).toMatchObject({ total: 0 });
  });

  it('closes its cursor at once when its signal aborts between two pages, and hands out no row any more', async () => {
    const bench = streamBench();
    const abort = bench.abortable();
    const failed = bench.facts('query:failed');
    const rows = iterate(bench, { signal: abort.signal });
    await bench.run(rows.next());
    abort.abort(new Error('enough'));
    await bench.clock.settle();
    expect(bench.wire).toEqual(['numbers', 'close numbers']);
    expect(bench.db.stats()).toMatchObject({ idle: 1, inUse: 0 });
    const { error } = await bench.run(rows.next());
    expect(error).toMatchObject({ code: 'CANCELLED', reason: 'caller', cause: abort.signal.reason as unknown });
    expect(failed).toMatchObject([{ error: { code: 'CANCELLED' } }]);
  });

  it('hands out no row that it has already when its signal has aborted', async () => {
    const bench = streamBench();
    bench.driver.next = () => bench.newSession();
    const abort = bench.abortable();
    const session = bench.db.stream('one page', [], { signal: abort.signal })[Symbol.asyncIterator]();
    await bench.run(session.next());
    abort.abort();
    expect((await bench.run(session.next())).error).toMatchObject({ code: 'CANCELLED' });
  });

  it('keeps its session to itself, and leaves it ready', async () => {
    const bench = streamBench();
    const session = (await bench.run(bench.db.acquire())).value;
    const rows = session?.stream('numbers')[Symbol.asyncIterator]();
    await bench.run(Promise.resolve(rows?.next()));
    const refused = await bench.run(Promise.resolve(session?.query('select 1')));
    expect(refused.error).toMatchObject({ code: 'STREAM_OPEN', outcome: 'not-sent', context: { connectionId: 1 } });
    expect(bench.wire).toEqual(['numbers']);
    await bench.run(Promise.resolve(rows?.return?.()));
    expect((await bench.run(Promise.resolve(session?.query('select 1')))).error).toBeUndefined();
    session?.release();
  });

  it('is ended by the release of its session, which hangs on nothing', async () => {
    const bench = streamBench();
    const session = (await bench.run(bench.db.acquire())).value;
    const rows = session?.stream('numbers')[Symbol.asyncIterator]();
    await bench.run(Promise.resolve(rows?.next()));
    session?.release();
    await bench.clock.settle();
    expect(bench.wire).toEqual(['numbers', 'close numbers']);
    expect(bench.db.stats()).toMatchObject({ idle: 1, inUse: 0 });
    await bench.run(Promise.resolve(rows?.next()));
    expect((await bench.run(Promise.resolve(rows?.next()))).error).toMatchObject({ code: 'LEASE_RELEASED' });
  });

  it('shares its transaction with other statements, and ends with it', async () => {
    const bench = streamBench();
    const tx = (await bench.run(bench.db.begin())).value;
    const rows = tx?.stream('numbers')[Symbol.asyncIterator]();
    for (const text of ['write 1', 'write 2', 'write 3']) {
      await bench.run(Promise.resolve(rows?.next()));
      await bench.run(Promise.resolve(tx?.exec(text)));
    }
    expect(bench.wire).toEqual(['begin', 'numbers', 'write 1', 'write 2', 'fetch numbers', 'write 3']);
    await bench.run(Promise.resolve(tx?.commit()));
    await bench.run(Promise.resolve(rows?.next()));
    expect((await bench.run(Promise.resolve(rows?.next()))).error).toMatchObject({ code: 'TRANSACTION_CLOSED' });
  });

  it('is named in a leak report', async () => {
    const bench = streamBench({ pool: { leak: { threshold: '1s', interval: '1s' } } });
    const leaks = bench.facts('lease:leak-suspected');
    const rows = iterate(bench, { name: 'export' });
    await bench.run(rows.next());
    await bench.clock.advance(120_000);
    expect(leaks).toMatchObject([{ holder: 'stream', label: 'export', connectionId: 1 }]);
    await bench.run(Promise.resolve(rows.return?.()));
  });
});
