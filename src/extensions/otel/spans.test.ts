import type { Attributes } from '@opentelemetry/api';
import { context, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import type { Sampler } from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServerError } from '../../../test/fakes/fake-session.js';
import { checkRuntimeLeftovers } from '../../../test/fakes/runtime-bench.js';
import { VERSION } from '../../telemetry/version.js';
import { TracedBench } from '../../../test/fakes/traced-bench.js';

checkRuntimeLeftovers();

const manager = new AsyncLocalStorageContextManager();
beforeAll(() => void context.setGlobalContextManager(manager.enable()));
afterAll(() => context.disable());

const WHERE = { 'db.system.name': 'fake', 'db.client.connection.pool.name': 'shop' };

describe('the span of a query', () => {
  it('is a client span, called by its summary, below the active span', async () => {
    const traced = new TracedBench();
    await traced.warm();
    await traced.tracer.startActiveSpan('request', async (request) => {
      await traced.bench.run(traced.db.query('select * from users where id = $1', [7], { name: 'one user' }));
      request.end();
    });
    expect(traced.tree).toMatchObject([
      { name: 'select users', parent: 'request' },
      { name: 'request', parent: undefined },
    ]);
    expect(traced.spans[0]?.kind).toBe(SpanKind.CLIENT);
    expect(traced.spans[0]?.status.code).toBe(SpanStatusCode.UNSET);
    expect(traced.spans[0]?.attributes).toEqual({
      ...WHERE,
      'server.address': 'server',
      'db.query.summary': 'select users',
      'db.query.text': 'select * from users where id = $1',
      'fluxor.query.name': 'one user',
      'fluxor.retry.count': 0,
    });
  });

  it('shows samplers everything that is known at its beginning', async () => {
    const seen: Attributes[] = [];
    const sampler: Sampler = {
      shouldSample: (_context, _id, _name, _kind, attributes) => {
        seen.push({ ...attributes });
        return { decision: 2 };
      },
      toString: () => 'seeing',
    };
    const traced = new TracedBench({}, { sampler });
    await traced.warm();
    seen.length = 0;
    await traced.bench.run(traced.db.query("select 'canary' from t"));
    expect(seen).toMatchObject([{ ...WHERE, 'db.query.summary': 'select t', 'db.query.text': 'select ? from t' }]);
  });

  it.each([
    ['parameterized', 'select $1, 5', 'select ?'],
    ['sanitized', 'select ?, ?', 'select ?'],
    ['off', undefined, undefined],
  ] as const)('shows its text as asked for: %s', async (captureText, bound, bare) => {
    const traced = new TracedBench({ captureText });
    await traced.warm();
    await traced.bench.run(traced.db.query('select $1, 5', ['canary']));
    await traced.bench.run(traced.db.query("select 'canary'"));
    expect(traced.spans.map(({ attributes }) => attributes['db.query.text'])).toEqual([bound, bare]);
    expect(JSON.stringify(traced.tree)).not.toContain('canary');
  });

  it('says which version of the library made it', async () => {
    const traced = new TracedBench();
    await traced.warm();
    await traced.bench.run(traced.db.query('select 1'));
    expect(traced.spans[0]?.instrumentationScope).toMatchObject({ name: 'fluxor-db', version: VERSION });
  });

  it('tells rows where that is asked for', async () => {
    const traced = new TracedBench({ captureRows: true });
    await traced.warm();
    await traced.bench.run(traced.db.query('select 1'));
    expect(traced.spans[0]?.attributes['db.response.returned_rows']).toBe(1);
  });

  it('says of an error its class and code, and nothing that the driver said', async () => {
    const traced = new TracedBench();
    await traced.warm();
    traced.bench.sessions[0]?.answers.set('insert into t', new ServerError('unique'));
    const { error } = await traced.bench.run(traced.db.exec('insert into t'));
    const [span] = traced.spans;
    expect(span?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'ConstraintError CONSTRAINT' });
    expect(span?.attributes['error.type']).toBe('fluxor.constraint');
    expect(span?.events).toEqual([]);
    expect(JSON.stringify([span?.attributes, span?.status])).not.toContain((error as Error).message);
  });
});

describe('what is around a query', () => {
  it('is a span of its wait where that was longer than a millisecond', async () => {
    const traced = new TracedBench({}, { pool: { maxSize: 1 } });
    await traced.warm();
    const session = await traced.db.acquire();
    const waiting = traced.bench.watch(traced.db.query('select 1'));
    await traced.bench.clock.advance(20);
    session.release();
    await waiting.promise;
    expect(traced.tree).toMatchObject([
      { name: 'acquire shop', parent: 'select', attributes: { 'fluxor.acquire.queue_length': 0 } },
      { name: 'select', attributes: { 'fluxor.acquire.duration_ms': 20 } },
    ]);
  });

  it('is a span for each attempt, where there was more than one, and the error that was healed is on its attempt only', async () => {
    const traced = new TracedBench({}, { query: { retry: { maxRetries: 3 } } });
    await traced.warm();
    const { driver } = traced.bench;
    const classify = driver.classify.bind(driver);
    driver.classify = (error, situation) => {
      const known = classify(error, situation);
      if (known.code === 'CONNECTION') known.overrule({ ...known, decision: 'new-connection' });
      return known;
    };
    traced.bench.sessions[0]?.answers.set('select 2', new ServerError('lost'));
    const ran = traced.bench.watch(traced.db.query('select 2', [], { readOnly: true }));
    await traced.bench.clock.advance(10_000);
    await ran.promise;
    expect(traced.tree.map(({ name }) => name)).toEqual(['attempt 1', 'attempt 2', 'select']);
    expect(traced.spans[0]?.status.code).toBe(SpanStatusCode.ERROR);
    expect(traced.spans[1]?.status.code).toBe(SpanStatusCode.UNSET);
    expect(traced.spans[2]).toMatchObject({ status: { code: SpanStatusCode.UNSET } });
    expect(traced.spans[2]?.attributes).toMatchObject({ 'fluxor.retry.count': 1 });
    expect(traced.spans[2]?.attributes).not.toHaveProperty(['error.type']);
  });

  it('is a trace of its own for each attempt to connect', async () => {
    const traced = new TracedBench();
    await traced.tracer.startActiveSpan('request', async (request) => {
      await traced.bench.run(traced.db.query('select 1'));
      request.end();
    });
    const connect = traced.exporter.getFinishedSpans().find(({ name }) => name.startsWith('connect '));
    expect(connect?.name).toBe('connect server');
    expect(connect?.kind).toBe(SpanKind.CLIENT);
    expect(connect?.parentSpanContext).toBeUndefined();
  });
});

describe('a call that is refused', () => {
  it.each(['fluxor.acquire_timeout', 'fluxor.query_timeout', 'fluxor.cancelled', 'fluxor.pool_closed'])(
    'says so: %s',
    async (type) => {
      const traced = new TracedBench({}, { pool: { maxSize: 1, acquireTimeout: 100 } });
      await traced.warm();
      const { bench, db } = traced;
      if (type === 'fluxor.acquire_timeout') {
        const session = await db.acquire();
        const late = bench.watch(db.query('select 1'));
        await bench.clock.advance(200);
        expect(late.error).toBeDefined();
        session.release();
      } else if (type === 'fluxor.query_timeout') {
        bench.sessions[0]?.answers.set('select 1', 'hang');
        const late = bench.watch(db.query('select 1', [], { timeout: 50 }));
        await bench.clock.advance(10_000);
        expect(late.error).toBeDefined();
      } else if (type === 'fluxor.cancelled') {
        await bench.run(db.query('select 1', [], { signal: AbortSignal.abort() }));
      } else {
        await bench.run(db.disconnect());
        await bench.run(db.query('select 1'));
        // Its telemetry has ended with it.
        expect(traced.spans).toEqual([]);
        return;
      }
      const span = traced.spans.at(-1);
      expect(span?.attributes['error.type']).toBe(type);
      expect(span?.attributes).not.toHaveProperty(['db.response.status_code']);
    },
  );
});

describe('the span of a transaction', () => {
  it('is around its statements, and around what the application traces in it', async () => {
    const traced = new TracedBench();
    await traced.warm();
    const work = traced.db.transaction(
      async (tx) => {
        await tx.exec('update a set b = 1');
        await traced.tracer.startActiveSpan('price', async (span) => {
          await tx.exec('insert into c values (1)');
          span.end();
        });
      },
      { isolation: 'serializable', label: 'order' },
    );
    await traced.bench.run(work);
    expect(traced.tree).toMatchObject([
      { name: 'update a', parent: 'TRANSACTION shop' },
      { name: 'insert c', parent: 'price' },
      { name: 'price', parent: 'TRANSACTION shop' },
      {
        name: 'TRANSACTION shop',
        parent: undefined,
        attributes: {
          'fluxor.transaction.isolation': 'serializable',
          'fluxor.transaction.label': 'order',
          'fluxor.transaction.outcome': 'committed',
          'fluxor.transaction.statements': 2,
        },
      },
    ]);
    expect(traced.spans.at(-1)?.kind).toBe(SpanKind.INTERNAL);
  });

  it('begun by hand, is around its statements until its end', async () => {
    const traced = new TracedBench();
    await traced.warm();
    await traced.tracer.startActiveSpan('request', async (request) => {
      const tx = await traced.db.begin();
      await tx.exec('update a set b = 1');
      expect(traced.tree.map(({ name }) => name)).toEqual(['update a']);
      await tx.rollback();
      request.end();
    });
    expect(traced.tree).toMatchObject([
      { name: 'update a', parent: 'TRANSACTION shop' },
      { name: 'TRANSACTION shop', parent: 'request', attributes: { 'fluxor.transaction.outcome': 'rolled-back' } },
      { name: 'request' },
    ]);
  });

  it('begun by hand and left behind, never ended', async () => {
    const traced = new TracedBench();
    await traced.warm();
    const { bench, db } = traced;
    await db.use(async (session) => void (await session.begin()));
    await bench.clock.settle();
    expect(traced.tree).toMatchObject([
      { name: 'TRANSACTION shop', attributes: { 'fluxor.transaction.outcome': 'lost' } },
    ]);
    const kept = await db.begin();
    const ended = bench.watch(db.disconnect({ timeout: 1 }));
    await bench.clock.advance(10_000);
    await ended.promise;
    expect(traced.spans).toHaveLength(2);
    await bench.run(kept.rollback());
    expect(traced.spans.map(({ attributes }) => attributes['fluxor.transaction.outcome'])).toEqual(['lost', 'lost']);
  });

  it('has the error that rolled it back', async () => {
    const traced = new TracedBench();
    await traced.warm();
    await traced.bench.run(
      traced.db.transaction(async () => {
        throw new TypeError('canary');
      }),
    );
    expect(traced.spans[0]).toMatchObject({ status: { code: SpanStatusCode.ERROR, message: 'TypeError' } });
    expect(traced.spans[0]?.attributes).toMatchObject({
      'error.type': 'TypeError',
      'fluxor.transaction.outcome': 'rolled-back',
    });
  });

  it('is there for those of a session too', async () => {
    const traced = new TracedBench();
    await traced.warm();
    await traced.bench.run(
      traced.db.use(async (session) => session.transaction(async (tx) => tx.exec('update a set b = 1'))),
    );
    expect(traced.tree.map(({ name }) => name)).toEqual(['update a', 'TRANSACTION shop']);
  });
});
