/**
 * The accident in the middle of the run: breaks the database down while 32 workers use it, and measures how long the
 * runtime needs, from the moment the server takes connections again, to the first query that succeeds.
 * Called by main.ts in act 4. The workers go on all the while; nobody tells them or the runtime.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DemoDatabase } from './database.js';
import type { Statistics } from './statistics.js';

export interface OutageReport {
  /** From the break to the moment the server takes connections again. */
  readonly downMs: number;
  /** From there to the first success; `undefined` when there was none for RECOVERY_LIMIT_MS. */
  readonly recoveryMs: number | undefined;
}

/** The runtime tries at least every 5 s; after three times as long it will never recover. */
const RECOVERY_LIMIT_MS = 15_000;

export async function causeOutage(
  database: DemoDatabase,
  statistics: Statistics,
  say: (text: string) => void,
): Promise<OutageReport> {
  const brokenAt = performance.now();
  const recovery = statistics.beginOutage();
  await database.breakDown(say);
  const backAt = performance.now();
  say('the server takes connections again');
  const recoveredAt = await Promise.race([recovery, sleep(RECOVERY_LIMIT_MS)]);
  // The server may have answered a few milliseconds before it was seen to be ready.
  const recoveryMs = recoveredAt === undefined ? undefined : Math.max(0, recoveredAt - backAt);
  return { downMs: backAt - brokenAt, recoveryMs };
}
