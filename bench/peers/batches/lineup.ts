/** Who takes part. `findPeer` of the pools' line-up finds them by these names, which are paths beside it. */
export const OURS = 'batches/fluxor';
export const OUR_STATEMENTS = 'batches/fluxor-statements';
export const LOOP = 'batches/pg-loop';
export const COPY_BY_HAND = 'batches/pg-copy-streams';

/** `batches/fluxor` is fluxor. */
export const shortName = (path: string): string => path.slice(path.indexOf('/') + 1);

/** Everybody, or those that were asked for. */
export function choose(only: readonly string[]): readonly string[] {
  const all = [OURS, COPY_BY_HAND, OUR_STATEMENTS, LOOP];
  const unknown = only.filter((name) => !all.map(shortName).includes(name));
  if (unknown.length > 0) throw new Error(`--only: unknown ${unknown.join(', ')}`);
  return only.length === 0 ? all : all.filter((path) => only.includes(shortName(path)));
}
