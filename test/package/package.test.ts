/** What npm would ship: nothing too much, nothing missing, and it works where it is installed. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { publint } from 'publint';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSources, ROOT } from '../source-tree.js';
import { execute, PackedProject } from './packed-project.js';

const DOORS = [
  'fluxor-db',
  'fluxor-db/postgres',
  'fluxor-db/pglite',
  'fluxor-db/mysql',
  'fluxor-db/mariadb',
  'fluxor-db/oracle',
  'fluxor-db/otel',
  'fluxor-db/prometheus',
  'fluxor-db/testing',
] as const;
const PEERS = ['pg', '@electric-sql/pglite', 'mysql2', 'mariadb', 'oracledb', 'prom-client', '@opentelemetry/api'];

let project: PackedProject;
beforeAll(async () => {
  project = await PackedProject.make();
  // One door is of no use without its peer, and loads it at once.
  project.linkPackage('@opentelemetry/api');
});
afterAll(() => project?.remove());

const readInstalled = (path: string): string => project.read(path);
const parse = (path: string): ts.SourceFile =>
  ts.createSourceFile(path, readInstalled(path), ts.ScriptTarget.Latest, true);
const filesOf = (ending: string): string[] => project.files.filter((path) => path.endsWith(ending));

describe('the tarball', () => {
  it('has the doors, what they lead to, and the papers', () => {
    const entries = project.doors();
    expect(entries.length).toBe(DOORS.length);
    const modules = project.reachedFrom([...entries.map(({ code }) => code), ...project.programs], (path) => path);
    const declarations = project.reachedFrom(
      entries.map(({ types }) => types),
      (path) => path.replace(/\.js$/, '.d.ts'),
    );
    const papers = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'];
    const dashboards = ['dashboards/alerts.yml', 'dashboards/fluxor.json'];
    const maps = modules.map((path) => `${path}.map`);
    expect(project.files).toEqual([...modules, ...maps, ...declarations, ...papers, ...dashboards].sort());
  });

  it('has declarations of sources only, none of them a test', () => {
    const sources = new Set(readSources().map(({ path }) => path));
    const strange = filesOf('.d.ts').filter(
      (path) => !sources.has(path.replace(/^dist\//, '').replace(/\.d\.ts$/, '.ts')),
    );
    expect(strange).toEqual([]);
  });

  it('names no folder of the machine it was built on', () => {
    const telling = project.files.filter((path) =>
      [ROOT, project.folder].some((folder) => readInstalled(path).includes(folder)),
    );
    expect(telling).toEqual([]);
  });

  it('has no complaint of publint', async () => {
    const { messages } = await publint({ pkgDir: project.installed, strict: true });
    expect(messages).toEqual([]);
  });

  it('has no complaint of attw for ESM', async () => {
    const cli = join(ROOT, 'node_modules', '@arethetypeswrong', 'cli', 'dist', 'index.js');
    const options = ['--profile', 'esm-only', '--no-definitely-typed', '--format', 'json'];
    const { code, stdout } = await execute(process.execPath, [cli, project.tarball, ...options], ROOT);
    const { analysis } = JSON.parse(stdout) as { analysis: { problems: { resolutionKind?: string }[] } };
    // `node16-cjs` is what `require()` of an ES module looks like to TypeScript; the profile leaves it out, and so do we.
    const problems = analysis.problems.filter(
      ({ resolutionKind }) => !['node10', 'node16-cjs'].includes(resolutionKind ?? ''),
    );
    expect(problems).toEqual([]);
    expect(code).toBe(0);
  });

  it('needs nothing at run time', () => {
    const { dependencies, optionalDependencies, bundledDependencies, scripts, peerDependencies, peerDependenciesMeta } =
      JSON.parse(readInstalled('package.json')) as Record<string, Record<string, unknown> | undefined>;
    expect([dependencies, optionalDependencies, bundledDependencies]).toEqual([undefined, undefined, undefined]);
    expect(Object.keys(scripts ?? {}).filter((name) => /^(pre|post)?install$/.test(name))).toEqual([]);
    expect(Object.keys(peerDependencies ?? {}).sort()).toEqual([...PEERS].sort());
    for (const peer of PEERS) expect(peerDependenciesMeta?.[peer]).toEqual({ optional: true });
    // The first is linked above.
    expect(project.packages).toEqual(['@opentelemetry', 'fluxor-db']);
  });
});

describe('the declarations', () => {
  it('mention no other package, but for the interface that the door to OpenTelemetry is for', () => {
    const foreign = filesOf('.d.ts').flatMap((path) =>
      ts
        .preProcessFile(readInstalled(path), true, true)
        .importedFiles.map(({ fileName }) => fileName)
        .filter((specifier) => !/^(\.|node:)/.test(specifier))
        .map((specifier) => `${path}: ${specifier}`),
    );
    expect(foreign).toEqual(['dist/extensions/otel/otel-options.d.ts: @opentelemetry/api']);
  });

  it('say `any` nowhere', () => {
    expect(
      filesOf('.d.ts').flatMap((path) => linesWith(path, (node) => node.kind === ts.SyntaxKind.AnyKeyword)),
    ).toEqual([]);
  });

  it('compile in a strict project that checks its libraries', async () => {
    const code = `
      import { connect, createRuntime, sql } from 'fluxor-db';
      import { postgres } from 'fluxor-db/postgres';
      import { pglite } from 'fluxor-db/pglite';
      import { fakeClock } from 'fluxor-db/testing';
      export const first = createRuntime({ driver: postgres({ url: 'postgres://localhost' }), clock: fakeClock() });
      export const second = createRuntime({ driver: pglite() });
      await using db = await connect('pglite:');
      export const names: { name: string }[] = await db.query(sql<{ name: string }>\`select 1\`);`;
    const types = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules', '@types')];
    const strictness = ['--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false', '--noEmit'];
    const target = ['--target', 'es2022', '--module', 'nodenext'];
    project.write('consumer.ts', code);
    const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
    const { stdout } = await execute(
      process.execPath,
      [tsc, ...target, ...strictness, ...types, 'consumer.ts'],
      project.root,
    );
    expect(stdout).toBe('');
  });
});

describe('the modules', () => {
  it('have no top-level await, which `require()` could not take', () => {
    const isAwait = (node: ts.Node): boolean =>
      ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier !== undefined);
    expect(filesOf('.js').flatMap((path) => linesWith(path, isAwait, ts.isFunctionLike))).toEqual([]);
  });

  it('have maps that carry their sources, each of them in one module only and none of them a test', () => {
    const sources = new Map(readSources().map(({ path, text }) => [path, text]));
    const seen: string[] = [];
    for (const path of filesOf('.js')) {
      for (const [source, text] of project.sourcesOf(path)) {
        expect(text === sources.get(source), `${path}: ${source}`).toBe(true);
        seen.push(source);
      }
    }
    // In two modules a class would be two classes.
    expect(seen.filter((source, index) => seen.indexOf(source) !== index)).toEqual([]);
    expect(seen).toEqual(expect.arrayContaining(['runtime/road.ts', 'pool/pool.ts', 'driver/postgres/postgres.ts']));
  });

  it('lead a stack trace to the source, line and column, and name its functions without maps too', async () => {
    const code = `
      import { createRuntime } from 'fluxor-db';
      try { createRuntime({}); } catch (error) { console.log(error.stack); }`;
    project.write('stack.mjs', code);
    const { stdout } = await execute(process.execPath, ['--enable-source-maps', 'stack.mjs'], project.root);
    const places = [...stdout.matchAll(/[\\/]src[\\/]([\w\\/-]+\.ts):(\d+):(\d+)/g)];
    expect(places.length).toBeGreaterThan(1);
    for (const [place, path = '', line] of places) {
      const source = readSources().find((each) => each.path === path.replaceAll('\\', '/'));
      // Where an error is made, or a function called.
      expect(source?.text.split('\n')[Number(line) - 1], place).toMatch(/\bnew |\(/);
    }
    const { stdout: plain } = await project.run('stack.mjs', code);
    expect(plain).toMatch(/at ConfigError\.fromIssues .*\n +at resolveConfig .*\n +at (Module\.)?createRuntime /);
  });

  it('of the front door are two, of one byte a character', () => {
    expect(readInstalled('dist/core.js')).not.toMatch(/\P{ASCII}/u);
    const taken = ['dist/index.js', 'dist/core.js'].flatMap((path) => project.importedAtOnce(path));
    expect([...new Set(taken)].sort()).toEqual(['./core.js', 'node:async_hooks', 'node:diagnostics_channel']);
  });

  it('of one database bring nothing of another, and the front door brings nothing of any', () => {
    const broughtBy = (path: string): string[] => {
      const modules = project.reachedFrom([path], (imported) => imported, 'at once');
      const sources = modules.flatMap((module) => [...project.sourcesOf(module).keys()]);
      const rooms = sources.map((source) => /^driver\/([^/]+)\//.exec(source)?.[1] ?? 'none');
      return [...new Set(rooms)].filter((room) => room !== 'none').sort();
    };
    expect(broughtBy('dist/index.js')).toEqual([]);
    const doors = ['postgres', 'pglite', 'mysql', 'mariadb'].map((name) => broughtBy(`dist/driver/${name}/index.js`));
    expect(doors).toEqual([
      ['postgres'],
      ['pglite', 'postgres'],
      ['mysql', 'mysql-server'],
      ['mariadb', 'mysql-server'],
    ]);
  });

  it('keep the names of classes, which errors and inspected values show', async () => {
    const lines = DOORS.map((door) => `...Object.entries(await import('${door}'))`);
    const code = `
      const all = [${lines.join(', ')}].filter(([, value]) => /^class\\b/.test(String(value)));
      console.log(JSON.stringify(all.map(([name, { name: own }]) => [name, own])));`;
    const { stdout } = await project.run('classes.mjs', code);
    const classes = JSON.parse(stdout) as [string, string][];
    expect(classes.length).toBeGreaterThan(15);
    // `DBError` is another name of FluxorError.
    expect(classes.filter(([name, own]) => name !== own)).toEqual([['DBError', 'FluxorError']]);
  });

  it('keep the names of errors where somebody bundles and minifies them', async () => {
    const code = `
      import * as fluxor from 'fluxor-db';
      import { postgres } from 'fluxor-db/postgres';
      class QueryError extends fluxor.QueryError {}
      const errors = Object.entries(fluxor).filter(([, value]) => value.prototype instanceof Error);
      const seen = errors.map(([name, Class]) => [name, Reflect.construct(Error, ['x'], Class).name]);
      let told;
      try { postgres({ nonsense: true }); } catch (error) {
        const { ConfigError, TimeoutError, FluxorError } = fluxor;
        told = [ConfigError, FluxorError, Error, TimeoutError].map((each) => error instanceof each);
        told.push(error.name, error.toJSON().name, error.stack.split(':')[0], new QueryError('syntax', 'x') instanceof fluxor.QueryError);
      }
      console.log(JSON.stringify({ seen, told, renamed: errors.some(([, each]) => !/^class \\w+Error\\b/.test(String(each))) }));`;
    project.write('bundled-entry.mjs', code);
    const esbuild = createRequire(import.meta.url).resolve('esbuild/bin/esbuild');
    const options = ['--bundle', '--minify', '--platform=node', '--format=esm', '--outfile=bundled.mjs'];
    const externals = PEERS.map((peer) => `--external:${peer}`);
    const { code: built, stderr } = await execute(
      process.execPath,
      [esbuild, 'bundled-entry.mjs', ...options, ...externals],
      project.root,
    );
    expect(built, stderr).toBe(0);
    const { stdout } = await execute(process.execPath, ['bundled.mjs'], project.root);
    const { seen, told, renamed } = JSON.parse(stdout) as {
      seen: [string, string][];
      told: unknown[];
      renamed: boolean;
    };
    // Else this would say nothing.
    expect(renamed).toBe(true);
    expect(seen.length).toBeGreaterThan(9);
    expect(seen.filter(([name, own]) => name !== own)).toEqual([['DBError', 'FluxorError']]);
    expect(told).toEqual([true, true, true, false, 'ConfigError', 'ConfigError', 'ConfigError', true]);
  });

  it('share their classes: an error of any door is one of the front door', async () => {
    // What `openTelemetry()` is given first is a runtime.
    const [, ...others] = DOORS.filter((door) => door !== 'fluxor-db/testing' && door !== 'fluxor-db/otel');
    const tries = others.map(
      (door) => `
      try { (await import('${door}')).${door.split('/')[1]}({ nonsense: true }); }
      catch (error) { console.log(error.name, error instanceof ConfigError, error instanceof FluxorError); }`,
    );
    const code = `import { ConfigError, FluxorError } from 'fluxor-db';${tries.join('')}`;
    const { stdout } = await project.run('shared.mjs', code);
    expect(stdout.trim().split('\n')).toEqual(others.map(() => 'ConfigError true true'));
  });

  it('export exactly these names', async () => {
    const lines = DOORS.map((door) => `['${door}', Object.keys(await import('${door}')).sort()]`);
    const { stdout } = await project.run(
      'names.mjs',
      `console.log(JSON.stringify(Object.fromEntries([${lines.join(', ')}])));`,
    );
    expect(JSON.parse(stdout)).toMatchInlineSnapshot(`
      {
        "fluxor-db": [
          "CancelledError",
          "CircuitBreaker",
          "ConfigBuilder",
          "ConfigError",
          "ConnectionError",
          "ConnectionLimiter",
          "ConstraintError",
          "DBError",
          "ERROR_CATALOGUE",
          "FluxorError",
          "METRICS",
          "Monitor",
          "OutcomeUnknownError",
          "QueryError",
          "RateLimiter",
          "RejectedError",
          "RetryPolicy",
          "SESSION_EFFECTS",
          "TimeoutError",
          "TransactionError",
          "UsageError",
          "classify",
          "configFromEnv",
          "connect",
          "createRuntime",
          "describeConfig",
          "explainConfig",
          "fingerprint",
          "isFluxorError",
          "presets",
          "sharedRuntime",
          "sql",
          "summarise",
        ],
        "fluxor-db/mariadb": [
          "mariadb",
        ],
        "fluxor-db/mysql": [
          "mysql",
        ],
        "fluxor-db/oracle": [
          "bind",
          "inOut",
          "oracle",
          "out",
        ],
        "fluxor-db/otel": [
          "openTelemetry",
        ],
        "fluxor-db/pglite": [
          "pglite",
        ],
        "fluxor-db/postgres": [
          "postgres",
        ],
        "fluxor-db/prometheus": [
          "prometheus",
        ],
        "fluxor-db/testing": [
          "FakeClock",
          "TcpProxy",
          "fakeClock",
          "startTcpProxy",
        ],
      }
    `);
  });

  it('can be required', async () => {
    const code = `const { createRuntime, sql } = require('fluxor-db'); const { postgres } = require('fluxor-db/postgres');
      console.log(createRuntime({ driver: postgres() }).state, String(sql\`select \${1}\`));`;
    const { stdout, code: exit } = await project.run('required.cjs', code);
    expect({ stdout: stdout.trim(), exit }).toEqual({ stdout: 'idle Sql(select ?)', exit: 0 });
  });

  it('cannot be reached past the doors', async () => {
    const { stdout } = await project.run(
      'past.mjs',
      `await import('fluxor-db/dist/pool/pool.js').catch((e) => console.log(e.code));`,
    );
    expect(stdout.trim()).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });
});

/** Places where a node is found, not looked for inside what `isClosed` says. */
function linesWith(
  path: string,
  isFound: (node: ts.Node) => boolean,
  isClosed: (node: ts.Node) => boolean = () => false,
): string[] {
  const tree = parse(path);
  const places: string[] = [];
  const visit = (node: ts.Node): void => {
    if (isFound(node)) places.push(`${path}:${tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`);
    if (!isClosed(node)) ts.forEachChild(node, visit);
  };
  visit(tree);
  return places;
}
