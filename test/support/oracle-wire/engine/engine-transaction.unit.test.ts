/** A cancel that comes late hits whatever runs then; PostgreSQL must not be left in a transaction that nobody knows of. */
import { describe, expect, it } from 'vitest';
import { EngineTransaction } from './engine-transaction.js';
import { EngineError } from './pg-link.js';

const BEGIN = 'BEGIN; SAVEPOINT ora_stmt';

/** Cancels the first `times` of a text, or of each text. */
function linkCancelling(hit: string, times = 1) {
  const sent: string[] = [];
  let left = times;
  const query = (text: string) => {
    sent.push(text);
    if (!text.startsWith(hit) || left === 0) return Promise.resolve({ fields: [], rows: [], affected: 0 });
    left -= 1;
    const server = Object.assign(new Error('canceling statement due to user request'), { code: '57014' });
    return Promise.reject(new EngineError(server, [], []));
  };
  const undone: string[] = [];
  const transaction = new EngineTransaction({ query }, async () => void undone.push('restored'));
  return { transaction, sent, undone };
}

describe('a cancel that comes late', () => {
  it('and hits BEGIN leaves no transaction that has failed to whatever comes next', async () => {
    const { transaction, sent } = linkCancelling('BEGIN');
    await expect(transaction.begin()).rejects.toMatchObject({ server: { code: '57014' } });
    expect([transaction.isOpen, sent]).toEqual([false, [BEGIN, 'ROLLBACK']]);
  });

  it('and hits COMMIT: nothing is committed, and the transaction is over', async () => {
    const { transaction, sent } = linkCancelling('COMMIT');
    await transaction.begin();
    await expect(transaction.commit()).rejects.toMatchObject({ server: { code: '57014' } });
    expect([transaction.isOpen, sent]).toEqual([false, [BEGIN, 'COMMIT', 'ROLLBACK']]);
  });

  it.each([1, 2, 3])('and hits ROLLBACK, %i times: it is rolled back all the same', async (times) => {
    const { transaction, sent, undone } = linkCancelling('ROLLBACK', times);
    await transaction.begin();
    await transaction.rollback();
    expect(sent).toEqual([BEGIN, ...Array.from({ length: times + 1 }, () => 'ROLLBACK')]);
    expect([transaction.isOpen, undone]).toEqual([false, ['restored']]);
  });

  it('is not fought for ever', async () => {
    const { transaction, sent } = linkCancelling('', Infinity);
    await expect(transaction.begin()).rejects.toMatchObject({ server: { code: '57014' } });
    expect([transaction.isOpen, sent.slice(1)]).toEqual([false, ['ROLLBACK', 'ROLLBACK', 'ROLLBACK', 'ROLLBACK']]);
  });
});
