/** Ours as npm would ship it, built and installed in a folder of its own: neither dist/ nor node_modules here are touched. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BENCH_FOLDER } from './folder.js';

const ROOT = join(BENCH_FOLDER, '..');
const SOURCES = ['package.json', 'README.md', 'CHANGELOG.md', 'LICENSE', 'src', 'scripts', 'tsconfig.json'];
/** Nothing is fetched: there are no dependencies, and the drivers are optional. */
const QUIETLY = [
  '--ignore-scripts',
  '--offline',
  '--no-audit',
  '--no-fund',
  '--no-update-notifier',
  '--loglevel=error',
];

export interface InstalledProject {
  /** With node_modules in it. */
  readonly folder: string;
  remove(): void;
}

export function installPacked(): InstalledProject {
  const folder = mkdtempSync(join(tmpdir(), 'fluxor-bench-'));
  const [source, project] = [join(folder, 'source'), join(folder, 'project')];
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    mkdirSync(source);
    mkdirSync(project);
    for (const path of [...SOURCES, 'tsconfig.build.json']) {
      cpSync(join(ROOT, path), join(source, path), { recursive: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(source, 'node_modules'), 'junction');
    execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: source, stdio: ['ignore', 'inherit', 'inherit'] });
    const packed = npm(['pack', '--json', '--pack-destination', folder, ...QUIETLY], source);
    const [{ filename } = { filename: '' }] = JSON.parse(packed) as { readonly filename: string }[];
    writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
    npm(['install', join(folder, filename), ...QUIETLY], project);
    return { folder: project, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

function npm(args: readonly string[], cwd: string): string {
  // `npm` is a script on Windows, which only a shell can start; its arguments are fixed.
  return execFileSync('npm', [...args], { cwd, encoding: 'utf8', shell: process.platform === 'win32' });
}
