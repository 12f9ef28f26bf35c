/** What the client library is told for one connection. */
import { describe, expect, it } from 'vitest';
import { connectAttributes } from './oracle-attributes.js';
import type { OracleModule } from './oracle-module.js';
import type { OracleOptions } from './oracle-options.js';
import { resolveOracleOptions } from './oracle-config.js';

const MODULE = { SYSDBA: 2 } as OracleModule;

function attributesOf(options: OracleOptions) {
  const config = resolveOracleOptions({ serviceName: 'ORDERS', ...options });
  return connectAttributes(MODULE, config, { user: config.user, password: undefined });
}

describe('the attributes of a connection', () => {
  it('leave out nothing for which the settings of the process would stand', () => {
    expect(attributesOf({ user: 'app' })).toMatchObject({
      user: 'app',
      externalAuth: false,
      edition: '',
      events: false,
      stmtCacheSize: 100,
      connectTimeout: 60,
      transportConnectTimeout: 20,
    });
    const said = attributesOf({ edition: 'E1', privilege: 'sysdba', connectTimeout: 1_500 });
    expect(said).toMatchObject({ edition: 'E1', privilege: 2, connectTimeout: 2, transportConnectTimeout: 2 });
  });

  it.each([
    ['an object', (token: object) => token],
    ['what a function gives', (token: object) => () => Promise.resolve(token)],
  ])('hold a copy of a token that is %s, into which the library may write', async (_case, as) => {
    const token = Object.freeze({ token: 't', privateKey: 'key' });
    const { accessToken, externalAuth } = attributesOf({ accessToken: as(token) as never });
    const given: unknown =
      typeof accessToken === 'function' ? await (accessToken as (refresh: boolean) => unknown)(true) : accessToken;
    expect([given, given === token, Object.isFrozen(given), externalAuth]).toEqual([token, false, false, true]);
  });

  it('pass on a token that is a text, and whether a fresh one is wanted', async () => {
    expect(attributesOf({ accessToken: 'a.b.c' }).accessToken).toBe('a.b.c');
    const { accessToken } = attributesOf({ accessToken: (refresh) => (refresh ? 'new' : 'old') });
    const ask = accessToken as (refresh: boolean) => Promise<string>;
    expect([await ask(false), await ask(true)]).toEqual(['old', 'new']);
  });
});
