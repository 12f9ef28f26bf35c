/** What Transaction Guard answers while a COMMIT comes, is under way, or has failed: whatever it has said stays true. */
import { describe, expect, it } from 'vitest';
import type { BindSpec } from './backend.js';
import { OraError } from './backend.js';
import { TransactionGuard } from './transaction-guard.js';
import { T } from './values.js';

const bind = (name: string, type: number): BindSpec => ({
  name,
  type,
  maxSize: 64,
  csfrm: 1,
  isArray: false,
  isReturn: false,
});
const BINDS = [bind('ID', T.RAW), bind('COMMITTED', T.NUMBER)];

const ask = async (guard: TransactionGuard, ltxid: Buffer): Promise<unknown> =>
  (await guard.answer(BINDS, [ltxid, null])).outValues?.[0]?.[1];

/** A COMMIT that ends when the test says so. */
class HeldCommit {
  end: (error?: OraError) => void = () => undefined;
  readonly #ended = new Promise<void>((resolve, reject) => {
    this.end = (error) => (error === undefined ? resolve() : reject(error));
  });
  readonly work = (): Promise<void> => this.#ended;
}

describe('Transaction Guard', () => {
  it('waits for a COMMIT that is being carried out, and does not deny what is then committed', async () => {
    const guard = new TransactionGuard();
    const ltxid = guard.issue();
    const held = new HeldCommit();
    const committing = guard.commit(ltxid, held.work);
    const answers = Promise.all([ask(guard, ltxid), ask(guard, ltxid)]);
    held.end();
    await committing;
    expect(await answers).toEqual([1, 1]);
    expect(await ask(guard, ltxid)).toBe(1);
  });

  it('says no when the COMMIT that it has waited for has failed, and forbids another one', async () => {
    const guard = new TransactionGuard();
    const ltxid = guard.issue();
    const held = new HeldCommit();
    const committing = guard.commit(ltxid, held.work);
    const answer = ask(guard, ltxid);
    held.end(new OraError(2091, 'transaction rolled back'));
    await expect(committing).rejects.toMatchObject({ code: 2091 });
    expect(await answer).toBe(0);
    await expect(guard.commit(ltxid, async () => undefined)).rejects.toMatchObject({ code: 14909 });
  });

  it('forbids a COMMIT that comes after a no: nothing of it is carried out', async () => {
    const guard = new TransactionGuard();
    const ltxid = guard.issue();
    expect(await ask(guard, ltxid)).toBe(0);
    let runs = 0;
    const commit = guard.commit(ltxid, async () => {
      runs += 1;
    });
    await expect(commit).rejects.toMatchObject({ code: 14909 });
    expect([runs, await ask(guard, ltxid)]).toEqual([0, 0]);
  });

  it('holds up nobody who asks for another transaction', async () => {
    const guard = new TransactionGuard();
    const held = new HeldCommit();
    const committing = guard.commit(guard.issue(), held.work);
    expect(await ask(guard, guard.issue())).toBe(0);
    held.end();
    await committing;
  });

  it('knows nothing of an id that it has not given', async () => {
    await expect(ask(new TransactionGuard(), Buffer.alloc(32))).rejects.toMatchObject({ code: 14903 });
  });
});
