/**
 * The fire: what breaks between the bank and its database, drawn from a seed. One fault after the other, each cleared
 * before the next and all of them once before any comes again; in between the server is killed (SIGKILL for every process
 * at once) and started again. The schedule is the seed's; which transfers it meets is the machine's.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { TcpProxy } from 'fluxor-db/testing';
import { Dice } from '../../chaos/dice.js';
import type { BankDatabase, BankServer } from './bank-database.js';

export interface StormPlan {
  readonly seed: number;
  readonly durationMs: number;
  /** How often the server is killed, at even distances. */
  readonly kills: number;
}

type Fault =
  | 'resets'
  | 'ends'
  | 'black-hole'
  | 'lost-commits'
  | 'lost-requests'
  | 'lost-replies'
  | 'cuts'
  | 'slowness'
  | 'refusal';

const FAULTS: readonly Fault[] = [
  'resets',
  'ends',
  'black-hole',
  'lost-commits',
  'lost-commits',
  'lost-requests',
  'lost-replies',
  'cuts',
  'slowness',
  'refusal',
];
const ENDS = ['reset', 'fin', 'hang'] as const;

/** What a storm may take on top of its time, where the machine is too slow for it to have met anybody. */
const LONGER_MS = 15_000;

/** When the server was killed, and when it took connections again; monotonic milliseconds. */
export interface Outage {
  readonly downAt: number;
  readonly upAt: number;
}

export class Storm {
  /** How often each fault was made. */
  readonly counts: Record<string, number> = {};
  readonly outages: Outage[] = [];
  #bag: Fault[] = [];
  readonly #plan: StormPlan;
  readonly #dice: Dice;
  readonly #proxy: TcpProxy;
  readonly #server: BankServer;
  readonly #isCommit: (chunk: Buffer) => boolean;

  constructor(plan: StormPlan, proxy: TcpProxy, { server, isCommit }: BankDatabase) {
    this.#plan = plan;
    this.#dice = new Dice(plan.seed);
    this.#proxy = proxy;
    this.#server = server;
    this.#isCommit = isCommit;
  }

  /**
   * Settles when it is over: the server runs, and nothing stands in the way any more. It goes on past its time until every kill
   * was made, and for a while until there was enough of it: how many transfers it meets is the machine's.
   */
  async rage(wasEnough: () => boolean): Promise<void> {
    const { durationMs, kills } = this.#plan;
    const startedAt = performance.now();
    const dueAt = Array.from({ length: kills }, (_, n) => startedAt + (durationMs * (n + 1)) / (kills + 1));
    const isRaging = (): boolean => {
      const elapsedMs = performance.now() - startedAt;
      return elapsedMs < durationMs || dueAt.length > 0 || (elapsedMs < durationMs + LONGER_MS && !wasEnough());
    };
    while (isRaging()) {
      if (performance.now() >= (dueAt[0] ?? Infinity)) {
        dueAt.shift();
        await this.#kill();
      } else await this.#strike(this.#nextFault());
      await pause(this.#dice.upTo(250));
    }
    this.#proxy.clearFaults();
    await this.#proxy.setMode('pass');
  }

  async #kill(): Promise<void> {
    const downAt = performance.now();
    await this.#server.kill();
    await pause(this.#dice.upTo(1_000));
    await this.#server.start();
    this.outages.push({ downAt, upAt: performance.now() });
  }

  #nextFault(): Fault {
    if (this.#bag.length === 0) this.#bag = [...FAULTS];
    const [fault] = this.#bag.splice(this.#dice.upTo(this.#bag.length) - 1, 1);
    return fault ?? 'resets';
  }

  async #strike(fault: Fault): Promise<void> {
    this.#note(fault);
    const dice = this.#dice;
    const proxy = this.#proxy;
    switch (fault) {
      case 'resets':
        proxy.resetAll();
        break;
      case 'ends':
        proxy.finAll();
        break;
      case 'black-hole':
        proxy.blackHole(true);
        break;
      case 'lost-commits':
        proxy.dropReplies({ when: this.#isCommit, then: dice.oneOf(ENDS), times: dice.upTo(4) });
        break;
      case 'lost-requests':
        this.#loseRequests(dice.upTo(3));
        break;
      case 'lost-replies':
        proxy.dropReplies({ then: dice.oneOf(ENDS), times: dice.upTo(4) });
        break;
      case 'cuts':
        proxy.cutAfter(dice.upTo(2_000), { times: dice.upTo(4) });
        break;
      case 'slowness':
        proxy.delay(dice.upTo(60));
        break;
      case 'refusal':
        await proxy.setMode('refuse');
        proxy.resetAll();
        break;
    }
    await pause(dice.upTo(fault === 'black-hole' ? 1_500 : 500));
    proxy.clearFaults();
    await proxy.setMode('pass');
  }

  /** COMMITs that the server never sees: its connections are reset, and the request under way goes down with them. */
  #loseRequests(times: number): void {
    let left = times;
    const when = (chunk: Buffer): boolean => {
      if (left === 0 || !this.#isCommit(chunk)) return false;
      left -= 1;
      this.#proxy.resetAll();
      return false;
    };
    this.#proxy.dropReplies({ when, then: 'reset', times });
  }

  #note(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
}
