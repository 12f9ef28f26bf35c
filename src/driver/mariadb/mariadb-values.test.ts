import { describe, expect, it } from 'vitest';
import type { ClientValue } from './mariadb-values.js';
import { alignForBulk, clientValues, dateTimeText } from './mariadb-values.js';

describe('values for the mariadb connector', () => {
  it('answer its questions for local time in UTC', () => {
    const [date] = clientValues([new Date('2024-03-10T02:30:59.007Z')]) as [Date];
    const asked = [date.getFullYear(), date.getMonth(), date.getDate(), date.getHours(), date.getMinutes()];
    expect([...asked, date.getSeconds(), date.getMilliseconds()]).toEqual([2024, 2, 10, 2, 30, 59, 7]);
    expect(dateTimeText(date)).toBe('2024-03-10 02:30:59.007');
  });

  it('are refused where the server has nothing like them', () => {
    expect(() => clientValues([undefined])).toThrow('undefined');
    expect(() => clientValues([Number.NaN])).toThrow('NaN');
  });

  it('of one column have one type in a bulk packet: numbers of two kinds, and numbers beside text, become text', () => {
    const sets: ClientValue[][] = [
      [1n, 1n, 1n, new Date(0), 2n ** 64n - 1n, null],
      [2n, 1.5, 'x', null, 1n, Buffer.from('b')],
      [null, null, null, new Date(1), null, null],
    ];
    expect(alignForBulk(sets, 6)).toEqual([
      [1n, '1', '1', '1970-01-01 00:00:00.000', '18446744073709551615', null],
      [2n, '1.5', 'x', null, '1', Buffer.from('b')],
      [null, null, null, '1970-01-01 00:00:00.001', null, null],
    ]);
  });
});
