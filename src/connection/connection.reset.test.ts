import { describe, expect, it } from 'vitest';
import { checkLeftovers, connectionBench } from '../../test/fakes/connection-bench.js';
import type { ConnectionBench } from '../../test/fakes/connection-bench.js';
import { RESULT } from '../../test/fakes/fake-session.js';
import { TransactionControl } from './transaction-control.js';

checkLeftovers();

describe('Connection.reset', () => {
  it('rolls back what the last borrower left open', async () => {
    const bench = connectionBench();
    await bench.run('begin').promise;
    expect(bench.connection.condition()).toBe('dirty');
    await bench.connection.reset();
    expect(bench.wire).toEqual(['begin', 'rollback']);
    expect(bench.connection.condition()).toBe('clean');
  });

  it('forgets session settings only where that is the policy, and then after every session', async () => {
    const bench = connectionBench({ onRelease: 'reset' });
    bench.connection.markTouched();
    expect(bench.connection.condition()).toBe('dirty');
    await bench.connection.reset();
    expect(bench.wire).toEqual(['discard all']);
    expect(bench.connection.condition()).toBe('clean');
    const lenient = connectionBench();
    lenient.connection.markTouched();
    expect(lenient.connection.condition()).toBe('clean');
  });

  it('sees at once that the policy, or the query that proves its life, was changed', async () => {
    const bench = connectionBench();
    bench.connection.markTouched();
    expect(bench.connection.condition()).toBe('clean');
    bench.config = { onRelease: 'reset', validationQuery: 'select 1 from t' };
    expect(bench.connection.condition()).toBe('dirty');
    await bench.connection.reset();
    await bench.connection.validate();
    expect(bench.wire).toEqual(['discard all', 'select 1 from t']);
  });

  it('stops a running statement, and tells its caller that the runtime did so', async () => {
    const bench = connectionBench();
    const run = bench.hang('update');
    const reset = bench.connection.reset();
    await bench.clock.settle();
    await reset;
    expect(run.error).toMatchObject({ code: 'CANCELLED', reason: 'runtime', outcome: 'not-applied', retryable: false });
    expect(String(run.error)).toContain('still running when its connection was released');
    expect(bench.wire).toEqual(['update', 'cancel', 'ping']);
    expect(bench.connection.condition()).toBe('clean');
  });

  it('tells the caller of a statement that finished all the same that it was applied', async () => {
    const bench = connectionBench();
    bench.session.cancelMode = 'misses';
    const run = bench.hang('update');
    const reset = bench.connection.reset();
    await bench.clock.advance(500);
    bench.session.finish();
    await reset;
    await bench.clock.settle();
    expect(run).toMatchObject({ error: { code: 'CANCELLED', reason: 'runtime', outcome: 'applied' }, at: 500 });
  });

  it('answers the caller within 2 s when the server says nothing, and destroys the connection', async () => {
    const bench = connectionBench();
    bench.session.cancelMode = 'hangs';
    const run = bench.hang('update', { inMs: 60_000 });
    const reset = bench.connection.reset().catch(() => 'failed');
    await bench.clock.advance(2_002);
    expect(run.error).toMatchObject({ code: 'CANCELLED', reason: 'runtime', outcome: 'unknown' });
    expect(await reset).toBe('failed');
    expect(bench.connection.condition()).toBe('broken');
  });

  it('keeps the own deadline of a statement that is being stopped, and stops it once', async () => {
    const bench = connectionBench();
    bench.session.cancelMode = 'misses';
    const run = bench.hang('update', { inMs: 100 });
    const reset = bench.connection.reset();
    await bench.clock.advance(202);
    expect(run.error).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' });
    bench.session.finish();
    await reset;
    expect(withoutRepeats(bench.wire)).toEqual(['update', 'cancel', 'ping']);
    expect(bench.connection.condition()).toBe('clean');
  });

  it('waits for a stop that is under way already, and begins no other', async () => {
    const bench = connectionBench();
    bench.session.cancelMode = 'misses';
    await bench.run('begin').promise;
    const run = bench.hang('update', { inMs: 100 });
    await bench.clock.advance(202);
    expect(run.error).toMatchObject({ outcome: 'unknown' });
    const reset = bench.connection.reset();
    await bench.clock.advance(100);
    expect(withoutRepeats(bench.wire)).toEqual(['begin', 'update', 'cancel']);
    bench.session.finish();
    await reset;
    expect(withoutRepeats(bench.wire)).toEqual(['begin', 'update', 'cancel', 'ping', 'rollback']);
    expect(bench.connection.condition()).toBe('clean');
  });

  it('never cancels a COMMIT: it waits for its answer, and so does its caller', async () => {
    const bench = connectionBench();
    await bench.run('begin').promise;
    const run = bench.hang('commit', { phase: 'commit' });
    const reset = bench.connection.reset();
    await bench.clock.advance(500);
    bench.session.finish();
    await reset;
    expect(run.result).toBe(RESULT);
    expect(bench.wire).toEqual(['begin', 'commit']);
    expect(bench.connection.condition()).toBe('clean');
  });

  it('refuses the statements that had not had their turn', async () => {
    const bench = connectionBench();
    bench.hang('a');
    const waiting = [bench.run('b'), bench.run('c')];
    await bench.connection.reset();
    await bench.clock.settle();
    for (const run of waiting) expect(run.error).toMatchObject({ code: 'LEASE_RELEASED', outcome: 'not-sent' });
    expect(bench.wire).toEqual(['a', 'cancel', 'ping']);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8])(
    'sends nothing of a statement that got its turn %i microtasks before the release, unless it had started',
    async (ticks) => {
      const bench = connectionBench();
      bench.hang('a');
      bench.session.answers.set('b', 'hang');
      const next = bench.run('b');
      bench.session.finish();
      for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve();
      const hadStarted = bench.wire.includes('b');
      await bench.connection.reset();
      await bench.clock.settle();
      expect(bench.wire.includes('b')).toBe(hadStarted);
      if (hadStarted) expect(next.error).toMatchObject({ reason: 'runtime', outcome: 'not-applied' });
      else expect(next.error).toMatchObject({ code: 'LEASE_RELEASED' });
      expect(bench.connection.condition()).toBe('clean');
    },
  );

  it('lets nobody in while it works', async () => {
    const bench = connectionBench();
    bench.session.answers.set('rollback', 'hang');
    await bench.run('begin').promise;
    const reset = bench.connection.reset();
    await bench.clock.settle();
    const intruder = bench.run('insert');
    await bench.clock.settle();
    expect(intruder.error).toMatchObject({ code: 'LEASE_RELEASED', outcome: 'not-sent' });
    expect(bench.connection.condition()).toBe('dirty');
    bench.session.finish();
    await reset;
    expect(bench.wire).toEqual(['begin', 'rollback']);
    expect((await bench.run('select').promise).command).toBe('SELECT');
  });

  it('stays closed to everybody when it is overtaken by the end of the connection', async () => {
    const bench = connectionBench();
    bench.session.answers.set('rollback', 'hang');
    await bench.run('begin').promise;
    const reset = bench.connection.reset().catch(() => undefined);
    await bench.clock.settle();
    bench.connection.destroy();
    await reset;
    await expect(bench.run('insert').promise).rejects.toMatchObject({ code: 'LEASE_RELEASED', outcome: 'not-sent' });
    expect(bench.wire).toEqual(['begin', 'rollback', 'destroy']);
  });

  it('fences a transaction that was kept beyond the end of its session', async () => {
    const bench = connectionBench();
    const { connection } = bench;
    const kept = await begin(bench);
    await connection.reset();
    await begin(bench);
    const late = await kept
      .execute({ text: 'delete', values: [], rowMode: 'array' }, bench.call())
      .catch((e: unknown) => e);
    expect(late).toMatchObject({ code: 'LEASE_RELEASED', outcome: 'not-sent' });
    // Its ROLLBACK would have ended the transaction of whoever has the connection now.
    await expect(kept.rollback(bench.call())).rejects.toMatchObject({ code: 'LEASE_RELEASED' });
    expect(bench.wire).toEqual(['begin', 'rollback', 'begin']);
  });

  it('rejects when the connection is gone', async () => {
    const bench = connectionBench();
    bench.session.lose();
    await expect(bench.connection.reset()).rejects.toThrow('lost');
    expect(bench.connection.condition()).toBe('broken');
  });
});

describe('Connection, its end', () => {
  it('refuses statements that wait when it is destroyed, and those that come later', async () => {
    const bench = connectionBench();
    const running = bench.hang('a');
    const waiting = bench.run('b');
    bench.connection.destroy();
    const later = bench.run('c');
    await bench.clock.settle();
    expect(running.error).toMatchObject({ code: 'CONNECTION', outcome: 'unknown' });
    for (const run of [waiting, later]) expect(run.error).toMatchObject({ code: 'LEASE_RELEASED' });
  });

  it('sends nothing after a gentle close has begun', async () => {
    const bench = connectionBench();
    await bench.connection.close();
    const later = bench.run('c');
    await bench.clock.settle();
    expect(later.error).toMatchObject({ code: 'LEASE_RELEASED' });
    expect(bench.wire).toEqual(['close']);
  });

  it('proves its life with the query it was given', async () => {
    const bench = connectionBench({ validationQuery: 'select 42' });
    await bench.connection.validate();
    await connectionBench().connection.validate();
    expect(bench.wire).toEqual(['select 42']);
    expect(bench.connection.sessionId).toBe('fake-7');
  });
});

function begin(bench: ConnectionBench): Promise<TransactionControl> {
  return TransactionControl.begin(bench.connection, bench.driver.transactions, {}, bench.call(), 'postgres');
}

/** A cancel is sent again while its statement still runs. */
function withoutRepeats(wire: readonly string[]): string[] {
  return wire.filter((text, index) => text !== 'cancel' || wire[index - 1] !== 'cancel');
}
