/** What happened in a simulation, counted: one in which nothing happens proves nothing. */

/** Everything that must have happened over a few hundred seeds, each of it many times. */
export const EXPECTED = [
  ...['served in the tick it asked', 'served in turn', 'overtaken by priority'],
  ...['refused: TIMEOUT', 'refused: CANCELLED', 'refused: CONNECTION', 'refused: AUTH', 'refused: POOL_EXHAUSTED'],
  ...['refused: NESTED_LEASE', 'refused: RUNTIME_CLOSED', 'refused while down', 'refused: failFast'],
  ...['asked while nested', 'asked by a listener', 'asked during a freeze', 'given more time after a freeze'],
  ...['connection:created', 'connection:create-failed', 'connection:lost', 'connection:closed', 'connection:reset'],
  ...['closed: broken', 'closed: discarded', 'closed: validation-failed', 'closed: reset-failed', 'closed: shutdown'],
  ...['closed: idle-timeout', 'closed: max-lifetime', 'closed: evicted'],
  ...['lease:acquired', 'lease:released', 'acquire:timed-out', 'lease:nested', 'lease:dropped', 'lease:reclaimed'],
  ...['lease:leak-suspected', 'lease:leak-resolved'],
  ...['pool:warmed', 'pool:suspended', 'pool:resumed', 'pool:reconfigured', 'pool:unreachable', 'pool:reachable'],
  ...['pool:evicted', 'evicted: asked', 'evicted: siblings', 'pool:frozen', 'broke silently', 'rotated', 'renewed'],
  ...['warmed up fully', 'warmed up partly', 'warm-up failed fast', 'made smaller than it was', 'late newborn'],
  ...[
    'healed',
    'minIdle kept',
    'filled to maxSize',
    'renewed completely',
    'trimmed to maxIdle',
    'taken away at the close',
    'joined',
    'kept for one alone',
    'short ones wait',
    'the fast lane is kept',
    'took no further statement',
  ],
] as const;

export type Happening = (typeof EXPECTED)[number];

export class Happenings {
  readonly #counts = new Map<string, number>(EXPECTED.map((what) => [what, 0]));

  /** Anything may be counted; what is expected must be. */
  count(what: string): void {
    this.#counts.set(what, this.of(what) + 1);
  }

  of(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  add(other: Happenings): void {
    for (const [what, count] of other.#counts) this.#counts.set(what, this.of(what) + count);
  }

  /** One a line. */
  toString(): string {
    return [...this.#counts].map(([what, count]) => `${String(count).padStart(8)} ${what}`).join('\n');
  }
}
