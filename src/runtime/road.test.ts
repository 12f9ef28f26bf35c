import { deadlock, refused } from '../../test/fakes/raised-errors.js';
import { describe, expect, it } from 'vitest';
import { ServerError } from '../../test/fakes/fake-session.js';
import type { RuntimeBench } from '../../test/fakes/runtime-bench.js';
import { checkRuntimeLeftovers, runtimeBench } from '../../test/fakes/runtime-bench.js';
import { ConnectionError } from '../errors/connection-error.js';
import { QueryError } from '../errors/query-error.js';

checkRuntimeLeftovers();

const lost = (outcome: 'unknown' | 'not-sent') =>
  new ConnectionError('lost', 'gone', {
    outcome,
    decision: 'new-connection',
    breaker: 'failure',
    isConnectionFatal: true,
    cause: new Error('gone'),
  });

/** The server answers `text` with these, one after the other, and then with success. */
function answers(bench: RuntimeBench, text: string, errors: readonly Error[]): void {
  const left = [...errors];
  const next = () => {
    const session = bench.newSession();
    const execute = session.execute.bind(session);
    session.execute = async (query) => {
      const error = query.text === text ? left.shift() : undefined;
      if (error !== undefined) session.answers.set(text, error);
      else session.answers.delete(text);
      return execute(query);
    };
    return session;
  };
  bench.driver.next = next;
}

describe('the road', () => {
  it('leads the stack of an error to the line that sent the statement', async () => {
    const bench = runtimeBench();
    answers(bench, 'a', [new ServerError('unique')]);
    const error = await placeTheOrder(bench, 'a');
    expect(error).toMatchObject({ code: 'CONSTRAINT' });
    expect(stackOf(error)).toEqual(['Road.#travel', 'throughOneLayer', 'placeTheOrder']);
  });

  it('does so for an error that a timer has made, too', async () => {
    const bench = runtimeBench({ query: { timeout: '1s' } });
    bench.driver.next = () => {
      const session = bench.newSession();
      session.answers.set('a', 'hang');
      return session;
    };
    const caught = placeTheOrder(bench, 'a');
    await bench.clock.advance(2_000);
    const error = await caught;
    expect(error).toMatchObject({ code: 'TIMEOUT' });
    expect(stackOf(error)).toEqual(['Road.#travel', 'throughOneLayer', 'placeTheOrder']);
    expect((error as Error).stack).toMatch(/^TimeoutError: the statement took longer/);
  });

  it('asks for nothing when the circuit is open: no token, no connection', async () => {
    const bench = runtimeBench();
    bench.db.gate.circuit.forceOpen('maintenance');
    const { error } = await bench.run(bench.db.query('a'));
    expect(error).toMatchObject({ code: 'CIRCUIT_OPEN', outcome: 'not-sent', retryable: false });
    expect(bench.db.gate.stats().rateLimit).toMatchObject({ tokens: 1_000, allowed: 0 });
    expect(bench.driver.requests).toEqual([]);
  });

  it('opens the circuit after 5 statements that failed the server, and the 6th does not touch the driver', async () => {
    const bench = runtimeBench({ query: { retry: false } });
    answers(
      bench,
      'a',
      Array.from({ length: 9 }, () => lost('unknown')),
    );
    for (let call = 0; call < 5; call += 1) {
      expect((await bench.run(bench.db.exec('a'))).error).toMatchObject({ code: 'CONNECTION', outcome: 'unknown' });
    }
    const asked = bench.driver.requests.length;
    const { error } = await bench.run(bench.db.exec('a'));
    expect(error).toMatchObject({ code: 'CIRCUIT_OPEN' });
    // The early probe asks within the second.
    expect((error as { retryAfterMs: number }).retryAfterMs).toBeLessThanOrEqual(1_000);
    expect(bench.driver.requests.length).toBe(asked);
    const { circuit } = bench.db.gate.stats();
    const lastFailure = { code: 'CONNECTION', reason: 'lost' };
    expect(circuit).toMatchObject({ why: '5 failures in a row within 0 ms', lastFailure, inStateMs: 0 });
  });

  it('lets exactly one call find out after 60 s, whatever the wall clock does meanwhile', async () => {
    const bench = runtimeBench({ query: { retry: false }, gate: { circuitBreaker: { earlyProbe: false } } });
    answers(
      bench,
      'a',
      Array.from({ length: 5 }, () => lost('unknown')),
    );
    for (let call = 0; call < 5; call += 1) await bench.run(bench.db.exec('a'));
    bench.clock.leapWall(3_600_000);
    await bench.clock.advance(59_999);
    bench.clock.leapWall(-7_200_000);
    expect((await bench.run(bench.db.exec('b'))).error).toMatchObject({ code: 'CIRCUIT_OPEN', retryAfterMs: 1 });
    await bench.clock.advance(1);
    const both = [bench.watch(bench.db.exec('b')), bench.watch(bench.db.exec('b'))];
    await bench.clock.settle();
    expect(both.map(({ error }) => (error as { code?: string } | undefined)?.code)).toEqual([
      undefined,
      'CIRCUIT_OPEN',
    ]);
    expect(bench.db.gate.circuit.state).toBe('half-open');
  });

  it('asks by itself once a second while the circuit is open, and lets calls in when the database is back', async () => {
    const bench = runtimeBench({ query: { retry: false } });
    answers(
      bench,
      'a',
      Array.from({ length: 5 }, () => lost('unknown')),
    );
    for (let call = 0; call < 5; call += 1) await bench.run(bench.db.exec('a'));
    const { next } = bench.driver;
    bench.driver.next = refused();
    await bench.clock.advance(5_000);
    expect((await bench.run(bench.db.exec('b'))).error).toMatchObject({ code: 'CIRCUIT_OPEN' });
    bench.driver.next = next;
    await bench.clock.advance(3_000);
    expect(bench.db.gate.circuit.state).toBe('half-open');
    for (let call = 0; call < 3; call += 1) await bench.run(bench.db.exec('b'));
    expect(bench.db.gate.circuit.state).toBe('closed');
  });

  it('never opens for errors of the application', async () => {
    const bench = runtimeBench({ gate: { rateLimit: false } });
    answers(
      bench,
      'a',
      Array.from({ length: 1_000 }, () => new ServerError('unique')),
    );
    for (let call = 0; call < 1_000; call += 1) await bench.run(bench.db.exec('a'));
    expect(bench.db.gate.circuit.state).toBe('closed');
    expect(bench.driver.requests.length).toBe(1);
  });

  it('does not count what never reached the server: no token, no slot, no patience', async () => {
    const gate = { rateLimit: { perSecond: 20, burst: 20 }, connectionLimit: { max: 1, queue: 5 } };
    const bench = runtimeBench({ gate, query: { timeout: '1s' } });
    const held = await bench.db.acquire();
    const abort = bench.abortable();
    const ran = Array.from({ length: 30 }, () => bench.watch(bench.db.exec('a', [], { signal: abort.signal })));
    await bench.clock.settle();
    abort.abort();
    await bench.clock.settle();
    const codes = new Set(ran.map(({ error }) => (error as { code: string }).code));
    expect(codes).toEqual(new Set(['POOL_EXHAUSTED', 'RATE_LIMIT', 'CANCELLED']));
    expect(bench.db.gate.stats().circuit).toMatchObject({ state: 'closed', failures: 0 });
    held.release();
  });

  it('gives the token back when nothing was dispatched', async () => {
    const bench = runtimeBench({ query: { retry: false }, pool: { acquireTimeout: 100, connectTimeout: 50 } });
    bench.driver.next = refused();
    const ran = bench.watch(bench.db.exec('a'));
    await bench.clock.advance(200);
    expect(ran.error).toMatchObject({ code: 'CONNECTION', outcome: 'not-sent' });
    expect(bench.db.gate.stats().rateLimit).toMatchObject({ tokens: 1_000 });
  });

  it('refuses more calls than the rate limit allows, and says when to come back', async () => {
    const bench = runtimeBench({ gate: { rateLimit: { perSecond: 2, burst: 2 } } });
    const ran = [1, 2, 3].map(() => bench.watch(bench.db.exec('a')));
    await bench.clock.settle();
    expect(ran.map(({ error }) => error)).toMatchObject([
      undefined,
      undefined,
      { code: 'RATE_LIMIT', retryAfterMs: 500 },
    ]);
    bench.db.gate.rateLimit.set(false);
    expect((await bench.run(bench.db.exec('a'))).error).toBeUndefined();
  });

  it('tells the breaker of statements inside a session and a transaction, and never refuses them', async () => {
    const bench = runtimeBench();
    const session = await bench.db.acquire();
    const tx = await session.begin();
    bench.db.gate.circuit.forceOpen();
    expect((await bench.run(tx.exec('a'))).error).toBeUndefined();
    expect((await bench.run(tx.commit())).error).toBeUndefined();
    expect((await bench.run(bench.db.exec('b'))).error).toMatchObject({ code: 'CIRCUIT_OPEN' });
    session.release();
    bench.db.gate.circuit.reset();
  });
});

describe('slow calls', () => {
  const gate = { circuitBreaker: { rate: { slowCall: '1s' } } } as const;

  it('are not those that waited for a connection, whether they got one or not', async () => {
    const bench = runtimeBench({ gate, query: { retry: false }, pool: { maxSize: 1, acquireTimeout: '3s' } });
    const held = await bench.db.acquire();
    const late = bench.watch(bench.db.exec('a'));
    await bench.clock.advance(3_000);
    const served = bench.watch(bench.db.exec('a'));
    await bench.clock.advance(2_000);
    held.release();
    await bench.clock.settle();
    expect([late.error, served.error]).toMatchObject([{ code: 'TIMEOUT', reason: 'acquire' }, undefined]);
    expect(bench.db.gate.stats().circuit).toMatchObject({ slow: 0 });
  });

  it('are told of statements inside a session, too', async () => {
    const bench = runtimeBench({ gate });
    bench.driver.next = () => {
      const session = bench.newSession();
      session.answers.set('a', 'hang');
      return session;
    };
    const session = await bench.db.acquire();
    const ran = bench.watch(session.exec('a', [], { timeout: '2s' }));
    await bench.clock.advance(3_000);
    expect(ran.error).toMatchObject({ code: 'TIMEOUT' });
    expect(bench.db.gate.stats().circuit).toMatchObject({ slow: 1 });
    session.release();
  });
});

describe('the time to acquire', () => {
  it('is spent once, in the line of the connection limit and that of the pool together', async () => {
    const gate = { connectionLimit: { max: 1 } };
    const bench = runtimeBench({ gate, query: { retry: false }, pool: { maxSize: 2, acquireTimeout: '2s' } });
    const [held, ran] = [await bench.db.acquire(), bench.watch(bench.db.exec('a'))];
    await bench.clock.advance(1_500);
    bench.driver.next = refused();
    held.discard('for this test');
    await bench.clock.advance(3_000);
    expect(ran).toMatchObject({ at: 2_000, error: { code: 'CONNECTION' } });
  });
});

describe('a call that is tried again', () => {
  it('is repeated at once and free of charge when a stale connection of the pool took nothing of it', async () => {
    const bench = runtimeBench({ query: { retry: { budget: { ratio: 0, perSecond: 0 } } } });
    const retried = bench.facts('query:retried');
    answers(bench, 'a', [lost('not-sent')]);
    await bench.run(bench.db.exec('b'));
    const { error, at } = await bench.run(bench.db.exec('a'));
    expect([error, at]).toEqual([undefined, bench.clock.now()]);
    expect(retried).toMatchObject([{ attempt: 2, delayMs: 0, error: { outcome: 'not-sent' } }]);
    expect(bench.db.gate.stats().retry).toMatchObject({ retries: 0, freeRetries: 1 });
  });

  it('is not repeated when it may have been applied, unless that does no harm', async () => {
    const bench = runtimeBench();
    answers(bench, 'a', [lost('unknown'), lost('unknown')]);
    expect((await bench.run(bench.db.exec('a'))).error).toMatchObject({ code: 'CONNECTION', outcome: 'unknown' });
    const ran = bench.watch(bench.db.exec('a', [], { idempotent: true }));
    await bench.clock.advance(1_000);
    expect(ran).toMatchObject({ error: undefined, value: { rowsAffected: 0 } });
  });

  it('carries the errors of all its attempts when it fails for good', async () => {
    const bench = runtimeBench();
    answers(bench, 'a', [deadlock(), deadlock(), deadlock(), deadlock()]);
    const ran = bench.watch(bench.db.exec('a'));
    await bench.clock.advance(10_000);
    expect(ran.error).toMatchObject({ code: 'TRANSACTION', reason: 'deadlock' });
    const { attempts } = ran.error as { attempts: unknown[] };
    expect(attempts).toMatchObject(Array.from({ length: 3 }, () => ({ code: 'TRANSACTION', reason: 'deadlock' })));
  });

  it('makes one attempt where it was told so, by the call or by the runtime', async () => {
    const bench = runtimeBench({ query: { retry: false } });
    answers(bench, 'a', [deadlock(), deadlock(), deadlock()]);
    expect((await bench.run(bench.db.exec('a'))).error).toMatchObject({ reason: 'deadlock', attempts: undefined });
    const ran = bench.watch(bench.db.exec('a', [], { retry: { maxRetries: 1, initialBackoff: 10 } }));
    await bench.clock.advance(100);
    expect(ran.error).toMatchObject({ reason: 'deadlock', attempts: [{ reason: 'deadlock' }] });
  });

  it('refuses numbers that make no sense, before anything is sent', async () => {
    const bench = runtimeBench();
    const { error } = await bench.run(
      bench.db.exec('a', [], { retry: { maxRetries: -1, initialBackof: 5 } as object }),
    );
    expect(error).toMatchObject({ code: 'CONFIG' });
    expect((error as { issues: { path: string }[] }).issues.map(({ path }) => path)).toEqual([
      'retry.maxRetries',
      'retry.initialBackof',
    ]);
    expect(bench.driver.requests).toEqual([]);
  });

  it('ends at once when its caller aborts the pause, and says what is known', async () => {
    const bench = runtimeBench({ query: { retry: { jitter: 'none', initialBackoff: '1s' } } });
    answers(bench, 'a', [deadlock()]);
    const abort = bench.abortable();
    const ran = await bench.run(bench.db.exec('a', [], { signal: abort.signal }));
    expect(ran.at).toBeUndefined();
    await bench.clock.advance(300);
    abort.abort();
    await bench.clock.settle();
    expect(ran).toMatchObject({ at: 300, error: { code: 'CANCELLED', outcome: 'not-applied' } });
    expect((ran.error as { attempts: unknown[] }).attempts).toMatchObject([{ reason: 'deadlock' }]);
  });

  it('ends with its last error when the runtime is disconnected in the pause', async () => {
    const bench = runtimeBench({ query: { retry: { jitter: 'none', initialBackoff: '5s' } } });
    answers(bench, 'a', [deadlock()]);
    const ran = await bench.run(bench.db.exec('a'));
    const ended = bench.watch(bench.db.disconnect());
    await bench.clock.advance(10);
    expect(ran.error).toMatchObject({ code: 'TRANSACTION', reason: 'deadlock' });
    expect(ended.at).toBeDefined();
  });

  it('never claims less than one of its attempts: a refusal says nothing about the write before it', async () => {
    const bench = runtimeBench({ query: { retry: { jitter: 'none' } } });
    answers(bench, 'a', [lost('unknown')]);
    const ran = bench.watch(bench.db.exec('a', [], { idempotent: true }));
    await bench.clock.advance(50);
    bench.db.gate.circuit.forceOpen();
    await bench.clock.advance(100);
    expect(ran.error).toMatchObject({ code: 'CIRCUIT_OPEN', outcome: 'unknown', attempts: [{ outcome: 'unknown' }] });
  });

  it('fails with the real error when the pause would outlive its deadline', async () => {
    const bench = runtimeBench({ query: { retry: { jitter: 'none', initialBackoff: '2s' } } });
    answers(bench, 'a', [deadlock()]);
    const ran = await bench.run(bench.db.exec('a', [], { timeout: '1s' }));
    expect(ran).toMatchObject({ at: 0, error: { code: 'TRANSACTION', reason: 'deadlock' } });
  });

  it('is asked of the gate anew: an open circuit ends it', async () => {
    const bench = runtimeBench({ query: { retry: { jitter: 'none' } } });
    answers(bench, 'a', [deadlock()]);
    const ran = bench.watch(bench.db.exec('a'));
    await bench.clock.advance(50);
    bench.db.gate.circuit.forceOpen();
    await bench.clock.advance(100);
    expect(ran.error).toMatchObject({ code: 'CIRCUIT_OPEN', attempts: [{ reason: 'deadlock' }] });
  });

  it('is not repeated for a reason that another attempt will not change', async () => {
    const bench = runtimeBench();
    answers(bench, 'a', [new QueryError('syntax', 'no', { outcome: 'not-applied', breaker: 'success' })]);
    expect(await bench.run(bench.db.exec('a'))).toMatchObject({ at: 0, error: { code: 'QUERY' } });
  });
});

async function placeTheOrder(bench: RuntimeBench, text: string): Promise<unknown> {
  try {
    return await throughOneLayer(bench, text);
  } catch (error) {
    return error;
  }
}

async function throughOneLayer(bench: RuntimeBench, text: string): Promise<unknown> {
  return await bench.db.query(text);
}

/** The functions of the first three frames; Node's own may stand between them. */
function stackOf(error: unknown): (string | undefined)[] {
  const frames = (error as Error).stack?.matchAll(/^ +at (?:async )?(\S+)/gm) ?? [];
  return [...frames]
    .map((frame) => frame[1])
    .filter((name) => name !== 'processTicksAndRejections')
    .slice(0, 3);
}
