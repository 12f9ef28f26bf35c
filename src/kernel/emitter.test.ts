import { describe, expect, it } from 'vitest';
import { fakeClock } from '../testing/fake-clock.js';
import { Emitter } from './emitter.js';

interface Facts {
  ping: number;
  pong: string;
}

interface Heard {
  readonly error: unknown;
  readonly event: keyof Facts;
}

function emitter(): { readonly emitter: Emitter<Facts>; readonly failures: Heard[] } {
  const failures: Heard[] = [];
  return { emitter: new Emitter<Facts>((error, event) => failures.push({ error, event })), failures };
}

describe('Emitter', () => {
  it('tells every listener of the event, in order, and nobody else', () => {
    const { emitter: facts } = emitter();
    const log: string[] = [];
    facts.on('ping', (value) => log.push(`a${value}`));
    facts.on('ping', (value) => log.push(`b${value}`));
    facts.on('pong', () => log.push('pong'));
    facts.emit('ping', 7);
    expect(log).toEqual(['a7', 'b7']);
  });

  it('contains a listener that throws: the next ones hear, the teller does not', () => {
    const { emitter: facts, failures } = emitter();
    const error = new Error('boom');
    const log: number[] = [];
    facts.on('ping', () => {
      throw error;
    });
    facts.on('ping', (value) => log.push(value));
    facts.emit('ping', 1);
    expect(log).toEqual([1]);
    expect(failures).toEqual([{ error, event: 'ping' }]);
  });

  it('contains an async listener that rejects', async () => {
    const { emitter: facts, failures } = emitter();
    const error = new Error('boom');
    // eslint-disable-next-line @typescript-eslint/no-misused-promises -- people do it
    facts.on('pong', () => Promise.reject(error));
    facts.emit('pong', 'x');
    await fakeClock().settle();
    expect(failures).toEqual([{ error, event: 'pong' }]);
  });

  it('does not call a listener again once it is disposed, be it by the one before it', () => {
    const { emitter: facts } = emitter();
    const log: string[] = [];
    facts.on('ping', () => {
      log.push('first');
      second[Symbol.dispose]();
    });
    const second = facts.on('ping', () => log.push('second'));
    facts.emit('ping', 1);
    facts.emit('ping', 2);
    expect(log).toEqual(['first', 'first']);
  });

  it('lets a listener dispose itself while it is told, and tells the others', () => {
    const { emitter: facts } = emitter();
    const log: string[] = [];
    const once = facts.on('ping', () => {
      log.push('once');
      once[Symbol.dispose]();
    });
    facts.on('ping', () => log.push('always'));
    facts.emit('ping', 1);
    facts.emit('ping', 2);
    expect(log).toEqual(['once', 'always', 'always']);
  });

  it('tells a listener that was added while telling only from the next time on', () => {
    const { emitter: facts } = emitter();
    const log: number[] = [];
    facts.on('ping', (value) => {
      if (value === 1) facts.on('ping', (later) => log.push(later));
    });
    facts.emit('ping', 1);
    facts.emit('ping', 2);
    expect(log).toEqual([2]);
  });

  it('calls a listener that was added twice twice, and removes one of the two at a time', () => {
    const { emitter: facts } = emitter();
    let count = 0;
    const listener = (): void => void (count += 1);
    const first = facts.on('ping', listener);
    const second = facts.on('ping', listener);
    facts.emit('ping', 1);
    expect([count, facts.listenerCount]).toEqual([2, 2]);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    facts.emit('ping', 2);
    expect([count, facts.listenerCount]).toEqual([3, 1]);
    second[Symbol.dispose]();
    expect(facts.hasListeners('ping')).toBe(false);
  });

  it('says which events somebody listens to, until the last listener leaves', () => {
    const { emitter: facts } = emitter();
    expect(facts.hasListeners('ping')).toBe(false);
    const listener = facts.on('ping', () => undefined);
    expect([facts.hasListeners('ping'), facts.hasListeners('pong')]).toEqual([true, false]);
    listener[Symbol.dispose]();
    expect(facts.hasListeners('ping')).toBe(false);
  });

  it('forgets everybody on clear, and an old handle does not remove who came afterwards', () => {
    const { emitter: facts } = emitter();
    const old = facts.on('ping', () => undefined);
    facts.clear();
    expect(facts.listenerCount).toBe(0);
    facts.on('ping', () => undefined);
    old[Symbol.dispose]();
    expect(facts.listenerCount).toBe(1);
  });
});
