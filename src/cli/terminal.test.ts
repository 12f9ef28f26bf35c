import { describe, expect, it } from 'vitest';
import { formatBytes, formatCount, formatLength, formatMs, sparkline } from './format.js';
import { cut, jsonText, painter, printable, wantsColours } from './terminal.js';

describe('a line', () => {
  it('is cut to its visible characters, and keeps every escape code', () => {
    const red = painter(true)('red', 'danger');
    expect(cut(`${red}!`, 3)).toBe('\u001b[31mdan\u001b[0m');
    expect(cut('€€€€', 2)).toBe('€€');
  });

  it('is not coloured where nobody wants it', () => {
    expect(painter(false)('red', 'danger')).toBe('danger');
    expect(['', undefined, '1', '0'].map((value) => wantsColours({ NO_COLOR: value }))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('does nothing to a terminal, whatever came', () => {
    expect(printable('a\u001b[2Jb\nc\u0007\u009b31m\u202e\ud800')).toBe('a�[2Jb�c��31m��');
    expect(printable('größer 日本 😀')).toBe('größer 日本 😀');
  });

  it('does nothing to a terminal as JSON either, and stays what it was', () => {
    const value = { name: 'a\u001b[2J\u009b31m\u202e\u2066\ud800 größer 😀' };
    const text = jsonText(value);
    expect(text.replaceAll('\n', '')).toBe(printable(text.replaceAll('\n', '')));
    expect(text).toContain('größer 😀');
    expect(JSON.parse(text)).toEqual(value);
  });
});

describe('figures', () => {
  it('are written as people read them', () => {
    expect([0.123, 4.567, 45.67, 4567].map(formatMs)).toEqual(['0.12', '4.57', '45.7', '4,567']);
    expect([450, 1_500, 30_000, 90_000, 28_800_000, 3 * 86_400_000, Infinity].map(formatLength)).toEqual([
      '450 ms',
      '1.5 s',
      '30 s',
      '1.5 min',
      '8 h',
      '3 d',
      'never',
    ]);
    expect([0, 512, 16 * 1024 ** 2, 1.5 * 1024 ** 3].map(formatBytes)).toEqual([
      '0 bytes',
      '512 bytes',
      '16 MiB',
      '1.5 GiB',
    ]);
    expect(formatCount(12_345)).toBe('12,345');
  });

  it('become bars, the greatest the highest, and no more than there is room for', () => {
    expect(sparkline([0, 1, 4, 8], 3)).toBe('▁▄█');
    expect(sparkline([0, 8], 5)).toBe(' █');
    expect(sparkline([1, 2], 0)).toBe('');
    expect(sparkline([1, 2], -3)).toBe('');
  });
});
