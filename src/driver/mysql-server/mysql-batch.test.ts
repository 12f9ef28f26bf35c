import { describe, expect, it } from 'vitest';
import type { InsertPlan } from '../../sql/insert-plan.js';
import type { BatchSource } from '../batch.js';
import type { DriverQuery } from '../query.js';
import type { BatchPort } from './mysql-batch.js';
import { MysqlBatch } from './mysql-batch.js';

const NOTHING = { rows: [], fields: [], rowsAffected: 0, command: '' };
const ONE_COLUMN = { table: 't', columns: ['doc'], order: [0] } as unknown as InsertPlan;

const sourceOf = (sets: readonly (readonly unknown[])[]): BatchSource => {
  let at = 0;
  return { next: async () => sets[at++], rewind: () => false };
};
const batchOf = (sets: readonly (readonly unknown[])[], port: BatchPort, bulk: InsertPlan | undefined) => {
  const report = { failedSet: undefined, isEnding: false, isInside: false, wantsStatements: false };
  const text = 'insert into t (doc) values (?)';
  const source = sourceOf(sets);
  return new MysqlBatch(port, { text, rowMode: 'array', source, bulk, isBulkOnly: false, report });
};
const bytesOf = (values: readonly unknown[]) => Buffer.byteLength(values.join(''));

describe('the pieces of a batch', () => {
  /** Sends nothing, and keeps how many bytes each piece had. */
  const piecesOf = async (sets: readonly (readonly unknown[])[], hasBulk: boolean): Promise<number[]> => {
    const sizes: number[] = [];
    const port: BatchPort = {
      send: async ({ values }: DriverQuery) => {
        if (values.length > 0) sizes.push(bytesOf(values));
        return NOTHING;
      },
      isInTransaction: () => true,
      untilReady: async () => undefined,
    };
    const sendBulk = async (_text: string, rows: readonly (readonly unknown[])[]) => {
      sizes.push(bytesOf(rows.flat()));
      return rows.length;
    };
    await batchOf(sets, hasBulk ? { ...port, sendBulk } : port, ONE_COLUMN).run();
    return sizes;
  };

  it.each([
    ['rows of one INSERT', false],
    ['bulk protocol', true],
  ])('of JSON objects are 1 MiB at most, as they are written (%s)', async (_road, hasBulk) => {
    const sets = Array.from({ length: 600 }, () => [{ x: 'ü'.repeat(25_000) }]);
    const sizes = await piecesOf(sets, hasBulk);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_048_576);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(600 * (50_000 + '{"x":""}'.length));
  });

  it('never put a large set to others, which together are more than either', async () => {
    const sets = [['x'.repeat(1_000_000)], ['x'.repeat(3_000_000)], ['x'], ['x'.repeat(1_048_575)]];
    expect(await piecesOf(sets, true)).toEqual([1_000_000, 3_000_000, 1_048_576]);
  });
});

describe('numbers in one column of a batch', () => {
  const sent = async (sets: readonly (readonly unknown[])[], hasKinds: boolean): Promise<readonly unknown[]> => {
    const sentValues: unknown[] = [];
    const take = async (values: readonly unknown[]) => {
      sentValues.push(...values);
      return NOTHING;
    };
    const port: BatchPort = {
      send: ({ values }: DriverQuery) => take(values),
      isInTransaction: () => true,
      untilReady: async () => undefined,
    };
    const withKinds: BatchPort = { ...port, sendEncoded: (_text, values) => take(values) };
    await batchOf(sets, hasKinds ? withKinds : port, ONE_COLUMN).run();
    return sentValues;
  };

  it('are of one kind from the first fraction on, where kinds are statements of their own', async () => {
    expect(await sent([[1], [2.5], [null], ['x'], [-3n]], true)).toEqual([1, 2.5, null, 'x', -3]);
    const whole = Array.from({ length: 512 }, () => [7]);
    const pieces = await sent([...whole, [0.5], ...whole.slice(1), [7]], true);
    expect([...new Set(pieces.slice(0, 512)), ...new Set(pieces.slice(512))]).toEqual([7n, 0.5, 7]);
  });

  it('stay what they are where they would not be the same, or nobody minds', async () => {
    const large = 10n ** 15n;
    expect(await sent([[0.5], [large], [-large], [large - 1n]], true)).toEqual([0.5, large, -large, Number(large) - 1]);
    expect(await sent([[1], [2.5]], false)).toEqual([1n, 2.5]);
    expect(await sent([[1], [2]], true)).toEqual([1n, 2n]);
  });
});

describe('the COMMIT of a batch', () => {
  const failingAt = (errno: number): BatchPort => {
    let isOpen = false;
    return {
      send: async ({ text }: DriverQuery) => {
        if (text === 'start transaction') isOpen = true;
        if (text === 'rollback') isOpen = false;
        if (text === 'commit') throw Object.assign(new Error('x'), { errno, sqlState: 'HY000', sqlMessage: 'x' });
        return NOTHING;
      },
      isInTransaction: () => isOpen,
      untilReady: async () => undefined,
    };
  };

  it('that the server could not complete leaves open what became of it', async () => {
    for (const errno of [1030, 1026, 1598, 99_999]) {
      const run = batchOf([[1]], failingAt(errno), undefined).run();
      await expect(run).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN', vendorCode: errno, retryable: false });
    }
  });

  it('that was undone for certain is what the server said', async () => {
    await expect(batchOf([[1]], failingAt(1213), undefined).run()).rejects.toMatchObject({ errno: 1213 });
  });
});
