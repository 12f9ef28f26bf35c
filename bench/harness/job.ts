/** What a worker is asked to do again and again. `prepare` runs once; what it answers runs once per round. */
import type { Peer } from './peer.js';

export type Round = (input: RoundInput) => Promise<Numbers>;

/** Names and numbers only: they travel between processes. */
export type RoundInput = Readonly<Record<string, number>>;
export type Numbers = Readonly<Record<string, number>>;

export interface Job {
  prepare(peer: Peer, input: RoundInput): Promise<Round>;
}
