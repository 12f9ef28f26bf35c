/** What a transaction may claim about itself, and when its function is run again: each found by a review or by the bank. */
import { describe, expect, it } from 'vitest';
import type { FakeSession } from '../../test/fakes/fake-session.js';
import type { RuntimeBench } from '../../test/fakes/runtime-bench.js';
import { checkRuntimeLeftovers, runtimeBench } from '../../test/fakes/runtime-bench.js';
import { OutcomeUnknownError, TransactionError } from '../errors/query-error.js';
import type { RuntimeOptions } from '../config/runtime-options.js';

checkRuntimeLeftovers();

const lockTimeout = () =>
  new TransactionError('lock-timeout', 'locked', {
    outcome: 'not-applied',
    decision: 'whole-transaction',
    breaker: 'success',
    context: { runtime: 'fake', connectionId: 1 },
  });

/** One connection whose server answers as `prepare` says. */
function bench(
  prepare: (session: FakeSession) => void,
  options: Omit<RuntimeOptions, 'driver' | 'clock'> = {},
): RuntimeBench {
  const made = runtimeBench(options);
  made.driver.next = () => {
    const session = made.newSession();
    prepare(session);
    return session;
  };
  return made;
}

const runs = ({ wire }: RuntimeBench): number => wire.filter((text) => text === 'begin').length;

describe('a transaction function', () => {
  it('ran four times after it had committed and then thrown an error that it had kept', async () => {
    const one = bench((session) => session.answers.set('locked', lockTimeout()));
    const ran = one.watch(
      one.db.transaction(async (tx) => {
        const kept: unknown = await tx.transaction((inner) => inner.exec('locked')).catch((error: unknown) => error);
        await tx.commit();
        throw kept;
      }),
    );
    await one.clock.advance(10_000);
    expect(ran.error).toMatchObject({ reason: 'lock-timeout', attempts: undefined });
    expect(runs(one)).toBe(1);
  });

  it('ran again after it had swallowed a COMMIT of unknown outcome', async () => {
    const one = bench((session) => {
      session.answers.set('locked', lockTimeout());
      session.answers.set('commit', new OutcomeUnknownError('the answer was lost', { isConnectionFatal: true }));
    });
    const ran = one.watch(
      one.db.transaction(async (tx) => {
        const kept: unknown = await tx.transaction((inner) => inner.exec('locked')).catch((error: unknown) => error);
        await tx.commit().catch(() => undefined);
        throw kept;
      }),
    );
    await one.clock.advance(10_000);
    expect(ran.error).toMatchObject({ reason: 'lock-timeout', attempts: undefined });
    expect(runs(one)).toBe(1);
  });

  it('called a COMMIT written as a statement rolled back, when it had come too late to be heard of', async () => {
    const one = bench((session) => session.answers.set('commit', 'hang'));
    const ends = one.facts('transaction:ended');
    const ran = one.watch(one.db.transaction((tx) => tx.exec('commit', [], { timeout: 100 })));
    await one.clock.advance(210);
    one.sessions[0]?.finish();
    await one.clock.advance(5_000);
    expect(ran.error).toMatchObject({ code: 'OUTCOME_UNKNOWN', outcome: 'unknown' });
    expect((ran.error as Error).message).not.toContain('rolled back');
    expect(ends).toMatchObject([{ end: 'unknown' }]);
  });

  it('ran again after its session had committed past the handle', async () => {
    const one = bench((session) => session.answers.set('locked', lockTimeout()));
    const session = await one.db.acquire();
    const ran = one.watch(
      session.transaction(async (tx) => {
        await tx.exec('a');
        await session.exec('commit');
        one.sessions[0]?.answers.delete('locked');
        throw lockTimeout();
      }),
    );
    await one.clock.advance(10_000);
    expect(ran.error).toMatchObject({ reason: 'lock-timeout', attempts: undefined });
    expect(runs(one)).toBe(1);
    session.release();
  });

  it('was run once only where connections are reset, although its session was as good as new', async () => {
    let refusals = 1;
    const one = bench(
      (session) => {
        const execute = session.execute.bind(session);
        session.execute = async (query) => {
          if (query.text === 'locked' && refusals-- > 0) session.answers.set('locked', lockTimeout());
          else session.answers.delete('locked');
          return execute(query);
        };
      },
      { pool: { onRelease: 'reset' } },
    );
    const session = await one.db.acquire();
    const ran = one.watch(session.transaction(async (tx) => (await tx.exec('locked'), tx.attempt)));
    await one.clock.advance(1_000);
    expect(ran).toMatchObject({ error: undefined, value: 2 });
    session.release();
  });
});

describe('a savepoint', () => {
  it('could not be rolled back, and the transaction around it committed what should have been undone', async () => {
    const one = bench((session) => {
      session.answers.set('long', 'hang');
      session.cancelMode = 'misses';
    });
    const ran = one.watch(
      one.db.transaction(async (tx) => {
        await tx.exec('outer');
        await tx
          .transaction(async (inner) => {
            await inner.exec('inner');
            void inner.exec('long').catch(() => undefined);
            throw new Error('inner');
          })
          .catch(() => undefined);
        return 'fine';
      }),
    );
    await one.clock.advance(60_000);
    expect(ran.value).toBeUndefined();
    expect(ran.error).toMatchObject({ code: 'TRANSACTION', reason: 'aborted', outcome: 'not-applied' });
    expect(one.wire).not.toContain('commit');
  });

  it('called its transaction closed when its time was up', async () => {
    const one = bench(() => undefined);
    const ran = one.watch(
      one.db.transaction(
        (tx) =>
          tx.transaction(async (inner) => {
            await inner.exec('a');
            await new Promise<void>((resolve) => one.clock.setTimer(200, resolve));
            await inner.exec('b');
          }),
        { timeout: 100 },
      ),
    );
    await one.clock.advance(1_000);
    expect(ran.error).toMatchObject({ code: 'TIMEOUT', phase: 'transaction', outcome: 'not-applied' });
  });
});

describe('a procedure', () => {
  it.each(['call transfer()', '/* nightly */ do $$ … $$'])(
    'had committed midway, and was run again: %s',
    async (text) => {
      const one = bench((session) => session.answers.set(text, lockTimeout()));
      const ran = one.watch(one.db.exec(text));
      await one.clock.advance(10_000);
      expect(ran.error).toMatchObject({ reason: 'lock-timeout', outcome: 'unknown', attempts: undefined });
      expect(one.wire.filter((sent) => sent === text)).toHaveLength(1);
      one.watch(one.db.exec(text, [], { idempotent: true }));
      await one.clock.advance(10_000);
      expect(one.wire.filter((sent) => sent === text)).toHaveLength(1 + 4);
    },
  );
});
