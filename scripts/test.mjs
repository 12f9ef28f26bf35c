/**
 * `npm test`: everything that must hold: build (first, because demo and examples are typed against the built doors),
 * types, lint, format, then all tests (unit, real servers, the package as npm would ship it). Goes on after a failure, so that one run shows
 * everything, and ends with one line for people and machines: `N passed, N failed, N skipped`.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const workFolder = mkdtempSync(join(tmpdir(), 'fluxor-test-'));
const reportFile = join(workFolder, 'vitest.json');
const counts = { passed: 0, failed: 0, skipped: 0 };

const binary = (packageName, name) => {
  const manifest = require.resolve(`${packageName}/package.json`);
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8'));
  return join(manifest, '..', typeof bin === 'string' ? bin : bin[name]);
};

const STEPS = [
  { name: 'build', args: ['scripts/build.mjs'] },
  { name: 'types', args: [require.resolve('typescript/bin/tsc'), '-p', 'tsconfig.json'] },
  { name: 'lint', args: [binary('eslint', 'eslint'), '.', '--max-warnings', '0'] },
  { name: 'format', args: [binary('prettier', 'prettier'), '--check', '.', '--log-level', 'warn'] },
];

/** The child runs in our process group, so Ctrl-C reaches it; here only its end matters. */
let stoppedBy;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => (stoppedBy = signal));

const run = (args) =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
    const forward = (signal) => child.kill(signal);
    process.on('SIGTERM', forward);
    child.on('exit', (code, signal) => {
      process.off('SIGTERM', forward);
      resolve(code ?? (signal === null ? 1 : 128));
    });
  });

for (const { name, args } of STEPS) {
  if (stoppedBy !== undefined) break;
  console.log(`\n▸ ${name}`);
  if ((await run(args)) === 0) counts.passed += 1;
  else {
    counts.failed += 1;
    console.log(`✗ ${name} failed`);
  }
}

if (stoppedBy === undefined) {
  console.log('\n▸ tests');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
  const code = await run([binary('vitest', 'vitest'), 'run', ...reporters, ...process.argv.slice(2)]);
  readReport(code);
}

rmSync(workFolder, { recursive: true, force: true });
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = stoppedBy !== undefined ? 130 : counts.failed > 0 || counts.passed <= STEPS.length ? 1 : 0;

/** A run that broke off without a report, or failed with no failing test (an unhandled error), is a failure of its own. */
function readReport(code) {
  let report;
  try {
    report = JSON.parse(readFileSync(reportFile, 'utf8'));
  } catch {
    counts.failed += 1;
    return;
  }
  counts.passed += report.numPassedTests;
  counts.failed += report.numFailedTests;
  counts.skipped += report.numPendingTests + report.numTodoTests;
  if (code !== 0 && report.numFailedTests === 0) counts.failed += 1;
}
