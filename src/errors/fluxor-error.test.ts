import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ERROR_CATALOGUE } from './catalogue.js';
import type { ErrorCode } from './catalogue.js';
import { ConfigError } from './config-error.js';
import { ConnectionError } from './connection-error.js';
import type { RetryDecision } from './fluxor-error.js';
import { FluxorError, isFluxorError, MAYBE_APPLIED } from './fluxor-error.js';
import { ConstraintError, OutcomeUnknownError, QueryError, TransactionError } from './query-error.js';
import { RejectedError } from './rejected-error.js';
import { CancelledError, TimeoutError } from './timeout-error.js';
import { UsageError } from './usage-error.js';

/** One of every code, made the way the rooms make them. */
const ONE_OF_EACH: Readonly<Record<ErrorCode, FluxorError>> = {
  CONFIG: ConfigError.fromIssues([{ path: 'a', got: '1', expected: '2' }]),
  DRIVER_MISSING: ConfigError.driverMissing('pg', undefined),
  LEASE_RELEASED: new UsageError('LEASE_RELEASED', 'x'),
  TRANSACTION_CLOSED: new UsageError('TRANSACTION_CLOSED', 'x'),
  STATEMENT_NOT_AWAITED: new UsageError('STATEMENT_NOT_AWAITED', 'x'),
  RUNTIME_CLOSED: new UsageError('RUNTIME_CLOSED', 'x'),
  STREAM_OPEN: new UsageError('STREAM_OPEN', 'x'),
  STREAM_CONSUMED: new UsageError('STREAM_CONSUMED', 'x'),
  NESTED_LEASE: new UsageError('NESTED_LEASE', 'x'),
  CONNECTION: new ConnectionError('refused', 'x'),
  AUTH: new ConnectionError('credentials', 'x', { code: 'AUTH' }),
  TIMEOUT: new TimeoutError('acquire', 'x'),
  CANCELLED: new CancelledError('caller', 'x'),
  CIRCUIT_OPEN: new RejectedError('CIRCUIT_OPEN', 'x'),
  RATE_LIMIT: new RejectedError('RATE_LIMIT', 'x'),
  POOL_EXHAUSTED: new RejectedError('POOL_EXHAUSTED', 'x'),
  QUERY: new QueryError('syntax', 'x'),
  CONSTRAINT: new ConstraintError('unique', 'x', {}),
  TRANSACTION: new TransactionError('deadlock', 'x'),
  OUTCOME_UNKNOWN: new OutcomeUnknownError('x'),
};

describe('the catalogue', () => {
  it.each(Object.entries(ONE_OF_EACH))('has %s with the class that carries it', (code, error) => {
    expect(error.code).toBe(code);
    expect(error.name).toBe(ERROR_CATALOGUE[error.code].class);
    expect(error.constructor.name).toBe(error.name);
    expect(error).toBeInstanceOf(FluxorError);
    expect(error).toBeInstanceOf(Error);
  });

  it('has no code that no class carries, and says of each what it means and what to do', () => {
    expect(Object.keys(ERROR_CATALOGUE).sort()).toEqual(Object.keys(ONE_OF_EACH).sort());
    for (const { meaning, action } of Object.values(ERROR_CATALOGUE)) {
      expect(meaning).toMatch(/\.$/);
      expect(action).toMatch(/\.$/);
    }
  });
});

describe('FluxorError', () => {
  it('claims as little as possible where nothing is said', () => {
    expect(new FluxorError('QUERY', 'text')).toMatchObject({
      code: 'QUERY',
      message: 'text',
      reason: undefined,
      outcome: 'not-sent',
      decision: 'never',
      retryable: false,
      breaker: 'ignore',
      isConnectionFatal: false,
      siblings: 'keep',
      context: {},
    });
  });

  it.each<[RetryDecision, boolean]>([
    ['never', false],
    ['same-connection', true],
    ['new-connection', true],
    ['whole-transaction', true],
    ['after-fix', true],
  ])('derives retryable from its decision: %s, %s', (decision, retryable) => {
    const error = new QueryError('data', 'x', { decision });
    expect([error.retryable, error.toJSON()['retryable']]).toEqual([retryable, retryable]);
  });

  it('keeps the native error untouched as cause, and has no cause where there is none', () => {
    const cause = Object.freeze(new Error('native'));
    expect(new QueryError('data', 'x', { cause }).cause).toBe(cause);
    expect('cause' in new QueryError('data', 'x')).toBe(false);
  });

  it('starts its stack with class and message, and points to where it was made', () => {
    const { stack } = new TimeoutError('commit', 'too late');
    expect(stack?.split('\n')[0]).toBe('TimeoutError: too late');
    expect(stack).toContain('fluxor-error.test.ts');
    expect(String(new UsageError('NESTED_LEASE', 'no'))).toBe('UsageError: no');
  });

  it('is not renamed by assignment, and a subclass of somebody else has its own name', () => {
    class MigrationError extends FluxorError {}
    expect(new MigrationError('QUERY', 'x').name).toBe('MigrationError');
  });

  it('shows in JSON what may be logged, and neither cause nor SQL nor values', () => {
    const native = Object.assign(new Error('duplicate key (email)=(secret-marker)'), {
      query: "insert into users values ('secret-marker')",
      parameters: ['secret-marker'],
    });
    const facts = { constraint: 'users_key', table: 'users', column: undefined };
    const context = { runtime: 'db', queryId: 7, connectionId: 3 };
    const init = { cause: native, context, sqlState: '23505', outcome: 'not-applied' } as const;
    const error = new ConstraintError('unique', 'unique constraint', facts, init);
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: 'ConstraintError',
      code: 'CONSTRAINT',
      reason: 'unique',
      message: 'unique constraint',
      retryable: false,
      outcome: 'not-applied',
      sqlState: '23505',
      context,
      constraint: 'users_key',
      table: 'users',
    });
    expect(inspect(error)).not.toContain('secret-marker');
    expect(inspect(error)).toContain("code: 'CONSTRAINT'");
  });

  it('tells the pool, and no log, what it says about other connections', () => {
    const error = new ConnectionError('lost', 'x', { siblings: 'validate' });
    expect(error.siblings).toBe('validate');
    expect(error.toJSON()).not.toHaveProperty('siblings');
    expect(inspect(error)).not.toContain("siblings: 'validate'");
  });

  it('fills in ids that were not known, and keeps those that were', () => {
    const error = new QueryError('data', 'x', { context: { connectionId: 3 } });
    error.fillContext({ runtime: 'db', queryId: 7, connectionId: 99 });
    expect(error.context).toEqual({ runtime: 'db', queryId: 7, connectionId: 3 });
    expect(Object.isFrozen(error.context)).toBe(true);
  });

  it('has no earlier attempts where it was the first, and keeps them in order where it was not', () => {
    const first = new QueryError('resource', 'x', { outcome: 'not-applied' });
    const second = new ConnectionError('lost', 'x', { outcome: 'unknown' });
    const last = new QueryError('data', 'x');
    last.fillAttempts([]);
    expect([last.attempts, last.toJSON()['attempts'], last.retryBudgetExhausted]).toEqual([
      undefined,
      undefined,
      false,
    ]);
    last.fillAttempts([first, second]);
    expect(last.attempts).toEqual([first, second]);
    expect(Object.isFrozen(last.attempts)).toBe(true);
    expect(last.toJSON()['attempts']).toEqual([
      { code: 'QUERY', reason: 'resource', outcome: 'not-applied' },
      { code: 'CONNECTION', reason: 'lost', outcome: 'unknown' },
    ]);
  });

  it('puts the attempts of an outer retry before those of an inner one, and is never its own predecessor', () => {
    const [outer, inner] = [new QueryError('resource', 'outer'), new QueryError('resource', 'inner')];
    const last = new QueryError('resource', 'last');
    last.fillAttempts([inner, last]);
    last.fillAttempts([outer]);
    expect(last.attempts).toEqual([outer, inner]);
    expect(() => JSON.stringify(last)).not.toThrow();
  });

  it('says at the end of its message and of its stack’s first line how it was tried, the last word only', () => {
    const last = new QueryError('resource', 'full');
    last.sayAttempts();
    expect(last.message).toBe('full');
    last.fillAttempts([new QueryError('resource', 'full')]);
    last.sayAttempts();
    last.markBudgetExhausted();
    last.fillAttempts([new QueryError('resource', 'full')]);
    last.sayAttempts();
    expect(last.message).toBe('full (after 3 attempts; the retry budget is spent)');
    expect(last.stack?.split('\n')[0]).toContain(last.message);
    expect(last.toJSON()['message']).toBe(last.message);
  });

  it('shows in its stack that its transaction was rolled back', () => {
    const error = new ConnectionError('lost', 'gone', { outcome: 'unknown' });
    error.noteRolledBack();
    expect(error.stack?.split('\n')[0]).toContain('rolled back');
  });

  it('does not say that a statement may have been applied of which nothing remains', () => {
    const text = `gone${MAYBE_APPLIED}`;
    const error = new ConnectionError('lost', text, { outcome: 'unknown' });
    expect(error.message).toBe('gone; the statement may or may not have been applied');
    error.noteRolledBack();
    expect(error.message).toBe('gone; its transaction was rolled back, so nothing of it remains');
    expect(error.stack).not.toContain('may or may not');
  });

  it('says in JSON that the retry budget was spent, and nothing where it was not', () => {
    const error = new QueryError('resource', 'x');
    expect(JSON.stringify(error)).not.toContain('retryBudgetExhausted');
    error.markBudgetExhausted();
    expect([error.retryBudgetExhausted, error.toJSON()['retryBudgetExhausted']]).toEqual([true, true]);
  });

  it('does not share its context with whoever made it', () => {
    const context = { connectionId: 3 };
    const error = new QueryError('data', 'x', { context });
    context.connectionId = 4;
    expect(error.context).toEqual({ connectionId: 3 });
  });
});

describe('isFluxorError', () => {
  it('knows every error of the runtime, with and without its code', () => {
    for (const error of Object.values(ONE_OF_EACH)) {
      expect(isFluxorError(error)).toBe(true);
      expect(isFluxorError(error, error.code)).toBe(true);
      expect(isFluxorError(error, error.code === 'QUERY' ? 'CONFIG' : 'QUERY')).toBe(false);
    }
  });

  it('knows the errors of another copy of the package by their brand', () => {
    const foreign = Object.assign(new Error('x'), { [Symbol.for('fluxor.error')]: true, code: 'TIMEOUT' });
    expect(foreign).not.toBeInstanceOf(FluxorError);
    expect(isFluxorError(foreign)).toBe(true);
    expect(isFluxorError(foreign, 'TIMEOUT')).toBe(true);
    expect(isFluxorError(foreign, 'QUERY')).toBe(false);
  });

  it.each([undefined, null, 'TIMEOUT', 5, {}, new Error('x'), { code: 'TIMEOUT' }])(
    'is not taken in by %s',
    (value) => {
      expect(isFluxorError(value)).toBe(false);
    },
  );
});

describe('the classes', () => {
  it('lists everything wrong in one ConfigError, one line each, and cannot be changed afterwards', () => {
    const issues = [
      { path: 'pool.maxSize', got: "'50'", expected: 'a whole number, 1 to 10,000' },
      { path: 'name', got: '5', expected: 'a non-empty string' },
    ];
    const error = ConfigError.fromIssues(issues);
    expect(error.message).toBe(
      "2 options are wrong:\n  pool.maxSize: got '50', expected a whole number, 1 to 10,000\n" +
        '  name: got 5, expected a non-empty string',
    );
    expect(error.toJSON()['issues']).toEqual(issues);
    issues.pop();
    expect(error.issues).toHaveLength(2);
    expect(Object.isFrozen(error.issues)).toBe(true);
  });

  it('speaks of one option where it is one', () => {
    expect(ConfigError.fromIssues([{ path: 'a', got: '1', expected: '2' }]).message).toMatch(/^One option is wrong:/);
  });

  it('names the command that installs a missing driver', () => {
    const cause = new Error('not found');
    const error = ConfigError.driverMissing('@electric-sql/pglite', cause);
    expect(error).toMatchObject({ code: 'DRIVER_MISSING', retryable: false, cause });
    expect(error.message).toContain('npm install @electric-sql/pglite');
  });

  it('says which limit a TimeoutError is about, as phase and as reason', () => {
    const error = new TimeoutError('validate', 'x');
    expect([error.phase, error.reason, error.toJSON()['phase']]).toEqual(['validate', 'validate', 'validate']);
  });

  it('never lets an unknown outcome be retried, whatever is asked for', () => {
    const wish = { outcome: 'applied', decision: 'new-connection', breaker: 'failure' } as const;
    expect(new OutcomeUnknownError('x', wish)).toMatchObject({
      outcome: 'unknown',
      decision: 'never',
      retryable: false,
      breaker: 'failure',
    });
  });

  it('rejects without having sent anything, and says when to try again', () => {
    expect(new RejectedError('RATE_LIMIT', 'x', { retryAfterMs: 250 })).toMatchObject({
      outcome: 'not-sent',
      retryable: false,
      retryAfterMs: 250,
      breaker: 'ignore',
    });
  });
});
