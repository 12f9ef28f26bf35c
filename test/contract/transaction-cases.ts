/**
 * The cases of a transaction (src/runtime/transaction.ts). Each gets one that has begun, with the table `transaction_rows`. Run
 * by transaction-contract.ts; coverage.test.ts holds them against the interface.
 */
import type { Transaction } from 'fluxor-db';
import { TransactionError, UsageError } from 'fluxor-db';
import { expect } from 'vitest';
import type { CaseFacts, ContractCase } from './contract-runtime.js';
import { refusal } from './contract-runtime.js';
import type { Words } from './words.js';
import { countOf, int } from './words.js';

const CLOSED = { code: 'TRANSACTION_CLOSED', outcome: 'not-sent' };
export const add = (tx: Transaction, words: Words, id: number): Promise<unknown> =>
  tx.exec(`insert into transaction_rows (id) values (${words.placeholder(1)})`, [id]);
export const ids = async ({ db }: Pick<CaseFacts, 'db'>): Promise<unknown[]> =>
  (await db.query('select id from transaction_rows order by id', [], { rowMode: 'array' })).map(
    (row) => (row as unknown as [number])[0],
  );

export const TRANSACTION_CASES: readonly ContractCase<Transaction>[] = [
  {
    covers: ['commit', 'state', 'attempt', 'exec'],
    title: 'commit keeps everything, once',
    run: async (tx, facts) => {
      const { words } = facts.target;
      expect([tx.state, tx.attempt]).toEqual(['open', 1]);
      await add(tx, words, 1);
      await tx.commit();
      expect([tx.state, await ids(facts)]).toEqual(['committed', [1]]);
      expect(await refusal(tx.commit())).toMatchObject(CLOSED);
      await tx.rollback();
      expect([tx.state, await ids(facts)]).toEqual(['committed', [1]]);
    },
  },
  {
    covers: ['rollback', 'state', 'query', 'transaction', 'commit'],
    title: 'rollback keeps nothing, may be repeated, and nothing can be sent afterwards',
    run: async (tx, facts) => {
      const { words } = facts.target;
      await add(tx, words, 1);
      await tx.rollback();
      await tx.rollback();
      expect([tx.state, await ids(facts)]).toEqual(['rolled-back', []]);
      for (const call of [tx.query('select 1'), tx.commit(), tx.transaction(async () => 1)]) {
        const error = await refusal(call);
        expect(error).toMatchObject(CLOSED);
        expect(error).toBeInstanceOf(UsageError);
      }
    },
  },
  {
    covers: ['[Symbol.asyncDispose]', 'state'],
    title: 'await using rolls back what was not committed',
    run: async (tx, facts) => {
      const { words } = facts.target;
      {
        await using scope = tx;
        await add(scope, words, 1);
      }
      expect([tx.state, await ids(facts)]).toEqual(['rolled-back', []]);
    },
  },
  {
    covers: ['transaction', 'commit', 'query'],
    title: 'savepoints nest; one that fails is undone alone, and its error is the function’s own',
    run: async (tx, facts) => {
      const { words } = facts.target;
      await add(tx, words, 1);
      const result = await tx.transaction(async (inner) => {
        await add(inner, words, 2);
        const innermost = inner.transaction(async (deepest) => {
          await add(deepest, words, 3);
          await add(deepest, words, 1);
        });
        expect(await refusal(innermost)).toMatchObject({
          code: 'CONSTRAINT',
          reason: 'unique',
          outcome: 'not-applied',
        });
        await add(inner, words, 4);
        return inner.state;
      });
      expect(result).toBe('open');
      const reason = new Error('changed my mind');
      const undone = tx.transaction(async (inner) => {
        await add(inner, words, 5);
        throw reason;
      });
      await expect(undone).rejects.toBe(reason);
      expect(await tx.query('select id from transaction_rows order by id')).toEqual([{ id: 1 }, { id: 2 }, { id: 4 }]);
      await tx.commit();
      expect(await ids(facts)).toEqual([1, 2, 4]);
    },
  },
  {
    covers: ['transaction'],
    title: 'a savepoint can be ended by its own commit and rollback, and a second beside it is refused',
    run: async (tx, facts) => {
      const { words } = facts.target;
      await tx.transaction(async (inner) => {
        await add(inner, words, 1);
        await inner.rollback();
        expect(inner.state).toBe('rolled-back');
      });
      await tx.transaction(async (inner) => {
        await add(inner, words, 2);
        expect(await refusal(tx.transaction(async () => 1))).toMatchObject({
          code: 'TRANSACTION',
          reason: 'invalid-state',
        });
        await inner.commit();
        expect(await refusal(inner.query('select 1'))).toMatchObject(CLOSED);
      });
      await tx.commit();
      expect(await ids(facts)).toEqual([2]);
    },
  },
  {
    covers: ['query', 'commit', 'state'],
    title: 'a statement that failed fails the transaction, and commit says so; or it is undone alone',
    run: async (tx, facts) => {
      const { words } = facts.target;
      await add(tx, words, 1);
      const failing = `select ${words.tenOver('0')}`;
      expect(await refusal(tx.query(failing))).toMatchObject({ code: 'QUERY', reason: 'data' });
      if (!words.facts.errorsEndTransaction) {
        await add(tx, words, 2);
        await tx.commit();
        return expect([tx.state, await ids(facts)]).toEqual(['committed', [1, 2]]);
      }
      expect(await refusal(tx.query('select 1'))).toMatchObject({ code: 'TRANSACTION', reason: 'aborted' });
      const error = await refusal(tx.commit());
      expect(error).toMatchObject({ code: 'TRANSACTION', reason: 'aborted', outcome: 'not-applied' });
      expect(error).toBeInstanceOf(TransactionError);
      expect([tx.state, await ids(facts)]).toEqual(['rolled-back', []]);
    },
  },
  {
    covers: ['exec', 'commit', 'state'],
    title: 'commit is refused by a constraint that is checked last, where one can wait',
    run: async (tx, facts) => {
      const violating = tx.exec('insert into transaction_rows values (1, 99)');
      if (!facts.target.words.facts.defersConstraints) {
        expect(await refusal(violating)).toMatchObject({ code: 'CONSTRAINT', reason: 'foreign-key' });
        await tx.commit();
        return expect([tx.state, await ids(facts)]).toEqual(['committed', []]);
      }
      await violating;
      const error = await refusal(tx.commit());
      expect(error).toMatchObject({ code: 'CONSTRAINT', reason: 'foreign-key', outcome: 'not-applied' });
      expect([tx.state, await ids(facts)]).toEqual(['rolled-back', []]);
    },
  },
  {
    covers: ['exec', 'commit', 'state'],
    title: 'a statement that nobody awaited keeps commit from committing',
    run: async (tx, facts) => {
      const { words } = facts.target;
      const forgotten = add(tx, words, 1).catch(() => undefined);
      const error = await refusal(tx.commit());
      expect(error).toMatchObject({ code: 'STATEMENT_NOT_AWAITED', outcome: 'not-applied' });
      expect(error.message).toContain('insert into transaction_rows');
      await forgotten;
      expect([tx.state, await ids(facts)]).toEqual(['rolled-back', []]);
    },
  },
  {
    covers: ['exec', 'queryValue'],
    title: 'statements sent together run one after the other, in their order',
    run: async (tx, { target: { words } }) => {
      const seen = await Promise.all([
        add(tx, words, 1),
        tx.queryValue(countOf(words, 'transaction_rows')),
        add(tx, words, 2),
      ]);
      expect(seen[1]).toBe(1);
    },
  },
  {
    covers: ['exec', 'queryValue', 'rollback', 'state'],
    title:
      'a statement that defines something is rolled back with the rest, or has committed it, and nothing can follow',
    run: async (tx, facts) => {
      const { words } = facts.target;
      await add(tx, words, 1);
      await tx.exec(`create table transaction_defined (id ${words.columns.int})`);
      if (words.facts.definitionsCommit) {
        expect(await refusal(tx.queryValue(`select ${int(words, 1)}`))).toMatchObject(CLOSED);
        await tx.rollback();
        expect(tx.state).toBe('committed');
        await facts.db.exec('drop table transaction_defined');
        return expect(await ids(facts)).toEqual([1]);
      }
      expect(await tx.queryValue(`select ${int(words, 1)}`)).toBe(1);
      await tx.rollback();
      expect([tx.state, await ids(facts)]).toEqual(['rolled-back', []]);
      expect(await refusal(facts.db.exec('drop table transaction_defined'))).toMatchObject({
        reason: 'undefined-object',
      });
    },
  },
  {
    covers: ['exec', 'state', 'query'],
    title: 'a COMMIT written as a statement ends it, and nothing can follow',
    run: async (tx, facts) => {
      const { words } = facts.target;
      await add(tx, words, 1);
      await tx.exec('commit');
      expect([tx.state, await ids(facts)]).toEqual(['committed', [1]]);
      expect(await refusal(tx.query('select 1'))).toMatchObject(CLOSED);
    },
  },
];
