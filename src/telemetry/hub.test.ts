import { describe, expect, it, vi } from 'vitest';
import { fakeClock } from '../testing/fake-clock.js';
import type { FluxorEvents } from './events.js';
import { Hub } from './hub.js';

describe('Hub', () => {
  it('stamps facts with the time of the wall, at the moment they are told', async () => {
    const clock = fakeClock({ wallNow: 1_000 });
    const hub = new Hub(clock);
    const heard: FluxorEvents['lease:acquired'][] = [];
    hub.on('lease:acquired', (fact) => heard.push(fact));
    hub.tell('lease:acquired', { connectionId: 1, waitedMs: 5 });
    await clock.advance(30);
    hub.tell('lease:acquired', { connectionId: 2, waitedMs: 6 });
    expect(heard).toEqual([
      { at: 1_000, connectionId: 1, waitedMs: 5 },
      { at: 1_030, connectionId: 2, waitedMs: 6 },
    ]);
  });

  it('does not even look at the clock when nobody listens', () => {
    const clock = fakeClock();
    const looks = vi.spyOn(clock, 'wallNow');
    new Hub(clock).tell('runtime:started', {});
    expect(looks).not.toHaveBeenCalled();
  });

  it('turns the throw of a listener into one fact, and tells the others as if nothing had happened', () => {
    const hub = new Hub(fakeClock({ wallNow: 7 }));
    const error = new Error('boom');
    const failures: FluxorEvents['listener:failed'][] = [];
    let others = 0;
    hub.on('runtime:started', () => {
      throw error;
    });
    hub.on('runtime:started', () => (others += 1));
    hub.on('listener:failed', (fact) => failures.push(fact));
    hub.tell('runtime:started', {});
    expect(failures).toEqual([{ at: 7, event: 'runtime:started', error }]);
    expect(others).toBe(1);
  });

  it('does not echo: a listener of failures that throws is ignored, and its neighbours hear the failure', () => {
    const hub = new Hub(fakeClock());
    let calls = 0;
    let neighbours = 0;
    hub.on('listener:failed', () => {
      calls += 1;
      throw new Error('again');
    });
    hub.on('listener:failed', () => (neighbours += 1));
    hub.on('runtime:started', () => {
      throw new Error('boom');
    });
    hub.tell('runtime:started', {});
    expect([calls, neighbours]).toEqual([1, 1]);
  });

  it('does not echo when a listener of failures rejects either', async () => {
    const clock = fakeClock();
    const hub = new Hub(clock);
    let calls = 0;
    // eslint-disable-next-line @typescript-eslint/no-misused-promises -- people do it
    hub.on('listener:failed', () => {
      calls += 1;
      return Promise.reject(new Error('again'));
    });
    // eslint-disable-next-line @typescript-eslint/no-misused-promises -- people do it
    hub.on('runtime:started', () => Promise.reject(new Error('boom')));
    hub.tell('runtime:started', {});
    await clock.settle();
    expect(calls).toBe(1);
  });

  it('counts its listeners until they are disposed', () => {
    const hub = new Hub(fakeClock());
    const first = hub.on('runtime:started', () => undefined);
    hub.on('runtime:closed', () => undefined);
    expect([hub.listenerCount, hub.hasListeners('runtime:started')]).toEqual([2, true]);
    first[Symbol.dispose]();
    expect([hub.listenerCount, hub.hasListeners('runtime:started')]).toEqual([1, false]);
  });
});
