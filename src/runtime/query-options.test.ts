import { describe, expect, it } from 'vitest';
import { postgresTransactions } from '../driver/postgres/postgres-transactions.js';
import type { TransactionOptions } from './query-options.js';
import { readBeginOptions, readTimeout } from './query-options.js';

describe('readTimeout', () => {
  it.each<[value: unknown, ms: number]>([
    [undefined, 30_000],
    [false, Infinity],
    [1, 1],
    [0.5, 0.5],
    ['250ms', 250],
    ['5m', 300_000],
  ])('reads %s', (value, ms) => {
    expect(readTimeout(value as number, 30_000)).toBe(ms);
  });

  it.each([0, '0s', -1, Number.NaN, Infinity, true, null, '5x', ''])('refuses %s', (value) => {
    expect(() => readTimeout(value as number, 30_000)).toThrow(
      expect.objectContaining({
        code: 'CONFIG',
        issues: [
          {
            path: 'timeout',
            got: String(value),
            expected: "more than 0: milliseconds as a number, or '250ms', '30s', '5m', '1h', or false for never",
          },
        ],
      }),
    );
  });
});

describe('readBeginOptions', () => {
  it.each<[TransactionOptions, begin: string]>([
    [{}, 'begin'],
    [{ isolation: 'serializable' }, 'begin isolation level serializable'],
    [{ isolation: 'read uncommitted', readOnly: false }, 'begin isolation level read uncommitted read write'],
    [{ isolation: 'read committed', timeout: '5s' }, 'begin isolation level read committed'],
    [{ isolation: 'repeatable read', readOnly: true }, 'begin isolation level repeatable read read only'],
    [{ readOnly: true }, 'begin read only'],
  ])('reads %j', (options, text) => {
    expect(postgresTransactions.begin(readBeginOptions(options))).toBe(text);
  });

  it('hands on what concerns BEGIN, and nothing else', () => {
    const { signal } = new AbortController();
    const options: TransactionOptions = { isolation: 'serializable', readOnly: true, timeout: 5, signal };
    expect(readBeginOptions(options)).toEqual({ isolation: 'serializable', readOnly: true });
    expect(readBeginOptions({})).toEqual({});
  });

  it.each(['snapshot', 'SERIALIZABLE', '', 'serializable; drop table users', 5, null])(
    'refuses the isolation level %s, which would become part of the SQL text',
    (isolation) => {
      const options = { isolation } as unknown as TransactionOptions;
      expect(() => readBeginOptions(options)).toThrow(
        expect.objectContaining({
          code: 'CONFIG',
          issues: [
            {
              path: 'isolation',
              got: `'${String(isolation)}'`,
              expected: "one of 'read uncommitted', 'read committed', 'repeatable read', 'serializable'",
            },
          ],
        }),
      );
    },
  );
});
