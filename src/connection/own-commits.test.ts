import { describe, expect, it } from 'vitest';
import { TRANSACTION_WORDS } from '../../test/fakes/fake-session.js';
import type { DriverQuery, DriverResult } from '../driver/query.js';
import { commitsByItself } from '../driver/mysql-server/mysql-own-commits.js';
import { ConnectionError } from '../errors/connection-error.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import { QueryError, TransactionError } from '../errors/query-error.js';
import { TimeoutError } from '../errors/timeout-error.js';
import type { Connection } from './connection.js';
import type { StatementCall } from './statement-call.js';
import { TransactionControl } from './transaction-control.js';

const CALL: StatementCall = {
  deadlineAt: Infinity,
  timeoutMs: Infinity,
  signal: undefined,
  phase: 'statement',
  isReadOnly: false,
  isSafeToRepeat: false,
  inTransaction: false,
  askedReadOnly: false,
  context: { queryId: 7 },
};
const SAID = { outcome: 'not-applied', decision: 'whole-transaction' } as const;
const stopped = () => new TimeoutError('statement', 'too long', SAID);
const lost = () => new ConnectionError('lost', 'gone', { ...SAID, isConnectionFatal: true });
const refused = () => new QueryError('application', 'no', { outcome: 'not-applied' });
const noSavepoint = () => new TransactionError('invalid-state', 'no such savepoint', { outcome: 'not-applied' });

/** An open transaction at a database that commits by itself; statements fail as told, and the wire is recorded. */
async function begin(words = { ...TRANSACTION_WORDS, commitsByItself }) {
  const wire: string[] = [];
  const failing = new Map<string, FluxorError>();
  const execute = async ({ text }: DriverQuery): Promise<DriverResult> => {
    wire.push(text);
    const error = failing.get(text);
    if (error !== undefined) throw error;
    return { rows: [], fields: [], rowsAffected: 0, command: '' };
  };
  const connection = { id: 3, tenure: 5, isOutsideTransaction: false, isIdle: false, execute };
  const control = await TransactionControl.begin(connection as unknown as Connection, words, {}, CALL, 'mysql');
  const run = (text: string, call = CALL) => control.execute({ text, values: [], rowMode: 'array' }, call);
  const failureOf = async (text: string, error: FluxorError) => {
    failing.set(text, error);
    await expect(run(text)).rejects.toBe(error);
    return error;
  };
  return { control, connection, wire, failing, run, failureOf };
}
const MARK = 'savepoint fluxor_witness';
const ASK = 'release fluxor_witness';

describe('a program in a transaction', () => {
  it('is preceded by a savepoint, which has to be there afterwards', async () => {
    const { control, wire, run } = await begin();
    await run('insert');
    await run('call p()');
    expect([wire, control.state]).toEqual([['begin', 'insert', MARK, 'call p()', ASK], 'open']);
  });

  it('has committed when its savepoint is gone', async () => {
    const { control, failing, run } = await begin();
    failing.set(ASK, noSavepoint());
    await run('call p()');
    expect([control.state, control.ownCommit]).toEqual(['unknown', 'was committed by the statement itself: call p()']);
    await expect(run('insert')).rejects.toMatchObject({ code: 'TRANSACTION_CLOSED', outcome: 'not-sent' });
  });

  it('that was declared read-only costs nothing', async () => {
    const { wire, run } = await begin();
    await run('call p()', { ...CALL, isReadOnly: true });
    expect(wire).toEqual(['begin', 'call p()']);
  });

  it('that is refused and has committed nothing leaves the transaction open', async () => {
    const { control, failureOf } = await begin();
    expect(await failureOf('call p()', refused())).toMatchObject({ outcome: 'not-applied' });
    expect(control.state).toBe('open');
  });

  it('that was stopped is unknown until the rollback has found its savepoint', async () => {
    const { control, wire, failureOf } = await begin();
    expect(await failureOf('call p()', stopped())).toMatchObject({ outcome: 'unknown', decision: 'never' });
    expect(control.state).toBe('open');
    await control.rollback(CALL);
    expect([wire.slice(-2), control.state]).toEqual([[ASK, 'rollback'], 'rolled-back']);
  });

  it('that was stopped after it had committed is not undone by the rollback', async () => {
    const { control, failing, failureOf } = await begin();
    const error = await failureOf('call p()', stopped());
    failing.set(ASK, noSavepoint());
    await control.rollback(CALL);
    control.tellOwnCommit(error);
    expect([control.state, error.outcome, error.decision]).toEqual(['unknown', 'unknown', 'never']);
    expect(error.message).toContain('was committed by the statement itself: call p()');
  });

  it('that was stopped inside a savepoint has committed nothing when there is a savepoint to roll back to', async () => {
    const { control, failureOf } = await begin();
    const name = await control.savepoint(CALL);
    await failureOf('call p()', stopped());
    await control.rollbackTo(name, CALL);
    await failureOf('insert', lost());
    expect(control.state).toBe('lost');
  });
});

describe('a connection that is lost', () => {
  it.each(['call p()', 'create table t (id int)', 'begin not atomic'])(
    'under %s leaves all of it open',
    async (text) => {
      const { control, failureOf } = await begin();
      expect(await failureOf(text, lost())).toMatchObject({ outcome: 'unknown', decision: 'never' });
      expect(control.state).toBe('unknown');
    },
  );

  it('after a program that was stopped leaves all of it open', async () => {
    const { control, failureOf } = await begin();
    await failureOf('call p()', stopped());
    expect(await failureOf('insert', lost())).toMatchObject({ outcome: 'unknown', decision: 'never' });
    expect(control.state).toBe('unknown');
  });

  it('after programs and definitions that are known to have committed nothing is undone', async () => {
    const { control, run, failureOf } = await begin();
    await run('call p()');
    await failureOf('create nothing', refused());
    expect(await failureOf('insert', lost())).toMatchObject(SAID);
    expect(control.state).toBe('lost');
  });

  it('where no statement commits by itself is as ever', async () => {
    const { control, wire, failureOf } = await begin({ ...TRANSACTION_WORDS, commitsByItself: () => undefined });
    expect(await failureOf('call p()', lost())).toMatchObject(SAID);
    expect([wire, control.state]).toEqual([['begin', 'call p()'], 'lost']);
  });
});

it('a definition that was stopped and had not begun is undone with the rest', async () => {
  const { control, failureOf } = await begin();
  expect(await failureOf('drop table t', stopped())).toMatchObject({ outcome: 'unknown', decision: 'never' });
  await control.rollback(CALL);
  expect(control.state).toBe('rolled-back');
});
