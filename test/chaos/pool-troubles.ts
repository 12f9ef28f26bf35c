/** What goes wrong in a simulation of the pool: acts that fail, take long or hang, and resources that break and gossip. */
import { ConnectionError } from '../../src/errors/connection-error.js';
import type { FluxorError } from '../../src/errors/fluxor-error.js';
import type { FakeAct, FakeVerb } from '../fakes/fake-resources.js';
import { OK, refused, wrongPassword } from '../fakes/fake-resources.js';
import type { PoolLoans } from './pool-loans.js';
import type { PoolShares } from './pool-shares.js';
import type { PoolWorld } from './pool-world.js';

const VERBS: readonly FakeVerb[] = ['create', 'validate', 'reset', 'close'];

export class PoolTroubles {
  readonly #world: PoolWorld;
  readonly #loans: PoolLoans;
  readonly #shares: PoolShares;

  constructor(world: PoolWorld, loans: PoolLoans, shares: PoolShares) {
    this.#world = world;
    this.#shares = shares;
    this.#loans = loans;
  }

  /** Decides how some act will go. Mostly a single one; now and then all of its kind from now on, as in an outage. */
  plan(): void {
    const { dice, factory } = this.#world;
    const verb = dice.oneOf(VERBS);
    const act = this.#randomAct(verb);
    if (dice.chance(0.2)) factory.acts[verb] = act;
    else if (factory.next[verb].length < 3) factory.next[verb].push(act);
  }

  end(): void {
    const { factory } = this.#world;
    for (const verb of VERBS) {
      factory.acts[verb] = OK;
      factory.next[verb].length = 0;
    }
    for (const resource of factory.living) {
      if (!resource.isShareable) resource.shareableAt = this.#world.clock.now();
      resource.isShareable = true;
    }
  }

  /** Something happens to a resource by itself. */
  strike(): void {
    const { dice, factory, happenings, sharing } = this.#world;
    if (factory.living.length === 0) return;
    const resource = dice.oneOf(factory.living);
    const say = (text: string) => this.#world.note(`${resource.id} ${text}`);
    if (sharing !== undefined && resource.isShareable && dice.chance(0.3)) {
      say('takes no further statement');
      happenings.count('took no further statement');
      resource.isShareable = false;
      return;
    }
    const roll = dice.random();
    if (roll < 0.3) {
      say('breaks');
      resource.break();
    } else if (roll < 0.55) {
      // Found broken before it says so, if it ever does.
      say('breaks silently');
      happenings.count('broke silently');
      resource.condition = 'broken';
    } else if (roll < 0.85) {
      const verdict = dice.oneOf(['validate', 'validate', 'evict'] as const);
      say(`says of its siblings: ${verdict}`);
      this.#loans.distrustAll();
      resource.doubtSiblings(verdict);
    } else if (roll < 0.93) {
      say('was made with fresh credentials');
      happenings.count('rotated');
      this.#shares.tireAll();
      resource.rotate();
    } else resource.isBusy = !resource.isBusy;
  }

  #randomAct(verb: FakeVerb): FakeAct {
    const { dice } = this.#world;
    const afterMs = dice.oneOf([0, 1, 30, 400, 3_000]);
    const isDeaf = dice.chance(0.3);
    const time = dice.chance(0.3) ? {} : { afterMs };
    if (dice.chance(0.5)) return { end: 'ok', isDeaf, ...time };
    if (dice.chance(0.3)) return { end: 'never', isDeaf };
    if (verb !== 'create') return { end: 'error', ...time };
    if (dice.chance(0.2)) return { end: 'ok', isStillborn: true, ...time };
    return { end: 'error', isDeaf, error: this.#randomError(), ...time };
  }

  #randomError(): FluxorError {
    const { dice } = this.#world;
    if (dice.chance(0.2)) return wrongPassword();
    if (dice.chance(0.8)) return refused();
    const init = { decision: 'new-connection', breaker: 'failure', siblings: 'validate' } as const;
    return new ConnectionError('shutting-down', 'the server is shutting down', init);
  }
}
