import { describe, expect, it } from 'vitest';
import { checkRuntimeLeftovers, runtimeBench } from '../../test/fakes/runtime-bench.js';
import { ConnectionError } from '../errors/connection-error.js';
import { QueryError } from '../errors/query-error.js';

checkRuntimeLeftovers();

const QUICK = { jitter: 'none', initialBackoff: '1ms' } as const;

describe('the attempts of a call', () => {
  // `execute nope` in a transaction ran its function four times.
  it('are two for a prepared statement that is gone, in a transaction as outside of it', async () => {
    const bench = runtimeBench({ query: { retry: QUICK } });
    bench.driver.next = () => {
      const session = bench.newSession();
      const init = { outcome: 'not-applied', breaker: 'success' } as const;
      const context = { runtime: 'fake', connectionId: 1 };
      const gone = { ...init, decision: 'whole-transaction', context } as const;
      session.answers.set('execute nope', new QueryError('statement-invalid', 'gone', gone));
      return session;
    };
    const runs: number[] = [];
    const ran = bench.watch(
      bench.db.transaction(async (tx) => {
        runs.push(tx.attempt);
        await tx.exec('execute nope');
      }),
    );
    await bench.clock.advance(1_000);
    expect(ran.error).toMatchObject({ reason: 'statement-invalid' });
    expect(runs).toEqual([1, 2]);
  });

  it('end with an error that says how many there were, and what may have been applied by an earlier one', async () => {
    const bench = runtimeBench({ query: { retry: { ...QUICK, maxRetries: 1 } } });
    const errors = [
      new ConnectionError('lost', 'gone', { outcome: 'unknown', decision: 'new-connection', isConnectionFatal: true }),
      new ConnectionError('lost', 'gone', { outcome: 'not-sent', decision: 'new-connection' }),
    ];
    bench.driver.next = () => {
      const session = bench.newSession();
      const error = errors.shift();
      if (error !== undefined) session.answers.set('a', error);
      return session;
    };
    const ran = bench.watch(bench.db.exec('a', [], { idempotent: true }));
    await bench.clock.advance(1_000);
    expect(ran.error).toMatchObject({
      message: 'gone (after 2 attempts)',
      outcome: 'unknown',
      attempts: [{ outcome: 'unknown' }],
    });
  });
});
