/** Batches over a driver that has nothing but single statements: waiting for the source, and what is said when one ends. */
import { describe, expect, it } from 'vitest';
import { BatchSession } from '../../test/fakes/batch-session.js';
import type { RuntimeBench } from '../../test/fakes/runtime-bench.js';
import { checkRuntimeLeftovers, runtimeBench } from '../../test/fakes/runtime-bench.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { ParamSets } from './batch-options.js';

checkRuntimeLeftovers();

const PUT = 'put $1';

function batchBench(options?: Parameters<typeof runtimeBench>[0]): RuntimeBench {
  const bench = runtimeBench({ query: { timeout: 1_000, retry: false }, ...options });
  bench.driver.next = () => {
    const session = new BatchSession();
    bench.sessions.push(session);
    return session;
  };
  return bench;
}

/** So many sets, and then nothing, without an end. */
async function* stalling(sets: number, value: (index: number) => unknown = (index) => index) {
  for (let index = 0; index < sets; index += 1) yield [value(index)];
  await new Promise(() => undefined);
}

describe('a batch that waits for the first sets of its source', () => {
  // A stream that cannot open its file says so to whoever listens by then, and ends the process if nobody does.
  it('has begun to read before it returns, also as the first call of its runtime', async () => {
    const { db } = runtimeBench();
    let asked = 0;
    const next = () => Promise.resolve({ done: true, value: (asked += 1) });
    const sets = { [Symbol.asyncIterator]: () => ({ next }) } as unknown as ParamSets;
    const batch = db.batch('insert into t (a) values ($1)', sets);
    expect(asked).toBe(1);
    expect((await batch).rowsAffected).toBe(0);
  });

  it('ends at its deadline, with nothing sent', async () => {
    const bench = batchBench();
    const ran = bench.watch(bench.db.batch(PUT, stalling(3)));
    await bench.clock.advance(999);
    expect(ran.at).toBeUndefined();
    await bench.clock.advance(1);
    expect(ran.error).toMatchObject({ code: 'TIMEOUT', phase: 'statement', outcome: 'not-sent' });
    expect((ran.error as Error).message).toContain('had not been read within its 1,000 ms');
    expect(bench.wire).toEqual([]);
  });

  it('ends when it is aborted, with nothing sent', async () => {
    const bench = batchBench();
    const controller = bench.abortable();
    const ran = bench.watch(bench.db.batch(PUT, stalling(3), { signal: controller.signal }));
    await bench.clock.settle();
    controller.abort('enough');
    await bench.clock.settle();
    expect(ran.error).toMatchObject({ code: 'CANCELLED', reason: 'caller', outcome: 'not-sent', cause: 'enough' });
  });

  it('ends with the transaction around it, which says so', async () => {
    const bench = batchBench();
    const ran = bench.watch(bench.db.transaction((tx) => tx.batch(PUT, stalling(3)), { timeout: 300 }));
    await bench.clock.advance(300);
    expect(ran.error).toMatchObject({ code: 'TIMEOUT', phase: 'transaction' });
    expect(bench.wire).toEqual(['begin', 'rollback']);
  });
});

describe('a batch that waits for its source while it runs', () => {
  it('gives its connection back whole where the server cannot be told to stop', async () => {
    const bench = batchBench();
    Object.assign(bench.driver.capabilities, { canCancel: false });
    const ran = bench.watch(bench.db.batch(PUT, stalling(30), { timeout: 500 }));
    await bench.clock.advance(600);
    expect(ran.error).toMatchObject({ code: 'TIMEOUT', outcome: 'not-applied' });
    expect(isFluxorError(ran.error) && ran.error.context.paramSet).toBeUndefined();
    expect(bench.wire.at(-1)).toBe('rollback');
    await bench.clock.advance(10_000);
    expect(bench.wire).not.toContain('destroy');
  });

  it('names no set when it is stopped: whichever was on its way is innocent', async () => {
    const bench = batchBench();
    const controller = bench.abortable();
    const sets = function* () {
      for (let index = 0; ; index += 1) {
        if (index === 50) controller.abort();
        yield [index];
      }
    };
    const ran = await bench.run(bench.db.batch(PUT, sets(), { signal: controller.signal }));
    await bench.clock.advance(3_000);
    expect(ran.error).toMatchObject({ code: 'CANCELLED', outcome: 'not-applied' });
    expect(isFluxorError(ran.error) && ran.error.context.paramSet).toBeUndefined();
  });

  it('prolongs nobody else, and tells nothing, with a set that comes when it has ended', async () => {
    const bench = batchBench({ pool: { maxSize: 1 } });
    Object.assign(bench.driver.capabilities, { canCancel: false });
    let come = () => {};
    const steps: unknown[] = Array.from({ length: 20 }, (_, index) => ({ value: [index], done: false }));
    const late = new Promise((resolve) => (come = () => resolve({ value: [99], done: false })));
    const sets = { [Symbol.asyncIterator]: () => ({ next: () => steps.shift() ?? late }) } as unknown as ParamSets;
    const controller = bench.abortable();
    const progress: number[] = [];
    const options = { batchSize: 1, signal: controller.signal, onProgress: (done: number) => progress.push(done) };
    const batch = bench.watch(bench.db.batch(PUT, sets, options));
    await bench.clock.settle();
    controller.abort();
    await bench.clock.settle();
    expect(batch.error).toMatchObject({ code: 'CANCELLED' });
    expect(progress.at(-1)).toBe(19);
    const [session] = bench.sessions;
    session?.answers.set('other', 'hang');
    const other = bench.watch(bench.db.exec('other', ['hang'], { timeout: 400 }));
    await bench.clock.settle();
    expect(bench.sessions).toHaveLength(1);
    come();
    // Its own time, and the grace for an answer.
    await bench.clock.advance(500);
    expect(other.error).toMatchObject({ code: 'TIMEOUT' });
    expect(progress.at(-1)).toBe(19);
  });
});

describe('a batch whose sets come from its own transaction', () => {
  it('is refused when they wait for the connection that it keeps busy', async () => {
    const bench = batchBench();
    const pages = Array.from({ length: 3 }, () => Array.from({ length: 20 }, () => [1]));
    bench.driver.next = () => {
      const session = new BatchSession();
      session.pages.set('read', pages);
      bench.sessions.push(session);
      return session;
    };
    const ways: Parameters<typeof bench.db.transaction>[0][] = [
      (tx) => tx.batch(PUT, tx.stream('read', [], { batchSize: 20, rowMode: 'array' })),
      (tx) => {
        const sets = async function* () {
          for (let index = 0; index < 30; index += 1) {
            await Promise.resolve();
            if (index === 25) await tx.query('look');
            yield [index];
          }
        };
        return tx.batch(PUT, sets());
      },
    ];
    for (const way of ways) {
      const ran = await bench.run(bench.db.transaction(way));
      expect(ran.error).toMatchObject({ code: 'STREAM_OPEN', outcome: 'not-applied' });
    }
    expect(bench.wire.filter((text) => text === 'rollback to fluxor_batch')).toHaveLength(2);
    expect(bench.wire).not.toContain('look');
  });

  it('runs beside statements of the transaction that it does not wait for, and after those that it did', async () => {
    const bench = batchBench();
    const ran = await bench.run(
      bench.db.transaction(async (tx) => {
        const sets = async function* () {
          // The batch has not begun yet.
          await tx.query('look');
          for (let index = 0; index < 30; index += 1) yield [index];
        };
        const [result] = await Promise.all([tx.batch(PUT, sets()), tx.query('beside')]);
        return result.affected?.length;
      }),
    );
    expect([ran.error, ran.value]).toEqual([undefined, 30]);
  });

  it('is refused in a session as well', async () => {
    const bench = batchBench();
    const ran = await bench.run(
      bench.db.use((session) => {
        const sets = async function* () {
          for (let index = 0; index < 30; index += 1) {
            if (index === 25) await session.query('look');
            yield [index];
          }
        };
        return session.batch(PUT, sets());
      }),
    );
    expect(ran.error).toMatchObject({ code: 'STREAM_OPEN', outcome: 'not-applied' });
  });
});
