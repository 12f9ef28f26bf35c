/**
 * The guard of every state machine of the house. A table says which moves are legal; any other move is a bug of ours
 * and says so with from → to, because a silent wrong state costs more than a loud one.
 * The same tables are drawn in docs/state-machines.md; a test compares the two.
 */

/** For each state, the states it may move to. */
export type TransitionTable<S extends string> = { readonly [From in S]: readonly S[] };

/** Throws when `from → to` is not in the table. */
export function assertTransition<S extends string>(machine: string, table: TransitionTable<S>, from: S, to: S): void {
  if (!table[from].includes(to)) throw new Error(`bug: ${machine} cannot move from ${from} to ${to}`);
}
