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

describe('a batch that is stopped', () => {
  /** Keeps what is sent; the transaction is open from its first word to its last. */
  const stoppable = () => {
    const sent: string[] = [];
    const shielded: string[] = [];
    let isShielded = false;
    const port = {
      send: async ({ text }: DriverQuery) => {
        sent.push(text);
        if (isShielded) shielded.push(text);
        return NOTHING;
      },
      isInTransaction: () => sent.length > 0 && !['commit', 'rollback'].includes(sent.at(-1) ?? ''),
      untilReady: async () => undefined,
    } satisfies BatchPort;
    const shield = {
      isStopped: false,
      uncancelled: async <T>(part: () => Promise<T>): Promise<T> => {
        isShielded = true;
        return part().finally(() => (isShielded = false));
      },
    };
    return { sent, shielded, port, shield };
  };
  const runStopped = async (at: number, bulk: InsertPlan | undefined, how: 'driver' | 'shield') => {
    const { sent, shielded, port, shield } = stoppable();
    let drawn = 0;
    const stop = () => (how === 'driver' ? batch.stop() : (shield.isStopped = true));
    const source: BatchSource = {
      next: async () => {
        if (drawn === at) stop();
        return drawn === 40 ? undefined : [(drawn += 1)];
      },
      rewind: () => false,
    };
    const report = { failedSet: undefined, isEnding: false, isInside: false, wantsStatements: false };
    const text = 'insert into t (doc) values (?)';
    const batch = new MysqlBatch(port, {
      text,
      rowMode: 'array',
      source,
      bulk,
      isBulkOnly: false,
      report,
      shield,
    });
    const end = await batch.run().catch((error: unknown) => error);
    return { end, sent, shielded, report };
  };

  it.each(['driver', 'shield'] as const)('in the middle sends no more, and is undone (%s)', async (how) => {
    for (const bulk of [ONE_COLUMN, undefined]) {
      const { end, sent, report } = await runStopped(7, bulk, how);
      expect(end).toMatchObject({ code: 'CANCELLED', reason: 'runtime', outcome: 'not-applied' });
      const sets = bulk === undefined ? 7 : 0;
      expect([sent.length, sent[0], sent.at(-1)]).toEqual([sets + 2, 'start transaction', 'rollback']);
      expect(report.isEnding).toBe(false);
    }
  });

  it.each(['driver', 'shield'] as const)('when its last set was drawn commits nothing of it (%s)', async (how) => {
    for (const bulk of [ONE_COLUMN, undefined]) {
      const { end, sent, shielded, report } = await runStopped(40, bulk, how);
      expect(end).toMatchObject({ code: 'CANCELLED', outcome: 'not-applied' });
      expect([sent.at(-1), shielded]).toEqual(['rollback', ['rollback']]);
      expect(sent).not.toContain('commit');
      expect(report.isEnding).toBe(false);
    }
  });

  it('while its last piece is on the wire commits nothing of it', async () => {
    const { sent, port, shield } = stoppable();
    const stopping: BatchPort = {
      ...port,
      send: (query) => {
        if (query.text.startsWith('insert')) shield.isStopped = true;
        return port.send(query);
      },
    };
    const report = { failedSet: undefined, isEnding: false, isInside: false, wantsStatements: false };
    for (const bulk of [ONE_COLUMN, undefined]) {
      sent.length = 0;
      shield.isStopped = false;
      const init = { text: 'insert into t (doc) values (?)', rowMode: 'array', isBulkOnly: false } as const;
      const run = new MysqlBatch(stopping, { ...init, source: sourceOf([[1]]), bulk, report, shield }).run();
      await expect(run).rejects.toMatchObject({ code: 'CANCELLED', outcome: 'not-applied' });
      expect(sent.map((text) => text.split(' ')[0])).toEqual(['start', 'insert', 'rollback']);
    }
  });

  it('too late for that has its COMMIT shielded', async () => {
    const { end, shielded } = await runStopped(41, ONE_COLUMN, 'shield');
    expect([end, shielded]).toEqual([expect.objectContaining({ mode: 'copy' }), ['commit']]);
  });
});
