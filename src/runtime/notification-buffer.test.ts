import { describe, expect, it } from 'vitest';
import type { NotificationItem } from './notification-buffer.js';
import { NotificationBuffer } from './notification-buffer.js';

const sent = (payload: string, channel = 'x'): NotificationItem => ({
  type: 'notification',
  channel,
  payload,
  processId: 7,
});
const lost = (since: number, lostMs: number): NotificationItem => ({
  type: 'gap',
  why: 'reconnected',
  channels: ['x', 'y'],
  since,
  lostMs,
});

function bufferOf(max: number) {
  let now = 1_000;
  const buffer = new NotificationBuffer(max, () => (now += 1));
  const rest = (): NotificationItem[] => {
    const items: NotificationItem[] = [];
    for (let item = buffer.take(); item !== undefined; item = buffer.take()) items.push(item);
    return items;
  };
  return { buffer, rest };
}

describe('NotificationBuffer', () => {
  it('gives back what it was given, in its order', () => {
    const { buffer, rest } = bufferOf(3);
    for (const payload of ['1', '2', '3']) buffer.push(sent(payload));
    expect(rest()).toEqual(['1', '2', '3'].map((payload) => sent(payload)));
    expect([buffer.take(), buffer.size]).toEqual([undefined, 0]);
  });

  it('drops the oldest when it is full, and puts one gap in their place', () => {
    const { buffer, rest } = bufferOf(2);
    buffer.push(sent('1'));
    buffer.push(sent('2', 'y'));
    for (const payload of ['3', '4', '5']) buffer.push(sent(payload));
    expect(buffer.size).toBe(2);
    expect(rest()).toEqual([
      { type: 'gap', why: 'overflow', channels: ['x', 'y'], since: 1_001, dropped: 3 },
      sent('4'),
      sent('5'),
    ]);
  });

  it('begins a new gap after one was taken', () => {
    const { buffer, rest } = bufferOf(1);
    buffer.push(sent('1'));
    buffer.push(sent('2'));
    expect(buffer.take()).toMatchObject({ why: 'overflow', dropped: 1 });
    buffer.push(sent('3'));
    expect(rest()).toEqual([{ type: 'gap', why: 'overflow', channels: ['x'], since: 1_002, dropped: 1 }, sent('3')]);
  });

  it('joins two losses that have nothing between them', () => {
    const { buffer, rest } = bufferOf(2);
    buffer.push(sent('1'));
    buffer.push(lost(500, 20));
    buffer.push(lost(900, 30));
    expect(rest()).toEqual([sent('1'), { ...lost(500, 50) }]);
  });

  it('does not forget a loss that overflows', () => {
    const { buffer, rest } = bufferOf(1);
    buffer.push(sent('1'));
    buffer.push(lost(500, 20));
    buffer.push(sent('2'));
    expect(rest()).toEqual([
      { type: 'gap', why: 'overflow', channels: ['x', 'y'], since: 500, lostMs: 20, dropped: 1 },
      sent('2'),
    ]);
    buffer.push(lost(700, 10));
    buffer.push(sent('3'));
    expect(rest()).toEqual([lost(700, 10), sent('3')]);
  });

  it('stays in order and in bounds through any mixture of giving and taking', () => {
    const { buffer } = bufferOf(1_000);
    let [given, taken, dropped] = [0, 0, 0];
    for (let round = 0; round < 300; round += 1) {
      for (let count = 0; count < (round * 37) % 301; count += 1) buffer.push(sent(String(given++)));
      for (let count = 0; count < (round * 53) % 97; count += 1) {
        const item = buffer.take();
        if (item === undefined) break;
        if (item.type === 'gap') {
          dropped += item.dropped ?? 0;
          taken += item.dropped ?? 0;
        } else expect(item.payload).toBe(String(taken++));
      }
      expect(buffer.size).toBeLessThanOrEqual(1_000);
    }
    expect(dropped).toBeGreaterThan(0);
    buffer.clear();
    expect(buffer.take()).toBeUndefined();
  });
});
