/**
 * `npm run test:nightly`: a minute without a database, under 64 callers who never stop asking. Two runtimes at once, each
 * with its own server address: one whose port is closed, one that accepts and resets. Prints what it counted, and ends
 * with 1 when a promise was broken: at most 30 attempts to connect in the minute (for the resetting one counted from
 * outside), every refusal typed, and without a wait while the breaker is open. FLUXOR_OUTAGE_SECONDS makes it shorter, to try it out.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { createRuntime, isFluxorError } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';
import type { TcpProxy, TcpProxyMode } from 'fluxor-db/testing';
import { startTcpProxy } from 'fluxor-db/testing';
import { PostgresServer } from '../servers/postgres-server.js';

const TASKS = 64;
const SECONDS = Number(process.env['FLUXOR_OUTAGE_SECONDS'] ?? 60);
const MOST_ATTEMPTS = 30;
/** Of the median; the event loop of this process is shared with the callers and the proxies. */
const REFUSAL_LIMIT_MS = 1;
/** The longest pause between attempts in an old outage, and a moment to connect. */
const RECOVERY_LIMIT_MS = 6_000;

interface Figures {
  readonly mode: TcpProxyMode;
  readonly attempts: number;
  readonly accepted: number;
  readonly calls: number;
  readonly untyped: number;
  readonly codes: Readonly<Record<string, number>>;
  /** Of the calls made while the breaker was open. */
  readonly refusals: {
    readonly count: number;
    readonly medianMs: number;
    readonly p99Ms: number;
    readonly maxMs: number;
  };
  readonly openAfterMs: number | undefined;
  readonly recoveryMs: number;
}

async function outage(proxy: TcpProxy, url: string, mode: TcpProxyMode): Promise<Figures> {
  const { host, port } = proxy;
  await using db = createRuntime({
    driver: postgres({ url, host, port }),
    pool: { maxSize: 16 },
    // What is measured is the pool behind the gate.
    gate: { circuitBreaker: false, rateLimit: false },
    query: { retry: false },
  });
  await db.connect();
  const codes: Record<string, number> = {};
  const refusedMs: number[] = [];
  let [calls, untyped, attempts] = [0, 0, 0];
  let openAfterMs: number | undefined;
  let answeredAt: number | undefined;
  let isOver = false;

  await proxy.setMode(mode);
  const [startedAt, acceptedBefore] = [performance.now(), proxy.accepted];
  using _failed = db.on('connection:create-failed', () => (attempts += 1));
  using _open = db.on('pool:unreachable', () => (openAfterMs ??= performance.now() - startedAt));
  proxy.resetAll();
  const ask = async (): Promise<void> => {
    while (!isOver) {
      const isOpen = db.stats().breaker === 'open' && db.stats().total === 0;
      const askedAt = performance.now();
      try {
        await db.queryValue('select 1', [], { timeout: '5s' });
        answeredAt ??= performance.now();
      } catch (error) {
        if (!isFluxorError(error)) untyped += 1;
        const code = isFluxorError(error) ? error.code : 'foreign';
        codes[code] = (codes[code] ?? 0) + 1;
        if (isOpen) refusedMs.push(performance.now() - askedAt);
      }
      calls += 1;
      await pause(10);
    }
  };
  const tasks = Array.from({ length: TASKS }, ask);
  await pause(1_000 * SECONDS);

  const counted = { attempts, accepted: proxy.accepted - acceptedBefore, calls, untyped, codes: { ...codes } };
  const refusals = summary(refusedMs);
  answeredAt = undefined;
  await proxy.setMode('pass');
  const backAt = performance.now();
  while (answeredAt === undefined && performance.now() - backAt < 3 * RECOVERY_LIMIT_MS) await pause(5);
  const recoveryMs = (answeredAt ?? Infinity) - backAt;
  isOver = true;
  await Promise.all(tasks);
  return { mode, ...counted, refusals, openAfterMs, recoveryMs };
}

function summary(values: number[]): Figures['refusals'] {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
  const round = (ms: number): number => Math.round(ms * 1_000) / 1_000;
  return { count: sorted.length, medianMs: round(at(0.5)), p99Ms: round(at(0.99)), maxMs: round(at(1)) };
}

function broken({ mode, attempts, accepted, untyped, refusals, recoveryMs, codes }: Figures): string[] {
  const promises: readonly [isKept: boolean, text: string][] = [
    [attempts > 0 && attempts <= MOST_ATTEMPTS, `${attempts} attempts to connect, counted by the runtime`],
    [accepted <= MOST_ATTEMPTS, `${accepted} attempts to connect, counted by the server's side`],
    [untyped === 0, `${untyped} errors of no known kind`],
    [
      Object.keys(codes).every((code) => code === 'CONNECTION' || code === 'TIMEOUT'),
      `codes ${Object.keys(codes).join()}`,
    ],
    [refusals.count > 0 && refusals.medianMs < REFUSAL_LIMIT_MS, `refusals took ${refusals.medianMs} ms`],
    [recoveryMs <= RECOVERY_LIMIT_MS, `recovered after ${Math.round(recoveryMs)} ms`],
  ];
  return promises.filter(([isKept]) => !isKept).map(([, text]) => `${mode}: ${text}`);
}

const server = await PostgresServer.start({ major: 18 });
const target = { host: server.host, port: server.port };
const modes: readonly TcpProxyMode[] = ['refuse', 'reset-on-connect'];
const proxies = await Promise.all(modes.map(() => startTcpProxy({ target })));
try {
  console.log(`An outage of ${SECONDS} s under ${TASKS} callers …`);
  const figures = await Promise.all(modes.map((mode, index) => outage(proxies[index] as TcpProxy, server.url, mode)));
  console.log(JSON.stringify(figures, undefined, 2));
  const complaints = figures.flatMap(broken);
  for (const complaint of complaints) console.error(`✗ ${complaint}`);
  if (complaints.length === 0) console.log('✓ every promise was kept');
  process.exitCode = complaints.length === 0 ? 0 : 1;
} finally {
  await Promise.all(proxies.map((proxy) => proxy.close()));
  await server.remove();
}
