/** What can be said on the command line of every bench; run.mjs hands it down. */
import { parseArgs } from 'node:util';

export interface BenchArguments {
  readonly isChecked: boolean;
  readonly rounds: number;
  /** Peers to run; all when empty. */
  readonly only: readonly string[];
}

export function readArguments(defaultRounds: number): BenchArguments {
  const { values } = parseArgs({
    options: {
      check: { type: 'boolean', default: false },
      rounds: { type: 'string', default: String(defaultRounds) },
      only: { type: 'string', default: '' },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a whole number from 1 on');
  return { isChecked: values.check, rounds, only: values.only.split(',').filter((name) => name !== '') };
}
