import { describe, expect, it } from 'vitest';
import { ServerError } from '../../test/fakes/fake-session.js';
import { checkPipelineLeftovers, pipelineBench, stoppedHead } from '../../test/fakes/pipeline-bench.js';

checkPipelineLeftovers();

describe('a statement that is in flight with one that is stopped', () => {
  it('is sent again when the cancel comes too late and hits it, and the other hears of its own end', async () => {
    const { bench, head, innocent, other } = await stoppedHead((on) => ({
      innocent: on.share('innocent'),
      other: on.share('other'),
    }));
    bench.server.finish();
    await bench.clock.settle();
    bench.server.deliverCancel();
    await bench.clock.settle();
    expect(head.error).toMatchObject({ code: 'TIMEOUT', outcome: 'applied' });
    expect(bench.server.wire).toEqual(['head', 'innocent', 'other', 'cancel', 'innocent']);
    bench.server.finish();
    bench.server.finish();
    await bench.clock.settle();
    expect(bench.server.head).toBe('ping');
    bench.server.finish();
    await bench.clock.settle();
    expect(innocent.result?.rows).toEqual([['innocent']]);
    expect(other.result?.rows).toEqual([['other']]);
    expect(bench.canShare).toBe(true);
  });

  it('hears of the lost connection, and that nothing of it was applied, when the cancel had hit it before', async () => {
    const { bench, innocent } = await stoppedHead((on) => ({ innocent: on.share('innocent') }));
    bench.server.finish();
    bench.server.deliverCancel();
    bench.server.lose();
    await bench.clock.settle();
    expect(innocent.error).toMatchObject({ code: 'CONNECTION', reason: 'lost', outcome: 'not-sent' });
  });

  it('is cancelled in its turn, if it was stopped too, when the one before it was hit and goes behind it', async () => {
    const { bench, innocent } = await stoppedHead((on) => ({
      innocent: on.share('innocent'),
      behind: on.share('behind', { inMs: 100 }),
    }));
    bench.server.finish();
    await bench.clock.settle();
    bench.server.deliverCancel();
    await bench.clock.settle();
    expect(bench.server.wire).toEqual(['head', 'innocent', 'behind', 'cancel', 'innocent', 'cancel']);
    bench.server.deliverCancel();
    bench.server.finish();
    await bench.clock.settle();
    expect(innocent.result?.rows).toEqual([['innocent']]);
  });

  it('is not joined by one that comes late: that waits until the cancel has settled', async () => {
    const bench = pipelineBench();
    bench.server.cancelMode = 'held';
    const abort = new AbortController();
    bench.share('head', { signal: abort.signal });
    expect(bench.canShare).toBe(true);
    abort.abort();
    const late = bench.share('late');
    const impatient = bench.share('impatient', { inMs: 50 });
    await bench.clock.advance(51);
    expect(impatient.error).toMatchObject({ code: 'TIMEOUT', outcome: 'not-sent' });
    bench.server.deliverCancel();
    await bench.clock.settle();
    expect(bench.server.head).toBe('ping');
    expect(bench.server.wire).not.toContain('late');
    bench.server.finish();
    await bench.clock.settle();
    bench.server.finish();
    await bench.clock.settle();
    expect(late.result?.rows).toEqual([['late']]);
    expect(bench.canShare).toBe(true);
  });

  // Prepared anew by the driver, it may be stale again: whoever prepared it was hit.
  it('does not hear that what was prepared for it is stale', async () => {
    const { bench, stale } = await stoppedHead((on) => ({ stale: on.share('stale') }));
    bench.server.deliverCancel();
    bench.server.fail(new ServerError('stale'));
    await bench.clock.settle();
    expect(bench.server.wire).toEqual(['head', 'stale', 'cancel', 'stale']);
    bench.server.finish();
    await bench.clock.settle();
    expect(stale.result?.rows).toEqual([['stale']]);
  });

  it('hears of it when it is stale again after three more times', async () => {
    const { bench, stale } = await stoppedHead((on) => ({ stale: on.share('stale') }));
    bench.server.deliverCancel();
    for (let time = 1; time <= 4; time += 1) {
      expect(bench.server.head).toBe('stale');
      bench.server.fail(new ServerError('stale'));
      await bench.clock.settle();
    }
    expect(stale.error).toMatchObject({ code: 'QUERY', reason: 'statement-invalid', outcome: 'not-applied' });
    expect(bench.server.wire.filter((text) => text === 'stale')).toHaveLength(4);
  });

  it("hears of it at once when nobody is stopped: that is the driver's affair", async () => {
    const bench = pipelineBench();
    const stale = bench.share('stale');
    bench.server.fail(new ServerError('stale'));
    await bench.clock.settle();
    expect(stale.error).toMatchObject({ code: 'QUERY', reason: 'statement-invalid' });
    expect(bench.server.wire).toEqual(['stale']);
  });
});

describe('a connection that is lost while a cancel settles', () => {
  // Each time that its error was read: for the one that was stopped, and twice for each of the others.
  it('says once what that means for the others', async () => {
    const { bench } = await stoppedHead((on) => ({ a: on.share('a'), b: on.share('b') }));
    bench.server.lose('validate');
    await bench.clock.settle();
    expect(bench.verdicts).toEqual(['validate']);
  });
});
