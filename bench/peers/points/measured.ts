/** The rounds of point reads, summed up; whoever showed rows showed the same ones. */
import type { Summary } from '../../harness/statistics.js';
import { summarize } from '../../harness/statistics.js';
import type { Introduction, TeamPlan } from '../../harness/team.js';
import { measure } from '../../harness/team.js';
import { shortName } from './lineup.js';

export interface PointSummary {
  readonly perSecond: Summary;
  /** Of those that are libraries: what a query took of this process's processor, and of its caller's time. */
  readonly cpuUs?: Summary;
  readonly p50?: Summary;
  readonly p99?: Summary;
  /** In the mixed bench. */
  readonly reportWaitMs?: Summary;
}

export interface PointResult {
  readonly introductions: ReadonlyMap<string, Introduction>;
  readonly summaries: ReadonlyMap<string, PointSummary>;
}

/** @throws Error when the peers do not read the same rows. */
export async function measurePoints(plan: TeamPlan): Promise<PointResult> {
  const { introductions, rounds } = await measure(plan);
  const proofs = new Map<string, number>();
  const summaries = new Map<string, PointSummary>();
  for (const [peer, numbers] of rounds) {
    const proof = numbers[0]?.proof;
    if (proof !== undefined) proofs.set(peer, proof);
    const all = ['perSecond', 'cpuUs', 'p50', 'p99', 'reportWaitMs'].flatMap((name) => {
      const values = numbers.flatMap((round) => round[name] ?? []);
      return values.length === 0 ? [] : [[name, summarize(values)] as const];
    });
    summaries.set(peer, Object.fromEntries(all) as unknown as PointSummary);
  }
  if (new Set(proofs.values()).size > 1) {
    const told = [...proofs].map(([peer, proof]) => `${peer}: ${proof}`).join(', ');
    throw new Error(`the peers do not read the same rows: ${told}`);
  }
  return { introductions, summaries };
}

/** By the names that people read. */
export function shortNames(introductions: ReadonlyMap<string, Introduction>): ReadonlyMap<string, Introduction> {
  return new Map([...introductions].map(([peer, introduction]) => [shortName(peer), introduction]));
}
