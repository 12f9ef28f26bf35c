/** Who is compared, and with whom: a pair's difference is what its watcher costs. */

export interface Pair {
  readonly name: string;
  readonly with: string;
  readonly without: string;
  /** Nanoseconds. */
  readonly budgetNs: number;
}

export const PAIRS: readonly Pair[] = [
  { name: 'metrics, statements by shape and slow log on', with: 'default', without: 'unmetered', budgetNs: 1_000 },
  { name: 'logger at its default', with: 'default', without: 'silent', budgetNs: 200 },
  { name: 'watchers that have gone again', with: 'left', without: 'default', budgetNs: 200 },
  {
    name: 'one subscriber of a tracing channel that does nothing',
    with: 'subscriber',
    without: 'default',
    budgetNs: 600,
  },
  { name: 'OpenTelemetry, parent not sampled', with: 'unsampled', without: 'context', budgetNs: 500 },
  { name: 'OpenTelemetry, sampled, batch processor', with: 'sampled', without: 'context', budgetNs: 8_000 },
  { name: 'OpenTelemetry, metrics', with: 'bridge', without: 'context', budgetNs: 3_000 },
];

const NAMES = [...new Set(PAIRS.flatMap((pair) => [pair.without, pair.with]))];

export const pathOf = (name: string): string => `observe/${name}`;

/** Everybody, or those that were asked for. */
export function choose(only: readonly string[]): readonly string[] {
  const unknown = only.filter((name) => !NAMES.includes(name));
  if (unknown.length > 0) throw new Error(`--only: unknown ${unknown.join(', ')}; there are ${NAMES.join(', ')}`);
  return NAMES.filter((name) => only.length === 0 || only.includes(name)).map(pathOf);
}
