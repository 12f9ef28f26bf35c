import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { ServerError } from '../../test/fakes/fake-session.js';
import { checkRuntimeLeftovers, runtimeBench } from '../../test/fakes/runtime-bench.js';
import type { Trace, TraceBracket, Tracer } from './tracer.js';
import { Tracing } from './tracing.js';

checkRuntimeLeftovers();

/** Notes what it is told, in order. */
function noting(log: string[], bracket: TraceBracket = { end: () => undefined }): Tracer {
  return {
    begin(trace) {
      log.push(`begin ${trace.type}`);
      return {
        ...bracket,
        end() {
          log.push(`end ${trace.type}`);
          bracket.end();
        },
      };
    },
  };
}

describe('a tracer', () => {
  it('stands around queries, transactions and attempts to connect, and is told before the caller goes on', async () => {
    const log: string[] = [];
    const bench = runtimeBench();
    using _tracing = bench.db.trace(noting(log));
    await bench.run(bench.db.query('a').then(() => log.push('answered')));
    expect(log).toEqual(['begin query', 'begin connect', 'end connect', 'end query', 'answered']);
    log.length = 0;
    await bench.run(bench.db.transaction(async (tx) => tx.exec('b')).then(() => log.push('answered')));
    expect(log).toEqual(['begin transaction', 'begin query', 'end query', 'end transaction', 'answered']);
  });

  it('finds everything filled in at the end, with the error, the waits and the attempts', async () => {
    const ended: Trace[] = [];
    const bench = runtimeBench({ pool: { maxSize: 1 } });
    using _tracing = bench.db.trace({ begin: (trace) => ({ end: () => void ended.push({ ...trace }) }) });
    await bench.run(bench.db.query('a'));
    bench.sessions[0]?.answers.set('b', new ServerError('unique'));
    const session = await bench.db.acquire();
    const waiting = bench.watch(bench.db.exec('b', ['canary']));
    await bench.clock.advance(7);
    session.release();
    await bench.clock.settle();
    expect(ended.at(-1)).toMatchObject({
      ...{
        type: 'query',
        text: 'b',
        hasValues: true,
        driver: 'fake',
        endpoint: 'fake://server',
        runtime: bench.db.config.name,
      },
      ...{ error: waiting.error, durationMs: 7, tries: [], waits: [{ durationMs: 7, waiting: 0, error: undefined }] },
    });
    expect(JSON.stringify(ended)).not.toContain('canary');
  });

  it('is around a transaction begun by hand until its end, and its queries know it', async () => {
    const log: string[] = [];
    const around: unknown[] = [];
    const bench = runtimeBench();
    using _tracing = bench.db.trace({
      begin(trace) {
        if (trace.type === 'query') around.push(trace.transaction?.way);
        return noting(log).begin(trace);
      },
    });
    const tx = await bench.db.begin();
    await tx.exec('a');
    expect(log.filter((line) => line.endsWith('transaction'))).toEqual(['begin transaction']);
    await tx.commit();
    expect(log.at(-1)).toBe('end transaction');
    expect(around).toEqual(['begin']);
  });

  it('may put the work into a context of its own, and the caller stays in theirs', async () => {
    const store = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const bench = runtimeBench();
    using _tracing = bench.db.trace({
      begin: (trace) => ({ run: (work) => store.run(trace.type, work), end: () => undefined }),
    });
    await bench.run(
      bench.db.transaction(async () => {
        seen.push(store.getStore());
      }),
    );
    expect(seen).toEqual(['transaction']);
    expect(store.getStore()).toBeUndefined();
  });

  it('is not told of what it does not want, and nothing is made for it', async () => {
    const log: string[] = [];
    const bench = runtimeBench();
    using _tracing = bench.db.trace({ ...noting(log), wants: (type) => type !== 'query' });
    await bench.run(bench.db.query('a'));
    expect(log).toEqual(['begin connect', 'end connect']);
  });

  it('was told of transactions, connects, and what another one wanted, although it wanted none of them', async () => {
    const log: string[] = [];
    const other: string[] = [];
    const bench = runtimeBench();
    using _tracing = bench.db.trace({ ...noting(log), wants: () => false });
    using _other = bench.db.trace(noting(other));
    await bench.run(bench.db.transaction(async (tx) => tx.exec('a')));
    expect(log).toEqual([]);
    expect(other.filter((line) => line.startsWith('begin'))).toEqual([
      'begin transaction',
      'begin connect',
      'begin query',
    ]);
  });

  it('hears nothing of what begins after it was disposed, and the end of what had begun', async () => {
    const log: string[] = [];
    const bench = runtimeBench();
    const tracing = bench.db.trace(noting(log));
    await bench.run(bench.db.query('a'));
    bench.sessions[0]?.answers.set('b', 'hang');
    const hanging = bench.watch(bench.db.query('b'));
    await bench.clock.settle();
    tracing[Symbol.dispose]();
    bench.sessions[0]?.finish();
    await hanging.promise;
    await bench.run(bench.db.query('a'));
    expect(log.slice(4)).toEqual(['begin query', 'end query']);
  });

  it('lets the database be told of a transaction, where the driver has a way to say it', async () => {
    const bench = runtimeBench();
    const { transactions } = bench.driver;
    Object.assign(bench.driver, {
      transactions: { ...transactions, tellTrace: (carrier: string) => `tell ${carrier}` },
    });
    using _tracing = bench.db.trace({ sessionName: 'me', begin: () => ({ carrier: 'it', end: () => undefined }) });
    await bench.run(bench.db.transaction(async (tx) => tx.exec('a')));
    expect(bench.wire).toEqual(['begin', 'tell it', 'a', 'commit']);
    expect(bench.driver.requests.map(({ sessionName }) => sessionName)).toEqual(['me']);
    expect(bench.db.metrics().transactions.statements).toBe(1);
  });

  it('could not tell the database, and a session went on in the transaction that had failed', async () => {
    const bench = runtimeBench();
    const { transactions } = bench.driver;
    Object.assign(bench.driver, {
      transactions: { ...transactions, tellTrace: (carrier: string) => `tell ${carrier}` },
    });
    using _tracing = bench.db.trace({ begin: () => ({ carrier: 'it', end: () => undefined }) });
    await bench.run(bench.db.query('warm'));
    bench.sessions[0]?.answers.set('tell it', 'hang');
    await bench.db.use(async (session) => {
      const failing = bench.watch(session.transaction(async (tx) => tx.exec('a'), { timeout: 50 }));
      await bench.clock.advance(1_000);
      await failing.promise.catch(() => undefined);
      expect(failing.error).toMatchObject({ code: 'TIMEOUT' });
      await bench.clock.settle();
    });
    expect(bench.wire).toEqual(['warm', 'begin', 'tell it', 'cancel', 'ping', 'rollback']);
  });

  it('that throws hurts nobody, and is told as a listener that failed', async () => {
    const bench = runtimeBench();
    const failures = bench.facts('listener:failed');
    const fail = (): never => {
      throw new Error('mine');
    };
    using _tracing = bench.db.trace({ begin: () => ({ run: fail, end: fail }) });
    using _other = bench.db.trace({ begin: fail, wants: fail });
    const { value, error } = await bench.run(bench.db.query('a'));
    expect(error).toBeUndefined();
    expect(value).toHaveLength(1);
    expect(new Set(failures.map(({ event }) => event))).toEqual(new Set(['trace']));
  });

  it('without a begin is refused', () => {
    const bench = runtimeBench();
    expect(() => bench.db.trace({} as never)).toThrow(/trace/);
  });
});

describe('several tracers', () => {
  const silent = (): never => {
    throw new Error('nothing fails here');
  };

  it('stand around each other, the first outermost, and the work runs once', () => {
    const log: string[] = [];
    const tracing = new Tracing(silent);
    for (const name of ['one', 'other']) {
      tracing.add({
        begin: () => ({
          run(work) {
            log.push(`${name} in`);
            work();
            work();
            log.push(`${name} out`);
          },
          end: () => log.push(`${name} end`),
        }),
        quietly(work) {
          log.push(`${name} quiet`);
          return work();
        },
      });
    }
    const open = tracing.begin({ type: 'connect' } as Trace);
    expect(open?.run(() => log.push('work'))).toBe(3);
    open?.end();
    open?.end();
    expect(log).toEqual(['one in', 'other in', 'work', 'other out', 'one out', 'one end', 'other end']);
    log.length = 0;
    expect(tracing.quietly(() => undefined)).toBeUndefined();
    expect(log).toEqual(['one quiet', 'other quiet']);
  });

  it('leave with what they brought', () => {
    const tracing = new Tracing(silent);
    const tracer: Tracer = { begin: () => undefined, quietly: (work) => work() };
    const [one, other] = [tracing.add(tracer), tracing.add(tracer)];
    one[Symbol.dispose]();
    one[Symbol.dispose]();
    expect([tracing.isOn, tracing.isQuiet]).toEqual([true, true]);
    other[Symbol.dispose]();
    expect([tracing.isOn, tracing.isQuiet]).toEqual([false, false]);
  });

  it('were asked to keep quiet, and the one that threw stopped the statement', () => {
    const failures: unknown[] = [];
    const tracing = new Tracing((error) => failures.push(error));
    const broken = new Error('broken');
    const begin = () => undefined;
    tracing.add({
      begin,
      quietly: () => {
        throw broken;
      },
    });
    tracing.add({
      begin,
      quietly: (work) => {
        work();
        work();
        throw broken;
      },
    });
    let runs = 0;
    expect(tracing.quietly(() => (runs += 1))).toBe(1);
    expect(runs).toBe(1);
    expect(failures).toEqual([broken, broken]);
  });

  it('hand on what the work throws, and what it answers, as it is', () => {
    const tracing = new Tracing(silent);
    tracing.add({ begin: () => ({ run: (work) => work(), end: () => undefined }) });
    const open = tracing.begin({ type: 'connect' } as Trace);
    const promise = Promise.resolve();
    expect(open?.run(() => promise)).toBe(promise);
    expect(() =>
      open?.run(() => {
        throw undefined;
      }),
    ).toThrow();
  });
});
