import { context, trace as otel } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { AlwaysOffSampler, BasicTracerProvider, ParentBasedSampler } from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkRuntimeLeftovers } from '../../../test/fakes/runtime-bench.js';
import { TracedBench } from '../../../test/fakes/traced-bench.js';
import { isSuppressed } from './quiet.js';

checkRuntimeLeftovers();

const manager = new AsyncLocalStorageContextManager();
beforeAll(() => void context.setGlobalContextManager(manager.enable()));
afterAll(() => context.disable());

describe('streams, batches and procedures', () => {
  it('a batch is called so, with its size, and one set of values is none', async () => {
    const traced = new TracedBench();
    await traced.warm();
    const text = 'insert into t (a) values ($1)';
    await traced.bench.run(traced.db.batch(text, [[1], [2], [3]]));
    await traced.bench.run(traced.db.batch(text, [[1]]));
    async function* sets() {
      yield [1];
      yield [2];
    }
    await traced.bench.run(traced.db.batch(text, sets()));
    expect(
      traced.spans.map(({ name, attributes }) => [
        name,
        attributes['db.query.summary'],
        attributes['db.operation.batch.size'],
        attributes['db.query.text'],
      ]),
    ).toEqual([
      ['BATCH insert t', 'BATCH insert t', 3, text],
      ['insert t', 'insert t', undefined, text],
      ['BATCH insert t', 'BATCH insert t', 2, text],
    ]);
  });

  it('what makes the sets of a batch is not quiet: it may trace, and send queries of its own', async () => {
    const traced = new TracedBench();
    await traced.warm();
    const quiet: boolean[] = [];
    // More than are looked at before the batch begins.
    function* sets() {
      for (let set = 0; set < 500; set += 1) {
        quiet.push(isSuppressed(context.active()));
        yield [set];
      }
    }
    await traced.db.batch('insert into t (a) values ($1)', sets());
    expect(quiet).toHaveLength(500);
    expect(quiet).not.toContain(true);
  });

  it('a procedure is named', async () => {
    const traced = new TracedBench();
    await traced.warm();
    await traced.bench.run(traced.db.exec('call add_user($1)', ['Ann']));
    expect(traced.spans[0]?.name).toBe('call add_user');
    expect(traced.spans[0]?.attributes['db.stored_procedure.name']).toBe('add_user');
  });

  it('a stream is one span, to its end', async () => {
    const traced = new TracedBench({ captureRows: true });
    await traced.warm();
    traced.bench.sessions[0]?.pages.set('select 9', [[[1], [2]], [[3]]]);
    const during: number[] = [];
    for await (const _row of traced.db.stream('select 9')) during.push(traced.spans.length);
    // The last page is known to be the last when it comes.
    expect(during).toEqual([0, 0, 1]);
    expect(traced.spans.map(({ name }) => name)).toEqual(['select']);
    expect(traced.spans[0]?.attributes['db.response.returned_rows']).toBe(3);
  });
});

describe('who is not sampled', () => {
  it('gets no spans, and the call none of its own', async () => {
    const traced = new TracedBench();
    await traced.warm();
    const off = new BasicTracerProvider({ sampler: new ParentBasedSampler({ root: new AlwaysOffSampler() }) });
    await off.getTracer('app').startActiveSpan('request', async () => {
      const started: string[] = [];
      const { tracer } = traced;
      expect(tracer).toBeDefined();
      await traced.bench.run(traced.db.transaction(async (tx) => tx.query('select 1')));
      started.push(...traced.spans.map(({ name }) => name));
      expect(started).toEqual([]);
    });
  });

  it('and a call inside a suppressed context makes none', async () => {
    const traced = new TracedBench();
    await traced.warm();
    const { suppressTracing } = await import('@opentelemetry/core');
    await context.with(suppressTracing(context.active()), async () => {
      await traced.bench.run(traced.db.query('select 1'));
    });
    expect(traced.spans).toEqual([]);
  });
});

describe('calls into the client library', () => {
  it('are quiet: statements, COMMIT, connects, proofs of life, resets', async () => {
    const traced = new TracedBench();
    const loud: string[] = [];
    const note = (what: string) => {
      if (!isSuppressed(context.active())) loud.push(what);
    };
    traced.bench.driver.next = () => {
      note('connect');
      const session = traced.bench.newSession();
      const calls = ['execute', 'ping', 'reset'] as const;
      for (const name of calls) {
        const call = session[name].bind(session) as (...args: unknown[]) => Promise<never>;
        session[name] = (...args: unknown[]) => {
          note(name);
          return call(...args);
        };
      }
      return session;
    };
    let inside = false;
    await traced.bench.run(traced.db.query('select 1'));
    await traced.bench.run(
      traced.db.transaction(async (tx) => {
        inside = isSuppressed(context.active());
        await tx.exec('update a set b = 1');
      }),
    );
    const session = await traced.db.acquire();
    await session.query('set x = 1');
    session.release();
    await traced.bench.clock.advance(1_000);
    expect(loud).toEqual([]);
    expect(inside).toBe(false);
    expect(otel.getActiveSpan()).toBeUndefined();
  });

  it('are as they were where that is not wanted', async () => {
    const traced = new TracedBench({ suppressDriverSpans: false });
    const seen: boolean[] = [];
    traced.bench.driver.next = () => {
      seen.push(isSuppressed(context.active()));
      return traced.bench.newSession();
    };
    await traced.bench.run(traced.db.query('select 1'));
    expect(seen).toEqual([false]);
  });
});
