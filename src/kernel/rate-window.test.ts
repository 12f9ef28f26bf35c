import { describe, expect, it } from 'vitest';
import { RateWindow } from './rate-window.js';

describe('RateWindow', () => {
  it('takes the mean over the time there was, and one second at least', () => {
    const window = new RateWindow(500);
    for (let n = 0; n < 10; n += 1) window.add(600);
    expect(window.perSecond(700)).toBe(10);
    expect(window.perSecond(10_500)).toBe(1);
  });

  it('forgets what is older than a minute, however long nothing came', () => {
    const window = new RateWindow(0);
    for (let second = 0; second < 600; second += 1) window.add(second * 1_000 + 1);
    expect(window.perSecond(599_999)).toBe(1);
    expect(window.perSecond(629_999)).toBe(0.5);
    expect(window.perSecond(659_999)).toBe(0);
    window.add(9_000_000);
    expect(window.perSecond(9_000_000)).toBe(1 / 60);
  });
});
