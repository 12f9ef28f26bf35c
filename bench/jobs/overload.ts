/**
 * First what the pool can answer, by tasks that ask and wait; then three times as many calls for a while, which come whether
 * it keeps up or not. What counts is what a caller still waits for.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Numbers, Round } from '../harness/job.js';
import { Latencies } from '../harness/latencies.js';
import type { OverloadedCalls, OverloadPeer } from '../peers/overload/overload-peer.js';
import { CONNECTIONS } from '../peers/overload/overload-peer.js';
import { ITEMS } from '../peers/points/point-peer.js';
import { pointsUrl } from './points.js';

export interface OverloadInput {
  readonly [name: string]: number;
  readonly capacityMs: number;
  readonly offeredMs: number;
  readonly times: number;
  readonly deadlineMs: number;
}

/** Enough to have every connection at work at all times. */
const TASKS = 3 * CONNECTIONS;
const LEAD_IN_MS = 500;
/** The pause of the caller of callers; those that are due meanwhile are made at once. */
const TICK_MS = 1;

/** A pool of its own for each round: the backlog of the one before is nobody's to wait for. */
export async function prepare(peer: OverloadPeer, input: OverloadInput): Promise<Round> {
  return async () => {
    const calls = await peer.open(pointsUrl(), input.deadlineMs);
    await capacityOf(calls, LEAD_IN_MS);
    const capacity = await capacityOf(calls, input.capacityMs);
    const offered = capacity * input.times;
    const numbers = await overload(calls, offered, input);
    await calls.close();
    return { ...numbers, capacity, offered };
  };
}

/** Answers per second. A call that the pool gives up is none. */
async function capacityOf(calls: OverloadedCalls, ms: number): Promise<number> {
  const startedAt = performance.now();
  const endAt = startedAt + ms;
  let answered = 0;
  const work = async (task: number): Promise<void> => {
    for (let id = task + 1; performance.now() < endAt; id = 1 + (id % ITEMS)) {
      const answer = await calls.call(id).catch(() => undefined);
      if (answer === undefined) continue;
      check(id, answer);
      answered += 1;
    }
  };
  await Promise.all(Array.from({ length: TASKS }, (_, task) => work(task)));
  if (answered === 0) throw new Error('nothing was answered');
  return (answered / (performance.now() - startedAt)) * 1_000;
}

async function overload(calls: OverloadedCalls, offered: number, input: OverloadInput): Promise<Numbers> {
  const startedAt = performance.now();
  const endAt = startedAt + input.offeredMs;
  const inTime = new Latencies();
  let [made, late, refused] = [0, 0, 0];
  let wrong: string | undefined;

  /** A call counts from the moment at which it was due, however late this process was with it. */
  const make = (id: number, dueAt: number): void => {
    const answered = (answer: number | undefined): void => {
      const now = performance.now();
      if (answer !== id) wrong = `asked for ${id}, answered with ${String(answer)}`;
      if (now > endAt) return;
      if (now - dueAt <= input.deadlineMs) inTime.add(now - dueAt);
      else late += 1;
    };
    calls.call(id).then(answered, () => (refused += 1));
  };

  for (let now = startedAt; now < endAt; now = performance.now()) {
    const due = Math.floor(((now - startedAt) / 1_000) * offered);
    for (; made < due; made += 1) make(1 + (made % ITEMS), startedAt + (made / offered) * 1_000);
    await sleep(TICK_MS);
  }
  if (wrong !== undefined) throw new Error(wrong);
  const seconds = input.offeredMs / 1_000;
  const [p50 = 0, p99 = 0] = inTime.at([0.5, 0.99]);
  const goodput = inTime.count / seconds;
  return { goodput, late: late / seconds, refused: refused / seconds, made: made / seconds, p50, p99 };
}

function check(id: number, answer: number | undefined): void {
  if (answer !== id) throw new Error(`asked for ${id}, answered with ${String(answer)}`);
}
