import { describe, expect, it, vi } from 'vitest';
import { assertTransition } from '../kernel/transitions.js';
import { NEVER, OK, slow } from '../../test/fakes/fake-resources.js';
import { checkLeftovers, poolBench } from '../../test/fakes/pool-bench.js';
import type { EntryStateName } from './pool-entry.js';
import { ENTRY_TRANSITIONS, PoolEntry } from './pool-entry.js';

checkLeftovers();

const names = Object.keys(ENTRY_TRANSITIONS) as EntryStateName[];
const legal = names.flatMap((from) => ENTRY_TRANSITIONS[from].map((to) => `${from} → ${to}`));

describe('ENTRY_TRANSITIONS', () => {
  it('refuses every move that is not in the table, and says which', () => {
    for (const from of names) {
      const entry = new PoolEntry(7, 0, 1, 0, { name: from } as never);
      for (const to of names) {
        const move = () => entry.assertCanMove(to);
        if (legal.includes(`${from} → ${to}`)) expect(move).not.toThrow();
        else expect(move).toThrow(`bug: pool entry 7 cannot move from ${from} to ${to}`);
      }
    }
  });

  it('lists no move that a pool never makes', async () => {
    const seen = new Set<string>();
    const spy = vi.spyOn(PoolEntry.prototype, 'assertCanMove').mockImplementation(function (
      this: PoolEntry<unknown>,
      to,
    ) {
      seen.add(`${this.state.name} → ${to}`);
      assertTransition('pool entry', ENTRY_TRANSITIONS, this.state.name, to);
    });
    const bench = poolBench({ maxSize: 1 });
    const { factory, clock } = bench;
    factory.next.create.push({ end: 'error' });
    const first = bench.ask();
    await clock.advance(10);
    // In use → idle → in use → in use → resetting → idle.
    first.lease?.release();
    const second = await bench.lend();
    const third = bench.ask();
    second.release();
    const thirdLease = await third.promise;
    thirdLease.resource.condition = 'dirty';
    thirdLease.release();
    await clock.settle();
    // Resetting → in use, in use → closing.
    const fourth = await bench.lend();
    fourth.resource.condition = 'dirty';
    fourth.release();
    (await bench.ask().promise).discard();
    // Resetting → closing.
    const fifth = await bench.lend();
    factory.acts.reset = NEVER;
    fifth.resource.condition = 'dirty';
    fifth.release();
    await clock.advance(5_001);
    // Checking → idle, → closing; idle → closing.
    (await bench.lend()).release();
    await clock.advance(1_000);
    (await bench.lend()).release();
    await clock.advance(1_000);
    const abort = new AbortController();
    factory.acts.validate = slow(10);
    bench.ask({ signal: abort.signal });
    abort.abort();
    await clock.advance(1_000);
    const last = bench.ask({ timeoutMs: 100 });
    factory.made.at(-1)?.break();
    factory.acts.validate = OK;
    (await last.promise).release();
    factory.made.at(-1)?.break();
    await clock.advance(100);
    spy.mockRestore();
    expect([...seen].sort()).toEqual([...legal].sort());
  });
});
