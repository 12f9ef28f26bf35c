import { describe, expect, it } from 'vitest';
import { checkPipelineLeftovers, stoppedHead } from '../../test/fakes/pipeline-bench.js';

checkPipelineLeftovers();

describe('a statement that is in flight with one whose cancel cannot be delivered', () => {
  // The connection was destroyed under it at once, and it heard that whether it was applied is not known.
  it('ends as it does; nobody joins it, and its connection goes when the last one has ended', async () => {
    const { bench, head, innocent } = await stoppedHead((on) => ({ innocent: on.share('innocent') }), 'fails');
    await bench.clock.advance(300);
    expect(head.error).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' });
    // Again after 50, 150 and 350 ms.
    expect(bench.server.wire).toEqual(['head', 'innocent', 'cancel', 'cancel', 'cancel']);
    bench.server.finish();
    await bench.clock.settle();
    expect([bench.canShare, bench.shared.condition()]).toEqual([false, 'dirty']);
    bench.server.finish();
    await bench.clock.settle();
    expect(innocent.result?.rows).toEqual([['innocent']]);
    expect(bench.server.wire.slice(-2)).toEqual(['cancel', 'destroy']);
    expect(bench.shared.condition()).toBe('broken');
  });

  it('is not held up when the cancel can be delivered later, and is the last on its connection all the same', async () => {
    const { bench, head, innocent } = await stoppedHead((on) => ({ innocent: on.share('innocent') }), 'fails');
    bench.server.cancelMode = 'hits';
    await bench.clock.advance(51);
    expect(head.error).toMatchObject({ code: 'TIMEOUT', outcome: 'not-applied' });
    bench.server.finish();
    await bench.clock.settle();
    expect(innocent.result?.rows).toEqual([['innocent']]);
    expect(bench.server.wire).toEqual(['head', 'innocent', 'cancel', 'cancel', 'destroy']);
  });

  it('is sent again when the cancel comes all the same, and hits it', async () => {
    const { bench, innocent } = await stoppedHead((on) => ({ innocent: on.share('innocent') }), 'fails');
    bench.server.finish();
    await bench.clock.settle();
    bench.server.arriveLate();
    await bench.clock.settle();
    expect(bench.server.wire).toEqual(['head', 'innocent', 'cancel', 'innocent']);
    bench.server.finish();
    await bench.clock.settle();
    expect(innocent.result?.rows).toEqual([['innocent']]);
    expect(bench.server.wire.at(-1)).toBe('destroy');
  });

  it('goes down with its connection when the stopped one holds it up for longer than 2 s, and hears of a lost one', async () => {
    const { bench, innocent } = await stoppedHead(
      (on) => ({ innocent: on.share('innocent', { inMs: 10_000 }) }),
      'fails',
    );
    await bench.clock.advance(1_990);
    expect(bench.shared.condition()).toBe('dirty');
    await bench.clock.advance(11);
    expect(innocent.error).toMatchObject({ code: 'CONNECTION', reason: 'lost', outcome: 'unknown' });
    expect(bench.shared.condition()).toBe('broken');
  });

  it('ends as it does when the cancel says nothing for longer than 2 s and the stopped one has ended', async () => {
    const { bench, head, innocent } = await stoppedHead((on) => ({ innocent: on.share('innocent', { inMs: 10_000 }) }));
    bench.server.finish();
    await bench.clock.advance(5_000);
    expect(head.error).toMatchObject({ outcome: 'applied' });
    expect([innocent.at, bench.canShare]).toEqual([undefined, false]);
    bench.server.finish();
    await bench.clock.settle();
    expect(innocent.result?.rows).toEqual([['innocent']]);
    expect(bench.server.wire).toEqual(['head', 'innocent', 'cancel', 'destroy']);
  });

  it('lets whoever came late know that nothing of theirs was sent', async () => {
    const { bench } = await stoppedHead(() => ({}), 'fails');
    const waiting = bench.share('waiting');
    bench.server.finish();
    await bench.clock.settle();
    expect(waiting.error).toMatchObject({ code: 'CONNECTION', outcome: 'not-sent' });
    expect(bench.server.wire).toEqual(['head', 'cancel', 'destroy']);
  });
});
