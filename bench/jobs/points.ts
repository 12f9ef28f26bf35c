/** One row by its primary key after another, by a number of tasks at once; every answer must be the row asked for. */
import { createHash } from 'node:crypto';
import type { Numbers, Round } from '../harness/job.js';
import { Latencies } from '../harness/latencies.js';
import type { PointCalls, PointPeer, PointProgram } from '../peers/points/point-peer.js';
import { ITEMS } from '../peers/points/point-peer.js';
import { seededRandom } from '../../src/kernel/random.js';

export interface PointsInput {
  readonly [name: string]: number;
  readonly tasks: number;
  readonly roundMs: number;
}

/** Rows that are compared with those of the other peers, value by value. */
const PROVED_ROWS = 1_000;
/** Not counted: connections that were closed while others had their turn, and a young generation of the smallest size. */
const LEAD_IN_MS = 300;

export async function prepare(peer: PointPeer | PointProgram, { tasks, roundMs }: PointsInput): Promise<Round> {
  const url = pointsUrl();
  if ('drive' in peer) return async () => ({ perSecond: await peer.drive(url, tasks, roundMs) });
  const calls = await peer.open(url);
  const proof = await proofOf(calls, tasks);
  const latencies = new Latencies();
  return async () => {
    await askFor(calls, tasks, LEAD_IN_MS, latencies);
    return { ...(await askFor(calls, tasks, roundMs, latencies)), proof };
  };
}

export function pointsUrl(): string {
  const url = process.env.FLUXOR_BENCH_POINTS_URL;
  if (url === undefined) throw new Error('FLUXOR_BENCH_POINTS_URL is missing');
  return url;
}

async function askFor(calls: PointCalls, tasks: number, ms: number, latencies: Latencies): Promise<Numbers> {
  latencies.clear();
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const endAt = startedAt + ms;
  await Promise.all(Array.from({ length: tasks }, (_, task) => work(calls, task, endAt, latencies)));
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const [p50 = 0, p99 = 0] = latencies.at([0.5, 0.99]);
  return { perSecond: latencies.count / seconds, cpuUs: (user + system) / latencies.count, p50, p99 };
}

async function work(calls: PointCalls, task: number, endAt: number, latencies: Latencies): Promise<void> {
  const random = seededRandom(task + 1);
  for (let now = performance.now(); now < endAt;) {
    const id = 1 + Math.floor(random() * ITEMS);
    checkItem(calls, id, await calls.point(id));
    const after = performance.now();
    latencies.add(after - now);
    now = after;
  }
}

/** @throws Error when it is somebody else's row. */
export function checkItem(calls: PointCalls, id: number, answer: unknown): void {
  const item = calls.itemOf(answer);
  if (item?.id !== id) throw new Error(`asked for ${id}, answered with ${String(item?.id)}`);
}

/** A number that is the same where every value of every row is, its type, and the order of the columns. */
export async function proofOf(calls: PointCalls, tasks: number): Promise<number> {
  const hash = createHash('sha256');
  for (let first = 1; first <= PROVED_ROWS; first += tasks) {
    const ids = Array.from({ length: Math.min(tasks, PROVED_ROWS + 1 - first) }, (_, index) => first + index);
    const answers = await Promise.all(ids.map((id) => calls.point(id)));
    for (const answer of answers) {
      const item = calls.itemOf(answer);
      hash.update(JSON.stringify([Object.keys(item ?? {}), item?.id, item?.name, item?.stock]));
    }
  }
  return hash.digest().readUIntBE(0, 6);
}
