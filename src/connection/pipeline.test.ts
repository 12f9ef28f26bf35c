import { describe, expect, it } from 'vitest';
import { ServerError } from '../../test/fakes/fake-session.js';
import { checkPipelineLeftovers, pipelineBench } from '../../test/fakes/pipeline-bench.js';
import { unknownFacts } from './statement-book.js';

checkPipelineLeftovers();

describe('statements that travel together', () => {
  it('are sent at once, and each is answered with its own result', async () => {
    const bench = pipelineBench();
    const runs = ['a', 'b', 'c'].map((text) => bench.share(text));
    expect(bench.server.wire).toEqual(['a', 'b', 'c']);
    expect(bench.shared.condition()).toBe('dirty');
    for (const _run of runs) bench.server.finish();
    await bench.clock.settle();
    expect(runs.map(({ result }) => result?.rows)).toEqual([[['a']], [['b']], [['c']]]);
    expect(bench.shared.condition()).toBe('clean');
  });

  it('do not hear of the error of one of them', async () => {
    const bench = pipelineBench();
    const [a, b, c] = ['a', 'b', 'c'].map((text) => bench.share(text));
    bench.server.finish();
    bench.server.fail(new ServerError('unique'));
    bench.server.finish();
    await bench.clock.settle();
    expect(b?.error).toMatchObject({ code: 'CONSTRAINT', outcome: 'not-applied' });
    expect([a?.result?.rows, c?.result?.rows]).toEqual([[['a']], [['c']]]);
  });

  it('are not sent when their time is over, or their caller has aborted', async () => {
    const bench = pipelineBench();
    const late = bench.share('late', { inMs: 0 });
    const aborted = bench.share('aborted', { signal: AbortSignal.abort() });
    await bench.clock.settle();
    expect(late.error).toMatchObject({ code: 'TIMEOUT', outcome: 'not-sent' });
    expect(aborted.error).toMatchObject({ code: 'CANCELLED', outcome: 'not-sent' });
    expect(bench.server.wire).toEqual([]);
  });

  it('all fail when the connection is lost, each with what is known of it', async () => {
    const bench = pipelineBench();
    const runs = ['a', 'b'].map((text) => bench.share(text));
    const read = bench.share('c', { isReadOnly: true, isSafeToRepeat: true });
    bench.server.lose();
    await bench.clock.settle();
    for (const { error } of runs) expect(error).toMatchObject({ code: 'CONNECTION', outcome: 'unknown' });
    expect(read.error).toMatchObject({ code: 'CONNECTION', outcome: 'not-applied' });
    expect(bench.shared.condition()).toBe('broken');
    expect(bench.canShare).toBe(false);
  });

  it('take nobody more while the first of them is slower than a short one may be', async () => {
    const bench = pipelineBench();
    bench.share('a');
    await bench.clock.advance(5);
    expect(bench.canShare).toBe(true);
    await bench.clock.advance(1);
    expect(bench.canShare).toBe(false);
    bench.server.finish();
    await bench.clock.settle();
    expect(bench.canShare).toBe(true);
  });

  it('are measured from the moment at which the server began with each', async () => {
    const bench = pipelineBench();
    const [a, b] = [unknownFacts(), unknownFacts()];
    const query = (text: string) => ({ text, values: [], rowMode: 'array' as const });
    bench.watch(bench.shared.share(query('a'), bench.call(), a));
    bench.watch(bench.shared.share(query('b'), bench.call(), b));
    await bench.clock.advance(3);
    bench.server.finish();
    await bench.clock.settle();
    await bench.clock.advance(1);
    bench.server.finish();
    await bench.clock.settle();
    expect([a.latencyMs, b.latencyMs]).toEqual([3, 1]);
  });
});

describe('a statement that is stopped while it travels with others', () => {
  it('is cancelled at the server when it is the head, and nobody joins before the cancel has settled', async () => {
    const bench = pipelineBench();
    bench.server.cancelMode = 'held';
    const head = bench.share('head', { inMs: 100 });
    const neighbour = bench.share('neighbour');
    await bench.clock.advance(101);
    expect(bench.server.wire).toEqual(['head', 'neighbour', 'cancel']);
    expect(bench.canShare).toBe(false);
    bench.server.deliverCancel();
    await bench.clock.settle();
    expect(head.error).toMatchObject({ code: 'TIMEOUT', outcome: 'not-applied' });
    expect(bench.canShare).toBe(false);
    bench.server.finish();
    await bench.clock.settle();
    expect(neighbour.result?.rows).toEqual([['neighbour']]);
    expect(bench.server.head).toBe('ping');
    expect(bench.canShare).toBe(false);
    bench.server.finish();
    await bench.clock.settle();
    expect(bench.canShare).toBe(true);
    expect(bench.cancelled).toMatchObject([{ connectionId: 8, cause: 'deadline' }]);
  });

  it('is answered at once behind the head, as unknown, and its result reaches nobody', async () => {
    const bench = pipelineBench();
    const head = bench.share('head');
    const behind = bench.share('behind', { inMs: 100 });
    const read = bench.share('read', { inMs: 100, isReadOnly: true });
    await bench.clock.advance(101);
    expect(behind).toMatchObject({ error: { code: 'TIMEOUT', outcome: 'unknown', retryable: false } });
    expect(read).toMatchObject({ error: { code: 'TIMEOUT', outcome: 'not-applied', retryable: true } });
    expect(behind.at).toBeLessThanOrEqual(101);
    expect(bench.server.wire).toEqual(['head', 'behind', 'read']);
    expect(bench.canShare).toBe(false);
    bench.server.finish();
    await bench.clock.settle();
    expect(head.result?.rows).toEqual([['head']]);
    // Each is cancelled when its turn comes.
    expect(bench.server.wire).toEqual(['head', 'behind', 'read', 'cancel', 'cancel', 'ping']);
    bench.server.finish();
    await bench.clock.settle();
    expect(bench.canShare).toBe(true);
    expect(bench.shared.condition()).toBe('clean');
  });

  // A storm of timeouts: the ping behind it was given up after 2 s, and the connection destroyed under its neighbours.
  it('is cancelled when its turn comes, so that those behind it need not wait for nothing', async () => {
    const bench = pipelineBench();
    const head = bench.share('head');
    bench.share('behind', { inMs: 100 });
    const last = bench.share('last', { inMs: 10_000 });
    await bench.clock.advance(101);
    expect(bench.server.wire).toEqual(['head', 'behind', 'last']);
    bench.server.finish();
    await bench.clock.settle();
    expect(head.result?.rows).toEqual([['head']]);
    expect(bench.server.wire).toEqual(['head', 'behind', 'last', 'cancel']);
    bench.server.finish();
    await bench.clock.settle();
    expect(last.result?.rows).toEqual([['last']]);
    expect(bench.server.head).toBe('ping');
    bench.server.finish();
    await bench.clock.settle();
    expect(bench.canShare).toBe(true);
  });

  it('is not sent again itself when a cancel for another hits it', async () => {
    const bench = pipelineBench();
    bench.server.cancelMode = 'held';
    bench.share('head', { inMs: 100 });
    const behind = bench.share('behind', { inMs: 100 });
    await bench.clock.advance(101);
    bench.server.finish();
    await bench.clock.settle();
    bench.server.deliverCancel();
    await bench.clock.settle();
    expect(behind.error).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' });
    // Its own cancel has nothing to hit any more, and is waited for all the same.
    expect(bench.server.wire).toEqual(['head', 'behind', 'cancel', 'cancel']);
    bench.server.deliverCancel();
    await bench.clock.settle();
    expect(bench.server.wire).toEqual(['head', 'behind', 'cancel', 'cancel', 'ping']);
  });

  it('destroys its connection when the cancel settles nothing within 2 s, and its neighbours hear of a lost one', async () => {
    const bench = pipelineBench();
    bench.server.cancelMode = 'held';
    const head = bench.share('head', { inMs: 100 });
    const neighbour = bench.share('neighbour', { inMs: 10_000 });
    await bench.clock.advance(3_000);
    expect(head.error).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' });
    expect(neighbour.error).toMatchObject({ code: 'CONNECTION', outcome: 'unknown' });
    expect(bench.shared.condition()).toBe('broken');
  });

  it('is stopped by the reset of its connection when nobody waits for it any more', async () => {
    const bench = pipelineBench();
    const head = bench.share('head');
    const behind = bench.share('behind', { inMs: 100 });
    await bench.clock.advance(101);
    bench.server.finish();
    await bench.clock.settle();
    expect(head.result?.rows).toEqual([['head']]);
    expect(behind.error).toMatchObject({ outcome: 'unknown' });
    let isReset = false;
    void bench.shared.reset().then(() => (isReset = true));
    await bench.clock.settle();
    expect(bench.server.wire).toEqual(['head', 'behind', 'cancel', 'ping']);
    bench.server.finish();
    await bench.clock.settle();
    expect(isReset).toBe(true);
    expect(bench.shared.condition()).toBe('clean');
  });

  it('is told that the runtime did it when the lease is taken away', async () => {
    const bench = pipelineBench();
    const runs = ['a', 'b'].map((text) => bench.share(text));
    void bench.shared.reset();
    await bench.clock.settle();
    bench.server.finish();
    await bench.clock.settle();
    expect(runs[0]?.error).toMatchObject({ code: 'CANCELLED', outcome: 'not-applied' });
    expect(runs[1]?.error).toMatchObject({ code: 'CANCELLED', outcome: 'unknown' });
  });
});
