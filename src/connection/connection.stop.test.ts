import { describe, expect, it } from 'vitest';
import { checkLeftovers, connectionBench } from '../../test/fakes/connection-bench.js';
import { RESULT, ServerError } from '../../test/fakes/fake-session.js';

checkLeftovers();

describe('Connection, stopping a statement at its deadline', () => {
  it('cancels at the server, and says that nothing was applied when the server says so', async () => {
    const bench = connectionBench();
    const run = bench.hang('update', { inMs: 100 });
    await bench.clock.advance(101);
    expect(run.error).toMatchObject({ code: 'TIMEOUT', phase: 'statement', outcome: 'not-applied' });
    expect(String(run.error)).toContain('took longer than its 100 ms; the server stopped it and applied nothing');
    expect(run.at).toBeLessThanOrEqual(101);
    expect(bench.wire).toEqual(['update', 'cancel', 'ping']);
    expect(bench.connection.condition()).toBe('clean');
    expect(bench.cancelled).toMatchObject([{ connectionId: 7, queryId: 4, cause: 'deadline' }]);
  });

  it('says that it was applied when it finished all the same', async () => {
    const bench = connectionBench();
    bench.session.cancelMode = 'misses';
    const run = bench.hang('update', { inMs: 100 });
    await bench.clock.advance(150);
    expect(run.at).toBeUndefined();
    bench.session.finish();
    await bench.clock.settle();
    expect(run).toMatchObject({ error: { code: 'TIMEOUT', outcome: 'applied', retryable: false }, at: 150 });
  });

  it.each([
    [false, 'unknown', false],
    [true, 'not-applied', true],
  ])(
    'answers within 100 ms when the server says nothing (declared read-only: %s)',
    async (isReadOnly, outcome, retryable) => {
      const bench = connectionBench();
      bench.session.cancelMode = 'misses';
      const run = bench.hang('select', { inMs: 100, isReadOnly });
      await bench.clock.advance(202);
      expect(run.error).toMatchObject({ code: 'TIMEOUT', outcome, retryable });
      expect(run.at).toBeLessThanOrEqual(202);
      expect(bench.connection.condition()).toBe('dirty');
    },
  );

  it('sends the cancel again when the first overtook its statement', async () => {
    const bench = connectionBench();
    bench.session.cancelMode = 'misses';
    const run = bench.hang('update', { inMs: 100 });
    await bench.clock.advance(101);
    bench.session.cancelMode = 'hits';
    await bench.clock.advance(51);
    expect(run).toMatchObject({ error: { code: 'TIMEOUT', outcome: 'not-applied' } });
    expect(bench.wire).toEqual(['update', 'cancel', 'cancel', 'ping']);
    expect(bench.connection.condition()).toBe('clean');
  });

  it('sends six cancels at most, and none once the connection is given up', async () => {
    const bench = connectionBench();
    bench.session.cancelMode = 'misses';
    bench.hang('update', { inMs: 100 });
    await bench.clock.advance(10_000);
    expect(bench.wire).toEqual(['update', ...Array<string>(6).fill('cancel'), 'destroy']);
  });

  it('says what the driver makes of a connection that breaks in the middle', async () => {
    const bench = connectionBench();
    bench.session.cancelMode = 'misses';
    const run = bench.hang('update', { inMs: 100 });
    await bench.clock.advance(150);
    bench.session.lose();
    await bench.clock.settle();
    expect(run).toMatchObject({ error: { outcome: 'unknown' }, at: 150 });
    expect(bench.connection.condition()).toBe('broken');
  });

  it('is dirty until both the statement and its cancel have ended', async () => {
    const bench = connectionBench();
    let deliver = () => {};
    bench.session.cancel = () => new Promise((resolve) => (deliver = resolve));
    const run = bench.hang('update', { inMs: 100 });
    await bench.clock.advance(101);
    bench.session.finish();
    await bench.clock.settle();
    expect(run.error).toMatchObject({ outcome: 'applied' });
    expect(bench.connection.condition()).toBe('dirty');
    deliver();
    await bench.clock.settle();
    expect(bench.connection.condition()).toBe('clean');
    expect(bench.wire).toEqual(['update', 'ping']);
  });

  it('lets a cancel that comes too late hit its own ping instead of the next statement', async () => {
    const bench = connectionBench();
    bench.session.cancelMode = 'hits-late';
    const run = bench.hang('update', { inMs: 100 });
    const next = bench.run('select');
    await bench.clock.advance(101);
    bench.session.finish();
    await bench.clock.settle();
    expect(run.error).toMatchObject({ outcome: 'applied' });
    expect(next.result).toBe(RESULT);
    expect(bench.wire).toEqual(['update', 'ping', 'select'].toSpliced(1, 0, 'cancel'));
  });

  it('waits with the next statement until the ready signal after a late hit', async () => {
    const bench = connectionBench();
    bench.session.cancelMode = 'hits-late';
    bench.hang('update', { inMs: 100 });
    const next = bench.run('select');
    await bench.clock.advance(101);
    bench.session.isLateReady = true;
    bench.session.finish();
    await bench.clock.advance(10);
    expect(next.at).toBeUndefined();
    bench.session.isLateReady = false;
    bench.session.becomeReady();
    await bench.clock.settle();
    expect(next.result).toBe(RESULT);
  });

  it.each(['hangs', 'misses'] as const)('destroys the connection after 2 s when the cancel %s', async (cancelMode) => {
    const bench = connectionBench();
    bench.session.cancelMode = cancelMode;
    bench.hang('update', { inMs: 100 });
    await bench.clock.advance(2_099);
    expect(bench.connection.condition()).toBe('dirty');
    await bench.clock.advance(3);
    expect(bench.connection.condition()).toBe('broken');
    expect(bench.wire.at(-1)).toBe('destroy');
  });

  it('destroys the connection after 2 s when a cancel hangs whose statement has ended', async () => {
    const bench = connectionBench();
    bench.session.cancelMode = 'hangs';
    const run = bench.hang('update', { inMs: 100 });
    await bench.clock.advance(101);
    bench.session.finish();
    await bench.clock.advance(10);
    expect(run.error).toMatchObject({ outcome: 'applied' });
    expect(bench.connection.condition()).toBe('dirty');
    await bench.clock.advance(2_000);
    expect(bench.connection.condition()).toBe('broken');
  });

  it('destroys the connection after 2 s when the ping hangs', async () => {
    const bench = connectionBench();
    bench.session.isPingHanging = true;
    bench.hang('update', { inMs: 100 });
    await bench.clock.advance(2_102);
    expect(bench.connection.condition()).toBe('broken');
  });

  it.each(['fails', 'throws'] as const)('destroys the connection at once when the cancel %s', async (cancelMode) => {
    const bench = connectionBench();
    bench.session.cancelMode = cancelMode;
    const run = bench.hang('update', { inMs: 100 });
    await bench.clock.advance(101);
    expect(run).toMatchObject({ error: { code: 'TIMEOUT', outcome: 'unknown' } });
    expect(run.at).toBeLessThanOrEqual(101);
    expect(bench.connection.condition()).toBe('broken');
  });

  it('waits without a cancel where the database cannot stop a statement', async () => {
    const bench = connectionBench({ canCancel: false });
    const run = bench.hang('update', { inMs: 100 });
    await bench.clock.advance(1_000);
    expect(run.error).toMatchObject({ outcome: 'unknown' });
    bench.session.finish();
    await bench.clock.settle();
    expect(bench.wire).toEqual(['update']);
    expect(bench.connection.condition()).toBe('clean');
  });

  it('starts the next statement only after the stopped one has settled', async () => {
    const bench = connectionBench();
    bench.session.cancelMode = 'misses';
    bench.hang('update', { inMs: 100 });
    const next = bench.run('select', { inMs: 10_000 });
    await bench.clock.advance(1_000);
    expect(bench.wire).not.toContain('select');
    bench.session.finish();
    await bench.clock.settle();
    expect(bench.wire.slice(-3)).toEqual(['cancel', 'ping', 'select']);
    expect(next.result).toBe(RESULT);
  });

  it('leaves a failed transaction failed', async () => {
    const bench = connectionBench();
    await bench.run('begin').promise;
    bench.hang('update', { inMs: 100 });
    await bench.clock.advance(101);
    expect(bench.session.state).toBe('failed-transaction');
    expect(bench.connection.condition()).toBe('dirty');
    expect(bench.connection.isOutsideTransaction).toBe(false);
  });
});

describe('Connection, stopping a statement for its caller', () => {
  it('cancels at the server', async () => {
    const bench = connectionBench();
    const abort = new AbortController();
    const run = bench.hang('update', { signal: abort.signal });
    await bench.clock.advance(10);
    abort.abort(new Error('gone'));
    await bench.clock.settle();
    expect(run).toMatchObject({ error: { code: 'CANCELLED', reason: 'caller', outcome: 'not-applied' }, at: 10 });
    expect((run.error as Error).cause).toBe(abort.signal.reason);
    expect(bench.cancelled).toMatchObject([{ cause: 'aborted' }]);
  });

  it('does nothing when the abort comes after the end', async () => {
    const bench = connectionBench();
    const abort = new AbortController();
    await bench.run('update', { signal: abort.signal }).promise;
    abort.abort();
    await bench.clock.advance(2_000);
    expect(bench.wire).toEqual(['update']);
  });

  it('answers one of both when abort and end fall into one tick, and is clean either way', async () => {
    const bench = connectionBench();
    const abort = new AbortController();
    const run = bench.hang('update', { signal: abort.signal });
    bench.session.finish();
    abort.abort();
    await bench.clock.advance(10);
    expect(run.error).toMatchObject({ code: 'CANCELLED', outcome: 'applied' });
    expect(bench.connection.condition()).toBe('clean');
  });
});

describe('Connection, COMMIT', () => {
  it('is never cancelled, and succeeds when its answer comes within the grace', async () => {
    const bench = connectionBench();
    const run = bench.hang('commit', { inMs: 100, phase: 'commit' });
    await bench.clock.advance(150);
    bench.session.finish();
    await bench.clock.settle();
    expect(run.result).toBe(RESULT);
    expect(bench.wire).toEqual(['commit']);
    expect(bench.connection.condition()).toBe('clean');
    expect(bench.cancelled).toEqual([]);
  });

  it('is unknown when no answer comes, and its connection is destroyed when none comes at all', async () => {
    const bench = connectionBench();
    const run = bench.hang('commit', { inMs: 100, phase: 'commit' });
    await bench.clock.advance(202);
    expect(run.error).toMatchObject({ code: 'OUTCOME_UNKNOWN', outcome: 'unknown' });
    expect(bench.connection.condition()).toBe('dirty');
    await bench.clock.advance(2_000);
    expect(bench.wire).toEqual(['commit', 'destroy']);
  });

  it('says that nothing was applied when the server refuses it late', async () => {
    const bench = connectionBench();
    const run = bench.hang('commit', { inMs: 100, phase: 'commit' });
    await bench.clock.advance(150);
    bench.session.fail(new ServerError('unique'));
    await bench.clock.settle();
    expect(run.error).toMatchObject({ code: 'TIMEOUT', phase: 'commit', outcome: 'not-applied' });
  });
});
