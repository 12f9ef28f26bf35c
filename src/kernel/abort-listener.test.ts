import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { onAbort } from './abort-listener.js';

describe('onAbort', () => {
  it('tells everybody, once, in the order they came', () => {
    const controller = new AbortController();
    const told: string[] = [];
    onAbort(controller.signal, () => told.push('first'));
    onAbort(controller.signal, () => told.push('second'));
    controller.abort();
    controller.abort();
    expect(told).toEqual(['first', 'second']);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  it('puts one listener on a signal that twenty calls share, and none when the last has left', () => {
    const { signal } = new AbortController();
    const leave = Array.from({ length: 20 }, () => onAbort(signal, () => undefined));
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    for (const stop of leave) stop();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('tells nobody who has left, not even because of the one told before', () => {
    const controller = new AbortController();
    const told: string[] = [];
    const stops: (() => void)[] = [];
    onAbort(controller.signal, () => {
      told.push('first');
      stops[0]?.();
    });
    stops.push(onAbort(controller.signal, () => told.push('second')));
    onAbort(controller.signal, () => told.push('third'))();
    controller.abort();
    expect(told).toEqual(['first']);
  });

  it('hears one function as often as it was given, and forgets it as often', () => {
    const controller = new AbortController();
    let calls = 0;
    const count = () => (calls += 1);
    onAbort(controller.signal, count);
    const stop = onAbort(controller.signal, count);
    stop();
    stop();
    controller.abort();
    expect(calls).toBe(1);
  });

  it('listens anew after everybody had left', () => {
    const controller = new AbortController();
    let isTold = false;
    onAbort(controller.signal, () => undefined)();
    onAbort(controller.signal, () => (isTold = true));
    controller.abort();
    expect(isTold).toBe(true);
  });
});
