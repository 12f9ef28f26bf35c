import { describe, expect, it } from 'vitest';
import { ConnectionError } from '../errors/connection-error.js';
import { OnDemand } from './on-demand.js';

describe('a part that is loaded on demand', () => {
  it('is there for everybody once it has been loaded', async () => {
    let loads = 0;
    const part = new OnDemand(async () => ({ number: (loads += 1) }));
    expect(part.loaded).toBeUndefined();
    expect(await part.load()).toEqual({ number: 1 });
    part.begin();
    expect([part.loaded, loads]).toEqual([{ number: 1 }, 1]);
  });

  it('fails for whoever needs it, as an error of the house, and not for whoever only asked for it ahead', async () => {
    const cause = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
    const part = new OnDemand(() => Promise.reject(cause));
    // An unhandled rejection would fail this test.
    part.begin();
    const error: unknown = await part.load().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConnectionError);
    const verdict = { code: 'CONNECTION', reason: 'local-resources', outcome: 'not-sent', vendorCode: 'EMFILE' };
    expect(error).toMatchObject({ ...verdict, decision: 'never', breaker: 'ignore', cause });
  });

  it('is tried again by the next who needs it', async () => {
    let loads = 0;
    const part = new OnDemand(async () => {
      loads += 1;
      if (loads === 1) throw new Error('the file is not there yet');
      return 'there';
    });
    await expect(part.load()).rejects.toMatchObject({ vendorCode: undefined });
    expect(await part.load()).toBe('there');
  });
});
