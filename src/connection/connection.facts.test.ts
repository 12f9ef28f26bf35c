/** What a connection says about itself and, when something breaks, about the others. */
import { describe, expect, it } from 'vitest';
import { checkLeftovers, connectionBench } from '../../test/fakes/connection-bench.js';
import { ServerError } from '../../test/fakes/fake-session.js';

checkLeftovers();

describe('Connection.describe', () => {
  it('tells the state alone while nothing was sent', () => {
    expect(connectionBench().connection.describe()).toEqual({ state: 'idle' });
  });

  it('tells the shape of the running statement, and of the last one afterwards, never a value', async () => {
    const bench = connectionBench();
    const run = bench.hang("update t set token = 'secret' where id in (1, 2)");
    const lastStatement = 'update t set token = ? where id in (?)';
    expect(bench.connection.describe()).toEqual({ state: 'busy', lastStatement });
    bench.session.finish();
    await run.promise;
    expect(bench.connection.describe()).toEqual({ state: 'idle', lastStatement });
  });

  it('tells what the protocol says about the transaction', async () => {
    const bench = connectionBench();
    await bench.run('begin').promise;
    expect(bench.connection.describe()).toEqual({ state: 'in-transaction', lastStatement: 'begin' });
  });

  it('tells the statement that has the connection, not one that waits for it or was refused', async () => {
    const bench = connectionBench();
    const running = bench.hang('select 1');
    const waiting = bench.run('delete from t');
    const aborted = new AbortController();
    aborted.abort();
    const refused = bench.run('drop table t', { signal: aborted.signal });
    await bench.clock.settle();
    expect(bench.connection.describe().lastStatement).toBe('select ?');
    bench.session.finish();
    await Promise.allSettled([running.promise, waiting.promise, refused.promise]);
    expect(bench.connection.describe().lastStatement).toBe('delete from t');
  });

  it('forgets with a new loan what the last borrower sent', async () => {
    const bench = connectionBench();
    await bench.run('select 1').promise;
    bench.connection.beginTenure();
    expect(bench.connection.describe()).toEqual({ state: 'idle' });
  });

  it('still answers when the connection is gone', async () => {
    const bench = connectionBench();
    await bench.run('select 1').promise;
    bench.connection.destroy();
    expect(bench.connection.describe()).toEqual({ state: 'closed', lastStatement: 'select ?' });
  });
});

describe('An error of a statement', () => {
  it('is passed on when it says something about the other connections', async () => {
    const bench = connectionBench();
    bench.session.answers.set('a', new ServerError('lost', 'validate'));
    bench.session.answers.set('b', new ServerError('local', 'evict'));
    await Promise.allSettled([bench.run('a').promise, bench.run('b').promise]);
    expect(bench.verdicts).toEqual(['validate', 'evict']);
  });

  it('is not passed on when it concerns this connection or statement only', async () => {
    const bench = connectionBench();
    for (const kind of ['unique', 'local', 'cancelled', 'lost'] as const)
      bench.session.answers.set(kind, new ServerError(kind));
    await Promise.allSettled(['unique', 'local', 'cancelled', 'lost'].map((text) => bench.run(text).promise));
    expect(bench.verdicts).toEqual([]);
  });

  it('is passed on, too, when it comes while the statement is being stopped', async () => {
    const bench = connectionBench();
    bench.session.cancelMode = 'misses';
    const run = bench.hang('update', { inMs: 10 });
    await bench.clock.advance(11);
    bench.session.fail(new ServerError('lost', 'evict'));
    await bench.clock.settle();
    expect(run.error).toMatchObject({ code: 'TIMEOUT' });
    expect(bench.verdicts).toEqual(['evict']);
  });
});
