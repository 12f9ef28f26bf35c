/**
 * Who was served before whom in a simulation of the pool, and who should have been (I4): within a lane nobody is overtaken
 * by who has come later, counted by virtual arrival; between the lanes neither, where both wait for the same.
 *
 * The pool tells of a loan when it gives it, and says which connection and how long it was waited for; the caller hears of
 * it later, and a listener who acts in between may let others hear first. So of several who asked in one tick, and went
 * onto one connection in one tick, nobody can say who had which loan: each is taken to have had the one due to it.
 */
import type { Lease } from '../../src/pool/lease.js';
import { HANDICAP_MS } from '../../src/pool/priority.js';
import type { FakeResource } from '../fakes/fake-resources.js';
import type { Caller } from './pool-callers.js';
import type { PoolShares } from './pool-shares.js';
import type { PoolWorld } from './pool-world.js';

/** One loan: of all there were the how manieth. */
export interface Loan {
  readonly number: number;
  /** The one that began to use the connection: itself, or the one that it joined, or that one joined. */
  readonly tenure: number;
}

/** One that was told of and whose caller has not heard of it yet. */
interface Told extends Loan {
  readonly waitedMs: number;
  /** How many long ones might have been at work then. */
  readonly limit: number;
}

export class PoolOrder {
  readonly #world: PoolWorld;
  #loans = 0;
  /** Of each connection, those that nobody has heard of yet. */
  readonly #told = new Map<number, Told[]>();
  /** Of each connection, the last. */
  readonly #tenures = new Map<number, number>();

  constructor(world: PoolWorld, shares: PoolShares) {
    this.#world = world;
    world.hub.on('lease:acquired', ({ connectionId, waitedMs }) => {
      const number = (this.#loans += 1);
      const tenure = shares.isJoined ? (this.#tenures.get(connectionId) ?? number) : number;
      this.#tenures.set(connectionId, tenure);
      const told = this.#told.get(connectionId) ?? [];
      told.push({ number, tenure, waitedMs, limit: shares.limitNow });
      this.#told.set(connectionId, told);
    });
  }

  /** How many loans there have been. */
  get loans(): number {
    return this.#loans;
  }

  /** One that `caller` may be hearing of now, `undefined` where there is none. */
  heard({ askedAt, loansBefore }: Caller, { entry }: Lease<FakeResource>): Told | undefined {
    const told = this.#told.get(entry.id) ?? [];
    const waitedMs = this.#world.clock.now() - askedAt;
    const mine = told.findIndex((one) => one.waitedMs === waitedMs && one.number > loansBefore);
    return mine < 0 ? undefined : told.splice(mine, 1)[0];
  }

  /** Of all who wait, or have been served since it was last asked. */
  check(present: readonly Caller[]): void {
    this.#sortTwins(present);
    for (const served of present) if (served.loan !== undefined) this.#checkOne(served, served.loan, present);
  }

  #sortTwins(present: readonly Caller[]): void {
    const groups = new Map<string, Caller[]>();
    for (const caller of present) {
      if (caller.loan === undefined) continue;
      const key = `${caller.loan.tenure} ${caller.askedAt} ${caller.settledAt}`;
      groups.set(key, [...(groups.get(key) ?? []), caller]);
    }
    for (const twins of groups.values()) {
      const loans = twins.flatMap(({ loan }) => loan ?? []).sort((one, other) => one.number - other.number);
      const left = [...twins].sort(inTurn);
      for (const loan of loans) {
        // Who had not asked yet was not passed over.
        const due = left.find(({ loansBefore }) => loansBefore < loan.number);
        if (due === undefined) throw new Error('a loan that nobody has asked for');
        left.splice(left.indexOf(due), 1);
        due.loan = due.order = loan;
      }
    }
  }

  #checkOne(served: Caller, loan: Loan, present: readonly Caller[]): void {
    for (const other of present) {
      const wasWaiting = other.loan === undefined ? other.settledAt === undefined : other.loan.number > loan.number;
      if (other === served || !wasWaiting || other.loansBefore >= loan.number) continue;
      // It was not in the line yet.
      if (served.isInterrupting && served.askedAt === other.askedAt) continue;
      if (!competes(served, loan, other)) continue;
      if (inTurn(other, served) < 0) this.#world.violate(`I4 ${served.name} was served before ${other.name}`);
      if (served.askedAt > other.askedAt) this.#world.happenings.count('overtaken by priority');
    }
  }
}

/**
 * Whether one waits for what the other got. Those of a lane always do; for a connection that had come free both do, but
 * for a long one that had to wait for another of its kind; what several share only short ones can have.
 */
function competes(served: Caller, { number, tenure }: Loan, other: Caller): boolean {
  if (served.lane === other.lane) return true;
  return number === tenure && other.lane !== 'long' && virtualArrival(served) !== virtualArrival(other);
}

/** Below zero when `one` is to be served before `other`. */
function inTurn(one: Caller, other: Caller): number {
  const lead = virtualArrival(one) - virtualArrival(other) || HANDICAP_MS[one.priority] - HANDICAP_MS[other.priority];
  return lead || one.name - other.name;
}

function virtualArrival({ askedAt, priority }: Caller): number {
  return askedAt + HANDICAP_MS[priority];
}
