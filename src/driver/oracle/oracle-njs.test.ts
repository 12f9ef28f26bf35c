/** What `oracledb` says by itself: the survey's rows of NJS codes, written down by hand, in every place where they can come. */
import { describe, expect, it } from 'vitest';
import { COMMIT, CONNECT, IDLE, INSIDE, SENT, UNSENT } from '../../../test/fakes/situations.js';
import type { FailureSituation } from '../driver.js';
import { classifyOracleError } from './oracle-errors.js';
import { NJS_CODES } from './oracle-njs.js';

/** `idem`: its fate is open where it was sent; `always`: proved not applied; `fix`: after a repair; `-`: never. */
type When = 'always' | 'idem' | 'fix' | '-';
type Row = readonly [
  codes: string,
  code: string,
  reason: string,
  when: When,
  kill: 'yes' | 'no',
  breaker: 'F' | 'S' | 'I',
];

const AT_CONNECT: readonly Row[] = [
  ['500 501 521', 'CONNECTION', 'lost', 'always', 'yes', 'F'],
  ['503 504', 'CONNECTION', 'unreachable', 'always', 'yes', 'F'],
  ['530', 'CONNECTION', 'dns', 'always', 'yes', 'F'],
  ['510', 'TIMEOUT', 'connect', 'always', 'yes', 'F'],
  ['511', 'CONNECTION', 'refused', 'always', 'yes', 'F'],
  ['518 519', 'CONNECTION', 'unknown-database', 'always', 'yes', 'F'],
  ['512 514 515 516 517 520 522 523 524 529 535', 'CONNECTION', 'settings', '-', 'no', 'I'],
  ['505 506 507 508', 'CONNECTION', 'tls', '-', 'yes', 'F'],
  ['509 102 103 106 531 532 533 534 536', 'CONNECTION', 'protocol', 'always', 'yes', 'F'],
  ['101 116 84 85 86', 'AUTH', 'credentials', '-', 'yes', 'F'],
  ['138', 'CONNECTION', 'settings', '-', 'yes', 'F'],
  ['87', 'AUTH', 'credentials', 'fix', 'yes', 'I'],
  ['40 76 82', 'CONNECTION', 'local-resources', 'always', 'no', 'I'],
  ['64 65 2 104', 'CONNECTION', 'local-resources', '-', 'no', 'I'],
];

const OF_A_STATEMENT: readonly Row[] = [
  ['500 501 521', 'CONNECTION', 'lost', 'idem', 'yes', 'F'],
  ['509 102 103 106 534', 'CONNECTION', 'protocol', 'idem', 'yes', 'F'],
  ['513', 'CONNECTION', 'shutting-down', 'idem', 'yes', 'F'],
  // The connection was cleaned up; where it was not, the library says NJS-500.
  ['123', 'TIMEOUT', 'statement', 'idem', 'no', 'F'],
];

/** Proved not to have been sent. */
const UNSENT_ROWS: readonly Row[] = [
  ['3 18 147', 'CONNECTION', 'lost', 'always', 'yes', 'I'],
  ['81', 'QUERY', 'object-state', '-', 'no', 'I'],
  ['97 98 137 55', 'QUERY', 'statement-invalid', '-', 'no', 'I'],
  ['4 5 7 9 10 11 12 13 34 35 36 37 44 52 56 57 58 59 60', 'QUERY', 'data', '-', 'no', 'I'],
];

const BREAKER = { F: 'failure', S: 'success', I: 'ignore' } as const;
const each = (table: readonly Row[]) =>
  table.flatMap(([codes, ...rest]) =>
    codes.split(' ').map((digits) => [`NJS-${digits.padStart(3, '0')}`, ...rest] as const),
  );

const native = (code: string, text = 'text') =>
  Object.assign(new Error(`${code}: ${text}`), { code, isRecoverable: code === 'NJS-500' });
const classify = (error: unknown, situation: FailureSituation = SENT) =>
  classifyOracleError(error, situation, 'oracle://h:1521/s');

const DECISION: Readonly<Record<When, string>> = {
  always: 'new-connection',
  idem: 'never',
  fix: 'after-fix',
  '-': 'never',
};

describe('what the client library says while connecting', () => {
  it.each(each(AT_CONNECT))(
    '%s is %s %s, repeated: %s, ended: %s, breaker: %s',
    (njs, code, reason, when, kill, breaker) => {
      const error = classify(native(njs), CONNECT);
      expect([error.code, error.reason, error.outcome]).toEqual([code, reason, 'not-sent']);
      expect(error.decision).toBe(DECISION[when]);
      expect([error.isConnectionFatal, error.breaker]).toEqual([kill === 'yes', BREAKER[breaker]]);
    },
  );
});

describe('what the client library says under a statement', () => {
  it.each(each(OF_A_STATEMENT))(
    '%s is %s %s, repeated: %s, ended: %s, breaker: %s',
    (njs, code, reason, when, kill, breaker) => {
      const error = classify(native(njs));
      expect([error.code, error.reason, error.outcome]).toEqual([code, reason, 'unknown']);
      expect(error.decision).toBe(DECISION[when]);
      expect([error.isConnectionFatal, error.breaker]).toEqual([kill === 'yes', BREAKER[breaker]]);
      expect(classify(native(njs), { ...SENT, isSafeToRepeat: true }).decision).toBe('new-connection');
      expect(classify(native(njs), { ...SENT, isReadOnly: true }).outcome).toBe('not-applied');
      expect(classify(native(njs), INSIDE).decision).toBe('whole-transaction');
      expect(classify(native(njs), COMMIT)).toMatchObject({ code: 'OUTCOME_UNKNOWN', retryable: false });
    },
  );

  it.each(each(UNSENT_ROWS))(
    '%s, before anything was sent, is %s %s, repeated: %s, ended: %s, breaker: %s',
    (njs, code, reason, when, kill, breaker) => {
      const error = classify(native(njs), UNSENT);
      expect([error.code, error.reason, error.outcome]).toEqual([code, reason, 'not-sent']);
      expect(error.decision).toBe(DECISION[when]);
      expect([error.isConnectionFatal, error.breaker]).toEqual([kill === 'yes', BREAKER[breaker]]);
    },
  );

  it('a closed connection that is noticed only after something had been sent proves nothing', () => {
    expect(classify(native('NJS-003'))).toMatchObject({ reason: 'lost', outcome: 'unknown', retryable: false });
    expect(classify(native('NJS-003'), COMMIT).code).toBe('OUTCOME_UNKNOWN');
  });

  it('a value that the library cannot take back says nothing of what was done before', () => {
    // What ORA-01406 of RETURNING INTO has become by then: the row has been written.
    expect(classify(native('NJS-016'))).toMatchObject({ code: 'QUERY', reason: 'data', outcome: 'unknown' });
    expect(classify(native('NJS-016'), { ...SENT, isReadOnly: true }).outcome).toBe('not-applied');
    expect(classify(native('NJS-105'), UNSENT).outcome).toBe('not-sent');
    expect(classify(native('NJS-016'), COMMIT).code).toBe('OUTCOME_UNKNOWN');
  });

  it('a call that timed out inside a transaction may be part of it, until that is rolled back', () => {
    expect(classify(native('NJS-123'), INSIDE)).toMatchObject({ outcome: 'unknown', decision: 'whole-transaction' });
  });

  it('a session that could not be put right again is lost, whatever code the first error had', () => {
    const text =
      'NJS-500: connection to Oracle Database was closed or broken\nError recovery failed: x\nOriginal error: y';
    const failed = Object.assign(new Error(text), { code: 'NJS-112', isRecoverable: false });
    expect(classify(failed)).toMatchObject({ reason: 'lost', outcome: 'unknown', isConnectionFatal: true });
    expect(classify(Object.assign(new Error(text), { name: 'TypeError' }))).toMatchObject({ reason: 'lost' });
  });

  it('on an idle connection it says nothing of the server', () => {
    for (const code of ['NJS-500', 'NJS-513', 'NJS-003', 'NJS-521'])
      expect(classify(native(code), IDLE)).toMatchObject({
        outcome: 'not-sent',
        breaker: 'ignore',
        decision: 'new-connection',
      });
  });
});

describe("Node's own words in the library's text", () => {
  const incomplete = (cause: string) =>
    native('NJS-503', `connection to host h port 1521 could not be established. (CONNECTION_ID=IJMRKB==)\n${cause}`);

  it.each([
    ['connect ECONNREFUSED 127.0.0.1:1521', 'refused', 'ECONNREFUSED', 'failure'],
    ['connect EHOSTUNREACH 10.0.0.1:1521', 'unreachable', 'EHOSTUNREACH', 'failure'],
    ['getaddrinfo ENOTFOUND h', 'dns', 'ENOTFOUND', 'failure'],
    ['connect ETIMEDOUT 10.0.0.1:1521', 'lost', 'ETIMEDOUT', 'failure'],
    ['connect EMFILE 10.0.0.1:1521', 'local-resources', 'EMFILE', 'ignore'],
    ['', 'unreachable', 'NJS-503', 'failure'],
  ])('%s', (cause, reason, vendorCode, breaker) => {
    const error = incomplete(cause);
    expect(classify(error, CONNECT)).toMatchObject({
      ...{
        code: 'CONNECTION',
        reason,
        vendorCode,
        breaker,
        outcome: 'not-sent',
        decision: 'new-connection',
        cause: error,
      },
    });
  });

  it('tell a handshake that was cut from a certificate that is not accepted', () => {
    const tls = (cause: string) =>
      native('NJS-506', `connection to host h port 2484 encountered TLS handshake failure.\n${cause}`);
    expect(classify(tls('self-signed certificate'), CONNECT)).toMatchObject({ reason: 'tls', retryable: false });
    expect(classify(tls('read ECONNRESET'), CONNECT)).toMatchObject({ reason: 'tls', decision: 'new-connection' });
  });
});

describe('thick mode', () => {
  it("without Oracle's client libraries is a matter of the settings", () => {
    const missing = Object.assign(new Error('DPI-1047: Cannot locate a 64-bit Oracle Client library'), {
      code: 'DPI-1047',
    });
    expect(classify(missing, CONNECT)).toMatchObject({ reason: 'settings', retryable: false, breaker: 'ignore' });
  });
});

it('an option that the library does not take is a matter of the settings', () => {
  expect(classify(native('NJS-007'), CONNECT)).toMatchObject({
    code: 'CONNECTION',
    reason: 'settings',
    breaker: 'ignore',
  });
});

it('every code of the table stands in one of these tables', () => {
  const beyondTheSurvey = ['NJS-045', 'NJS-089', 'NJS-118', 'NJS-125', 'NJS-136', 'NJS-140', 'NJS-173'];
  const named = [...each(AT_CONNECT), ...each(OF_A_STATEMENT), ...each(UNSENT_ROWS)].map(([code]) => code);
  const known = new Set([...named, ...beyondTheSurvey]);
  const codes = [...NJS_CODES.keys()].map((number) => `NJS-${String(number).padStart(3, '0')}`);
  expect(codes.filter((code) => !known.has(code))).toEqual([]);
});
