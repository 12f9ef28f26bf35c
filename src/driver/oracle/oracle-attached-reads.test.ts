import { describe, expect, it } from 'vitest';
import { ConnectionError } from '../../errors/connection-error.js';
import { TimeoutError } from '../../errors/timeout-error.js';
import { DeadlineTimer } from '../../kernel/deadline.js';
import { FakeClock } from '../../testing/fake-clock.js';
import { AttachedReads } from './oracle-attached-reads.js';
import { classifyOracleError } from './oracle-errors.js';
import { roomError } from './oracle-room-errors.js';

const bench = (limitMs: number) => {
  const clock = new FakeClock();
  const abandoned: number[] = [];
  const reads = new AttachedReads(
    {
      clock,
      timers: new DeadlineTimer(clock),
      classify: (error, situation) => classifyOracleError(error, situation, 'oracle://h/s'),
    },
    { limitMs: () => limitMs, isInTransaction: () => false, abandon: () => abandoned.push(clock.now()) },
  );
  return { clock, reads, abandoned };
};

describe('reading on', () => {
  it('brings what is read, and leaves no timer', async () => {
    const { clock, reads, abandoned } = bench(1_000);
    expect(await reads.run(() => Promise.resolve('page'))).toBe('page');
    await clock.advance(10_000);
    expect([clock.pendingTimers, abandoned]).toEqual([[], []]);
  });

  it('ends 2 s behind the limit of the session, and the connection with it', async () => {
    const { clock, reads, abandoned } = bench(1_000);
    const read = expect(reads.run(() => new Promise(() => undefined))).rejects.toBeInstanceOf(TimeoutError);
    await clock.advance(2_999);
    expect(abandoned).toEqual([]);
    await clock.advance(2);
    await read;
    expect(abandoned).toHaveLength(1);
  });

  it('waits for ever where the session has no limit', async () => {
    const { clock, reads, abandoned } = bench(0);
    let isOver = false;
    void reads.run(() => new Promise(() => undefined)).finally(() => (isOver = true));
    await clock.advance(86_400_000);
    expect([isOver, abandoned]).toEqual([false, []]);
  });

  it('fails with errors of the house', async () => {
    const { reads } = bench(1_000);
    const failure = reads.run(() => Promise.reject(roomError('NJS-500', 'closed or broken')));
    await expect(failure).rejects.toBeInstanceOf(ConnectionError);
    await expect(failure).rejects.toMatchObject({ reason: 'lost', outcome: 'not-applied' });
  });
});
