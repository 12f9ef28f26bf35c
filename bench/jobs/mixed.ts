/** Point reads with reports of 50 ms among them, by a number of tasks: what the reads have to wait, and the reports. */
import type { Round } from '../harness/job.js';
import { Latencies } from '../harness/latencies.js';
import type { PointPeer } from '../peers/points/point-peer.js';
import { ITEMS, REPORT_MS } from '../peers/points/point-peer.js';
import { seededRandom } from '../../src/kernel/random.js';
import { checkItem, pointsUrl, proofOf } from './points.js';

export interface MixedInput {
  readonly [name: string]: number;
  readonly tasks: number;
  /** Reports among 1,000 calls. */
  readonly reports: number;
  readonly roundMs: number;
}

/** Not counted: what is slow has to be found out first. */
const LEAD_IN_MS = 500;

export async function prepare(peer: PointPeer, { tasks, reports, roundMs }: MixedInput): Promise<Round> {
  const calls = await peer.open(pointsUrl());
  if (calls.report === undefined) throw new Error(`${peer.name} makes no reports`);
  const proof = await proofOf(calls, tasks);
  const points = new Latencies();
  let longestReportMs = 0;

  const work = async (task: number, endAt: number): Promise<void> => {
    const random = seededRandom(task + 1);
    for (let now = performance.now(); now < endAt;) {
      const isReport = random() * 1_000 < reports;
      const id = 1 + Math.floor(random() * ITEMS);
      if (isReport) await calls.report?.();
      else checkItem(calls, id, await calls.point(id));
      const after = performance.now();
      if (isReport) longestReportMs = Math.max(longestReportMs, after - now);
      else points.add(after - now);
      made += 1;
      now = after;
    }
  };
  let made = 0;
  const runFor = async (ms: number): Promise<number> => {
    points.clear();
    longestReportMs = 0;
    made = 0;
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: tasks }, (_, task) => work(task, startedAt + ms)));
    return (performance.now() - startedAt) / 1_000;
  };
  return async () => {
    await runFor(LEAD_IN_MS);
    const seconds = await runFor(roundMs);
    const [p50 = 0, p99 = 0] = points.at([0.5, 0.99]);
    return { perSecond: made / seconds, p50, p99, reportWaitMs: Math.max(0, longestReportMs - REPORT_MS), proof };
  };
}
