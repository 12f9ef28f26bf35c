/** What a batch that collects keeps, in which pieces, and what its error says when it has to stop. */
import { describe, expect, it } from 'vitest';
import { BatchSession } from '../../test/fakes/batch-session.js';
import type { RuntimeBench } from '../../test/fakes/runtime-bench.js';
import { checkRuntimeLeftovers, runtimeBench } from '../../test/fakes/runtime-bench.js';
import type { FluxorError } from '../errors/fluxor-error.js';

checkRuntimeLeftovers();

const PUT = 'put $1';

function collectBench(options?: Parameters<typeof runtimeBench>[0]): RuntimeBench {
  const bench = runtimeBench({ query: { timeout: 1_000, retry: false }, pool: { maxSize: 1 }, ...options });
  bench.driver.next = () => {
    const session = new BatchSession();
    bench.sessions.push(session);
    return session;
  };
  return bench;
}

const setsOf = (bench: RuntimeBench) => bench.sessions.flatMap((session) => (session as BatchSession).sets);
const collect = { onError: 'collect' } as const;

async function* from(values: readonly unknown[]) {
  for (const value of values) yield [value];
}

describe('a batch that collects', () => {
  it('sends the sets before a bad one again, and goes on behind it in pieces that grow', async () => {
    const bench = collectBench();
    const values = [1, 2, 'bad', 4, 5, 6, 7];
    const ran = await bench.run(bench.db.batch(PUT, from(values), { ...collect, batchSize: 7 }));
    expect(ran.value?.errors.map(({ index, error }) => [index, error.code])).toEqual([[2, 'CONSTRAINT']]);
    expect(setsOf(bench)).toEqual([1, 2, 'bad', 1, 2, 4, 5, 6, 7]);
    expect(bench.wire.filter((text) => text === 'commit').length).toBeGreaterThan(1);
  });

  it('answers one count for every set in its order, 0 for one that failed or could not be bound', async () => {
    const bench = collectBench();
    const values = [1, undefined, 'bad', 4, undefined, 6];
    const ran = await bench.run(bench.db.batch(PUT, from(values), collect));
    expect(ran.value?.errors.map(({ index }) => index)).toEqual([1, 2, 4]);
    expect(ran.value?.affected).toEqual([0, 0, 0, 0, 0, 0]);
    expect(setsOf(bench).at(-1)).toBe(6);
  });

  it('tells its progress to the end, also when the last sets cannot be bound', async () => {
    const bench = collectBench();
    const told: number[] = [];
    const options = { ...collect, batchSize: 2, onProgress: (done: number) => void told.push(done) };
    await bench.run(bench.db.batch(PUT, from([1, 2, undefined, undefined]), options));
    expect(told).toEqual([2, 4]);
  });

  it('reads on behind any number of sets that cannot be bound', async () => {
    const bench = collectBench();
    const values = [...Array.from({ length: 30 }, () => undefined), 'good'];
    const ran = await bench.run(bench.db.batch(PUT, from(values), { ...collect, batchSize: 2 }));
    expect(ran.value?.errors).toHaveLength(30);
    expect(setsOf(bench)).toEqual(['good']);
  });
});

describe('a batch that collects and has to stop', () => {
  const stopped = async (bench: RuntimeBench, promise: Promise<unknown>): Promise<FluxorError> => {
    const ran = bench.watch(promise);
    await bench.clock.advance(3_000);
    return ran.error as FluxorError;
  };
  async function* breaking() {
    yield* from(Array.from({ length: 25 }, (_, index) => (index === 3 ? 'bad' : index)));
    throw new Error('the file ends here');
  }

  it('says that it was applied in part, and is not to be repeated as a whole', async () => {
    const bench = collectBench();
    const error = await stopped(bench, bench.db.batch(PUT, breaking(), { ...collect, batchSize: 20 }));
    expect(error).toMatchObject({ code: 'QUERY', outcome: 'applied', retryable: false, context: { setsDone: 20 } });
    expect(error.message).toContain('19 sets had been applied by then');
    expect(error.setErrors?.map(({ index }) => index)).toEqual([3]);
  });

  it('is what it was while nothing has been applied', async () => {
    const bench = collectBench();
    const error = await stopped(bench, bench.db.batch(PUT, breaking(), { ...collect, batchSize: 30 }));
    expect(error).toMatchObject({ code: 'QUERY', outcome: 'not-sent', context: { setsDone: 0 } });
  });

  it('may be repeated as a whole where that was said to do no harm', async () => {
    const bench = collectBench();
    async function* stalling() {
      yield* from([1, 2]);
      await new Promise(() => undefined);
    }
    const options = { ...collect, batchSize: 1, idempotent: true, timeout: 500 };
    const sets = async function* () {
      for (let index = 0; index < 20; index += 1) yield [index];
      yield* stalling();
    };
    const error = await stopped(bench, bench.db.batch(PUT, sets(), options));
    expect(error).toMatchObject({ code: 'TIMEOUT', outcome: 'applied', retryable: true });
  });

  it('stays within a transaction, and is not applied when that is rolled back', async () => {
    const bench = collectBench();
    let inside: { outcome: string; message: string } | undefined;
    const error = await stopped(
      bench,
      bench.db.transaction(async (tx) => {
        try {
          await tx.batch(PUT, breaking(), { ...collect, batchSize: 20 });
        } catch (thrown) {
          const { outcome, message } = thrown as FluxorError;
          inside = { outcome, message };
          throw thrown;
        }
      }),
    );
    expect(inside).toMatchObject({ outcome: 'applied' });
    expect(inside?.message).toContain('19 sets had been applied by then, and are part of the transaction');
    expect(error).toMatchObject({ outcome: 'not-applied', context: { setsDone: 20 } });
  });

  it('has left nothing when the connection of its transaction is lost', async () => {
    const bench = collectBench();
    const values = [1, 2, 'gone'];
    const run = bench.db.transaction((tx) => tx.batch(PUT, from(values), { ...collect, batchSize: 1 }), {
      retry: false,
    });
    expect(await stopped(bench, run)).toMatchObject({ code: 'CONNECTION', outcome: 'not-applied' });
  });

  it('waits for the next chunk no longer than for an answer, and says whose time was up', async () => {
    const slow = async function* () {
      yield* from(Array.from({ length: 25 }, (_, index) => index));
      await new Promise(() => undefined);
    };
    for (const [options, text] of [
      [{}, 'within its 1,000 ms'],
      [{ timeout: 700 }, 'within its 700 ms'],
    ] as const) {
      const bench = collectBench();
      const error = await stopped(bench, bench.db.batch(PUT, slow(), { ...collect, batchSize: 10, ...options }));
      expect(error).toMatchObject({
        code: 'TIMEOUT',
        phase: 'statement',
        outcome: 'applied',
        context: { setsDone: 20 },
      });
      expect(error.message).toContain(text);
    }
  });

  it('says that its own time was up, and not a transaction’s, when a set hangs', async () => {
    const bench = collectBench();
    const values = [...Array.from({ length: 20 }, (_, index) => index), 'hang'];
    const error = await stopped(bench, bench.db.batch(PUT, from(values), { ...collect, batchSize: 20, timeout: 700 }));
    expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'statement', outcome: 'applied' });
    expect(error.context.paramSet).toBeUndefined();
  });

  it('counts a piece that was applied although it was stopped, and says that it stays', async () => {
    const values = [1, 2, 3, 4];
    const bench = collectBench();
    const session = new BatchSession();
    session.answers.set('commit', 'hang');
    bench.driver.next = () => (bench.sessions.push(session), session);
    const controller = bench.abortable();
    const ran = bench.watch(bench.db.batch(PUT, from(values), { ...collect, batchSize: 2, signal: controller.signal }));
    await bench.clock.settle();
    expect(bench.wire.at(-1)).toBe('commit');
    controller.abort('enough');
    await bench.clock.settle();
    expect(bench.wire.at(-1)).toBe('commit');
    session.finish();
    await bench.clock.settle();
    expect(ran.error).toMatchObject({
      code: 'CANCELLED',
      outcome: 'applied',
      retryable: false,
      context: { setsDone: 2 },
    });
    expect((ran.error as FluxorError).message).toContain('2 sets had been applied by then');
    expect(setsOf(bench)).toEqual([1, 2]);
  });

  it('has one limit for all pieces of a chunk, however many wrong sets make of them', async () => {
    const bench = collectBench();
    // Each piece takes 400 ms of the 1,000 that the chunk has.
    const session = new BatchSession();
    session.answers.set('begin', 'hang');
    bench.driver.next = () => (bench.sessions.push(session), session);
    const values = ['bad', 'bad', 'bad', 'bad', 'bad', 'bad'];
    const ran = bench.watch(bench.db.batch(PUT, from(values), { ...collect, batchSize: 6 }));
    for (let piece = 0; piece < 6 && ran.at === undefined; piece += 1) {
      await bench.clock.advance(400);
      if (session.state === 'busy') session.finish();
      await bench.clock.settle();
    }
    expect(ran.error).toMatchObject({ code: 'TIMEOUT', phase: 'statement' });
    expect((ran.error as FluxorError).message).toContain('its 1,000 ms');
    expect((ran.error as FluxorError).context.setsDone).toBeLessThan(6);
    expect(ran.at).toBeLessThan(1_600);
  });

  it('ends between two chunks when it is aborted', async () => {
    const bench = collectBench();
    const controller = bench.abortable();
    const sets = async function* () {
      yield* from(Array.from({ length: 25 }, (_, index) => index));
      controller.abort('enough');
      yield* from([26]);
    };
    const error = await stopped(
      bench,
      bench.db.batch(PUT, sets(), { ...collect, batchSize: 10, signal: controller.signal }),
    );
    expect(error).toMatchObject({ code: 'CANCELLED', outcome: 'applied', cause: 'enough', context: { setsDone: 20 } });
  });
});
