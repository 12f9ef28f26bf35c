import { describe, expect, it } from 'vitest';
import type { RuntimeBench } from '../../test/fakes/runtime-bench.js';
import { checkRuntimeLeftovers, runtimeBench } from '../../test/fakes/runtime-bench.js';
import { ConnectionError } from '../errors/connection-error.js';
import { OutcomeUnknownError, TransactionError } from '../errors/query-error.js';
import type { Transaction } from './transaction.js';

checkRuntimeLeftovers();

const deadlock = () =>
  new TransactionError('deadlock', 'chosen', {
    outcome: 'not-applied',
    decision: 'whole-transaction',
    breaker: 'success',
    context: { runtime: 'fake', connectionId: 1 },
  });
const lostBefore = () =>
  new ConnectionError('lost', 'gone', {
    outcome: 'not-applied',
    decision: 'whole-transaction',
    breaker: 'failure',
    isConnectionFatal: true,
    context: { runtime: 'fake', connectionId: 1 },
    cause: new Error('gone'),
  });

/** The server answers `text` with these, one after the other and over all sessions, and then with success. */
function answers(bench: RuntimeBench, text: string, errors: readonly Error[]): void {
  const left = [...errors];
  bench.driver.next = () => {
    const session = bench.newSession();
    const execute = session.execute.bind(session);
    session.execute = async (query) => {
      const error = query.text === text ? left.shift() : undefined;
      if (error === undefined) session.answers.delete(query.text);
      else session.answers.set(text, error);
      return execute(query);
    };
    return session;
  };
}

describe('a transaction function', () => {
  it('is run again as a whole after a deadlock, and is told which run it is', async () => {
    const bench = runtimeBench();
    const retried = bench.facts('transaction:retried');
    answers(bench, 'b', [deadlock()]);
    const attempts: number[] = [];
    const ran = bench.watch(
      bench.db.transaction(async (tx) => {
        attempts.push(tx.attempt);
        await tx.exec('a');
        await tx.exec('b');
        return 'done';
      }),
    );
    await bench.clock.advance(1_000);
    expect(ran).toMatchObject({ error: undefined, value: 'done' });
    expect(attempts).toEqual([1, 2]);
    expect(bench.wire).toEqual(['begin', 'a', 'b', 'rollback', 'begin', 'a', 'b', 'commit']);
    expect(retried).toMatchObject([{ attempt: 2, error: { reason: 'deadlock' } }]);
  });

  it('is run again on another connection when its own was lost before COMMIT', async () => {
    const bench = runtimeBench();
    answers(bench, 'a', [lostBefore()]);
    const ran = bench.watch(bench.db.transaction((tx) => tx.exec('a')));
    await bench.clock.advance(1_000);
    expect(ran.error).toBeUndefined();
    expect(bench.sessions.length).toBe(2);
    expect(bench.sessions[1]?.wire).toEqual(['begin', 'a', 'commit']);
  });

  it('is run again after a COMMIT that the database answered with a rollback', async () => {
    const bench = runtimeBench();
    const failure = new TransactionError('serialization', 'between the others', {
      outcome: 'not-applied',
      decision: 'whole-transaction',
      breaker: 'success',
      context: { runtime: 'fake', connectionId: 1 },
    });
    answers(bench, 'commit', [failure]);
    const ran = bench.watch(bench.db.transaction((tx) => tx.exec('a')));
    await bench.clock.advance(1_000);
    expect(ran.error).toBeUndefined();
    expect(bench.wire.filter((text) => text === 'commit')).toHaveLength(2);
  });

  it('is never run again when its COMMIT may have happened', async () => {
    const bench = runtimeBench();
    answers(bench, 'commit', [new OutcomeUnknownError('the answer was lost', { isConnectionFatal: true })]);
    const ran = bench.watch(bench.db.transaction((tx) => tx.exec('a')));
    await bench.clock.advance(10_000);
    expect(ran.error).toMatchObject({ code: 'OUTCOME_UNKNOWN', attempts: undefined });
    expect(bench.wire.filter((text) => text === 'begin')).toHaveLength(1);
  });

  it('is not run again for an error of its own, nor where that was switched off', async () => {
    const bench = runtimeBench();
    const own = new Error('not enough money');
    expect((await bench.run(bench.db.transaction(async () => Promise.reject(own)))).error).toBe(own);
    answers(bench, 'a', [deadlock()]);
    bench.db.pool.evict();
    const ran = await bench.run(bench.db.transaction((tx) => tx.exec('a'), { retry: false }));
    expect(ran.error).toMatchObject({ reason: 'deadlock', attempts: undefined });
  });

  it('is not run again for an error of another database that it talked to', async () => {
    const bench = runtimeBench();
    const other = new TransactionError('deadlock', 'elsewhere', {
      outcome: 'not-applied',
      decision: 'whole-transaction',
      context: { runtime: 'other', connectionId: 1 },
    });
    const ran = await bench.run(
      bench.db.transaction(async (tx) => {
        await tx.exec('a');
        throw other;
      }),
    );
    expect(ran.error).toBe(other);
    expect(bench.wire).toEqual(['begin', 'a', 'rollback']);
  });

  // The bank: a statement that was carried out after its timeout was told as applied, and its transaction rolled back.
  it('tells nothing as applied that was rolled back, whatever had become of the statement', async () => {
    const bench = runtimeBench();
    bench.driver.next = () => {
      const session = bench.newSession();
      session.answers.set('slow', 'hang');
      session.cancelMode = 'misses';
      return session;
    };
    const ran = bench.watch(bench.db.transaction((tx) => tx.exec('slow', [], { timeout: 100 })));
    await bench.clock.advance(110);
    bench.sessions[0]?.finish();
    await bench.clock.advance(1_000);
    expect(ran.error).toMatchObject({ code: 'TIMEOUT', phase: 'statement', outcome: 'not-applied' });
    expect((ran.error as Error).message).toContain('rolled back');
  });

  // Found by the bank too: the error of the dispose hid the caller's own.
  it('does not hide the caller’s error behind a rollback that had nothing to talk to', async () => {
    const bench = runtimeBench();
    const business = new Error('business');
    const work = async (): Promise<void> => {
      await using tx = await bench.db.begin();
      await tx.exec('a');
      bench.sessions[0]?.lose();
      throw business;
    };
    expect((await bench.run(work())).error).toBe(business);
  });

  it('has one deadline for all its runs', async () => {
    const bench = runtimeBench({ query: { retry: { jitter: 'none', initialBackoff: '600ms' } } });
    answers(bench, 'a', [deadlock(), deadlock(), deadlock()]);
    const ran = bench.watch(bench.db.transaction((tx) => tx.exec('a'), { timeout: '1s' }));
    await bench.clock.advance(599);
    expect(ran.at).toBeUndefined();
    // The second run fails too, and another pause of 1.2 s would go beyond the second they have together.
    await bench.clock.advance(1);
    expect(ran).toMatchObject({ error: { reason: 'deadlock', attempts: [{ reason: 'deadlock' }] }, at: 600 });
  });

  it('begins again when BEGIN itself met a stale connection, at once', async () => {
    const bench = runtimeBench();
    const stale = new ConnectionError('lost', 'gone', {
      outcome: 'not-sent',
      decision: 'whole-transaction',
      isConnectionFatal: true,
      context: { runtime: 'fake', connectionId: 1 },
    });
    answers(bench, 'begin', [stale]);
    const ran = await bench.run(bench.db.transaction(async (tx) => tx.attempt));
    expect(ran).toMatchObject({ error: undefined, value: 2, at: 0 });
  });

  it('stops at once when its caller aborts between two runs', async () => {
    const bench = runtimeBench({ query: { retry: { jitter: 'none' } } });
    answers(bench, 'a', [deadlock()]);
    const { signal, abort } = controllerOf(bench);
    const ran = bench.watch(bench.db.transaction((tx) => tx.exec('a'), { signal }));
    await bench.clock.advance(50);
    abort();
    await bench.clock.settle();
    expect(ran).toMatchObject({ at: 50, error: { code: 'CANCELLED', outcome: 'not-applied' } });
  });

  it('is run again on the session it belongs to', async () => {
    const bench = runtimeBench();
    answers(bench, 'a', [deadlock()]);
    const session = await bench.db.acquire();
    const ran = bench.watch(session.transaction(async (tx) => (await tx.exec('a'), tx.attempt)));
    await bench.clock.advance(1_000);
    expect(ran).toMatchObject({ error: undefined, value: 2 });
    expect(bench.sessions.length).toBe(1);
    session.release();
  });

  it('gives up on a session whose connection is lost: there is nothing to run it on', async () => {
    const bench = runtimeBench();
    answers(bench, 'a', [lostBefore()]);
    const session = await bench.db.acquire();
    const ran = bench.watch(session.transaction((tx) => tx.exec('a')));
    await bench.clock.advance(1_000);
    expect(ran.error).toMatchObject({ code: 'CONNECTION', attempts: undefined });
  });

  it('gets a handle that refuses statements once the database has ended the transaction', async () => {
    const bench = runtimeBench();
    let kept: Transaction | undefined;
    await bench.run(bench.db.transaction(async (tx) => void (kept = tx)));
    expect((await bench.run(kept === undefined ? Promise.resolve(undefined) : kept.exec('b'))).error).toMatchObject({
      code: 'TRANSACTION_CLOSED',
    });
    expect(bench.wire).not.toContain('b');
  });
});

function controllerOf(bench: RuntimeBench): { signal: AbortSignal; abort: () => void } {
  const controller = bench.abortable();
  return { signal: controller.signal, abort: () => controller.abort() };
}
