import { describe, expect, it } from 'vitest';
import { Outlook } from './outlook.js';

describe('Outlook', () => {
  /** From `from` on, one is served each `everyMs` for `ms`. */
  const serve = (outlook: Outlook, from: number, everyMs: number, ms: number) => {
    for (let at = from + everyMs; at <= from + ms; at += everyMs) outlook.served(at);
  };

  it('tells how long a line takes at its present pace, and a tenth more', () => {
    const outlook = new Outlook();
    outlook.began(1_000);
    serve(outlook, 1_000, 2, 700);
    expect(outlook.waitMs(400, 1_700)).toBeCloseTo(880, 0);
    expect(outlook.holdMs(10, 1_700)).toBeCloseTo(20, 0);
  });

  it('says nothing of a short line, of a young one, or of one that does not move', () => {
    const outlook = new Outlook();
    outlook.began(1_000);
    serve(outlook, 1_000, 2, 400);
    expect(outlook.waitMs(400, 1_400)).toBe(0);
    serve(outlook, 1_400, 2, 300);
    expect(outlook.waitMs(19, 1_700)).toBe(0);
    expect(outlook.waitMs(20, 1_700)).toBeGreaterThan(0);
    // Nobody was served for longer than the counts reach.
    expect(outlook.waitMs(400, 4_000)).toBe(0);
    expect(outlook.holdMs(10, 4_000)).toBe(0);
  });

  it('follows the pace within a second', () => {
    const outlook = new Outlook();
    outlook.began(0);
    serve(outlook, 0, 10, 5_000);
    expect(outlook.waitMs(100, 5_000)).toBeCloseTo(1_100, -2);
    serve(outlook, 5_000, 1, 1_000);
    expect(outlook.waitMs(100, 6_000)).toBeLessThan(130);
  });

  it('does not remember a line that was gone', () => {
    const outlook = new Outlook();
    outlook.began(0);
    serve(outlook, 0, 100, 2_000);
    outlook.began(2_001);
    expect(outlook.waitMs(400, 2_100)).toBe(0);
  });
});
