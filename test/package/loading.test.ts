/** What is loaded with the front door, when the client libraries are, and what is told where they cannot be. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PackedProject } from './packed-project.js';

const DRIVERS = ['postgres', 'pglite', 'mysql', 'mariadb', 'oracle'];
const DOORS = ['fluxor-db', ...[...DRIVERS, 'prometheus'].map((door) => `fluxor-db/${door}`)];
/** In the order in which the test of their loading takes them, without mariadb: what is loaded of that is not its main entry. */
const PEERS = ['pg', '@electric-sql/pglite', 'mysql2', 'oracledb'];

let project: PackedProject;
beforeAll(async () => {
  project = await PackedProject.make();
});
afterAll(() => project?.remove());

describe('the drivers', () => {
  it('are loaded with the first connection and not before', async () => {
    for (const peer of PEERS) {
      project.addPackage(peer, `console.log('loaded ${peer}'); throw new Error('not the real one');`);
    }
    const code = `
      const { connect, createRuntime } = await import('fluxor-db');
      const { postgres } = await import('fluxor-db/postgres');
      const { pglite } = await import('fluxor-db/pglite');
      const { mysql } = await import('fluxor-db/mysql');
      const { oracle } = await import('fluxor-db/oracle');
      const drivers = [postgres(), pglite(), mysql(), oracle({ url: 'oracle://app@localhost/shop' })];
      const runtimes = drivers.map((driver) => createRuntime({ driver }));
      console.log('nothing loaded');
      for (const db of runtimes) await db.connect().catch((error) => console.log(error.cause.message));`;
    const { stdout } = await project.run('lazy.mjs', code);
    for (const peer of PEERS) project.removePackage(peer);
    const refusals = PEERS.flatMap((peer) => [`loaded ${peer}`, 'not the real one']);
    expect(stdout.trim().split('\n')).toEqual(['nothing loaded', ...refusals]);
  });

  it('that cannot be loaded say so with every attempt, as an error of the house with nothing sent', async () => {
    const broken = `throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });`;
    for (const peer of PEERS) project.addPackage(peer, broken);
    const code = `
      import { createRuntime, isFluxorError } from 'fluxor-db';
      import { postgres } from 'fluxor-db/postgres';
      import { pglite } from 'fluxor-db/pglite';
      import { mysql } from 'fluxor-db/mysql';
      import { oracle } from 'fluxor-db/oracle';
      const tell = (e) => console.log(isFluxorError(e), e.name, e.code, e.reason, e.outcome, e.retryable, e.vendorCode);
      const drivers = [postgres(), pglite(), mysql(), oracle({ url: 'oracle://app@localhost/shop' })];
      for (const driver of drivers) {
        const db = createRuntime({ driver });
        await db.connect().catch(tell);
        await db.query('select 1').catch(tell);
        await db.disconnect();
      }`;
    const { stdout, stderr } = await project.run('broken.mjs', code);
    for (const peer of PEERS) project.removePackage(peer);
    const told = 'true ConnectionError CONNECTION local-resources not-sent false EMFILE';
    expect({ told: stdout.trim().split('\n'), stderr }).toEqual({
      told: PEERS.flatMap(() => [told, told]),
      stderr: '',
    });
  });

  it('bring only their own files along with the front door', async () => {
    const code = `
      import { register } from 'node:module';
      const hook = "export async function resolve(s, c, next) { const r = await next(s, c); console.log(r.url); return r; }";
      register('data:text/javascript,' + encodeURIComponent(hook));
      await import('fluxor-db');`;
    const { stdout } = await project.run('resolved.mjs', code);
    const urls = stdout
      .trim()
      .split('\n')
      .filter((url) => url.startsWith('file:'));
    expect(urls.some((url) => url.endsWith('fluxor-db/dist/index.js'))).toBe(true);
    expect(urls.filter((url) => !url.includes('/node_modules/fluxor-db/dist/'))).toEqual([]);
    const sources = urls.flatMap((url) => {
      const path = url.slice(url.indexOf('/node_modules/fluxor-db/') + '/node_modules/fluxor-db/'.length);
      return [...project.sourcesOf(path).keys()];
    });
    expect(sources).toContain('runtime/road.ts');
    expect(sources.filter((source) => /^(driver\/.+\/|testing\/)/.test(source))).toEqual([]);
  });

  it('load none of what Node loads slowly along with any door but the one for tests', async () => {
    const code = `
      const before = new Set(process.moduleLoadList);
      ${DOORS.map((door) => `await import('${door}');`).join('\n')}
      console.log(JSON.stringify(process.moduleLoadList.filter((name) => !before.has(name))));`;
    const { stdout } = await project.run('loaded.mjs', code);
    const slow = /^NativeModule (crypto|tls|net|http|perf_hooks|stream|worker_threads|dns)$/;
    expect((JSON.parse(stdout) as string[]).filter((name) => slow.test(name))).toEqual([]);
  });

  const connecting = (url: string) => `
      import { connect } from 'fluxor-db';
      await connect('${url}').catch(({ code, message }) => console.log(JSON.stringify({ code, message })));`;

  it.each([
    ['postgres://localhost/shop', 'pg'],
    ['pglite:', '@electric-sql/pglite'],
  ])('%s without its package names the command to install it', async (url, peer) => {
    const { stdout } = await project.run('missing.mjs', connecting(url));
    const message = `The package '${peer}' is not installed. Install it with: npm install ${peer}`;
    expect(JSON.parse(stdout)).toEqual({ code: 'DRIVER_MISSING', message });
  });

  it.each([
    ['mysql://localhost/shop', 'mysql2', 'mariadb'],
    ['mariadb://localhost/shop', 'mariadb', 'mysql2'],
  ])('%s without either of its packages names both', async (url, wanted, other) => {
    const { stdout, stderr } = await project.run('missing.mjs', connecting(url));
    const { code, message } = JSON.parse(stdout) as { code: string; message: string };
    expect(code).toBe('DRIVER_MISSING');
    expect(message).toContain(`npm install ${wanted}, or npm install ${other}`);
    expect(stderr).not.toContain('FLUXOR_OTHER_DRIVER');
  });

  it.each([
    ['mysql://localhost/shop', 'mysql2', 'mariadb'],
    ['mariadb://localhost/shop', 'mariadb', 'mysql2'],
  ])('%s with the other package only takes that one, and the process warns of it', async (url, wanted, other) => {
    project.addPackage(other, `exports.createConnection = () => { throw new Error('${other} was asked'); };`);
    // What is loaded of mariadb is not its main entry.
    const entries = { '.': './index.cjs', './callback': './index.cjs' };
    project.write(`node_modules/${other}/package.json`, JSON.stringify({ name: other, exports: entries }));
    const { stdout, stderr } = await project.run('other.mjs', connecting(url));
    project.removePackage(other);
    expect(stderr).toContain(
      `[FLUXOR_OTHER_DRIVER] Warning: fluxor-db: '${wanted}' is not installed, and '${other}' takes its place`,
    );
    expect((JSON.parse(stdout) as { code: string }).code).not.toBe('DRIVER_MISSING');
  });
});
