/** What can be said on the command line of every bench; run.mjs hands it down. */
import { parseArgs } from 'node:util';

export interface BenchArguments {
  readonly isChecked: boolean;
  /** For a look whether a bench works: few and short rounds, whose figures are worth nothing. */
  readonly isQuick: boolean;
  readonly rounds: number;
  /** Peers to run; all when empty. */
  readonly only: readonly string[];
}

const QUICK_ROUNDS = 2;
/** Of the time that a round of the quick mode lasts. */
const QUICK_SHARE = 0.25;

export function readArguments(defaultRounds: number): BenchArguments {
  const { values } = parseArgs({
    options: {
      check: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      only: { type: 'string', default: '' },
    },
  });
  const isQuick = values.quick;
  const rounds = Number(values.rounds ?? (isQuick ? Math.min(QUICK_ROUNDS, defaultRounds) : defaultRounds));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a whole number from 1 on');
  return { isChecked: values.check, isQuick, rounds, only: values.only.split(',').filter((name) => name !== '') };
}

/** How long a round lasts, or how often it does what it does. */
export function roundLength({ isQuick }: BenchArguments, whole: number): number {
  return isQuick ? Math.round(whole * QUICK_SHARE) : whole;
}
