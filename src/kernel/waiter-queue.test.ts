import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QueueItem, WaiterQueue } from './waiter-queue.js';

class Waiter extends QueueItem {
  readonly name: number;

  constructor(name: number) {
    super();
    this.name = name;
  }
}

type Step = { readonly do: 'push' } | { readonly do: 'shift' } | { readonly do: 'remove'; readonly at: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant({ do: 'push' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'shift' as const }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), at: fc.nat({ max: 30 }) }) },
  ),
  { maxLength: 80 },
);

describe('WaiterQueue', () => {
  it('does what an array would do, whatever is pushed, shifted and removed', () => {
    fc.assert(
      fc.property(steps, (plan) => {
        const queue = new WaiterQueue<Waiter>();
        const model: Waiter[] = [];
        const everyone: Waiter[] = [];
        for (const step of plan) {
          if (step.do === 'push') {
            const waiter = new Waiter(everyone.length);
            everyone.push(waiter);
            queue.push(waiter);
            model.push(waiter);
          } else if (step.do === 'shift') {
            expect(queue.shift()).toBe(model.shift());
          } else {
            const waiter = everyone[step.at];
            if (waiter === undefined) continue;
            const place = model.indexOf(waiter);
            expect(queue.remove(waiter)).toBe(place !== -1);
            if (place !== -1) model.splice(place, 1);
          }
          expect([...queue].map(({ name }) => name)).toEqual(model.map(({ name }) => name));
          expect([queue.length, queue.first]).toEqual([model.length, model[0]]);
        }
      }),
    );
  });

  it('answers undefined when nobody stands in it', () => {
    const queue = new WaiterQueue<Waiter>();
    expect([queue.shift(), queue.first, queue.length]).toEqual([undefined, undefined, 0]);
  });

  it('takes back somebody who has left, at the end of the line', () => {
    const queue = new WaiterQueue<Waiter>();
    const [first, second] = [new Waiter(1), new Waiter(2)];
    queue.push(first);
    queue.push(second);
    queue.remove(first);
    queue.push(first);
    expect([...queue]).toEqual([second, first]);
  });

  it('refuses somebody who stands in a queue already, be it this one', () => {
    const queue = new WaiterQueue<Waiter>();
    const waiter = new Waiter(1);
    queue.push(waiter);
    expect(() => queue.push(waiter)).toThrow('bug');
    expect(() => new WaiterQueue<Waiter>().push(waiter)).toThrow('bug');
    expect(queue.length).toBe(1);
  });

  it('does not remove somebody who stands in another queue', () => {
    const [here, there] = [new WaiterQueue<Waiter>(), new WaiterQueue<Waiter>()];
    const waiter = new Waiter(1);
    there.push(waiter);
    expect(here.remove(waiter)).toBe(false);
    expect([here.length, there.length]).toEqual([0, 1]);
  });

  it('can be emptied while it is walked', () => {
    const queue = new WaiterQueue<Waiter>();
    for (const name of [1, 2, 3]) queue.push(new Waiter(name));
    const walked: number[] = [];
    for (const waiter of queue) {
      walked.push(waiter.name);
      queue.remove(waiter);
    }
    expect([walked, queue.length]).toEqual([[1, 2, 3], 0]);
  });
});
