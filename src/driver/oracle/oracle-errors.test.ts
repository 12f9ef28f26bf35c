import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { COMMIT, CONNECT, IDLE, INSIDE, SENT, UNSENT } from '../../../test/fakes/situations.js';
import { ConstraintError } from '../../errors/query-error.js';
import type { FailureSituation } from '../driver.js';
import { classifyOracleError, isLoginRefusal, noteNothingApplied } from './oracle-errors.js';

const classify = (error: unknown, situation: FailureSituation = SENT) =>
  classifyOracleError(error, situation, 'oracle://h:1521/s');

/** As thin mode raises what the server says: the first number decides `errorNum` and `code`. */
const server = (message: string, more: object = {}) => {
  const [, digits = '0'] = /^ORA-(\d+)/.exec(message) ?? [];
  const help = `\nHelp: https://docs.oracle.com/error-help/db/ora-${digits}/`;
  const facts = { offset: 0, errorNum: Number(digits), isRecoverable: false, code: `ORA-${digits}` };
  return Object.assign(new Error(message + help), facts, more);
};

/** As the library raises what it says itself. */
const njs = (code: string, text: string, more: object = {}) =>
  Object.assign(new Error(`${code}: ${text}`), { code, isRecoverable: code === 'NJS-500' }, more);

const REFUSED = 'connection to listener at host h port 1521 was refused. (CONNECTION_ID=s4+ZamlL00fY+LdJtH071g==)';
const BROKEN = 'connection to Oracle Database was closed or broken';

describe('where the number of the server is looked for', () => {
  it('in errorNum first, whatever code the library has put over it', () => {
    const killed = njs('NJS-500', `${BROKEN}\nORA-00028: your session has been killed`, { errorNum: 28, offset: 0 });
    expect(classify(killed)).toMatchObject({ reason: 'lost', vendorCode: 28 });
    const ill = njs('NJS-500', `${BROKEN}\nORA-00600: internal error code, arguments: [kdsgrp1]`, { errorNum: 600 });
    expect(classify(ill)).toMatchObject({
      code: 'QUERY',
      reason: 'internal',
      vendorCode: 600,
      isConnectionFatal: true,
    });
    const cursor = njs('NJS-107', 'invalid cursor\nORA-24338: statement handle not executed', { errorNum: 24_338 });
    expect(classify(cursor)).toMatchObject({ reason: 'statement-invalid', vendorCode: 24_338 });
  });

  it('then in the text of a refusal, of a notification and of a failed negotiation', () => {
    expect(classify(njs('NJS-511', `${REFUSED}\nCause: ORA-12516`), CONNECT)).toMatchObject({
      reason: 'too-many-connections',
      vendorCode: 12_516,
      decision: 'new-connection',
      retryAfterMs: 1_000,
    });
    expect(classify(njs('NJS-513', 'error received through in-band notification: ORA-12153'))).toMatchObject({
      reason: 'lost',
      vendorCode: 12_153,
    });
    const ano = 'Advanced Networking Option service negotiation failed.\nCause: ORA-12637';
    expect(classify(njs('NJS-533', ano), CONNECT)).toMatchObject({ reason: 'lost', vendorCode: 12_637 });
  });

  it('never in a name that looks like one', () => {
    const host = REFUSED.replace('host h', 'host ORA-12514');
    expect(classify(njs('NJS-511', `${host}\nCause: ORA-12516`), CONNECT).vendorCode).toBe(12_516);
    expect(
      classify(njs('NJS-503', 'connection to host ORA-28 port 1 could not be established.'), CONNECT),
    ).toMatchObject({
      reason: 'unreachable',
      vendorCode: 'NJS-503',
    });
  });

  it('in the two codes that stand for a number of the listener', () => {
    const service = 'cannot connect to Oracle Database. Service "S" is not registered with the listener';
    expect(classify(njs('NJS-518', service), CONNECT)).toMatchObject({
      ...{ code: 'CONNECTION', reason: 'unknown-database', vendorCode: 12_514, decision: 'new-connection' },
      breaker: 'failure',
    });
    expect(classify(njs('NJS-519', service), CONNECT)).toMatchObject({
      reason: 'unknown-database',
      vendorCode: 12_505,
    });
  });

  it('of thick mode, which says by which number a connection was closed', () => {
    const closed = njs('NJS-500', `${BROKEN}\nDPI-1080: connection was closed by ORA-3113`, { errorNum: 0 });
    expect(classify(closed)).toMatchObject({ reason: 'lost', vendorCode: 3113, outcome: 'unknown' });
    const plain = Object.assign(new Error('ORA-00001: unique constraint (S.PK) violated'), {
      ...{ errorNum: 1, offset: 0, isRecoverable: false, code: 'ORA-00001' },
    });
    expect(classify(plain)).toMatchObject({ reason: 'unique', constraint: 'PK' });
  });

  it('of a set of a batch, which thin mode gives neither number nor code', () => {
    const set = Object.assign(new Error('ORA-00001: unique constraint (S.PK) violated\n'), { offset: 3 });
    expect(classify(set)).toMatchObject({ code: 'CONSTRAINT', reason: 'unique', constraint: 'PK', vendorCode: 1 });
  });
});

describe('wrappers: the number behind them says what happened', () => {
  it('recursive SQL', () => {
    const text = 'ORA-00604: error occurred at recursive SQL level 1\nORA-01653: unable to extend table SYS.AUD$ by 8';
    expect(classify(server(text))).toMatchObject({ reason: 'resource', vendorCode: 1653, breaker: 'failure' });
    expect(classify(server('ORA-00604: error occurred at recursive SQL level 1'))).toMatchObject({
      ...{ code: 'QUERY', reason: 'internal', vendorCode: 604, retryable: false },
    });
  });

  it('several of them', () => {
    const text =
      'ORA-00604: error occurred at recursive SQL level 1\nORA-12801: error signaled in parallel query server P000\n' +
      'ORA-00060: deadlock detected while waiting for resource\nORA-06512: at line 3';
    expect(classify(server(text), INSIDE)).toMatchObject({ reason: 'deadlock', vendorCode: 60 });
  });

  it('a transaction that was rolled back for a deferred constraint: its COMMIT is no riddle', () => {
    const text =
      'ORA-02091: transaction rolled back\nORA-02291: integrity constraint (S.FK) violated - parent key not found';
    expect(classify(server(text), COMMIT)).toMatchObject({
      ...{ code: 'CONSTRAINT', reason: 'foreign-key', constraint: 'FK', outcome: 'not-applied', retryable: false },
    });
    const ill = 'ORA-02091: transaction rolled back\nORA-20001: no';
    expect(classify(server(ill), COMMIT)).toMatchObject({ reason: 'application', outcome: 'not-applied' });
    expect(classify(server('ORA-02091: transaction rolled back'), COMMIT)).toMatchObject({
      ...{ code: 'TRANSACTION', reason: 'aborted', outcome: 'not-applied', decision: 'whole-transaction' },
    });
  });

  it('a stack of PL/SQL, above and below', () => {
    const below = 'ORA-01403: no data found\nORA-06512: at "S.P", line 4\nORA-06512: at line 1';
    expect(classify(server(below))).toMatchObject({ reason: 'data', vendorCode: 1403 });
    const above =
      'ORA-06512: at "S.T", line 2\nORA-04088: error during execution of trigger \'S.T\'\nORA-20007: secret-marker';
    const error = classify(server(above));
    expect(error).toMatchObject({ reason: 'application', vendorCode: 20_007 });
    expect(error.message).not.toContain('secret-marker');
  });

  it('a block that does not compile: its names are missing, or its grammar is wrong', () => {
    const missing =
      "ORA-06550: line 1, column 7:\nPLS-00201: identifier 'NOPE' must be declared\nORA-06550: line 1, column 7:\nPL/SQL: Statement ignored";
    expect(classify(server(missing))).toMatchObject({ reason: 'undefined-object', vendorCode: 6550 });
    const wrong =
      'ORA-06550: line 1, column 7:\nPLS-00103: Encountered the symbol "X" when expecting one of the following:';
    expect(classify(server(wrong))).toMatchObject({ reason: 'syntax', vendorCode: 6550 });
    const hidden = 'ORA-06550: line 1, column 7:\nPL/SQL: ORA-00942: table or view does not exist';
    expect(classify(server(hidden))).toMatchObject({ reason: 'undefined-object' });
  });
});

describe('what hangs on more than the number', () => {
  it('a login that is refused, and the same number in an open session', () => {
    const denied = server('ORA-01017: invalid username/password; logon denied');
    expect(classify(denied, CONNECT)).toMatchObject({
      ...{ code: 'AUTH', reason: 'credentials', retryable: false, breaker: 'failure', isConnectionFatal: true },
    });
    expect(classify(denied, SENT)).toMatchObject({
      ...{ code: 'QUERY', reason: 'permission', breaker: 'success', isConnectionFatal: false },
    });
  });

  it('which logins are worth fresh credentials: never one whose account is locked', () => {
    expect(isLoginRefusal(server('ORA-01017: invalid username/password'))).toBe(true);
    expect(isLoginRefusal(njs('NJS-087', 'access token has expired'))).toBe(true);
    expect(isLoginRefusal(server('ORA-28000: The account is locked.'))).toBe(false);
    expect(isLoginRefusal(server('ORA-12516: no handler'))).toBe(false);
    expect(isLoginRefusal(undefined)).toBe(false);
  });

  it('an expired token is fetched anew once, and says nothing of the server', () => {
    for (const token of [njs('NJS-087', 'access token has expired', { errorNum: 25_708 }), njs('NJS-087', 'x')])
      expect(classify(token, CONNECT)).toMatchObject({
        ...{ code: 'AUTH', decision: 'after-fix', breaker: 'ignore', isConnectionFatal: true },
      });
  });

  it('a database that takes no writes: news of a failover, and a failure when the next one says so too', () => {
    const standby = server('ORA-16000: database or pluggable database open for read-only access');
    expect(classify(standby)).toMatchObject({ reason: 'read-only', siblings: 'evict', isConnectionFatal: true });
    expect(classify(standby, { ...SENT, isFirstLoan: true }).breaker).toBe('failure');
    expect(classify(standby, { ...SENT, hasSiblings: false }).siblings).toBe('keep');
  });

  it('a write in a transaction that was begun read-only is a mistake of the program', () => {
    const write = server('ORA-01456: may not perform insert, delete, update operation inside a READ ONLY transaction');
    expect(classify(write, { ...INSIDE, askedReadOnly: true })).toMatchObject({
      ...{ reason: 'read-only', isConnectionFatal: false, breaker: 'success', retryable: false },
    });
    // Somebody else began it so; the server is as it was.
    expect(classify(write, INSIDE)).toMatchObject({ isConnectionFatal: true, siblings: 'keep', breaker: 'ignore' });
  });

  it('a statement that was broken off may have been carried out, unless somebody knows that it left nothing', () => {
    const broken = server('ORA-01013: user requested cancel of current operation');
    expect(classify(broken)).toMatchObject({ code: 'CANCELLED', outcome: 'unknown', retryable: false });
    expect(classify(broken).message).toContain('may or may not have been applied');
    noteNothingApplied(broken);
    expect(classify(broken)).toMatchObject({ code: 'CANCELLED', outcome: 'not-applied' });
    // Of a COMMIT nobody can know.
    expect(classify(broken, COMMIT).code).toBe('OUTCOME_UNKNOWN');
    const timedOut = njs('NJS-123', 'call timeout of 100 ms exceeded');
    noteNothingApplied(timedOut);
    expect(classify(timedOut)).toMatchObject({ code: 'TIMEOUT', outcome: 'not-applied' });
  });

  it('a number that nobody knows is an error of the server, and no more', () => {
    expect(classify(server('ORA-31234: secret-marker'))).toMatchObject({
      ...{ code: 'QUERY', reason: 'internal', vendorCode: 31_234, breaker: 'success', isConnectionFatal: false },
    });
    expect(classify(server('ORA-31234: secret-marker')).message).not.toContain('secret-marker');
  });

  it('an error of the house passes', () => {
    const own = new ConstraintError('unique', 'x', {});
    expect(classify(own)).toBe(own);
  });

  it('what nobody knows: open when it was sent, and never a COMMIT that can be repeated', () => {
    expect(classify(new TypeError('?'))).toMatchObject({ reason: 'protocol', outcome: 'unknown', breaker: 'failure' });
    expect(classify(new TypeError('?'), UNSENT)).toMatchObject({ outcome: 'not-sent', breaker: 'ignore' });
    expect(classify(new TypeError('?'), COMMIT).code).toBe('OUTCOME_UNKNOWN');
  });

  it('an error of Node is what it is with every database', () => {
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });
    expect(classify(reset)).toMatchObject({ reason: 'lost', outcome: 'unknown', vendorCode: 'ECONNRESET' });
    expect(classify(reset, IDLE)).toMatchObject({ breaker: 'ignore', outcome: 'not-sent' });
  });
});

describe('constraints are named, in the words of 19c and of 23ai', () => {
  it.each([
    [
      'ORA-00001: unique constraint (SCOTT.EMP_PK) violated',
      { constraint: 'EMP_PK', table: undefined, column: undefined },
    ],
    [
      'ORA-00001: unique constraint (SCOTT.EMP_PK) violated on table SCOTT.EMP columns (EMPNO)\n' +
        'ORA-03301: (ORA-00001 details) row with column values (EMPNO:secret-marker) already exists',
      { constraint: 'EMP_PK', table: 'EMP', column: 'EMPNO' },
    ],
    [
      'ORA-00001: unique constraint (SCOTT.EMP_UK) violated on table SCOTT.EMP columns (A, B)',
      { constraint: 'EMP_UK', table: 'EMP', column: undefined },
    ],
    ['ORA-00001: Eindeutigkeitsbedingung (SCOTT.EMP_PK) verletzt', { constraint: 'EMP_PK' }],
    ['ORA-02290: check constraint (SCOTT.POSITIVE) violated', { constraint: 'POSITIVE' }],
    [
      'ORA-11534: check constraint (S.C1) involving PRICE due to domain constraint S.DC of domain S.D violated',
      { constraint: 'C1', table: undefined },
    ],
    ['ORA-02291: integrity constraint (SCOTT.FK_DEPT) violated - parent key not found', { constraint: 'FK_DEPT' }],
    ['ORA-02292: integrity constraint (SCOTT.FK_DEPT) violated - child record found', { constraint: 'FK_DEPT' }],
    ['ORA-01400: cannot insert NULL into ("SCOTT"."EMP"."ENAME")', { table: 'EMP', column: 'ENAME' }],
    ['ORA-01407: cannot update ("SCOTT"."EMP"."ENAME") to NULL', { table: 'EMP', column: 'ENAME' }],
    ["ORA-00001: it's (not.a) text of the server's", { constraint: undefined }],
  ])('%s', (message, facts) => {
    const error = classify(server(message));
    expect(error).toBeInstanceOf(ConstraintError);
    expect(error).toMatchObject(facts);
    expect(error.message).not.toContain('secret-marker');
  });
});

describe('messages', () => {
  const SECRET = 'secret-marker';

  it.each([
    `ORA-01722: unable to convert string value containing '${SECRET}' to a number: AGE`,
    `ORA-01438: value ${SECRET} greater than specified precision (4, 0) for column "S"."T"."C"`,
    `ORA-01861: literal ${SECRET} does not match format string`,
    `ORA-06502: PL/SQL: value or conversion error: ${SECRET}`,
    `ORA-12899: value too large for column "S"."T"."C" (actual: ${SECRET}, maximum: 10)`,
    `ORA-20001: ${SECRET}`,
    `ORA-00933: SQL command not properly ended near ${SECRET}`,
    `ORA-03049: SQL keyword '${SECRET}' is not syntactically valid`,
    `ORA-00904: "X": invalid identifier ${SECRET}`,
    `ORA-00942: ${SECRET}`,
    `ORA-00955: name is already used by ${SECRET}`,
    `ORA-00054: Failed to acquire a lock (${SECRET})`,
    `ORA-00060: ${SECRET}`,
    `ORA-08177: ${SECRET}`,
    `ORA-00028: ${SECRET}`,
    `ORA-12514: ${SECRET}`,
    `ORA-01017: ${SECRET}`,
    `ORA-25408: ${SECRET}`,
    `ORA-00600: internal error code, arguments: [${SECRET}]`,
    `ORA-01013: ${SECRET}`,
    `ORA-99999: ${SECRET}`,
    `ORA-06550: line 1, column 7:\nPLS-00201: identifier '${SECRET}' must be declared`,
  ])('hold no value: %s', (message) => {
    const native = server(message);
    for (const situation of [SENT, CONNECT, COMMIT, INSIDE, IDLE]) {
      const error = classify(native, situation);
      expect(error.cause).toBe(native);
      expect([error.message, JSON.stringify(error), inspect(error)].join()).not.toContain(SECRET);
    }
  });

  it.each([
    ['ORA-00904: "EMP"."NAME": invalid identifier', '"EMP"."NAME": invalid identifier (ORA-00904)'],
    ['ORA-00942: table or view does not exist', 'table or view does not exist (ORA-00942)'],
    ['ORA-00942: table or view "S"."NOPE" does not exist', 'table or view "S"."NOPE" does not exist (ORA-00942)'],
    [
      'ORA-12899: value too large for column "S"."T"."C" (actual: 12, maximum: 10)',
      'value too large for column "S"."T"."C" (actual: 12, maximum: 10) (ORA-12899)',
    ],
    ['ORA-01031: insufficient privileges', 'insufficient privileges (ORA-01031)'],
  ])('show names, where the form is known: %s', (message, shown) => {
    expect(classify(server(message)).message).toBe(shown);
  });

  it('say where in the statement the server stopped', () => {
    const wrong = server('ORA-00933: SQL command not properly ended', { offset: 15 });
    expect(classify(wrong).message).toBe(
      'Oracle could not accept the statement at character 16 (ORA-00933); its text is on cause',
    );
  });

  it('say that a deadlock has undone the statement alone', () => {
    expect(classify(server('ORA-00060: x'), INSIDE).message).toContain('the transaction has to be rolled back');
  });

  it('name the endpoint where the connection is meant', () => {
    expect(classify(njs('NJS-518', 'x'), CONNECT).message).toBe(
      'oracle://h:1521/s: the listener does not know the service, or not yet (ORA-12514)',
    );
  });
});
