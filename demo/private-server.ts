/** What every private server of the demo is, whoever made it: private-database.ts or private-wire-server.ts. */
import type { DemoDatabase } from './database.js';

/** Long enough for reads to give up (1 s), short enough for transfers to sit it out (5 s). */
export const DOWN_MS = 1_000;

/** Made for this run, and removed with it. */
export interface PrivateServer extends Pick<DemoDatabase, 'title' | 'breakDown'> {
  readonly url: string;
  remove(): Promise<void>;
  removeSync(): void;
}
