import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OptionIssue } from './option-reader.js';
import { nearestName, OptionReader } from './option-reader.js';

function read(source: unknown, path = 'pool'): { readonly reader: OptionReader; readonly issues: OptionIssue[] } {
  const issues: OptionIssue[] = [];
  return { reader: new OptionReader(source, path, issues), issues };
}

describe('OptionReader', () => {
  it('answers the fallbacks when nothing is given', () => {
    const { reader, issues } = read(undefined);
    expect(reader.integer('maxSize', 50, { min: 1 })).toBe(50);
    expect(reader.duration('timeout', 1_000, { minMs: 1 })).toBe(1_000);
    expect(reader.boolean('isFast', true)).toBe(true);
    expect(reader.text('name', 'db')).toBe('db');
    expect(reader.oneOf('mode', ['a', 'b'], 'b')).toBe('b');
    expect(reader.has('name')).toBe(false);
    reader.refuseUnknown();
    expect(issues).toEqual([]);
  });

  it('answers what is given when it is right', () => {
    const source = { maxSize: 7, timeout: '2s', isFast: false, name: 'x', mode: 'a' };
    const { reader, issues } = read(source);
    expect(reader.integer('maxSize', 50, { min: 1, max: 7 })).toBe(7);
    expect(reader.duration('timeout', 1_000, { minMs: 2_000, maxMs: 2_000 })).toBe(2_000);
    expect(reader.boolean('isFast', true)).toBe(false);
    expect(reader.text('name', 'db')).toBe('x');
    expect(reader.oneOf('mode', ['a', 'b'], 'b')).toBe('a');
    expect(reader.has('name')).toBe(true);
    reader.refuseUnknown();
    expect(issues).toEqual([]);
  });

  it('collects everything that is wrong and reads on with the fallbacks', () => {
    const { reader, issues } = read({
      maxSize: '50',
      timeout: '5x',
      isFast: 1,
      name: '',
      mode: 'c',
      more: 1,
    });
    expect(reader.integer('maxSize', 50, { min: 1, max: 10_000 })).toBe(50);
    expect(reader.duration('timeout', 1_000, { minMs: 1 })).toBe(1_000);
    expect(reader.boolean('isFast', false)).toBe(false);
    expect(reader.text('name', undefined)).toBeUndefined();
    expect(reader.oneOf('mode', ['a', 'b'], 'b')).toBe('b');
    reader.refuseUnknown();
    expect(issues).toEqual([
      { path: 'pool.maxSize', got: "'50'", expected: 'a whole number, 1 to 10,000' },
      { path: 'pool.timeout', got: "'5x'", expected: expect.stringContaining('a duration of at least 1 ms') as string },
      { path: 'pool.isFast', got: '1', expected: 'true or false' },
      { path: 'pool.name', got: "''", expected: 'a non-empty string' },
      { path: 'pool.mode', got: "'c'", expected: "one of 'a', 'b'" },
      { path: 'pool.more', got: 'an unknown option', expected: expect.any(String) as string },
    ]);
  });

  it.each([0, 11, 1.5, Number.NaN, Infinity, '5', null, true])('refuses %s as a whole number from 1 to 10', (value) => {
    const { reader, issues } = read({ size: value });
    expect(reader.integer('size', 3, { min: 1, max: 10 })).toBe(3);
    expect(issues).toHaveLength(1);
  });

  it('says "or more" where there is no upper bound', () => {
    const { reader, issues } = read({ size: -1 });
    reader.integer('size', 3, { min: 0 });
    expect(issues[0]?.expected).toBe('a whole number, 0 or more');
  });

  it('takes a duration at its bounds and refuses it beyond them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), (ms) => {
        const { reader, issues } = read({ pause: ms });
        const result = reader.duration('pause', 77, { minMs: 50, maxMs: 100 });
        const isInside = ms >= 50 && ms <= 100;
        expect([result, issues.length]).toEqual(isInside ? [ms, 0] : [77, 1]);
      }),
    );
  });

  it('reads false as "never" only where that is allowed, and true nowhere', () => {
    expect(read({ pause: false }).reader.duration('pause', 5, { minMs: 1, canBeFalse: true })).toBe(Infinity);
    for (const [value, canBeFalse] of [
      [false, false],
      [true, true],
    ] as const) {
      const { reader, issues } = read({ pause: value });
      expect(reader.duration('pause', 5, { minMs: 1, canBeFalse })).toBe(5);
      expect(issues).toHaveLength(1);
    }
  });

  it('says that false is possible where it is', () => {
    const { reader, issues } = read({ pause: 'x' });
    reader.duration('pause', 5, { minMs: 1, maxMs: 9, canBeFalse: true });
    expect(issues[0]?.expected).toMatch(/^a duration of 1 to 9 ms .*, or false for never$/);
  });

  it('writes paths as the user would, through nested groups and at the top', () => {
    const { reader, issues } = read({ pool: { validation: { attempts: 0 } }, name: 5 }, '');
    reader.group('pool').group('validation').integer('attempts', 3, { min: 1 });
    reader.text('name', undefined);
    expect(issues.map(({ path }) => path)).toEqual(['pool.validation.attempts', 'name']);
  });

  it.each([null, 5, 'text', true, ['x']])(
    'refuses %s where a group of options belongs, and reads the fallbacks',
    (value) => {
      const { reader, issues } = read({ pool: value }, '');
      expect(reader.group('pool').integer('maxSize', 50, { min: 1 })).toBe(50);
      expect(issues).toEqual([{ path: 'pool', got: expect.any(String) as string, expected: 'an object' }]);
    },
  );

  it('calls the whole "options" when it has no path', () => {
    expect(read(5, '').issues[0]).toEqual({ path: 'options', got: '5', expected: 'an object' });
  });
});

describe('unknown options', () => {
  it('are refused with the nearest known name', () => {
    const { reader, issues } = read({ maxSise: 5 });
    reader.integer('maxSize', 50, { min: 1 });
    reader.refuseUnknown();
    expect(issues).toEqual([
      { path: 'pool.maxSise', got: 'an unknown option', expected: 'did you mean pool.maxSize?' },
    ]);
  });

  it('are refused with the list of names where none is near', () => {
    const { reader, issues } = read({ zzzzzz: 5 });
    reader.integer('maxSize', 50, { min: 1 });
    reader.boolean('isFast', true);
    reader.refuseUnknown();
    expect(issues[0]?.expected).toBe('one of maxSize, isFast');
  });

  it('never show their value: it may be a misspelt password', () => {
    const { reader, issues } = read({ pasword: 'secret-marker', url: 'postgres://u:secret-marker@h' });
    reader.raw('password');
    reader.refuseUnknown();
    expect(issues).toHaveLength(2);
    expect(JSON.stringify(issues)).not.toContain('secret-marker');
  });

  it('do not count when they are undefined, nor inherited', () => {
    const { reader, issues } = read(
      Object.create({ inherited: 1 }, { absent: { value: undefined, enumerable: true } }),
    );
    reader.refuseUnknown();
    expect(issues).toEqual([]);
  });
});

describe('what issues show of a value', () => {
  const shown = (value: unknown): string | undefined => {
    const { reader, issues } = read({ field: value });
    reader.refuse('field', 'something else', undefined);
    return issues[0]?.got;
  };

  it.each([
    [5, '5'],
    [10n, '10'],
    [null, 'null'],
    [undefined, 'undefined'],
    [{ password: 'secret-marker' }, 'an object'],
    [['secret-marker'], 'an array'],
    [() => 'secret-marker', 'a function'],
    ['short', "'short'"],
    ['x'.repeat(61), `'${'x'.repeat(57)}…'`],
  ])('is short and printable (%#)', (value, text) => {
    expect(shown(value)).toBe(text);
  });

  it('is not a text that looks like a URL, wherever it stands: it may hold a password', () => {
    for (const url of ['postgres://app:secret-marker@db/shop', 'app:secret-marker@db']) {
      expect(shown(url)).not.toContain('secret');
      expect(JSON.stringify(read(url).issues)).not.toContain('secret');
    }
  });
});

describe('nearestName', () => {
  it.each([
    ['maxsize', 'maxSize'],
    ['maxSiz', 'maxSize'],
    ['axmSize', 'maxSize'],
    ['acquireTimout', 'acquireTimeout'],
    ['q', undefined],
    ['completelyElse', undefined],
  ])('finds for %s: %s', (name, nearest) => {
    expect(nearestName(name, ['maxSize', 'acquireTimeout', 'maxWaiting'])).toBe(nearest);
  });

  it('finds nothing in nothing', () => {
    expect(nearestName('x', [])).toBeUndefined();
  });

  it('finds every known name by itself', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, selector: (s) => s.toLowerCase() }),
        (names) => {
          for (const name of names) expect(nearestName(name, names)).toBe(name);
        },
      ),
    );
  });
});
