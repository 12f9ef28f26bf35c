/**
 * `npm run bench`: installs the peers when they are missing, compiles the sources and the benches as the package is
 * compiled, and runs one bench after the other. `-- pool-cycle` runs one; `-- --check` compares with the goals and ends
 * with 1 when one does not hold. Ctrl-C stops it: everything it started goes with it.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const build = join(folder, '.build');
const require = createRequire(import.meta.url);

/** What runs when nothing is named, and what must be named. */
const BENCHES = ['pool-cycle', 'spike', 'waiters', 'guards', 'stream', 'batch'];
const TOOLS = ['profile', 'guards-profile'];

const isOption = (argument) => argument.startsWith('-');
const named = process.argv.slice(2).filter((argument) => !isOption(argument));
const options = process.argv.slice(2).filter(isOption);
const unknown = named.filter((name) => ![...BENCHES, ...TOOLS].includes(name));
if (unknown.length > 0) {
  console.error(`There is no bench ${unknown.join(', ')}; there are ${[...BENCHES, ...TOOLS].join(', ')}.`);
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

const run = (command, args, cwd = folder) =>
  new Promise((resolve) => {
    const env = { ...process.env, FLUXOR_BENCH_FOLDER: folder };
    // `npm` is a script on Windows, which only a shell can start; its arguments are fixed.
    child = spawn(command, args, {
      cwd,
      env,
      stdio: 'inherit',
      shell: command === 'npm' && process.platform === 'win32',
    });
    child.on('error', (error) => {
      console.error(`${command}: ${error.message}`);
      resolve(1);
    });
    child.on('exit', (code) => resolve(code ?? 1));
  });

const { devDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
const isInstalled = Object.keys(devDependencies).every((name) => existsSync(join(folder, 'node_modules', name)));
const isReady = isInstalled || (await run('npm', ['ci'])) === 0;
if (!isReady) end(1);

rmSync(build, { recursive: true, force: true });
const tsc = require.resolve('typescript/bin/tsc');
if (stoppedBy === undefined && (await run(process.execPath, [tsc, '-p', 'tsconfig.json'])) !== 0) end(1);

let failures = 0;
for (const name of named.length > 0 ? named : BENCHES) {
  if (stoppedBy !== undefined) break;
  if ((await run(process.execPath, [join(build, 'bench', `${name}.js`), ...options])) !== 0) failures += 1;
}
end(failures > 0 ? 1 : 0);

function end(code) {
  process.exit(stoppedBy === undefined ? code : 130);
}
