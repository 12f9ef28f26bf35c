import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeadlineTimer } from '../kernel/deadline.js';
import { fakeClock } from '../testing/fake-clock.js';
import type { Priority } from '../kernel/priority.js';
import type { Lane } from './lane.js';
import { HANDICAP_MS } from './priority.js';
import { Waiter } from './waiter.js';
import { WaitingLine } from './waiting-line.js';

const PRIORITIES: readonly Priority[] = ['high', 'normal', 'low'];

function waiter(sinceAt: number, priority?: Priority, deadlineAt = Infinity, lane?: Lane): Waiter<object> {
  return new Waiter<object>(
    { deadlineAt, priority },
    sinceAt,
    deadlineAt,
    undefined,
    { giveUp: () => undefined },
    lane,
  );
}

const inLane = (lane: Lane, sinceAt: number, priority?: Priority) => waiter(sinceAt, priority, Infinity, lane);

/** Serves everybody who waits; answers them in that order. */
function serveAll(line: WaitingLine<object>): Waiter<object>[] {
  const served: Waiter<object>[] = [];
  for (let next = line.shift(); next !== undefined; next = line.shift()) served.push(next);
  return served;
}

/** A line whose clock stands still. */
function lineOf(...waiters: Waiter<object>[]): WaitingLine<object> {
  const clock = fakeClock();
  const line = new WaitingLine<object>(clock, new DeadlineTimer(clock), () => undefined);
  for (const one of waiters) line.push(one);
  return line;
}

describe('WaitingLine', () => {
  it('serves one priority in order of arrival', () => {
    for (const priority of PRIORITIES) {
      const waiters = [waiter(0, priority), waiter(0, priority), waiter(3, priority), waiter(9_000, priority)];
      expect(serveAll(lineOf(...waiters))).toEqual(waiters);
    }
  });

  it('takes a waiter who says nothing for one of normal priority', () => {
    const [silent, normal, high] = [waiter(0), waiter(0, 'normal'), waiter(999, 'high')];
    expect(serveAll(lineOf(silent, normal, high))).toEqual([high, silent, normal]);
  });

  it('lets high overtake normal for a second, and low for five', () => {
    const [normal, low] = [waiter(0, 'normal'), waiter(0, 'low')];
    const [soon, late, last] = [waiter(999, 'high'), waiter(4_999, 'high'), waiter(5_001, 'high')];
    expect(serveAll(lineOf(normal, low, soon, late, last))).toEqual([soon, normal, late, low, last]);
  });

  it('lets normal overtake low for four seconds', () => {
    const [low, before, after] = [waiter(0, 'low'), waiter(3_999, 'normal'), waiter(4_001, 'normal')];
    expect(serveAll(lineOf(low, before, after))).toEqual([before, low, after]);
  });

  it('prefers the higher priority when two virtual arrivals are the same', () => {
    const [low, normal, high] = [waiter(0, 'low'), waiter(4_000, 'normal'), waiter(5_000, 'high')];
    expect(serveAll(lineOf(low, normal, high))).toEqual([high, normal, low]);
  });

  it('lets the earliest virtual arrival of all lanes go first', () => {
    const [long, short, exclusive, urgent] = [
      inLane('long', 3),
      inLane('short', 1),
      inLane('exclusive', 2),
      inLane('long', 999, 'high'),
    ];
    expect(serveAll(lineOf(long, short, exclusive, urgent))).toEqual([urgent, short, exclusive, long]);
  });

  it('passes over the long lane while none of it can be served, and keeps its order', () => {
    const [first, second, short] = [inLane('long', 0), inLane('long', 1), inLane('short', 2)];
    const line = lineOf(first, second, short);
    expect([line.next(false), line.shift(false), line.shift(false)]).toEqual([short, short, undefined]);
    expect([line.length, line.lengthOf('long'), line.firstOf('long'), line.firstOf('short')]).toEqual([
      2,
      2,
      first,
      undefined,
    ]);
    expect(serveAll(line)).toEqual([first, second]);
  });

  it('answers that somebody was not there when they have left or never came', () => {
    const [there, stranger] = [waiter(0, 'low'), waiter(0, 'high')];
    const line = lineOf(there);
    expect([line.remove(stranger), line.remove(there), line.remove(there)]).toEqual([false, true, false]);
    expect([line.length, line.first, line.shift()]).toEqual([0, undefined, undefined]);
  });

  it('loses nobody when the one just seen leaves while the line is walked', () => {
    const line = lineOf(...PRIORITIES.flatMap((priority) => [waiter(0, priority), waiter(1, priority)]));
    const seen: Priority[] = [];
    for (const one of line) {
      seen.push(one.priority);
      line.remove(one);
    }
    expect(seen).toEqual(['high', 'high', 'normal', 'normal', 'low', 'low']);
    expect(line.length).toBe(0);
  });

  it('does what a sorted array would do, whoever joins, leaves and is served', () => {
    fc.assert(
      fc.property(steps, (plan) => {
        const line = lineOf();
        const model: Waiter<object>[] = [];
        const everyone: Waiter<object>[] = [];
        let now = 0;
        for (const step of plan) {
          if (step.do === 'join') {
            const one = waiter((now += step.afterMs), step.priority);
            for (const list of [everyone, model]) list.push(one);
            line.push(one);
          } else if (step.do === 'serve') {
            expect(line.shift()).toBe(takeNext(model));
          } else {
            const one = everyone[step.at];
            if (one !== undefined) expect(line.remove(one)).toBe(takeOut(model, one));
          }
          expect(line.length).toBe(model.length);
        }
        for (const one of serveAll(line)) expect(one).toBe(takeNext(model));
        expect(model).toEqual([]);
      }),
    );
  });

  it('lets nobody be overtaken by anybody who came later than the handicaps allow', () => {
    fc.assert(
      fc.property(steps, (plan) => {
        const line = lineOf();
        let now = 0;
        for (const step of plan) if (step.do === 'join') line.push(waiter((now += step.afterMs), step.priority));
        const served = serveAll(line);
        served.forEach((one, place) => {
          for (const sooner of served.slice(0, place)) {
            const allowedMs = HANDICAP_MS[one.priority] - HANDICAP_MS[sooner.priority];
            expect(sooner.sinceAt - one.sinceAt).toBeLessThanOrEqual(Math.max(0, allowedMs));
          }
        });
      }),
    );
  });
});

type Step =
  | { readonly do: 'join'; readonly priority: Priority; readonly afterMs: number }
  | { readonly do: 'serve' }
  | { readonly do: 'leave'; readonly at: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('join' as const),
        priority: fc.constantFrom(...PRIORITIES),
        afterMs: fc.constantFrom(0, 1, 500, 1_000, 4_000),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ do: 'serve' as const }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), at: fc.nat({ max: 40 }) }) },
  ),
  { maxLength: 80 },
);

/** Who is next, found by looking at everybody. */
function takeNext(model: Waiter<object>[]): Waiter<object> | undefined {
  const rank = (one: Waiter<object>) => one.sinceAt + HANDICAP_MS[one.priority];
  const order = (a: Waiter<object>, b: Waiter<object>) =>
    rank(a) - rank(b) || HANDICAP_MS[a.priority] - HANDICAP_MS[b.priority];
  // Sorting is stable: who came first stays first.
  const next = [...model].sort(order)[0];
  if (next !== undefined) takeOut(model, next);
  return next;
}

function takeOut(model: Waiter<object>[], one: Waiter<object>): boolean {
  const at = model.indexOf(one);
  if (at !== -1) model.splice(at, 1);
  return at !== -1;
}
