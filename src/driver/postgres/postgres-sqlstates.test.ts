import { describe, expect, it } from 'vitest';
import type { FailureSituation } from '../driver.js';
import { classifyPostgresError } from './postgres-errors.js';
import { findSqlState, SQLSTATE_CLASSES, SQLSTATES } from './postgres-sqlstates.js';
import { SENT } from '../../../test/fakes/situations.js';

/** When an attempt may be repeated, in the words of resilience.md §3. */
type When = 'always' | 'tx' | 'idem' | 'fix' | 'unknown' | 'never';
type Row = readonly [
  codes: string,
  code: string,
  reason: string | undefined,
  when: When,
  breaker: 'failure' | 'success' | 'ignore',
  isConnectionFatal: boolean,
];

/**
 * resilience.md §3.3, written down by hand. Where the document says "opt-in", nobody opted in; where it says "fresh
 * credentials", docs/errors.md says never. What hangs on more than the code is in postgres-errors.test.ts.
 */
const TABLE: readonly Row[] = [
  ['08000 08003 08006', 'CONNECTION', 'lost', 'idem', 'failure', true],
  ['08001 08004', 'CONNECTION', 'refused', 'always', 'failure', true],
  ['08007', 'OUTCOME_UNKNOWN', undefined, 'unknown', 'failure', true],
  ['08P01', 'CONNECTION', 'protocol', 'never', 'failure', true],
  ['0A000', 'QUERY', 'syntax', 'never', 'success', false],
  ['20000 21000 22001 22003 22007 22008 22012 22021 22023 22P02 22P05', 'QUERY', 'data', 'never', 'success', false],
  ['23502', 'CONSTRAINT', 'not-null', 'never', 'success', false],
  ['23503 23001', 'CONSTRAINT', 'foreign-key', 'never', 'success', false],
  ['23505', 'CONSTRAINT', 'unique', 'never', 'success', false],
  ['23514 44000', 'CONSTRAINT', 'check', 'never', 'success', false],
  ['23P01', 'CONSTRAINT', 'exclusion', 'never', 'success', false],
  ['24000 34000', 'QUERY', 'statement-invalid', 'never', 'success', false],
  ['25001 25000 2D000 25P01 3B001', 'TRANSACTION', 'invalid-state', 'never', 'success', false],
  ['25006', 'TRANSACTION', 'read-only', 'always', 'ignore', true],
  ['25P02', 'TRANSACTION', 'aborted', 'never', 'success', false],
  ['25P03', 'TIMEOUT', 'transaction', 'tx', 'ignore', true],
  ['25P04', 'TIMEOUT', 'transaction', 'never', 'failure', true],
  ['26000 42P05', 'QUERY', 'statement-invalid', 'fix', 'success', false],
  ['3F000 42P01 42703 42883 42704 42P02', 'QUERY', 'undefined-object', 'never', 'success', false],
  ['40001 40000 40002 72000', 'TRANSACTION', 'serialization', 'tx', 'success', false],
  ['40P01', 'TRANSACTION', 'deadlock', 'tx', 'success', false],
  ['40003', 'OUTCOME_UNKNOWN', undefined, 'unknown', 'success', false],
  ['42501', 'QUERY', 'permission', 'never', 'success', false],
  ['42601 42804 42P10 42XYZ', 'QUERY', 'syntax', 'never', 'success', false],
  ['42P07 42710 42P04 42P06', 'QUERY', 'duplicate-object', 'never', 'success', false],
  ['53000 53100 53200', 'QUERY', 'resource', 'always', 'failure', false],
  ['53400 54000 54001 54011 54023', 'QUERY', 'resource', 'never', 'success', false],
  ['55000 55006', 'QUERY', 'object-state', 'tx', 'success', false],
  ['55P03', 'TRANSACTION', 'lock-timeout', 'tx', 'success', false],
  ['57014', 'CANCELLED', 'administrator', 'never', 'ignore', false],
  ['57P01 57P02', 'CONNECTION', 'shutting-down', 'idem', 'failure', true],
  ['57P04', 'CONNECTION', 'unknown-database', 'never', 'failure', true],
  ['57P05', 'CONNECTION', 'idle-timeout', 'always', 'ignore', true],
  ['58000 58030 58P01', 'QUERY', 'internal', 'tx', 'failure', true],
  ['F0000 F0001 HV000 HV00J', 'QUERY', 'internal', 'never', 'success', false],
  ['HV00N', 'CONNECTION', 'unreachable', 'never', 'success', false],
  ['P0000 P0001 P0002 P0003 P0004', 'QUERY', 'application', 'never', 'success', false],
  ['XX000 XX001 XX002', 'QUERY', 'internal', 'never', 'failure', true],
];
/** The rows that are about connecting. */
const CONNECT_TABLE: readonly Row[] = [
  ['08001 08004', 'CONNECTION', 'refused', 'always', 'failure', true],
  ['28000 28P01', 'AUTH', 'credentials', 'never', 'failure', true],
  ['3D000', 'CONNECTION', 'unknown-database', 'never', 'failure', true],
  ['53300', 'CONNECTION', 'too-many-connections', 'always', 'failure', true],
  ['57P03', 'CONNECTION', 'starting-up', 'always', 'failure', true],
];

const classify = (code: string, situation: Partial<FailureSituation>, severity = 'ERROR') => {
  const native = Object.assign(new Error('what the server said'), { code, severity });
  return {
    native,
    error: classifyPostgresError(native, { ...SENT, ...situation }, 'postgres://app@db:5432/shop'),
  };
};

/** What each "when" means for a statement that was answered with the error: decision and outcome. */
const AUTOCOMMIT: Readonly<Record<When, readonly [string, string]>> = {
  always: ['new-connection', 'not-applied'],
  tx: ['whole-transaction', 'not-applied'],
  idem: ['never', 'unknown'],
  fix: ['after-fix', 'not-applied'],
  unknown: ['never', 'unknown'],
  never: ['never', 'not-applied'],
};
const IN_TRANSACTION: typeof AUTOCOMMIT = {
  ...AUTOCOMMIT,
  always: ['whole-transaction', 'not-applied'],
  idem: ['whole-transaction', 'not-applied'],
  fix: ['whole-transaction', 'not-applied'],
};
const COMMIT: typeof AUTOCOMMIT = { ...IN_TRANSACTION, idem: ['never', 'unknown'] };

const split = (table: readonly Row[]) =>
  table.flatMap(([codes, code, reason, when, breaker, isConnectionFatal]) =>
    codes.split(' ').map((sqlState) => ({ sqlState, code, reason, when, breaker, isConnectionFatal })),
  );

describe.each(split(TABLE))('SQLSTATE $sqlState', ({ sqlState, when, code, ...facts }) => {
  const expected = (fates: typeof AUTOCOMMIT) => {
    const [decision, outcome] = fates[when];
    return { code, ...facts, sqlState, decision, outcome };
  };

  it('means for an autocommit statement what the table says', () => {
    const { native, error } = classify(sqlState, {});
    expect(error).toMatchObject({ ...expected(AUTOCOMMIT), cause: native, context: { connectionId: 3 } });
  });

  it('means in a transaction what the table says, and never a repetition of the statement alone', () => {
    expect(classify(sqlState, { inTransaction: true }).error).toMatchObject(expected(IN_TRANSACTION));
  });

  it('means in the answer to COMMIT what the table says', () => {
    const { error } = classify(sqlState, { phase: 'commit', inTransaction: true });
    const lost = { ...expected(COMMIT), code: 'OUTCOME_UNKNOWN', reason: undefined };
    expect(error).toMatchObject(when === 'idem' ? lost : expected(COMMIT));
  });

  it('repeats what has an unknown outcome only where that is declared safe', () => {
    const { error } = classify(sqlState, { isSafeToRepeat: true, isReadOnly: true });
    if (when === 'idem') expect(error).toMatchObject({ decision: 'new-connection', outcome: 'not-applied' });
    else expect(error).toMatchObject(expected(AUTOCOMMIT));
  });

  it('ends the connection in any case when the server calls it FATAL', () => {
    expect(classify(sqlState, {}, 'FATAL').error.isConnectionFatal).toBe(true);
    expect(classify(sqlState, {}, 'PANIC').error.isConnectionFatal).toBe(true);
  });
});

describe.each(split(CONNECT_TABLE))('SQLSTATE $sqlState while connecting', ({ sqlState, when, ...facts }) => {
  it('means what the table says, and nothing was sent', () => {
    const decision = when === 'always' ? 'new-connection' : 'never';
    const { error } = classify(sqlState, { phase: 'connect', wasSent: false }, 'FATAL');
    expect(error).toMatchObject({ ...facts, sqlState, decision, outcome: 'not-sent' });
    expect(error.message).toContain('postgres://app@db:5432/shop');
  });
});

/** The codes that say something about the other connections; all others say `keep`. */
const SIBLINGS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(['08000', '08003', '08006', '57P01', '57P02', '57P03'].map((code) => [code, 'validate'])),
  25006: 'evict',
};

describe('what a code says about the other connections', () => {
  it.each(split([...TABLE, ...CONNECT_TABLE]).map(({ sqlState }) => [sqlState, SIBLINGS[sqlState] ?? 'keep']))(
    '%s: %s, wherever it is found',
    (sqlState, siblings) => {
      for (const phase of ['statement', 'commit', 'validate', 'idle', 'connect'] as const) {
        const wasSent = phase === 'statement' || phase === 'commit';
        expect(classify(sqlState, { phase, wasSent }, 'FATAL').error.siblings).toBe(siblings);
      }
    },
  );
});

/** resilience.md §3.3 says "slow" of these; class 53 and 55 for the rest. */
const SLOW = ['53000', '53100', '53200', '53300', '55000', '55006'];

describe('how soon another attempt makes sense', () => {
  it.each(
    split(TABLE.concat(CONNECT_TABLE)).map(({ sqlState }) => [sqlState, SLOW.includes(sqlState) ? 1_000 : undefined]),
  )('%s: retryAfterMs %s', (sqlState, retryAfterMs) => {
    expect(classify(String(sqlState), {}).error.retryAfterMs).toBe(retryAfterMs);
  });
});

describe('codes found on an idle connection', () => {
  it.each(['57P01', '57P02', '57P05', '08006'])(
    '%s says nothing about the server, and nothing was sent',
    (sqlState) => {
      const { error } = classify(sqlState, { phase: 'idle', wasSent: false }, 'FATAL');
      expect(error).toMatchObject({ decision: 'new-connection', breaker: 'ignore', outcome: 'not-sent' });
    },
  );
});

describe('findSqlState', () => {
  it('prefers the exact code to its class', () => {
    expect(findSqlState('23505')).toBe(SQLSTATES.get('23505'));
    expect(findSqlState('23999')).toBe(SQLSTATE_CLASSES.get('23'));
  });

  it('knows nothing of classes that are not in the table, which then are an internal error of an answering server', () => {
    expect(findSqlState('ZZ000')).toBeUndefined();
    expect(classify('ZZ000', {}).error).toMatchObject({
      code: 'QUERY',
      reason: 'internal',
      decision: 'never',
      breaker: 'success',
      outcome: 'not-applied',
      isConnectionFatal: false,
    });
  });

  it('holds well-formed codes only', () => {
    expect([...SQLSTATES.keys()].filter((code) => !/^[0-9A-Z]{5}$/.test(code))).toEqual([]);
    expect([...SQLSTATE_CLASSES.keys()].filter((code) => !/^[0-9A-Z]{2}$/.test(code))).toEqual([]);
  });
});
