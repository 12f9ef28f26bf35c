import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OptionIssue } from '../kernel/option-reader.js';
import type { ConnectionUrl } from './connection-url.js';
import { parseConnectionUrl } from './connection-url.js';

function parse(url: string): { readonly parsed: ConnectionUrl | undefined; readonly issues: OptionIssue[] } {
  const issues: OptionIssue[] = [];
  return { parsed: parseConnectionUrl(url, ['postgres', 'postgresql'], 'postgres.url', issues), issues };
}

describe('parseConnectionUrl', () => {
  it('takes all parts apart', () => {
    const { parsed, issues } = parse('postgres://app:pw@db.example:5433/shop?sslmode=require&application_name=x%20y');
    expect(issues).toEqual([]);
    expect({ ...parsed, parameters: [...(parsed?.parameters ?? [])] }).toEqual({
      host: 'db.example',
      port: 5433,
      user: 'app',
      password: 'pw',
      database: 'shop',
      parameters: [
        ['sslmode', 'require'],
        ['application_name', 'x y'],
      ],
    });
  });

  it.each([
    ['postgres://localhost', { host: 'localhost' }],
    ['postgresql://localhost/', { host: 'localhost' }],
    ['POSTGRES://localhost', { host: 'localhost' }],
    ['postgres:///shop', { database: 'shop' }],
    ['postgres://', {}],
    ['postgres://app@localhost', { user: 'app', host: 'localhost' }],
    ['postgres://:pw@localhost', { password: 'pw', host: 'localhost' }],
    ['postgres://[::1]:5433/shop', { host: '::1', port: 5_433, database: 'shop' }],
    ['postgres://[2001:db8::1]', { host: '2001:db8::1' }],
    ['postgres://%2Fvar%2Frun%2Fpostgresql/shop', { host: '/var/run/postgresql', database: 'shop' }],
    ['postgres://app:p@ss@localhost', { user: 'app', password: 'p@ss', host: 'localhost' }],
    ['postgres://localhost/a%2Fb%40c', { host: 'localhost', database: 'a/b@c' }],
  ])('reads %s', (url, parts) => {
    const { parsed, issues } = parse(url);
    expect(issues).toEqual([]);
    const absent = { host: undefined, port: undefined, user: undefined, password: undefined, database: undefined };
    expect({ ...parsed, parameters: undefined }).toEqual({ ...absent, ...parts, parameters: undefined });
  });

  it('gives back any user, password and database that were percent-encoded', () => {
    const part = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(part, part, part, (user, password, database) => {
        const [u, p, d] = [user, password, database].map(encodeURIComponent);
        // A segment of dots is resolved away, as in any URL; no database is called so.
        fc.pre(!/^(\.|%2e){1,2}$/i.test(d ?? ''));
        expect(parse(`postgres://${u}:${p}@h/${d}`).parsed).toMatchObject({ host: 'h', user, password, database });
      }),
    );
  });

  it('refuses other schemes and names those it knows', () => {
    expect(parse('mysql://app:secret-marker@localhost/shop')).toEqual({
      parsed: undefined,
      issues: [{ path: 'postgres.url', got: "the scheme 'mysql:'", expected: "'postgres:' or 'postgresql:'" }],
    });
  });

  it.each(['', 'localhost', 'postgres//x', 'postgres://h:port/db', 'postgres://h:99999/db', 'postgres://[::1/db'])(
    'refuses %j, which is no URL',
    (url) => {
      const { parsed, issues } = parse(url);
      expect(parsed).toBeUndefined();
      expect(issues).toMatchObject([{ path: 'postgres.url', got: 'a text that is not a URL' }]);
    },
  );

  it('refuses the port 0', () => {
    expect(parse('postgres://h:0/db').issues).toMatchObject([{ got: 'the port 0' }]);
  });

  it.each([
    ['postgres://a%zz:pw@h/db', "a user with a stray '%'"],
    ['postgres://a:100%@h/db', "a password with a stray '%'"],
    ['postgres://a:pw@h/100%', "a database with a stray '%'"],
  ])('names the part of %s that is wrongly encoded', (url, got) => {
    expect(parse(url).issues).toEqual([{ path: 'postgres.url', got, expected: "'%' written as '%25'" }]);
  });

  it.each([
    'postgres://app:12/secret-marker@h/db',
    'postgres://app:12?secret-marker@h/db',
    'postgres://app:12?x=secret-marker@h/db',
    'postgres://app:12#secret-marker@h/db',
    'postgres://app:a@b/secret-marker@h/db',
    'postgres://h/db#secret-marker',
  ])('refuses %s: a password that was not encoded must not pass for a database or a parameter', (url) => {
    const { parsed, issues } = parse(url);
    expect(parsed).toBeUndefined();
    expect(issues).toMatchObject([{ path: 'postgres.url', got: "a '#', or an '@' behind the host" }]);
  });

  it('never quotes the URL, whatever is wrong with it', () => {
    const char = fc.constantFrom(...':/?#@%[]&= 0a');
    fc.assert(
      fc.property(fc.string({ unit: char, maxLength: 8 }), fc.string({ unit: char, maxLength: 8 }), (left, right) => {
        const { parsed, issues } = parse(`postgres://app:${left}SECRET${right}@h/db`);
        expect(JSON.stringify(issues)).not.toMatch(/secret/i);
        const { host, database, parameters } = parsed ?? { parameters: new Map<string, string>() };
        if (parsed?.password !== undefined) expect(parsed.password).toContain('SECRET');
        expect(JSON.stringify([host, database, ...parameters])).not.toMatch(/secret/i);
      }),
      { numRuns: 500 },
    );
  });
});
