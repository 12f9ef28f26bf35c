import { describe, expect, it } from 'vitest';
import { lostError, refusedError, statementTimeout } from '../../test/fakes/circuit-bench.js';
import { ConnectionError } from '../errors/connection-error.js';
import { TimeoutError } from '../errors/timeout-error.js';
import type { StatementTimeoutPolicy } from './circuit-options.js';
import { FailureLedger } from './failure-ledger.js';

const ledgerOf = (countStatementTimeouts: StatementTimeoutPolicy = 'always') =>
  new FailureLedger({ countStatementTimeouts, failureWindowMs: 60_000 });

describe('FailureLedger, errors', () => {
  it('knows an error by the driver’s own, however it is wrapped', () => {
    const ledger = ledgerOf();
    const native = new Error('reset');
    expect(ledger.judge({ error: lostError(native) }, 0, 1)).toBeUndefined();
    expect(ledger.judge({ error: lostError(native) }, 0, 2)).toBe('same-error');
    expect(ledger.judge({ error: native }, 0, 3)).toBe('same-error');
    expect(ledger.judge({ error: new TimeoutError('acquire', 'x', { cause: native }) }, 0, 4)).toBe('same-error');
    expect(ledger.judge({ error: lostError(new Error('reset')) }, 0, 5)).toBeUndefined();
  });

  it('knows an error without a cause by itself', () => {
    const ledger = ledgerOf();
    const error = new ConnectionError('lost', 'x', { breaker: 'failure' });
    expect([ledger.judge({ error }, 0, 1), ledger.judge({ error }, 0, 2)]).toEqual([undefined, 'same-error']);
  });

  it.each([undefined, null, 'a text', 5, true])('takes each %s for a failure of its own', (error) => {
    const ledger = ledgerOf();
    expect([ledger.judge({ error }, 0, 1), ledger.judge({ error }, 0, 2)]).toEqual([undefined, undefined]);
    expect(ledger.judge(undefined, 0, 3)).toBeUndefined();
  });

  it('does not take two causes that are texts for the same error', () => {
    const ledger = ledgerOf();
    const make = () => new ConnectionError('lost', 'x', { cause: 'closed' });
    expect([ledger.judge({ error: make() }, 0, 1), ledger.judge({ error: make() }, 0, 2)]).toEqual([
      undefined,
      undefined,
    ]);
  });

  it('hears of an error anew from a call that began after it had counted, and from no other', () => {
    const ledger = ledgerOf();
    const error = new Error('down');
    ledger.judge({ error }, 0, 3);
    ledger.renew(error, 3);
    expect(ledger.judge({ error }, 0, 3)).toBe('same-error');
    ledger.renew(error, 4);
    expect(ledger.judge({ error }, 0, 4)).toBeUndefined();
    expect(() => ledger.renew('a text', 5)).not.toThrow();
  });

  it('forgets everything when it is cleared', () => {
    const ledger = ledgerOf('distinct');
    const facts = { error: lostError(new Error('reset'), 7) };
    const timeout = () => ({ error: statementTimeout(), fingerprint: 'a' });
    ledger.judge(facts, 0, 1);
    ledger.judge(timeout(), 0, 1);
    ledger.clear();
    expect([ledger.judge(facts, 0, 2), ledger.judge(timeout(), 0, 2)]).toEqual([undefined, undefined]);
  });
});

describe('FailureLedger, connections', () => {
  it('counts the death of a connection, and nothing after it, by whichever id it is named', () => {
    const ledger = ledgerOf();
    expect(ledger.judge({ error: lostError(new Error('a'), 7) }, 0, 1)).toBeUndefined();
    expect(ledger.judge({ error: lostError(new Error('b'), 7) }, 0, 1)).toBe('dead-connection');
    expect(ledger.judge({ error: new Error('c'), connectionId: 7 }, 0, 1)).toBe('dead-connection');
    expect(ledger.judge({ error: lostError(new Error('d'), 8) }, 0, 1)).toBeUndefined();
  });

  it('counts each failure on a connection that lives', () => {
    const ledger = ledgerOf();
    for (let count = 0; count < 3; count += 1) {
      expect(ledger.judge({ error: refusedError(), connectionId: 7 }, 0, 1)).toBeUndefined();
    }
  });

  it('counts nothing of a connection that was found dead while it rested', () => {
    const ledger = ledgerOf();
    ledger.noteDead({ error: lostError(new Error('idle'), 7) });
    ledger.noteDead({ error: refusedError(), connectionId: 8 });
    ledger.noteDead({ error: lostError(new Error('which?')) });
    expect(ledger.judge({ error: refusedError(), connectionId: 7 }, 0, 1)).toBe('dead-connection');
    expect(ledger.judge({ error: refusedError(), connectionId: 8 }, 0, 1)).toBeUndefined();
  });

  it('remembers the last thousand', () => {
    const ledger = ledgerOf();
    for (let id = 0; id <= 1_000; id += 1) ledger.noteDead({ error: lostError(new Error('x'), id) });
    expect(ledger.judge({ error: refusedError(), connectionId: 0 }, 0, 1)).toBeUndefined();
    expect(ledger.judge({ error: refusedError(), connectionId: 1 }, 0, 1)).toBe('dead-connection');
  });
});

describe('FailureLedger, statements that ran too long', () => {
  const timed = (fingerprint?: string) => ({ error: statementTimeout(), fingerprint });

  it('counts them always, or never', () => {
    const [always, never] = [ledgerOf('always'), ledgerOf('never')];
    for (let count = 0; count < 3; count += 1) {
      expect([always.judge(timed('a'), 0, 1), never.judge(timed('a'), 0, 1)]).toEqual([undefined, 'statement-timeout']);
    }
  });

  it('counts each statement once in a window', () => {
    const ledger = ledgerOf('distinct');
    expect(ledger.judge(timed('a'), 0, 1)).toBeUndefined();
    expect(ledger.judge(timed('b'), 30_000, 1)).toBeUndefined();
    expect(ledger.judge(timed('a'), 60_000, 1)).toBe('statement-timeout');
    expect(ledger.judge(timed('a'), 60_001, 1)).toBeUndefined();
    expect(ledger.judge(timed('a'), 120_001, 1)).toBe('statement-timeout');
  });

  it('counts those it cannot tell apart', () => {
    const ledger = ledgerOf('distinct');
    const facts = { error: statementTimeout(), fingerprint: () => undefined };
    expect([ledger.judge(timed(), 0, 1), ledger.judge(timed(), 0, 1)]).toEqual([undefined, undefined]);
    expect(ledger.judge(facts, 0, 1)).toBeUndefined();
  });

  it('asks for the text of no statement that failed otherwise', () => {
    const fingerprint = () => expect.unreachable();
    for (const policy of ['always', 'distinct', 'never'] as const) {
      expect(ledgerOf(policy).judge({ error: refusedError(), fingerprint }, 0, 1)).toBeUndefined();
      expect(ledgerOf(policy).judge({ error: new TimeoutError('connect', 'x'), fingerprint }, 0, 1)).toBeUndefined();
    }
  });

  it('remembers the last thousand', () => {
    const ledger = ledgerOf('distinct');
    for (let count = 0; count <= 1_000; count += 1) ledger.judge(timed(`statement ${count}`), 0, 1);
    expect(ledger.judge(timed('statement 1'), 0, 1)).toBe('statement-timeout');
    expect(ledger.judge(timed('statement 0'), 0, 1)).toBeUndefined();
  });
});
