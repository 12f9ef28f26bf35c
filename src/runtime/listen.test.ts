import { describe, expect, it } from 'vitest';
import { ServerError } from '../../test/fakes/fake-session.js';
import type { RuntimeBench } from '../../test/fakes/runtime-bench.js';
import { checkRuntimeLeftovers, runtimeBench } from '../../test/fakes/runtime-bench.js';
import type { ConfigError } from '../errors/config-error.js';
import type { ListenOptions } from './listen-options.js';

checkRuntimeLeftovers();

/** The server sends something on the session opened last. */
const send = (bench: RuntimeBench, channel: string, payload: string): void =>
  bench.driver.requests.at(-1)?.onNotification?.({ channel, payload, processId: 7 });
const sent = (channel: string, payload: string) => ({ type: 'notification', channel, payload, processId: 7 });
const DONE = { value: undefined, done: true };

async function refusal(channels: unknown, options?: unknown): Promise<ConfigError> {
  const { error } = await (async (bench) => bench.run(bench.db.listen(channels as string, options as ListenOptions)))(
    runtimeBench(),
  );
  expect(error).toMatchObject({ code: 'CONFIG' });
  return error as ConfigError;
}

describe('db.listen', () => {
  it('starts the runtime, resolves when the server listens, and opens no connection of the pool', async () => {
    const bench = runtimeBench();
    const started = bench.facts('runtime:started');
    const stream = await bench.db.listen(['jobs', 'jobs', 'Mail']);
    expect(stream.channels).toEqual(['jobs', 'Mail']);
    expect(bench.wire).toEqual(['listen "jobs"', 'listen "Mail"']);
    expect([bench.db.state, started.length, bench.db.stats().total]).toEqual(['running', 1, 0]);
  });

  it('brings what was sent before the first item was asked for, and what comes later', async () => {
    const bench = runtimeBench();
    const items = (await bench.db.listen('jobs'))[Symbol.asyncIterator]();
    send(bench, 'jobs', '1');
    const first = items.next();
    const [second, third] = [items.next(), items.next()];
    send(bench, 'jobs', '2');
    send(bench, 'jobs', '3');
    expect((await Promise.all([first, second, third])).map(({ value }) => value)).toEqual(
      ['1', '2', '3'].map((payload) => sent('jobs', payload)),
    );
  });

  it('lets a slow consumer stand in nobody’s way, and tells them what they have missed', async () => {
    const bench = runtimeBench();
    const slow = (await bench.db.listen('x', { maxBuffered: 2 }))[Symbol.asyncIterator]();
    const fast = (await bench.db.listen('x'))[Symbol.asyncIterator]();
    for (const payload of ['1', '2', '3']) send(bench, 'x', payload);
    for (const payload of ['1', '2', '3']) expect((await fast.next()).value).toEqual(sent('x', payload));
    expect((await slow.next()).value).toMatchObject({ type: 'gap', why: 'overflow', dropped: 1, channels: ['x'] });
    expect((await slow.next()).value).toEqual(sent('x', '2'));
  });

  it('tells of a gap after the session was lost', async () => {
    const bench = runtimeBench();
    const items = (await bench.db.listen(['x', 'y']))[Symbol.asyncIterator]();
    const waiting = items.next();
    bench.driver.requests.at(-1)?.onLost(new ServerError('lost'));
    // The fake driver calls no loss worth repeating, so it is the longest pause.
    await bench.clock.advance(5_000);
    const { value } = await waiting;
    expect(value).toMatchObject({ type: 'gap', why: 'reconnected', channels: ['x', 'y'] });
    expect(bench.sessions).toHaveLength(2);
  });

  it('ends with its loop, by `break`', async () => {
    const bench = runtimeBench();
    const stream = await bench.db.listen('x', { signal: bench.abortable().signal });
    send(bench, 'x', '1');
    send(bench, 'x', '2');
    for await (const item of stream) {
      expect(item).toEqual(sent('x', '1'));
      break;
    }
    await bench.clock.settle();
    expect(bench.wire.slice(1)).toEqual(['close', 'destroy']);
  });

  it('ends by its signal: a loop that waits is done, and what was kept is let go', async () => {
    const bench = runtimeBench();
    const controller = bench.abortable();
    const { signal } = controller;
    const waiting = (await bench.db.listen('x', { signal }))[Symbol.asyncIterator]();
    const filled = (await bench.db.listen('x', { signal }))[Symbol.asyncIterator]();
    const step = waiting.next();
    controller.abort();
    send(bench, 'x', '1');
    expect(await step).toEqual(DONE);
    expect(await filled.next()).toEqual(DONE);
    await bench.clock.settle();
    expect(bench.wire.at(-1)).toBe('destroy');
  });

  it('rejects when its signal aborts before it has begun', async () => {
    const bench = runtimeBench();
    const early = bench.abortable();
    early.abort(new Error('no'));
    await expect(bench.db.listen('x', { signal: early.signal })).rejects.toMatchObject({
      code: 'CANCELLED',
      reason: 'caller',
    });
    expect(bench.sessions).toHaveLength(0);
    const late = bench.abortable();
    bench.driver.connect = () => new Promise(() => undefined);
    const ran = await bench.run(bench.db.listen('x', { signal: late.signal }));
    late.abort();
    await bench.clock.settle();
    expect(ran.error).toMatchObject({ code: 'CANCELLED' });
  });

  it('ends when it is disposed of, also without ever having been iterated', async () => {
    const bench = runtimeBench();
    {
      await using stream = await bench.db.listen('x');
      expect(stream.channels).toEqual(['x']);
    }
    await bench.clock.settle();
    expect(bench.wire.at(-1)).toBe('destroy');
  });

  it('ends when the runtime is disconnected, and is refused from then on', async () => {
    const bench = runtimeBench();
    const items = (await bench.db.listen('x'))[Symbol.asyncIterator]();
    const step = items.next();
    await bench.db.disconnect();
    expect(await step).toEqual(DONE);
    expect(await items.next()).toEqual(DONE);
    await expect(bench.db.listen('x')).rejects.toMatchObject({ code: 'RUNTIME_CLOSED' });
  });

  it('can be iterated once', async () => {
    const bench = runtimeBench();
    const stream = await bench.db.listen('x');
    const items = stream[Symbol.asyncIterator]();
    expect(() => stream[Symbol.asyncIterator]()).toThrow(/iterated once/);
    await expect(items.throw?.(new Error('mine'))).rejects.toThrow('mine');
    expect(await items.next()).toEqual(DONE);
  });

  it('rejects with the error of a connect that failed', async () => {
    const bench = runtimeBench();
    bench.driver.next = new ServerError('lost');
    await expect(bench.db.listen('x')).rejects.toMatchObject({ code: 'CONNECTION' });
  });

  it('is refused by a database without notifications', async () => {
    const bench = runtimeBench();
    Object.assign(bench.driver.capabilities, { hasNotifications: false });
    await expect(bench.db.listen('x')).rejects.toThrow(/the fake driver.*has notifications/s);
  });
});

describe('what db.listen refuses', () => {
  it('names everything that is wrong at once', async () => {
    const options = { maxBuffered: 0, signal: {}, maxBufered: 3 };
    const { issues } = await refusal(['ok', '', 7, 'a\0b', '\ud800', 'ü'.repeat(32)], options);
    expect(issues.map(({ path }) => path)).toEqual([
      'channels[1]',
      'channels[2]',
      'channels[3]',
      'channels[4]',
      'channels[5]',
      'maxBuffered',
      'signal',
      'maxBufered',
    ]);
    expect(issues[4]?.expected).toBe('at most 63 bytes of UTF-8, and it has 64');
  });

  it.each([[[]], [undefined], [null], ['x'.repeat(64)]])('%j is no channel', async (channels) => {
    expect((await refusal(channels)).issues).toHaveLength(1);
  });

  it('takes a name of 63 bytes, and the bounds of maxBuffered', async () => {
    const bench = runtimeBench();
    await bench.db.listen('x'.repeat(63), { maxBuffered: 1 });
    await bench.db.listen(`${'ü'.repeat(31)}x`, { maxBuffered: 1_000_000 });
    expect(bench.wire).toHaveLength(2);
  });
});
