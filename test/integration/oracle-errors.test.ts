/**
 * Every ORA number of the survey, sent by the wire server and raised by the real client library: at the logon, under a change that
 * commits by itself, in a transaction, and under COMMIT. It has to come out as the table says, the session has to end where it says
 * so, and whoever comes next has to be served.
 */
import type { DBRuntime, FluxorError } from 'fluxor-db';
import { createRuntime } from 'fluxor-db';
import { oracle } from 'fluxor-db/oracle';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AT_CONNECT, BREAKER, OF_A_STATEMENT, SLOW_MS, each } from '../fakes/oracle-error-table.js';
import { CONNECT } from '../fakes/situations.js';
import type { OracleServer } from '../support/oracle-wire/server.js';
import { startOracleServer } from '../support/oracle-wire/server.js';
import { ScriptedBackend, rows, touched } from '../support/oracle-wire/scripted-backend.js';
import { T } from '../support/oracle-wire/values.js';

const CHANGE = 'insert into t (a) values (:a)';
const VALUE = 'secret-marker';

const failureOf = (work: Promise<unknown>): Promise<FluxorError> =>
  work.then(
    () => Promise.reject(new Error('nothing failed')),
    (error: unknown) => error as FluxorError,
  );

describe.each(['23ai', '19c'] as const)('the errors of Oracle, from a server of %s', (profile) => {
  let server: OracleServer;
  let db: DBRuntime;

  beforeAll(async () => {
    const backend = new ScriptedBackend()
      .when(/^insert/, touched())
      .when(/sys_context/, rows({ SID: T.NUMBER }, [[1]]));
    server = await startOracleServer({ backend, profile });
    db = createRuntime({
      driver: oracle({ url: server.url }),
      gate: { circuitBreaker: false, rateLimit: false },
      query: { retry: false },
      pool: { maxSize: 1, warmUp: false },
    });
  });
  afterAll(async () => {
    await db.disconnect();
    await server.stop();
    expect(server.observed.protocolErrors).toEqual([]);
  });

  /** The session that served last. */
  const lastSession = (): number | undefined => server.observed.calls.at(-1)?.sid;
  const run = (): Promise<unknown> => db.exec(CHANGE, { a: VALUE });
  const expectNext = async (before: number | undefined, isEnded: boolean): Promise<void> => {
    await run();
    if (isEnded) expect(lastSession()).not.toBe(before);
    else expect(lastSession()).toBe(before);
  };

  describe('at the logon', () => {
    const driver = () => oracle({ url: server.url });
    const refusedBy = async (): Promise<FluxorError> => {
      const { signal } = new AbortController();
      const types = { bigint: 'bigint', decimal: 'string', date: 'string', json: 'parsed' } as const;
      const request = { signal, types, onLost: () => undefined };
      const native: unknown = await driver()
        .connect(request)
        .then(
          (connection) => connection.close(),
          (error: unknown) => error,
        );
      return driver().classify(native, CONNECT);
    };

    it.each(each(AT_CONNECT))(
      'ORA-%i is %s; same connection: %s, new: %s, when: %s, ended: %s, breaker: %s',
      async (number, category, _same, next, when, kill, breaker) => {
        // What the listener says it says before there is a session.
        const isListeners = number >= 12_500 && number <= 12_699;
        if (isListeners) server.faults.refuse(number);
        else server.faults.fail(number, { on: 'logon' });
        const error = await refusedBy();
        server.faults.clear();
        expect([error.reason, error.outcome]).toEqual([category, 'not-sent']);
        expect(error.decision).toBe(when === 'always' ? 'new-connection' : 'never');
        expect(error.retryAfterMs).toBe(next === 'slow' ? SLOW_MS : undefined);
        expect([error.isConnectionFatal, error.breaker]).toEqual([kill === 'yes', BREAKER[breaker]]);
        expect(error.vendorCode).toBe(number);
      },
    );
  });

  describe('under a change that commits by itself', () => {
    it.each(each(OF_A_STATEMENT))(
      'ORA-%i is %s; same connection: %s, new: %s, when: %s, ended: %s, breaker: %s',
      async (number, category, _same, next, when, kill, breaker) => {
        await run();
        const before = lastSession();
        server.faults.fail(number, { match: /insert/ });
        const error = await failureOf(run());
        expect(error.reason ?? error.code).toBe(category);
        expect(error.outcome).toBe(['idem', 'open', 'unknown'].includes(when) ? 'unknown' : 'not-applied');
        expect(error.decision).toBe({ always: 'new-connection', tx: 'whole-transaction' }[when as string] ?? 'never');
        expect(error.retryAfterMs).toBe(next === 'slow' ? SLOW_MS : undefined);
        expect([error.isConnectionFatal, error.breaker]).toEqual([kill === 'yes', BREAKER[breaker]]);
        expect(error.vendorCode).toBe(number);
        expect(error.message).not.toContain(VALUE);
        await expectNext(before, kill === 'yes');
      },
    );
  });

  describe('in a transaction', () => {
    it.each(each(OF_A_STATEMENT))(
      'ORA-%i (%s): the whole of it again, or nothing (%s, %s, when: %s, ended: %s)',
      async (number, category, _same, _next, when, kill) => {
        await run();
        const before = lastSession();
        let inside: FluxorError | undefined;
        server.observed.forgetCalls();
        const error = await failureOf(
          db.transaction(async (tx) => {
            await tx.exec(CHANGE, { a: 1 });
            server.faults.fail(number, { match: /insert/ });
            inside = await failureOf(tx.exec(CHANGE, { a: 2 }));
            throw inside;
          }),
        );
        const isNever = when === 'unknown' || when === '-' || when === 'open';
        expect(inside?.reason ?? inside?.code).toBe(category);
        expect(error.decision).toBe(isNever ? 'never' : 'whole-transaction');
        // It was rolled back, by the runtime or with the session.
        expect(error.outcome).toBe(when === 'unknown' ? 'unknown' : 'not-applied');
        expect(server.observed.calls.map(({ op }) => op)).not.toContain('commit');
        await expectNext(before, kill === 'yes');
        // What Oracle leaves open is rolled back before anybody else comes.
        const ops = server.observed.calls.filter(({ sid }) => sid === before).map(({ op }) => op);
        if (kill === 'no') expect(ops).toContain('rollback');
      },
    );
  });

  describe('under COMMIT', () => {
    it.each(each(OF_A_STATEMENT))(
      'ORA-%i (%s): nothing was kept, or nobody knows (%s, %s, when: %s)',
      async (number, category) => {
        await run();
        server.faults.fail(number, { on: 'commit' });
        const error = await failureOf(
          db.transaction(async (tx) => {
            await tx.exec(CHANGE, { a: 1 });
          }),
        );
        expect(error.vendorCode).toBe(number);
        // Of these alone Oracle says that the transaction was not committed.
        const proved = [
          'unique',
          'not-null',
          'check',
          'foreign-key',
          'deadlock',
          'serialization',
          'lock-timeout',
          'read-only',
        ];
        if (proved.includes(category)) expect([error.reason, error.outcome]).toEqual([category, 'not-applied']);
        else expect(error).toMatchObject({ code: 'OUTCOME_UNKNOWN', outcome: 'unknown', retryable: false });
        await run();
      },
    );

    it('a deferred constraint is what it is, and no riddle', async () => {
      const text =
        'ORA-02091: transaction rolled back\nORA-00001: unique constraint (SCOTT.PK) violated on table SCOTT.T columns (A)\n' +
        `ORA-03301: (ORA-00001 details) row with column values (A:${VALUE}) already exists`;
      server.faults.fail(2091, { on: 'commit', message: text });
      const error = await failureOf(
        db.transaction(async (tx) => {
          await tx.exec(CHANGE, { a: 1 });
        }),
      );
      expect(error).toMatchObject({
        ...{ code: 'CONSTRAINT', reason: 'unique', outcome: 'not-applied', vendorCode: 1 },
        ...{ constraint: 'PK', table: 'T', column: 'A' },
      });
      expect(JSON.stringify(error)).not.toContain(VALUE);
      await run();
    });
  });

  it('an error behind recursive SQL is what it is', async () => {
    const text =
      'ORA-00604: error occurred at recursive SQL level 1\nORA-00054: resource busy and acquire with NOWAIT specified';
    server.faults.fail(604, { match: /insert/, message: text });
    expect(await failureOf(run())).toMatchObject({ code: 'TRANSACTION', reason: 'lock-timeout', vendorCode: 54 });
  });

  it('a change that was stopped may have been made, and a query has changed nothing', async () => {
    // With the cancel the library drops an answer that is on its way.
    const outcomeOf = async (text: string): Promise<string> => {
      const held = server.faults.hold('execute');
      const stop = new AbortController();
      const stopped = failureOf(db.query(text, [], { signal: stop.signal }));
      await held.reached;
      stop.abort();
      const { code, outcome } = await stopped;
      expect(code).toBe('CANCELLED');
      held.release();
      return outcome;
    };
    expect(await outcomeOf('insert into t (a) values (1)')).toBe('unknown');
    // The server's word is waited for for 100 ms, in which the machine may stand still.
    await expect.poll(() => outcomeOf('select 1 from dual')).toBe('not-applied');
    await run();
  });

  it('a notification between two calls ends the session before it is lent', async () => {
    await run();
    const before = lastSession();
    let isLost = false;
    using _listener = db.on('connection:lost', () => (isLost = true));
    server.faults.notify(before ?? 0, 12_153);
    // Until it has come, nobody can know of it.
    await expect.poll(() => isLost).toBe(true);
    await run();
    expect(lastSession()).not.toBe(before);
  });
});
