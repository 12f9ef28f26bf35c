import { describe, expect, it } from 'vitest';
import type { RuntimeBench } from '../../test/fakes/runtime-bench.js';
import { checkRuntimeLeftovers, runtimeBench } from '../../test/fakes/runtime-bench.js';
import { OutcomeUnknownError, TransactionError } from '../errors/query-error.js';
import type { TransactionMetrics } from './transaction-metrics.js';

checkRuntimeLeftovers();

const endsOf = ({ begun, committed, rolledBack, lost, unknown, active }: TransactionMetrics) => ({
  begun,
  committed,
  rolledBack,
  lost,
  unknown,
  active,
});
const deadlockOf = (bench: RuntimeBench) =>
  new TransactionError('deadlock', 'chosen', {
    outcome: 'not-applied',
    decision: 'whole-transaction',
    context: { runtime: bench.db.config.name, connectionId: 1 },
  });
const NONE = { begun: 0, committed: 0, rolledBack: 0, lost: 0, unknown: 0, active: 0 };

describe('the metrics of transactions', () => {
  it('count how each ended, its statements and how long it lasted', async () => {
    const bench = runtimeBench();
    const work = bench.watch(
      bench.db.transaction(async (tx) => {
        await tx.exec('a');
        await tx.transaction((inner) => inner.exec('b'));
        await new Promise<void>((resolve) => void bench.clock.setTimer(100, resolve));
        await tx.exec('c');
      }),
    );
    await bench.clock.settle();
    expect(endsOf(bench.db.metrics().transactions)).toEqual({ ...NONE, begun: 1, active: 1 });
    await bench.clock.advance(100);
    expect(work.error).toBeUndefined();
    await bench.run(bench.db.transaction(async () => Promise.reject(new Error('own'))));
    const { transactions } = bench.db.metrics();
    expect(endsOf(transactions)).toEqual({ ...NONE, begun: 2, committed: 1, rolledBack: 1 });
    expect(transactions).toMatchObject({ statements: 3, statementsPerTransaction: 1.5 });
    expect(transactions.durations).toMatchObject({ count: 2, totalMs: 100, maxMs: 100, p99Ms: 100 });
    expect([transactions.commitsPerSecond, transactions.rollbacksPerSecond]).toEqual([1, 1]);
    await bench.clock.advance(61_000);
    expect(bench.db.metrics().transactions).toMatchObject({ commitsPerSecond: 0, rollbacksPerSecond: 0, committed: 1 });
  });

  it('count every run of a function that was run again', async () => {
    const bench = runtimeBench();
    let failures = 1;
    const ran = bench.watch(
      bench.db.transaction(async (tx) => {
        await tx.exec('a');
        if (failures-- > 0) throw deadlockOf(bench);
      }),
    );
    await bench.clock.advance(1_000);
    expect(ran.error).toBeUndefined();
    const { transactions } = bench.db.metrics();
    expect(transactions.retried).toBe(1);
    expect(endsOf(transactions)).toEqual({ ...NONE, begun: 2, committed: 1, rolledBack: 1 });
  });

  it.each(['abort', 'disconnect'] as const)('count no run that never was (%s in the pause)', async (how) => {
    const bench = runtimeBench({ query: { retry: { initialBackoff: '5s', maxBackoff: '5s', jitter: 'none' } } });
    const controller = bench.abortable();
    const refuse = async () => Promise.reject(deadlockOf(bench));
    const ran = bench.watch(bench.db.transaction(refuse, { signal: controller.signal }));
    await bench.clock.advance(1_000);
    expect(ran.at).toBeUndefined();
    expect(bench.db.metrics().transactions).toMatchObject({ begun: 1, retried: 0 });
    if (how === 'abort') controller.abort();
    else void bench.db.disconnect({ timeout: 1 });
    await bench.clock.advance(10_000);
    expect(ran.error).toMatchObject({ code: how === 'abort' ? 'CANCELLED' : 'TRANSACTION' });
    expect(bench.db.metrics().transactions).toMatchObject({ begun: 1, retried: 0 });
  });

  it('tell a COMMIT of unknown outcome and a lost connection apart from what was rolled back', async () => {
    const bench = runtimeBench({ query: { retry: false } });
    bench.driver.next = () => {
      const session = bench.newSession();
      session.answers.set('commit', new OutcomeUnknownError('the answer was lost', { isConnectionFatal: true }));
      return session;
    };
    await bench.run(bench.db.transaction((tx) => tx.exec('a')));
    const lost = bench.db.transaction(async (tx) => {
      bench.sessions.at(-1)?.lose();
      await tx.exec('a');
    });
    await bench.run(lost);
    expect(endsOf(bench.db.metrics().transactions)).toEqual({ ...NONE, begun: 2, unknown: 1, lost: 1 });
  });

  it('count one that was left open when its session was released, once, and as lost', async () => {
    const bench = runtimeBench();
    const session = await bench.db.acquire();
    const tx = await session.begin();
    await tx.exec('a');
    session.release();
    await bench.clock.settle();
    expect(endsOf(bench.db.metrics().transactions)).toEqual({ ...NONE, begun: 1, lost: 1 });
    await bench.run(tx.rollback());
    expect(endsOf(bench.db.metrics().transactions)).toEqual({ ...NONE, begun: 1, lost: 1 });
  });

  it('say nothing of prepared statements where there are none', () => {
    const nothing = { hits: 0, misses: 0, hitRate: 0, prepared: 0, evicted: 0, healed: 0 };
    expect(runtimeBench().db.metrics().statements).toEqual(nothing);
  });
});
