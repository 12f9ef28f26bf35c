/**
 * `npm run bench`: installs the peers when they are missing, compiles the sources and the benches as the package is
 * compiled, and runs one bench after the other. `-- points` runs one; `-- --check` compares with the goals and ends with 1
 * when one does not hold; `-- --node=latest` runs them under another Node. Ctrl-C stops it: everything it started goes with it.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const build = join(folder, '.build');
const results = join(folder, 'results');
const require = createRequire(import.meta.url);
/** `npm` is a script on Windows, which only a shell can start; its arguments are fixed. */
const shell = process.platform === 'win32';

/** What runs when nothing is named, in the order of the goals, and what must be named. */
const BENCHES = [
  'guards',
  'observe',
  'pool-cycle',
  'points',
  'mysql-points',
  'oracle',
  'mixed',
  'batch',
  'stream',
  'overload',
  'growth',
].concat(['start', 'spike', 'waiters']);
const TOOLS = ['page', 'profile', 'guards-profile'];

const { named, options, node: wantedNode } = readWords(process.argv.slice(2));
const all = [...BENCHES, ...TOOLS];
const unknown = named.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`There is no bench ${unknown.join(', ')}; there are ${all.join(', ')}.`);
  process.exit(2);
}

let child;
let stoppedBy;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    stoppedBy = signal;
    child?.kill(signal);
  });
}

const { devDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
const isReady = Object.entries(devDependencies).every(isInstalled) || (await run('npm', ['ci'])) === 0;
if (!isReady) end(1);

rmSync(build, { recursive: true, force: true });
const tsc = require.resolve('typescript/bin/tsc');
if (stoppedBy === undefined && (await run(process.execPath, [tsc, '-p', 'tsconfig.json'])) !== 0) end(1);
shareServers();

const borrowed = wantedNode === 'latest' && stoppedBy === undefined ? installNewestNode() : undefined;
const node = borrowed?.program ?? (wantedNode === undefined ? process.execPath : resolve(wantedNode));
const startedAt = new Date().toISOString();
let failures = 0;
for (const name of named.length > 0 ? named : BENCHES) {
  if (stoppedBy !== undefined) break;
  if ((await run(node, [join(build, 'bench', `${name}.js`), ...options])) !== 0) failures += 1;
}
borrowed?.remove();
if (named.length !== 1) summarize();
end(failures > 0 ? 1 : 0);

function readWords(words) {
  const read = { named: [], options: [], node: undefined };
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index];
    if (word === '--node') read.node = words[(index += 1)];
    else if (word.startsWith('--node=')) read.node = word.slice('--node='.length);
    else (word.startsWith('-') ? read.options : read.named).push(word);
  }
  return read;
}

function run(command, args) {
  return new Promise((done) => {
    const env = { ...process.env, FLUXOR_BENCH_FOLDER: folder };
    child = spawn(command, args, { cwd: folder, env, stdio: 'inherit', shell: shell && command === 'npm' });
    child.on('error', (error) => {
      console.error(`${command}: ${error.message}`);
      done(1);
    });
    child.on('exit', (code) => done(code ?? 1));
  });
}

/** In the version that package.json asks for: an old one would be measured under the wrong name. */
function isInstalled([name, version]) {
  const manifest = join(folder, 'node_modules', name, 'package.json');
  return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === version;
}

/** The programs of servers that the tests have downloaded, which are looked for beside the compiled helpers. */
function shareServers() {
  const cache = join(folder, '..', 'node_modules', '.cache', 'fluxor-servers');
  const here = join(build, 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  mkdirSync(here, { recursive: true });
  symlinkSync(cache, join(here, 'fluxor-servers'), 'junction');
}

/** The newest Node of npm's package `node`, whose install script npm has to be allowed to run; in a folder of its own. */
function installNewestNode() {
  const place = mkdtempSync(join(tmpdir(), 'fluxor-bench-node-'));
  const remove = () => rmSync(place, { recursive: true, force: true });
  try {
    writeFileSync(join(place, 'package.json'), '{ "private": true, "allowScripts": { "node": true } }');
    const words = ['install', 'node@latest', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
    execFileSync('npm', words, { cwd: place, stdio: 'inherit', shell });
    const manifest = join(place, 'node_modules', 'node', 'package.json');
    const { bin } = JSON.parse(readFileSync(manifest, 'utf8'));
    const program = join(manifest, '..', bin.node);
    console.log(`Node ${execFileSync(program, ['--version'], { encoding: 'utf8' }).trim()}, of npm's package node`);
    return { program, remove };
  } catch (error) {
    remove();
    console.error(`The newest Node can't be had: ${error.message}`);
    return end(1);
  }
}

/** What held in this run, bench by bench. */
function summarize() {
  const files = existsSync(results) ? readdirSync(results).filter((name) => name.endsWith('.json')) : [];
  const reports = files
    .map((name) => JSON.parse(readFileSync(join(results, name), 'utf8')))
    .filter(({ at, goals }) => at >= startedAt && goals.length > 0)
    .sort((a, b) => (a.at < b.at ? -1 : 1));
  if (reports.length === 0) return;
  console.log('\nAll goals');
  for (const { bench, claim, goals } of reports) {
    const broken = goals.filter(({ holds, isNote }) => !holds && isNote !== true);
    console.log(`  ${broken.length === 0 ? '✓' : '✗'} ${claim} ${bench}`);
    for (const { name, is, atLeast, atMost } of broken) {
      console.log(`      ${name}: ${is.toFixed(2)} (goal ${atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`})`);
    }
  }
}

function end(code) {
  process.exit(stoppedBy === undefined ? code : 130);
}
