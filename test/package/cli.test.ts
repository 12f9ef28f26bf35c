/** The program `fluxor` where the package is installed: it can be run by its name, and does without what is not installed. */
import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Output } from './packed-project.js';
import { execute, PackedProject } from './packed-project.js';

let project: PackedProject;
beforeAll(async () => {
  project = await PackedProject.make();
});
afterAll(() => project?.remove());

/** As npx does where nothing may be downloaded. */
const npx = (...args: string[]): Promise<Output> =>
  execute('npm', ['exec', '--offline', '--no-update-notifier', '--', 'fluxor', ...args], project.root);

describe('the program', () => {
  it('can be run by npx, and tells the version of its package', async () => {
    const { version } = JSON.parse(project.read('package.json')) as { version: string };
    expect(await npx('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('begins with the line that finds Node, and may be executed', () => {
    const [program = ''] = project.programs;
    const path = join(project.installed, program);
    expect(readFileSync(path, 'utf8').startsWith('#!/usr/bin/env node\n')).toBe(true);
    accessSync(path, constants.X_OK);
  });

  it('needs no client library for what needs no connection', async () => {
    const { code, stdout } = await npx('config', 'mysql://app:canary@db.example/shop', '--no-color');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^driver +mysql \(mysql:\/\/app@db\.example:3306\/shop\) +url$/m);
  });

  it.each([
    ['postgres', 'npm install pg'],
    ['pglite', 'npm install @electric-sql/pglite'],
    ['mysql', 'npm install mysql2, or npm install mariadb'],
    ['oracle', 'npm install oracledb'],
  ])('says how to install what %s needs', async (scheme, command) => {
    const url = scheme === 'pglite' ? 'pglite:' : `${scheme}://app:canary@127.0.0.1:1/shop`;
    const { code, stdout, stderr } = await npx('ping', url);
    expect([code, stderr]).toEqual([1, '']);
    expect(stdout).toContain(`install it: ${command}`);
    expect(stdout).toContain('DRIVER_MISSING');
    expect(stdout).not.toMatch(/canary|\n\s+at /);
  });

  it('brings nothing into the front door that is only its own', () => {
    const own = [...project.sourcesOf('dist/core.js').keys()].filter((path) => path.startsWith('cli/'));
    expect(own).toEqual([]);
  });
});
