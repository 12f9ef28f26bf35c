import { describe, expect, it } from 'vitest';
import { postgresTransactions } from '../driver/postgres/postgres-transactions.js';
import type { ConfigError } from '../errors/config-error.js';
import type { TransactionOptions } from './query-options.js';
import { checkOptions, QUERY_OPTIONS, readBeginOptions, readTimeout, TRANSACTION_OPTIONS } from './query-options.js';

const POSTGRES = { name: 'postgres', transactions: postgresTransactions };

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
    [{ deferrable: false }, 'begin'],
    [
      { isolation: 'serializable', readOnly: true, deferrable: true },
      'begin isolation level serializable read only deferrable',
    ],
  ])('reads %j', (options, text) => {
    expect(postgresTransactions.begin(readBeginOptions(options, POSTGRES))).toBe(text);
  });

  it('hands on what concerns BEGIN, and nothing else', () => {
    const { signal } = new AbortController();
    const options: TransactionOptions = { isolation: 'serializable', readOnly: true, timeout: 5, signal };
    expect(readBeginOptions(options, POSTGRES)).toEqual({ isolation: 'serializable', readOnly: true });
    expect(readBeginOptions({}, POSTGRES)).toEqual({});
  });

  it.each<[TransactionOptions]>([
    [{}],
    [{ readOnly: true }],
    [{ isolation: 'serializable' }],
    [{ isolation: 'repeatable read', readOnly: true }],
    [{ isolation: 'serializable', readOnly: false }],
  ])('refuses deferrable where the database would ignore it: with %j', (options) => {
    const expected = "false; it says something only with isolation: 'serializable' and readOnly: true";
    expect(() => readBeginOptions({ ...options, deferrable: true }, POSTGRES)).toThrow(
      expect.objectContaining({ code: 'CONFIG', issues: [{ path: 'deferrable', got: 'true', expected }] }),
    );
  });

  it('refuses deferrable where the database has none, and says so together with what else is wrong', () => {
    const { hasDeferrable: _none, ...transactions } = postgresTransactions;
    const options = { isolation: 'snapshot', deferrable: true } as unknown as TransactionOptions;
    expect(() => readBeginOptions(options, { name: 'other', transactions })).toThrow(
      expect.objectContaining({
        issues: [
          expect.objectContaining({ path: 'isolation' }),
          { path: 'deferrable', got: 'true', expected: 'false; the other driver has no such transactions' },
        ],
      }),
    );
  });

  it.each(['snapshot', 'SERIALIZABLE', '', 'serializable; drop table users', 5, null])(
    'refuses the isolation level %s, which would become part of the SQL text',
    (isolation) => {
      const options = { isolation } as unknown as TransactionOptions;
      expect(() => readBeginOptions(options, POSTGRES)).toThrow(
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

describe('retry', () => {
  const numbers = 'an object of maxRetries, initialBackoff, multiplier, maxBackoff, jitter';
  const issueOf = (retry: unknown, checks: typeof QUERY_OPTIONS): unknown => {
    try {
      checkOptions({ retry }, checks);
      return undefined;
    } catch (error) {
      return (error as ConfigError).issues;
    }
  };

  it.each([false, {}, { maxRetries: 1 }, undefined])('of a statement may be %j', (retry) => {
    expect(issueOf(retry, QUERY_OPTIONS)).toBeUndefined();
  });

  // The type said `false`, and `true` was taken for it.
  it.each<[value: unknown, got: string]>([
    [true, 'true'],
    [3, '3'],
    ['yes', "'yes'"],
    [null, 'null'],
    [[1], 'an array'],
  ])('of a statement is refused as %j, and the message shows it and names what is allowed', (retry, got) => {
    expect(issueOf(retry, QUERY_OPTIONS)).toEqual([{ path: 'retry', got, expected: `false, or ${numbers}` }]);
  });

  it('of a transaction may be true too, and nothing else', () => {
    for (const retry of [true, false, {}]) expect(issueOf(retry, TRANSACTION_OPTIONS)).toBeUndefined();
    const expected = `true, false, or ${numbers}`;
    expect(issueOf(3, TRANSACTION_OPTIONS)).toEqual([{ path: 'retry', got: '3', expected }]);
  });
});
