/**
 * OpenTelemetry's SDK 3 with its instrumentations, and the Node of npm's package `node` that it needs, by the lock in sdk-3/:
 * installed once, into the cache of the servers' programs.
 * Invariants: a folder in the cache is complete; what can't be had comes back as a reason, never as an exception.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execute } from '../../package/packed-project.js';
import type { Unavailable } from '../../servers/debian-packages.js';
import { cacheFolder, moveUnlessThere } from '../../servers/debian-packages.js';

export interface InstalledSdk {
  /** A node_modules folder with the SDK and the client libraries. */
  readonly modules: string;
  /** The program. */
  readonly node: string;
}

const SOURCE = fileURLToPath(new URL('./sdk-3', import.meta.url));
const FILES = ['package.json', 'package-lock.json'] as const;
/** What the package `node` would have fetched by a script of its own; so it stands in the lock. */
const NODE = `node-${process.platform === 'darwin' && process.arch === 'arm64' ? 'bin-' : ''}${process.platform}-${process.arch}`;
/** No scripts are needed, and the Node that runs npm is older than the packages want. */
const CI = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];

const DOWNLOAD_LIMIT_MS = 10 * 60_000;

export async function installSdk3(): Promise<InstalledSdk | Unavailable> {
  const hash = createHash('sha256');
  for (const file of FILES) hash.update(readFileSync(join(SOURCE, file)));
  const place = join(
    cacheFolder(),
    `otel-sdk-3-${process.platform}-${process.arch}-${hash.digest('hex').slice(0, 12)}`,
  );
  if (!existsSync(place)) {
    const failure = await fill(place);
    if (failure !== undefined) return failure;
  }
  const modules = join(place, 'node_modules');
  const node = join(modules, NODE, 'bin', 'node');
  if (!existsSync(node)) return { unavailable: `npm has no package ${NODE} of the Node that it needs` };
  const { code, stderr } = await execute(node, ['--version'], place);
  return code === 0 ? { modules, node } : { unavailable: `its Node does not start: ${causeOf(stderr)}` };
}

async function fill(place: string): Promise<Unavailable | undefined> {
  const workshop = `${place}.${process.pid}.tmp`;
  rmSync(workshop, { recursive: true, force: true });
  mkdirSync(workshop, { recursive: true });
  try {
    for (const file of FILES) copyFileSync(join(SOURCE, file), join(workshop, file));
    const { code, stderr } = await execute('npm', CI, workshop, DOWNLOAD_LIMIT_MS);
    if (code !== 0) return { unavailable: `npm could not install it: ${causeOf(stderr)}` };
    moveUnlessThere(workshop, place);
    return undefined;
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
}

/** The cause, and not where npm keeps its log of it. */
function causeOf(stderr: string): string {
  const lines = stderr.trim().split('\n');
  const said = lines.filter((line) => line.startsWith('npm error') && !line.includes('complete log'));
  return (said.length > 0 ? said : lines)
    .slice(0, 3)
    .map((line) => line.replace(/^npm error /, ''))
    .join(' | ');
}
