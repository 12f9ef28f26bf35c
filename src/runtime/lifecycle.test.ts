import { describe, expect, it } from 'vitest';
import type { RuntimeState } from './lifecycle.js';
import { Lifecycle, RUNTIME_TRANSITIONS } from './lifecycle.js';

const STATES = Object.keys(RUNTIME_TRANSITIONS) as RuntimeState[];
/** The shortest way to each state. */
const WAYS: Readonly<Record<RuntimeState, readonly RuntimeState[]>> = {
  idle: [],
  starting: ['starting'],
  running: ['running'],
  draining: ['draining'],
  closed: ['draining', 'closed'],
};
/** Written by hand from docs/state-machines.md. */
const LEGAL: ReadonlySet<string> = new Set([
  'idle → starting',
  'idle → running',
  'idle → draining',
  'starting → running',
  'starting → idle',
  'starting → draining',
  'running → draining',
  'draining → closed',
]);

function lifecycleIn(state: RuntimeState): Lifecycle {
  const lifecycle = new Lifecycle('shop');
  for (const step of WAYS[state]) lifecycle.move(step);
  return lifecycle;
}

describe('Lifecycle', () => {
  it('begins idle', () => {
    expect(new Lifecycle('shop').state).toBe('idle');
  });

  it.each(STATES.flatMap((from) => STATES.map((to) => [from, to] as const)))(
    'moves %s → %s only if that is legal',
    (from, to) => {
      const lifecycle = lifecycleIn(from);
      if (LEGAL.has(`${from} → ${to}`)) {
        lifecycle.move(to);
        expect(lifecycle.state).toBe(to);
      } else {
        expect(() => lifecycle.move(to)).toThrow(`bug: runtime cannot move from ${from} to ${to}`);
        expect(lifecycle.state).toBe(from);
      }
    },
  );

  it.each(['idle', 'starting', 'running'] as const)('takes calls while %s', (state) => {
    expect(() => lifecycleIn(state).assertOpen()).not.toThrow();
  });

  it.each(['draining', 'closed'] as const)('takes no calls while %s, and says whose they were', (state) => {
    expect(() => lifecycleIn(state).assertOpen()).toThrow(
      expect.objectContaining({
        code: 'RUNTIME_CLOSED',
        message: `The runtime 'shop' is ${state}; it takes no more calls`,
        context: { runtime: 'shop' },
        outcome: 'not-sent',
        retryable: false,
      }),
    );
  });
});
