import { describe, expect, it } from 'vitest';
import { checkLeftovers, connectionBench } from '../../test/fakes/connection-bench.js';

checkLeftovers();

const LIMIT_MS = 35_000;
/** Longer than the server's limit, so that this is raised first. */
const LONG = { inMs: 60_000 };
const RAISE = 'limit 65000';

/** The limit that a call needs is being raised, and not answered. */
function raising() {
  const bench = connectionBench();
  bench.session.statementLimitMs = LIMIT_MS;
  bench.session.answers.set(RAISE, 'hang');
  return bench;
}

describe("Connection, raising the server's limit for a call", () => {
  it('sends the statement after it, and no raise for the calls that come later', async () => {
    const bench = connectionBench();
    bench.session.statementLimitMs = LIMIT_MS;
    await bench.run('a', LONG).promise;
    await bench.run('b', LONG).promise;
    await bench.run('c').promise;
    expect(bench.wire).toEqual([RAISE, 'a', 'b', 'c']);
  });

  it('sends nothing of a statement that its caller aborts meanwhile', async () => {
    const bench = raising();
    bench.session.cancelMode = 'misses';
    const abort = new AbortController();
    const run = bench.run('insert', { ...LONG, signal: abort.signal });
    await bench.clock.settle();
    abort.abort();
    await bench.clock.settle();
    bench.session.finish();
    await bench.clock.settle();
    expect(run.error).toMatchObject({ code: 'CANCELLED', reason: 'caller', outcome: 'not-sent' });
    expect(bench.wire).toEqual([RAISE, 'cancel', 'ping']);
    expect(bench.connection.condition()).toBe('clean');
  });

  it('sends nothing of a statement whose deadline comes meanwhile', async () => {
    const bench = raising();
    const run = bench.run('insert', LONG);
    await bench.clock.advance(60_001);
    expect(run.error).toMatchObject({ code: 'TIMEOUT', outcome: 'not-applied' });
    expect(bench.wire).toEqual([RAISE, 'cancel', 'ping']);
  });

  it('sends no COMMIT whose lease ends meanwhile, and says that it was not sent', async () => {
    const bench = connectionBench();
    await bench.run('begin').promise;
    bench.session.statementLimitMs = LIMIT_MS;
    bench.session.answers.set(RAISE, 'hang');
    const commit = bench.run('commit', { ...LONG, phase: 'commit', inTransaction: true });
    await bench.clock.settle();
    const reset = bench.connection.reset();
    await bench.clock.settle();
    bench.session.finish();
    await reset;
    expect(commit.error).toMatchObject({ code: 'CANCELLED', reason: 'runtime', outcome: 'not-sent' });
    expect(bench.wire).toEqual(['begin', RAISE, 'rollback']);
  });

  it('says that the statement was not sent when the connection is lost meanwhile', async () => {
    const bench = raising();
    const run = bench.run('insert', LONG);
    await bench.clock.settle();
    bench.session.lose();
    await bench.clock.settle();
    expect(run.error).toMatchObject({ code: 'CONNECTION', reason: 'lost', outcome: 'not-sent' });
  });

  it('does not know the outcome when the connection is lost after it', async () => {
    const bench = connectionBench();
    bench.session.statementLimitMs = LIMIT_MS;
    const run = bench.hang('insert', LONG);
    await bench.clock.settle();
    bench.session.lose();
    await bench.clock.settle();
    expect(run.error).toMatchObject({ code: 'CONNECTION', outcome: 'unknown' });
  });

  it('leaves no connection without a limit to the next borrower, and a longer one as it is', async () => {
    const bench = connectionBench();
    bench.session.statementLimitMs = LIMIT_MS;
    await bench.run('a', LONG).promise;
    expect(bench.connection.condition()).toBe('clean');
    await bench.run('b', { timeoutMs: Infinity }).promise;
    expect(bench.connection.condition()).toBe('dirty');
    await bench.connection.reset();
    expect(bench.connection.condition()).toBe('clean');
    expect(bench.wire).toEqual([RAISE, 'a', 'limit 0', 'b', 'discard all']);
  });

  it('has nothing to put back where it was in a transaction', async () => {
    const bench = connectionBench();
    await bench.run('begin').promise;
    bench.session.statementLimitMs = LIMIT_MS;
    await bench.run('a', { timeoutMs: Infinity, inTransaction: true }).promise;
    await bench.run('rollback', { inTransaction: true }).promise;
    expect(bench.connection.condition()).toBe('clean');
  });
});
