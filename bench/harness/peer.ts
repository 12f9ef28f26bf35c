/** A pool as the benches see it: the same few acts for everybody, so that one loop can drive them all. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BENCH_FOLDER } from './folder.js';
import type { StubServer } from './stub-server.js';

/** An open pool. `L` is what it lends. */
export interface OpenPool<L = unknown> {
  acquire(): Promise<L>;
  release(lent: L): void;
  /** The stub connection behind what was lent. */
  connectionOf(lent: L): object;
  close(): Promise<void>;
}

export interface Peer {
  readonly name: string;
  readonly version: string;
  /** The settings that differ from the defaults. */
  readonly settings: string;
  /** Guards that ours has on and this one has not. Empty for ours. */
  readonly lacks: string;
  open(server: StubServer, size: number): OpenPool;
}

/** How long an acquire may wait, for everybody who can be told. */
export const ACQUIRE_TIMEOUT_MS = 10_000;

/** The version of an installed package; read from its folder, because not every package exports its manifest. */
export function versionOf(packageName: string): string {
  return versionIn(join(BENCH_FOLDER, 'node_modules', packageName));
}

/** Of the package around the benches. */
export const ownVersion = (): string => versionIn(join(BENCH_FOLDER, '..'));

function versionIn(folder: string): string {
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version;
}
