import { describe, expect, it } from 'vitest';
import { TRANSACTION_WORDS } from '../../test/fakes/fake-session.js';
import type { BeginOptions } from '../driver/driver.js';
import type { DriverQuery, DriverResult } from '../driver/query.js';
import { ConnectionError } from '../errors/connection-error.js';
import { OutcomeUnknownError, QueryError, TransactionError } from '../errors/query-error.js';
import { TimeoutError } from '../errors/timeout-error.js';
import { UsageError } from '../errors/usage-error.js';
import { createDeferred } from '../kernel/deferred.js';
import type { Connection } from './connection.js';
import type { StatementCall } from './statement-call.js';
import { TransactionControl, TRANSACTION_TRANSITIONS } from './transaction-control.js';

const CALL: StatementCall = {
  deadlineAt: Infinity,
  timeoutMs: Infinity,
  signal: new AbortController().signal,
  phase: 'statement',
  isReadOnly: false,
  isSafeToRepeat: false,
  inTransaction: false,
  askedReadOnly: false,
  context: { queryId: 7 },
};
const WORDS = {
  ...TRANSACTION_WORDS,
  begin: ({ isolation, readOnly }: BeginOptions) => ['begin', isolation, readOnly].filter(Boolean).join(' '),
};

type Answer = (text: string) => Partial<DriverResult> | Promise<Partial<DriverResult>>;

/** What TransactionControl uses of a Connection: a server that answers as the test says, and a wire that is recorded. */
class FakeConnection {
  readonly id = 3;
  readonly tenure = 5;
  isOutsideTransaction = false;
  answer: Answer = () => ({});
  readonly wire: string[] = [];
  readonly calls: StatementCall[] = [];

  async execute(query: DriverQuery, call: StatementCall): Promise<DriverResult> {
    this.wire.push(query.text);
    this.calls.push(call);
    return { rows: [], fields: [], rowsAffected: 0, command: '', ...(await this.answer(query.text)) };
  }

  fail(error: unknown): void {
    this.answer = () => Promise.reject(error);
  }
}

async function begin(options: BeginOptions = {}) {
  const connection = new FakeConnection();
  const control = await TransactionControl.begin(connection as unknown as Connection, WORDS, options, CALL, 'postgres');
  return { connection, control };
}
const statement = (text: string): DriverQuery => ({ text, values: [], rowMode: 'object' });

const constraint = new QueryError('data', 'no', { outcome: 'not-applied' });
const gone = new ConnectionError('lost', 'gone', { isConnectionFatal: true, outcome: 'not-applied' });

describe('begin', () => {
  it('sends BEGIN with its options, as part of the transaction, and is open', async () => {
    const { connection, control } = await begin({ isolation: 'serializable', readOnly: true });
    expect(connection.wire).toEqual(['begin serializable true']);
    expect(connection.calls[0]).toMatchObject({ inTransaction: true, phase: 'statement', signal: CALL.signal });
    expect([control.state, control.statements]).toEqual(['open', 0]);
  });

  it('rejects with the error of BEGIN', async () => {
    const connection = new FakeConnection();
    connection.fail(gone);
    const attempt = TransactionControl.begin(connection as unknown as Connection, WORDS, {}, CALL, 'postgres');
    await expect(attempt).rejects.toBe(gone);
  });
});

describe('open', () => {
  it('runs statements and counts them, savepoints not', async () => {
    const { connection, control } = await begin({ readOnly: true });
    connection.answer = () => ({ rowsAffected: 4 });
    await expect(control.execute(statement('update'), CALL)).resolves.toMatchObject({ rowsAffected: 4 });
    const name = await control.savepoint(CALL);
    await control.rollbackTo(name, CALL);
    expect(await control.savepoint(CALL)).not.toBe(name);
    expect(connection.wire.slice(1)).toEqual([
      'update',
      'savepoint fluxor_1',
      'rollback to fluxor_1',
      'release fluxor_1',
      'savepoint fluxor_2',
    ]);
    expect([control.state, control.statements]).toEqual(['open', 1]);
  });

  it('says with every statement that it is inside, what was asked for, and to whose loan it belongs', async () => {
    const { connection, control } = await begin({ readOnly: true });
    await control.execute(statement('select'), CALL);
    await control.savepoint(CALL);
    for (const call of connection.calls.slice(1)) {
      expect(call).toMatchObject({ inTransaction: true, askedReadOnly: true, tenure: 5, signal: CALL.signal });
    }
  });

  it('stays open after an error that the transaction survives, or has to be rolled back for', async () => {
    const { connection, control } = await begin();
    connection.fail(constraint);
    await expect(control.execute(statement('insert'), CALL)).rejects.toBe(constraint);
    expect(control.state).toBe('open');
  });

  it('is lost when the connection is', async () => {
    const { connection, control } = await begin();
    connection.fail(gone);
    await expect(control.execute(statement('insert'), CALL)).rejects.toBe(gone);
    expect(control.state).toBe('lost');
  });

  it.each(['savepoint', 'rollbackTo', 'releaseSavepoint'] as const)(
    'is lost when the connection is lost in %s',
    async (verb) => {
      const { connection, control } = await begin();
      connection.fail(gone);
      const attempt = verb === 'savepoint' ? control.savepoint(CALL) : control[verb]('fluxor_1', CALL);
      await expect(attempt).rejects.toBe(gone);
      expect(control.state).toBe('lost');
    },
  );

  it('is lost when the server ended the transaction with an error, so that nothing runs, and commits, on its own', async () => {
    const { connection, control } = await begin();
    connection.isOutsideTransaction = true;
    connection.fail(constraint);
    await expect(control.execute(statement('insert'), CALL)).rejects.toBe(constraint);
    expect(control.state).toBe('lost');
    await expect(control.execute(statement('insert'), CALL)).rejects.toMatchObject({ code: 'TRANSACTION_CLOSED' });
    expect(connection.wire).toEqual(['begin', 'insert']);
  });

  it.each([
    ['COMMIT', 'committed'],
    ['ROLLBACK', 'rolled-back'],
  ] as const)('notices a %s written as a statement, and lets nothing run outside', async (command, state) => {
    const { connection, control } = await begin();
    connection.answer = () => {
      connection.isOutsideTransaction = true;
      return { command };
    };
    await control.execute(statement(command), CALL);
    expect(control.state).toBe(state);
    await expect(control.execute(statement('insert'), CALL)).rejects.toMatchObject({ code: 'TRANSACTION_CLOSED' });
    expect(connection.wire).toEqual(['begin', command]);
  });

  it.each(['commit and chain', 'END WORK AND CHAIN', 'rollback /* a */ transaction and chain', 'abort and chain'])(
    'refuses %s before it is sent, and stays open',
    async (text) => {
      const { connection, control } = await begin();
      const refused = { code: 'TRANSACTION', reason: 'invalid-state', outcome: 'not-sent', retryable: false };
      await expect(control.execute(statement(text), CALL)).rejects.toMatchObject(refused);
      expect([control.state, control.statements, connection.wire]).toEqual(['open', 0, ['begin']]);
    },
  );

  it.each(['commit and no chain', 'rollback to chain', 'select 1 and chain'])('sends %s', async (text) => {
    const { connection, control } = await begin();
    await control.execute(statement(text), CALL);
    expect(connection.wire).toEqual(['begin', text]);
  });

  it('is unknown after a COMMIT that nobody took for one, when the server is in a transaction again', async () => {
    const { connection, control } = await begin();
    connection.answer = () => ({ command: 'COMMIT' });
    await control.execute(statement('; commit and chain'), CALL);
    expect(control.state).toBe('unknown');
  });

  it('goes on after a rollback to a savepoint, which the server confirms with the same word', async () => {
    const { connection, control } = await begin();
    connection.answer = () => ({ command: 'ROLLBACK' });
    await control.rollbackTo('fluxor_1', CALL);
    expect(control.state).toBe('open');
  });
});

describe('commit', () => {
  it('is committing until the server answers, and takes no statement meanwhile', async () => {
    const { connection, control } = await begin();
    const answer = createDeferred<Partial<DriverResult>>();
    connection.answer = () => answer.promise;
    const committed = control.commit(CALL);
    expect(control.state).toBe('committing');
    await expect(control.execute(statement('insert'), CALL)).rejects.toMatchObject({
      code: 'TRANSACTION_CLOSED',
      context: { connectionId: 3 },
    });
    answer.resolve({ command: 'COMMIT' });
    await committed;
    expect(control.state).toBe('committed');
    expect(connection.wire).toEqual(['begin', 'commit']);
  });

  it('cannot be aborted, and is marked as the COMMIT it is', async () => {
    const { connection, control } = await begin({ readOnly: true });
    await control.commit(CALL);
    expect(connection.calls[1]).toMatchObject({ phase: 'commit', inTransaction: true, askedReadOnly: true, tenure: 5 });
    expect(connection.calls[1]?.signal).toBeUndefined();
  });

  it('calls a friendly ROLLBACK in answer to it what it is', async () => {
    const { connection, control } = await begin();
    connection.answer = () => ({ command: 'ROLLBACK' });
    await expect(control.commit(CALL)).rejects.toMatchObject({
      code: 'TRANSACTION',
      reason: 'aborted',
      outcome: 'not-applied',
      breaker: 'success',
      context: { queryId: 7 },
    });
    expect(control.state).toBe('rolled-back');
  });

  it.each<[name: string, error: Error, state: string]>([
    ['the server rolled back', new TransactionError('serialization', 'x', { outcome: 'not-applied' }), 'rolled-back'],
    ['it was never sent', new TimeoutError('commit', 'x', { outcome: 'not-sent' }), 'rolled-back'],
    ['the loan had ended before', new UsageError('LEASE_RELEASED', 'x'), 'rolled-back'],
    ['its answer was lost', new OutcomeUnknownError('x'), 'unknown'],
    ['nobody knows what happened', new Error('x'), 'unknown'],
    ['it came through in spite of the error', new TimeoutError('commit', 'x', { outcome: 'applied' }), 'unknown'],
  ])('rejects with the very error when %s', async (_, error, state) => {
    const { connection, control } = await begin();
    connection.fail(error);
    await expect(control.commit(CALL)).rejects.toBe(error);
    expect(control.state).toBe(state);
  });
});

describe('rollback', () => {
  it('is rolling back until the server answers, cannot be aborted, and takes no statement meanwhile', async () => {
    const { connection, control } = await begin();
    const answer = createDeferred<Partial<DriverResult>>();
    connection.answer = () => answer.promise;
    const rolledBack = control.rollback(CALL);
    expect(control.state).toBe('rolling-back');
    await expect(control.savepoint(CALL)).rejects.toMatchObject({ code: 'TRANSACTION_CLOSED' });
    await expect(control.commit(CALL)).rejects.toMatchObject({ code: 'TRANSACTION_CLOSED' });
    answer.resolve({ command: 'ROLLBACK' });
    await rolledBack;
    expect(control.state).toBe('rolled-back');
    expect(connection.calls[1]?.signal).toBeUndefined();
    expect(connection.wire).toEqual(['begin', 'rollback']);
  });

  it('is lost when it fails, and says why', async () => {
    const { connection, control } = await begin();
    connection.fail(gone);
    await expect(control.rollback(CALL)).rejects.toBe(gone);
    expect(control.state).toBe('lost');
  });
});

describe('after the end', () => {
  const ENDS: Readonly<Record<string, (it: Awaited<ReturnType<typeof begin>>) => Promise<unknown>>> = {
    committed: ({ control }) => control.commit(CALL),
    'rolled-back': ({ control }) => control.rollback(CALL),
    lost: async ({ control, connection }) => {
      connection.fail(gone);
      await control.execute(statement('insert'), CALL).catch(() => undefined);
    },
    unknown: async ({ control, connection }) => {
      connection.fail(new OutcomeUnknownError('x'));
      await control.commit(CALL).catch(() => undefined);
    },
  };

  it.each(Object.entries(ENDS))('takes nothing more when it is %s, and rolls nothing back', async (state, end) => {
    const started = await begin();
    await end(started);
    const { control, connection } = started;
    expect(control.state).toBe(state);
    const sent = connection.wire.length;
    const closed = {
      code: 'TRANSACTION_CLOSED',
      message: `The transaction is ${state}; await every statement before it ends`,
    };
    await expect(control.execute(statement('select'), CALL)).rejects.toMatchObject(closed);
    await expect(control.commit(CALL)).rejects.toMatchObject(closed);
    await expect(control.savepoint(CALL)).rejects.toMatchObject(closed);
    await expect(control.rollbackTo('x', CALL)).rejects.toMatchObject(closed);
    await expect(control.releaseSavepoint('x', CALL)).rejects.toMatchObject(closed);
    await control.rollback(CALL);
    expect([connection.wire.length, control.state]).toEqual([sent, state]);
  });

  it('stays as it ended when a statement that was on its way fails afterwards', async () => {
    const { control, connection } = await begin();
    const late = createDeferred<Partial<DriverResult>>();
    connection.answer = (text) => (text === 'late' ? late.promise : {});
    const failing = control.execute(statement('late'), CALL);
    await control.commit(CALL);
    late.reject(gone);
    await expect(failing).rejects.toBe(gone);
    expect(control.state).toBe('committed');
  });

  it('has no way on from any of the four ends', () => {
    const ends = Object.entries(TRANSACTION_TRANSITIONS).filter(([, targets]) => targets.length === 0);
    expect(ends.map(([state]) => state).sort()).toEqual(Object.keys(ENDS).sort());
  });
});
