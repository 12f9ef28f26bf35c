/** Who takes part. `findPeer` of the pools' line-up finds them by these names, which are paths beside it. */
export const OURS = 'guards/fluxor';
export const BARE = 'guards/bare';
export const RIVAL = 'guards/cockatiel';
const PEERS = [
  OURS,
  'guards/fluxor-limited',
  'guards/fluxor-parts',
  RIVAL,
  'guards/cockatiel-lean',
  'guards/opossum',
  BARE,
];

/** `guards/cockatiel` is cockatiel. */
export const shortName = (path: string): string => path.slice(path.indexOf('/') + 1);

/** Everybody, or those that were asked for; `bare` always, because the others are measured against it. */
export function choose(only: readonly string[]): readonly string[] {
  const names = PEERS.map(shortName);
  const unknown = only.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`--only: unknown ${unknown.join(', ')}; there are ${names.join(', ')}`);
  return only.length === 0 ? PEERS : PEERS.filter((path) => path === BARE || only.includes(shortName(path)));
}
