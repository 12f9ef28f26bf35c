import { describe, expect, it } from 'vitest';
import type { TransitionTable } from './transitions.js';
import { assertTransition } from './transitions.js';

type Light = 'red' | 'green';
const TABLE: TransitionTable<Light> = { red: ['green'], green: [] };

describe('assertTransition', () => {
  it('lets a legal move pass', () => {
    expect(() => assertTransition('light', TABLE, 'red', 'green')).not.toThrow();
  });

  it('says machine, from and to of an illegal one', () => {
    expect(() => assertTransition('light', TABLE, 'green', 'red')).toThrow('bug: light cannot move from green to red');
  });

  it('calls staying where one is a move, legal only when the table says so', () => {
    expect(() => assertTransition('light', TABLE, 'red', 'red')).toThrow('from red to red');
    expect(() => assertTransition<Light>('light', { red: ['red'], green: [] }, 'red', 'red')).not.toThrow();
  });
});
