/** The caller's iterable, one set after the other, whatever it does; and what a driver draws of it. */
import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors/usage-error.js';
import { BatchText } from '../sql/batch-text.js';
import type { StatementParams } from '../sql/statement-compiler.js';
import type { ParamSets } from './batch-options.js';
import type { SourceWatch } from './batch-source.js';
import { ArraySource, checkSets, ReaderSource, SetReader } from './batch-source.js';

const TEXT = new BatchText('postgres', 'insert into t (a) values ($1)', [1]);

/** An iterator whose every answer is the test's. */
function answering(...answers: unknown[]): ParamSets {
  const next = () => answers.shift();
  return { [Symbol.asyncIterator]: () => ({ next }) } as unknown as ParamSets;
}

async function readAll(reader: SetReader, most = 10): Promise<(StatementParams | undefined)[]> {
  const read: (StatementParams | undefined)[] = [];
  for (let set = await reader.next(); set !== undefined && read.length < most; set = await reader.next())
    read.push(set);
  return read;
}

function watch(overrides: Partial<SourceWatch> = {}): SourceWatch & { readonly drawn: number[] } {
  const drawn: number[] = [];
  return {
    drawn,
    assertWanted: () => undefined,
    onDrawn: (count) => drawn.push(count),
    draw: (next) => next(),
    wait: (set) => set,
    ...overrides,
  };
}

describe('a reader of sets', () => {
  it('reads arrays, generators and async generators to their end', async () => {
    const sync = function* () {
      yield [1];
      yield [2];
    };
    const async = async function* () {
      yield* sync();
    };
    for (const sets of [[[1], [2]], sync(), async(), new Set([[1], [2]])]) {
      expect(await readAll(new SetReader(sets))).toEqual([[1], [2]]);
    }
  });

  it('waits for whatever has a `then`, though it is no promise of this engine', async () => {
    const later = (step: unknown) => ({
      then: (resolve: (step: unknown) => void) => {
        resolve(step);
      },
    });
    const reader = new SetReader(
      answering(later({ value: [1], done: false }), later({ value: undefined, done: true })),
    );
    expect(await readAll(reader)).toEqual([[1]]);
  });

  it('refuses an answer that is no step at all, which would be a set without an end', async () => {
    for (const answer of [undefined, null, 7]) {
      await expect(readAll(new SetReader(answering(answer)))).rejects.toMatchObject({
        code: 'QUERY',
        reason: 'data',
        outcome: 'not-sent',
        cause: expect.any(TypeError) as unknown,
      });
    }
  });

  it('says what the iterable threw as a cause, and reads no further', async () => {
    const cause = new Error('the file ends here');
    const reader = new SetReader(answering({ value: [1] }, Promise.reject(cause), { value: [2] }));
    expect(await reader.next()).toEqual([1]);
    await expect(reader.next()).rejects.toMatchObject({ code: 'QUERY', cause });
    expect(await reader.next()).toBeUndefined();
  });

  it('passes on that a statement of the source would wait for its own batch', async () => {
    const refused = new UsageError('STREAM_OPEN', 'it would wait for itself');
    await expect(readAll(new SetReader(answering(Promise.reject(refused))))).rejects.toBe(refused);
  });

  it('begins anew with what can be read again, and with nothing else', () => {
    const again = new SetReader(new Set([[1]]));
    expect([again.next(), again.next(), again.rewind(), again.next()]).toEqual([[1], undefined, true, [1]]);
    const once = new SetReader(
      (function* () {
        yield [1];
      })(),
    );
    expect([once.next(), once.rewind()]).toEqual([[1], false]);
  });

  it('lets an iterable tidy up once, also one that fails at it', () => {
    let returned = 0;
    const sets = {
      [Symbol.iterator]: () => ({
        next: () => ({ value: [1], done: false }),
        return: () => {
          returned += 1;
          throw new Error('of no interest');
        },
      }),
    } as unknown as ParamSets;
    const reader = new SetReader(sets);
    void reader.next();
    reader.close();
    reader.close();
    expect(returned).toBe(1);
  });
});

describe('sets that are checked before anything is sent', () => {
  it('are named up to ten, and what is wrong is of one kind with what the database would say', () => {
    const wrong = Array.from({ length: 12 }, () => [undefined]);
    expect(() => checkSets(TEXT, [[1], ...wrong])).toThrow(/set 1: params\[0\] is undefined.*set 10: /);
    expect(() => checkSets(TEXT, [[1], ...wrong])).not.toThrow(/set 11: /);
    const error = (sets: StatementParams[]): unknown => {
      try {
        checkSets(TEXT, sets);
      } catch (thrown) {
        return thrown;
      }
      return undefined;
    };
    expect(error([[undefined]])).toMatchObject({ reason: 'data', outcome: 'not-sent', context: { paramSet: 0 } });
    expect(error([[1], [1, 2]])).toMatchObject({ reason: 'statement-invalid', context: { paramSet: 1 } });
  });
});

describe('what a driver draws', () => {
  it('begins with the sets that were looked at, and goes on with the reader', async () => {
    const told = watch();
    const source = new ReaderSource(
      TEXT,
      new SetReader(answering({ value: [2] }, { value: [3], done: true })),
      [[1]],
      told,
    );
    expect([source.canRewind, source.next(), source.rewind(), source.next()]).toEqual([true, [1], true, [1]]);
    expect(await source.next()).toEqual([2]);
    expect([await source.next(), source.canRewind, source.rewind()]).toEqual([undefined, false, false]);
    expect(told.drawn).toEqual([1, 1, 2]);
  });

  it('names the set that cannot be bound', async () => {
    const source = new ReaderSource(TEXT, new SetReader(answering({ value: [2] }, { value: [() => 1] })), [], watch());
    expect(await source.next()).toEqual([2]);
    expect(() => source.next()).toThrow(expect.objectContaining({ reason: 'data', context: { paramSet: 1 } }));
  });

  it('tells nothing of a set that comes when the batch has ended, and does not look like the end of the sets', async () => {
    let come = (_step: unknown) => {};
    const told = watch();
    const late = new Promise((resolve) => (come = resolve));
    const source = new ReaderSource(TEXT, new SetReader(answering(late)), [], told);
    const drawn = source.next();
    source.end();
    come({ value: [1], done: false });
    // An end would have been followed by COMMIT.
    await expect(drawn).rejects.toMatchObject({ code: 'CANCELLED', outcome: 'not-applied' });
    expect(told.drawn).toEqual([]);
    expect(() => source.next()).toThrow(expect.objectContaining({ code: 'CANCELLED' }));
  });

  it('does not look like the end of the sets when its reader was closed under it', async () => {
    let come = (_step: unknown) => {};
    const reader = new SetReader(answering(new Promise((resolve) => (come = resolve))));
    const source = new ReaderSource(TEXT, reader, [], watch());
    const drawn = source.next();
    source.end();
    reader.close();
    come({ value: undefined, done: true });
    await expect(drawn).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('asks before each set whether it is wanted', () => {
    const assertWanted = () => {
      throw new Error('not any more');
    };
    expect(() => new ReaderSource(TEXT, new SetReader([[1]]), [], watch({ assertWanted })).next()).toThrow(
      'not any more',
    );
    expect(() => new ArraySource([[1]], assertWanted).next()).toThrow('not any more');
  });
});
