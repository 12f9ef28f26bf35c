import { afterEach, describe, expect, it } from 'vitest';
import { TRANSACTION_WORDS } from '../../test/fakes/fake-session.js';
import type { Connection } from '../connection/connection.js';
import type { OutcomeProtocol, OutcomeSource, TransactionFate } from '../driver/outcome.js';
import type { DriverQuery, DriverResult } from '../driver/query.js';
import { ConnectionError } from '../errors/connection-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import { OutcomeUnknownError } from '../errors/query-error.js';
import { UsageError } from '../errors/usage-error.js';
import type { AcquireRequest } from '../pool/waiter.js';
import type { Lease } from '../pool/lease.js';
import { Hub } from '../telemetry/hub.js';
import { FakeClock } from '../testing/fake-clock.js';
import { OutcomeResolver } from './outcome-resolver.js';

const RESULT: DriverResult = { rows: [['755']], fields: [], rowsAffected: 0, command: 'SELECT' };
const refused = new ConnectionError('refused', 'nobody there');
const native = new Error('socket hang up');
const lost = new OutcomeUnknownError('the answer is lost', {
  cause: native,
  isConnectionFatal: true,
  breaker: 'failure',
  context: { runtime: 'shop', connectionId: 3 },
});

type Script = TransactionFate | Error;

/** A database that answers one question after the other as the script says, the last line for ever. */
class Bench {
  readonly clock = new FakeClock({ now: 1_000 });
  readonly hub = new Hub(this.clock);
  readonly askedAt: number[] = [];
  readonly log: string[] = [];
  readonly sources: OutcomeSource[] = [];
  readonly requests: AcquireRequest[] = [];
  readonly facts: unknown[] = [];
  openedAt = 0;
  leases = 0;
  readonly #script: readonly Script[];

  constructor(...script: readonly Script[]) {
    this.#script = script;
    this.hub.on('transaction:resolved', ({ at: _at, ...fact }) => this.facts.push(fact));
  }

  readonly pool = {
    acquire: async (request: AcquireRequest): Promise<Lease<Connection>> => {
      this.requests.push(request);
      this.log.push('acquire');
      const line = this.#next();
      this.askedAt.push(this.clock.now());
      if (line instanceof Error) throw line;
      this.leases += 1;
      const release = async () => void (this.leases -= 1);
      return { resource: this.#connection(), [Symbol.asyncDispose]: release } as unknown as Lease<Connection>;
    },
  };

  readonly protocol: OutcomeProtocol = {
    marks: [{ text: 'mark', values: [], rowMode: 'array' }],
    ticketOf: ({ rows }) => rows[0] as readonly string[],
    fateOf: async (ticket, source) => {
      expect(ticket).toEqual(['755']);
      this.sources.push(source);
      return this.#script[Math.min(this.askedAt.length, this.#script.length) - 1] as TransactionFate;
    },
    endSession: async (_ticket, source) => void (await source.ask({ text: 'end', values: [], rowMode: 'array' })),
  };

  /** From the mark on; the answer of COMMIT is lost at 1,000. */
  async find(deadlineAt = Infinity) {
    const resolver = new OutcomeResolver(this.protocol, { name: 'shop', words: TRANSACTION_WORDS, ...this });
    const about = { transactionId: 9, connectionId: 3, deadlineAt };
    const finder = resolver.finderFor(about, () => this.log.push('given back'));
    expect(await finder.prepare(async () => RESULT)).toBe(true);
    const found = finder.find(lost);
    for (let n = 0; n < 700 && this.facts.length === 0; n += 1) await this.clock.advance(100);
    return found;
  }

  #next(): Script | undefined {
    return this.#script[Math.min(this.askedAt.length, this.#script.length - 1)];
  }

  #connection(): unknown {
    const execute = async ({ text }: DriverQuery) => (this.log.push(`${text} at ${this.clock.now()}`), RESULT);
    return { id: 4, sessionId: '12', openedAt: this.openedAt, tenure: 1, beginTenure: () => undefined, execute };
  }
}

const benches: Bench[] = [];
const bench = (...script: readonly Script[]): Bench => {
  const one = new Bench(...script);
  benches.push(one);
  return one;
};
afterEach(() => {
  for (const { clock, leases } of benches.splice(0)) expect([clock.pendingTimers, leases]).toEqual([[], 0]);
});

describe('what is found', () => {
  it('is committed, said as a fact', async () => {
    const database = bench('committed');
    expect(await database.find()).toEqual({ fate: 'committed' });
    const fact = { transactionId: 9, connectionId: 3, fate: 'committed', durationMs: 0, attempts: 1 };
    expect(database.facts).toEqual([fact]);
  });

  it('is rolled back, with an error that lets the whole transaction run again', async () => {
    expect(await bench('rolled-back').find()).toMatchObject({
      fate: 'rolled-back',
      error: {
        code: 'CONNECTION',
        reason: 'lost',
        outcome: 'not-applied',
        decision: 'whole-transaction',
        breaker: 'failure',
        isConnectionFatal: true,
        context: { runtime: 'shop', connectionId: 3 },
        cause: lost,
      },
    });
  });

  it('is unknown at once where the database cannot tell, with the error as before and what was tried', async () => {
    const found = await bench('unknown').find();
    const error = found.fate === 'committed' ? undefined : found.error;
    expect(isFluxorError(error, 'OUTCOME_UNKNOWN')).toBe(true);
    expect(error).toMatchObject({ cause: native, isConnectionFatal: true, context: lost.context, decision: 'never' });
    expect(error?.message).toMatch(/^the answer is lost; the database was asked once within 0 ms: it cannot tell/);
  });
});

describe('asking', () => {
  it('gives the useless connection back first, and asks urgently, each time with a deadline', async () => {
    const database = bench('committed');
    await database.find();
    expect(database.log.slice(0, 2)).toEqual(['given back', 'acquire']);
    expect(database.requests[0]).toMatchObject({ priority: 'high', deadlineAt: 3_000 });
  });

  it('goes on while the database is away, after 10 ms, doubling to 500 ms', async () => {
    const database = bench(...Array.from({ length: 9 }, () => refused), 'committed');
    expect(await database.find()).toEqual({ fate: 'committed' });
    const pauses = database.askedAt.slice(1).map((at, n) => at - (database.askedAt[n] ?? 0));
    expect(pauses).toEqual([10, 20, 40, 80, 160, 320, 500, 500, 500]);
  });

  it('says whether the connection was open before the mark, and nothing it cannot know', async () => {
    const [older, younger] = [bench('committed'), bench('committed')];
    older.openedAt = 999;
    younger.openedAt = 1_000;
    await older.find();
    await younger.find();
    expect([older, younger].map(({ sources }) => sources[0]?.isOlder)).toEqual([true, false]);
    expect(older.sources[0]?.sessionId).toBe('12');
  });

  it('ends after 30 s, or with the transaction where that has longer', async () => {
    for (const [deadlineAt, seconds] of [
      [Infinity, 30],
      [5_000, 30],
      [61_000, 60],
    ] as const) {
      const database = bench(refused);
      const found = await database.find(deadlineAt);
      expect(found.fate).toBe('unknown');
      const last = database.askedAt.at(-1) ?? 0;
      expect(last).toBeLessThan(1_000 + seconds * 1_000);
      expect(last).toBeGreaterThanOrEqual(1_000 + seconds * 1_000 - 500);
      if (found.fate === 'unknown') expect(found.error.message).toContain('the last one for CONNECTION (refused)');
    }
  });

  it('ends with the runtime', async () => {
    const database = bench(refused, new UsageError('RUNTIME_CLOSED', 'closed'));
    expect((await database.find()).fate).toBe('unknown');
    expect(database.askedAt).toHaveLength(2);
  });

  it('survives an answer that nobody understands', async () => {
    const database = bench(new TypeError('not a number'), 'committed');
    expect(await database.find()).toEqual({ fate: 'committed' });
  });
});

describe('a transaction still in progress', () => {
  it('is waited for, and its session ended when it has been so for 1 s', async () => {
    const database = bench(...Array.from({ length: 9 }, (): Script => 'in-progress'), 'rolled-back');
    expect(await database.find()).toMatchObject({ fate: 'rolled-back' });
    const ends = database.log.filter((line) => line.startsWith('end'));
    // The first question was at 1,000: those at 1,630 and before were too soon.
    expect(ends).toEqual(['end at 2130', 'end at 2630']);
  });

  it('is waited for even where its session may not be ended', async () => {
    const database = bench(...Array.from({ length: 9 }, (): Script => 'in-progress'), 'committed');
    database.protocol.endSession = () => Promise.reject(refused);
    expect(await database.find()).toEqual({ fate: 'committed' });
  });

  it('is called unknown when its time is up', async () => {
    const found = await bench('in-progress').find();
    if (found.fate === 'committed') throw new Error('it did not commit');
    expect(found.error.message).toContain('the transaction was still in progress');
  });
});
