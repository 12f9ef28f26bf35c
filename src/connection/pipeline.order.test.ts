/** Who is cancelled when what is in flight is not in the order in which it was sent. */
import { describe, expect, it } from 'vitest';
import { checkPipelineLeftovers, pipelineBench } from '../../test/fakes/pipeline-bench.js';
import { unknownFacts } from './statement-book.js';

checkPipelineLeftovers();

describe('a statement that was prepared anew while others were in flight', () => {
  // It still counted as the head: the one that the server worked on was not cancelled, and held it up.
  it('is behind them: the next is the one that the server works on, and is cancelled', async () => {
    const bench = pipelineBench();
    const stale = bench.share('stale');
    const next = bench.share('next', { inMs: 100 });
    bench.server.heal();
    await bench.clock.advance(101);
    expect(bench.server.wire).toEqual(['stale', 'next', 'stale', 'cancel']);
    expect(next.error).toMatchObject({ code: 'TIMEOUT', outcome: 'not-applied' });
    bench.server.finish();
    await bench.clock.settle();
    expect(stale.result?.rows).toEqual([['stale']]);
    bench.server.finish();
    await bench.clock.settle();
    expect(bench.canShare).toBe(true);
  });

  it('is not the one that a cancel would hit: stopped itself, it is cancelled in its turn', async () => {
    const bench = pipelineBench();
    const stale = bench.share('stale', { inMs: 100 });
    const next = bench.share('next');
    bench.server.heal();
    await bench.clock.advance(101);
    expect(stale.error).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' });
    expect(bench.server.wire).toEqual(['stale', 'next', 'stale']);
    bench.server.finish();
    await bench.clock.settle();
    expect(next.result?.rows).toEqual([['next']]);
    expect(bench.server.wire).toEqual(['stale', 'next', 'stale', 'cancel', 'ping']);
  });

  it('lets the next be cancelled at once where nobody waits for that any more', async () => {
    const bench = pipelineBench();
    bench.share('stale');
    bench.share('next', { inMs: 100 });
    await bench.clock.advance(101);
    expect(bench.server.wire).toEqual(['stale', 'next']);
    bench.server.heal();
    expect(bench.server.wire).toEqual(['stale', 'next', 'cancel', 'stale']);
  });

  it('is not sent once more when its caller has been answered', async () => {
    const bench = pipelineBench();
    bench.share('head');
    const stale = bench.share('stale', { inMs: 100 });
    await bench.clock.advance(101);
    bench.server.cancelMode = 'held';
    bench.server.finish();
    await bench.clock.settle();
    bench.server.heal();
    await bench.clock.settle();
    expect(stale.error).toMatchObject({ code: 'TIMEOUT' });
    expect(bench.server.wire).toEqual(['head', 'stale', 'cancel']);
  });

  it('is measured from the moment at which the server began with it again', async () => {
    const bench = pipelineBench();
    const [stale, next] = [unknownFacts(), unknownFacts()];
    const query = (text: string) => ({ text, values: [], rowMode: 'array' as const });
    bench.watch(bench.shared.share(query('stale'), bench.call(), stale));
    bench.watch(bench.shared.share(query('next'), bench.call(), next));
    await bench.clock.advance(3);
    bench.server.heal();
    await bench.clock.advance(2);
    bench.server.finish();
    await bench.clock.settle();
    await bench.clock.advance(1);
    bench.server.finish();
    await bench.clock.settle();
    expect([next.latencyMs, stale.latencyMs]).toEqual([2, 1]);
  });
});
