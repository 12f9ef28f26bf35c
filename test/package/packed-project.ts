/**
 * The package as npm would ship it, and a project that has installed it. Built from a copy of the sources in a folder of
 * its own, so that a stale dist/ can neither spoil the result nor be spoiled, and installed without a network: the
 * package has no dependencies.
 */
import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import ts from 'typescript';
import { ROOT } from '../source-tree.js';

const SHIPPED = [
  'package.json',
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  'dashboards',
  'src',
  'scripts',
  'tsconfig.json',
  'tsconfig.build.json',
];

/** As `npm` would look without the settings of the machine's user. */
const NPM = ['--no-audit', '--no-fund', '--no-update-notifier', '--ignore-scripts', '--offline', '--loglevel=error'];

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class PackedProject {
  /** Everything below is gone after `remove()`. */
  readonly folder: string;
  readonly tarball: string;
  /** What is in the tarball, sorted. */
  readonly files: readonly string[];

  static async make(): Promise<PackedProject> {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'fluxor-package-')));
    const source = join(folder, 'source');
    mkdirSync(source);
    for (const path of SHIPPED) cpSync(join(ROOT, path), join(source, path), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(source, 'node_modules'), 'junction');
    await succeed(process.execPath, ['scripts/build.mjs'], source);
    const packed = await succeed('npm', ['pack', '--json', '--pack-destination', folder, ...NPM], source);
    const [{ filename, files }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
    const project = new PackedProject(folder, join(folder, filename), files.map(({ path }) => path).sort());
    await project.install();
    return project;
  }

  private constructor(folder: string, tarball: string, files: readonly string[]) {
    this.folder = folder;
    this.tarball = tarball;
    this.files = files;
  }

  /** The project of a user. */
  get root(): string {
    return join(this.folder, 'user');
  }

  /** Where the package lies in the project of the user. */
  get installed(): string {
    return join(this.root, 'node_modules', 'fluxor-db');
  }

  async install(): Promise<void> {
    mkdirSync(this.root);
    writeFileSync(join(this.root, 'package.json'), '{ "private": true, "type": "module" }');
    await succeed('npm', ['install', this.tarball, ...NPM], this.root);
  }

  /** A file of the package, as it was installed. */
  read(path: string): string {
    return readFileSync(join(this.installed, path), 'utf8');
  }

  /** The files behind each door, as package.json names them. */
  doors(): { readonly code: string; readonly types: string }[] {
    const { exports } = JSON.parse(this.read('package.json')) as { exports: Record<string, unknown> };
    return Object.values(exports)
      .filter((door) => typeof door === 'object')
      .map((door) => {
        const { default: code, types } = door as { default: string; types: string };
        return { code: code.slice('./'.length), types: types.slice('./'.length) };
      });
  }

  /** What it brings for people to run. */
  get programs(): string[] {
    const { bin } = JSON.parse(this.read('package.json')) as { bin: Record<string, string> };
    return Object.values(bin).map((path) => path.slice('./'.length));
  }

  /** These files and, by the imports in them, all that they lead to in the package: on demand too, or at once only. */
  reachedFrom(
    entries: readonly string[],
    fileOf: (imported: string) => string,
    when: 'on demand' | 'at once' = 'on demand',
  ): string[] {
    const reached = new Set<string>();
    const visit = (path: string): void => {
      if (reached.has(path)) return;
      reached.add(path);
      for (const imported of when === 'at once' ? this.importedAtOnce(path) : this.#imported(path)) {
        if (imported.startsWith('.')) visit(fileOf(posix.join(posix.dirname(path), imported)));
      }
    };
    for (const entry of entries) visit(entry);
    return [...reached];
  }

  #imported(path: string): string[] {
    return ts.preProcessFile(this.read(path), true, true).importedFiles.map(({ fileName }) => fileName);
  }

  /** By the imports of a module that are not on demand, as they stand in it. */
  importedAtOnce(path: string): string[] {
    const { statements } = ts.createSourceFile(path, this.read(path), ts.ScriptTarget.Latest);
    return statements.flatMap((statement) =>
      (ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)) && statement.moduleSpecifier
        ? [(statement.moduleSpecifier as ts.StringLiteral).text]
        : [],
    );
  }

  /** What the map of a module carries: the texts of its sources, by their paths from src/ on. */
  sourcesOf(path: string): Map<string, string | null | undefined> {
    const map = JSON.parse(this.read(`${path}.map`)) as { sources: string[]; sourcesContent?: (string | null)[] };
    const places = map.sources.map((source) => posix.join(posix.dirname(path), source).replace(/^src\//, ''));
    return new Map(places.map((place, index) => [place, map.sourcesContent?.[index]]));
  }

  /** Installs a package of one file, which need not be what it is called. */
  addPackage(name: string, code: string): void {
    const folder = join(this.root, 'node_modules', name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, version: '99.0.0', main: 'index.cjs' }));
    writeFileSync(join(folder, 'index.cjs'), code);
  }

  /** The one that this repository has. */
  linkPackage(name: string): void {
    const place = join(this.root, 'node_modules', name);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), place, 'junction');
  }

  removePackage(name: string): void {
    rmSync(join(this.root, 'node_modules', name), { recursive: true, force: true });
  }

  /** Packages that are there, scopes not opened. */
  get packages(): string[] {
    return readdirSync(join(this.root, 'node_modules')).filter((name) => !name.startsWith('.'));
  }

  write(name: string, code: string): void {
    writeFileSync(join(this.root, name), code);
  }

  /** Runs a file in the project of the user: an ES module as `.mjs`, a script as `.cjs`. */
  run(name: string, code: string): Promise<Output> {
    this.write(name, code);
    return execute(process.execPath, [name], this.root);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Runs a program, for at most `timeout` milliseconds. */
export function execute(program: string, args: readonly string[], cwd: string, timeout = 120_000): Promise<Output> {
  const options = {
    cwd,
    timeout,
    maxBuffer: 64 * 1024 * 1024,
    shell: program === 'npm' && process.platform === 'win32',
  };
  return new Promise((resolve) => {
    execFile(program, [...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, stdout, stderr });
    });
  });
}

async function succeed(program: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await execute(program, args, cwd);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${stdout}\n${stderr}`);
  return stdout;
}
