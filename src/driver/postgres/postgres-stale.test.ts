import { describe, expect, it } from 'vitest';
import { isStaleStatement } from './postgres-stale.js';

const server = (code: string, more: object = {}) => ({ code, severity: 'ERROR', message: 'x', ...more });

describe('a stale prepared statement', () => {
  it.each(['26000', '42P05'])('was misplaced: %s, whenever it was prepared', (code) => {
    expect([isStaleStatement(server(code), true), isStaleStatement(server(code), false)]).toEqual([true, true]);
  });

  it('has another result than it had, in whatever language the server says so', () => {
    expect(isStaleStatement(server('0A000', { routine: 'RevalidateCachedQuery' }), true)).toBe(true);
    expect(isStaleStatement(server('0A000', { routine: 'DefineView' }), true)).toBe(false);
  });

  it.each(['42804', '42883', '42846', '22P02', '22003'])('has parameters of types that no longer fit: %s', (code) => {
    expect(isStaleStatement(server(code), true)).toBe(true);
    expect(isStaleStatement(server(code, { where: "unnamed portal parameter $1 = '…'" }), true)).toBe(true);
  });

  it.each(['42804', '42883', '22P02'])("is none where the call itself prepared it: then %s is the caller's", (code) => {
    expect(isStaleStatement(server(code), false)).toBe(false);
  });

  it.each(['26000', '22P02', '42883'])(
    'is none where a function raised %s: it may have done what nothing undoes',
    (code) => {
      const inside = { where: 'PL/pgSQL function pay(integer) line 3 at EXECUTE' };
      expect(isStaleStatement(server(code, inside), true)).toBe(false);
    },
  );

  it.each(['23505', '57014', '40001', '42601', '42P01', '25P02'])('is none for %s', (code) => {
    expect(isStaleStatement(server(code), true)).toBe(false);
  });

  it('is none for what the server did not say', () => {
    expect(isStaleStatement(new Error('Connection terminated'), true)).toBe(false);
    expect(isStaleStatement(undefined, true)).toBe(false);
  });
});
