import { describe, expect, it } from 'vitest';
import type { FluxorError } from '../errors/fluxor-error.js';
import { checkLeftovers, connectionBench } from '../../test/fakes/connection-bench.js';
import { RESULT, ServerError } from '../../test/fakes/fake-session.js';

checkLeftovers();

describe('Connection.execute', () => {
  it('runs a statement and is clean afterwards', async () => {
    const bench = connectionBench();
    const run = bench.hang('select 1');
    expect(bench.connection.condition()).toBe('dirty');
    bench.session.finish();
    expect(await run.promise).toBe(RESULT);
    expect(bench.connection.condition()).toBe('clean');
  });

  it('runs statements one after another, in the order in which they came', async () => {
    const bench = connectionBench();
    const order: string[] = [];
    for (const text of ['a', 'b', 'c']) void bench.hang(text).promise.then(() => order.push(text));
    for (const expected of [['a'], ['a', 'b'], ['a', 'b', 'c']]) {
      await bench.clock.settle();
      expect(bench.wire).toEqual(expected);
      bench.session.finish();
    }
    await bench.clock.settle();
    expect(order).toEqual(['a', 'b', 'c']);
    expect(bench.connection.condition()).toBe('clean');
  });

  it('gives the next its turn after a failure, too', async () => {
    const bench = connectionBench();
    bench.session.answers.set('a', new ServerError('unique'));
    const [first, second] = [bench.run('a'), bench.run('b')];
    await bench.clock.settle();
    expect(first.error).toMatchObject({ code: 'CONSTRAINT', outcome: 'not-applied' });
    expect(second.result).toBe(RESULT);
  });

  it('hands out an error together with a connection that is ready', async () => {
    const bench = connectionBench();
    bench.session.isLateReady = true;
    bench.session.answers.set('a', new ServerError('unique'));
    const [first, second] = [bench.run('a'), bench.run('b')];
    await bench.clock.advance(10);
    expect(first.at).toBeUndefined();
    expect(bench.wire).toEqual(['a']);
    bench.session.becomeReady();
    await bench.clock.settle();
    expect(first).toMatchObject({ error: { code: 'CONSTRAINT' }, at: 10 });
    expect(second.result).toBe(RESULT);
  });

  it('does not stay occupied by a driver that throws instead of rejecting', async () => {
    const bench = connectionBench();
    const native = bench.session.execute.bind(bench.session);
    bench.session.execute = () => {
      throw new ServerError('local');
    };
    const run = bench.run('a');
    await bench.clock.settle();
    expect(run.error).toMatchObject({ code: 'QUERY', outcome: 'not-sent' });
    bench.session.execute = native;
    expect((await bench.run('b').promise).command).toBe('SELECT');
    expect(bench.connection.condition()).toBe('clean');
  });

  it('proves by the bytes written that a statement was not sent', async () => {
    const bench = connectionBench();
    bench.session.isUnplugged = true;
    const unsent = bench.hang('insert');
    bench.session.lose();
    await bench.clock.settle();
    expect(unsent.error).toMatchObject({ code: 'CONNECTION', outcome: 'not-sent' });
  });

  it('does not know the outcome of a statement that was sent and whose connection broke', async () => {
    const bench = connectionBench();
    const sent = bench.hang('insert');
    bench.session.lose();
    await bench.clock.settle();
    expect(sent.error).toMatchObject({ code: 'CONNECTION', outcome: 'unknown' });
    expect(bench.connection.condition()).toBe('broken');
  });

  it('tells the driver what the caller declared', async () => {
    const bench = connectionBench();
    bench.session.answers.set('a', new ServerError('unique'));
    await bench.run('begin', { inTransaction: true, isBegin: true }).promise;
    await bench
      .run('a', { phase: 'commit', isReadOnly: true, inTransaction: true, askedReadOnly: true })
      .promise.catch(() => 0);
    expect(bench.driver.situations).toEqual([
      {
        phase: 'commit',
        wasSent: true,
        isReadOnly: true,
        isSafeToRepeat: false,
        inTransaction: true,
        askedReadOnly: true,
        context: { queryId: 4, connectionId: 7 },
      },
    ]);
  });

  it.each([
    ['whose caller has aborted already', { signal: AbortSignal.abort() }, { code: 'CANCELLED', reason: 'caller' }],
    ['whose time is up already', { inMs: 0 }, { code: 'TIMEOUT', phase: 'statement' }],
  ])('sends nothing of a statement %s', async (_what, options, error) => {
    const bench = connectionBench();
    const run = bench.run('delete', options);
    await bench.clock.settle();
    expect(run.error).toMatchObject({ ...error, outcome: 'not-sent' });
    expect(bench.wire).toEqual([]);
    expect(bench.connection.condition()).toBe('clean');
  });
});

describe('Connection, waiting for the turn', () => {
  it('gives up at the deadline without having sent anything', async () => {
    const bench = connectionBench();
    const first = bench.hang('a', { inMs: 5_000 });
    const second = bench.run('b', { inMs: 100 });
    await bench.clock.advance(101);
    expect(second).toMatchObject({ error: { code: 'TIMEOUT', outcome: 'not-sent' } });
    expect(second.at).toBeLessThanOrEqual(101);
    bench.session.finish();
    await first.promise;
    expect(bench.wire).toEqual(['a']);
    expect(bench.connection.condition()).toBe('clean');
  });

  it('gives up when its caller aborts', async () => {
    const bench = connectionBench();
    const abort = new AbortController();
    const first = bench.hang('a');
    const second = bench.run('b', { signal: abort.signal });
    const third = bench.run('c');
    abort.abort('changed my mind');
    await bench.clock.settle();
    expect(second.error).toMatchObject({ code: 'CANCELLED', outcome: 'not-sent', cause: 'changed my mind' });
    bench.session.finish();
    await Promise.all([first.promise, third.promise]);
    expect(bench.wire).toEqual(['a', 'c']);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])(
    'passes the turn on when its caller aborts %i microtasks after the turn has come',
    async (ticks) => {
      const bench = connectionBench();
      const abort = new AbortController();
      bench.hang('a');
      const second = bench.run('b', { signal: abort.signal });
      const third = bench.run('c');
      bench.session.finish();
      for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve();
      abort.abort();
      await bench.clock.advance(10);
      expect(third.result).toBe(RESULT);
      expect(second.at).toBeDefined();
      const outcome = second.result === undefined ? (second.error as FluxorError).outcome : 'applied';
      expect(outcome).toBe(bench.wire.includes('b') ? 'applied' : 'not-sent');
      expect(bench.connection.condition()).toBe('clean');
    },
  );
});
