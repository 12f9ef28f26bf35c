/**
 * What a transaction promises (src/runtime/transaction.ts): its own members, its options, savepoints and every way in which it
 * can end. What the executor's methods do in it is in executor-contract.ts.
 */
import type { Transaction, TransactionOptions } from 'fluxor-db';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ContractHouse, refusal, runCase } from './contract-runtime.js';
import type { ContractTarget } from './targets.js';
import { add as addTo, ids, TRANSACTION_CASES } from './transaction-cases.js';
import type { Words } from './words.js';
import { countOf, shownOf } from './words.js';

/** What the options of `begin()` and `transaction()` do that the database can tell of. */
const optionCases = (words: Words): readonly (readonly [options: TransactionOptions, shown: readonly string[]])[] => [
  [{}, shownOf(words, words.defaultIsolation)],
  [{ isolation: 'read committed' }, shownOf(words, 'read committed')],
  [{ isolation: 'repeatable read' }, shownOf(words, 'repeatable read')],
  [{ isolation: 'serializable', readOnly: true }, shownOf(words, 'serializable', true)],
  [{ isolation: 'serializable', readOnly: true, deferrable: true }, ['serializable', 'on', 'on']],
];

/** For coverage.test.ts: asserted below, where a transaction that has begun already is of no use. */
export const COVERED_TRANSACTION_OPTIONS = [
  'TransactionOptions.isolation',
  'TransactionOptions.readOnly',
  'TransactionOptions.deferrable',
  'TransactionOptions.timeout',
  'TransactionOptions.signal',
  'TransactionOptions.retry',
  'TransactionOptions.resolveOutcome',
];

export function transactionContract(target: ContractTarget): void {
  const { words } = target;
  const add = (tx: Transaction, id: number): Promise<unknown> => addTo(tx, words, id);
  describe(`transaction contract: ${target.name}`, () => {
    let house: ContractHouse;

    beforeAll(async () => {
      house = await ContractHouse.start(target);
      await house.db.exec('drop table if exists transaction_rows');
      await house.db.exec(
        `create table transaction_rows (id ${words.columns.int} primary key, before_it ${words.columns.int},
           foreign key (before_it) references transaction_rows (id) ${words.deferred})`,
      );
    });
    beforeEach(() => house.db.exec('delete from transaction_rows'));
    afterAll(async () => {
      await house.db.exec('drop table transaction_rows');
      await house[Symbol.asyncDispose]();
    });

    it.each(TRANSACTION_CASES.map((one) => [one.title, one] as const))('%s', async (_title, one) => {
      await using tx = await house.db.begin();
      await runCase(one, tx, { ...house, db: house.db });
      await tx.rollback();
      await expect.poll(() => house.db.stats().inUse).toBe(0);
    });

    it.each(optionCases(words))(
      'begins as asked for, or refuses what the database has not: %o',
      async (options, shown) => {
        const show = (tx: Transaction) => words.showTransaction((text) => tx.query(text, [], { rowMode: 'array' }));
        if (options.deferrable && !house.db.config.driver.transactions.hasDeferrable) {
          return expect(await refusal(house.db.transaction(show, options))).toMatchObject({ code: 'CONFIG' });
        }
        expect(await house.db.transaction(show, options)).toEqual(shown);
        expect(await house.db.use((session) => session.transaction(show, options))).toEqual(shown);
        await using tx = await house.db.begin(options);
        expect(await show(tx)).toEqual(shown);
      },
    );

    it('refuses a write in a transaction that was begun to read', async () => {
      const writing = house.db.transaction((tx) => add(tx, 1), { readOnly: true });
      expect(await refusal(writing)).toMatchObject({
        code: 'TRANSACTION',
        reason: 'read-only',
        outcome: 'not-applied',
      });
    });

    it.each([{ isolation: 'chaos' }, { deferrable: true }, { readonly: true }, { timeout: 0 }])(
      'refuses before it begins: %o',
      async (options) => {
        const wrong = options as unknown as TransactionOptions;
        expect(await refusal(house.db.begin(wrong))).toMatchObject({ code: 'CONFIG' });
        expect(await refusal(house.db.transaction(async () => 1, wrong))).toMatchObject({ code: 'CONFIG' });
      },
    );

    it('is not committed when its function, or that of a savepoint, forgot to await', async () => {
      const forgetful = async (tx: Transaction) => void add(tx, 1).catch(() => undefined);
      for (const run of [
        () => house.db.transaction(forgetful),
        () => house.db.use((session) => session.transaction(forgetful)),
        () => house.db.transaction((tx) => tx.transaction(forgetful)),
      ]) {
        expect(await refusal(run())).toMatchObject({ code: 'STATEMENT_NOT_AWAITED', outcome: 'not-applied' });
        expect(await ids(house)).toEqual([]);
      }
    });

    it('keeps what an inner transaction of a session has kept, through await using as well', async () => {
      await using session = await house.db.acquire();
      {
        await using tx = await session.begin();
        await add(tx, 1);
        await tx.commit();
      }
      {
        await using tx = await session.begin();
        await add(tx, 2);
      }
      expect(await session.query('select id from transaction_rows')).toEqual([{ id: 1 }]);
    });

    it('is rolled back at its timeout, and says so to the next statement', async () => {
      // Long enough for BEGIN and the INSERT on a machine that stands still meanwhile.
      const tx = await house.db.begin({ timeout: '1500ms' });
      await add(tx, 1);
      await expect.poll(() => tx.state).toBe('rolled-back');
      expect(await refusal(tx.query('select 1'))).toMatchObject({
        code: 'TIMEOUT',
        phase: 'transaction',
        outcome: 'not-applied',
      });
      expect(await ids(house)).toEqual([]);
    });

    it('is rolled back when its signal aborts, with what runs in it', async () => {
      const abort = new AbortController();
      const tx = await house.db.begin({ signal: abort.signal });
      await add(tx, 1);
      const text = words.sleep('30', 'in_transaction');
      const running = house.canCancel ? refusal(tx.query(text, [], { readOnly: true })) : undefined;
      if (running !== undefined) await house.untilRuns('in_transaction');
      abort.abort(new Error('enough'));
      if (running !== undefined) expect(await running).toMatchObject({ code: 'CANCELLED', outcome: 'not-applied' });
      expect(await refusal(tx.commit())).toMatchObject({ code: 'CANCELLED', reason: 'caller', outcome: 'not-applied' });
      await expect.poll(() => tx.state).toBe('rolled-back');
      expect(await ids(house)).toEqual([]);
    });

    it('runs its function again after losing to another, as `retry` says, and counts the attempts', async () => {
      const attempts: number[] = [];
      const failing = (times: number) => async (tx: Transaction) => {
        attempts.push(tx.attempt);
        await add(tx, tx.attempt);
        if (tx.attempt <= times) await tx.exec(words.contention.text);
        return 'done';
      };
      const quick = { initialBackoff: '1ms', maxBackoff: '1ms' } as const;
      expect(await house.db.transaction(failing(2), { retry: quick })).toBe('done');
      expect([attempts.splice(0), await ids(house)]).toEqual([[1, 2, 3], [3]]);
      const once = house.db.transaction(failing(1), { retry: false });
      expect(await refusal(once)).toMatchObject({
        code: 'TRANSACTION',
        reason: words.contention.reason,
        outcome: 'not-applied',
      });
      expect([attempts.splice(0), await ids(house)]).toEqual([[1], [3]]);
      await house.db.use((session) => session.transaction(failing(1), { retry: quick }));
      expect(attempts).toEqual([1, 2]);
    });

    it('prepares to ask for a lost COMMIT where the database can tell, and refuses where it cannot', async () => {
      const write = house.db.transaction((tx) => add(tx, 1), { resolveOutcome: true });
      if (house.db.config.driver.outcomes === undefined) {
        expect(await refusal(write)).toMatchObject({ code: 'CONFIG' });
      } else expect(await write).toEqual({ rowsAffected: 1 });
      expect(await ids(house)).toEqual(house.db.config.driver.outcomes === undefined ? [] : [1]);
    });

    it('is lost with its connection, where a connection can be lost, and has left nothing', async () => {
      if (!house.isShared) return;
      const tx = await house.db.begin();
      await add(tx, 1);
      const error = await house.loseWhile('lost', (text) => tx.query(text));
      const reason = words.facts.saysWhyItEnds ? 'shutting-down' : 'lost';
      expect(error).toMatchObject({ code: 'CONNECTION', reason, outcome: 'not-applied' });
      expect([tx.state, await ids(house)]).toEqual(['lost', []]);
      await tx.rollback();
    });

    it('shows nobody what it has not committed, and nothing of others to a snapshot', async () => {
      if (!house.isShared) return;
      await house.db.transaction(
        async (tx) => {
          expect(await tx.queryValue(countOf(words, 'transaction_rows'))).toBe(0);
          await house.observer.exec('insert into transaction_rows (id) values (7)');
          await add(tx, 1);
          expect(await tx.query('select id from transaction_rows')).toEqual([{ id: 1 }]);
          expect(await ids({ db: house.observer })).toEqual([7]);
        },
        { isolation: 'repeatable read' },
      );
      expect(await ids(house)).toEqual([1, 7]);
    });
  });
}
