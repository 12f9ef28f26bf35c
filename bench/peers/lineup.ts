/** Who takes part. Each is loaded only in the process that measures it. */
import type { Peer } from '../harness/peer.js';

/** Ours first; `bare` is no pool, but the least that could be done. */
export const OURS = 'fluxor';
export const BARE = 'bare';
export const PEERS: readonly string[] = ['tarn', 'generic-pool', 'sequelize-pool', 'lightning-pool', 'pg-pool'];

export async function findPeer(name: string): Promise<Peer> {
  const { peer } = (await import(`./${name}.js`)) as { readonly peer: Peer };
  return peer;
}

/** Everybody, or those that were asked for. */
export function choose(only: readonly string[]): readonly string[] {
  const all = [OURS, ...PEERS, BARE];
  const unknown = only.filter((name) => !all.includes(name));
  if (unknown.length > 0) throw new Error(`--only: unknown ${unknown.join(', ')}; there are ${all.join(', ')}`);
  return only.length === 0 ? all : all.filter((name) => only.includes(name));
}
