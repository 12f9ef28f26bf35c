import { describe, expect, it } from 'vitest';
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
  ])('passes on the error of %s', async (_, error) => {
    await expect(loadPeer('pg', () => Promise.reject(error))).rejects.toBe(error);
  });

  it('finds what is really not there by what Node says', async () => {
    const name = '@fluxor-db/is-not-there';
    await expect(loadPeer(name, () => import(/* @vite-ignore */ name))).rejects.toMatchObject({
      code: 'DRIVER_MISSING',
    });
  });
});
