/** What a batch says around its sets, and what of it a cancel may hit. */
import { describe, expect, it } from 'vitest';
import { checkLeftovers, connectionBench } from '../../test/fakes/connection-bench.js';
import { ServerError, TRANSACTION_WORDS } from '../../test/fakes/fake-session.js';
import type { BatchReport, BatchSource, DriverBatch } from '../driver/batch.js';
import type { InsertPlan } from '../sql/insert-plan.js';
import { ANSWER_GRACE_MS, CANCEL_GRACE_MS } from './connection-options.js';
import type { BatchWork } from './batch-work.js';
import { RUN_BATCH } from './batch-work.js';

checkLeftovers();

function workOf(sets: number): { work: BatchWork; report: BatchReport } {
  const report = { failedSet: undefined, isEnding: false, isInside: false, wantsStatements: false };
  let at = 0;
  const source: BatchSource = {
    next: () => ((at += 1) > sets ? undefined : [at]),
    rewind: () => false,
  };
  const batch = { text: 'put', rowMode: 'object', source, bulk: undefined, isBulkOnly: false, report } as const;
  return { work: { text: 'put', batch, words: TRANSACTION_WORDS }, report };
}

describe('a batch without anything better than one statement after the other', () => {
  it('is a transaction of its own outside of one, and knows when its end is on its way', async () => {
    const bench = connectionBench();
    const { work, report } = workOf(2);
    await bench.connection.run(work, RUN_BATCH, bench.call());
    expect(bench.wire).toEqual(['begin', 'put', 'put', 'commit']);
    expect(report).toMatchObject({ isEnding: true, isInside: false, failedSet: undefined });
  });

  it('stands behind a savepoint inside a transaction, which decides about it', async () => {
    const bench = connectionBench();
    await bench.run('begin').promise;
    const { work, report } = workOf(1);
    await bench.connection.run(work, RUN_BATCH, bench.call());
    expect(bench.wire.slice(1)).toEqual(['savepoint fluxor_batch', 'put', 'release fluxor_batch']);
    expect(report).toMatchObject({ isEnding: false, isInside: true });
  });

  it('is undone alone when a set of it fails, whose number is reported', async () => {
    const bench = connectionBench();
    await bench.run('begin').promise;
    bench.session.answers.set('put', new ServerError('unique'));
    const { work, report } = workOf(3);
    await expect(bench.connection.run(work, RUN_BATCH, bench.call())).rejects.toMatchObject({ code: 'CONSTRAINT' });
    const undo = ['rollback to fluxor_batch', 'release fluxor_batch'];
    expect(bench.wire.slice(1)).toEqual(['savepoint fluxor_batch', 'put', ...undo]);
    expect(report.failedSet).toBe(0);
  });
});

describe('a batch that is stopped outside of one', () => {
  it('is not committed once its caller was told that nothing is known, where nothing can be cancelled', async () => {
    const bench = connectionBench({ canCancel: false });
    bench.session.answers.set('put', 'hang');
    const { work, report } = workOf(1);
    const ran = bench.connection.run(work, RUN_BATCH, bench.call({ inMs: 50 }));
    const error = ran.catch((reason: unknown) => reason);
    await bench.clock.advance(50 + ANSWER_GRACE_MS);
    expect(await error).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' });
    expect(report.isEnding).toBe(false);
    // Its last set has been taken after all, and its source has no more.
    bench.session.finish();
    await bench.clock.settle();
    expect(bench.wire).toEqual(['begin', 'put', 'rollback']);
    expect(report.isEnding).toBe(false);
  });

  it('draws no more sets when its lease ends, and is undone within the grace', async () => {
    const bench = connectionBench({ canCancel: false });
    bench.session.answers.set('put', 'hang');
    const ran = bench.connection.run(workOf(5).work, RUN_BATCH, bench.call());
    const error = ran.catch((reason: unknown) => reason);
    await bench.clock.settle();
    const reset = bench.connection.reset();
    bench.session.finish();
    await reset;
    expect(await error).toMatchObject({ code: 'CANCELLED', reason: 'runtime', outcome: 'not-applied' });
    expect(bench.wire).toEqual(['begin', 'put', 'rollback']);
  });

  it('is not cancelled while its COMMIT is on its way, and says that it was applied', async () => {
    const bench = connectionBench();
    bench.session.answers.set('commit', 'hang');
    const { work, report } = workOf(1);
    const ran = bench.connection.run(work, RUN_BATCH, bench.call({ inMs: 50 }));
    const error = ran.catch((reason: unknown) => reason);
    await bench.clock.advance(50);
    expect(bench.wire).toEqual(['begin', 'put', 'commit']);
    bench.session.finish();
    await bench.clock.settle();
    expect(await error).toMatchObject({ code: 'TIMEOUT', outcome: 'applied' });
    expect(bench.wire.slice(0, 3)).toEqual(['begin', 'put', 'commit']);
    expect(bench.wire).not.toContain('cancel');
    expect(report.isEnding).toBe(true);
  });

  it('waits for a cancel that hangs no longer than to the end of its connection, and commits nothing', async () => {
    const bench = connectionBench();
    bench.session.answers.set('put', 'hang');
    bench.session.cancelMode = 'hangs';
    const ran = bench.connection.run(workOf(1).work, RUN_BATCH, bench.call({ inMs: 50 }));
    const error = ran.catch((reason: unknown) => reason);
    await bench.clock.advance(60);
    bench.session.finish();
    await bench.clock.advance(CANCEL_GRACE_MS);
    expect(await error).toMatchObject({ code: 'TIMEOUT' });
    expect(bench.wire).toEqual(['begin', 'put', 'cancel', 'destroy']);
    expect([bench.connection.isBusy, bench.connection.condition()]).toEqual([false, 'broken']);
  });
});

describe('a batch that is stopped inside a transaction', () => {
  const UNDO = ['rollback to fluxor_batch', 'release fluxor_batch'];

  /** Its first set hangs at the server until the test says otherwise; at 50 ms it is stopped. */
  async function stopped(prepare: (bench: ReturnType<typeof connectionBench>) => void) {
    const bench = connectionBench();
    await bench.run('begin').promise;
    bench.session.answers.set('put', 'hang');
    prepare(bench);
    const ran = bench.connection.run(workOf(3).work, RUN_BATCH, bench.call({ inMs: 50, inTransaction: true }));
    const error = ran.catch((reason: unknown) => reason);
    await bench.clock.advance(50);
    return { bench, error };
  }

  it('is undone by words that a late cancel does not hit: a round trip before them takes it', async () => {
    const { bench, error } = await stopped(({ session }) => (session.cancelMode = 'hits-late'));
    // The set ends by itself at this very moment; the cancel is still on its way to the server.
    bench.session.fail(new ServerError('unique'));
    await bench.clock.advance(ANSWER_GRACE_MS);
    expect(await error).toMatchObject({ code: 'TIMEOUT', outcome: 'not-applied' });
    expect(bench.wire.slice(2)).toEqual(['put', 'cancel', 'ping', ...UNDO, 'ping']);
  });

  it('says nothing while a cancel is under way', async () => {
    let arrive = () => {};
    const { bench, error } = await stopped(({ session }) => {
      session.cancel = () => new Promise((resolve) => (arrive = resolve));
    });
    bench.session.fail(new ServerError('cancelled'));
    await bench.clock.advance(10);
    expect(bench.wire.at(-1)).toBe('put');
    arrive();
    await bench.clock.advance(ANSWER_GRACE_MS);
    expect(await error).toMatchObject({ code: 'TIMEOUT', outcome: 'not-applied' });
    expect(bench.wire.slice(3)).toEqual(['ping', ...UNDO, 'ping']);
  });

  it('sends no second cancel while it is undone', async () => {
    const { bench, error } = await stopped(({ session }) => session.answers.set('rollback to fluxor_batch', 'hang'));
    // Far beyond the pause after which a cancel is repeated.
    await bench.clock.advance(1_000);
    bench.session.finish();
    await bench.clock.settle();
    expect(await error).toMatchObject({ code: 'TIMEOUT' });
    expect(bench.wire.slice(2)).toEqual(['put', 'cancel', 'ping', ...UNDO, 'ping']);
  });

  it('lets its savepoint be made before it is cancelled, or the transaction would be lost', async () => {
    const { bench, error } = await stopped(({ session }) => session.answers.set('savepoint fluxor_batch', 'hang'));
    expect(bench.wire.at(-1)).toBe('savepoint fluxor_batch');
    bench.session.finish();
    await bench.clock.advance(1_000);
    expect(await error).toMatchObject({ code: 'TIMEOUT' });
    expect(bench.wire.slice(1)).toEqual(['savepoint fluxor_batch', ...UNDO, 'ping']);
  });
});

describe('a batch by its driver', () => {
  /** Its first attempt asks for statements; the rollback of it fails where `isLeftOpen`. */
  const failing = (isLeftOpen: boolean) => {
    const bench = connectionBench();
    const modes: string[] = [];
    const { session } = bench;
    Object.assign(session, {
      runBatch: async ({ bulk, report }: DriverBatch) => {
        modes.push(bulk === undefined ? 'statements' : 'bulk');
        if (bulk === undefined) return { mode: 'statements', rows: [], fields: [], rowsAffected: 1, command: '' };
        report.wantsStatements = true;
        if (isLeftOpen) await session.execute({ text: 'begin', values: [], rowMode: 'array' });
        throw new ServerError('unique');
      },
    });
    const { work } = workOf(1);
    const bulk = { table: 't', columns: ['n'], order: [0] } as unknown as InsertPlan;
    const source = { ...work.batch.source, rewind: () => true };
    const run = () =>
      bench.connection.run({ ...work, batch: { ...work.batch, bulk, source } }, RUN_BATCH, bench.call());
    return { bench, modes, run };
  };

  it('is begun anew as statements when nothing of the first attempt is left', async () => {
    const { bench, modes, run } = failing(false);
    expect(await run()).toMatchObject({ mode: 'statements' });
    expect([modes, bench.wire]).toEqual([['bulk', 'statements'], []]);
  });

  it('whose rollback has failed is not begun anew in what is still open: its connection goes, and undoes it', async () => {
    const { bench, modes, run } = failing(true);
    await expect(run()).rejects.toMatchObject({ code: 'CONSTRAINT', outcome: 'not-applied' });
    expect([modes, bench.wire]).toEqual([['bulk'], ['begin', 'destroy']]);
    expect(bench.connection.condition()).toBe('broken');
  });
});
