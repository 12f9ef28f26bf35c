import { describe, expect, it } from 'vitest';
import { ConfigError, ConnectionError, FluxorError, TimeoutError } from '../index.js';
import type { Failure } from './failure.js';
import { failureOf } from './failure.js';

const REASONS = [
  ...['refused', 'unreachable', 'dns', 'tls', 'lost', 'starting-up', 'shutting-down', 'too-many-connections'],
  ...['unknown-database', 'idle-timeout', 'credentials', 'local-resources', 'settings', 'protocol'],
] as const;
const connection = (reason: ConnectionError['reason'], vendorCode?: string): Failure =>
  failureOf(new ConnectionError(reason, 'canary-text', { vendorCode }));

describe('a failure', () => {
  it.each(REASONS)(
    'by the reason %s has a text of its own and a next step, and nothing of the text of the error',
    (reason) => {
      const failure = connection(reason);
      expect(failure.text.length).toBeGreaterThan(10);
      expect(failure.advice.length).toBeGreaterThan(5);
      expect(JSON.stringify(failure)).not.toContain('canary-text');
      const others = REASONS.filter((other) => other !== reason).map((other) => connection(other).text);
      expect(others).not.toContain(failure.text);
    },
  );

  it.each([
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'signed by nobody'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'signed by nobody'],
    ['CERT_HAS_EXPIRED', 'has run out'],
    ['CERT_NOT_YET_VALID', 'not valid yet'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'for another name'],
    ['EPROTO', 'handshake failed'],
    [undefined, 'does not offer TLS'],
  ])('of TLS by %s: %s', (code, text) => {
    expect(connection('tls', code).text).toContain(text);
  });

  it('of a missing package says how to install it', () => {
    const { text, advice, code } = failureOf(ConfigError.driverMissing('pg', new Error('canary-text')));
    expect([code, text, advice]).toEqual([
      'DRIVER_MISSING',
      'the client library of this database is not installed',
      'install it: npm install pg',
    ]);
  });

  it('of wrong options lists them', () => {
    const { text } = failureOf(ConfigError.fromIssues([{ path: 'postgres.url?ssl', got: 'x', expected: 'y' }]));
    expect(text).toBe('postgres.url?ssl: got x, expected y');
  });

  it('of a limit in time says what did not answer', () => {
    expect(failureOf(new TimeoutError('connect', 'canary-text')).text).toBe('the server did not answer in time');
  });

  it('of a statement that took too long does not send anybody to the firewall', () => {
    expect(failureOf(new TimeoutError('connect', 'x')).advice).toContain('firewall');
    expect(failureOf(new TimeoutError('statement', 'x')).advice).not.toContain('firewall');
  });

  it('of any other code has the words of the catalogue', () => {
    const failure = failureOf(new FluxorError('QUERY', 'canary-text', { sqlState: '42501', vendorCode: 'x y' }));
    expect(failure).toMatchObject({ code: 'QUERY', sqlState: '42501' });
    expect(failure.text).toContain('refused the statement');
    expect(JSON.stringify(failure)).not.toMatch(/canary-text|x y/);
  });

  it('of what nobody expected is told by its name alone', () => {
    expect(failureOf(new RangeError('canary-text')).text).toBe('something unexpected happened (RangeError)');
    expect(failureOf('canary-text').text).toBe('something unexpected happened (Error)');
  });
});
