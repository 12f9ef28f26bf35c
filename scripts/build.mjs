/**
 * Builds dist/ from scratch: one module for each door and a few that doors share, because loading a file for each source
 * takes Node four times as long as loading these (docs/decisions/0026).
 *
 * tsc checks the sources and writes the declarations, one for each source that a door's declarations lead to. Rollup puts
 * together what tsc makes of each source, and esbuild takes out of it what only people need. Invariants: all that the front
 * door needs is in `core.js`, with the kernel; every other door takes from it what it has in common with the front door, so
 * that a class is the same class behind all of them; no database loads what is another's; what is imported on demand (doors by
 * `connect()`, client libraries) stays so; the maps carry the TypeScript, and lead to it.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';
import { rollup } from 'rollup';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
const [src, dist] = [join(root, 'src'), join(root, 'dist')];
const config = 'tsconfig.build.json';
const { exports, bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
/** From src/ on, without an ending: `index`, `driver/postgres/index`. */
const doors = Object.values(exports)
  .filter((door) => door.default !== undefined)
  .map((door) => nameOf(door.default));
/** What people run. It is behind no door, so it has no declarations. */
const programs = Object.values(bin).map(nameOf);

rmSync(dist, { recursive: true, force: true });
execFileSync(process.execPath, [createRequire(import.meta.url).resolve('typescript/bin/tsc'), '-p', config], {
  cwd: root,
  stdio: 'inherit',
});
removeUnreachableDeclarations();
await bundle();
for (const program of programs) chmodSync(join(dist, `${program}.js`), 0o755);

function nameOf(path) {
  return path.replace(/^\.\/dist\/|\.js$/g, '');
}

/** What no door's types mention is nobody's business, and would be a third of the package. */
function removeUnreachableDeclarations() {
  const reached = new Set();
  const visit = (path) => {
    if (reached.has(path)) return;
    reached.add(path);
    for (const { fileName } of ts.preProcessFile(readFileSync(path, 'utf8'), true, true).importedFiles) {
      if (fileName.startsWith('.')) visit(resolve(dirname(path), fileName.replace(/\.js$/, '.d.ts')));
    }
  };
  for (const door of doors) visit(join(dist, `${door}.d.ts`));
  for (const name of readdirSync(dist, { recursive: true })) {
    const path = join(dist, name);
    if (name.endsWith('.d.ts') && !reached.has(path)) rmSync(path);
  }
}

async function bundle() {
  const bundled = await rollup({
    input: Object.fromEntries([...doors, ...programs].map((name) => [name, join(src, `${name}.ts`)])),
    external: (specifier) => !/^[./]/.test(specifier) && !specifier.startsWith(src),
    // As package.json says.
    treeshake: { moduleSideEffects: false },
    plugins: [typescript()],
    onwarn: ({ code, message }) => {
      // tsc's helper for `using` asks for `this`, and does without.
      if (code !== 'THIS_IS_UNDEFINED') throw new Error(message);
    },
  });
  let core;
  await bundled.write({
    dir: dist,
    format: 'es',
    sourcemap: true,
    // Readers come here.
    minifyInternalExports: false,
    chunkFileNames: '[name].js',
    banner: ({ name }) => (programs.includes(name) ? '#!/usr/bin/env node' : ''),
    plugins: [tight()],
    manualChunks: (id, { getModuleInfo }) => {
      core ??= closureOf(join(src, 'index.ts'), getModuleInfo);
      const room = relative(src, dirname(id)).replaceAll('\\', '/');
      // What doors have of the kernel beyond that would go with the first driver that has it, and load that with all others.
      if (core.has(id) || room === 'kernel') return 'core';
      // What drivers share goes by the name of its room; else it would have the name of one file of many.
      return ['driver', 'driver/mysql-server'].includes(room) ? `${room}/shared` : undefined;
    },
  });
  await bundled.close();
}

/** What a module imports and is there at once, itself not counted. */
function closureOf(door, getModuleInfo) {
  const found = new Set();
  const visit = (id) => {
    for (const next of getModuleInfo(id).importedIds) {
      if (found.has(next) || !next.startsWith(src)) continue;
      found.add(next);
      visit(next);
    }
  };
  visit(door);
  return found;
}

/** Each source as tsc compiles it, without its comments: they are in the maps, and would double what Node has to read. */
function typescript() {
  const read = ts.readConfigFile(join(root, config), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(read.config, ts.sys, root);
  const compilerOptions = {
    ...options,
    declaration: false,
    emitDeclarationOnly: false,
    // Asked about one file, `NodeNext` cannot know that it is an ES module.
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    removeComments: true,
    sourceMap: true,
  };
  return {
    name: 'typescript',
    resolveId: (specifier, importer) =>
      specifier.startsWith('.') && importer !== undefined
        ? resolve(dirname(importer), specifier.replace(/\.js$/, '.ts'))
        : null,
    load(id) {
      const text = readFileSync(id, 'utf8');
      const { outputText, sourceMapText } = ts.transpileModule(text, { fileName: id, compilerOptions });
      const map = { ...JSON.parse(sourceMapText), sources: [id], sourcesContent: [text] };
      return { code: outputText.replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n'), map };
    },
  };
}

/**
 * What Node reads before anything runs, without what only people need: spaces, and the names inside functions. In ASCII, but
 * for what regular expressions look for: one character beyond it makes V8 hold and read the whole file in two bytes each.
 * Classes, functions and methods keep their names, which errors, inspected values and stack traces show; lines are short, so
 * that a place says something without maps too.
 */
function tight() {
  return {
    name: 'tight',
    async renderChunk(code, { fileName }) {
      const { statements } = ts.createSourceFile(fileName, code, ts.ScriptTarget.Latest, true);
      const own = statements.filter((each) => !ts.isImportDeclaration(each) && !ts.isExportDeclaration(each));
      if (own.length === 0) return null;
      const [start, end] = [own[0].getStart(), own.at(-1).end];
      const [head, body, tail] = [code.slice(0, start), code.slice(start, end), code.slice(end)];
      // Of what it takes for a script, esbuild leaves the outermost names alone. Of a module it would not.
      if (ts.isExternalModule(ts.createSourceFile(fileName, body, ts.ScriptTarget.Latest))) {
        throw new Error(`${fileName} has an import or export that is neither at its beginning nor at its end`);
      }
      const tightened = await transform(head.replaceAll(/[^\n]/g, '') + body, {
        sourcefile: fileName,
        sourcemap: 'external',
        sourcesContent: false,
        target: 'node20',
        charset: 'ascii',
        minify: true,
        lineLimit: 120,
      });
      const map = JSON.parse(tightened.map);
      map.mappings = ';'.repeat(head.split('\n').length - 1) + map.mappings;
      return { code: head + tightened.code + tail.trimStart(), map };
    },
  };
}
