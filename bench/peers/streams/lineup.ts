/** Who takes part. `findPeer` of the pools' line-up finds them by these names, which are paths beside it. */
export const OURS = 'streams/fluxor';
export const RIVALS: readonly string[] = ['streams/pg-query-stream', 'streams/pg-query-stream-500'];

/** `streams/fluxor` is fluxor. */
export const shortName = (path: string): string => path.slice(path.indexOf('/') + 1);

/** Everybody, or those that were asked for. */
export function choose(only: readonly string[]): readonly string[] {
  const all = [OURS, ...RIVALS];
  const unknown = only.filter((name) => !all.map(shortName).includes(name));
  if (unknown.length > 0) throw new Error(`--only: unknown ${unknown.join(', ')}`);
  return only.length === 0 ? all : all.filter((path) => only.includes(shortName(path)));
}
