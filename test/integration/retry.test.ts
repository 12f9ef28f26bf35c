/**
 * What real servers refuse for a moment, and what dies under a call: it is tried again where that is safe, with fresh
 * reads, and never through a handle whose transaction the server has ended. Lost answers are in lost-replies.test.ts.
 */
import type { FluxorEvents, RuntimeOptions, Transaction } from 'fluxor-db';
import { isFluxorError } from 'fluxor-db';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { describe, expect, inject, it } from 'vitest';
import { failure, ProxiedDatabase } from './proxied-database.js';

const QUICK = { initialBackoff: '5ms', maxBackoff: '5ms' } as const;

/** Resolves for all when so many have come; those who come later pass. */
function meetingOf(count: number): () => Promise<void> {
  let come = 0;
  let open: () => void;
  const all = new Promise<void>((resolve) => (open = resolve));
  return () => {
    come += 1;
    if (come >= count) open();
    return all;
  };
}

for (const { name, url } of inject('postgresServers')) {
  describe(`retries on ${name}`, () => {
    const start = async (options: Omit<RuntimeOptions, 'driver'> = {}) => {
      const house = await ProxiedDatabase.start(url, { ...options, query: { retry: QUICK, ...options.query } });
      await house.direct.exec('drop table if exists retried');
      await house.direct.exec('create table retried (id int primary key, value int not null)');
      await house.direct.exec('insert into retried values (1, 0), (2, 0)');
      const told: FluxorEvents['transaction:retried'][] = [];
      house.db.on('transaction:retried', (fact) => told.push(fact));
      return Object.assign(house, { told });
    };
    const values = async ({ direct }: ProxiedDatabase) =>
      (await direct.query<{ value: number }>('select value from retried order by id')).map(({ value }) => value);
    const kill = async (house: ProxiedDatabase) => {
      const text =
        'select count(pg_terminate_backend(pid, 5000))::int from pg_stat_activity where application_name = $1';
      return house.direct.queryValue<number>(text, [house.applicationName]);
    };

    // Write skew: each reads what the other writes (PostgreSQL manual, 13.2.3).
    it('run a transaction again after a serialization failure, and it reads what the other one wrote', async () => {
      await using house = await start();
      const meet = meetingOf(2);
      const read: [attempt: number, sum: number][] = [];
      const add = (id: number) =>
        house.db.transaction(
          async (tx) => {
            const sum = (await tx.queryValue<number>('select sum(value)::int from retried')) ?? NaN;
            read.push([tx.attempt, sum]);
            await meet();
            await tx.exec('update retried set value = $2 where id = $1', [id, sum + 1]);
          },
          { isolation: 'serializable' },
        );
      await Promise.all([add(1), add(2)]);
      expect(read).toEqual([
        [1, 0],
        [1, 0],
        [2, 1],
      ]);
      expect((await values(house)).sort()).toEqual([1, 2]);
      expect(house.told).toMatchObject([{ attempt: 2, error: { code: 'TRANSACTION', reason: 'serialization' } }]);
      expect(house.db.gate.stats().retry).toMatchObject({ transactionRetries: 1, contentionRetries: 1 });
      await house.check();
    });

    it('lose no update among ten at once who read before they write', async () => {
      await using house = await start({ query: { retry: { maxRetries: 50, ...QUICK, budget: false } } });
      const meet = meetingOf(10);
      const increment = () =>
        house.db.transaction(
          async (tx) => {
            const value = (await tx.queryValue<number>('select value from retried where id = 1')) ?? NaN;
            await meet();
            await tx.exec('update retried set value = $1 where id = 1', [value + 1]);
          },
          { isolation: 'repeatable read' },
        );
      await Promise.all(Array.from({ length: 10 }, increment));
      expect(await values(house)).toEqual([10, 0]);
      expect(house.told.length).toBeGreaterThanOrEqual(9);
      await house.check();
    });

    it('let both sides of a deadlock win, one after the other', async () => {
      await using house = await start();
      const meet = meetingOf(2);
      const runs: number[] = [];
      const both = ([first, second]: readonly [number, number]) =>
        house.db.transaction(async (tx) => {
          runs.push(tx.attempt);
          await tx.exec('update retried set value = value + 1 where id = $1', [first]);
          await meet();
          await tx.exec('update retried set value = value + 1 where id = $1', [second]);
        });
      await Promise.all([both([1, 2]), both([2, 1])]);
      // Whoever lost may take its first row again before the other one has woken up, and both may meet once more.
      expect(runs.slice(0, 3)).toEqual([1, 1, 2]);
      expect(await values(house)).toEqual([2, 2]);
      const deadlock = { error: { sqlState: '40P01', reason: 'deadlock' } };
      expect(house.told).toMatchObject(runs.slice(2).map((attempt) => ({ attempt, ...deadlock })));
      await house.check();
    });

    it('end with the error of the last run, which has those before it, when every run fails', async () => {
      await using house = await start();
      const fail = "do $$ begin raise exception 'again' using errcode = '40001'; end $$";
      const runs: number[] = [];
      const attempt = house.db.transaction(async (tx) => {
        runs.push(tx.attempt);
        await tx.exec('update retried set value = value + 1');
        await tx.exec(fail);
      });
      const { error } = await failure(attempt);
      expect(error).toMatchObject({ code: 'TRANSACTION', reason: 'serialization', outcome: 'not-applied' });
      expect([runs, error.attempts?.length]).toEqual([[1, 2, 3, 4], 3]);
      expect(await values(house)).toEqual([0, 0]);
      await house.check();
    });

    // The function ran four times: in a transaction the decision is whole-transaction, and no longer after-fix.
    it('are made once for a prepared statement that is not there', async () => {
      await using house = await start();
      const runs: number[] = [];
      const work = house.db.transaction(async (tx) => {
        runs.push(tx.attempt);
        await tx.exec('execute nope');
      });
      const { error } = await failure(work);
      expect(error).toMatchObject({ code: 'QUERY', reason: 'statement-invalid', sqlState: '26000' });
      expect(error.message).toContain('(after 2 attempts)');
      expect([runs, error.attempts?.length]).toEqual([[1, 2], 1]);
      await house.check();
    });

    it('are made of a DO outside a transaction only where it was declared safe: it may have committed midway', async () => {
      await using house = await start();
      const text =
        "do $$ begin update retried set value = value + 1; commit; raise exception 'x' using errcode = '40001'; end $$";
      const { error } = await failure(house.db.exec(text));
      expect(error).toMatchObject({ reason: 'serialization', outcome: 'unknown', attempts: undefined });
      expect(await values(house)).toEqual([1, 1]);
      const safe = (await failure(house.db.exec(text, [], { idempotent: true, retry: { maxRetries: 1 } }))).error;
      expect(safe).toMatchObject({ outcome: 'unknown', attempts: [{ outcome: 'unknown' }] });
      expect(await values(house)).toEqual([3, 3]);
      await house.check();
    });

    it('are not made of a DO that was stopped in time: what it committed before stays, so its outcome is unknown', async () => {
      await using house = await start();
      const text = 'do $$ begin update retried set value = value + 1; commit; perform pg_sleep(30); end $$';
      // The time is for what it commits, and not for a connection to be opened.
      await house.db.query('select 1');
      const { error } = await failure(house.db.exec(text, [], { timeout: 1_500 }));
      expect(error).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown', attempts: undefined });
      expect(await values(house)).toEqual([1, 1]);
      await house.check();
    });

    it('are not made where the function threw an error of its own, nor where `retry: false` says so', async () => {
      await using house = await start();
      let runs = 0;
      const own = new Error('insufficient funds');
      const mine = house.db.transaction(async () => {
        runs += 1;
        throw own;
      });
      expect((await failure(mine)).error).toBe(own);
      const once = house.db.transaction(
        async (tx) => {
          runs += 1;
          await tx.exec("do $$ begin raise exception 'again' using errcode = '40P01'; end $$");
        },
        { retry: false },
      );
      expect((await failure(once)).error).toMatchObject({ reason: 'deadlock' });
      expect([runs, house.told]).toEqual([2, []]);
    });

    it('run a transaction again whose session the server ended; the handle of the first run stays dead', async () => {
      await using house = await start();
      const handles: Transaction[] = [];
      const refused: unknown[] = [];
      await house.db.transaction(async (tx) => {
        handles.push(tx);
        await tx.exec('update retried set value = value + 1 where id = 1');
        if (tx.attempt === 1) expect(await kill(house)).toBe(1);
        else
          refused.push((await failure(handles[0]?.exec('update retried set value = 99') ?? Promise.resolve())).error);
        await tx.exec('update retried set value = value + 1 where id = 2');
      });
      expect(handles.map(({ state }) => state)).toEqual(['lost', 'committed']);
      expect(refused).toMatchObject([{ code: 'TRANSACTION_CLOSED', outcome: 'not-sent' }]);
      expect(await values(house)).toEqual([1, 1]);
      await house.check();
    });

    // 25P03: the server says so while nobody asks, and closes.
    it('find a handle poisoned whose transaction sat idle too long for the server', async () => {
      await using house = await start();
      const lost: FluxorEvents['connection:lost'][] = [];
      using _listener = house.db.on('connection:lost', (fact) => lost.push(fact));
      const tx = await house.db.begin();
      await tx.exec('update retried set value = 99');
      // The last thing before it rests: a pause of this process must not end it earlier.
      await tx.exec("set local idle_in_transaction_session_timeout = '50ms'");
      await expect.poll(() => lost).toMatchObject([{ error: { code: 'TIMEOUT', sqlState: '25P03' } }]);
      for (const text of ['select 1', 'update retried set value = 100']) {
        expect((await failure(tx.exec(text))).error.outcome).toBe('not-sent');
      }
      expect((await failure(tx.commit())).error).toMatchObject({ code: 'TRANSACTION_CLOSED' });
      expect([tx.state, await values(house)]).toEqual(['lost', [0, 0]]);
      await house.check();
    });

    it('are not needed for a connection whose end was noticed while it rested', async () => {
      await using house = await start({ pool: { validation: false } });
      await house.db.query('select 1');
      expect(await kill(house)).toBe(1);
      await expect.poll(() => house.db.stats().idle).toBe(0);
      expect(await house.db.exec('update retried set value = value + 1')).toEqual({ rowsAffected: 2 });
      expect(house.db.gate.stats().retry).toMatchObject({ retries: 0, freeRetries: 0 });
      expect(await values(house)).toEqual([1, 1]);
    });

    // Between the FIN and the end of the socket Node refuses to write, and nobody has told the pool yet.
    it('cost nothing where a connection had died in the pool and nothing of the statement was written', async () => {
      const options = { pool: { validation: false }, query: { retry: QUICK }, gate: { rateLimit: false } } as const;
      await using house = await start({ ...options, gate: { ...options.gate, circuitBreaker: false } });
      const made: number[] = [];
      const retried: FluxorEvents['query:retried'][] = [];
      using _listener = house.db.on('query:retried', (fact) => retried.push(fact));
      const free = () => house.db.gate.stats().retry?.freeRetries ?? 0;
      const calls: Promise<unknown>[] = [];
      for (let round = 0; round < 300 && free() === 0; round += 1) {
        await house.db.query('select 1', [], { readOnly: true });
        house.proxy.finAll();
        // Each round hits the moment with some probability: a call in every turn of the event loop.
        for (let turn = 0; turn < 12; turn += 1) {
          const id = 100 + 12 * round + turn;
          const call = house.db.exec('insert into retried values ($1, 0)', [id]);
          calls.push(
            call
              .then(() => made.push(id))
              .catch((error: unknown) => expect(error).toMatchObject({ outcome: 'unknown' })),
          );
          await nextTurn();
        }
        await Promise.all(calls.splice(0));
      }
      expect(free()).toBeGreaterThan(0);
      expect(retried[0]).toMatchObject({ attempt: 2, delayMs: 0, error: { code: 'CONNECTION', outcome: 'not-sent' } });
      const rows = await house.direct.query<{ id: number }>('select id from retried where id >= 100 order by id');
      expect(rows.map(({ id }) => id)).toEqual(made.sort((a, b) => a - b));
      await house.check();
    });

    it('end at once when the caller aborts in the pause between two attempts', async () => {
      await using house = await start({
        query: { retry: { initialBackoff: '30s', maxBackoff: '30s', jitter: 'none' } },
      });
      const controller = new AbortController();
      let abortedAt = 0;
      using _listener = house.db.on('query:retried', () => {
        abortedAt = performance.now();
        controller.abort(new Error('never mind'));
      });
      house.proxy.dropReplies({ when: (chunk) => chunk.includes('select 42'), then: 'reset' });
      const options = { readOnly: true, signal: controller.signal, timeout: false } as const;
      const { error } = await failure(house.db.query('select 42', [], options));
      // The pause would be 30 s.
      expect(performance.now() - abortedAt).toBeLessThan(2_000);
      expect(error).toMatchObject({ code: 'CANCELLED', reason: 'caller', outcome: 'not-applied' });
      expect(error.attempts).toMatchObject([{ code: 'CONNECTION', reason: 'lost' }]);
      await house.check();
    });

    it('end at once when the caller of a transaction aborts in the pause between two runs', async () => {
      await using house = await start({
        query: { retry: { initialBackoff: '30s', maxBackoff: '30s', jitter: 'none' } },
      });
      const controller = new AbortController();
      using _listener = house.db.on('transaction:retried', () => setTimeout(() => controller.abort(), 20));
      const work = house.db.transaction(
        async (tx) => tx.exec("do $$ begin raise exception 'again' using errcode = '40001'; end $$"),
        { signal: controller.signal },
      );
      const { error, afterMs } = await failure(work);
      // The pause would be 30 s.
      expect(afterMs).toBeLessThan(5_000);
      expect(error).toMatchObject({ code: 'CANCELLED', reason: 'caller', outcome: 'not-applied' });
      expect(error.attempts).toMatchObject([{ reason: 'serialization' }]);
      await house.check();
    });

    it.each(['statement', 'transaction'] as const)(
      'end when the runtime disconnects in the pause (%s)',
      async (unit) => {
        await using house = await start({
          query: { retry: { initialBackoff: '30s', maxBackoff: '30s', jitter: 'none' }, timeout: false },
        });
        const refuse = "do $$ begin raise exception 'again' using errcode = '40001'; end $$";
        const isPausing = new Promise<void>((resolve) => {
          house.db.on('query:retried', () => resolve());
          house.db.on('transaction:retried', () => resolve());
        });
        const work =
          unit === 'transaction'
            ? house.db.transaction(async (tx) => tx.exec(refuse))
            : house.db.exec(refuse, [], { idempotent: true });
        const ended = failure(work);
        await isPausing;
        await house.db.disconnect({ timeout: 100 });
        const { error } = await Promise.race([ended, pause(5_000).then(() => ({ error: 'nobody answers' }))]);
        expect(isFluxorError(error), String(error)).toBe(true);
      },
    );

    it('do not begin what could not end before the deadline: the real error is heard, and soon', async () => {
      await using house = await start({ query: { retry: { initialBackoff: '5s', maxBackoff: '5s', jitter: 'none' } } });
      house.proxy.dropReplies({ when: (chunk) => chunk.includes('select 42'), then: 'reset' });
      const { error, afterMs } = await failure(house.db.query('select 42', [], { readOnly: true, timeout: '4s' }));
      expect(error).toMatchObject({ code: 'CONNECTION', reason: 'lost' });
      expect(afterMs).toBeLessThan(3_500);
      expect(house.db.gate.stats().retry?.finals.deadline).toBe(1);
      await house.check();
    });
  });
}
