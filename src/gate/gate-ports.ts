/** What every part of the gate gets from outside: time, chance, and one timer for all deadlines. Each has a default. */
import type { Clock } from '../kernel/clock.js';
import { systemClock } from '../kernel/clock.js';
import { DeadlineTimer } from '../kernel/deadline.js';
import type { Random } from '../kernel/random.js';
import { systemRandom } from '../kernel/random.js';

export interface GatePorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Shared by all parts of one gate, so that a thousand waits cost one timer. */
  readonly timers: DeadlineTimer;
}

/** The ports that were given, and the machine's own for the rest. */
export function fillPorts(ports: Partial<GatePorts> = {}): GatePorts {
  const clock = ports.clock ?? systemClock;
  return { clock, random: ports.random ?? systemRandom, timers: ports.timers ?? new DeadlineTimer(clock) };
}
