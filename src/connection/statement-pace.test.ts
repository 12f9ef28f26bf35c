import { describe, expect, it } from 'vitest';
import { StatementPace } from './statement-pace.js';

const pace = () => new StatementPace({ depth: 16, maxStatementTimeMs: 5 });

describe('StatementPace', () => {
  it('thinks nothing short that it has not seen', () => {
    expect(StatementPace.unknown()).toMatchObject({ isShort: false, latencyMs: undefined });
  });

  it('takes the first time for the truth', () => {
    const [quick, slow] = [StatementPace.unknown(), StatementPace.unknown()];
    const all = pace();
    all.ended(quick, 5);
    all.ended(slow, 5.1);
    expect(quick).toMatchObject({ isShort: true, latencyMs: 5 });
    expect(slow).toMatchObject({ isShort: false, latencyMs: 5.1 });
  });

  it('does not take its place from a short one for a single hiccup, however long', () => {
    const all = pace();
    const one = StatementPace.unknown();
    all.ended(one, 0.1);
    all.ended(one, 60_000);
    expect(one.isShort).toBe(true);
  });

  it('finds a short one long after it has been slow five times in a row', () => {
    const all = pace();
    const one = StatementPace.unknown();
    all.ended(one, 0.1);
    for (let time = 1; time <= 4; time += 1) all.ended(one, 50);
    expect(one.isShort).toBe(true);
    all.ended(one, 50);
    expect(one.isShort).toBe(false);
  });

  it('finds a long one short only below half the limit, so that nothing moves to and fro', () => {
    const all = pace();
    const one = StatementPace.unknown();
    all.ended(one, 50);
    for (let time = 1; time <= 100; time += 1) all.ended(one, 4);
    expect(one.isShort).toBe(false);
    for (let time = 1; time <= 4; time += 1) all.ended(one, 0.1);
    expect(one.isShort).toBe(true);
  });

  // A text that had turned slow was always stopped at its deadline, and travelled on with others for ever.
  it('finds a short one long that is stopped five times in a row', () => {
    const all = pace();
    const one = StatementPace.unknown();
    all.ended(one, 0.1);
    for (let time = 1; time <= 5; time += 1) all.cut(one, 100);
    expect(one.isShort).toBe(false);
  });

  // A report that was aborted after 2 ms on its first run counted as short.
  it('learns nothing of one that was stopped before it was ever seen, nor that one is fast', () => {
    const all = pace();
    const [unseen, slow] = [StatementPace.unknown(), StatementPace.unknown()];
    all.cut(unseen, 2);
    expect(unseen).toMatchObject({ isShort: false, latencyMs: undefined });
    all.ended(slow, 50);
    for (let time = 1; time <= 100; time += 1) all.cut(slow, 0.1);
    expect(slow).toMatchObject({ isShort: false, latencyMs: 50 });
  });

  it('lets fewer travel together the longer they take, at least one and at most what was allowed', () => {
    const all = pace();
    expect(all.depth).toBe(16);
    const one = StatementPace.unknown();
    for (let time = 1; time <= 1_000; time += 1) all.endedTogether(one, 1);
    expect(all.depth).toBe(5);
    for (let time = 1; time <= 1_000; time += 1) all.endedTogether(one, 100);
    expect(all.depth).toBe(1);
    for (let time = 1; time <= 1_000; time += 1) all.endedTogether(one, 0.01);
    expect(all.depth).toBe(16);
  });
});
