import { describe, expect, it } from 'vitest';
import { postgres } from '../driver/postgres/index.js';
import { createRuntime } from './create-runtime.js';
import type { DBRuntime } from './runtime.js';
import type * as SharedRuntimeModule from './shared-runtime.js';
import { sharedRuntime } from './shared-runtime.js';

const make = (): DBRuntime => createRuntime({ driver: postgres() });

describe('sharedRuntime', () => {
  it('gives every evaluation of a module the same runtime', async () => {
    const first = sharedRuntime('reloaded', make);
    const again = sharedRuntime('reloaded', () => {
      throw new Error('made a second time');
    });
    expect(again).toBe(first);
    await first.disconnect();
  });

  it('gives another evaluation of this very module the same runtime', async () => {
    const specifier = './shared-runtime.js?reloaded';
    const reloaded = (await import(specifier)) as typeof SharedRuntimeModule;
    expect(reloaded.sharedRuntime).not.toBe(sharedRuntime);
    const first = sharedRuntime('two modules', make);
    expect(reloaded.sharedRuntime('two modules', make)).toBe(first);
    await first.disconnect();
  });

  it('keeps names apart', async () => {
    const [shop, archive] = [sharedRuntime('shop', make), sharedRuntime('archive', make)];
    expect(archive).not.toBe(shop);
    await Promise.all([shop.disconnect(), archive.disconnect()]);
  });

  it('makes a new one once the old one was disconnected, and forgets nobody else for it', async () => {
    const first = sharedRuntime('restarted', make);
    const ending = first.disconnect();
    const second = sharedRuntime('restarted', make);
    expect(second).not.toBe(first);
    await ending;
    expect(sharedRuntime('restarted', make)).toBe(second);
    await second.disconnect();
    const third = sharedRuntime('restarted', make);
    expect(third.state).toBe('idle');
    await third.disconnect();
  });

  it('keeps nothing when making fails', async () => {
    expect(() =>
      sharedRuntime('broken', () => {
        throw new Error('no driver');
      }),
    ).toThrow('no driver');
    const runtime = sharedRuntime('broken', make);
    expect(runtime.state).toBe('idle');
    await runtime.disconnect();
  });
});
