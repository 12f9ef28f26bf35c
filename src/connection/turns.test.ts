import { afterEach, describe, expect, it } from 'vitest';
import { DeadlineTimer } from '../kernel/deadline.js';
import { FakeClock } from '../testing/fake-clock.js';
import { Turns } from './turns.js';

const clock = new FakeClock();
const timers = new DeadlineTimer(clock);
const FOR_EVER = { deadlineAt: Infinity, signal: undefined };

afterEach(() => {
  expect(timers.size, 'watched deadlines').toBe(0);
  timers.stop();
});

function wait(
  turns: Turns,
  limits: { deadlineAt: number; signal: AbortSignal | undefined } = FOR_EVER,
): Promise<number> {
  return turns.wait(limits, { timers, clock }, (cause) => {
    throw new Error(cause);
  });
}

describe('Turns', () => {
  it('is held from taking it to leaving it', () => {
    const turns = new Turns();
    expect(turns.isFree).toBe(true);
    const me = turns.occupy();
    expect(turns.isFree).toBe(false);
    expect(turns.isHeldBy(me)).toBe(true);
    turns.leave(me);
    expect(turns.isFree).toBe(true);
    expect(turns.isHeldBy(me)).toBe(false);
  });

  it('goes from one to the next in the order in which they came, and is never free between', async () => {
    const turns = new Turns();
    const me = turns.occupy();
    const [second, third] = [wait(turns), wait(turns)];
    turns.leave(me);
    expect(turns.isFree).toBe(false);
    turns.leave(await second);
    turns.leave(await third);
    expect(turns.isFree).toBe(true);
  });

  it('is passed on only by whoever took it over last', async () => {
    const turns = new Turns();
    const statement = turns.occupy();
    const settling = turns.occupy();
    const next = wait(turns);
    turns.leave(statement);
    expect(turns.isHeldBy(settling)).toBe(true);
    turns.leave(settling);
    const number = await next;
    expect(turns.isHeldBy(number)).toBe(true);
    turns.leave(settling);
    expect(turns.isHeldBy(number)).toBe(true);
  });

  it('does nothing when somebody leaves who never had it', () => {
    const turns = new Turns();
    turns.leave(0);
    expect(turns.isFree).toBe(true);
  });

  it('lets whoever waits go at a limit, and gives the turn to the one behind', async () => {
    const turns = new Turns();
    const me = turns.occupy();
    const impatient = wait(turns, { deadlineAt: clock.now() + 5, signal: undefined });
    const patient = wait(turns);
    const outcome = expect(impatient).rejects.toThrow('deadline');
    await clock.advance(10);
    await outcome;
    turns.leave(me);
    expect(turns.isHeldBy(await patient)).toBe(true);
  });

  it('passes on a turn that was granted in the tick in which its waiter gave up', async () => {
    const turns = new Turns();
    const me = turns.occupy();
    const abort = new AbortController();
    const waiting = expect(wait(turns, { deadlineAt: Infinity, signal: abort.signal })).rejects.toThrow('aborted');
    turns.leave(me);
    abort.abort();
    await waiting;
    expect(turns.isFree).toBe(true);
  });

  it('sends away everybody in line, each with an error of their own, and leaves the holder alone', async () => {
    const turns = new Turns();
    const me = turns.occupy();
    const line = Promise.allSettled([wait(turns), wait(turns)]);
    let count = 0;
    turns.refuseAll(() => new Error(`${(count += 1)}`));
    expect(await line).toMatchObject([{ reason: { message: '1' } }, { reason: { message: '2' } }]);
    expect(turns.isHeldBy(me)).toBe(true);
  });
});
