import { describe, expect, it } from 'vitest';
import { checkMetricsAtRest, checkMetricSums } from '../../test/chaos/metric-sums.js';
import { checkRuntimeLeftovers, runtimeBench } from '../../test/fakes/runtime-bench.js';
import { ServerError } from '../../test/fakes/fake-session.js';
import { ConnectionError } from '../errors/connection-error.js';
import type { Executor } from './executor.js';

checkRuntimeLeftovers();

describe('the metrics of a runtime', () => {
  it('count logical queries by their end, with those under way apart', async () => {
    const bench = runtimeBench({ query: { retry: false } });
    await bench.run(bench.db.query('select 1'));
    bench.sessions[0]?.answers.set('insert into t', new ServerError('unique'));
    await bench.run(bench.db.exec('insert into t'));
    bench.sessions[0]?.answers.set('select slow', 'hang');
    const slow = bench.watch(bench.db.query('select slow'));
    await bench.clock.advance(1_500);
    const { queries } = bench.db.metrics();
    expect(queries).toMatchObject({ total: 2, success: 1, failed: 1, slow: 0, inFlight: 1, retries: 0 });
    expect(queries.failedBy).toEqual({ CONSTRAINT: 1 });
    bench.sessions[0]?.finish();
    await bench.clock.settle();
    expect(slow.error).toBeUndefined();
    const after = bench.db.metrics();
    expect(after.queries).toMatchObject({ total: 3, slow: 1, inFlight: 0, maxMs: 1_500, totalMs: 1_500 });
    expect(Object.keys(after.queries.byOperation)).toEqual(['select', 'insert']);
    expect(after.connections).toMatchObject({ open: 1, idle: 1, inUse: 0, maxOpen: 50, created: 1, waitCount: 1 });
    checkMetricsAtRest(after);
    expect(Object.isFrozen(after)).toBe(true);
  });

  it('count a stream once, by what it has waited for the database, and its later pages as fetching', async () => {
    const bench = runtimeBench({ query: { slowThreshold: 10 } });
    await bench.run(bench.db.query('select 1'));
    const [session] = bench.sessions;
    session?.pages.set('numbers', [[1, 2], [3, 4], [5]]);
    session?.answers.set('fetch numbers', 'hang');
    const rows = bench.db.stream('numbers')[Symbol.asyncIterator]();
    await bench.run(rows.next());
    await bench.run(rows.next());
    await bench.clock.advance(60_000);
    const third = bench.watch(rows.next());
    await bench.clock.advance(20);
    session?.finish();
    await bench.clock.settle();
    expect(third.error).toBeUndefined();
    expect(bench.db.metrics().queries.inFlight).toBe(1);
    await bench.run(Promise.resolve(rows.return?.()));
    const { queries } = bench.db.metrics();
    expect(queries).toMatchObject({ total: 2, success: 2, inFlight: 0, maxMs: 20 });
    expect(bench.db.diagnostics().slow).toMatchObject([
      { fingerprint: 'numbers', fetchingMs: 20, executingMs: 0, rows: 4 },
    ]);
  });

  it.each(['session', 'transaction'] as const)(
    'counted as executing what a statement stood in line behind another one of its %s',
    async (kind) => {
      const bench = runtimeBench({ query: { slowThreshold: 10 } });
      await bench.run(bench.db.query('select 1'));
      const [session] = bench.sessions;
      session?.answers.set('select a', 'hang').set('select b', 'hang');
      const work = (on: Executor) => Promise.all([on.query('select a'), on.query('select b')]);
      const both = bench.watch(kind === 'session' ? bench.db.use(work) : bench.db.transaction(work));
      await bench.clock.advance(30);
      session?.finish();
      await bench.clock.advance(20);
      session?.finish();
      await bench.clock.settle();
      expect(both.error).toBeUndefined();
      expect(bench.db.diagnostics().slow).toMatchObject([
        { fingerprint: 'select b', durationMs: 50, waitingMs: 30, executingMs: 20 },
        { fingerprint: 'select a', durationMs: 30, waitingMs: 0, executingMs: 30 },
      ]);
    },
  );

  it('say where the time of a slow query went: in line, while a connection was made, at the database', async () => {
    const bench = runtimeBench({ pool: { maxSize: 1 }, query: { slowThreshold: 10 } });
    const held = (await bench.run(bench.db.acquire())).value;
    const waiting = bench.watch(bench.db.query('select 1'));
    await bench.clock.advance(30);
    expect(bench.db.metrics().connections).toMatchObject({ pending: 1, oldestWaitMs: 30 });
    bench.sessions[0]?.answers.set('select 1', 'hang');
    held?.release();
    await bench.clock.advance(40);
    bench.sessions[0]?.finish();
    await bench.clock.settle();
    expect(waiting.error).toBeUndefined();
    const [slow] = bench.db.diagnostics().slow;
    expect(slow).toMatchObject({ durationMs: 70, waitingMs: 30, connectingMs: 0, executingMs: 40, fetchingMs: 0 });
    const { connections } = bench.db.metrics();
    expect(connections).toMatchObject({ waitCount: 2, waitDurationMs: 30, pending: 0, oldestWaitMs: 0 });
    expect(connections.acquire).toMatchObject({ count: 2, sum: 30 });
    expect(connections.use).toMatchObject({ count: 2, sum: 70 });
  });

  it('count retries by the code of the error before, and the pauses between them as waiting', async () => {
    const bench = runtimeBench({ query: { slowThreshold: 10, retry: { initialBackoff: 100, jitter: 'none' } } });
    const refusal = new ConnectionError('lost', 'gone', {
      outcome: 'not-applied',
      decision: 'new-connection',
      isConnectionFatal: false,
      breaker: 'failure',
    });
    await bench.run(bench.db.query('select 1'));
    bench.sessions[0]?.answers.set('select 2', refusal);
    const retried = bench.watch(bench.db.query('select 2', [], { idempotent: true }));
    await bench.clock.settle();
    bench.sessions[0]?.answers.delete('select 2');
    await bench.clock.advance(1_000);
    expect(retried.error).toBeUndefined();
    const { queries } = bench.db.metrics();
    expect(queries).toMatchObject({ total: 2, success: 2, retries: 1, retriesBy: { CONNECTION: 1 } });
    checkMetricSums(bench.db.metrics(), 'after a retry');
  });

  it('count the moves of the circuit breaker, and what the rate limiter let pass before it was switched off', async () => {
    const bench = runtimeBench();
    await bench.run(bench.db.query('select 1'));
    bench.db.gate.circuit.forceOpen('by hand');
    await bench.run(bench.db.query('select 1'));
    bench.db.gate.circuit.reset();
    bench.db.gate.rateLimit.set(false);
    const { circuit, rateLimit } = bench.db.metrics();
    expect(circuit).toMatchObject({ state: 'closed', rejected: 1 });
    expect(circuit.transitions).toEqual([
      { from: 'closed', to: 'forced-open', count: 1 },
      { from: 'forced-open', to: 'closed', count: 1 },
    ]);
    expect(rateLimit).toEqual({ isEnabled: false, allowed: 1, rejected: 0, tokens: 0 });
  });
});
