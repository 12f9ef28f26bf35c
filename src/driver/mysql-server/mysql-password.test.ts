import { describe, expect, it } from 'vitest';
import type { Driver } from '../driver.js';
import { mariadb } from '../mariadb/mariadb.js';
import { mysql } from '../mysql/mysql.js';
import type { MysqlOptions } from './mysql-options.js';

const DOORS: readonly (readonly [string, (options: MysqlOptions) => Driver])[] = [
  ['mysql', mysql],
  ['mariadb', mariadb],
];

describe.each(DOORS)('a password that is a function, by the door %s', (_name, open) => {
  const connect = (password: () => string | Promise<string>, signal: AbortSignal) =>
    open({ host: '127.0.0.1', port: 1, password }).connect({
      signal,
      types: { bigint: 'bigint', decimal: 'string', date: 'string', json: 'parsed' },
      onLost: () => undefined,
    });

  it('is waited for only as long as the connection is wanted', async () => {
    const wanted = new AbortController();
    let isAsked: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => (isAsked = resolve));
    const connecting = connect(() => {
      isAsked();
      return new Promise<string>(() => undefined);
    }, wanted.signal);
    const ended = expect(connecting).rejects.toMatchObject({ code: 'CANCELLED', isConnectionFatal: true });
    await asked;
    wanted.abort();
    await ended;
  });

  it('fails the connect with its own error', async () => {
    const vault = new Error('the vault is closed');
    const fails = () => {
      throw vault;
    };
    await expect(connect(fails, new AbortController().signal)).rejects.toBe(vault);
  });
});
