import { describe, expect, it } from 'vitest';
import { TRANSACTION_WORDS } from '../../test/fakes/fake-session.js';
import type { DriverQuery, DriverResult } from '../driver/query.js';
import { ConnectionError } from '../errors/connection-error.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import { OutcomeUnknownError, QueryError, TransactionError } from '../errors/query-error.js';
import { createDeferred } from '../kernel/deferred.js';
import type { Connection } from './connection.js';
import type { StatementCall } from './statement-call.js';
import type { FoundOutcome, OutcomeFinder } from './outcome-finder.js';
import { TransactionControl } from './transaction-control.js';

const CALL: StatementCall = {
  deadlineAt: Infinity,
  timeoutMs: Infinity,
  signal: undefined,
  phase: 'transaction',
  isReadOnly: false,
  isSafeToRepeat: false,
  inTransaction: false,
  askedReadOnly: false,
  context: { queryId: 7 },
};
const MARK: DriverQuery = { text: 'mark', values: [], rowMode: 'array' };
const lost = new OutcomeUnknownError('the answer is lost');
const gone = new ConnectionError('lost', 'gone', { outcome: 'not-applied', isConnectionFatal: true });

/** An open transaction whose statements fail as told, and a finder that finds what it is told. */
async function begin(failing: Readonly<Record<string, FluxorError>> = {}) {
  const wire: string[] = [];
  const execute = async ({ text }: DriverQuery): Promise<DriverResult> => {
    wire.push(text);
    const error = failing[text];
    if (error !== undefined) throw error;
    return { rows: [], fields: [], rowsAffected: 0, command: '' };
  };
  const connection = { id: 3, tenure: 5, isOutsideTransaction: false, isIdle: false, execute };
  const control = await TransactionControl.begin(
    connection as unknown as Connection,
    TRANSACTION_WORDS,
    {},
    CALL,
    'postgres',
  );
  let ends = 0;
  control.onEnded = () => (ends += 1);
  return { control, wire, ends: () => ends };
}

function finder(found: FoundOutcome | Promise<FoundOutcome>, canFind = true) {
  const asked: FluxorError[] = [];
  const prepare: OutcomeFinder['prepare'] = async (run) => {
    await run(MARK);
    return canFind;
  };
  const find = async (error: FluxorError) => {
    asked.push(error);
    return found;
  };
  return { prepare, find, asked };
}

describe('a COMMIT whose answer can be asked for', () => {
  it('is announced by the mark, and nothing is asked when it is answered', async () => {
    const { control, wire } = await begin();
    const it = finder({ fate: 'committed' });
    await control.commit(CALL, it);
    expect([wire, it.asked, control.state]).toEqual([['begin', 'mark', 'commit'], [], 'committed']);
  });

  it('resolves when it is found to have committed, and ends once, then', async () => {
    const { control, ends } = await begin({ commit: lost });
    const answer = createDeferred<FoundOutcome>();
    const it = finder(answer.promise);
    const committing = control.commit(CALL, it);
    await expect.poll(() => it.asked).toEqual([lost]);
    expect([control.state, ends()]).toEqual(['resolving', 0]);
    await expect(control.execute(MARK, CALL)).rejects.toMatchObject({ code: 'TRANSACTION_CLOSED' });
    await control.rollback(CALL);
    answer.resolve({ fate: 'committed' });
    await committing;
    expect([control.state, ends()]).toEqual(['committed', 1]);
  });

  it.each(['rolled-back', 'unknown'] as const)('rejects with the error of what was found: %s', async (fate) => {
    const { control, ends } = await begin({ commit: lost });
    await expect(control.commit(CALL, finder({ fate, error: gone }))).rejects.toBe(gone);
    expect([control.state, ends()]).toEqual([fate, 1]);
  });

  it('is unknown as ever when nothing can be asked', async () => {
    const { control } = await begin({ commit: lost });
    const it = finder({ fate: 'committed' }, false);
    await expect(control.commit(CALL, it)).rejects.toBe(lost);
    expect([control.state, it.asked]).toEqual(['unknown', []]);
  });

  it('is not asked for when the error says what became of it', async () => {
    const serialization = new TransactionError('serialization', 'no', { outcome: 'not-applied' });
    const { control } = await begin({ commit: serialization });
    const it = finder({ fate: 'committed' });
    await expect(control.commit(CALL, it)).rejects.toBe(serialization);
    expect([control.state, it.asked]).toEqual(['rolled-back', []]);
  });
});

describe('a mark that fails', () => {
  it('does not hide what COMMIT of a failed transaction says', async () => {
    const failed = new TransactionError('aborted', 'the transaction has failed', { outcome: 'not-applied' });
    const { control, wire } = await begin({ mark: failed });
    await control.commit(CALL, finder({ fate: 'committed' }));
    expect(wire).toEqual(['begin', 'mark', 'commit']);
  });

  it('with the connection leaves the transaction lost, with no COMMIT', async () => {
    const { control, wire, ends } = await begin({ mark: gone });
    await expect(control.commit(CALL, finder({ fate: 'committed' }))).rejects.toBe(gone);
    expect([wire, control.state, ends()]).toEqual([['begin', 'mark'], 'lost', 1]);
  });

  it('for any other reason rolls back, and says why', async () => {
    const denied = new QueryError('permission', 'no', { outcome: 'not-applied' });
    const { control, wire, ends } = await begin({ mark: denied });
    await expect(control.commit(CALL, finder({ fate: 'committed' }))).rejects.toBe(denied);
    expect([wire, control.state, ends()]).toEqual([['begin', 'mark', 'rollback'], 'rolled-back', 1]);
  });

  it('is lost when the rollback fails too, and still says why', async () => {
    const denied = new QueryError('permission', 'no', { outcome: 'not-applied' });
    const { control } = await begin({ mark: denied, rollback: gone });
    await expect(control.commit(CALL, finder({ fate: 'committed' }))).rejects.toBe(denied);
    expect(control.state).toBe('lost');
  });
});
