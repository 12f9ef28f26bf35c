import { describe, expect, it } from 'vitest';
import type { Priority } from '../kernel/priority.js';
import type { EndedCall, LimitMove } from './adaptive-limit.js';
import { AdaptiveLimit } from './adaptive-limit.js';
import type { AdaptiveConfig } from './adaptive-limit-options.js';

interface Window {
  readonly latencyMs?: number;
  readonly calls?: number;
  readonly inFlight?: number;
  readonly drops?: number;
  readonly key?: string;
  readonly partition?: Priority;
}

/** Time passes in windows of a second, full of calls that are all alike. */
function limitBench(config: Partial<AdaptiveConfig> = {}) {
  const limit = new AdaptiveLimit({ min: 2, max: 20, initial: 10, tolerance: 1.2, ...config }, 0);
  let now = 0;
  const record = (call: Partial<EndedCall>): LimitMove | undefined => {
    const all = { outcome: 'sample', latencyMs: 10, key: 'k', partition: 'normal', inFlight: 99, now } as const;
    return limit.record({ ...all, ...call });
  };
  const window = (of: Window = {}): LimitMove[] => {
    const { latencyMs = 10, calls = 20, inFlight = 99, drops = 0, key = 'k', partition = 'normal' } = of;
    const moves: (LimitMove | undefined)[] = [];
    for (let drop = 0; drop < drops; drop += 1) moves.push(record({ outcome: 'drop', latencyMs: undefined, inFlight }));
    for (let call = 0; call < calls; call += 1) {
      if (call === calls - 1) now += 1_000;
      moves.push(record({ latencyMs, inFlight, key, partition }));
    }
    return moves.filter((move) => move !== undefined);
  };
  const pass = (ms: number) => (now += ms);
  return { limit, record, window, pass };
}

describe('AdaptiveLimit', () => {
  it('grows by one in a window without a drop in which at least half of it was in use', () => {
    const { limit, window } = limitBench();
    expect(window({ inFlight: 5 })).toEqual([{ from: 10, to: 11, cause: 'grew' }]);
    expect(window({ inFlight: 5 })).toEqual([]);
    expect(limit.limit).toBe(11);
  });

  it('ends a window after a second and ten samples, whichever comes later', () => {
    const { record, pass } = limitBench();
    for (let call = 0; call < 500; call += 1) expect(record({})).toBeUndefined();
    pass(999.9);
    expect(record({})).toBeUndefined();
    pass(0.1);
    expect(record({})).toMatchObject({ cause: 'grew' });
    pass(60_000);
    for (let call = 0; call < 9; call += 1) expect(record({})).toBeUndefined();
    expect(record({})).toMatchObject({ cause: 'grew' });
  });

  it('shrinks to nine tenths at a drop, at once, and once in a window', () => {
    const { limit, window } = limitBench({ initial: 20 });
    expect(window({ drops: 50 })).toEqual([{ from: 20, to: 18, cause: 'drop' }]);
    expect(window({ drops: 1 })).toEqual([{ from: 18, to: 16, cause: 'drop' }]);
    expect(limit.limit).toBe(16);
  });

  it('never leaves its bounds', () => {
    const { limit, window } = limitBench();
    for (let count = 0; count < 40; count += 1) window({ drops: 1 });
    expect(limit.limit).toBe(2);
    for (let count = 0; count < 40; count += 1) window();
    expect(limit.limit).toBe(20);
  });

  it('does not grow while statements take longer than normal, and shrinks by how much longer', () => {
    const { limit, window } = limitBench({ max: 200, initial: 100 });
    for (let count = 0; count < 5; count += 1) window();
    expect(limit.limit).toBe(105);
    // 1.2 / 1.5 = 0.8, and a fifth of what is missing: × 0.96.
    expect(window({ latencyMs: 15 })).toEqual([{ from: 105, to: 101, cause: 'slow' }]);
    // Beyond a gradient of a half it goes no faster: × 0.9.
    expect(window({ latencyMs: 80 })).toEqual([{ from: 101, to: 91, cause: 'slow' }]);
  });

  it('compares each statement with itself: reports among point reads are not slow', () => {
    const { window } = limitBench();
    for (let count = 0; count < 3; count += 1) {
      window({ key: 'read', latencyMs: 1 });
      window({ key: 'report', latencyMs: 5_000 });
    }
    expect(window({ key: 'report', latencyMs: 5_000 })).toMatchObject([{ cause: 'grew' }]);
  });

  it('keeps the partitions apart: the same statement may be slower in the background', () => {
    const { window } = limitBench();
    for (let count = 0; count < 3; count += 1) {
      window({ partition: 'high', latencyMs: 1 });
      window({ partition: 'low', latencyMs: 100 });
    }
    expect(window({ partition: 'low', latencyMs: 100 })).toMatchObject([{ cause: 'grew' }]);
    expect(window({ partition: 'high', latencyMs: 100 })).toMatchObject([{ cause: 'slow' }]);
  });

  it('neither grows nor shrinks when so few samples may be slow by chance', () => {
    const { limit, window, record, pass } = limitBench();
    for (let count = 0; count < 3; count += 1) window();
    const before = limit.limit;
    pass(1_000);
    for (const latencyMs of [10, 10, 10, 10, 10, 10, 10, 10, 10, 60]) expect(record({ latencyMs })).toBeUndefined();
    expect(limit.limit).toBe(before);
  });

  it('takes a lasting slowness for normal when a limit of half the size has not helped', () => {
    const { limit, window } = limitBench({ max: 100, min: 10, initial: 60 });
    for (let count = 0; count < 3; count += 1) window();
    let windows = 0;
    while (window({ latencyMs: 30 }).every(({ cause }) => cause === 'slow') && windows < 30) windows += 1;
    expect(limit.limit).toBeGreaterThan(25);
    expect(limit.limit).toBeLessThan(40);
    expect(window({ latencyMs: 30 })).toMatchObject([{ cause: 'grew' }]);
  });

  it('takes nothing for normal while a smaller limit helps', () => {
    const { limit, window } = limitBench({ max: 100, min: 2, initial: 60 });
    for (let count = 0; count < 3; count += 1) window();
    // A database that takes 10 at once: latency in proportion to what is beyond that.
    for (let count = 0; count < 60; count += 1) window({ latencyMs: Math.max(10, limit.limit) });
    expect(limit.limit).toBeGreaterThan(9);
    expect(limit.limit).toBeLessThan(14);
  });

  it('believes a database that has become faster at once, and does not grow in that window', () => {
    const { window } = limitBench({ max: 100, initial: 20 });
    for (let count = 0; count < 3; count += 1) window({ latencyMs: 30 });
    expect(window({ latencyMs: 10 })).toEqual([]);
    expect(window({ latencyMs: 10 })).toMatchObject([{ cause: 'grew' }]);
    expect(window({ latencyMs: 15 })).toMatchObject([{ cause: 'slow' }]);
  });

  it('remembers a thousand keys at most', () => {
    const { limit, record } = limitBench();
    for (let call = 0; call < 5_000; call += 1) record({ key: `select ${call}` });
    expect(limit.keyCount).toBe(1_000);
  });

  it('grows by samples without a latency, and shrinks by their drops alone', () => {
    const { record, pass } = limitBench();
    pass(1_000);
    const moves = Array.from({ length: 10 }, () => record({ latencyMs: undefined, key: undefined }));
    expect(moves.at(-1)).toEqual({ from: 10, to: 11, cause: 'grew' });
  });

  it('stays where it is when its bounds change, as far as they let it', () => {
    const { limit } = limitBench();
    limit.reconfigure({ min: 1, max: 8, initial: 1, tolerance: 1.2 });
    expect(limit.limit).toBe(8);
    limit.reconfigure({ min: 12, max: 50, initial: 12, tolerance: 1.2 });
    expect(limit.limit).toBe(12);
  });
});
