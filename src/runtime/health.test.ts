import { describe, expect, it } from 'vitest';
import { checkRuntimeLeftovers, runtimeBench } from '../../test/fakes/runtime-bench.js';
import { ConnectionError } from '../errors/connection-error.js';

checkRuntimeLeftovers();

const refused = () =>
  new ConnectionError('refused', 'canary-secret', { outcome: 'not-sent', decision: 'same-connection' });

describe('a health check', () => {
  it('connects where nothing has yet, and is up when the database answers', async () => {
    const bench = runtimeBench();
    const { value } = await bench.run(bench.db.healthCheck());
    expect(value).toMatchObject({ status: 'up', reasons: [], latencyMs: 0, isCached: false, circuit: 'closed' });
    expect(bench.wire).toEqual(['ping']);
    expect(bench.db.stats().inUse).toBe(0);
  });

  it('makes one probe for however many ask, and answers from it for a second', async () => {
    const bench = runtimeBench();
    await bench.run(Promise.all(Array.from({ length: 100 }, () => bench.db.healthCheck())));
    expect((await bench.run(bench.db.healthCheck())).value).toMatchObject({ status: 'up', isCached: true });
    expect(bench.wire).toEqual(['ping']);
    await bench.clock.advance(1_000);
    expect((await bench.run(bench.db.healthCheck())).value).toMatchObject({ isCached: false });
    expect(bench.wire.filter((text) => text === 'ping').length).toBeGreaterThan(1);
  });

  it('is down within a second when no connection can be made, and tells no text of the error', async () => {
    const bench = runtimeBench();
    bench.driver.next = refused();
    const check = bench.watch(bench.db.healthCheck());
    await bench.clock.advance(1_000);
    expect(check.value?.status).toBe('down');
    expect(check.value?.reasons[0]).toMatch(/^unreachable: CONNECTION/);
    expect(JSON.stringify(check.value)).not.toContain('canary');
  });

  it('is down when the database does not answer, and gives up on that connection', async () => {
    const bench = runtimeBench();
    await bench.run(bench.db.query('a'));
    const [session] = bench.sessions;
    if (session !== undefined) session.isPingHanging = true;
    const check = bench.watch(bench.db.healthCheck());
    await bench.clock.advance(1_000);
    expect(check.value).toMatchObject({ status: 'down', reasons: ['unreachable: TIMEOUT validate'] });
  });

  it('during which the runtime is disconnected says that, and tells of no change of health', async () => {
    const bench = runtimeBench({ pool: { maxSize: 1 } });
    const changes: string[] = [];
    bench.db.on('health:changed', ({ to }) => changes.push(to));
    const held = (await bench.run(bench.db.acquire())).value;
    const check = bench.watch(bench.db.healthCheck());
    await bench.clock.settle();
    const ended = bench.watch(bench.db.disconnect({ timeout: 5_000 }));
    await bench.clock.advance(1_000);
    expect(check.value).toMatchObject({ status: 'down', reasons: ['closed: the runtime is draining'] });
    held?.release();
    await bench.clock.advance(5_000);
    expect([ended.error, changes]).toEqual([undefined, []]);
  });

  it('is degraded when everything is lent for a second, and when somebody has waited for long', async () => {
    const bench = runtimeBench({ pool: { maxSize: 1, acquireTimeout: 4_000 } });
    const held = (await bench.run(bench.db.acquire())).value;
    const crowded = bench.watch(bench.db.healthCheck());
    await bench.clock.advance(1_000);
    expect(crowded.value?.status).toBe('degraded');
    expect(crowded.value?.reasons[0]).toMatch(/^pool-exhausted:/);
    const waiting = bench.watch(bench.db.query('a'));
    await bench.clock.advance(2_500);
    const check = bench.watch(bench.db.healthCheck());
    await bench.clock.settle();
    held?.release();
    await bench.clock.settle();
    expect(waiting.error).toBeUndefined();
    expect(check.value).toMatchObject({ status: 'degraded' });
    expect(check.value?.reasons[0]).toMatch(/^long-wait: 1 wait/);
  });

  it('saw nobody wait where a connection limit below the size of the pool kept them waiting', async () => {
    const bench = runtimeBench({ pool: { maxSize: 9, acquireTimeout: 4_000 }, gate: { connectionLimit: 1 } });
    const held = (await bench.run(bench.db.acquire())).value;
    const waiting = bench.watch(bench.db.query('a'));
    await bench.clock.advance(2_500);
    const { connections, connectionLimit } = bench.db.metrics();
    expect([connections.pending, connections.oldestWaitMs]).toEqual([0, 0]);
    expect(connectionLimit).toEqual({ isEnabled: true, limit: 1, inUse: 1, waiting: 1, oldestWaitMs: 2_500 });
    expect((await bench.run(bench.db.healthCheck())).value).toMatchObject({
      status: 'degraded',
      reasons: ['long-wait: 1 wait for a connection, the first for 2,500 ms'],
    });
    held?.release();
    await bench.clock.settle();
    expect(waiting.error).toBeUndefined();
    expect(bench.db.metrics().connectionLimit).toMatchObject({ inUse: 0, waiting: 0, oldestWaitMs: 0 });
  });

  it('is down while the circuit is open, degraded while the pool is suspended, and asks nothing then', async () => {
    const bench = runtimeBench();
    bench.db.gate.circuit.forceOpen('maintenance');
    expect((await bench.run(bench.db.healthCheck())).value?.reasons).toEqual(['circuit-open: maintenance']);
    bench.db.gate.circuit.reset();
    bench.db.pool.suspend();
    await bench.clock.advance(1_000);
    const { value } = await bench.run(bench.db.healthCheck());
    expect(value).toMatchObject({ status: 'degraded', latencyMs: 0 });
    bench.db.pool.resume();
  });

  it('is down once the runtime is disconnected', async () => {
    const bench = runtimeBench();
    await bench.run(bench.db.disconnect());
    expect((await bench.run(bench.db.healthCheck())).value).toMatchObject({
      status: 'down',
      reasons: ['closed: the runtime is closed'],
    });
  });
});
