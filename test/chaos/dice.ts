/** The decisions of a simulation, all drawn from its seed. */
import type { Random } from '../../src/kernel/random.js';
import { seededRandom } from '../../src/kernel/random.js';

export class Dice {
  readonly random: Random;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  /** 1 … max */
  upTo(max: number): number {
    return 1 + Math.floor(this.random() * max);
  }

  oneOf<T>(choices: readonly T[]): T {
    const choice = choices[Math.floor(this.random() * choices.length)];
    if (choice === undefined) throw new Error('nothing to choose from');
    return choice;
  }
}
