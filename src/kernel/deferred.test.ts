import { describe, expect, it } from 'vitest';
import { createDeferred } from './deferred.js';

describe('createDeferred', () => {
  it('resolves its promise from outside', async () => {
    const deferred = createDeferred<number>();
    deferred.resolve(7);
    await expect(deferred.promise).resolves.toBe(7);
  });

  it('rejects its promise from outside, with the very error', async () => {
    const deferred = createDeferred<number>();
    const error = new Error('boom');
    deferred.reject(error);
    await expect(deferred.promise).rejects.toBe(error);
  });

  it('keeps to the first settlement', async () => {
    const deferred = createDeferred<string>();
    deferred.resolve('first');
    deferred.reject(new Error('late'));
    deferred.resolve('second');
    await expect(deferred.promise).resolves.toBe('first');
  });
});
