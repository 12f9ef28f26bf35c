/** The diagrams of docs/state-machines.md draw exactly the tables of the code. */
import { describe, expect, it } from 'vitest';
import { LISTENING_TRANSITIONS } from '../../src/connection/listening-state.js';
import { TRANSACTION_TRANSITIONS } from '../../src/connection/transaction-control.js';
import { CIRCUIT_TRANSITIONS } from '../../src/gate/circuit-state.js';
import type { TransitionTable } from '../../src/kernel/transitions.js';
import { ENTRY_TRANSITIONS } from '../../src/pool/pool-entry.js';
import { RUNTIME_TRANSITIONS } from '../../src/runtime/lifecycle.js';
import { codeWords, fencesOf, readDoc, sectionOf, tableRows } from './markdown.js';

const document = readDoc('docs/state-machines.md');
const machines: readonly (readonly [string, string, TransitionTable<string>])[] = [
  ['Pool entry', 'creating', ENTRY_TRANSITIONS],
  ['Circuit breaker', 'closed', CIRCUIT_TRANSITIONS],
  ['Runtime', 'idle', RUNTIME_TRANSITIONS],
  ['Transaction', 'open', TRANSACTION_TRANSITIONS],
  ['Listening session', 'idle', LISTENING_TRANSITIONS],
];

describe.each(machines)('the diagram of the %s', (title, first, table) => {
  const section = sectionOf(document, title);
  const edges = edgesOf(fencesOf(section).find((fence) => fence.language === 'mermaid')?.code ?? '');

  it('draws every legal move and no other', () => {
    const moves = Object.entries(table).flatMap(([from, targets]) => targets.map((to) => `${from} → ${to}`));
    expect(edges.filter((edge) => !edge.includes('[*]')).sort()).toEqual(moves.sort());
  });

  it('begins and ends where the machine does', () => {
    const ends = Object.keys(table).filter((state) => table[state]?.length === 0);
    const expected = [`[*] → ${first}`, ...ends.map((state) => `${state} → [*]`)];
    expect(edges.filter((edge) => edge.includes('[*]')).sort()).toEqual(expected.sort());
  });

  it('stands beside a table that explains every state', () => {
    expect(tableRows(section).map(([state = '']) => codeWords(state)[0])).toEqual(Object.keys(table));
  });
});

/** Mermaid takes no hyphen in a name, so `in-use` is drawn as `in_use`. */
function edgesOf(diagram: string): string[] {
  const edges = [...diagram.matchAll(/^\s*(\S+) --> (\S+)\s*$/gm)];
  return edges.map(([, from = '', to = '']) => `${from} → ${to}`.replaceAll('_', '-'));
}
