/** What a transaction does about statements that nobody awaited when it is to be committed. */
import { describe, expect, it } from 'vitest';
import { checkRuntimeLeftovers, runtimeBench } from '../../test/fakes/runtime-bench.js';
import { createDeferred } from '../kernel/deferred.js';
import type { StandardSchema } from './row-schema.js';
import type { Transaction } from './transaction.js';

checkRuntimeLeftovers();

/** One connection at whose server the statement `slow` hangs until it is finished, or fails. */
function slowBench() {
  const bench = runtimeBench();
  bench.driver.next = () => {
    const session = bench.newSession();
    session.answers.set('slow', 'hang');
    return session;
  };
  return { bench, session: () => bench.sessions[0] ?? bench.newSession() };
}

describe('a transaction function that returns before its statements have ended', () => {
  it('is rolled back, and rejects with the shapes of the statements, without their values', async () => {
    const { bench, session } = slowBench();
    const ran = bench.watch(
      bench.db.transaction(async (tx) => {
        void tx.exec('slow');
        void tx.exec("insert into t values (4711, 'secret')");
        return 'done';
      }),
    );
    await bench.clock.settle();
    expect(ran.at).toBeUndefined();
    session().finish();
    await bench.clock.settle();
    expect(ran).toMatchObject({
      value: undefined,
      error: { code: 'STATEMENT_NOT_AWAITED', outcome: 'not-applied', retryable: false },
    });
    const { message } = ran.error as Error;
    expect(message).toContain('2 statements were');
    expect(message).toContain('slow, insert into t values (?)');
    expect(message).not.toMatch(/4711|secret/);
    expect(bench.wire).toEqual(['begin', 'slow', "insert into t values (4711, 'secret')", 'rollback']);
  });

  it('names three of many', async () => {
    const { bench, session } = slowBench();
    const ran = bench.watch(
      bench.db.transaction(async (tx) => {
        for (const text of ['slow', 'b', 'c', 'd', 'e']) void tx.exec(text);
      }),
    );
    await bench.clock.settle();
    session().finish();
    await bench.clock.settle();
    expect((ran.error as Error).message).toContain('5 statements were still under way');
    expect((ran.error as Error).message).toContain(': slow, b, c, and 2 more;');
  });

  it('is rolled back for a row that nobody has seen checked, whose misfit ends no process', async () => {
    const { bench } = slowBench();
    const refuse = () => Promise.resolve({ issues: [{ message: 'never fits' }] });
    const schema: StandardSchema = { '~standard': { version: 1, vendor: 'test', validate: refuse } };
    let rows: Promise<unknown> | undefined;
    const ran = await bench.run(
      bench.db.transaction(async (tx) => {
        rows = tx.query('select 1', [], { schema });
      }),
    );
    expect(ran.error).toMatchObject({ code: 'STATEMENT_NOT_AWAITED', outcome: 'not-applied' });
    expect((ran.error as Error).message).toContain('a statement was still under way');
    await expect(rows).rejects.toMatchObject({ code: 'QUERY', reason: 'data' });
  });

  it('leaves the errors of the statements to whoever awaits them later, and they end no process', async () => {
    const { bench, session } = slowBench();
    let kept: Promise<unknown> | undefined;
    const ran = bench.watch(bench.db.transaction(async (tx) => void (kept = tx.exec('slow'))));
    await bench.clock.settle();
    session().fail(new Error('no'));
    await bench.clock.settle();
    expect(ran.error).toMatchObject({ code: 'STATEMENT_NOT_AWAITED' });
    await expect(kept).rejects.toMatchObject({ code: 'QUERY' });
  });

  it('undoes its savepoint alone when it was an inner one', async () => {
    const { bench, session } = slowBench();
    let inner: unknown;
    const ran = bench.watch(
      bench.db.transaction(async (tx) => {
        await tx.transaction(async (it) => void it.exec('slow')).catch((error: unknown) => (inner = error));
        await tx.exec('after');
      }),
    );
    await bench.clock.settle();
    session().finish();
    await bench.clock.settle();
    expect(inner).toMatchObject({ code: 'STATEMENT_NOT_AWAITED', outcome: 'not-applied' });
    expect(ran.error).toBeUndefined();
    expect(bench.wire.slice(2)).toEqual(['slow', 'rollback to fluxor_1', 'release fluxor_1', 'after', 'commit']);
  });

  it('names an inner transaction that was not awaited, and what it runs ends no process', async () => {
    const { bench, session } = slowBench();
    const begun = createDeferred<void>();
    const ran = bench.watch(
      bench.db.transaction(async (tx) => {
        void tx.transaction(async (it) => {
          begun.resolve();
          await it.exec('slow');
          await it.exec('late');
        });
        await begun.promise;
      }),
    );
    await bench.clock.settle();
    session().finish();
    await bench.clock.settle();
    expect(ran.error).toMatchObject({ code: 'STATEMENT_NOT_AWAITED' });
    expect((ran.error as Error).message).toContain('tx.transaction()');
    expect(bench.wire).not.toContain('late');
    expect(bench.wire.at(-1)).toBe('rollback');
  });

  it('says that nothing is known when one of them was a COMMIT', async () => {
    const { bench, session } = slowBench();
    bench.driver.next = () => {
      const made = bench.newSession();
      made.answers.set('commit', 'hang');
      return made;
    };
    const ran = bench.watch(bench.db.transaction(async (tx) => void tx.exec('commit')));
    await bench.clock.settle();
    session().finish();
    await bench.clock.settle();
    expect(ran.error).toMatchObject({ code: 'STATEMENT_NOT_AWAITED', outcome: 'unknown' });
  });
});

describe('commit()', () => {
  it('is refused while a statement is under way, and the transaction is rolled back', async () => {
    const { bench, session } = slowBench();
    const tx = await bench.db.begin();
    const statement = bench.watch(tx.exec('slow'));
    const ran = bench.watch(tx.commit());
    await bench.clock.settle();
    session().finish();
    await bench.clock.settle();
    expect(ran.error).toMatchObject({ code: 'STATEMENT_NOT_AWAITED' });
    expect(statement).toMatchObject({ error: undefined, value: { rowsAffected: 0 } });
    expect(tx.state).toBe('rolled-back');
  });
});

describe('statements that are awaited', () => {
  it('may be sent all at once', async () => {
    const { bench, session } = slowBench();
    const ran = bench.watch(bench.db.transaction((tx) => Promise.all([tx.exec('slow'), tx.exec('b'), tx.exec('c')])));
    await bench.clock.settle();
    session().finish();
    await bench.clock.settle();
    expect(ran.error).toBeUndefined();
    expect(bench.wire).toEqual(['begin', 'slow', 'b', 'c', 'commit']);
  });

  it('pass on the first error of several, and what the others meet ends no process', async () => {
    const { bench, session } = slowBench();
    const own = new Error('my own');
    const ran = bench.watch(
      bench.db.transaction(async (tx) => {
        void tx.exec('slow');
        throw own;
      }),
    );
    await bench.clock.settle();
    session().fail(new Error('no'));
    await bench.clock.settle();
    expect(ran.error).toBe(own);
  });
});

describe('a statement that comes too late', () => {
  it('is refused with its shape', async () => {
    const { bench } = slowBench();
    let kept: Transaction | undefined;
    await bench.run(bench.db.transaction(async (tx) => void (kept = tx)));
    const late = kept?.exec("delete from t where name = 'secret'") ?? Promise.resolve();
    const { error } = await bench.run<unknown>(late);
    expect(error).toMatchObject({ code: 'TRANSACTION_CLOSED', outcome: 'not-sent' });
    expect((error as Error).message).toContain('delete from t where name = ?');
  });
});
