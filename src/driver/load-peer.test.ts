import { describe, expect, it } from 'vitest';
import { ConnectionError } from '../errors/connection-error.js';
import { loadPeer } from './load-peer.js';

const failure = (message: string, code?: string) =>
  Object.assign(new Error(message), code === undefined ? {} : { code });

describe('loadPeer', () => {
  it('gives the module', async () => {
    const module = { default: 1 };
    await expect(loadPeer('pg', async () => module)).resolves.toBe(module);
  });

  it.each([
    ["Cannot find package 'pg' imported from /app/x.js", 'ERR_MODULE_NOT_FOUND'],
    ["Cannot find module 'pg'\nRequire stack:\n- /app/x.js", 'MODULE_NOT_FOUND'],
  ])('names the command that installs an absent package (%s)', async (message, code) => {
    const cause = failure(message, code);
    await expect(loadPeer('pg', () => Promise.reject(cause))).rejects.toMatchObject({
      code: 'DRIVER_MISSING',
      message: "The package 'pg' is not installed. Install it with: npm install pg",
      cause,
    });
  });

  it.each([
    [
      'a package that the package itself misses',
      failure("Cannot find package 'pg-types' imported from /pg/x.js", 'ERR_MODULE_NOT_FOUND'),
    ],
    ['a package that cannot run here', failure("'pg' is not a valid ES module", 'ERR_REQUIRE_ESM')],
    ['a package that throws', failure("pg: '1' is not supported")],
    ['a process without file handles', failure("EMFILE: too many open files, open '/pg/index.js'", 'EMFILE')],
  ])('says of %s that it could not be loaded, with nothing sent and no retry', async (_, cause) => {
    const error: unknown = await loadPeer('pg', () => Promise.reject(cause)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConnectionError);
    const verdict = { reason: 'local-resources', outcome: 'not-sent', decision: 'never', breaker: 'ignore' };
    const { code: vendorCode } = cause as { code?: string };
    expect(error).toMatchObject({ code: 'CONNECTION', ...verdict, vendorCode, cause });
    expect((error as Error).message).toContain(`'pg' could not be loaded${vendorCode ? ` (${vendorCode})` : ''}`);
    expect((error as Error).message).not.toContain('npm install');
  });

  it('takes whatever is thrown', async () => {
    await expect(loadPeer('pg', () => Promise.reject(undefined))).rejects.toMatchObject({ reason: 'local-resources' });
  });

  it('keeps no failure', async () => {
    let loads = 0;
    const load = () => ((loads += 1) === 1 ? Promise.reject(failure('EMFILE', 'EMFILE')) : Promise.resolve('there'));
    await expect(loadPeer('pg', load)).rejects.toMatchObject({ vendorCode: 'EMFILE' });
    await expect(loadPeer('pg', load)).resolves.toBe('there');
  });

  it('finds what is really not there by what Node says', async () => {
    const name = '@fluxor-db/is-not-there';
    await expect(loadPeer(name, () => import(/* @vite-ignore */ name))).rejects.toMatchObject({
      code: 'DRIVER_MISSING',
    });
  });
});
