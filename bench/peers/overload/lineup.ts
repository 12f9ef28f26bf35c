/** Who takes part. `findPeer` of the pools' line-up finds them by these names, which are paths beside it. */
export const OURS = 'overload/fluxor';
export const PEERS: readonly string[] = [
  OURS,
  'overload/fluxor-short-line',
  'overload/pg-pool',
  'overload/pg-pool-timeout',
];

/** `overload/fluxor` is fluxor. */
export const shortName = (path: string): string => path.slice(path.indexOf('/') + 1);

/** Everybody, or those that were asked for. */
export function choose(only: readonly string[]): readonly string[] {
  const unknown = only.filter((name) => !PEERS.map(shortName).includes(name));
  if (unknown.length > 0) throw new Error(`--only: unknown ${unknown.join(', ')}`);
  return only.length === 0 ? PEERS : PEERS.filter((path) => only.includes(shortName(path)));
}
