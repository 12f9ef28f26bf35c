import { describe, expect, it } from 'vitest';
import type { PoolConfig } from '../pool/pool-options.js';
import { PoolSettings } from '../pool/pool-settings.js';
import { Pool } from '../pool/pool.js';
import type { CreateRequest } from '../pool/resource-factory.js';
import { checkLeftovers, connectionBench } from '../../test/fakes/connection-bench.js';
import type { ConnectionBench } from '../../test/fakes/connection-bench.js';
import { ServerError } from '../../test/fakes/fake-session.js';
import { POOL_CONFIG } from '../../test/fakes/pool-bench.js';
import { ConnectionFactory } from './connection-factory.js';
import type { Connection } from './connection.js';

checkLeftovers();

const types = { bigint: 'bigint', decimal: 'string', date: 'string', json: 'parsed' } as const;

describe('ConnectionFactory', () => {
  it('turns a failure to connect into an error of the house', async () => {
    const bench = connectionBench();
    bench.driver.next = new ServerError('lost');
    const factory = new ConnectionFactory(bench.ports, types);
    await expect(factory.create(request())).rejects.toMatchObject({
      code: 'CONNECTION',
      outcome: 'not-sent',
      context: { connectionId: 3 },
    });
    expect(bench.driver.situations).toMatchObject([{ phase: 'connect', wasSent: false }]);
  });

  it('turns the loss of a connection at rest into an error of the house', async () => {
    const bench = connectionBench();
    bench.driver.next = bench.session;
    const factory = new ConnectionFactory(bench.ports, types);
    const lost: unknown[] = [];
    const asked = request({ onLost: (error) => lost.push(error) });
    const connection = await factory.create(asked);
    expect(factory.label).toBe('fake://server');
    expect(bench.driver.requests).toMatchObject([{ signal: asked.signal, types }]);
    bench.driver.requests[0]?.onLost(new ServerError('lost'));
    expect(lost).toMatchObject([
      { code: 'CONNECTION', reason: 'lost', outcome: 'not-sent', context: { connectionId: 3 } },
    ]);
    expect(factory.condition(connection)).toBe('clean');
  });

  it('passes on what the loss of a connection says about the others, after the loss itself', async () => {
    const bench = connectionBench();
    const told: unknown[] = [];
    await new ConnectionFactory(bench.ports, types).create(
      request({
        onLost: ({ code }) => told.push(['lost', code]),
        onSiblings: (verdict, { code }) => told.push([verdict, code]),
      }),
    );
    bench.driver.requests[0]?.onLost(new ServerError('lost', 'validate'));
    expect(told).toEqual([
      ['lost', 'CONNECTION'],
      ['validate', 'CONNECTION'],
    ]);
  });

  it('passes on what a failed statement says about the other connections', async () => {
    const bench = connectionBench();
    bench.driver.next = bench.session;
    const told: unknown[] = [];
    const connection = await new ConnectionFactory(bench.ports, types).create(
      request({ onSiblings: (verdict, error) => told.push([verdict, error]) }),
    );
    bench.session.answers.set('update', new ServerError('local', 'evict'));
    const run = bench.watch(connection.execute(statement('update'), bench.call()));
    await bench.clock.settle();
    expect(run.error).toBeDefined();
    expect(told).toEqual([['evict', run.error]]);
  });

  it('passes on that credentials have been renewed', async () => {
    const bench = connectionBench();
    let rotations = 0;
    await new ConnectionFactory(bench.ports, types).create(request({ onRotated: () => (rotations += 1) }));
    expect(rotations).toBe(0);
    bench.driver.requests[0]?.onRotated?.();
    expect(rotations).toBe(1);
  });

  it('describes a connection without the values of its statement', async () => {
    const bench = connectionBench();
    bench.driver.next = bench.session;
    const factory = new ConnectionFactory(bench.ports, types);
    const connection = await factory.create(request());
    expect(factory.describe(connection)).toEqual({ state: 'idle' });
    await connection.execute(statement("select 'secret', 42"), bench.call());
    expect(factory.describe(connection)).toEqual({ state: 'idle', lastStatement: 'select ?, ?' });
  });
});

describe('A pool of connections', () => {
  it('cleans a connection that comes back with an open transaction before it lends it again', async () => {
    const { bench, pool } = lendingBench();
    const lease = await pool.acquire({ deadlineAt: 1_000 });
    await lease.resource.execute(statement('begin'), bench.call());
    const next = pool.acquire({ deadlineAt: 1_000 });
    lease.release();
    expect((await next).resource.condition()).toBe('clean');
    expect(bench.wire).toEqual(['begin', 'rollback']);
    (await next).release();
    await close(bench, pool);
  });

  it('stops at the server what still runs at the deadline of a shutdown, then says goodbye', async () => {
    const { bench, pool } = lendingBench();
    const lease = await pool.acquire({ deadlineAt: 1_000 });
    bench.session.answers.set('update', 'hang');
    const run = bench.watch(lease.resource.execute(statement('update'), bench.call({ inMs: 60_000 })));
    const closed = pool.close(100);
    await bench.clock.advance(101);
    expect(await closed).toBe(1);
    expect(run.error).toMatchObject({ code: 'CANCELLED', reason: 'runtime', outcome: 'not-applied' });
    expect(bench.wire).toEqual(['update', 'cancel', 'ping', 'close', 'destroy']);
    expect(() => lease.resource).toThrow('has been released');
  });

  it('is not held up for long by a server that does not stop', async () => {
    const { bench, pool } = lendingBench();
    const lease = await pool.acquire({ deadlineAt: 1_000 });
    bench.session.answers.set('update', 'hang');
    bench.session.cancelMode = 'hangs';
    const run = bench.watch(lease.resource.execute(statement('update'), bench.call({ inMs: 60_000 })));
    const closed = pool.close(100);
    await bench.clock.advance(2_110);
    expect(await closed).toBe(1);
    expect(run.error).toMatchObject({ code: 'CANCELLED', reason: 'runtime', outcome: 'unknown' });
    expect(bench.wire).toContain('destroy');
  });

  it('lets a COMMIT end that runs at the deadline of a shutdown', async () => {
    const { bench, pool } = lendingBench();
    const lease = await pool.acquire({ deadlineAt: 1_000 });
    bench.session.answers.set('commit', 'hang');
    await lease.resource.execute(statement('begin'), bench.call());
    const commit = bench.watch(
      lease.resource.execute(statement('commit'), bench.call({ inMs: 60_000, phase: 'commit' })),
    );
    const closed = pool.close(100);
    await bench.clock.advance(500);
    bench.session.finish();
    await bench.clock.settle();
    expect(await closed).toBe(1);
    expect(commit.result).toBeDefined();
    expect(bench.wire).toEqual(['begin', 'commit', 'close', 'destroy']);
  });

  it('lets no statement of a transaction slip in after its connection was taken away', async () => {
    const { bench, pool } = lendingBench();
    const lease = await pool.acquire({ deadlineAt: 1_000 });
    const connection = lease.resource;
    await connection.execute(statement('begin'), bench.call());
    bench.session.answers.set('rollback', 'hang');
    const closed = pool.close(100);
    await bench.clock.advance(101);
    const late = bench.watch(connection.execute(statement('insert'), bench.call()));
    await bench.clock.settle();
    expect(late.error).toMatchObject({ code: 'LEASE_RELEASED', outcome: 'not-sent' });
    bench.session.finish();
    await bench.clock.settle();
    expect(await closed).toBe(1);
    expect(bench.wire).toEqual(['begin', 'rollback', 'close', 'destroy']);
  });
});

function request(given: Partial<CreateRequest> = {}): CreateRequest {
  const nothing = () => undefined;
  const { signal } = new AbortController();
  return { id: 3, signal, onLost: nothing, onSiblings: nothing, onRotated: nothing, ...given };
}

function statement(text: string): { text: string; values: readonly unknown[]; rowMode: 'array' } {
  return { text, values: [], rowMode: 'array' };
}

/** A pool of one connection to the bench's session. */
function lendingBench(config: Partial<PoolConfig> = {}): { bench: ConnectionBench; pool: Pool<Connection> } {
  const bench = connectionBench();
  bench.driver.next = bench.session;
  const { clock, timers, hub } = bench;
  const factory = new ConnectionFactory(bench.ports, types);
  const settings = new PoolSettings({ ...POOL_CONFIG, maxSize: 1, ...config });
  const pool = new Pool(factory, settings, { clock, timers, hub, random: () => 0.5 });
  return { bench, pool };
}

async function close(bench: ConnectionBench, pool: Pool<Connection>): Promise<void> {
  const closed = pool.close(bench.clock.now());
  await bench.clock.advance(10);
  await closed;
}
